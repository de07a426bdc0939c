//! Where messages, inboxes, event logs and connections live.

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::{
    Body, ConnectionId, Conversation, Cursor, Edit, EventKind, Id, Message, MessageId, Metadata, Page, Target, User,
    Window,
};

/// What a write to a conversation did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: EventKind,
    /// Which message was changed.
    pub id: MessageId,
    /// The message after it, unless it was deleted.
    pub message: Option<Message>,
    /// Counts the changes of the conversation.
    pub revision: u64,
    /// The newest live message after the change.
    pub latest: Option<Latest>,
    /// The position of the newest message, live or deleted.
    pub last_seq: u64,
    /// When the newest message was stored, in milliseconds since 1970.
    pub activity_ms: u64,
    /// The position of each author's newest message: who writes has read what was there.
    pub sent: Vec<(Id, u64)>,
}

impl Change {
    /// The position of this author's newest message; 0 if there is none.
    pub fn sent_by(&self, author: &Id) -> u64 {
        self.sent.iter().find(|(id, _)| id == author).map_or(0, |(_, seq)| *seq)
    }
}

/// The newest live message of a conversation, on its way from one step of a write to the next as the store packs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Latest {
    /// Its position.
    pub seq: u64,
    /// The packed message.
    pub record: Vec<u8>,
}

/// Why the store did not change a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// There is no such message, or it was deleted.
    NotFound,
    /// The user may not do that to this message.
    Forbidden,
    /// The new content is of another kind than the message.
    WrongKind,
}

/// What one participant has to know of a change.
#[derive(Clone, Copy, Debug)]
pub struct Notice<'a> {
    /// The change.
    pub change: &'a Change,
    /// The conversation.
    pub conversation: &'a Conversation,
    /// Up to where the participant has read by this change; 0 if it tells nothing.
    pub read_seq: u64,
    /// Whether a message that someone else wrote was deleted: then it no longer counts as unread.
    pub takes_unread: bool,
}

/// What the store answers when a participant's inbox and event log are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The event's place in the participant's log.
    pub cursor: Cursor,
    /// The participant's live connections.
    pub connections: Vec<Live>,
    /// Messages of this conversation that the participant has not read.
    pub unread: u64,
}

/// A connection that was not closed and has not expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The connection.
    pub id: ConnectionId,
    /// Whether its handshake may still be under way. API Gateway then says that it is gone, and means: not yet there.
    pub opening: bool,
}

/// A part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// Live messages in the whole conversation.
    pub total: u64,
    /// The asked part, oldest first.
    pub messages: Vec<Message>,
    /// Whether live messages stand before the part.
    pub older: bool,
    /// Whether live messages stand after it.
    pub newer: bool,
}

/// A part of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// Conversations in the whole inbox.
    pub total: u64,
    /// Unread messages in the whole inbox.
    pub unread_total: u64,
    /// The asked part, newest activity first.
    pub entries: Vec<InboxEntry>,
}

/// A conversation in an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// As the owner of the inbox names it.
    pub target: Target,
    /// Its newest live message.
    pub latest: Option<Message>,
    /// When its newest message was stored, in milliseconds since 1970.
    pub activity_ms: u64,
    /// Messages that the owner has not read.
    pub unread: u64,
}

/// The store.
///
/// A write has two steps: one on the conversation, which decides and orders, then one per participant, which may be repeated and come in any
/// order. Each method is one round trip, or as many in parallel.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a message at the end of the conversation. Position and time are given by the same atomic step. Calling it twice adds two.
    ///
    /// # Errors
    /// [`Unavailable`]; the message may then be stored or not.
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Id,
        body: &Body,
        metadata: Option<&Metadata>,
    ) -> Result<Change, Unavailable>;

    /// Edits a message as its author, or marks it seen as anyone else. Calling it twice changes nothing more but the time of the edit.
    ///
    /// # Errors
    /// [`Unavailable`]; the outer result. The inner one says why the message cannot be changed.
    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        edit: &Edit,
    ) -> Result<Result<Change, Refusal>, Unavailable>;

    /// Deletes a message as its author. Calling it twice is no error, so that a deletion that was cut off can be completed.
    ///
    /// # Errors
    /// As [`Store::update_message`].
    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
    ) -> Result<Result<Change, Refusal>, Unavailable>;

    /// Writes a change to a participant's inbox and event log. Calling it twice logs the event twice and changes nothing else.
    ///
    /// # Errors
    /// [`Unavailable`]; calling it again is safe.
    async fn deliver(&self, participant: &User, notice: &Notice<'_>) -> Result<Delivered, Unavailable>;

    /// Reads a part of a conversation. `None` if the message that the window hangs on was never there.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn history(&self, conversation: &Conversation, window: &Window) -> Result<Option<History>, Unavailable>;

    /// Reads a part of a user's inbox.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn inbox(&self, user: &User, page: Page) -> Result<Inbox, Unavailable>;

    /// Where the user's event log ends; begins the log if there is none.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn log_end(&self, user: &User) -> Result<Cursor, Unavailable>;

    /// Records a connection until it is closed or its lifetime is over; false if the user has too many. Calling it twice changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn open_connection(&self, user: &User, id: &ConnectionId, opened_ms: u64) -> Result<bool, Unavailable>;

    /// Whose connection it is, if it is known.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn connection(&self, id: &ConnectionId) -> Result<Option<User>, Unavailable>;

    /// Forgets these connections of the user, and no other. Calling it twice changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn close_connections(&self, user: &User, ids: &[ConnectionId]) -> Result<(), Unavailable>;
}
