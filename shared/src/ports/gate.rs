//! Whether a user may do something now: use is counted, and bans and revocations are checked.

use async_trait::async_trait;
use thiserror::Error;

use super::Unavailable;
use crate::domain::{Bucket, ConnectionId, Principal, Refusal, Target, Use};

/// Why a request is not admitted.
#[derive(Debug, Error)]
pub enum GateError {
    /// The user may not do that now.
    #[error("refused")]
    Refused(Refusal),
    /// The store did not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// How a request is admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Takes from all buckets, or from none. A banned user may go on.
    Read,
    /// The same for the user's own inbox. If the bucket of requests is empty, the last bucket, which is only for this, is used in its place.
    ReadOwn,
    /// Takes from all buckets, or from none. A banned user may do nothing.
    Write,
    /// Takes from all buckets, even more than they hold: the user has to wait for that afterwards. For a write that is done at the same time.
    Charge,
}

impl Mode {
    /// The word that scripts know it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::ReadOwn => "own",
            Self::Write => "write",
            Self::Charge => "charge",
        }
    }
}

/// What a user takes from a bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taking {
    /// The name of the bucket.
    pub name: &'static str,
    /// Its size and rate.
    pub bucket: Bucket,
    /// How many tokens; 0 takes none, and only asks whether the user is near the limit.
    pub tokens: u64,
}

impl Taking {
    /// So many tokens of the bucket of a kind.
    pub fn of(kind: Use, bucket: Bucket, tokens: u64) -> Self {
        let name = kind.name();
        Self { name, bucket, tokens }
    }

    /// One token of the bucket that [`Mode::ReadOwn`] uses last.
    pub fn own_inbox(bucket: Bucket) -> Self {
        Self {
            name: "own",
            bucket,
            tokens: 1,
        }
    }
}

/// What a user wants to use.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// The user, and when the token was issued.
    pub by: &'a Principal,
    /// How the request is admitted.
    pub mode: Mode,
    /// What is taken.
    pub takings: &'a [Taking],
    /// The conversation that it may begin. It takes from the bucket of conversations only if the user does not have that conversation yet.
    pub begins: Option<&'a Target>,
}

/// A frame that came over a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The user who owns the connection. The token may have expired.
    pub principal: Principal,
    /// How long to wait until a frame is taken, in milliseconds; 0 if this one was taken.
    pub wait_ms: u64,
    /// Whether a write has to be admitted first: the user is near a limit, or the connection sends frames fast.
    pub asks_first: bool,
}

/// Counts use. Each method is one round trip.
#[async_trait]
pub trait Gate: Send + Sync {
    /// Admits a request of a user, or says why not. Returns until when the user is near one of these limits, in milliseconds since 1970; 0 if the
    /// user is not.
    ///
    /// # Errors
    /// [`GateError::Refused`]: nothing was taken, except with [`Mode::Charge`]. [`GateError::Unavailable`].
    async fn admit(&self, wish: Wish<'_>) -> Result<u64, GateError>;

    /// Takes a frame of a connection from its bucket, if it has one; `None` if the connection is not known.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn frame(&self, connection: &ConnectionId, bucket: Option<Bucket>) -> Result<Option<Frame>, Unavailable>;

    /// Notes that the user of a connection is near a limit until then, in milliseconds since 1970.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn mark(&self, connection: &ConnectionId, until_ms: u64) -> Result<(), Unavailable>;
}
