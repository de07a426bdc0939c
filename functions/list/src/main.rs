//! `GET /api/list`: the inbox, newest activity first.

use shared::app;
use shared::error::ApiError;
use shared::ports::{Directory, Store};
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let directory = wiring.directory()?;
    let store = wiring.store().await?;
    rest::serve("list", &identity, |request| handle(&store, &directory, request)).await
}

async fn handle(store: &dyn Store, directory: &dyn Directory, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.principal.user;
    let directory = (!request.flag("no_format")?).then_some(directory);
    let window = request.inbox_window()?;
    let (inbox, listing) = app::inbox(store, directory, &user, &window).await?;
    Ok(Answer::ok(&wire::list(&user, &window, &inbox, listing.as_ref())))
}
