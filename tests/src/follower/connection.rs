//! How a client stays connected and up to date: rules 3 to 10 of `docs/clients.md`, as far as they need a network.

use std::collections::{BTreeMap, HashMap};
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

use super::replica::Page;
use super::{Outgoing, Shared, Status, is_unknown_connection, lock};

/// Questions without an answer after which a connection is given up.
const SILENCE: u32 = 3;

/// Rule 10: connects, and connects again whenever a connection ends.
pub(super) async fn stay_connected(shared: Arc<Shared>, mut outbox: mpsc::Receiver<Outgoing>) {
    let mut failures = 0;
    loop {
        if let Ok(mut connection) = Connection::open(&shared).await {
            // However it ended: what to do is the same.
            connection.run(&mut outbox).await.ok();
            if connection.greeted {
                failures = 0;
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
    asked: u64,
    /// Whoever waits for an answer. That there will be none, they hear when this is dropped.
    waiting: HashMap<u64, Outgoing>,
    /// The `hello` or `sync` that is under way.
    question: Option<Question>,
    /// When the next one is due.
    next_question: Instant,
    unanswered: u32,
    /// Whether a `hello` was answered.
    greeted: bool,
    loading: JoinSet<BTreeMap<String, u64>>,
    /// What the client is up to date with when it has loaded.
    loading_since: Instant,
}

/// A `hello` or `sync`.
#[derive(Clone, Copy, Debug)]
struct Question {
    id: u64,
    asked: Instant,
    /// Whether it gave a cursor.
    since: bool,
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
            asked: 0,
            waiting: HashMap::new(),
            question: None,
            next_question: now,
            unanswered: 0,
            greeted: false,
            loading: JoinSet::new(),
            loading_since: now,
        })
    }

    /// Lives until the connection ends, or should.
    async fn run(&mut self, outbox: &mut mpsc::Receiver<Outgoing>) -> Result<()> {
        loop {
            let due = self.due();
            tokio::select! {
                frame = self.stream.next() => match frame.context("it has ended")?? {
                    Message::Text(text) => self.hear(&serde_json::from_str(&text)?)?,
                    Message::Close(_) => bail!("it was closed"),
                    _ => {}
                },
                Some(outgoing) = outbox.recv() => self.send(outgoing).await?,
                Some(loaded) = self.loading.join_next() => {
                    lock(&self.shared.replica).loaded(&loaded?);
                    self.is_up_to_date(self.loading_since);
                }
                () = sleep_until(due) => self.on_time().await?,
                () = self.shared.cut.notified() => {
                    self.stream.get_ref().set_zero_linger()?;
                    bail!("it was cut");
                }
            }
        }
    }

    /// When there is something to do without being told.
    fn due(&self) -> Instant {
        let Some(question) = self.question else {
            let gap = lock(&self.shared.replica).next_gap();
            return gap.map_or(self.next_question, |gap| gap.min(self.next_question));
        };
        question.asked + self.shared.pace.answer
    }

    async fn on_time(&mut self) -> Result<()> {
        if self.question.take().is_some() {
            self.unanswered += 1;
            ensure!(self.unanswered < SILENCE, "it is silent");
        }
        if lock(&self.shared.replica).has_gap(Instant::now()) {
            self.shared.count(|tally| tally.gaps += 1);
        }
        self.catch_up().await
    }

    /// Rules 3, 4, 6 and 9: says `hello` on a new connection and `sync` later, each from the cursor.
    async fn catch_up(&mut self) -> Result<()> {
        let frame = {
            let replica = lock(&self.shared.replica);
            if self.greeted {
                json!({"action": "sync", "since": replica.cursor()})
            } else {
                json!({"action": "hello", "since": replica.since()})
            }
        };
        let since = frame["since"].is_string();
        self.question = Some(Question {
            id: self.ask(without_null(frame)).await?,
            asked: Instant::now(),
            since,
        });
        Ok(())
    }

    /// Sends a frame under a number of its own.
    async fn ask(&mut self, mut frame: Value) -> Result<u64> {
        self.asked += 1;
        frame["id"] = json!(self.asked);
        self.stream.send(Message::text(frame.to_string())).await?;
        Ok(self.asked)
    }

    async fn send(&mut self, outgoing: Outgoing) -> Result<()> {
        // Whoever gave up waiting asks again.
        if !outgoing.answer.is_closed() {
            let id = self.ask(outgoing.write.frame()).await?;
            self.waiting.insert(id, outgoing);
        }
        Ok(())
    }

    fn hear(&mut self, frame: &Value) -> Result<()> {
        if frame["event"].is_string() {
            lock(&self.shared.replica).pushed(frame);
            return Ok(());
        }
        // A frame of API Gateway itself names no question: whoever asked hears nothing, and asks again.
        let Some(id) = frame["id"].as_u64() else { return Ok(()) };
        let is_unknown = is_unknown_connection(frame);
        if self.question.is_some_and(|question| question.id == id) {
            self.caught_up(&frame["result"]);
        } else if let Some(Outgoing { write, answer }) = self.waiting.remove(&id) {
            if frame["result"].is_object() {
                write.learn(&mut lock(&self.shared.replica), frame, &frame["result"]);
            }
            answer.send(frame.clone()).ok();
        }
        if is_unknown {
            self.shared.count(|tally| tally.unknown += 1);
            bail!("the service has forgotten it");
        }
        Ok(())
    }

    /// Rules 3 and 4: takes the answer to a `hello` or `sync`, which may be an error.
    fn caught_up(&mut self, result: &Value) {
        let Some(question) = self.question.take() else { return };
        let (now, pace) = (Instant::now(), &self.shared.pace);
        let Some(cursor) = result["cursor"].as_str() else {
            self.next_question = now + pace.first_wait;
            return;
        };
        self.unanswered = 0;
        self.next_question = now + pace.heartbeat;
        let recovered = result["recovered"] == true;
        if let Some(id) = result["connection_id"].as_str().filter(|_| !self.greeted) {
            self.greeted = true;
            self.shared
                .status
                .send_modify(|status| status.connection = Some(id.to_owned()));
            self.shared.count(|tally| tally.recovered += u64::from(recovered));
        }
        if recovered {
            lock(&self.shared.replica).caught_up(result);
            if result["more"] == true {
                self.next_question = now;
            } else if lock(&self.shared.replica).is_loaded() {
                self.is_up_to_date(question.asked);
            }
            return;
        }
        lock(&self.shared.replica).forget(cursor);
        self.shared.count(|tally| tally.reloaded += u64::from(question.since));
        self.loading = JoinSet::new();
        self.loading.spawn(load(Arc::clone(self.shared)));
        self.loading_since = question.asked;
    }

    fn is_up_to_date(&self, with: Instant) {
        self.shared
            .status
            .send_modify(|status: &mut Status| status.caught_up = Some(with));
    }
}

fn without_null(mut frame: Value) -> Value {
    if let Some(fields) = frame.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    frame
}

/// Rule 3: loads every conversation of the inbox by REST, as often as it takes, and says as of which revision each is whole. An inbox of more
/// than a hundred conversations would need further pages here.
async fn load(shared: Arc<Shared>) -> BTreeMap<String, u64> {
    let inbox = get(&shared, "/list?no_format&per_page=100").await;
    let mut revisions = BTreeMap::new();
    for entry in inbox["entries"].as_array().into_iter().flatten() {
        let id = entry["id"]
            .as_str()
            .map_or_else(|| entry["id"].to_string(), str::to_owned);
        let path = format!("/user/{id}");
        let (mut query, mut to) = (String::new(), u64::MAX);
        loop {
            let answer = get(&shared, &format!("{path}?per_page=100{query}")).await;
            let (state, messages) = (&answer["state"], answer["messages"].as_array());
            let (Some(key), Some(rev)) = (state["key"].as_str(), state["rev"].as_u64()) else {
                break;
            };
            let messages = messages.map_or(&[][..], Vec::as_slice);
            let first = messages.first().and_then(|message| message["seq"].as_u64());
            let from = first.filter(|_| state["prev"].is_string()).unwrap_or(0);
            lock(&shared.replica).page(
                key,
                Page {
                    rev,
                    messages,
                    from,
                    to,
                },
            );
            revisions.entry(key.to_owned()).or_insert(rev);
            let Some(older) = state["prev"].as_str() else { break };
            query = format!("&before={older}");
            to = from.saturating_sub(1);
        }
    }
    revisions
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
