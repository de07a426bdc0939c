//! `GET /api/{target}/{id}`: a page of a conversation, or what stands around a message.

use shared::app::{self, Usage};
use shared::domain::TopicRules;
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
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let directory = wiring.directory()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    rest::serve("history", &identity, |request| {
        handle(&store, &directory, usage, topics, request)
    })
    .await
}

async fn handle(
    store: &dyn Store,
    directory: &dyn Directory,
    usage: Usage<'_>,
    topics: TopicRules,
    request: RestRequest,
) -> Result<Answer, ApiError> {
    let reader = request.caller()?.principal;
    let (target, window) = (request.target()?, request.window()?);
    let reading = app::history(store, directory, topics, &reader, &target, &window);
    let (conversation, history, listing) = usage.read(&reader, reading).await?;
    let answer = wire::history(&conversation, &reader.user, &target, &window, &history, &listing);
    Ok(Answer::ok(&answer))
}
