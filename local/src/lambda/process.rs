//! One process of a function: an execution environment, in Lambda's words.

use std::{
    io,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use tokio::{
    process::{Child, Command},
    sync::{Notify, mpsc, oneshot, watch},
};

use super::{FunctionSpec, InvokeError, InvokeResult};
use crate::{gateway::signature, guard::Guard, logs, template::intrinsics::REGION};

/// A request on its way to a process.
#[derive(Debug)]
pub(super) struct Job {
    /// Lambda's request id.
    pub(super) request_id: String,
    /// The event.
    pub(super) payload: Bytes,
    /// The X-Ray trace header.
    pub(super) trace_id: String,
    /// Told when the process has taken the request: its time runs from then.
    pub(super) started: oneshot::Sender<()>,
    /// Told the answer.
    pub(super) done: oneshot::Sender<InvokeResult>,
}

/// A running process.
#[derive(Debug)]
pub(super) struct Process {
    /// What it runs.
    pub(super) spec: Arc<FunctionSpec>,
    /// The first part of its Runtime API's path, by which its calls are told from those of other processes.
    pub(super) key: String,
    jobs: mpsc::Sender<Job>,
    /// Where `next` waits.
    pub(super) inbox: tokio::sync::Mutex<mpsc::Receiver<Job>>,
    current: Mutex<Option<(String, oneshot::Sender<InvokeResult>)>>,
    init_error: Mutex<Option<String>>,
    exit: watch::Receiver<Option<String>>,
    kill: Arc<Notify>,
}

impl Process {
    /// Starts a process that talks to the Runtime API at `runtime_api` (`127.0.0.1:port`).
    pub(super) fn spawn(
        spec: Arc<FunctionSpec>,
        key: String,
        runtime_api: &str,
        guard: Option<Arc<Guard>>,
    ) -> io::Result<Arc<Self>> {
        let mut child = command(&spec, &key, runtime_api).spawn()?;
        let pid = child.id();
        if let (Some(guard), Some(pid)) = (&guard, pid) {
            guard.watch(pid);
        }
        let outputs = [
            child
                .stdout
                .take()
                .map(|output| tokio::spawn(logs::forward(spec.name.clone(), output))),
            child
                .stderr
                .take()
                .map(|output| tokio::spawn(logs::forward(spec.name.clone(), output))),
        ];
        let (jobs, inbox) = mpsc::channel(1);
        let (exited, exit) = watch::channel(None);
        let kill = Arc::new(Notify::new());
        let killed = Arc::clone(&kill);
        tokio::spawn(async move {
            let reason = wait(&mut child, &killed).await;
            if let (Some(guard), Some(pid)) = (guard, pid) {
                guard.forget(pid);
            }
            // What it wrote last comes out before anyone is told that it has ended, since that is usually the reason why.
            for output in outputs.into_iter().flatten() {
                drop(tokio::time::timeout(std::time::Duration::from_millis(200), output).await);
            }
            exited.send_replace(Some(reason));
        });
        Ok(Arc::new(Self {
            spec,
            key,
            jobs,
            inbox: tokio::sync::Mutex::new(inbox),
            current: Mutex::new(None),
            init_error: Mutex::new(None),
            exit,
            kill,
        }))
    }

    /// Whether it is still there.
    pub(super) fn is_alive(&self) -> bool {
        self.exit.borrow().is_none() && self.exit.has_changed().is_ok()
    }

    /// Waits until the process has ended, and says how.
    pub(super) async fn ended(&self) -> String {
        let mut exit = self.exit.clone();
        let reason = match exit.wait_for(Option::is_some).await {
            Ok(reason) => reason.clone().unwrap_or_default(),
            Err(_) => "the stack is stopping".to_owned(),
        };
        match &*self.init_error.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(error) => format!("{error} ({reason})"),
            None => reason,
        }
    }

    /// Ends the process.
    pub(super) fn kill(&self) {
        self.kill.notify_one();
    }

    /// Hands a request over; the process takes it with its next call of `next`. Gives it back when the process has one already.
    pub(super) fn give(&self, job: Job) -> Result<(), Job> {
        self.jobs.try_send(job).map_err(|error| match error {
            mpsc::error::TrySendError::Full(job) | mpsc::error::TrySendError::Closed(job) => job,
        })
    }

    /// Notes which request the process is at.
    pub(super) fn begin(&self, request_id: String, done: oneshot::Sender<InvokeResult>) {
        let before = self
            .current
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .replace((request_id, done));
        if let Some((_, done)) = before {
            // It asked for the next request without answering this one. Whoever waits may have given up, which is fine.
            drop(done.send(Err(InvokeError::Exited(
                "the function asked for the next request before it had answered this one".to_owned(),
            ))));
        }
    }

    /// Answers the request that the process is at; false when its id is another.
    pub(super) fn finish(&self, request_id: &str, result: InvokeResult) -> bool {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        match current.take_if(|(id, _)| id == request_id) {
            Some((_, done)) => {
                // Whoever waited may have given up in this very moment.
                drop(done.send(result));
                true
            }
            None => false,
        }
    }

    /// Notes why the process could not get ready; it ends by itself after saying so.
    pub(super) fn init_failed(&self, error: String) {
        *self.init_error.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}

/// Waits for the end of a child, or ends it when told to.
async fn wait(child: &mut Child, kill: &Notify) -> String {
    tokio::select! {
        status = child.wait() => status.map_or_else(|error| error.to_string(), |status| status.to_string()),
        () = kill.notified() => {
            // SIGKILL, as Lambda does to functions without extensions.
            drop(child.kill().await);
            "it was stopped".to_owned()
        }
    }
}

/// The command line and environment: Lambda's own variables and those of the template, and nothing that this shell holds,
/// so that a function can't rely on a variable that the template forgot.
fn command(spec: &FunctionSpec, key: &str, runtime_api: &str) -> Command {
    let mut command = Command::new(&spec.executable);
    let folder = spec.executable.parent().unwrap_or(&spec.executable);
    command
        .env_clear()
        .envs(&spec.environment)
        .env("AWS_LAMBDA_RUNTIME_API", format!("http://{runtime_api}/{key}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", &spec.name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", spec.memory_mb.to_string())
        .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{}", spec.name))
        .env("AWS_LAMBDA_LOG_STREAM_NAME", format!("local/[$LATEST]{key}"))
        .env("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023")
        // SAM's word for "this is a laptop", by which the functions write plain log lines.
        .env("AWS_SAM_LOCAL", "true")
        .env("AWS_REGION", REGION)
        .env("AWS_DEFAULT_REGION", REGION)
        // What an SDK signs with here.
        .env("AWS_ACCESS_KEY_ID", signature::ACCESS_KEY_ID)
        .env("AWS_SECRET_ACCESS_KEY", signature::SECRET_ACCESS_KEY)
        .env("AWS_SESSION_TOKEN", signature::SESSION_TOKEN)
        .env("_HANDLER", "bootstrap")
        .env("LAMBDA_TASK_ROOT", folder)
        .env("LAMBDA_RUNTIME_DIR", folder)
        .env("LANG", "en_US.UTF-8")
        .env("TZ", ":UTC")
        .env("PATH", "/usr/local/bin:/usr/bin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // Ctrl-C reaches the stack, which first lets the functions say goodbye to the open connections.
        .process_group(0)
        .kill_on_drop(true);
    command
}
