//! Handing work to the worker, so that none is lost.

use std::time::Duration;

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::Job;

/// A note that a job may be necessary. It stands until the queue has the job, or nobody needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Promise {
    /// The job.
    pub job: Job,
    /// Tells promises of the same job apart.
    pub identity: u64,
}

/// The queue from which the worker is given jobs: each one at least once, in no order.
#[async_trait]
pub trait Queue: Send + Sync {
    /// Hands over a job, which the worker is given after that time; 15 minutes is the longest. Calling it twice queues it twice.
    ///
    /// # Errors
    /// [`Unavailable`]; the job may be queued or not.
    async fn hand_over(&self, job: &Job, after: Duration) -> Result<(), Unavailable>;

    /// Gives the worker the job of this receipt again after that time; 12 hours is the longest. Calling it twice changes nothing more.
    ///
    /// # Errors
    /// [`Unavailable`]; the queue then gives the job again when it does so by itself.
    async fn put_off(&self, receipt: &str, by: Duration) -> Result<(), Unavailable>;
}

/// Remembers promised jobs where messages are kept, and which jobs the queue already has. Each method is one round trip, unless it says otherwise.
#[async_trait]
pub trait Promises: Send + Sync {
    /// Promises a job. Calling it twice makes two promises.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn promise(&self, job: Job) -> Result<Promise, Unavailable>;

    /// Asks whether the caller has to hand the job over. If the queue has it, and the worker was not yet given it, nobody has to, and the promise is
    /// dropped. A caller that has to, and cannot, calls [`Promises::take`], so that others try.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn claim(&self, promise: &Promise) -> Result<bool, Unavailable>;

    /// Drops the promise. Calling it twice changes nothing more.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn drop_promise(&self, promise: &Promise) -> Result<(), Unavailable>;

    /// Notes that the queue does not have the job any more. Called before the job is carried out, so that a change from now on queues it again.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn take(&self, job: &Job) -> Result<(), Unavailable>;

    /// Asks whether the caller has to hand the job over to be carried out at `due_ms`, in milliseconds since 1970. Nobody has to if the queue has it.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn claim_later(&self, job: &Job, due_ms: u64) -> Result<bool, Unavailable>;

    /// The oldest promises that were made before that time, in milliseconds since 1970, and not dropped. Notes of queued jobs on which nobody relies
    /// any more are removed. Two round trips.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn forgotten(&self, before_ms: u64) -> Result<Vec<Promise>, Unavailable>;
}
