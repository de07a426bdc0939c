//! Applies the limits of use, bans and revocations.

use std::pin::pin;

use futures_util::future::{Either, join, select};

use super::Caller;
use crate::domain::limits::CONNECTION_LIFETIME_MS;
use crate::domain::{Bucket, ConnectionId, Limits, Principal, Refusal, Target, Use};
use crate::error::{ApiError, Chain};
use crate::ports::{Clock, Gate, GateError, Mode, Taking, Wish};

/// How often a user may read their own inbox when the bucket of requests is empty: once a second, and twice after a rest.
const OWN_INBOX: Bucket = Bucket {
    interval_us: 1_000_000,
    burst: 2,
};

/// When a caller's write is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Before it is done: over REST, and over a connection whose user is near a limit.
    First,
    /// While it is done, so that counting takes no trip of its own. The write may exceed a limit; then the user waits longer afterwards.
    Beside,
    /// Never: the platform's own server asks.
    Never,
}

/// Admits requests of users: counts them, and refuses those that may not be done.
#[derive(Clone, Copy)]
pub struct Usage<'a> {
    /// Where use is counted.
    pub gate: &'a dyn Gate,
    /// The time.
    pub clock: &'a dyn Clock,
    /// How much is allowed.
    pub limits: &'a Limits,
}

impl Usage<'_> {
    /// Admits a request that reads something.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`], [`ApiError::TokenRevoked`], [`ApiError::Unavailable`].
    pub async fn admit_read(&self, by: &Principal) -> Result<(), ApiError> {
        self.admit_reads(by, 1).await
    }

    /// The same for a request that costs as much as so many, but never more than the limit allows at once.
    ///
    /// # Errors
    /// As [`Usage::admit_read`].
    pub async fn admit_reads(&self, by: &Principal, count: usize) -> Result<(), ApiError> {
        let (bucket, count) = (
            self.limits.bucket(Use::Requests),
            u64::try_from(count).unwrap_or(u64::MAX),
        );
        let taking = bucket.map(|bucket| Taking::of(Use::Requests, bucket, count.min(bucket.burst)));
        self.admit(by, Mode::Read, taking.as_slice(), None).await
    }

    /// Reads for a request, and admits the request at the same time.
    ///
    /// # Errors
    /// As [`Usage::admit_read`], and those of the work.
    pub async fn read<T>(
        &self,
        by: &Principal,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        beside(self.admit_read(by), work).await
    }

    /// The same for the user's own inbox. The user may read it once a second even when the bucket of requests is empty.
    ///
    /// # Errors
    /// As [`Usage::read`].
    pub async fn read_own<T>(
        &self,
        by: &Principal,
        work: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, ApiError> {
        let mut takings = self.takings(&[Use::Requests]);
        let mode = if takings.is_empty() { Mode::Read } else { Mode::ReadOwn };
        if mode == Mode::ReadOwn {
            takings.push(Taking::own_inbox(OWN_INBOX));
        }
        beside(self.admit(by, mode, &takings, None), work).await
    }

    /// Does a write. It counts as `kind`, and also as a new conversation if the user does not have the conversation `begins` yet.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`], [`ApiError::Banned`], [`ApiError::TokenRevoked`]: then nothing was done. [`ApiError::Unavailable`], and those of
    /// the work.
    pub async fn write<T, E: Into<ApiError>>(
        &self,
        caller: &Caller,
        kind: Use,
        begins: Option<&Target>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ApiError> {
        let mut kinds = vec![kind];
        kinds.extend(begins.map(|_| Use::Conversations));
        // The bucket of its connection has already counted a frame.
        kinds.extend(caller.connection.is_none().then_some(Use::Requests));
        let (by, takings) = (&caller.principal, self.takings(&kinds));
        match caller.counted {
            Counted::First => self.admit(by, Mode::Write, &takings, begins).await?,
            Counted::Beside => {
                let (done, ()) = join(work, self.charge(caller, &takings, begins)).await;
                return done.map_err(Into::into);
            }
            Counted::Never => {}
        }
        work.await.map_err(Into::into)
    }

    /// One token of each of these kinds that is limited.
    fn takings(&self, kinds: &[Use]) -> Vec<Taking> {
        let taking = |kind: &Use| Some(Taking::of(*kind, self.limits.bucket(*kind)?, 1));
        kinds.iter().filter_map(taking).collect()
    }

    /// The tokens that a handshake takes, and the buckets that tell a new connection whether its user is near a limit. Renewing a JWT takes none.
    pub(super) fn of_handshake(&self, is_new: bool) -> Vec<Taking> {
        let kinds = [Use::Sends, Use::Edits, Use::Conversations];
        let asked = kinds.map(|kind| Some(Taking::of(kind, self.limits.bucket(kind)?, 0)));
        let request = self.takings(&[Use::Requests]).into_iter().filter(|_| is_new);
        asked.into_iter().flatten().chain(request).collect()
    }

    async fn admit(
        &self,
        by: &Principal,
        mode: Mode,
        takings: &[Taking],
        begins: Option<&Target>,
    ) -> Result<(), ApiError> {
        let wish = Wish {
            by,
            mode,
            takings,
            begins,
        };
        self.gate.admit(wish).await?;
        Ok(())
    }

    /// Counts a write that is done at the same time. An error is only logged: then that write was not counted.
    async fn charge(&self, caller: &Caller, takings: &[Taking], begins: Option<&Target>) {
        let wish = Wish {
            by: &caller.principal,
            mode: Mode::Charge,
            takings,
            begins,
        };
        let near_until_ms = match self.gate.admit(wish).await {
            Ok(near_until_ms) => near_until_ms,
            // The next write of this connection is refused before it is done.
            Err(GateError::Refused(_)) => self.clock.now_ms() + CONNECTION_LIFETIME_MS,
            Err(GateError::Unavailable(error)) => {
                tracing::warn!(error = %Chain(&error), "a write was not counted");
                0
            }
        };
        if let Some(connection) = &caller.connection {
            self.mark(connection, near_until_ms).await;
        }
    }

    /// Notes that the user of a connection is near a limit, if the user is.
    pub(super) async fn mark(&self, connection: &ConnectionId, near_until_ms: u64) {
        if near_until_ms > self.clock.now_ms()
            && let Err(error) = self.gate.mark(connection, near_until_ms).await
        {
            tracing::warn!(error = %Chain(&error), "a connection does not know that its user is near a limit");
        }
    }
}

/// Does the work while it is admitted. A refusal wins over every result of the work, and ends it.
async fn beside<T>(
    admission: impl Future<Output = Result<(), ApiError>>,
    work: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    match select(pin!(admission), pin!(work)).await {
        Either::Left((admitted, work)) => {
            admitted?;
            work.await
        }
        Either::Right((done, admission)) => {
            admission.await?;
            done
        }
    }
}

/// Refuses a frame if the bucket of its connection is empty.
pub(super) fn check_frame(wait_ms: u64) -> Result<(), ApiError> {
    let kind = Use::Frames;
    match wait_ms {
        0 => Ok(()),
        wait_ms => Err(ApiError::from(GateError::Refused(Refusal::TooMany { kind, wait_ms }))),
    }
}
