//! Bans, revocations and the history for moderators: for the platform's own server.

use async_trait::async_trait;

use super::{Stored, Unavailable};
use crate::domain::{Ban, ConnectionId, Conversation, User};

/// A part of a conversation, deleted messages included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The revision of the conversation that the part shows.
    pub rev: u64,
    /// The asked part, newest first; it has deleted messages too.
    pub messages: Vec<Stored>,
    /// The position behind the part, if older messages follow.
    pub next: Option<u64>,
}

/// Keeps bans and revocations in the slot of the user, where each request of the user is admitted. Each method is one round trip, and may be
/// repeated.
#[async_trait]
pub trait Oversight: Send + Sync {
    /// Bans a user; the ban replaces an earlier one. Returns the user's connections, which the caller must end.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn ban(&self, user: &User, ban: &Ban) -> Result<Vec<ConnectionId>, Unavailable>;

    /// Ends the ban of a user.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn unban(&self, user: &User) -> Result<(), Unavailable>;

    /// The ban of a user, if there is one; it may be over.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn ban_of(&self, user: &User) -> Result<Option<Ban>, Unavailable>;

    /// Revokes all tokens that were issued to the user before `at_ms`, in milliseconds since 1970. A time before the noted one changes nothing.
    /// Returns the user's connections, which the caller must end.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn revoke(&self, user: &User, at_ms: u64) -> Result<Vec<ConnectionId>, Unavailable>;

    /// Reads messages of a conversation below a position, deleted ones too; without a position from the newest on.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn recorded(
        &self,
        conversation: &Conversation,
        below: Option<u64>,
        count: u64,
    ) -> Result<Recorded, Unavailable>;
}
