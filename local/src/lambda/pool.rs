//! The processes of each function, and which of them gets a request.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::timeout,
};

use super::{
    FunctionSpec, InvokeError, InvokeResult, LambdaOptions, MAX_PAYLOAD_BYTES,
    process::{Job, Process},
    runtime_api,
};
use crate::{
    ids, logs,
    server::{BindError, Listeners, Server, serve},
};

/// How long a process may take to ask for its first request.
///
/// # Source
/// Lambda: the init phase is limited to 10 seconds.
const INIT_LIMIT: Duration = Duration::from_secs(10);
/// How long a process stays without work; Lambda says only that it keeps them for some time.
const IDLE_LIMIT: Duration = Duration::from_mins(10);
/// How often idle processes are looked through.
const REAP_INTERVAL: Duration = Duration::from_mins(1);

/// All functions of the stack. Dropping it ends their processes.
#[derive(Debug)]
pub struct Lambda {
    shared: Arc<Shared>,
    _server: Server,
    reaper: JoinHandle<()>,
}

/// What requests, the Runtime API and the reaper share.
#[derive(Debug)]
struct Shared {
    functions: BTreeMap<String, Function>,
    /// Every process, by the key in its Runtime API path.
    processes: Mutex<BTreeMap<String, Arc<Process>>>,
    runtime_api: String,
    options: LambdaOptions,
}

/// A function and its processes.
#[derive(Debug)]
struct Function {
    spec: Arc<FunctionSpec>,
    /// A permit for each process that may run at a time. Beyond it a request waits its turn, first come first served, as long
    /// as it may take at all. Lambda would throttle instead, but at a thousand, a number that a laptop never reaches: with
    /// ten processes and throttling, a load that AWS takes without a word would fail here.
    slots: Arc<Semaphore>,
    /// Warm processes, the one used last at the end.
    idle: Mutex<Vec<(Arc<Process>, Instant)>>,
}

impl Lambda {
    /// Serves the Runtime API for `functions`, by name. No process is started before the first request.
    ///
    /// # Errors
    /// [`BindError`], when no port on 127.0.0.1 can be listened on.
    pub async fn start(functions: BTreeMap<String, FunctionSpec>, options: LambdaOptions) -> Result<Self, BindError> {
        let listeners = Listeners::bind("127.0.0.1", 0, "nothing").await?;
        let functions = functions.into_iter().map(|(name, spec)| {
            let function = Function {
                spec: Arc::new(spec),
                slots: Arc::new(Semaphore::new(options.concurrency)),
                idle: Mutex::default(),
            };
            (name, function)
        });
        let shared = Arc::new(Shared {
            functions: functions.collect(),
            processes: Mutex::default(),
            runtime_api: format!("127.0.0.1:{}", listeners.port()),
            options,
        });
        let seen = Arc::clone(&shared);
        let server = serve(listeners, move |request, _| {
            let shared = Arc::clone(&seen);
            async move { runtime_api::handle(|key| shared.process(key), request).await }
        });
        let seen = Arc::clone(&shared);
        let reaper = tokio::spawn(async move {
            loop {
                tokio::time::sleep(REAP_INTERVAL).await;
                seen.reap();
            }
        });
        Ok(Self {
            shared,
            _server: server,
            reaper,
        })
    }

    /// Runs the function `name` on an event and returns its answer. The request is seen through even if the caller gives up,
    /// as Lambda does.
    ///
    /// # Errors
    /// [`InvokeError`]; it is logged here, under the function's name.
    pub async fn invoke(&self, name: &str, payload: Bytes) -> InvokeResult {
        let shared = Arc::clone(&self.shared);
        let name = name.to_owned();
        let task = tokio::spawn(async move {
            let Some(function) = shared.functions.get(&name) else {
                return Err(InvokeError::Unknown(name));
            };
            let result = shared.run(function, payload).await;
            if let Err(error) = &result {
                logs::line(&function.spec.name, format_args!("[failed] {error}"));
            }
            result
        });
        task.await
            .unwrap_or_else(|error| Err(InvokeError::Exited(error.to_string())))
    }

    /// Ends every process and waits until all have ended.
    pub async fn stop(&self) {
        self.reaper.abort();
        for function in self.shared.functions.values() {
            function.slots.close();
        }
        let processes: Vec<_> = self.shared.processes().values().cloned().collect();
        for process in &processes {
            process.kill();
        }
        for process in processes {
            process.ended().await;
        }
    }
}

impl Shared {
    fn processes(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Arc<Process>>> {
        self.processes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn process(&self, key: &str) -> Option<Arc<Process>> {
        self.processes().get(key).cloned()
    }

    async fn run(self: &Arc<Self>, function: &Function, payload: Bytes) -> InvokeResult {
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(InvokeError::TooLarge);
        }
        let spec = &function.spec;
        let slot = match timeout(spec.timeout, Arc::clone(&function.slots).acquire_owned()).await {
            Ok(Ok(slot)) => slot,
            Ok(Err(_)) => return Err(InvokeError::Unknown(spec.name.clone())),
            Err(_) => return Err(InvokeError::Busy(self.options.concurrency)),
        };
        let mut cold = false;
        let result = loop {
            let process = if let Some(process) = function.take_idle() {
                process
            } else {
                cold = true;
                self.spawn(spec).map_err(|error| InvokeError::Init(error.to_string()))?
            };
            match self.run_on(&process, payload.clone()).await {
                // It ended while it was idle and had not seen the request: another one can take it.
                Err(InvokeError::Init(_)) if !cold => {}
                result => {
                    // After these the process is as good as before; any other error means that it has ended or is about to.
                    if matches!(
                        result,
                        Ok(_) | Err(InvokeError::Function { .. } | InvokeError::TooLarge)
                    ) {
                        function.put_back(process);
                    }
                    break result;
                }
            }
        };
        drop(slot);
        result
    }

    /// Runs a request on one process. A process that fails to answer is killed.
    async fn run_on(&self, process: &Arc<Process>, payload: Bytes) -> InvokeResult {
        let (started, mut taken) = oneshot::channel();
        let (done, mut answer) = oneshot::channel();
        let job = Job {
            request_id: ids::lambda_request_id(),
            payload,
            trace_id: ids::trace_id(),
            started,
            done,
        };
        if process.give(job).is_err() {
            process.kill();
            return Err(InvokeError::Init(
                "it is busy with a request that was given up".to_owned(),
            ));
        }
        tokio::select! {
            // In this order: a process that took the request and then ended has taken it.
            biased;
            Ok(()) = &mut taken => {}
            reason = process.ended() => return Err(InvokeError::Init(reason)),
            () = tokio::time::sleep(INIT_LIMIT) => {
                process.kill();
                return Err(InvokeError::Init(format!("it asked for no request within {} seconds", INIT_LIMIT.as_secs())));
            }
        }
        tokio::select! {
            biased;
            Ok(result) = &mut answer => result,
            reason = process.ended() => Err(InvokeError::Exited(reason)),
            () = tokio::time::sleep(process.spec.timeout) => {
                process.kill();
                Err(InvokeError::TimedOut(process.spec.timeout))
            }
        }
    }

    fn spawn(self: &Arc<Self>, spec: &Arc<FunctionSpec>) -> io::Result<Arc<Process>> {
        let key = ids::lambda_request_id();
        // The process must be found by its key from its first call on, and that comes after this lock is free again.
        let mut processes = self.processes();
        let process = Process::spawn(
            Arc::clone(spec),
            key.clone(),
            &self.runtime_api,
            self.options.guard.clone(),
        )?;
        processes.insert(key, Arc::clone(&process));
        drop(processes);
        let (shared, watched) = (Arc::clone(self), Arc::clone(&process));
        tokio::spawn(async move {
            watched.ended().await;
            shared.processes().remove(&watched.key);
        });
        Ok(process)
    }

    fn reap(&self) {
        for function in self.functions.values() {
            let mut idle = function.idle.lock().unwrap_or_else(PoisonError::into_inner);
            idle.retain(|(process, since)| {
                let expired = since.elapsed() > IDLE_LIMIT;
                if expired {
                    process.kill();
                }
                !expired && process.is_alive()
            });
        }
    }
}

impl Function {
    fn take_idle(&self) -> Option<Arc<Process>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop())
            .map(|(process, _)| process)
            .find(|process| process.is_alive())
    }

    fn put_back(&self, process: Arc<Process>) {
        if process.is_alive() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push((process, Instant::now()));
        }
    }
}
