//! The processes of each function, and which of them gets a request.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    call::{Call, Invocation, InvokeResult},
    error::InvokeError,
    journal::FunctionLog,
    limits::MAX_PAYLOAD_BYTES,
    process::{Job, Process, Surroundings},
    runtime_api,
    spec::{FunctionSpec, LambdaOptions, Rest},
};
use crate::{
    aws::ids,
    machine::logs,
    server::{Listeners, serve},
};

/// How long a process may take to ask for its first request.
///
/// # Source
/// Lambda: the init phase is limited to 10 seconds.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How long a process stays without work; Lambda says only that it keeps them for some time.
const IDLE_LIMIT: Duration = Duration::from_mins(10);
/// The longest that a process which is to be killed works on its request: a function of a chat takes some milliseconds.
const DOOM_MICROS: u64 = 10_000;
/// How often idle processes are looked through.
const REAP_INTERVAL: Duration = Duration::from_mins(1);

/// All functions of the stack. Dropping it ends their processes.
#[derive(Debug)]
pub struct Lambda {
    shared: Arc<Shared>,
    reaper: JoinHandle<()>,
}

/// What requests and the reaper share.
#[derive(Debug)]
struct Shared {
    functions: BTreeMap<String, Function>,
    processes: Mutex<Vec<Arc<Process>>>,
    options: LambdaOptions,
}

/// A function and its processes.
#[derive(Debug)]
struct Function {
    /// What its processes run; replaced when it has been built anew.
    spec: Mutex<Arc<FunctionSpec>>,
    /// A permit for each process that may run at a time.
    slots: Arc<Semaphore>,
    /// Warm processes, the one used last at the end.
    idle: Mutex<Vec<(Arc<Process>, Instant)>>,
    log: Arc<FunctionLog>,
}

impl Lambda {
    /// Gets ready to run `functions`, by the names under which they are asked for. No process is started before the first request.
    ///
    /// # Errors
    /// [`LogError`], when a log can't be written.
    pub fn start(functions: BTreeMap<String, FunctionSpec>, options: LambdaOptions) -> Result<Self, LogError> {
        let functions = functions.into_iter().map(|(name, spec)| {
            let log = FunctionLog::create(&spec.name, options.logs.as_deref()).map_err(|source| LogError {
                function: spec.name.clone(),
                source,
            })?;
            let function = Function {
                slots: Arc::new(Semaphore::new(spec.reserved.unwrap_or(options.concurrency))),
                spec: Mutex::new(Arc::new(spec)),
                idle: Mutex::default(),
                log: Arc::new(log),
            };
            Ok((name, function))
        });
        let shared = Arc::new(Shared {
            functions: functions.collect::<Result<_, LogError>>()?,
            processes: Mutex::default(),
            options,
        });
        let seen = Arc::clone(&shared);
        let reaper = tokio::spawn(async move {
            loop {
                tokio::time::sleep(REAP_INTERVAL).await;
                seen.reap();
            }
        });
        Ok(Self { shared, reaper })
    }

    /// Runs the function `name` on an event and returns its answer. The request is seen through even if the caller gives up,
    /// as Lambda does.
    ///
    /// # Errors
    /// [`InvokeError`]; it is logged here, under the function's name.
    pub async fn invoke(&self, name: &str, call: impl Into<Call>) -> InvokeResult {
        self.run(name, call.into()).await.result
    }

    /// As [`Lambda::invoke`], with all that is known of the request.
    pub async fn run(&self, name: &str, call: Call) -> Invocation {
        let shared = Arc::clone(&self.shared);
        let request_id = ids::lambda_request_id();
        let (name, id) = (name.to_owned(), request_id.clone());
        let task = tokio::spawn(async move {
            let Some(function) = shared.functions.get(&name) else {
                return (Err(InvokeError::Unknown(name)), String::new());
            };
            let (result, log_tail) = shared.run(function, &id, call).await;
            if let Err(error) = &result {
                logs::line(&function.spec().name, format_args!("[failed] {error}"));
            }
            (result, log_tail)
        });
        let (result, log_tail) = task.await.unwrap_or_else(|error| {
            let error = InvokeError::Exited(format!("with error: {error}"));
            (Err(error), String::new())
        });
        Invocation {
            request_id,
            result,
            log_tail,
        }
    }

    /// The function that `name` means: its key here, or else its name.
    pub fn find(&self, name: &str) -> Option<&str> {
        let functions = &self.shared.functions;
        if let Some((key, _)) = functions.get_key_value(name) {
            return Some(key);
        }
        functions
            .iter()
            .find(|(_, function)| function.spec().name == name)
            .map(|(key, _)| key.as_str())
    }

    /// Lets new processes run `executables`, by the functions' keys here. What is idle ends now, what is busy when it has answered.
    pub fn replace(&self, executables: &BTreeMap<String, PathBuf>) {
        for (key, executable) in executables {
            if let Some(function) = self.shared.functions.get(key) {
                function.replace(executable);
            }
        }
    }

    /// Ends every process and waits until all have ended.
    pub async fn stop(&self) {
        self.reaper.abort();
        for function in self.shared.functions.values() {
            function.slots.close();
        }
        let processes = self.shared.processes().clone();
        for process in &processes {
            process.kill();
        }
        for process in processes {
            process.ended().await;
        }
    }
}

impl Shared {
    fn processes(&self) -> MutexGuard<'_, Vec<Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The result of a request, and the end of its log.
    async fn run(self: &Arc<Self>, function: &Function, request_id: &str, call: Call) -> (InvokeResult, String) {
        if call.payload.len() > MAX_PAYLOAD_BYTES {
            return (Err(InvokeError::RequestTooLarge), String::new());
        }
        let slot = match function.slot(self.options.concurrency).await {
            Ok(slot) => slot,
            Err(error) => return (Err(error), String::new()),
        };
        let mut cold = false;
        let ended = loop {
            let process = if let Some(process) = function.take_idle() {
                process
            } else {
                cold = true;
                match self.spawn(function).await {
                    Ok(process) => process,
                    Err(error) => break (Err(InvokeError::Init(error)), String::new()),
                }
            };
            match self.run_on(&process, request_id, call.clone()).await {
                // It ended while it was idle and had not seen the request: another one can take it.
                (Err(InvokeError::Init(_)), _) if !cold => {}
                ended => {
                    // After these the process is as good as before; any other error means that it has ended or is about to.
                    let usable = matches!(
                        ended.0,
                        Ok(_) | Err(InvokeError::Function { .. } | InvokeError::AnswerTooLarge)
                    );
                    if usable && self.options.rest != Rest::Ends {
                        function.put_back(process);
                    } else {
                        process.kill();
                    }
                    break ended;
                }
            }
        };
        drop(slot);
        ended
    }

    /// Runs a request on one process. A process that fails to answer is killed.
    async fn run_on(&self, process: &Arc<Process>, request_id: &str, call: Call) -> (InvokeResult, String) {
        let (started, taken) = oneshot::channel();
        let (done, mut answer) = oneshot::channel();
        let job = Job {
            request_id: request_id.to_owned(),
            call,
            started,
            done,
        };
        if process.give(job).is_err() {
            process.kill();
            let error = InvokeError::Init("it is busy with a request that was given up".to_owned());
            return (Err(error), String::new());
        }
        if let Err(error) = took(process, taken).await {
            return (Err(error), String::new());
        }
        let started = Instant::now();
        let doom = self.options.faults.kill().then(doom);
        let result = tokio::select! {
            biased;
            () = fate(doom) => {
                process.kill();
                Err(InvokeError::Exited(process.ended().await))
            }
            Ok(result) = &mut answer, if doom.is_none() => result,
            reason = process.ended() => Err(InvokeError::Exited(reason)),
            () = tokio::time::sleep(process.spec.timeout) => {
                process.kill();
                Err(InvokeError::TimedOut(process.spec.timeout))
            }
        };
        let log_tail = process.log_end(started.elapsed(), result.as_ref().err()).await;
        (result, log_tail)
    }

    /// Starts a process, and a Runtime API for it alone.
    async fn spawn(self: &Arc<Self>, function: &Function) -> Result<Arc<Process>, String> {
        let listeners = Listeners::bind("127.0.0.1", 0, "nothing")
            .await
            .map_err(|error| error.to_string())?;
        let around = Surroundings {
            runtime_api: format!("127.0.0.1:{}", listeners.port()),
            log: Arc::clone(&function.log),
            freeze: self.options.rest == Rest::Frozen,
            guard: self.options.guard.clone(),
        };
        let process = Process::spawn(function.spec(), around).map_err(|error| error.to_string())?;
        self.processes().push(Arc::clone(&process));
        let served = Arc::clone(&process);
        let runtime_api = serve(listeners, move |request, _| {
            let process = Arc::clone(&served);
            async move { runtime_api::handle(&process, request).await }
        });
        let (shared, watched) = (Arc::clone(self), Arc::clone(&process));
        tokio::spawn(async move {
            watched.ended().await;
            drop(runtime_api);
            shared.processes().retain(|process| !Arc::ptr_eq(process, &watched));
        });
        Ok(process)
    }

    fn reap(&self) {
        for function in self.functions.values() {
            function.idle().retain(|(process, since)| {
                let expired = since.elapsed() > IDLE_LIMIT;
                if expired {
                    process.kill();
                }
                !expired && process.is_alive()
            });
        }
    }
}

/// When a process that is to be killed is killed: at once, or in the middle of what it does, or so late that it has done all. What it
/// answered by then, nobody hears.
fn doom() -> Duration {
    Duration::from_micros(fastrand::u64(..DOOM_MICROS))
}

/// Waits for the end that is set, if one is.
async fn fate(doom: Option<Duration>) {
    match doom {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Waits until the process has taken the request that it was given.
async fn took(process: &Process, mut taken: oneshot::Receiver<()>) -> Result<(), InvokeError> {
    tokio::select! {
        // In this order: a process that took the request and then ended has taken it.
        biased;
        Ok(()) = &mut taken => Ok(()),
        reason = process.ended() => Err(process.init_error().unwrap_or(InvokeError::Init(format!("it exited {reason}")))),
        () = tokio::time::sleep(INIT_LIMIT) => {
            process.kill();
            Err(InvokeError::Init(format!("it asked for no request within {} seconds", INIT_LIMIT.as_secs())))
        }
    }
}

impl Function {
    fn spec(&self) -> Arc<FunctionSpec> {
        Arc::clone(&self.spec.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(Arc<Process>, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a request. With a reservation there is one at once or never, as on AWS. Without, a request waits its turn,
    /// first come first served, as long as it may take at all: Lambda would throttle too, but at a thousand, a number that
    /// a laptop never reaches, and with `concurrency` processes and throttling, a load that AWS takes without a word would fail here.
    async fn slot(&self, concurrency: usize) -> Result<OwnedSemaphorePermit, InvokeError> {
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

    fn take_idle(&self) -> Option<Arc<Process>> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop())
            .map(|(process, _)| process)
            .find(|process| process.is_alive())
    }

    /// Keeps a process for the next request, unless it runs what has been replaced.
    fn put_back(&self, process: Arc<Process>) {
        // Under the lock of the idle ones, so that a replacement comes before this or finds the process there.
        let mut idle = self.idle();
        if !Arc::ptr_eq(&process.spec, &self.spec()) {
            process.kill();
        } else if process.is_alive() {
            idle.push((process, Instant::now()));
        }
    }

    fn replace(&self, executable: &Path) {
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
