//! What the platform's own server does to users and sees of conversations.

use async_trait::async_trait;

use super::{Stored, Unavailable};
use crate::domain::{Ban, ConnectionId, Conversation, User};

/// A part of all that was ever written in a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// The revision of the conversation: what is shown is how it is as of this one.
    pub rev: u64,
    /// The asked part, newest first; deleted messages stand in it too.
    pub messages: Vec<Stored>,
    /// The position behind the part, if older messages follow.
    pub next: Option<u64>,
}

/// Keeps bans and revocations in the slot of the user, where everything that the user does is admitted. Each method is one round trip, and may be
/// repeated.
#[async_trait]
pub trait Oversight: Send + Sync {
    /// Bans a user, in place of a ban before. Answers the user's connections, which the caller must end.
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

    /// Notes that no token counts any more that was issued to the user before `at_ms`, in milliseconds since 1970. An earlier time than the noted one
    /// changes nothing. Answers the user's connections, which the caller must end.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn revoke(&self, user: &User, at_ms: u64) -> Result<Vec<ConnectionId>, Unavailable>;

    /// Reads what stands in a conversation below a position, deleted messages too; from the newest on without one.
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
