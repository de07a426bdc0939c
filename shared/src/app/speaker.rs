//! Who speaks over a connection: as long as the token with which the user connected, or the last one that was given for it since.

use super::fan_out::{self, Post};
use crate::domain::limits::TOKEN_GRACE_MS;
use crate::domain::{ConnectionId, Principal};
use crate::error::ApiError;
use crate::ports::{Push, Store};

/// Who owns a connection, although the token may be over.
///
/// # Errors
/// [`ApiError::ConnectionUnknown`], [`ApiError::Unavailable`].
pub async fn owner(store: &dyn Store, connection: &ConnectionId) -> Result<Principal, ApiError> {
    let principal = store.connection(connection).await?;
    principal.ok_or(ApiError::ConnectionUnknown)
}

/// Who may ask for something over a connection.
///
/// # Errors
/// [`ApiError::ConnectionUnknown`], [`ApiError::ConnectionExpired`], [`ApiError::Unavailable`].
pub async fn speaker(
    store: &dyn Store,
    push: &dyn Push,
    now_ms: u64,
    connection: &ConnectionId,
) -> Result<Principal, ApiError> {
    let principal = owner(store, connection).await?;
    check(store, push, now_ms, &principal, connection).await?;
    Ok(principal)
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
        fan_out::fan_out(store, push, ending.as_slice()).await;
    }
    Err(ApiError::ConnectionExpired)
}
