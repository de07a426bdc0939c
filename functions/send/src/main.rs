//! `POST /api/{target}/{id}`: stores a message and tells everyone in the conversation.

use shared::app::{Draft, Writer};
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{ContentBody, EntryAnswer};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let writer = wiring.writer(&store, &push);
    rest::serve("send", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let content = ContentBody::parse(request.body()?)?;
    let (body, metadata) = content.to_send()?;
    let draft = Draft {
        body,
        metadata,
        retry_key: content.client_id()?.or(request.idempotency_key()?),
    };
    let outcome = writer.send(&caller, &target, &draft).await?;
    Ok(Answer::created(&EntryAnswer::new(&caller.user, &outcome)))
}
