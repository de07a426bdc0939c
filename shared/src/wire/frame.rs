//! Frames to WebSocket clients: events that are pushed, and the answers to their own frames.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::RawValue;

use super::answer::{ErrorBody, PresenceJson, ReadJson};
use super::inbox::EntryJson;
use super::message::{ConversationState, IdJson, MessageJson, Reader};
use super::to_json;
use crate::domain::{Change, ChangeKind, Conversation, Id, Member, Place, Reads, User};
use crate::ports::{InboxEntry, Presence};

/// An event as one receiver is told it; the same data serve receivers at many places.
#[derive(Clone, Debug)]
pub struct Event {
    name: &'static str,
    data: Arc<RawValue>,
}

#[derive(Serialize)]
struct EventJson<'a> {
    event: &'static str,
    #[serde(flatten)]
    place: Option<PlaceJson>,
    data: &'a RawValue,
}

impl Event {
    fn new(name: &'static str, data: &impl Serialize) -> Option<Self> {
        let data = RawValue::from_string(to_json(data)).ok()?.into();
        Some(Self { name, data })
    }

    /// The frame. `place` is where the event stands among all that the receiver was told; a fleeting one stands nowhere.
    pub fn frame(&self, place: Option<Place>) -> String {
        to_json(&EventJson {
            event: self.name,
            place: place.map(PlaceJson::from),
            data: &self.data,
        })
    }
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
    Message { entry: Box<MessageJson<IdJson>> },
    Deleted { entry: DeletedEntry },
    Read { user: IdJson, read: ReadJson },
    Member { user: IdJson, role: &'static str },
    Settings { entry: Box<EntryJson> },
    Typing { user: IdJson },
}

#[derive(Serialize)]
struct DeletedEntry {
    id: String,
    seq: u64,
    deleted: bool,
}

/// The event that tells `receiver` of a change. `None` for a message of a newer release, of which this one can show nothing: the receiver sees the gap,
/// and asks.
pub fn change_event(receiver: &Member, conversation: &Conversation, change: &Change, reads: &Reads) -> Option<Event> {
    let reader = Reader {
        id: &receiver.id,
        reads,
        reacted: Some(receiver.reacted),
    };
    let news = match (change.kind, &change.message, &change.member) {
        (ChangeKind::Read, _, Some(member)) => News::Read {
            user: IdJson(member.id.clone()),
            read: ReadJson::new(change, member, (receiver.id == member.id).then_some(receiver)),
        },
        (ChangeKind::Joined | ChangeKind::Left, _, Some(member)) => News::Member {
            user: IdJson(member.id.clone()),
            role: member.role.name(),
        },
        (ChangeKind::Deleted, None, _) => News::Deleted {
            entry: DeletedEntry {
                id: change.id.to_string(),
                seq: change.id.seq,
                deleted: true,
            },
        },
        (_, Some(message), _) => News::Message {
            entry: Box::new(MessageJson::new(message, reader)),
        },
        (_, None, _) => return None,
    };
    let name = match change.kind {
        ChangeKind::Sent => "message.new",
        ChangeKind::Edited | ChangeKind::Reacted => "message.updated",
        ChangeKind::Deleted => "message.deleted",
        ChangeKind::Read => "message.read",
        ChangeKind::Joined => "member.joined",
        ChangeKind::Left => "member.left",
    };
    let state = ConversationState::after(conversation, &receiver.id, change);
    Event::new(name, &EventData { state, news })
}

/// The event that tells a user's other connections how a conversation stands in the inbox.
pub fn settings_event(user: &User, entry: &InboxEntry) -> Option<Event> {
    let conversation = Conversation::of(user, &entry.target);
    let data = EventData {
        state: ConversationState::new(&conversation, &user.id),
        news: News::Settings {
            entry: Box::new(EntryJson::new(entry, &user.id)),
        },
    };
    Event::new("conversation.settings", &data)
}

/// The fleeting event that tells `receiver` that someone types, or stopped.
pub fn typing_event(receiver: &Id, conversation: &Conversation, by: &Id, types: bool) -> Option<Event> {
    let data = EventData {
        state: ConversationState::new(conversation, receiver),
        news: News::Typing {
            user: IdJson(by.clone()),
        },
    };
    Event::new(if types { "typing.start" } else { "typing.stop" }, &data)
}

/// The fleeting event that tells of a user's presence.
pub fn presence_event(of: &Id, presence: Presence) -> Option<Event> {
    Event::new("presence", &PresenceJson::new(of, presence))
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

/// The result of `typing`, which says no more than that it was taken.
#[derive(Debug, Serialize)]
pub struct Taken {}

/// The result of `ping`.
#[derive(Debug, Serialize)]
pub struct Pong {
    /// The server's time, in milliseconds since 1970.
    pub pong: u64,
}
