//! `/platform/…`: the routes of the platform's own server, which has a key. It writes as a user or as the platform, moderates, bans, revokes, exports and
//! erases.

mod routes;

use shared::domain::Limits;
use shared::runtime::{StartError, platform};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let keys = wiring.platform_keys()?;
    let topics = wiring.topics()?;
    let push = wiring.push()?;
    let store = wiring.changing_store().await?;
    let (queue, uploads) = (wiring.queue()?, wiring.uploads()?);
    let later = wiring.later(&store, queue.as_ref());
    let writer = wiring.sender(&store, &push, topics, &Limits::OFF, later);
    let writer = writer.keeping_images(uploads.as_ref());
    let server = wiring.platform(writer, &store, keys.sites());
    let eraser = wiring.eraser(server, &store);
    platform::serve("platform", &keys, |request| routes::handle(eraser, request)).await
}
