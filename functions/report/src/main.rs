//! `POST /api/{target}/{id}/{message_id}/report`: reports a message to the platform's moderators.

use shared::app::{self, Later, Usage};
use shared::domain::{TopicRules, Use};
use shared::error::ApiError;
use shared::ports::Moderation;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{ReportAnswer, RequestBody};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    let queue = wiring.queue()?;
    let later = wiring.later(&store, queue.as_ref());
    rest::serve("report", &identity, |request| {
        handle(&store, usage, topics, later, request)
    })
    .await
}

async fn handle(
    moderation: &dyn Moderation,
    usage: Usage<'_>,
    topics: TopicRules,
    later: Option<Later<'_>>,
    request: RestRequest,
) -> Result<Answer, ApiError> {
    let (caller, target, message_id) = (request.caller()?, request.target()?, request.message_id());
    let reason = RequestBody::parse(request.body()?)?.reason()?;
    let reporting = app::report(moderation, topics, later, &caller, &target, &message_id, &reason);
    let filed = usage.write(&caller, Use::Reports, None, reporting).await?;
    Ok(Answer::created(&ReportAnswer::new(filed)))
}
