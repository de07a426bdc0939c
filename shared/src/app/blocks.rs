//! Blocking other users.

use tracing::{Span, field};

use super::{Caller, conversation};
use crate::domain::{Id, Target, TimeWindow};
use crate::error::ApiError;
use crate::ports::{Blocks, BlocksPage};

/// Blocks or unblocks another user. A blocked user can no longer write into their direct conversation, and neither sees whether the other is online.
/// The blocker can still write.
///
/// # Errors
/// [`ApiError::InvalidField`] for oneself, [`ApiError::TooManyBlocks`], [`ApiError::Unavailable`].
pub async fn set_block(blocks: &dyn Blocks, caller: &Caller, other: &Id, blocked: bool) -> Result<(), ApiError> {
    let user = &caller.principal.user;
    if *other == user.id {
        return Err(ApiError::InvalidField {
            field: "the user's id",
            expected: "another user's: you cannot block yourself",
        });
    }
    conversation(user, &Target::User(other.clone()));
    if blocked {
        blocks.block(user, other).await?;
    } else {
        blocks.unblock(user, other).await?;
    }
    Ok(())
}

/// The users whom the caller has blocked, the newest block first.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn blocked(blocks: &dyn Blocks, caller: &Caller, window: &TimeWindow) -> Result<BlocksPage, ApiError> {
    let user = &caller.principal.user;
    Span::current().record("user", field::display(&user.id));
    Ok(blocks.blocks(user, window).await?)
}
