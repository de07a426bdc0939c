//! One function: what it runs, its places and its warm processes.

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
    /// What its processes run; replaced when it has been built anew.
    spec: Mutex<Arc<FunctionSpec>>,
    /// A permit for each process that may run at a time.
    slots: Arc<Semaphore>,
    /// Warm processes, the one used last at the end.
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

    /// A place for a request. With a reservation there is one at once or never, as on AWS. Without, a request waits its turn,
    /// first come first served, as long as it may take at all: Lambda would throttle too, but at a thousand, a number that
    /// a laptop never reaches, and with `concurrency` processes and throttling, a load that AWS takes without a word would fail here.
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

    /// Lets nobody wait for a place any more.
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

    /// Keeps a process for the next request, unless it runs what has been replaced.
    pub(super) fn put_back(&self, process: Arc<Process>) {
        // Under the lock of the idle ones, so that a replacement comes before this or finds the process there.
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
