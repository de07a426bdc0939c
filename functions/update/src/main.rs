//! `POST /api/{target}/{id}/{message_id}`: edits a message, or marks it seen.

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
    let store = wiring.changing_store().await?;
    let uploads = wiring.uploads()?;
    let writer = wiring
        .writer(&store, &push, topics, &limits)
        .keeping_images(uploads.as_ref());
    rest::serve("update", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let content = RequestBody::parse(request.body()?)?;
    let edit = content.to_edit()?;
    let retry_key = content.client_id()?.or(request.idempotency_key()?);
    let message_id = request.message_id();
    let updated = writer.update(&caller, &target, &message_id, &edit, retry_key.as_ref());
    Ok(Answer::ok(&EntryAnswer::new(&caller.principal.user, &updated.await?)))
}
