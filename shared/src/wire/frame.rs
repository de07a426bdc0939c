//! Frames to WebSocket clients: events that are pushed, and the answers to their own frames.

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::ErrorBody;
use super::message::{ConversationState, IdJson, MessageJson};
use super::to_json;
use crate::domain::{Change, ChangeKind, Conversation, Id, Place, Reads, User};

#[derive(Serialize)]
struct EventJson {
    event: &'static str,
    #[serde(flatten)]
    place: Option<PlaceJson>,
    data: EventData,
}

#[derive(Serialize)]
struct PlaceJson {
    cursor: String,
    prev: String,
}

impl From<Place> for PlaceJson {
    fn from(place: Place) -> Self {
        Self {
            cursor: place.cursor.to_string(),
            prev: place.prev.to_string(),
        }
    }
}

#[derive(Serialize)]
struct EventData {
    state: ConversationState,
    #[serde(flatten)]
    news: News,
}

#[derive(Serialize)]
#[serde(untagged)]
enum News {
    Message { entry: MessageJson<IdJson> },
    Deleted { entry: DeletedEntry },
    Read { user: IdJson, read: ReadJson },
}

#[derive(Serialize)]
struct DeletedEntry {
    id: String,
    seq: u64,
    deleted: bool,
}

#[derive(Serialize)]
struct ReadJson {
    up_to: String,
    seq: u64,
}

/// The frame that tells `receiver` of a change that `by` made. `place` is where the change stands among all that the receiver was told. `None` for a
/// message of a newer release, of which this one can show nothing: the receiver sees the gap, and asks.
pub fn event_frame(
    receiver: &User,
    by: &Id,
    conversation: &Conversation,
    change: &Change,
    reads: &Reads,
    place: Option<Place>,
) -> Option<String> {
    let (id, seq) = (change.id.to_string(), change.id.seq);
    let news = match (change.kind, &change.message) {
        (ChangeKind::Read, _) => News::Read {
            user: IdJson(by.clone()),
            read: ReadJson { up_to: id, seq },
        },
        (_, Some(message)) => News::Message {
            entry: MessageJson::new(message, reads),
        },
        (ChangeKind::Deleted, None) => News::Deleted {
            entry: DeletedEntry { id, seq, deleted: true },
        },
        (ChangeKind::Sent | ChangeKind::Edited, None) => return None,
    };
    Some(to_json(&EventJson {
        event: match change.kind {
            ChangeKind::Sent => "message.new",
            ChangeKind::Edited => "message.updated",
            ChangeKind::Deleted => "message.deleted",
            ChangeKind::Read => "message.read",
        },
        place: place.map(PlaceJson::from),
        data: EventData {
            state: ConversationState::new(conversation, receiver, change.rev, change.prev_rev),
            news,
        },
    }))
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

/// The answer to a frame that could be done, with the place that a change has among all that the asking user was told: the
/// connection that asked is not pushed the event, and this is how it knows that it has it.
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

/// The result of `ping`.
#[derive(Debug, Serialize)]
pub struct Pong {
    /// The server's time, in milliseconds since 1970.
    pub pong: u64,
}
