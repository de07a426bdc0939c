//! `POST /api/{target}/{id}`: stores a message and tells everyone in the conversation.

use shared::app::Writer;
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{EntryAnswer, RequestBody};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let (queue, uploads) = (wiring.queue()?, wiring.uploads()?);
    let later = wiring.later(&store, queue.as_ref());
    let writer = wiring.sender(&store, &push, topics, &limits, later);
    let writer = writer.keeping_images(uploads.as_ref());
    rest::serve("send", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let retry_key = request.idempotency_key()?;
    let draft = RequestBody::parse(request.body()?)?.to_draft(retry_key)?;
    let outcome = writer.send(&caller, &target, &draft).await?;
    Ok(Answer::created(&EntryAnswer::new(&caller.principal.user, &outcome)))
}
