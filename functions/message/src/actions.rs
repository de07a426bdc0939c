//! What a client can ask for over its connection.

use serde::Serialize;
use shared::app::{self, Caller, Draft, Writer};
use shared::domain::limits::BODY_BYTES;
use shared::domain::{Outcome, Place};
use shared::error::ApiError;
use shared::ports::{Clock, PageBounds};
use shared::runtime::socket::SocketEvent;
use shared::wire::{ChangesAnswer, ClientFrame, ContentBody, DeletedAnswer, EntryAnswer, Pong, SyncAnswer};

/// The results, one shape for each action.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ActionResult {
    Sync(SyncAnswer),
    Changes(ChangesAnswer),
    Entry(EntryAnswer),
    Deleted(DeletedAnswer),
    Pong(Pong),
}

/// A result, and the place of a change among all that the user was told.
type Done = (ActionResult, Option<Place>);

/// Does what the frame asks for. What needs no user is done without asking the store who owns the connection.
pub(crate) async fn run(
    writer: Writer<'_>,
    clock: &dyn Clock,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
) -> Result<Done, ApiError> {
    frame.id()?;
    let length = event.frame()?.len();
    if length > BODY_BYTES {
        return Err(ApiError::BodyTooLarge(length));
    }
    match frame.action().as_str() {
        "hello" | "sync" => sync(writer, event, frame).await,
        "changes" => changes(writer, event, frame).await,
        "send" => send(writer, event, frame).await,
        "update" => update(writer, event, frame).await,
        "delete" => delete(writer, event, frame).await,
        "ping" => Ok((ActionResult::Pong(Pong { pong: clock.now_ms() }), None)),
        other => Err(ApiError::UnknownAction(other.chars().take(64).collect())),
    }
}

/// Who speaks over this connection.
async fn caller(writer: Writer<'_>, event: &SocketEvent) -> Result<Caller, ApiError> {
    let user = writer.store.connection(&event.connection).await?;
    Ok(Caller {
        user: user.ok_or(ApiError::ConnectionUnknown)?,
        connection: Some(event.connection.clone()),
    })
}

async fn sync(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let since = frame.since()?;
    let user = caller(writer, event).await?.user;
    let changed = app::changed_entries(writer.store, &user, since, PageBounds::FRAME).await?;
    let answer = SyncAnswer::new(&user, &changed, PageBounds::FRAME.bytes);
    Ok((ActionResult::Sync(answer.over(&event.connection)), None))
}

async fn changes(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, since) = (frame.target()?, frame.revision()?);
    let user = caller(writer, event).await?.user;
    let (conversation, changes) = app::changes(writer.store, &user, &target, since, PageBounds::FRAME).await?;
    let answer = ChangesAnswer::new(&user, &conversation, &changes, PageBounds::FRAME.bytes);
    Ok((ActionResult::Changes(answer), None))
}

async fn send(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let target = frame.target()?;
    let content = ContentBody::parse(event.frame()?)?;
    let (body, metadata) = content.to_send()?;
    let draft = Draft {
        body,
        metadata,
        retry_key: content.client_id()?,
    };
    let caller = caller(writer, event).await?;
    let outcome = writer.send(&caller, &target, &draft).await?;
    Ok(entry(&caller, &outcome))
}

async fn update(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let content = ContentBody::parse(event.frame()?)?;
    let (edit, retry_key) = (content.to_edit()?, content.client_id()?);
    let caller = caller(writer, event).await?;
    let updated = writer.update(&caller, &target, &message_id, &edit, retry_key.as_ref());
    Ok(entry(&caller, &updated.await?))
}

fn entry(caller: &Caller, outcome: &Outcome) -> Done {
    let answer = EntryAnswer::new(&caller.user, outcome);
    (ActionResult::Entry(answer), outcome.place)
}

async fn delete(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let caller = caller(writer, event).await?;
    let outcome = writer.delete(&caller, &target, &message_id).await?;
    let answer = DeletedAnswer::new(&caller.user, &outcome);
    Ok((ActionResult::Deleted(answer), outcome.place))
}
