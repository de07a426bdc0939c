//! Fleeting signals: who watches whom and what, who types, who is online. No promise depends on them.

use async_trait::async_trait;

use super::{StoreError, Unavailable};
use crate::domain::{Asker, Bucket, ConnectionId, Conversation, Domain, Id, Principal, Target, User, Watcher};

/// What a connection watches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watches {
    /// The users whose presence it wants.
    pub users: Vec<Id>,
    /// The conversation that its client has on the screen.
    pub conversation: Option<Target>,
}

impl Watches {
    /// What of it the others do not watch.
    #[must_use]
    pub fn without(&self, others: &Self) -> Self {
        let users = self.users.iter().filter(|id| !others.users.contains(id));
        Self {
            users: users.cloned().collect(),
            conversation: self
                .conversation
                .clone()
                .filter(|_| self.conversation != others.conversation),
        }
    }
}

/// A connection that changes what it watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watching {
    /// Who owns the connection.
    pub principal: Principal,
    /// How long to wait until a frame of the connection is taken, in milliseconds; 0 if this one was taken. Else nothing is noted.
    pub frame_wait_ms: u64,
    /// What it watched before: the last time, and in watches that may still have been under way then.
    pub before: Vec<Watches>,
    /// When the connection or its token ends at the latest, in milliseconds since 1970.
    pub expires_ms: u64,
}

/// Whether a user is there, as another one may know it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Presence {
    /// Whether the user has written to the reader.
    pub has_written: bool,
    /// Whether the user is a member of the topic that was named.
    pub is_member: bool,
    /// Whether the user has a connection, or had one a moment ago.
    pub online: bool,
    /// When the user's last connection began or ended, in milliseconds since 1970.
    pub active_ms: Option<u64>,
}

/// A user who asks for presence.
#[derive(Clone, Copy, Debug)]
pub struct PresenceReader<'a> {
    /// The user.
    pub user: &'a User,
    /// The topic that both may be members of.
    pub topic: Option<&'a Id>,
    /// The connection that is told of changes from now on, and when it ends; none to be told once.
    pub connection: Option<(&'a ConnectionId, u64)>,
}

/// How often a connection types.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Typing {
    /// Who owns the connection.
    pub principal: Principal,
    /// How long to wait until a frame of the connection is taken, in milliseconds; 0 if this one was taken. Else nothing is noted.
    pub frame_wait_ms: u64,
    /// How long to wait until it is taken, in milliseconds; 0 if it was taken.
    pub wait_ms: u64,
    /// Whether others are told: a stop without a start says nothing.
    pub is_news: bool,
}

/// Users who are due to be told offline.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Due {
    /// Who is due now.
    pub users: Vec<Id>,
    /// When they are due again unless the caller says before that it has told them, in milliseconds since 1970.
    pub again_ms: u64,
    /// When the next one is due, in milliseconds since 1970; `None` if nobody is, and then nobody looks any more.
    pub next_ms: Option<u64>,
}

/// Keeps fleeting signals. Each method is one round trip, or as many in parallel.
#[async_trait]
pub trait Signals: Send + Sync {
    /// Notes what a connection watches from now on, while its token is good; `None` if the connection is not known. The caller must take the
    /// connection off what it watched before, which a second call does not return any more. With a bucket of frames it counts as a frame, and as one
    /// more for every [`crate::domain::limits::WATCHED_PER_FRAME`] users.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn watch(
        &self,
        connection: &ConnectionId,
        watches: &Watches,
        frames: Option<Bucket>,
    ) -> Result<Option<Watching>, Unavailable>;

    /// What a connection watches; nothing if it is not known.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn watched(&self, connection: &ConnectionId) -> Result<Watches, Unavailable>;

    /// Has a connection told what is fleeting in a conversation; says whether its user is a member. It is not told if too many are.
    ///
    /// # Errors
    /// [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn watch_conversation(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        connection: &ConnectionId,
        expires_ms: u64,
    ) -> Result<bool, StoreError>;

    /// Takes a connection off everything that it watches here.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn unwatch(&self, user: &User, connection: &ConnectionId, watches: &Watches) -> Result<(), Unavailable>;

    /// Whether a user is there. A reader's connection is told of changes if the reader may know it, and if not too many are.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn presence(&self, of: &Id, reader: PresenceReader<'_>) -> Result<Presence, Unavailable>;

    /// Notes that the user of a connection begins to type in a conversation, or stops, while its token is good; `None` if the connection is not
    /// known. With a bucket of frames it counts as a frame.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn typing(
        &self,
        connection: &ConnectionId,
        target: &Target,
        starts: bool,
        frames: Option<Bucket>,
    ) -> Result<Option<Typing>, Unavailable>;

    /// The connections that have a conversation on the screen, to be told that somebody types there; none while too much is pushed to them.
    ///
    /// # Errors
    /// [`StoreError::NotAMember`], [`StoreError::Unavailable`].
    async fn watchers(&self, conversation: &Conversation, by: &Asker) -> Result<Vec<Watcher>, StoreError>;

    /// Notes that a user has gone offline, of which watchers are told at `due_ms`. True if the caller has to look who is due, until `until_ms`:
    /// nobody else looks that long. With 0 the caller cannot look, and is not asked to.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn note_offline(&self, user: &User, due_ms: u64, until_ms: u64) -> Result<bool, Unavailable>;

    /// Takes those who are due. `until_ms` names the caller's look, and `told` those of the last call whose watchers it has told.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn take_due(&self, domain: &Domain, until_ms: u64, told: &Due) -> Result<Due, Unavailable>;

    /// Who watches a user who is offline, and since when the user is; nobody if the user came back.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn watchers_of_offline(&self, user: &User) -> Result<(Vec<Watcher>, Option<u64>), Unavailable>;
}
