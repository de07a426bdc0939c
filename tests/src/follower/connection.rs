//! How a client stays connected and up to date: rules 2 to 6 of `docs/clients.md`, as far as they need a network.

use std::collections::HashMap;
use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;

use crate::description::check::Conversation;

use super::replica::{Owed, Replica};
use super::{Outgoing, Shared, Status, is_unknown_connection, lock};

/// Questions without an answer after which a connection is given up.
const SILENCE: u32 = 3;

/// Rule 6: connects, and connects again whenever a connection ends.
pub(super) async fn stay_connected(shared: Arc<Shared>, mut outbox: mpsc::Receiver<Outgoing>) {
    let mut failures = 0;
    loop {
        if let Ok(mut connection) = Connection::open(&shared).await {
            // However it ended: what to do is the same.
            connection.run(&mut outbox).await.ok();
            if connection.greeted {
                failures = 0;
            }
            // It has said what it was. Such a client goes no further, so that whoever waits for it sees it.
            if connection.undescribed {
                return;
            }
        }
        shared.status.send_modify(|status| status.connection = None);
        failures += 1;
        shared.pause(failures).await;
        let away_until = *lock(&shared.away_until);
        sleep_until(away_until).await;
    }
}

/// One connection.
struct Connection<'a> {
    shared: &'a Arc<Shared>,
    stream: WebSocketStream<TcpStream>,
    /// All that is said, held against the description.
    said: Conversation,
    /// Whether a frame came that is not as described.
    undescribed: bool,
    asked: u64,
    /// Writes that wait for an answer. When this is dropped, they hear that none will come.
    waiting: HashMap<u64, Outgoing>,
    question: Option<Question>,
    /// When the next `hello` or `sync` is due.
    next_question: Instant,
    unanswered: u32,
    /// Whether a `hello` was answered.
    greeted: bool,
    /// Whether it has said what it watches.
    watching: bool,
    listing: JoinSet<Vec<Value>>,
    /// Members of a topic that are being loaded, and how often it was heard before that there are others.
    loading: JoinSet<(String, u64, Vec<Value>)>,
    /// With what the client is up to date once it owes nothing.
    with: Option<Instant>,
}

/// A question that is under way.
#[derive(Clone, Debug)]
struct Question {
    id: u64,
    asked: Instant,
    about: About,
}

#[derive(Clone, Debug)]
enum About {
    /// A `hello` or `sync`, and whether it gave a cursor.
    Inbox { since: bool },
    /// `changes`.
    Conversation(Owed),
}

impl<'a> Connection<'a> {
    async fn open(shared: &'a Arc<Shared>) -> Result<Self> {
        let stream = timeout(shared.pace.answer, shared.user.open(None))
            .await??
            .into_stream();
        shared.count(|tally| tally.connections += 1);
        let now = Instant::now();
        Ok(Self {
            shared,
            stream,
            said: Conversation::default(),
            undescribed: false,
            asked: 0,
            waiting: HashMap::new(),
            question: None,
            next_question: now,
            unanswered: 0,
            greeted: false,
            watching: false,
            listing: JoinSet::new(),
            loading: JoinSet::new(),
            with: None,
        })
    }

    /// Lives until the connection ends, or should.
    async fn run(&mut self, outbox: &mut mpsc::Receiver<Outgoing>) -> Result<()> {
        loop {
            self.ask_what_is_owed().await?;
            let due = self.due();
            tokio::select! {
                frame = self.stream.next() => match frame.context("it has ended")?? {
                    Message::Text(text) => self.hear(&serde_json::from_str(&text)?)?,
                    Message::Close(_) => bail!("it was closed"),
                    _ => {}
                },
                Some(outgoing) = outbox.recv() => self.send(outgoing).await?,
                Some(entries) = self.listing.join_next() => {
                    lock(&self.shared.replica).listed(&entries?);
                }
                Some(loaded) = self.loading.join_next() => {
                    let (key, heard, members) = loaded?;
                    lock(&self.shared.replica).loaded_members(&key, heard, &members);
                }
                () = sleep_until(due) => self.on_time()?,
                () = self.shared.cut.notified() => {
                    self.stream.get_ref().set_zero_linger()?;
                    bail!("it was cut");
                }
            }
        }
    }

    /// When there is something to do without being told.
    fn due(&self) -> Instant {
        if let Some(question) = &self.question {
            return question.asked + self.shared.pace.answer;
        }
        let gap = lock(&self.shared.replica).next_gap();
        gap.map_or(self.next_question, |gap| gap.min(self.next_question))
    }

    fn on_time(&mut self) -> Result<()> {
        let now = Instant::now();
        if self
            .question
            .as_ref()
            .is_some_and(|question| question.asked + self.shared.pace.answer <= now)
        {
            self.question = None;
            self.unanswered += 1;
            ensure!(self.unanswered < SILENCE, "it is silent");
            self.next_question = self.next_question.min(now);
        }
        if lock(&self.shared.replica).has_gap(now) {
            self.shared.count(|tally| tally.gaps += 1);
            self.next_question = now;
        }
        Ok(())
    }

    /// Asks one thing at a time: `hello` on a new connection and `sync` later, each from the cursor (rules 2, 4 and 6); then `changes` of one
    /// conversation after the other (rule 3). Who owes nothing is up to date.
    async fn ask_what_is_owed(&mut self) -> Result<()> {
        if self.question.is_some() {
            return Ok(());
        }
        if let Some(watch) = self
            .shared
            .screen
            .watch
            .as_ref()
            .filter(|_| self.greeted && !self.watching)
        {
            self.watching = true;
            let mut frame = watch.clone();
            frame["action"] = json!("watch");
            self.ask(frame).await?;
        }
        let now = Instant::now();
        let (frame, about) = {
            let replica = lock(&self.shared.replica);
            if self.next_question <= now {
                let (action, since) = if self.greeted {
                    ("sync", replica.cursor())
                } else {
                    ("hello", replica.since())
                };
                let about = About::Inbox { since: since.is_some() };
                (json!({"action": action, "since": since}), about)
            } else if let Some(owed) = replica.owed().filter(|_| self.greeted && replica.is_loaded()) {
                let (target, id) = owed.key.split_once('-').context("an inbox key has two parts")?;
                let frame = json!({"action": "changes", "target": target, "target_id": id, "since": owed.rev});
                (frame, About::Conversation(owed))
            } else if let Some((key, heard)) = self.owed_members(&replica) {
                if self.loading.is_empty() {
                    self.loading.spawn(members(Arc::clone(self.shared), key, heard));
                }
                return Ok(());
            } else {
                if let Some(with) = self.with.take_if(|_| replica.is_loaded()) {
                    let up_to_date = |status: &mut Status| status.caught_up = Some(with);
                    self.shared.status.send_modify(up_to_date);
                }
                return Ok(());
            }
        };
        self.question = Some(Question {
            id: self.ask(without_null(frame)).await?,
            asked: now,
            about,
        });
        Ok(())
    }

    /// Rule 3: a topic whose members have to be loaded again, if the client shows them.
    fn owed_members(&self, replica: &Replica) -> Option<(String, u64)> {
        let shows = self.greeted && self.shared.screen.members && replica.is_loaded();
        replica.owed_members().filter(|_| shows)
    }

    /// Sends a frame under a number of its own.
    async fn ask(&mut self, mut frame: Value) -> Result<u64> {
        self.asked += 1;
        frame["id"] = json!(self.asked);
        let text = frame.to_string();
        self.said.sent(&text);
        self.stream.send(Message::text(text)).await?;
        Ok(self.asked)
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<()> {
        // A caller who gave up waiting asks again.
        if !outgoing.answer.is_closed()
            && let Some(frame) = outgoing.write.frame()
        {
            let id = self.ask(frame).await?;
            self.waiting.insert(id, outgoing);
        }
        Ok(())
    }

    fn hear(&mut self, frame: &Value) -> Result<()> {
        let checked = self.said.came(frame);
        self.undescribed = checked.is_err();
        checked?;
        if frame["event"].is_string() {
            lock(&self.shared.replica).pushed(frame);
            return Ok(());
        }
        // A frame of API Gateway itself names no question: the caller hears nothing, and asks again.
        let Some(id) = frame["id"].as_u64() else { return Ok(()) };
        let is_unknown = is_unknown_connection(frame);
        if let Some(question) = self.question.take_if(|question| question.id == id) {
            self.answered(&question, &frame["result"]);
        } else if let Some(Outgoing { write, answer }) = self.waiting.remove(&id) {
            if frame["result"].is_object() {
                write.learn(self.shared, frame, &frame["result"]);
            }
            answer.send(frame.clone()).ok();
        }
        if is_unknown {
            self.shared.count(|tally| tally.unknown += 1);
            bail!("the service has forgotten it");
        }
        Ok(())
    }

    /// Takes the answer to a question, which may be an error.
    fn answered(&mut self, question: &Question, result: &Value) {
        let (now, pace) = (Instant::now(), &self.shared.pace);
        match &question.about {
            About::Conversation(owed) if result.is_object() => {
                self.unanswered = 0;
                lock(&self.shared.replica).changed(owed, result);
            }
            About::Inbox { since } if result.is_object() => {
                self.unanswered = 0;
                self.next_question = now + pace.heartbeat;
                self.caught_up(question.asked, *since, result);
            }
            _ => self.next_question = now + pace.first_wait,
        }
    }

    /// Rule 2: takes the answer to a `hello` or `sync`.
    fn caught_up(&mut self, asked: Instant, since: bool, result: &Value) {
        let recovered = result["recovered"] == true;
        if let Some(id) = result["connection_id"].as_str().filter(|_| !self.greeted) {
            self.greeted = true;
            self.shared
                .status
                .send_modify(|status| status.connection = Some(id.to_owned()));
            self.shared.count(|tally| tally.recovered += u64::from(recovered));
        }
        if result["more"] == true {
            self.next_question = Instant::now();
        } else {
            self.with = Some(asked);
        }
        let mut replica = lock(&self.shared.replica);
        if recovered {
            replica.caught_up(result);
            return;
        }
        replica.forget(result["cursor"].as_str().unwrap_or_default());
        drop(replica);
        self.shared.count(|tally| tally.reloaded += u64::from(since));
        self.listing = JoinSet::new();
        self.listing.spawn(list(Arc::clone(self.shared)));
    }
}

fn without_null(mut frame: Value) -> Value {
    if let Some(fields) = frame.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    frame
}

/// Rule 2: the whole inbox by REST, with what is hidden in it. What its conversations say is owed then.
async fn list(shared: Arc<Shared>) -> Vec<Value> {
    let mut entries = pages(&shared, "/list?no_format").await;
    entries.extend(pages(&shared, "/list?no_format&hidden=1").await);
    entries
}

async fn pages(shared: &Shared, path: &str) -> Vec<Value> {
    let mut entries = Vec::new();
    for page in 1.. {
        let mut answer = get(shared, &format!("{path}&per_page=100&page={page}")).await;
        let pages = answer["state"]["total_pages"].as_u64();
        if let Value::Array(more) = answer["entries"].take() {
            entries.extend(more);
        }
        if pages <= Some(page) {
            break;
        }
    }
    entries
}

/// Rule 3: the members of a topic, by its inbox key.
async fn members(shared: Arc<Shared>, key: String, heard: u64) -> (String, u64, Vec<Value>) {
    let path = format!("{}/members?limit=100", key.replacen('-', "/", 1));
    let mut answer = get(&shared, &format!("/{path}")).await;
    let members = answer["members"].as_array_mut().map(std::mem::take);
    (key, heard, members.unwrap_or_default())
}

async fn get(shared: &Shared, path: &str) -> Value {
    let mut times = 0;
    loop {
        let call = shared.user.call(http::Method::GET, path, None);
        if let Ok(Ok(answer)) = timeout(shared.pace.answer, call).await
            && answer.status == 200
        {
            return answer.body;
        }
        times += 1;
        shared.pause(times).await;
    }
}
