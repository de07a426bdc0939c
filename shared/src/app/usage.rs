//! Lets users do as much as the limits of use allow, and banned users nothing.

use std::pin::pin;

use futures_util::future::{Either, join, select};

use super::Caller;
use crate::domain::limits::CONNECTION_LIFETIME_MS;
use crate::domain::{Bucket, ConnectionId, Limits, Principal, Refusal, Target, Use};
use crate::error::{ApiError, Chain};
use crate::ports::{Clock, Gate, GateError, Mode, Taking, Wish};

/// How often a user may read the own inbox when the bucket of requests is empty: once a second, and twice after a rest.
const OWN_INBOX: Bucket = Bucket {
    interval_us: 1_000_000,
    burst: 2,
};

/// When a caller's write is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Before it is done: so over REST, and over a connection whose user is near a limit.
    First,
    /// While it is done, so that it takes no trip of its own. It may exceed a limit, and then the user waits for that longer.
    Beside,
    /// Never: the platform's own server asks.
    Never,
}

/// Lets users in.
#[derive(Clone, Copy)]
pub struct Usage<'a> {
    /// Where it is counted.
    pub gate: &'a dyn Gate,
    /// The time.
    pub clock: &'a dyn Clock,
    /// How much is allowed.
    pub limits: &'a Limits,
}

impl Usage<'_> {
    /// Lets a request in that reads something.
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

    /// Reads for a request, and asks at the same time whether it may.
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

    /// The same for the user's own inbox, which the user may read once a second however much else the user has asked for.
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

    /// Does a write that counts as `kind`, and, if the user does not have the conversation `begins` yet, as the beginning of a conversation.
    ///
    /// # Errors
    /// [`ApiError::RateLimited`], [`ApiError::Banned`], [`ApiError::TokenRevoked`]: nothing was done then. [`ApiError::Unavailable`], and those of the
    /// work.
    pub async fn write<T, E: Into<ApiError>>(
        &self,
        caller: &Caller,
        kind: Use,
        begins: Option<&Target>,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, ApiError> {
        let mut kinds = vec![kind];
        kinds.extend(begins.map(|_| Use::Conversations));
        // A frame was taken from the bucket of its connection.
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

    /// What `kinds` take, one token of each that is limited.
    fn takings(&self, kinds: &[Use]) -> Vec<Taking> {
        let taking = |kind: &Use| Some(Taking::of(*kind, self.limits.bucket(*kind)?, 1));
        kinds.iter().filter_map(taking).collect()
    }

    /// What a handshake takes, and which buckets tell a new connection that its user is near a limit. A token that is renewed takes nothing.
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

    /// Counts what is done at the same time. It never fails: where it does, one write was not counted.
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

/// Does the work while it is asked whether it may be done. A refusal comes first, whatever the work says, and ends it.
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

/// Refuses a frame that its connection has to wait for.
pub(super) fn check_frame(wait_ms: u64) -> Result<(), ApiError> {
    let kind = Use::Frames;
    match wait_ms {
        0 => Ok(()),
        wait_ms => Err(ApiError::from(GateError::Refused(Refusal::TooMany { kind, wait_ms }))),
    }
}
