//! Where messages, inboxes, event logs and connections live.

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::{
    Body, ConnectionId, Conversation, Cursor, Edit, EventKind, EventLogBounds, EventRef, Id, Message, MessageId,
    Metadata, Page, Place, RetryKey, Target, User, Window,
};

/// What a write to a conversation did, and how the conversation is after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: EventKind,
    /// Which message was changed.
    pub id: MessageId,
    /// The message as it is now; `None` if it is deleted.
    pub message: Option<Message>,
    /// When it was asked for by our clock, in milliseconds since 1970.
    pub asked_ms: u64,
    /// Whether it had been done before and was only asked for again.
    pub repeated: bool,
    /// Which change of the conversation it is; of a repeated one that is not known, the latest.
    pub made_revision: u64,
    /// How many changes the conversation has seen.
    pub revision: u64,
    /// The newest live message after the change.
    pub latest: Option<Latest>,
    /// The position of the newest message, live or deleted.
    pub last_seq: u64,
    /// When the newest message was stored, in milliseconds since 1970.
    pub activity_ms: u64,
    /// The position of each author's newest message: who writes has read what was there.
    pub sent: Vec<(Id, u64)>,
    /// The newest changes other than new messages, oldest first: whoever missed some is told of them with this one.
    pub others: Vec<Other>,
}

/// A change of a message after it was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Other {
    /// Which change of the conversation it was.
    pub revision: u64,
    /// What happened.
    pub kind: EventKind,
    /// To which message.
    pub seq: u64,
    /// Who wrote the message, if it was deleted.
    pub author: Option<Id>,
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
    /// How much the participant's event log keeps.
    pub bounds: EventLogBounds,
}

/// What the store answers when a participant's inbox and event log are written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivered {
    /// The event's place in the participant's log; `None` if the participant had been told of it before.
    pub place: Option<Place>,
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

/// A part of a user's event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventPage {
    /// Where the log ends.
    pub end: Cursor,
    /// Whether nothing is missing since the cursor; false without a cursor.
    pub recovered: bool,
    /// The events right after the cursor, in order. There are more if the last one is not at the end.
    pub events: Vec<EventRef>,
}

/// Single messages as they are now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// How many changes the conversation has seen.
    pub revision: u64,
    /// The messages in the order in which they were asked for; `None` where nothing was ever stored, as after the loss of a store.
    pub messages: Vec<Option<Stored>>,
}

/// What stands at a position of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: MessageId,
    /// The message; `None` if it is deleted.
    pub message: Option<Message>,
}

/// A part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// How many changes the conversation has seen: what is shown is how it is after them.
    pub revision: u64,
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
    /// As of which change of the conversation all this is.
    pub revision: u64,
}

/// The store.
///
/// A write has two steps: one on the conversation, which decides and orders, then one per participant, which may be repeated and come in any
/// order. Each method is one round trip, or as many in parallel.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a message at the end of the conversation. Position and time are given by the same atomic step. Calling it twice adds two, but for
    /// calls with the same retry key within a day: the second one finds what the first one added.
    ///
    /// # Errors
    /// [`Unavailable`]; the message may then be stored or not.
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Id,
        body: &Body,
        metadata: Option<&Metadata>,
        retry_key: Option<&RetryKey>,
    ) -> Result<Change, Unavailable>;

    /// Edits a message as its author, or marks it seen as anyone else. Calling it twice edits twice: another revision, and whatever was edited in between is undone; seen is seen once.
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

    /// Brings a participant's inbox and event log up to a change of a conversation. What the log lacks of earlier changes is added before it,
    /// so that a log has an event for every change. Calling it twice changes nothing more.
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

    /// Reads at most `count` events of the user's log after a cursor; without one, only where the log ends. Begins the log if there is none.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn events(&self, user: &User, since: Option<Cursor>, count: u64) -> Result<EventPage, Unavailable>;

    /// Reads single messages by their positions.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn messages(&self, conversation: &Conversation, seqs: &[u64]) -> Result<Snapshot, Unavailable>;

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
