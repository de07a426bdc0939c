//! Messages that reached no connection of a member.

use async_trait::async_trait;

use super::{InboxEntry, Unavailable};
use crate::domain::{Id, Target, User};

/// How a conversation stands for a user who has no connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The entry in the user's inbox.
    pub entry: InboxEntry,
    /// Unread messages in the user's whole inbox, muted conversations left out.
    pub unread_total: u64,
    /// The last notice of it; `None` if there was none for a while.
    pub noticed: Option<Noticed>,
}

/// The last notice of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Position of the newest message that it told of.
    pub seq: u64,
    /// When it was sent, in milliseconds since 1970.
    pub ms: u64,
}

/// Finds what the platform must be told. Each method may be repeated.
#[async_trait]
pub trait Undelivered: Send + Sync {
    /// How the conversation stands for that member; `None` if the member has a connection or no such conversation. One round trip, a second one for a
    /// long message.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn waiting(&self, user: &User, target: &Target) -> Result<Option<Waiting>, Unavailable>;

    /// Remembers for a day that the platform was told. An older notice changes nothing. One round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn noticed(&self, user: &User, target: &Target, noticed: Noticed) -> Result<(), Unavailable>;

    /// Whether the user has blocked the other one. One round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn has_blocked(&self, user: &User, other: &Id) -> Result<bool, Unavailable>;
}
