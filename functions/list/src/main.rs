//! `GET /api/list`: the inbox, newest activity first.

use shared::app;
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
    let directory = wiring.directory()?;
    let store = wiring.store().await?;
    rest::serve("list", &identity, |request| handle(&store, &directory, topics, request)).await
}

async fn handle(
    store: &dyn Store,
    directory: &dyn Directory,
    topics: TopicRules,
    request: RestRequest,
) -> Result<Answer, ApiError> {
    let owner = request.caller()?.principal;
    let directory = (!request.flag("no_format")?).then_some(directory);
    let window = request.inbox_window()?;
    let (inbox, listing) = app::inbox(store, directory, topics, &owner, &window).await?;
    Ok(Answer::ok(&wire::list(&owner.user, &window, &inbox, listing.as_ref())))
}
