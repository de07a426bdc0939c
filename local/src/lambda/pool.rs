//! The processes of each function, and which of them gets a request.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use futures_util::{TryStreamExt as _, stream};
use tokio::{sync::oneshot, task::JoinHandle};

use super::{
    call::{Call, Invocation, InvokeResult},
    error::InvokeError,
    function::{Function, LogError},
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
/// How long a process without work is kept. Lambda documents only that it keeps them for some time.
const IDLE_LIMIT: Duration = Duration::from_mins(10);
/// How long, at most, a process that is to be killed works on its request. A function of the chat takes some milliseconds.
const DOOM_MICROS: u64 = 10_000;
/// How many functions start at a time when the stack starts.
const STARTS_AT_A_TIME: usize = 4;
/// How often the idle processes are checked.
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

impl Lambda {
    /// Prepares `functions`, by the names under which callers ask for them. It starts no process yet.
    ///
    /// # Errors
    /// [`LogError`], when a log can't be written.
    pub fn start(functions: BTreeMap<String, FunctionSpec>, options: LambdaOptions) -> Result<Self, LogError> {
        let new = |spec| Function::new(spec, options.concurrency, options.logs.as_deref());
        let functions = functions.into_iter().map(|(name, spec)| Ok((name, new(spec)?)));
        let functions = functions.collect::<Result<_, LogError>>()?;
        let shared = Arc::new(Shared {
            functions,
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

    /// Starts a process of each function, so that one that can't start says why now and not at its first request. The processes
    /// stay for the first requests.
    ///
    /// # Errors
    /// [`StartError`], for the first function whose process ends, or asks for no request in time.
    pub async fn warm_up(&self) -> Result<(), StartError> {
        // A function with a reservation of 0 is switched off.
        let functions = self
            .shared
            .functions
            .values()
            .filter(|function| function.spec().reserved != Some(0));
        stream::iter(functions.map(Ok))
            .try_for_each_concurrent(STARTS_AT_A_TIME, |function| self.shared.warm_up(function))
            .await
    }

    /// Runs the function `name` on an event and returns its answer. As on Lambda, the request runs to its end even when the
    /// caller gives up.
    ///
    /// # Errors
    /// [`InvokeError`]; it is logged here, under the function's name.
    pub async fn invoke(&self, name: &str, call: impl Into<Call>) -> InvokeResult {
        self.run(name, call.into()).await.result
    }

    /// Does the same as [`Lambda::invoke`], and returns everything that is known of the request.
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

    /// The key of the function that `name` means. `name` is that key, or the function's name.
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

    /// Lets new processes run `executables`, by the functions' keys. Idle processes end now, busy ones after their answer.
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
            function.close();
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

    async fn warm_up(self: &Arc<Self>, function: &Function) -> Result<(), StartError> {
        let failed = |why: String| StartError {
            function: function.spec().name.clone(),
            why,
        };
        let process = self.spawn(function).await.map_err(failed)?;
        if let Err(error) = got_ready(&process, process.ready()).await {
            return Err(failed(match error {
                InvokeError::Function { message, .. } => message,
                error => process.last_line().unwrap_or_else(|| error.to_string()),
            }));
        }
        if self.options.rest == Rest::Ends {
            process.kill();
        } else {
            function.put_back(process);
        }
        Ok(())
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
                // The process ended while it was idle, and had not taken the request. Another process can take it.
                (Err(InvokeError::Init(_)), _) if !cold => {}
                ended => {
                    // After these results the process can take another request. After any other error it has ended or is about
                    // to end.
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
        if let Some(late) = self.options.faults.function_late() {
            tokio::time::sleep(late).await;
        }
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
        if let Err(error) = got_ready(process, async { taken.await.is_ok() }).await {
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

    /// Starts a process, and its own Runtime API.
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
            function.reap(IDLE_LIMIT);
        }
    }
}

/// After what time a process that is to be killed is killed: at once, in the middle of its work, or after it. If it has answered by
/// then, nobody gets the answer.
fn doom() -> Duration {
    Duration::from_micros(fastrand::u64(..DOOM_MICROS))
}

/// Waits until the time to kill the process, and without one for ever.
async fn fate(doom: Option<Duration>) {
    match doom {
        Some(time) => tokio::time::sleep(time).await,
        None => std::future::pending().await,
    }
}

/// Waits for `first`, which is the first thing that the process does when it is ready.
///
/// # Errors
/// Why it could not get ready, when it ends first or takes too long.
async fn got_ready(process: &Process, first: impl Future<Output = bool>) -> Result<(), InvokeError> {
    tokio::select! {
        // `biased` checks in this order: a process that took a request and then ended has taken it.
        biased;
        true = first => Ok(()),
        reason = process.ended() => Err(process.init_error().unwrap_or(InvokeError::Init(format!("it exited {reason}")))),
        () = tokio::time::sleep(INIT_LIMIT) => {
            process.kill();
            Err(InvokeError::Init(format!("it asked for no request within {} seconds", INIT_LIMIT.as_secs())))
        }
    }
}

/// A function can't start.
#[derive(Debug, thiserror::Error)]
#[error("the function {function} doesn't start: {why}")]
pub struct StartError {
    function: String,
    /// The function's own message, if it wrote one.
    why: String,
}
