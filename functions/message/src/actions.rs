//! What a client can ask for over its connection.

use serde::Serialize;
use shared::adapters::jwt::Identity;
use shared::app::{self, Caller, Signaller, Writer};
use shared::domain::limits::BODY_BYTES;
use shared::domain::{Outcome, Place, Principal};
use shared::error::ApiError;
use shared::ports::{PageBounds, Watches};
use shared::runtime::socket::SocketEvent;
use shared::wire::{
    ChangesAnswer, ClientFrame, DeletedAnswer, EntryAnswer, Pong, PresenceAnswer, ReadAnswer, RequestBody, SyncAnswer,
    Taken,
};

/// The results, one shape for each action.
#[derive(Serialize)]
#[serde(untagged)]
pub(crate) enum ActionResult {
    Sync(SyncAnswer),
    Changes(ChangesAnswer),
    Entry(Box<EntryAnswer>),
    Deleted(DeletedAnswer),
    Read(ReadAnswer),
    Presence(PresenceAnswer),
    Taken(Taken),
    Pong(Pong),
}

/// A result, and the place of a change among all that the user was told.
type Done = (ActionResult, Option<Place>);

/// Does what the frame asks for. What needs no user is done without asking the store who owns the connection.
pub(crate) async fn run(
    identity: &Identity,
    writer: Writer<'_>,
    signaller: Signaller<'_>,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
) -> Result<Done, ApiError> {
    frame.id()?;
    let length = event.frame()?.len();
    if length > BODY_BYTES {
        return Err(ApiError::BodyTooLarge(length));
    }
    match frame.action().as_str() {
        "hello" => hello(identity, writer, signaller, event, frame).await,
        "sync" => sync(writer, event, frame).await,
        "changes" => changes(writer, event, frame).await,
        "send" => send(writer, event, frame).await,
        "update" => update(writer, event, frame).await,
        "delete" => delete(writer, event, frame).await,
        "read" => read(writer, event, frame).await,
        "react" => react(writer, event, frame).await,
        "typing" => typing(signaller, event, frame).await,
        "watch" => watch(signaller, event, frame).await,
        "ping" => Ok(told(ActionResult::Pong(Pong {
            pong: signaller.clock.now_ms(),
        }))),
        other => Err(ApiError::UnknownAction(other.chars().take(64).collect())),
    }
}

/// The result of what is no change.
fn told(result: ActionResult) -> Done {
    (result, None)
}

/// Who speaks over this connection.
async fn caller(writer: Writer<'_>, event: &SocketEvent) -> Result<Caller, ApiError> {
    app::speaker(writer.usage, writer.store, writer.push, &event.connection).await
}

/// Begins a connection, or goes on with one; a fresh token makes it good as long as that one.
async fn hello(
    identity: &Identity,
    writer: Writer<'_>,
    signaller: Signaller<'_>,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
) -> Result<Done, ApiError> {
    frame.since()?;
    let Some(token) = frame.token()? else {
        return sync(writer, event, frame).await;
    };
    let owner = app::owner(writer.usage, &event.connection).await?.user;
    let principal = identity.renewed(&token, &owner).await?;
    signaller
        .renew(&principal, &event.connection, event.connected_at_ms)
        .await?;
    changed(writer, event, frame, &principal).await
}

async fn sync(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    frame.since()?;
    let owner = caller(writer, event).await?.principal;
    changed(writer, event, frame, &owner).await
}

async fn changed(
    writer: Writer<'_>,
    event: &SocketEvent,
    frame: &ClientFrame<'_>,
    owner: &Principal,
) -> Result<Done, ApiError> {
    let since = frame.since()?;
    let changed = app::changed_entries(writer.store, writer.topics, owner, since, PageBounds::FRAME).await?;
    let answer = SyncAnswer::new(&owner.user, &changed, PageBounds::FRAME.bytes);
    Ok(told(ActionResult::Sync(answer.over(&event.connection))))
}

async fn changes(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, since) = (frame.target()?, frame.revision()?);
    let reader = caller(writer, event).await?.principal;
    let bounds = PageBounds::FRAME;
    let (conversation, changes) = app::changes(writer.store, writer.topics, &reader, &target, since, bounds).await?;
    let answer = ChangesAnswer::new(&reader.user, &conversation, &changes, bounds.bytes);
    Ok(told(ActionResult::Changes(answer)))
}

async fn send(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let target = frame.target()?;
    let draft = RequestBody::parse(event.frame()?)?.to_draft(None)?;
    let caller = caller(writer, event).await?;
    let outcome = writer.send(&caller, &target, &draft).await?;
    Ok(entry(&caller, &outcome))
}

async fn update(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let content = RequestBody::parse(event.frame()?)?;
    let (edit, retry_key) = (content.to_edit()?, content.client_id()?);
    let caller = caller(writer, event).await?;
    let updated = writer.update(&caller, &target, &message_id, &edit, retry_key.as_ref());
    Ok(entry(&caller, &updated.await?))
}

async fn react(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let (reaction, give) = frame.reaction()?;
    let caller = caller(writer, event).await?;
    let reacted = writer.react(&caller, &target, &message_id, &reaction, give);
    Ok(entry(&caller, &reacted.await?))
}

fn entry(caller: &Caller, outcome: &Outcome) -> Done {
    let answer = EntryAnswer::new(&caller.principal.user, outcome);
    (ActionResult::Entry(Box::new(answer)), outcome.place)
}

async fn delete(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, message_id) = (frame.target()?, frame.message_id()?);
    let caller = caller(writer, event).await?;
    let outcome = writer.delete(&caller, &target, &message_id).await?;
    let answer = DeletedAnswer::new(&caller.principal.user, &outcome);
    Ok((ActionResult::Deleted(answer), outcome.place))
}

async fn read(writer: Writer<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let target = frame.target()?;
    let up_to = RequestBody::parse(event.frame()?)?.up_to()?;
    let caller = caller(writer, event).await?;
    let outcome = writer.read(&caller, &target, up_to).await?;
    let answer = ReadAnswer::new(&caller.principal.user, &outcome);
    Ok((ActionResult::Read(answer), outcome.place))
}

async fn typing(signaller: Signaller<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let (target, starts) = (frame.target()?, frame.types()?);
    signaller.types(&event.connection, &target, starts).await?;
    Ok(told(ActionResult::Taken(Taken {})))
}

async fn watch(signaller: Signaller<'_>, event: &SocketEvent, frame: &ClientFrame<'_>) -> Result<Done, ApiError> {
    let watches = Watches {
        users: frame.users()?,
        conversation: frame.conversation()?,
    };
    let seen = signaller.watch(&event.connection, watches).await?;
    Ok(told(ActionResult::Presence(PresenceAnswer::new(&seen))))
}
