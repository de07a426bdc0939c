//! Where conversations, inboxes and connections live.

use async_trait::async_trait;
use thiserror::Error;

use super::{GateError, Taking, Unavailable, Watches};
use crate::domain::limits::{CHANGES_BODY_BYTES, CHANGES_BODY_PAGE, CHANGES_FRAME_BYTES, CHANGES_FRAME_PAGE};
use crate::domain::{
    Actor, Asker, ConnectionId, Conversation, Cursor, Decision, Draft, Edit, Id, InboxPlace, InboxWindow, Member,
    Message, MessageId, OldId, Place, Principal, Projection, Reaction, Reads, RetryKey, Role, Settings, SettingsEdit,
    Target, TopicMember, User, Watcher, Window,
};

/// Why a conversation did not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// There is no such message, or it was deleted.
    #[error("no such message")]
    NotFound,
    /// The user may not do that to this message.
    #[error("not allowed")]
    Forbidden,
    /// Nothing that was asked for applies to this message.
    #[error("nothing to change")]
    NothingToChange,
    /// The retry key was used for another content.
    #[error("the retry key was used for another content")]
    RetryKeyReused,
    /// Only a member may do that.
    #[error("not a member")]
    NotAMember,
    /// The user's role in the topic does not allow that.
    #[error("the role does not allow that")]
    RoleTooLow,
    /// The topic has as many members as it can have.
    #[error("{0} members are too many")]
    TopicFull(u64),
    /// The message that it replies to is not there.
    #[error("a reply to nothing")]
    InvalidReply,
    /// It mentions a user who is no participant.
    #[error("a mention of nobody")]
    InvalidMention,
    /// The message has as many reactions as it can have.
    #[error("too many reactions")]
    TooManyReactions,
    /// The message was edited as often as its versions are kept.
    #[error("too many edits")]
    TooManyEdits,
    /// The other side of a direct conversation has blocked the user.
    #[error("blocked by the other side")]
    NotAccepted,
    /// The message is the user's own.
    #[error("an own message")]
    OwnMessage,
    /// The site has as many open reports as it can have.
    #[error("too many open reports")]
    TooManyReports,
    /// The user has blocked as many others as a user can.
    #[error("too many blocks")]
    TooManyBlocks,
    /// The store did not answer; the write may be done or not.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// What the store answers when a member is told of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Where it stands among all that the member was told; `None` if the member knew that already, or something newer.
    pub place: Option<Place>,
    /// The revision of the conversation up to which the member had been told before.
    pub known_rev: u64,
    /// Unread messages in the member's whole inbox, muted conversations left out.
    pub unread_total: u64,
    /// The member's live connections.
    pub connections: Vec<Live>,
    /// Connections whose token ended so long ago that they have to be ended.
    pub overdue: Vec<ConnectionId>,
}

/// A connection that was not closed and has not expired, and neither has its token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Live {
    /// The connection.
    pub id: ConnectionId,
    /// Whether its handshake may still be under way. API Gateway then says that it is gone, and means: not yet there.
    pub opening: bool,
}

/// The conditions for a new connection.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// Connections of its user at the most.
    pub connections_max: u64,
    /// The tokens that it takes from the user's buckets.
    pub takings: &'a [Taking],
}

/// What became of a connection that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// Until when the user is near a limit of use, in milliseconds since 1970; 0 if the user is not.
    pub near_until_ms: u64,
    /// Other connections of the user that the caller must end: their token ended long ago, or they are the oldest of too many. The store
    /// returns them again until they are closed.
    pub ended: Vec<ConnectionId>,
    /// Who watches the user, if the user comes online by it.
    pub watchers: Vec<Watcher>,
    /// When the user was last active, in milliseconds since 1970.
    pub active_ms: u64,
}

/// A connection that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    /// The user who owned it.
    pub user: User,
    /// Whether it was the user's last one, and somebody watches the user.
    pub offline: bool,
}

/// A message as it stands in a conversation, or the place that a deleted one has kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its id.
    pub id: MessageId,
    /// The revision of the conversation that last changed it.
    pub rev: u64,
    /// The user who wrote it.
    pub author: Id,
    /// Whether it was deleted.
    pub deleted: bool,
    /// The message; `None` too if a newer release wrote it, and this one can show nothing of it.
    pub message: Option<Message>,
}

/// A part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// The revision of the conversation: what is shown is how it is as of this one.
    pub rev: u64,
    /// Live messages in the whole conversation.
    pub total: u64,
    /// The asked part, oldest first.
    pub messages: Vec<Message>,
    /// Whether live messages stand before the part.
    pub older: bool,
    /// Whether live messages stand after it.
    pub newer: bool,
    /// How far the members of a direct conversation have read.
    pub reads: Reads,
}

/// What changed in a conversation since a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The conversation was set back to before that revision, as by a failover: a client that knows it has to load the conversation anew.
    pub reset: bool,
    /// The revision up to which this tells all.
    pub rev: u64,
    /// Whether more follows.
    pub more: bool,
    /// Each message that changed, once, as it is now; in the order of their revisions.
    pub messages: Vec<Stored>,
    /// The members of a direct conversation who have read since; in a topic only the reader.
    pub reads: Reads,
    /// Whether members have come, left or got another role since.
    pub members: bool,
}

/// A part of an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbox {
    /// How far the user was told.
    pub cursor: Cursor,
    /// Conversations in the whole inbox.
    pub total: u64,
    /// Unread messages in the whole inbox, muted conversations left out.
    pub unread_total: u64,
    /// The asked part: pinned conversations first, then by the newest activity.
    pub entries: Vec<InboxEntry>,
    /// The place behind it, if more follow.
    pub next: Option<InboxPlace>,
}

/// The inbox entries that changed since a cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedEntries {
    /// The cursor up to which this tells all.
    pub cursor: Cursor,
    /// Whether nothing is missing since the cursor; false without a cursor.
    pub recovered: bool,
    /// Whether more follow.
    pub more: bool,
    /// Unread messages in the whole inbox, muted conversations left out.
    pub unread_total: u64,
    /// Each entry that changed, once, as it is now, in the order of their last change; with the place of that.
    pub entries: Vec<(Cursor, InboxEntry)>,
}

/// A conversation in an inbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxEntry {
    /// As the owner of the inbox names it.
    pub target: Target,
    /// Its newest live message.
    pub latest: Option<Message>,
    /// How far the members of a direct conversation have read.
    pub reads: Reads,
    /// When its newest message was stored, in milliseconds since 1970.
    pub activity_ms: u64,
    /// Messages that the owner has not read.
    pub unread: u64,
    /// Those of them that mention the owner.
    pub mentioned: u64,
    /// The position up to which the owner has read.
    pub read_seq: u64,
    /// How it stands in the inbox.
    pub settings: Settings,
    /// Whether the owner is no member any more, or the age of its messages has emptied the direct conversation.
    pub left: bool,
    /// The revision of the conversation up to which the owner was told.
    pub rev: u64,
}

/// What became of a conversation's settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Set {
    /// The entry as it is now.
    pub entry: InboxEntry,
    /// Whom to tell; nobody if nothing changed.
    pub told: Told,
}

/// How long a page may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageBounds {
    /// Entries or messages to look at, at the most.
    pub count: u64,
    /// After so many bytes of packed entries or messages the page ends.
    pub bytes: usize,
}

impl PageBounds {
    /// What fits a WebSocket frame.
    pub const FRAME: Self = Self {
        count: CHANGES_FRAME_PAGE,
        bytes: CHANGES_FRAME_BYTES,
    };
    /// What is answered to a request.
    pub const BODY: Self = Self {
        count: CHANGES_BODY_PAGE,
        bytes: CHANGES_BODY_BYTES,
    };
}

/// The store.
///
/// A write has two steps. The first one is on the conversation: it decides, and answers how the conversation then is. The second one tells each
/// member; it may be repeated, and come in any order. Each method is one round trip, or as many in parallel.
#[async_trait]
pub trait Store: Send + Sync {
    /// Adds a message at the end of the conversation. The same atomic step gives it its position and its time, and makes its author a member, unless
    /// that is the platform itself ([`Id::system`]).
    /// Calling it twice adds two; with the same retry key within a day, the second call finds what the first one added.
    ///
    /// # Errors
    /// [`StoreError::RetryKeyReused`], [`StoreError::NotAMember`], [`StoreError::TopicFull`], [`StoreError::InvalidReply`],
    /// [`StoreError::InvalidMention`], [`StoreError::Unavailable`].
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Asker,
        draft: &Draft,
        members_max: u64,
    ) -> Result<Decision, StoreError>;

    /// Edits a message as its author, or moves the read position of anyone else up to it. Calling it twice edits twice, but for calls with the
    /// same retry key within a day; a read position only moves forward.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`], [`StoreError::NothingToChange`], [`StoreError::RetryKeyReused`],
    /// [`StoreError::TooManyEdits`],
    /// [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Asker,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, StoreError>;

    /// Deletes a message as its author, as a moderator of the topic, or as the platform. Calling it twice changes nothing more, so that a deletion
    /// that was cut off can be completed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Forbidden`], [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Actor,
    ) -> Result<Decision, StoreError>;

    /// Gives a member's reaction to a message, or takes it back. Calling it twice changes nothing more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NotAMember`], [`StoreError::TooManyReactions`], [`StoreError::Unavailable`].
    async fn react(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        reaction: &Reaction,
        give: bool,
    ) -> Result<Decision, StoreError>;

    /// Moves the read position of a member forward, up to a message or to the newest one. `None` in a direct conversation without messages. Calling
    /// it twice changes nothing more.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn read_up_to(
        &self,
        conversation: &Conversation,
        by: &Id,
        up_to: Option<MessageId>,
    ) -> Result<Option<Decision>, StoreError>;

    /// The message that had this id in the Node.js server before Senna, if `senna migrate` has taken it over.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn old_message(&self, conversation: &Conversation, old: OldId) -> Result<Option<MessageId>, Unavailable>;

    /// Adds a member to a topic, or gives one another role. Calling it twice changes nothing more.
    ///
    /// # Errors
    /// [`StoreError::RoleTooLow`], [`StoreError::NotAMember`], [`StoreError::TopicFull`], [`StoreError::Unavailable`].
    async fn put_member(
        &self,
        topic: &Conversation,
        actor: &Actor,
        member: &Id,
        role: Option<Role>,
        members_max: u64,
    ) -> Result<Decision, StoreError>;

    /// Removes a member from a topic. Calling it twice changes nothing more.
    ///
    /// # Errors
    /// [`StoreError::RoleTooLow`], [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn remove_member(&self, topic: &Conversation, actor: &Actor, member: &Id) -> Result<Decision, StoreError>;

    /// Reads all members of a topic, in the order of their ids.
    ///
    /// # Errors
    /// [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn members(&self, topic: &Conversation, reader: &Asker) -> Result<Vec<TopicMember>, StoreError>;

    /// Tells a member how a conversation is now. Calling it twice, or after a newer projection, changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`]; calling it again is safe.
    async fn tell(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &Member,
    ) -> Result<Told, Unavailable>;

    /// Changes how a conversation stands in the user's inbox; `None` if it is not there. Calling it twice changes nothing more.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn set(&self, user: &User, target: &Target, edit: SettingsEdit) -> Result<Option<Set>, Unavailable>;

    /// Reads a part of a conversation.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] if the message that the window hangs on was never there; [`StoreError::NotAMember`],
    /// [`StoreError::Unavailable`].
    async fn history(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        window: &Window,
    ) -> Result<History, StoreError>;

    /// Reads what changed in a conversation since a revision; 0 is before the first.
    ///
    /// # Errors
    /// [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn changes(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        since: u64,
        bounds: PageBounds,
    ) -> Result<Changes, StoreError>;

    /// Reads a part of a user's inbox; in a second round trip the newest messages that are too long for an entry, if there are any.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn inbox(&self, user: &User, window: &InboxWindow) -> Result<Inbox, Unavailable>;

    /// Reads the inbox entries that changed since a cursor, as [`Store::inbox`] does; without a cursor, only how far the user was told.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn changed_entries(
        &self,
        user: &User,
        since: Option<Cursor>,
        bounds: PageBounds,
    ) -> Result<ChangedEntries, Unavailable>;

    /// Records a connection until it is closed, or until its lifetime or the token is over. If the user then has too many, the oldest one ends. A
    /// second call only takes tokens from the buckets again; with another JWT of the user, the connection is good until that one expires.
    ///
    /// # Errors
    /// [`GateError::Refused`] if the user may not connect; then the connection is not recorded. [`GateError::Unavailable`].
    async fn open_connection(
        &self,
        principal: &Principal,
        id: &ConnectionId,
        opened_ms: u64,
        terms: Terms<'_>,
    ) -> Result<Opened, GateError>;

    /// Forgets a connection of whoever owns it; `None` if it is not known. Calling it twice changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn end_connection(&self, id: &ConnectionId) -> Result<Option<Ended>, Unavailable>;

    /// Forgets a connection of that user, and no other; `found_in` is what it watched where the caller found it. Calling it twice changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn close_connection(&self, user: &User, id: &ConnectionId, found_in: &Watches) -> Result<(), Unavailable>;
}
