//! What a client can ask for over its connection.

use serde::Serialize;
use shared::app::{self, Caller, Done, Draft, Writer};
use shared::domain::limits::BODY_BYTES;
use shared::error::ApiError;
use shared::ports::Clock;
use shared::runtime::socket::SocketEvent;
use shared::wire::{CatchUp, ClientFrame, ContentBody, DeletedAnswer, EntryAnswer, Pong};

/// The results, one shape for each action.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ActionResult {
    CatchUp(CatchUp),
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
) -> Result<Done<ActionResult>, ApiError> {
    frame.id()?;
    let length = event.frame()?.len();
    if length > BODY_BYTES {
        return Err(ApiError::BodyTooLarge(length));
    }
    match frame.action().as_str() {
        "hello" | "sync" => Ok(unlogged(ActionResult::CatchUp(catch_up(writer, event, frame).await?))),
        "send" => Ok(send(writer, event, frame).await?.map(ActionResult::Entry)),
        "update" => Ok(update(writer, event, frame).await?.map(ActionResult::Entry)),
        "delete" => Ok(delete(writer, event, frame).await?.map(ActionResult::Deleted)),
        "ping" => Ok(unlogged(ActionResult::Pong(Pong { pong: clock.now_ms() }))),
        other => Err(ApiError::UnknownAction(other.chars().take(64).collect())),
    }
}

/// What changes nothing stands in no event log.
fn unlogged(answer: ActionResult) -> Done<ActionResult> {
    Done { answer, place: None }
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

async fn catch_up(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<CatchUp, ApiError> {
    let since = frame.since()?;
    let user = caller(writer, event).await?.user;
    Ok(app::catch_up(writer.store, &user, since).await?.over(&event.connection))
}

async fn send(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done<EntryAnswer>, ApiError> {
    let target = frame.target()?;
    let content = ContentBody::parse(event.frame()?)?;
    let (body, metadata) = content.to_send()?;
    let draft = Draft {
        body,
        metadata,
        retry_key: content.client_id()?,
    };
    writer.send(&caller(writer, event).await?, &target, &draft).await
}

async fn update(
    writer: Writer<'_>,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
) -> Result<Done<EntryAnswer>, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let edit = ContentBody::parse(event.frame()?)?.to_edit()?;
    writer
        .update(&caller(writer, event).await?, &target, &message_id, &edit)
        .await
}

async fn delete(
    writer: Writer<'_>,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
) -> Result<Done<DeletedAnswer>, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    writer.delete(&caller(writer, event).await?, &target, &message_id).await
}
