//! Blocking other users.

use tracing::{Span, field};

use super::{Caller, conversation};
use crate::domain::{Id, Target, TimeWindow, User};
use crate::error::ApiError;
use crate::ports::{Blocks, BlocksPage};

/// Blocks another user: that user can write nothing more into the direct conversation of both, and neither sees whether the other is online. The one
/// who blocks can still write.
///
/// # Errors
/// [`ApiError::InvalidField`] for oneself, [`ApiError::TooManyBlocks`], [`ApiError::Unavailable`].
pub async fn block(blocks: &dyn Blocks, caller: &Caller, other: &Id) -> Result<(), ApiError> {
    let user = caller_of(caller, other)?;
    Ok(blocks.block(user, other).await?)
}

/// Takes a block back.
///
/// # Errors
/// [`ApiError::InvalidField`] for oneself, [`ApiError::Unavailable`].
pub async fn unblock(blocks: &dyn Blocks, caller: &Caller, other: &Id) -> Result<(), ApiError> {
    let user = caller_of(caller, other)?;
    Ok(blocks.unblock(user, other).await?)
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

fn caller_of<'a>(caller: &'a Caller, other: &Id) -> Result<&'a User, ApiError> {
    let user = &caller.principal.user;
    if *other == user.id {
        return Err(ApiError::InvalidField {
            field: "the user's id",
            expected: "another user's: you cannot block yourself",
        });
    }
    conversation(user, &Target::User(other.clone()));
    Ok(user)
}
