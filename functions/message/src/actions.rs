//! What a client can ask for over its connection.

use serde::Serialize;
use shared::app::{Caller, Writer};
use shared::domain::limits::BODY_BYTES;
use shared::error::ApiError;
use shared::ports::Clock;
use shared::runtime::socket::SocketEvent;
use shared::wire::{ClientFrame, ContentBody, DeletedAnswer, EntryAnswer, Hello, Pong};

/// The results, one shape for each action.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ActionResult {
    Hello(Hello),
    Entry(EntryAnswer),
    Deleted(DeletedAnswer),
    Pong(Pong),
}

/// Does what the frame asks for. What needs no user is done without asking the store whose connection it is.
pub(crate) async fn run(
    writer: Writer<'_>,
    clock: &dyn Clock,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
) -> Result<ActionResult, ApiError> {
    frame.id()?;
    let length = event.frame().len();
    if length > BODY_BYTES {
        return Err(ApiError::BodyTooLarge(length));
    }
    match frame.action().as_str() {
        "hello" => hello(writer, event).await.map(ActionResult::Hello),
        "send" => send(writer, event, frame).await.map(ActionResult::Entry),
        "update" => update(writer, event, frame).await.map(ActionResult::Entry),
        "delete" => delete(writer, event, frame).await.map(ActionResult::Deleted),
        "ping" => Ok(ActionResult::Pong(Pong { pong: clock.now_ms() })),
        other => Err(ApiError::UnknownAction(other.chars().take(64).collect())),
    }
}

/// Who speaks over this connection.
async fn caller(writer: Writer<'_>, event: &SocketEvent) -> Result<Caller, ApiError> {
    let user = writer
        .store
        .connection(&event.connection)
        .await?
        .ok_or(ApiError::ConnectionUnknown)?;
    Ok(Caller {
        user,
        connection: Some(event.connection.clone()),
    })
}

async fn hello(writer: Writer<'_>, event: &SocketEvent) -> Result<Hello, ApiError> {
    let user = caller(writer, event).await?.user;
    let cursor = writer.store.log_end(&user).await?;
    Ok(Hello::fresh(&user, &event.connection, cursor))
}

async fn send(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<EntryAnswer, ApiError> {
    let target = frame.target()?;
    let (body, metadata) = ContentBody::parse(event.frame())?.to_send()?;
    writer
        .send(&caller(writer, event).await?, &target, &body, metadata.as_ref())
        .await
}

async fn update(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<EntryAnswer, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let edit = ContentBody::parse(event.frame())?.to_edit()?;
    writer
        .update(&caller(writer, event).await?, &target, &message_id, &edit)
        .await
}

async fn delete(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<DeletedAnswer, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    writer.delete(&caller(writer, event).await?, &target, &message_id).await
}
