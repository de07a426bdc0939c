//! Who speaks over a connection: as long as the token with which the user connected, or the last one that was given for it since.

use super::fan_out::{self, Post};
use super::usage::check_frame;
use super::{Caller, Counted, Usage};
use crate::domain::limits::TOKEN_GRACE_MS;
use crate::domain::{ConnectionId, Principal, Use};
use crate::error::ApiError;
use crate::ports::{Frame, Push, Store};

/// The user who owns the connection of a frame. The token may have expired.
///
/// # Errors
/// [`ApiError::ConnectionUnknown`], [`ApiError::RateLimited`], [`ApiError::Unavailable`].
pub async fn owner(usage: Usage<'_>, connection: &ConnectionId) -> Result<Principal, ApiError> {
    Ok(take_frame(usage, connection).await?.principal)
}

async fn take_frame(usage: Usage<'_>, connection: &ConnectionId) -> Result<Frame, ApiError> {
    let frame = usage.gate.frame(connection, usage.limits.bucket(Use::Frames)).await?;
    let frame = frame.ok_or(ApiError::ConnectionUnknown)?;
    check_frame(frame.wait_ms)?;
    Ok(frame)
}

/// The user who owns the connection of a frame, if the token is still good.
///
/// # Errors
/// [`ApiError::ConnectionUnknown`], [`ApiError::ConnectionExpired`], [`ApiError::RateLimited`], [`ApiError::Unavailable`].
pub async fn speaker(
    usage: Usage<'_>,
    store: &dyn Store,
    push: &dyn Push,
    connection: &ConnectionId,
) -> Result<Caller, ApiError> {
    let frame = take_frame(usage, connection).await?;
    check(store, push, usage.clock.now_ms(), &frame.principal, connection).await?;
    Ok(Caller {
        principal: frame.principal,
        connection: Some(connection.clone()),
        counted: if frame.asks_first {
            Counted::First
        } else {
            Counted::Beside
        },
    })
}

/// Refuses what is asked after the token, and ends a connection that was given no other for too long.
pub(super) async fn check(
    store: &dyn Store,
    push: &dyn Push,
    now_ms: u64,
    principal: &Principal,
    connection: &ConnectionId,
) -> Result<(), ApiError> {
    let Some(until_ms) = principal.until_ms.filter(|until_ms| *until_ms <= now_ms) else {
        return Ok(());
    };
    if until_ms + TOKEN_GRACE_MS <= now_ms {
        let ending = Post::ending(&principal.user, vec![connection.clone()]);
        fan_out::push_all(store, push, ending).await;
    }
    Err(ApiError::ConnectionExpired)
}
