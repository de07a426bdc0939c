//! The client in JavaScript as a device: `clients/js/tests/device.js`, one process for all users, which takes orders on its standard input.

use std::collections::HashMap;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tests::follower::{Pace, Screen, Talk, Tally, Write, Written};
use tests::javascript::JavaScript;
use tests::{Stack, User};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, oneshot};

use crate::CLOCK_SCALE;
use crate::ledger::Setting;
use crate::observe::shown;
use crate::sight::{Line, Standing, View};
use crate::traffic::{number_of, text_of};

/// The age at which a connection is replaced, on the gateway's clock.
const RENEWED: Duration = Duration::from_mins(110);

/// The process. It ends when this and its clients are dropped.
#[derive(Debug)]
pub(crate) struct Host {
    orders: mpsc::UnboundedSender<String>,
    waiting: Arc<Mutex<Waiting>>,
    numbers: AtomicU64,
    _child: Child,
}

/// Who waits for an answer, by number; nothing once the process has ended.
type Waiting = Option<HashMap<u64, oneshot::Sender<Value>>>;

impl Host {
    /// Starts the process, in which all that happens by chance comes from this seed.
    pub(crate) async fn start(javascript: &JavaScript, seed: u64) -> Result<Self> {
        let mut command = Command::from(javascript.node());
        let pipes = command
            .arg("tests/device.js")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = pipes.kill_on_drop(true).spawn()?;
        let mut stdin = child.stdin.take().context("a child with its input")?;
        let mut answers = BufReader::new(child.stdout.take().context("a child with its output")?).lines();
        let (orders, mut queue) = mpsc::unbounded_channel::<String>();
        tokio::spawn(async move {
            while let Some(order) = queue.recv().await {
                // Whoever waits hears from the end of its output.
                if stdin.write_all(order.as_bytes()).await.is_err() {
                    break;
                }
            }
        });
        let waiting = Arc::new(Mutex::new(Some(HashMap::new())));
        let answered = Arc::clone(&waiting);
        tokio::spawn(async move {
            while let Ok(Some(line)) = answers.next_line().await {
                let answer: Value = serde_json::from_str(&line).unwrap_or_default();
                let number = answer["id"].as_u64().unwrap_or_default();
                if let Some(who) = lock(&answered).as_mut().and_then(|waiting| waiting.remove(&number)) {
                    who.send(answer).ok();
                }
            }
            lock(&answered).take();
        });
        let host = Self {
            orders,
            waiting,
            numbers: AtomicU64::new(1),
            _child: child,
        };
        host.ask(json!({"order": "seed", "seed": seed})).await?;
        Ok(host)
    }

    async fn ask(&self, mut order: Value) -> Result<Value> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        order["id"] = json!(number);
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting)
            .as_mut()
            .context("the process of the clients in JavaScript has ended")?
            .insert(number, answer);
        self.orders.send(format!("{order}\n"))?;
        let answer = answered
            .await
            .context("the process of the clients in JavaScript ends")?;
        if let Some(why) = answer["failed"].as_str() {
            bail!("{} failed: {why}", order["order"]);
        }
        Ok(answer)
    }
}

/// A client in that process.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    host: Arc<Host>,
    number: u64,
    user: User,
}

/// How a client is doing.
pub(crate) struct Status {
    pub(crate) connections: Vec<String>,
    pub(crate) tally: Tally,
}

impl Script {
    /// Starts a client of this user, with this number, that has these conversations open.
    pub(crate) async fn start(
        host: &Arc<Host>,
        number: u64,
        user: &User,
        stack: &Stack,
        pace: &Pace,
        screen: &Screen,
        talks: &[Talk],
    ) -> Result<Self> {
        let started = Self {
            host: Arc::clone(host),
            number,
            user: user.clone(),
        };
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        started
            .ask(
                "start",
                json!({
                    "socket": stack.addresses.websocket,
                    "api": stack.addresses.rest,
                    "token": user.token()?,
                    "pace": {
                        "heartbeat": ms(pace.heartbeat),
                        "answer": ms(pace.answer),
                        "firstWait": ms(pace.first_wait),
                        "longestWait": ms(pace.longest_wait),
                        "renew": ms(RENEWED / CLOCK_SCALE),
                    },
                    "talks": talks.iter().map(Talk::target).collect::<Vec<_>>(),
                    "watch": screen.watch.as_ref().map(|watch| &watch["users"]),
                    "members": screen.members,
                }),
            )
            .await?;
        Ok(started)
    }

    /// Whose client it is.
    pub(crate) fn user(&self) -> &User {
        &self.user
    }

    async fn ask(&self, order: &str, mut given: Value) -> Result<Value> {
        given["order"] = json!(order);
        given["device"] = json!(self.number);
        self.host.ask(given).await
    }

    /// Writes until there is an answer. How often it asked is what its socket and its requests have seen.
    pub(crate) async fn write(&self, write: &Write) -> Result<Written> {
        let mut told = self.ask("write", write.described()).await?;
        if let Some(wrong) = told["wrong"].as_str() {
            bail!("a client of {} in JavaScript: {wrong}", self.user.id);
        }
        let attempts = u32::try_from(number_of(&told["attempts"])?)?;
        let answer = if told["error"].is_object() {
            Err(told["error"].take())
        } else {
            Ok(told["result"].take())
        };
        Ok(Written { attempts, answer })
    }

    /// So many of the newest messages, the newest first.
    pub(crate) async fn newest(&self, talk: &Talk, count: usize) -> Result<Vec<Value>> {
        let mut told = self.ask("newest", json!({"to": talk.target(), "count": count})).await?;
        Ok(told["messages"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// Resets its connections, and keeps it away for so long.
    pub(crate) fn cut(&self, away: Duration) {
        let (this, away) = (
            self.clone(),
            json!({"ms": u64::try_from(away.as_millis()).unwrap_or(u64::MAX)}),
        );
        tokio::spawn(async move {
            // If its process has ended, whoever needs it next says so.
            this.ask("cut", away).await.ok();
        });
    }

    /// Returns when it has asked for everything that there is.
    pub(crate) async fn rest(&self) -> Result<()> {
        self.ask("rest", json!({})).await?;
        Ok(())
    }

    /// How it is doing.
    pub(crate) async fn status(&self) -> Result<Status> {
        let told = self.ask("status", json!({})).await?;
        let ids = told["connections"].as_array().into_iter().flatten();
        let count = |name: &str| number_of(&told["tally"][name]);
        Ok(Status {
            connections: ids.filter_map(|id| id.as_str().map(str::to_owned)).collect(),
            tally: Tally {
                connections: count("connections")?,
                recovered: count("recovered")?,
                reloaded: count("reloaded")?,
                unknown: count("unknown")?,
                gaps: 0,
            },
        })
    }

    /// What it shows of a conversation.
    pub(crate) async fn view(&self, talk: &Talk) -> Result<View> {
        let told = self.ask("view", json!({"to": talk.target()})).await?;
        let messages = told["messages"].as_array().into_iter().flatten();
        let entry = &told["entry"];
        let on = |setting: &Setting| entry[setting.name()] == true;
        let standing = entry.is_object().then(|| {
            anyhow::Ok(Standing {
                settings: Setting::ALL.into_iter().filter(on).collect(),
                read: number_of(&entry["read"]["seq"])?,
            })
        });
        let latest = Some(&entry["latest"]).filter(|latest| latest.is_object());
        let latest =
            latest.map(|latest| anyhow::Ok((text_of(&latest["id"])?.to_owned(), text_of(&latest["text"])?.to_owned())));
        let latest = latest.transpose()?;
        let line = entry.is_object().then(|| {
            anyhow::Ok(Line {
                unread: number_of(&entry["unread"])?,
                mentioned: number_of(&entry["mentioned"])?,
                latest,
            })
        });
        let members = told["members"].as_array();
        Ok(View {
            messages: messages.map(shown).collect::<Result<_>>()?,
            standing: standing.transpose()?,
            members: members
                .map(|ids| ids.iter().map(number_of).collect::<Result<_>>())
                .transpose()?,
            line: line.transpose()?,
        })
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}
