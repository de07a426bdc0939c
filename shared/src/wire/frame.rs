//! Frames to WebSocket clients: events that are pushed, and the answers to their own frames.

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::ErrorBody;
use super::message::{ConversationState, IdJson, MessageJson};
use super::to_json;
use crate::domain::{ConnectionId, Conversation, Cursor, User};
use crate::ports::Change;

#[derive(Serialize)]
struct Pushed<T> {
    event: &'static str,
    cursor: String,
    data: T,
}

#[derive(Serialize)]
struct MessageEvent {
    state: ConversationState,
    entry: Entry,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Message(MessageJson<IdJson>),
    Deleted { id: String, seq: u64, deleted: bool },
}

/// The frame that tells `receiver` of a change, with the place of the event in the receiver's log.
pub fn pushed_frame(conversation: &Conversation, receiver: &User, change: &Change, cursor: Cursor) -> String {
    let entry = match &change.message {
        Some(message) => Entry::Message(message.into()),
        None => Entry::Deleted {
            id: change.id.to_string(),
            seq: change.id.seq,
            deleted: true,
        },
    };
    let state = ConversationState::new(conversation, receiver);
    to_json(&Pushed {
        event: change.kind.name(),
        cursor: cursor.to_string(),
        data: MessageEvent { state, entry },
    })
}

#[derive(Serialize)]
struct Reply<'a, T> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorBody>,
}

/// The answer to a frame that could be done.
pub fn reply_result(id: Option<&RawValue>, result: &impl Serialize) -> String {
    to_json(&Reply {
        id,
        result: Some(result),
        error: None,
    })
}

/// The answer to a frame that could not be done.
pub fn reply_error(id: Option<&RawValue>, error: ErrorBody) -> String {
    to_json(&Reply::<()> {
        id,
        result: None,
        error: Some(error),
    })
}

/// The result of `hello`: who the client is, and from where on it will be told of events.
#[derive(Debug, Serialize)]
pub struct Hello {
    user: IdJson,
    connection_id: String,
    cursor: String,
    recovered: bool,
    events: [(); 0],
    more: bool,
}

impl Hello {
    /// Greets a client that begins at the end of its event log. Nothing is resumed, so nothing was recovered.
    pub fn fresh(user: &User, connection: &ConnectionId, cursor: Cursor) -> Self {
        Self {
            user: IdJson(user.id.clone()),
            connection_id: connection.to_string(),
            cursor: cursor.to_string(),
            recovered: false,
            events: [],
            more: false,
        }
    }
}

/// The result of `ping`.
#[derive(Debug, Serialize)]
pub struct Pong {
    /// The server's time, in milliseconds since 1970.
    pub pong: u64,
}
