//! A client that follows `docs/clients.md` to the letter: the one by which the rule is tested, and a model for clients in other languages.
//!
//! [`replica`] is what it knows, of each conversation and of the inbox, [`connection`] how it stays connected. This module is what an application sees of it: what to write, which it
//! repeats until there is an answer (rule 5), and what the conversations look like.

pub mod connection;
mod conversation;
pub mod replica;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::User;
use crate::user::id_text;
use replica::Replica;

/// How long a client waits for what.
#[derive(Clone, Debug)]
pub struct Pace {
    /// After this long without a `sync` one is sent: it keeps the connection open, and tells of what a lost last push would have (rule 6).
    pub heartbeat: Duration,
    /// How long an answer may take before the question is repeated (rule 5).
    pub answer: Duration,
    /// The wait before the first repetition or new connection is up to twice this, and up to twice as long each time (rule 6).
    pub first_wait: Duration,
    /// The longest such wait.
    pub longest_wait: Duration,
}

impl Default for Pace {
    /// That of `docs/clients.md`.
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_mins(9),
            answer: Duration::from_secs(10),
            first_wait: Duration::from_millis(500),
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// How a client asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// With a frame over its connection.
    Socket,
    /// With a request.
    Rest,
}

/// Something that a client wants to be written.
#[derive(Clone, Debug)]
pub struct Write {
    action: &'static str,
    with: User,
    message_id: Option<String>,
    content: Value,
}

impl Write {
    /// A new message. No other message of this user may have this `client_id`.
    pub fn send(with: &User, text: &str, client_id: &str) -> Self {
        let content = json!({"type": "text", "text": text, "client_id": client_id});
        Self::new("send", with, None, content)
    }

    /// Another text for an own message. No other write of this user may have this `client_id`.
    pub fn edit(with: &User, message_id: &str, text: &str, client_id: &str) -> Self {
        let content = json!({"text": text, "client_id": client_id});
        Self::new("update", with, Some(message_id), content)
    }

    /// The other side's message was seen.
    pub fn seen(with: &User, message_id: &str) -> Self {
        Self::new("update", with, Some(message_id), json!({"status": "seen"}))
    }

    /// The end of an own message.
    pub fn delete(with: &User, message_id: &str) -> Self {
        Self::new("delete", with, Some(message_id), json!({}))
    }

    fn new(action: &'static str, with: &User, message_id: Option<&str>, content: Value) -> Self {
        Self {
            action,
            with: with.clone(),
            message_id: message_id.map(str::to_owned),
            content,
        }
    }

    fn frame(&self) -> Value {
        let mut frame = self.content.clone();
        frame["action"] = json!(self.action);
        frame["target"] = json!("user");
        frame["target_id"] = self.with.id.clone();
        if let Some(id) = &self.message_id {
            frame["message_id"] = json!(id);
        }
        frame
    }

    /// Its answer, from which the client learns as from a pushed frame.
    fn learn(&self, shared: &Shared, frame: &Value, result: &Value) {
        let me = id_text(&shared.user.id);
        let reader = (self.content["status"] == "seen").then_some(me.as_str());
        let deleted = self.message_id.as_deref().filter(|_| self.action == "delete");
        lock(&shared.replica).answered(frame, result, reader, deleted);
    }
}

/// What became of something that was to be written.
#[derive(Clone, Debug)]
pub struct Written {
    /// How often it was asked for.
    pub attempts: u32,
    /// The body of the answer, or why it can't be done.
    pub answer: Result<Value, Value>,
}

/// How a client is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// The id of the connection, if there is one that has greeted.
    pub connection: Option<String>,
    /// It knows all that had happened by then.
    pub caught_up: Option<Instant>,
}

/// What a client has been through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Connections that it opened.
    pub connections: u64,
    /// Times that a new connection went on from the cursor.
    pub recovered: u64,
    /// Times that everything had to be loaded anew, the first time not counted.
    pub reloaded: u64,
    /// Times that the chain of events did not close.
    pub gaps: u64,
    /// Times that the service didn't know the connection any more.
    pub unknown: u64,
}

/// A client of one user. It ends when this and its clones are dropped.
#[derive(Clone, Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Outgoing>,
    _task: Arc<Task>,
}

/// Ends a task with the last one who holds it.
#[derive(Debug)]
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What the client's own task and those who use it share.
#[derive(Debug)]
struct Shared {
    user: User,
    pace: Pace,
    replica: Mutex<Replica>,
    random: Mutex<Rng>,
    tally: Mutex<Tally>,
    status: watch::Sender<Status>,
    cut: Notify,
    away_until: Mutex<Instant>,
}

/// A frame to send, and who waits for its answer.
#[derive(Debug)]
struct Outgoing {
    write: Write,
    answer: oneshot::Sender<Value>,
}

impl Follower {
    /// Starts a client of this user. Its waits come from `seed`.
    pub fn start(user: &User, pace: Pace, seed: u64) -> Self {
        let shared = Arc::new(Shared {
            user: user.clone(),
            pace,
            replica: Mutex::default(),
            random: Mutex::new(Rng::with_seed(seed)),
            tally: Mutex::default(),
            status: watch::Sender::default(),
            cut: Notify::new(),
            away_until: Mutex::new(Instant::now()),
        });
        let (outbox, waiting) = mpsc::channel(16);
        let task = tokio::spawn(connection::stay_connected(Arc::clone(&shared), waiting));
        Self {
            shared,
            outbox,
            _task: Arc::new(Task(task.abort_handle())),
        }
    }

    /// Whose client it is.
    pub fn user(&self) -> &User {
        &self.shared.user
    }

    /// How it is doing, and each change of that.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.shared.status.subscribe()
    }

    /// What it has been through.
    pub fn tally(&self) -> Tally {
        *lock(&self.shared.tally)
    }

    /// The live messages that it knows of its conversation with that user, in their order.
    pub fn messages(&self, with: &User) -> Vec<Value> {
        lock(&self.shared.replica).messages(&inbox_key(with))
    }

    /// So many of the newest of them, the newest first.
    pub fn newest(&self, with: &User, count: usize) -> Vec<Value> {
        lock(&self.shared.replica).newest(&inbox_key(with), count)
    }

    /// Drops the connection without a goodbye: its TCP connection is reset. A new one comes after this time at the earliest.
    pub fn cut(&self, away: Duration) {
        *lock(&self.shared.away_until) = Instant::now() + away;
        self.shared.cut.notify_waiters();
    }

    /// Rule 5: asks until there is an answer, and takes it.
    pub async fn write(&self, over: Over, write: &Write) -> Written {
        let mut attempts = 0;
        loop {
            attempts += 1;
            let answered = match over {
                Over::Socket => timeout(self.shared.pace.answer, self.ask(write)).await,
                Over::Rest => timeout(self.shared.pace.answer, self.request(write)).await,
            };
            if let Ok(Some(answer)) = answered {
                return Written { attempts, answer };
            }
            self.shared.pause(attempts).await;
        }
    }

    /// The answer to a frame; `None` if there was none, or only that it can't be done now.
    async fn ask(&self, write: &Write) -> Option<Result<Value, Value>> {
        let (answer, answered) = oneshot::channel();
        let outgoing = Outgoing {
            write: write.clone(),
            answer,
        };
        self.outbox.send(outgoing).await.ok()?;
        let mut answer = answered.await.ok()?;
        let status = answer["error"]["status"].as_u64();
        match status {
            None => Some(Ok(answer["result"].take())),
            // Of the connection and not of what was asked for: it can be asked for over another one.
            Some(_) if is_unknown_connection(&answer) => None,
            Some(status) => is_final(status).then(|| Err(answer["error"].take())),
        }
    }

    async fn request(&self, write: &Write) -> Option<Result<Value, Value>> {
        let message = write.message_id.iter().map(|id| format!("/{id}"));
        let path: String = [write.with.path()].into_iter().chain(message).collect();
        let (method, body) = match write.action {
            "delete" => (Method::DELETE, None),
            _ => (Method::POST, Some(&write.content)),
        };
        let answer = self.shared.user.call(method, &path, body).await.ok()?;
        let status = u64::from(answer.status);
        if status < 300 {
            write.learn(&self.shared, &Value::Null, &answer.body);
            return Some(Ok(answer.body));
        }
        is_final(status).then_some(Err(answer.body))
    }
}

impl Shared {
    /// A random wait, a longer one each time.
    async fn pause(&self, times: u32) {
        let Pace {
            first_wait,
            longest_wait,
            ..
        } = self.pace;
        let longest = first_wait.saturating_mul(1 << times.min(16)).min(longest_wait);
        let share = lock(&self.random).f64();
        sleep(longest.mul_f64(share)).await;
    }

    fn count(&self, count: impl FnOnce(&mut Tally)) {
        count(&mut lock(&self.tally));
    }
}

fn inbox_key(with: &User) -> String {
    format!("user-{}", id_text(&with.id))
}

/// Whether an error stays when the same is asked again.
fn is_final(status: u64) -> bool {
    ![429, 500, 502, 503, 504].contains(&status)
}

/// Whether an answer says that the service has forgotten the connection that it came over.
fn is_unknown_connection(answer: &Value) -> bool {
    answer["error"]["code"] == "CONNECTION_UNKNOWN"
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
