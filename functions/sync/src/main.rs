//! `GET /api/sync`: the inbox entries that changed since a cursor.

use shared::app::{self, Usage};
use shared::domain::TopicRules;
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
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    rest::serve("sync", &identity, |request| handle(&store, usage, topics, request)).await
}

async fn handle(
    store: &dyn Store,
    usage: Usage<'_>,
    topics: TopicRules,
    request: RestRequest,
) -> Result<Answer, ApiError> {
    let (owner, since) = (request.caller()?.principal, request.since()?);
    let reading = app::changed_entries(store, topics, &owner, since, PageBounds::BODY);
    let changed = usage.read_own(&owner, reading).await?;
    Ok(Answer::ok(&SyncAnswer::new(
        &owner.user,
        &changed,
        PageBounds::BODY.bytes,
    )))
}
