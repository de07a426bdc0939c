//! `senna chat` as a child process: what is typed into its pipe, and what it writes.

use std::{
    io::{Read, Write as _},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use anyhow::{Context as _, Result};

use crate::{Chat, Target, User, executables, until};

/// A running `senna chat`. It ends with the test at the latest.
#[derive(Debug)]
pub struct Terminal {
    child: Child,
    stdin: Option<ChildStdin>,
    shown: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
}

impl Terminal {
    /// Starts the chat of a user with another one, or in a topic, on the stack of `chat`.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn of(chat: &Chat, user: &User, with: &impl Target) -> Result<Self> {
        let addresses = &chat.stack().addresses;
        let (token, id) = (user.token()?, crate::user::id_text(with.id()));
        let flag = if with.kind() == "topic" { "--topic" } else { "--with" };
        let at = ["--socket", &addresses.websocket, "--url", &addresses.rest];
        Self::start(&[&["--token", &token, flag, &id], &at[..]].concat())
    }

    /// Starts `senna chat` with these flags.
    ///
    /// # Errors
    /// When it doesn't start.
    pub fn start(flags: &[&str]) -> Result<Self> {
        let mut child = Command::new(executables::senna()?)
            .arg("chat")
            .args(flags)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let shown = Arc::default();
        let readers = vec![
            reader(child.stdout.take().context("a child has an output")?, &shown),
            reader(child.stderr.take().context("a child has an error output")?, &shown),
        ];
        Ok(Self {
            stdin: child.stdin.take(),
            child,
            shown,
            readers,
        })
    }

    /// Types a line.
    ///
    /// # Errors
    /// When the chat has ended.
    pub fn types(&mut self, line: &str) -> Result<()> {
        self.types_bytes(format!("{line}\n").as_bytes())
    }

    /// Types bytes.
    ///
    /// # Errors
    /// When the chat has ended.
    pub fn types_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let stdin = self.stdin.as_mut().context("the input has ended")?;
        Ok(stdin.write_all(bytes)?)
    }

    /// Everything that it has written so far.
    pub fn shown(&self) -> String {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has written that.
    ///
    /// # Errors
    /// When it doesn't; with what it wrote instead.
    pub async fn shows(&self, text: &str) -> Result<()> {
        let shown = async || Ok(self.shown().contains(text).then_some(()));
        let waited = until(&format!("the terminal shows {text:?}"), shown).await;
        waited.with_context(|| format!("it shows:\n{}", self.shown()))
    }

    /// Ends the input, and returns whether the chat ended well, and all that it wrote.
    ///
    /// # Errors
    /// When it doesn't end.
    pub async fn ends(mut self) -> Result<(bool, String)> {
        drop(self.stdin.take());
        let child = Mutex::new(&mut self.child);
        let ended = async || {
            let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(child.try_wait()?)
        };
        let ended = until("the chat ends with its input", ended).await;
        let status = ended.with_context(|| format!("it shows:\n{}", self.shown()))?;
        for reader in self.readers.drain(..) {
            reader.join().ok();
        }
        Ok((status.success(), self.shown()))
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Appends what comes, in a thread of its own.
fn reader(mut from: impl Read + Send + 'static, to: &Arc<Mutex<String>>) -> JoinHandle<()> {
    let to = Arc::clone(to);
    thread::spawn(move || {
        let (mut bytes, mut rest) = ([0; 4096], Vec::new());
        while let Ok(length @ 1..) = from.read(&mut bytes) {
            rest.extend_from_slice(bytes.get(..length).unwrap_or_default());
            // Lines as a whole, so that no character is cut in two.
            if let Some(end) = rest.iter().rposition(|byte| *byte == b'\n') {
                let lines: Vec<u8> = rest.drain(..=end).collect();
                let mut to = to.lock().unwrap_or_else(PoisonError::into_inner);
                to.push_str(&String::from_utf8_lossy(&lines));
            }
        }
    })
}
