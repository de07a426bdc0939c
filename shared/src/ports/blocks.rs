//! Who has blocked whom.

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

/// Keeps who has blocked whom. A block stands in three slots: of the user who blocks, of the direct conversation of both, and of the user who is
/// blocked. The first is written first and taken away last, so every block that has an effect is in the user's list, whatever dies in between. Where a
/// block and its removal run at once, the conversation decides, and both bring the other two slots in line with it.
#[async_trait]
pub trait Blocks: Send + Sync {
    /// Blocks another user. Four round trips. Calling it twice changes nothing more, and completes what was cut off.
    ///
    /// # Errors
    /// [`StoreError::TooManyBlocks`], [`StoreError::Unavailable`]; calling it again is safe.
    async fn block(&self, user: &User, other: &Id) -> Result<(), StoreError>;

    /// Takes a block back, likewise.
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
