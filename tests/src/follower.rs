//! A client that follows `docs/clients.md` to the letter: the one by which the rule is tested, and a model for clients in other languages.
//!
//! [`replica`] is what it knows, of each conversation and of the inbox, [`connection`] how it stays connected. This module is what an application sees of it: what to write, which it
//! repeats until there is an answer (rule 5), and what the conversations look like.

pub mod connection;
mod conversation;
pub mod replica;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::User;
use crate::user::id_text;
use replica::{Own, Replica, Settings};

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

/// A conversation as its members name it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talk {
    target: &'static str,
    id: Value,
}

impl Talk {
    /// The conversation of a group.
    pub fn topic(id: &str) -> Self {
        let id = json!(id);
        Self { target: "topic", id }
    }

    /// Whether it is that of a group.
    pub fn is_topic(&self) -> bool {
        self.target == "topic"
    }

    /// The id of the other user, or of the topic.
    pub fn id(&self) -> &Value {
        &self.id
    }

    /// What it is called in an object with one field: `{"user": 2}`, `{"topic": "club"}`.
    pub fn target(&self) -> Value {
        json!({self.target: self.id})
    }

    /// Its path, which begins after `/api`.
    pub fn path(&self) -> String {
        let id = id_text(&self.id);
        format!("/{}/{}", self.target, utf8_percent_encode(&id, NON_ALPHANUMERIC))
    }

    fn inbox_key(&self) -> String {
        format!("{}-{}", self.target, id_text(&self.id))
    }
}

impl From<&User> for Talk {
    /// The direct conversation with that user.
    fn from(user: &User) -> Self {
        let id = user.id.clone();
        Self { target: "user", id }
    }
}

impl From<&Self> for Talk {
    fn from(talk: &Self) -> Self {
        talk.clone()
    }
}

/// Something that a client wants to be written.
#[derive(Clone, Debug)]
pub struct Write {
    kind: Kind,
    with: Talk,
    message_id: Option<String>,
    content: Value,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Send,
    Update,
    Delete,
    Read,
    /// The reaction, and whether it is given or taken back.
    React(String, bool),
    Join,
    Leave,
    Settings,
}

impl Write {
    /// A new message. No other message of this user may have this `client_id`.
    pub fn send(with: impl Into<Talk>, text: &str, client_id: &str) -> Self {
        let content = json!({"type": "text", "text": text, "client_id": client_id});
        Self::new(Kind::Send, with, None, content)
    }

    /// The same message as a reply to that one.
    #[must_use]
    pub fn reply_to(mut self, message_id: &str) -> Self {
        self.content["reply_to"] = json!(message_id);
        self
    }

    /// The same message with these users mentioned.
    #[must_use]
    pub fn mention(mut self, users: &[u64]) -> Self {
        self.content["mentions"] = json!(users);
        self
    }

    /// Another text for an own message. No other write of this user may have this `client_id`.
    pub fn edit(with: impl Into<Talk>, message_id: &str, text: &str, client_id: &str) -> Self {
        let content = json!({"text": text, "client_id": client_id});
        Self::new(Kind::Update, with, Some(message_id), content)
    }

    /// Somebody else's message was seen.
    pub fn seen(with: impl Into<Talk>, message_id: &str) -> Self {
        Self::new(Kind::Update, with, Some(message_id), json!({"status": "seen"}))
    }

    /// Everything was read up to that message, or to the newest.
    pub fn read(with: impl Into<Talk>, up_to: Option<&str>) -> Self {
        let content = up_to.map_or(json!({}), |id| json!({"up_to": id}));
        Self::new(Kind::Read, with, None, content)
    }

    /// A reaction is given to a message, or taken back.
    pub fn react(with: impl Into<Talk>, message_id: &str, reaction: &str, give: bool) -> Self {
        let content = json!({"reaction": reaction, "remove": !give});
        Self::new(Kind::React(reaction.to_owned(), give), with, Some(message_id), content)
    }

    /// The end of an own message.
    pub fn delete(with: impl Into<Talk>, message_id: &str) -> Self {
        Self::new(Kind::Delete, with, Some(message_id), json!({}))
    }

    /// The user joins a topic. Only over REST.
    pub fn join(topic: impl Into<Talk>) -> Self {
        Self::new(Kind::Join, topic, None, Value::Null)
    }

    /// The user leaves a topic. Only over REST.
    pub fn leave(topic: impl Into<Talk>) -> Self {
        Self::new(Kind::Leave, topic, None, Value::Null)
    }

    /// How a conversation stands in the user's inbox: any of `muted`, `hidden` and `pinned`. Only over REST.
    pub fn settings(of: impl Into<Talk>, settings: Value) -> Self {
        Self::new(Kind::Settings, of, None, settings)
    }

    fn new(kind: Kind, with: impl Into<Talk>, message_id: Option<&str>, content: Value) -> Self {
        Self {
            kind,
            with: with.into(),
            message_id: message_id.map(str::to_owned),
            content,
        }
    }

    /// The frame that asks for it; `None` if no frame can.
    fn frame(&self) -> Option<Value> {
        let is_for_rest = matches!(self.kind, Kind::Join | Kind::Leave | Kind::Settings);
        (!is_for_rest).then(|| self.described())
    }

    /// What is to be done, in the words of a frame, also where no frame can ask for it.
    pub fn described(&self) -> Value {
        let action = match &self.kind {
            Kind::Send => "send",
            Kind::Update => "update",
            Kind::Delete => "delete",
            Kind::Read => "read",
            Kind::React(..) => "react",
            Kind::Join => "join",
            Kind::Leave => "leave",
            Kind::Settings => "settings",
        };
        let mut described = self.content.clone();
        described["action"] = json!(action);
        described["target"] = json!(self.with.target);
        described["target_id"] = self.with.id.clone();
        if let Some(id) = &self.message_id {
            described["message_id"] = json!(id);
        }
        described
    }

    /// The request that asks for it: method, path after `/api`, body.
    fn request(&self) -> (Method, String, Option<&Value>) {
        let message = self.message_id.iter().map(|id| format!("/{id}"));
        let path: String = [self.with.path()].into_iter().chain(message).collect();
        let reactions =
            |reaction: &str| format!("{path}/reactions/{}", utf8_percent_encode(reaction, NON_ALPHANUMERIC));
        match &self.kind {
            Kind::Send | Kind::Update => (Method::POST, path, Some(&self.content)),
            Kind::Delete => (Method::DELETE, path, None),
            Kind::Read => (Method::POST, format!("{path}/read"), Some(&self.content)),
            Kind::React(reaction, true) => (Method::PUT, reactions(reaction), None),
            Kind::React(reaction, false) => (Method::DELETE, reactions(reaction), None),
            Kind::Join => (Method::PUT, format!("{path}/members/me"), None),
            Kind::Leave => (Method::DELETE, format!("{path}/members/me"), None),
            Kind::Settings => (Method::PUT, format!("{path}/settings"), Some(&self.content)),
        }
    }

    /// Its answer, from which the client learns as from a pushed frame.
    fn learn(&self, shared: &Shared, frame: &Value, result: &Value) {
        let own = match (&self.kind, &self.message_id) {
            (Kind::Send | Kind::Join, _) => Own::Member,
            (Kind::Update, _) if self.content["status"] == "seen" => Own::Seen,
            (Kind::Delete, Some(id)) => Own::Deleted(id),
            // It counts in the order of the cursor, which this answer lacks. The client's own connection is told too.
            (Kind::Settings, _) => return,
            _ => Own::Other,
        };
        lock(&shared.replica).answered(frame, result, own);
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

/// What a client has on its screen beside its conversations.
#[derive(Clone, Debug, Default)]
pub struct Screen {
    /// The members of topics, which it loads again whenever it hears that there are others.
    pub members: bool,
    /// What it watches: the fields of the action `watch`, which it sends again on each new connection.
    pub watch: Option<Value>,
}

/// A client of one user. It ends when this and its clones are dropped.
#[derive(Clone, Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    outbox: mpsc::Sender<Outgoing>,
    _task: Option<Arc<Task>>,
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
    screen: Screen,
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
        Self::start_with(user, pace, seed, Screen::default())
    }

    /// As [`Follower::start`], with that on its screen.
    pub fn start_with(user: &User, pace: Pace, seed: u64, screen: Screen) -> Self {
        let shared = Shared::new(user, pace, seed, screen);
        let (outbox, waiting) = mpsc::channel(16);
        let task = tokio::spawn(connection::stay_connected(Arc::clone(&shared), waiting));
        Self {
            shared,
            outbox,
            _task: Some(Arc::new(Task(task.abort_handle()))),
        }
    }

    /// A client that never connects: it can only write over REST.
    pub fn unconnected(user: &User, pace: Pace, seed: u64) -> Self {
        let (outbox, _) = mpsc::channel(1);
        Self {
            shared: Shared::new(user, pace, seed, Screen::default()),
            outbox,
            _task: None,
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

    /// The live messages that it knows of a conversation, in their order.
    pub fn messages(&self, with: impl Into<Talk>) -> Vec<Value> {
        lock(&self.shared.replica).messages(&with.into().inbox_key())
    }

    /// So many of the newest of them, the newest first.
    pub fn newest(&self, with: impl Into<Talk>, count: usize) -> Vec<Value> {
        lock(&self.shared.replica).newest(&with.into().inbox_key(), count)
    }

    /// How a conversation stands in its inbox, and how far the user has read there; `None` if it is not there.
    pub fn standing(&self, with: impl Into<Talk>) -> Option<(Settings, u64)> {
        lock(&self.shared.replica).standing(&with.into().inbox_key())
    }

    /// Ids and roles of a topic's members; `None` if it does not show any.
    pub fn members(&self, topic: impl Into<Talk>) -> Option<BTreeMap<String, String>> {
        let members = lock(&self.shared.replica).members(&topic.into().inbox_key());
        self.shared.screen.members.then_some(members)
    }

    /// What it still has to ask for, for a report.
    pub fn owes(&self) -> String {
        let replica = lock(&self.shared.replica);
        let (loaded, owed, members) = (replica.is_loaded(), replica.owed(), replica.owed_members());
        format!("loaded {loaded}, changes of {owed:?}, members of {members:?}")
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
        write.frame()?;
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
        let (method, path, body) = write.request();
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
    fn new(user: &User, pace: Pace, seed: u64, screen: Screen) -> Arc<Self> {
        Arc::new(Self {
            user: user.clone(),
            pace,
            screen,
            replica: Mutex::new(Replica::of(&id_text(&user.id))),
            random: Mutex::new(Rng::with_seed(seed)),
            tally: Mutex::default(),
            status: watch::Sender::default(),
            cut: Notify::new(),
            away_until: Mutex::new(Instant::now()),
        })
    }

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
