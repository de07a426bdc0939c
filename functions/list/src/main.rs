//! `GET /api/list`: the inbox, newest activity first.

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
    rest::serve("list", &identity, |request| {
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
    let owner = request.caller()?.principal;
    let directory = (!request.flag("no_format")?).then_some(directory);
    let window = request.inbox_window()?;
    let reading = app::inbox(store, directory, topics, &owner, &window);
    let (inbox, listing) = usage.read_own(&owner, reading).await?;
    Ok(Answer::ok(&wire::list(&owner.user, &window, &inbox, listing.as_ref())))
}
