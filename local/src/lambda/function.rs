//! One function: its executable, how many of its processes may run, and those that are warm.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError},
    time::timeout,
};

use super::{error::InvokeError, journal::FunctionLog, process::Process, spec::FunctionSpec};

/// A function and its processes.
#[derive(Debug)]
pub(super) struct Function {
    /// What its processes run. A new build replaces it.
    spec: Mutex<Arc<FunctionSpec>>,
    /// A permit for each process that may run at a time.
    slots: Arc<Semaphore>,
    /// Warm processes. The one that was used last is at the end.
    idle: Mutex<Vec<(Arc<Process>, Instant)>>,
    pub(super) log: Arc<FunctionLog>,
}

impl Function {
    /// A function without processes. At most `concurrency` run at a time, if the template reserves no other number.
    ///
    /// # Errors
    /// [`LogError`], when its log can't be written.
    pub(super) fn new(spec: FunctionSpec, concurrency: usize, logs: Option<&Path>) -> Result<Self, LogError> {
        let log = FunctionLog::create(&spec.name, logs).map_err(|source| LogError {
            function: spec.name.clone(),
            source,
        })?;
        Ok(Self {
            slots: Arc::new(Semaphore::new(spec.reserved.unwrap_or(concurrency))),
            spec: Mutex::new(Arc::new(spec)),
            idle: Mutex::default(),
            log: Arc::new(log),
        })
    }

    /// What its new processes run.
    pub(super) fn spec(&self) -> Arc<FunctionSpec> {
        Arc::clone(&self.spec.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Arc<Process>, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A permit for a request. With a reservation the request gets one at once or fails, as on AWS. Without a reservation it
    /// waits for its turn, as long as the function's timeout. Lambda throttles at a thousand requests, which a laptop never
    /// reaches. With an error at `concurrency` requests, a load that AWS takes without a problem would fail here.
    pub(super) async fn slot(&self, concurrency: usize) -> Result<OwnedSemaphorePermit, InvokeError> {
        let spec = self.spec();
        let slots = Arc::clone(&self.slots);
        let gone = || InvokeError::Unknown(spec.name.clone());
        if spec.reserved.is_some() {
            return slots.try_acquire_owned().map_err(|error| match error {
                TryAcquireError::NoPermits => InvokeError::Throttled,
                TryAcquireError::Closed => gone(),
            });
        }
        match timeout(spec.timeout, slots.acquire_owned()).await {
            Ok(slot) => slot.map_err(|_| gone()),
            Err(_) => Err(InvokeError::Busy(concurrency)),
        }
    }

    /// Refuses all requests from now on, also those that wait.
    pub(super) fn close(&self) {
        self.slots.close();
    }

    /// Ends the processes that have had no work for longer than `limit`.
    pub(super) fn reap(&self, limit: Duration) {
        self.idle().retain(|(process, since)| {
            let expired = since.elapsed() > limit;
            if expired {
                process.kill();
            }
            !expired && process.is_alive()
        });
    }

    /// The warm process that was used last.
    pub(super) fn take_idle(&self) -> Option<Arc<Process>> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop())
            .map(|(process, _)| process)
            .find(|process| process.is_alive())
    }

    /// Keeps a process for the next request, unless its executable has been replaced.
    pub(super) fn put_back(&self, process: Arc<Process>) {
        // It holds the lock of the idle processes. So a replacement comes before this, or finds the process among them.
        let mut idle = self.idle();
        if !Arc::ptr_eq(&process.spec, &self.spec()) {
            process.kill();
        } else if process.is_alive() {
            idle.push((process, Instant::now()));
        }
    }

    /// Lets new processes run `executable`.
    pub(super) fn replace(&self, executable: &Path) {
        let mut idle = self.idle();
        let mut spec = self.spec.lock().unwrap_or_else(PoisonError::into_inner);
        *spec = Arc::new(FunctionSpec {
            executable: executable.to_owned(),
            ..FunctionSpec::clone(&spec)
        });
        for (process, _) in idle.drain(..) {
            process.kill();
        }
    }
}

/// A function's log can't be written.
#[derive(Debug, thiserror::Error)]
#[error("can't write the log of {function}")]
pub struct LogError {
    function: String,
    source: io::Error,
}
