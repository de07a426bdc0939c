//! The erasure and the export of users.

use async_trait::async_trait;

use super::{InboxEntry, StoreError, Stored, Unavailable};
use crate::domain::{
    Ban, ConnectionId, Conversation, Decision, DirectConversations, Erasure, ExportPlace, Id, Message, MessageId,
    Reaction, Report, Target, TimePlace, User,
};

/// What a user has in a part of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The user's messages and those to which the user has reacted, in the order of positions.
    pub messages: Vec<Stored>,
    /// The part of the conversation that was looked at.
    pub part: Part,
}

/// Some messages of a conversation that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The position before the first one.
    pub after: u64,
    /// The position of the last one.
    pub up_to: u64,
    /// Whether more follow.
    pub more: bool,
}

/// One line of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportLine {
    /// The user, and the user's ban.
    User(Option<Ban>),
    /// A user whom the user has blocked, and since when in milliseconds since 1970.
    Block(Id, u64),
    /// A conversation in the user's inbox, also one that the user has hidden or left; with how far the user has read. Without its newest message,
    /// which may be somebody else's.
    Conversation(InboxEntry),
    /// A message of the user.
    Message(Target, Message),
    /// A reaction that the user has given to a message of somebody else.
    Reaction(Target, MessageId, Reaction),
    /// A report that the user has made.
    Report(Report),
}

/// A part of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportPage {
    /// Its lines.
    pub lines: Vec<ExportLine>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<ExportPlace>,
}

/// Erases users. Each method does a bounded amount of work and may be repeated, also after it was cut off anywhere.
///
/// While a user is being erased, the conversations in the user's slot that still have to be erased are the entries of the user's inbox. Each of them
/// is then put aside, to be looked at once more, and released at the end. So the progress of an erasure is what is left.
#[async_trait]
pub trait Erasures: Send + Sync {
    /// Notes that a user shall be erased. If that is under way, nothing changes. Returns the erasure that then is under way.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn ask(&self, user: &User, conversations: DirectConversations) -> Result<Erasure, Unavailable>;

    /// The newest erasure of a user, if one was asked for and is not forgotten.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn erasure(&self, user: &User) -> Result<Option<Erasure>, Unavailable>;

    /// Notes that the erasure is running, and where it goes on.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn note(&self, user: &User, erasure: &Erasure) -> Result<(), Unavailable>;

    /// Takes away the user's slot, and notes that the erasure is done.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn finish(&self, user: &User) -> Result<(), Unavailable>;

    /// A conversation of the user's inbox; of those that were put aside, if `aside`.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn next_conversation(&self, user: &User, aside: bool) -> Result<Option<Target>, Unavailable>;

    /// Takes a conversation from the user's inbox, and puts it aside.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn put_aside(&self, user: &User, target: &Target) -> Result<(), Unavailable>;

    /// Forgets a conversation that was put aside.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn release(&self, user: &User, target: &Target) -> Result<(), Unavailable>;

    /// Whether a user is a member of a conversation.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn is_member(&self, conversation: &Conversation, user: &Id) -> Result<bool, Unavailable>;

    /// What a user has in the part of a conversation that begins after a position; without a user, what everyone has there.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn written(&self, conversation: &Conversation, by: Option<&Id>, after: u64) -> Result<Written, Unavailable>;

    /// Forgets the retry keys with which these messages were sent.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn forget_retry_keys(&self, conversation: &Conversation, messages: &[Stored]) -> Result<(), Unavailable>;

    /// Takes a user out of a part of a conversation: the user's messages become tombstones of nobody, and the user's reactions, mentions, kept
    /// versions and membership go. The decision is about the last message that changed; it is repeated if nothing changed.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    async fn erase_part(&self, conversation: &Conversation, user: &Id, part: Part) -> Result<Decision, StoreError>;

    /// Takes away a direct conversation as a whole: its messages, and the entry in the other side's inbox. Every client of the other side is told to
    /// load the inbox anew.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn remove_conversation(&self, user: &User, other: &Id) -> Result<(), Unavailable>;

    /// Some of those who have blocked the user.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn blockers(&self, user: &User) -> Result<Vec<Id>, Unavailable>;

    /// Takes a user out of some reports after a place: those about the user's messages go, and others lose the user's name and words. Returns where it
    /// goes on, `None` at the end.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn erase_in_reports(&self, user: &User, after: Option<&TimePlace>) -> Result<Option<TimePlace>, Unavailable>;

    /// The user's connections, those that are over too.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn connections(&self, user: &User) -> Result<Vec<ConnectionId>, Unavailable>;
}
