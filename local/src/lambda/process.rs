//! One process of a function: an execution environment, in Lambda's words.

use std::{
    io,
    os::unix::process::ExitStatusExt as _,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    sync::{Notify, mpsc, oneshot, watch},
    task::JoinHandle,
    time::timeout,
};

use super::{
    call::{Call, InvokeResult},
    error::InvokeError,
    journal::{self, Flush, FunctionLog, Journal, Report},
    spec::FunctionSpec,
};
use crate::{
    aws::{
        ids,
        stand_ins::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN},
    },
    machine::guard::Guard,
};

/// How long to wait for the last output of a process that has ended.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// A request on its way to a process.
#[derive(Debug)]
pub(super) struct Job {
    /// Lambda's request id.
    pub(super) request_id: String,
    /// The request.
    pub(super) call: Call,
    /// Gets a message when the process has taken the request. The time of the request runs from then.
    pub(super) started: oneshot::Sender<()>,
    /// Gets the answer.
    pub(super) done: oneshot::Sender<InvokeResult>,
}

/// What a process needs in addition to its function.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Where its Runtime API is (`127.0.0.1:port`).
    pub(super) runtime_api: String,
    /// The log for its lines.
    pub(super) log: Arc<FunctionLog>,
    /// Whether it is stopped between two requests.
    pub(super) freeze: bool,
    /// Who kills it when the stack is killed.
    pub(super) guard: Option<Arc<Guard>>,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    /// What it runs.
    pub(super) spec: Arc<FunctionSpec>,
    pid: Option<Pid>,
    freeze: bool,
    spawned: Instant,
    /// How long it took to ask for its first request, until the report of that request takes this value.
    init: Mutex<Option<Duration>>,
    jobs: mpsc::Sender<Job>,
    inbox: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<InvokeResult>)>>,
    /// Whether it has asked for a request, or has reported why it can't.
    readiness: watch::Sender<Readiness>,
    exit: watch::Receiver<Option<String>>,
    kill: Arc<Notify>,
    journal: Arc<Journal>,
    outputs: Vec<mpsc::Sender<Flush>>,
}

#[derive(Debug)]
enum Readiness {
    Starting,
    Ready,
    Failed(InvokeError),
}

impl Process {
    /// Starts a process.
    pub(super) fn spawn(spec: Arc<FunctionSpec>, around: Surroundings) -> io::Result<Arc<Self>> {
        let spawned = Instant::now();
        let mut child = command(&spec, &around.runtime_api).spawn()?;
        let pid = child.id();
        let guard = around.guard;
        if let (Some(guard), Some(pid)) = (&guard, pid) {
            guard.watch(pid);
        }
        let journal = Arc::new(Journal::new(around.log));
        let mut outputs = Vec::new();
        let mut readers: Vec<JoinHandle<()>> = Vec::new();
        let mut flush = || {
            let (sender, receiver) = mpsc::channel(1);
            outputs.push(sender);
            receiver
        };
        if let Some(output) = child.stdout.take() {
            readers.push(tokio::spawn(journal::read(Arc::clone(&journal), output, flush())));
        }
        if let Some(output) = child.stderr.take() {
            readers.push(tokio::spawn(journal::read(Arc::clone(&journal), output, flush())));
        }
        let (jobs, inbox) = mpsc::channel(1);
        let (exited, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let killed = Arc::clone(&kill);
        tokio::spawn(async move {
            let reason = wait(&mut child, &killed).await;
            if let (Some(guard), Some(pid)) = (guard, pid) {
                guard.forget(pid);
            }
            // Its last output comes out before anybody is told that it has ended: it usually says why.
            for reader in readers {
                drop(timeout(LAST_WORDS, reader).await);
            }
            exited.send_replace(Some(reason));
        });
        Ok(Arc::new(Self {
            spec,
            pid: pid.and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?)),
            freeze: around.freeze,
            spawned,
            init: Mutex::new(None),
            jobs,
            inbox: tokio::sync::Mutex::new(inbox),
            current: Mutex::new(None),
            readiness: watch::Sender::new(Readiness::Starting),
            exit,
            kill,
            journal,
            outputs,
        }))
    }

    /// Whether it is still there.
    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none() && self.exit.has_changed().is_ok()
    }

    /// Waits until the process has ended, and says how.
    pub(super) async fn ended(&self) -> String {
        let mut exit = self.exit.clone();
        match exit.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "because the stack is stopping".to_owned(),
        }
    }

    /// Ends the process.
    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }

    /// Hands a request over. The process takes it with its next call of `next`. Returns the request when the process has
    /// another one.
    pub(super) fn give(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job) => job,
        })
    }

    /// Waits for the next request. With `freeze` the process is stopped meanwhile.
    ///
    /// # Source
    /// Lambda developer guide, "Lambda execution environment": frozen as soon as the runtime has asked for the next request,
    /// and not before.
    pub(super) async fn next_job(&self) -> Option<Job> {
        self.readiness.send_if_modified(|readiness| {
            let starting = matches!(readiness, Readiness::Starting);
            if starting {
                *readiness = Readiness::Ready;
                *self.init.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.spawned.elapsed());
            }
            starting
        });
        let mut inbox = self.inbox.lock().await;
        if let Ok(job) = inbox.try_recv() {
            return Some(job);
        }
        self.signal(Signal::STOP);
        let job = inbox.recv().await;
        self.signal(Signal::CONT);
        job
    }

    /// Stops the process or lets it go on, when `freeze` is set.
    fn signal(&self, signal: Signal) {
        if let Some(pid) = self.pid.filter(|_| self.freeze && self.is_alive()) {
            // It fails when the process has just ended, and then there is nothing to stop.
            kill_process(pid, signal).ok();
        }
    }

    /// Notes which request the process works on.
    pub(super) fn begin(&self, request_id: String, done: oneshot::Sender<InvokeResult>) {
        self.journal.start(&request_id);
        let before = self
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace((request_id, done));
        if let Some((_, done)) = before {
            // It asked for the next request and has not answered this one. Sending fails when nobody waits any more.
            drop(done.send(Err(InvokeError::Exited(
                "without an answer: the function asked for the next request".to_owned(),
            ))));
        }
    }

    /// Answers the request that the process works on; false when that request has another id.
    pub(super) fn finish(&self, request_id: &str, result: InvokeResult) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take_if(|(id, _)| id == request_id) {
            Some((_, done)) => {
                // It fails when nobody waits any more.
                drop(done.send(result));
                true
            }
            None => false,
        }
    }

    /// Writes the end of the request's log, and returns the part of the log that callers of Lambda get.
    pub(super) async fn log_end(&self, duration: Duration, error: Option<&InvokeError>) -> String {
        for output in &self.outputs {
            let (done, written) = oneshot::channel();
            // It fails when the output is closed, and then everything has been written.
            if output.send(done).await.is_ok() {
                written.await.ok();
            }
        }
        let status = error.and_then(|error| match error {
            InvokeError::TimedOut(_) => Some(("timeout", String::new())),
            InvokeError::Exited(_) | InvokeError::AnswerTooLarge => Some(("error", error.kind().to_owned())),
            _ => None,
        });
        let pid = self.pid.and_then(|pid| u32::try_from(pid.as_raw_nonzero().get()).ok());
        self.journal.end(&Report {
            duration,
            init: self.init.lock().unwrap_or_else(PoisonError::into_inner).take(),
            memory_mb: self.spec.memory_mb,
            peak_mb: pid.and_then(journal::peak_memory_mb),
            failure: status.is_some().then(|| error.map(ToString::to_string)).flatten(),
            status,
        })
    }

    /// Notes why the process could not get ready. The process ends by itself after this report. False when it was ready already.
    pub(super) fn init_failed(&self, error: InvokeError) -> bool {
        self.readiness.send_if_modified(|readiness| {
            let starting = matches!(readiness, Readiness::Starting);
            if starting {
                *readiness = Readiness::Failed(error);
            }
            starting
        })
    }

    /// Waits until the process asks for its first request; false when that never comes.
    pub(super) async fn ready(&self) -> bool {
        let mut readiness = self.readiness.subscribe();
        let ready = readiness
            .wait_for(|readiness| matches!(readiness, Readiness::Ready))
            .await;
        ready.is_ok()
    }

    /// The last line that it wrote. `main` puts "Error: " before the error that it returns.
    pub(super) fn last_line(&self) -> Option<String> {
        let line = self.journal.last_line()?;
        Some(line.strip_prefix("Error: ").map_or(line.clone(), str::to_owned))
    }

    /// Why it could not get ready, if it has reported this.
    pub(super) fn init_error(&self) -> Option<InvokeError> {
        match &*self.readiness.borrow() {
            Readiness::Failed(error) => Some(error.clone()),
            Readiness::Starting | Readiness::Ready => None,
        }
    }
}

/// Waits until a child has ended, or kills it when it is told to.
async fn wait(child: &mut Child, kill: &Notify) -> String {
    tokio::select! {
        status = child.wait() => status.map_or_else(|error| format!("with error: {error}"), in_lambdas_words),
        () = kill.notified() => {
            // SIGKILL, as Lambda does to functions without extensions.
            drop(child.kill().await);
            "with error: signal: killed".to_owned()
        }
    }
}

/// How a process ended, after "Runtime exited".
///
/// # Source
/// Logs of functions on AWS: "Runtime exited with error: exit status 1", "Runtime exited with error: signal: killed", "Runtime
/// exited without providing a reason".
fn in_lambdas_words(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(0), _) => "without providing a reason".to_owned(),
        (Some(code), _) => format!("with error: exit status {code}"),
        (None, Some(signal)) => {
            let name = match signal {
                6 => "aborted",
                9 => "killed",
                11 => "segmentation fault",
                15 => "terminated",
                other => return format!("with error: signal {other}"),
            };
            format!("with error: signal: {name}")
        }
        (None, None) => "with error".to_owned(),
    }
}

/// The command line and environment of a process: Lambda's own variables and those of the template. Variables of this shell are
/// left out, so that no function relies on a variable that is missing in the template.
fn command(spec: &FunctionSpec, runtime_api: &str) -> Command {
    let mut command = Command::new(&spec.executable);
    let folder = spec.executable.parent().unwrap_or(&spec.executable);
    command
        .env_clear()
        .envs(&spec.environment)
        .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
        .env("AWS_LAMBDA_FUNCTION_NAME", &spec.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name))
        .env(
            "AWS_LAMBDA_LOG_STREAM_NAME",
            format!("local/[$LATEST]{}", ids::lambda_request_id()),
        )
        .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
        // SAM sets this on a developer's machine. The functions then write plain log lines.
        .env("AWS_SAM_LOCAL", "true")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        // The keys with which an SDK signs here.
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY)
        .env("AWS_SESSION_TOKEN", SESSION_TOKEN)
        .env("_HANDLER", "bootstrap")
        .env("LAMBDA_TASK_ROOT", folder)
        .env("LAMBDA_RUNTIME_DIR", folder)
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C must reach only the stack: it runs `$disconnect` for the open connections before it ends the functions.
        .process_group(0)
        .kill_on_drop(true);
    command
}
