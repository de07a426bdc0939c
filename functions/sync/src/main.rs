//! `GET /api/sync`: the inbox entries that changed since a cursor.

use shared::app;
use shared::error::ApiError;
use shared::ports::{PageBounds, Store};
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::SyncAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let store = wiring.store().await?;
    rest::serve("sync", &identity, |request| handle(&store, request)).await
}

async fn handle(store: &dyn Store, request: RestRequest) -> Result<Answer, ApiError> {
    let (user, since) = (request.caller()?.principal.user, request.since()?);
    let changed = app::changed_entries(store, &user, since, PageBounds::BODY).await?;
    Ok(Answer::ok(&SyncAnswer::new(&user, &changed, PageBounds::BODY.bytes)))
}
