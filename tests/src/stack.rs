//! The stack as a child process: one that most tests share, and own ones for tests that need other settings or break things.

use std::{
    env,
    fs::File,
    io::{BufRead as _, BufReader},
    os::unix::fs::FileExt as _,
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use http::Method;
use serde_json::Value;

use crate::{Request, exchange, executables, sam::Sam};

/// What the tests' tokens are signed with.
pub const SECRET: &str = "the secret of the black-box tests";

/// How long a stack may take from its start to its line.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Where the parts of a stack are.
#[derive(Clone, Debug)]
pub struct Addresses {
    /// The REST address, `/api` included.
    pub rest: String,
    /// The WebSocket address, without stage.
    pub websocket: String,
    /// Where `@connections` lives, stage included.
    pub push: String,
    /// Lambda's Invoke.
    pub lambda: String,
    /// SQS.
    pub queues: String,
    /// The Redis.
    pub redis: String,
    /// The bucket of uploaded images.
    pub uploads: String,
    /// Where faults are switched and connections cut.
    pub control: String,
    /// The page with two people who chat.
    pub page: String,
}

/// A running stack. It stops when this is dropped, and with the test process at the latest.
#[derive(Debug)]
pub struct Stack {
    /// Where its parts are.
    pub addresses: Addresses,
    child: Child,
    // The stack stops when this end closes. The system closes it when the test process ends, also if it is killed.
    stdin: Option<ChildStdin>,
    log: File,
    sam: Option<Sam>,
}

impl Stack {
    /// Starts a stack on free ports with these variables and no other `SOCK_*` ones, and returns when it is ready. Tokens are
    /// signed with [`SECRET`] unless the variables say something else about them.
    ///
    /// # Errors
    /// When it doesn't build, or is not ready in time; then with what it wrote.
    pub fn start(variables: &[(&str, &str)]) -> Result<Self> {
        Self::start_with(&[], variables)
    }

    /// As [`Stack::start`], with further flags.
    ///
    /// # Errors
    /// As [`Stack::start`].
    pub fn start_with(flags: &[&str], variables: &[(&str, &str)]) -> Result<Self> {
        let log = tempfile::tempfile().context("can't make a file for the stack's log")?;
        let mut command = Command::new(executables::senna()?);
        command.args(["--fresh", "--json", "--stop-with-stdin"]).args(flags);
        if !flags.contains(&"--watch") {
            command.arg("--no-build");
        }
        // A run each minute would fall into some tests and not into others.
        if !flags.contains(&"--schedule") {
            command.args(["--schedule", "0"]);
        }
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SOCK_")) {
            command.env_remove(name);
        }
        command.envs([("SOCK_HTTP_PORT", "0"), ("SOCK_WS_PORT", "0"), ("SOCK_PAGE_PORT", "0")]);
        if !variables.iter().any(|(name, _)| *name == "SOCK_JWT_ALGORITHM") {
            command.env("SOCK_JWT_SECRET", SECRET);
        }
        // Tests send as fast as they can. Tests of the limits set their own.
        command.env("SOCK_LIMITS", "off");
        command.envs(variables.iter().copied());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(log.try_clone()?)
            .spawn()?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("a child without its output")?;
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut line = String::new();
            // Whatever goes wrong, the line that never comes says it.
            if BufReader::new(stdout).read_line(&mut line).is_ok() {
                sender.send(line).ok();
            }
        });
        let line = receiver.recv_timeout(START_LIMIT);
        let Some(addresses) = line.as_deref().ok().and_then(addresses) else {
            // One that closed its output without a word is about to end by itself, with a status that tells.
            if line.as_deref() != Ok("") {
                child.kill().ok();
            }
            let status = child.wait()?;
            bail!(
                "the stack didn't start ({status}); it wrote:\n{}{}",
                line.unwrap_or_default(),
                text_of(&log)
            );
        };
        Ok(Self {
            addresses,
            child,
            stdin,
            log,
            sam: None,
        })
    }

    /// Starts a stack as [`Stack::start`] does, and SAM in front of its REST routes: their functions run in Docker, as `sam build`
    /// made them, and all the rest is the stack's.
    ///
    /// # Errors
    /// As [`Stack::start`], and when SAM does not come up.
    pub(crate) fn start_with_sam(variables: &[(&str, &str)]) -> Result<Self> {
        let folder = tempfile::tempdir().context("can't make a folder for SAM's variables")?;
        let file = folder.path().join("sam-env.json");
        let for_sam = ("SENNA_SAM_ENV", file.to_str().context("a path in UTF-8")?);
        let mut stack = Self::start(&[variables, &[for_sam]].concat())?;
        let sam = Sam::start(&file)?;
        stack.addresses.rest = format!("http://{}/api", sam.address());
        stack.sam = Some(sam);
        Ok(stack)
    }

    /// The process `senna`.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Asks the control address, where faults are switched and connections cut, and returns the status and the answer.
    ///
    /// # Errors
    /// When there is no answer, or none in JSON.
    pub async fn control(&self, method: Method, path: &str, body: &Value) -> Result<(u16, Value)> {
        let address = self
            .addresses
            .control
            .strip_prefix("http://")
            .context("control is HTTP")?;
        let request = Request {
            method,
            path: path.to_owned(),
            body: body.to_string().into_bytes(),
            ..Request::default()
        };
        let (status, _, answer) = exchange(address, request).await?;
        Ok((status.as_u16(), serde_json::from_slice(&answer)?))
    }

    /// What the stack and its functions have written so far.
    pub fn log(&self) -> String {
        text_of(&self.log)
    }
}

impl Drop for Stack {
    fn drop(&mut self) {
        drop(self.sam.take());
        drop(self.stdin.take());
        self.child.wait().ok();
    }
}

fn addresses(line: &str) -> Option<Addresses> {
    let ready: Value = serde_json::from_str(line).ok()?;
    let text = |name: &str| ready[name].as_str().map(str::to_owned);
    Some(Addresses {
        rest: text("rest")?,
        websocket: text("websocket")?,
        push: text("push")?,
        lambda: text("lambda")?,
        queues: text("queues")?,
        redis: text("redis")?,
        uploads: text("uploads")?,
        control: text("control")?,
        page: text("page")?,
    })
}

/// Reads without moving the place where the stack writes on.
pub(crate) fn text_of(log: &File) -> String {
    let length = log.metadata().map_or(0, |metadata| metadata.len());
    let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
    log.read_exact_at(&mut bytes, 0).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}
