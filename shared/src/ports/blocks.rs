//! Blocks between users.

use async_trait::async_trait;

use super::{StoreError, Unavailable};
use crate::domain::{Id, TimePlace, TimeWindow, User};

/// A part of the users whom a user has blocked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlocksPage {
    /// Whom, and since when in milliseconds since 1970; the newest first.
    pub blocks: Vec<(Id, u64)>,
    /// The place behind it, if more follow.
    pub next: Option<TimePlace>,
}

/// Keeps who has blocked whom. A block is in three slots: of the blocker, of their direct conversation, and of the blocked user. The first is
/// written first and cleared last. So every block that has an effect is in the blocker's list, even if a function dies in between. If a
/// block and its removal run at the same time, the conversation decides, and both make the other two slots agree with it.
#[async_trait]
pub trait Blocks: Send + Sync {
    /// Blocks another user. Four round trips. Calling it twice changes nothing more, and completes a call that was cut off.
    ///
    /// # Errors
    /// [`StoreError::TooManyBlocks`], [`StoreError::Unavailable`]; calling it again is safe.
    async fn block(&self, user: &User, other: &Id) -> Result<(), StoreError>;

    /// Unblocks another user, likewise.
    ///
    /// # Errors
    /// [`Unavailable`]; calling it again is safe.
    async fn unblock(&self, user: &User, other: &Id) -> Result<(), Unavailable>;

    /// Reads a part of the users whom a user has blocked.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn blocks(&self, user: &User, window: &TimeWindow) -> Result<BlocksPage, Unavailable>;
}
