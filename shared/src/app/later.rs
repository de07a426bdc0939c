//! Jobs for the worker: promised before the work that makes them necessary, handed to the queue before the answer.

use std::time::Duration;

use futures_util::future::join;

use crate::domain::Job;
use crate::error::Chain;
use crate::ports::{Promise, Promises, Queue, Unavailable};

/// Hands jobs to the worker. A function that dies in between leaves the promise, which the worker finds.
#[derive(Clone, Copy)]
pub struct Later<'a> {
    /// Where jobs are promised.
    pub promises: &'a dyn Promises,
    /// What gives them to the worker.
    pub queue: &'a dyn Queue,
}

impl Later<'_> {
    /// Does the work and promises a job at the same time. If the work fails, nobody needs the job.
    ///
    /// # Errors
    /// Those of the work. [`Unavailable`] if the promise failed; then the work may be done.
    pub async fn promising<T, E: From<Unavailable>>(
        &self,
        job: Job,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<(T, Promise), E> {
        let (promised, done) = join(self.promises.promise(job), work).await;
        match (done, promised) {
            (Ok(done), promised) => Ok((done, promised?)),
            (Err(error), Ok(promise)) => {
                self.forget(&promise).await;
                Err(error)
            }
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Keeps a promise: hands over its job, unless the queue has it. It never fails: the worker finds a promise that was not kept.
    pub async fn keep(&self, promise: &Promise) {
        let kept = async {
            if !self.promises.claim(promise).await? {
                return Ok(());
            }
            if let Err(error) = self.queue.hand_over(&promise.job, Duration::ZERO).await {
                self.promises.take(&promise.job).await?;
                return Err(error);
            }
            self.promises.drop_promise(promise).await
        };
        if let Err(error) = kept.await {
            tracing::warn!(error = %Chain(&error), "a job was not handed over; the worker will find it");
        }
    }

    /// Drops a promise whose job nobody needs. It never fails: the worker looks, and finds nothing to do.
    pub async fn forget(&self, promise: &Promise) {
        if let Err(error) = self.promises.drop_promise(promise).await {
            tracing::warn!(error = %Chain(&error), "a promised job was not dropped");
        }
    }
}
