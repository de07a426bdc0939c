//! Frames to WebSocket clients: events that are pushed, and the answers to their own frames.

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::ErrorBody;
use super::message::{ConversationState, IdJson, MessageJson};
use super::to_json;
use crate::domain::{ConnectionId, Cursor, Event, Place, User};

#[derive(Serialize)]
struct EventJson {
    event: &'static str,
    #[serde(flatten)]
    place: PlaceJson,
    data: EventData,
}

#[derive(Serialize)]
struct PlaceJson {
    cursor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev: Option<String>,
}

impl From<Place> for PlaceJson {
    fn from(place: Place) -> Self {
        Self {
            cursor: place.cursor.to_string(),
            prev: place.prev.map(|cursor| cursor.to_string()),
        }
    }
}

#[derive(Serialize)]
struct EventData {
    state: ConversationState,
    entry: Entry,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Entry {
    Message(MessageJson<IdJson>),
    Deleted { id: String, seq: u64, deleted: bool },
}

/// The frame that tells `receiver` of an event.
pub fn event_frame(receiver: &User, event: &Event) -> String {
    let entry = match &event.message {
        Some(message) => Entry::Message(message.into()),
        None => Entry::Deleted {
            id: event.id.to_string(),
            seq: event.id.seq,
            deleted: true,
        },
    };
    to_json(&EventJson {
        event: event.kind.name(),
        place: event.place.into(),
        data: EventData {
            state: ConversationState::new(&event.conversation, receiver, event.revision),
            entry,
        },
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
    #[serde(flatten)]
    place: Option<PlaceJson>,
}

/// The answer to a frame that could be done, with the place that it has in the asking user's event log, if it has one: the connection that
/// asked is not pushed the event, and this is how it knows that it has it.
pub fn reply_result(id: Option<&RawValue>, result: &impl Serialize, place: Option<Place>) -> String {
    to_json(&Reply {
        id,
        result: Some(result),
        error: None,
        place: place.map(PlaceJson::from),
    })
}

/// The answer to a frame that could not be done.
pub fn reply_error(id: Option<&RawValue>, error: ErrorBody) -> String {
    to_json(&Reply::<()> {
        id,
        result: None,
        error: Some(error),
        place: None,
    })
}

/// What a client missed: the result of `hello` and of `sync`.
#[derive(Debug, Serialize)]
pub struct CatchUp {
    user: IdJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<String>,
    cursor: String,
    recovered: bool,
    events: Vec<Box<RawValue>>,
    more: bool,
}

impl CatchUp {
    /// A page of events for a client that is then at `cursor`. `recovered` is whether nothing is missing between the client's own cursor and
    /// the first of them; `more` is whether others follow.
    pub fn new(user: &User, cursor: Cursor, recovered: bool, events: Vec<String>, more: bool) -> Self {
        let raw = |frame| RawValue::from_string(frame).ok();
        Self {
            user: IdJson(user.id.clone()),
            connection_id: None,
            cursor: cursor.to_string(),
            recovered,
            events: events.into_iter().filter_map(raw).collect(),
            more,
        }
    }

    /// The same, for the client at the other end of this connection.
    #[must_use]
    pub fn over(mut self, connection: &ConnectionId) -> Self {
        self.connection_id = Some(connection.to_string());
        self
    }
}

/// The result of `ping`.
#[derive(Debug, Serialize)]
pub struct Pong {
    /// The server's time, in milliseconds since 1970.
    pub pong: u64,
}
