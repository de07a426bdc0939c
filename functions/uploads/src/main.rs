//! `POST /api/uploads`: prepares the upload of an image. `GET /api/uploads/{upload}`: shows an image to those who may read a message that names it.

mod routes;

use routes::Routes;
use shared::runtime::{StartError, rest};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let uploads = wiring.uploads()?;
    let store = wiring.store().await?;
    let routes = Routes {
        identity: &identity,
        uploads: uploads.as_ref(),
        store: &store,
        usage: wiring.usage(&store, &limits),
        topics,
    };
    rest::serve("uploads", &identity, |request| routes.handle(request)).await
}
