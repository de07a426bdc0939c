//! `POST /api/{target}/{id}/{message_id}/report`: reports a message to the platform's moderators.

use shared::app;
use shared::domain::TopicRules;
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
    let store = wiring.store().await?;
    rest::serve("report", &identity, |request| handle(&store, topics, request)).await
}

async fn handle(moderation: &dyn Moderation, topics: TopicRules, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target, message_id) = (request.caller()?, request.target()?, request.message_id());
    let reason = RequestBody::parse(request.body()?)?.reason()?;
    let reported = app::report(moderation, topics, &caller, &target, &message_id, &reason);
    Ok(Answer::created(&ReportAnswer::new(reported.await?)))
}
