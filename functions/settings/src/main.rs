//! `PUT /api/{target}/{id}/settings`: mutes, hides or pins a conversation in the caller's inbox.

use shared::app::{self, Usage};
use shared::domain::{TopicRules, Use};
use shared::error::ApiError;
use shared::ports::{Push, Store};
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{RequestBody, SettingsAnswer};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    rest::serve("settings", &identity, |request| {
        handle(&store, &push, usage, topics, request)
    })
    .await
}

async fn handle(
    store: &dyn Store,
    push: &dyn Push,
    usage: Usage<'_>,
    topics: TopicRules,
    request: RestRequest,
) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let edit = RequestBody::parse(request.body()?)?.settings()?;
    let setting = app::set(store, push, topics, &caller, &target, edit);
    let (entry, _) = usage.write(&caller, Use::Edits, None, setting).await?;
    Ok(Answer::ok(&SettingsAnswer::new(&caller.principal.user, &entry)))
}
