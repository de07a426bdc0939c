//! `GET /api/{target}/{id}/changes`: what changed in a conversation since a revision.

use shared::app::{self, Usage};
use shared::domain::TopicRules;
use shared::error::ApiError;
use shared::ports::{PageBounds, Store};
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::ChangesAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    rest::serve("changes", &identity, |request| handle(&store, usage, topics, request)).await
}

async fn handle(
    store: &dyn Store,
    usage: Usage<'_>,
    topics: TopicRules,
    request: RestRequest,
) -> Result<Answer, ApiError> {
    let reader = request.caller()?.principal;
    let (target, since) = (request.target()?, request.revision()?);
    let reading = app::changes(store, topics, &reader, &target, since, PageBounds::BODY);
    let (conversation, changes) = usage.read(&reader, reading).await?;
    let answer = ChangesAnswer::new(&reader.user, &conversation, &changes, PageBounds::BODY.bytes);
    Ok(Answer::ok(&answer))
}
