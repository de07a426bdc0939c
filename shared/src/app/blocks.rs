//! Blocking other users.

use tracing::{Span, field};

use super::{Caller, Usage, conversation};
use crate::domain::{Id, Target, TimeWindow, Use};
use crate::error::ApiError;
use crate::ports::{Blocks, BlocksPage};

/// Blocks or unblocks another user. A blocked user can no longer write into their direct conversation, and neither sees whether the other is online.
/// The blocker can still write. A block of a stranger counts as the beginning of a conversation, because it writes into one.
///
/// # Errors
/// [`ApiError::InvalidField`] for oneself, [`ApiError::TooManyBlocks`], [`ApiError::Unavailable`], and those of [`Usage::write`].
pub async fn set_block(
    blocks: &dyn Blocks,
    usage: Usage<'_>,
    caller: &Caller,
    other: &Id,
    blocked: bool,
) -> Result<(), ApiError> {
    let user = &caller.principal.user;
    if *other == user.id {
        return Err(ApiError::InvalidField {
            field: "the user's id",
            expected: "another user's: you cannot block yourself",
        });
    }
    let target = Target::User(other.clone());
    conversation(user, &target);
    if blocked {
        let blocking = blocks.block(user, other);
        usage.write(caller, Use::Edits, Some(&target), blocking).await
    } else {
        let unblocking = blocks.unblock(user, other);
        usage.write(caller, Use::Edits, None, unblocking).await
    }
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
