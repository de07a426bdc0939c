//! What goes wrong, by chance.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use anyhow::{Result, ensure};
use fastrand::Rng;
use http::Method;
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use tests::{Chat, Processes};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::Client;
use crate::servers::Servers;

/// The functions that clients use, and the one that works later.
const FUNCTIONS: [&str; 13] = [
    "send",
    "update",
    "delete",
    "read",
    "reactions",
    "members",
    "settings",
    "message",
    "connect",
    "disconnect",
    "history",
    "list",
    "worker",
];
/// The pause between two faults, in milliseconds.
const PAUSE_MS: Range<u64> = 50..600;
/// How long a frozen process stays so, in milliseconds: some answer late, and some too late.
const FROZEN_MS: Range<u64> = 50..4_000;
/// How long a client is away for long, in milliseconds.
const AWAY_MS: Range<u64> = 10_000..40_000;
/// The pause between two troubles of Redis, in milliseconds.
const REDIS_MS: Range<u64> = 3_000..9_000;

/// Makes trouble for a stack and its clients.
pub(crate) struct Chaos<'a> {
    pub(crate) chat: &'a Chat,
    pub(crate) clients: &'a [Client],
    pub(crate) random: Rng,
    /// Faults by kind.
    pub(crate) injected: BTreeMap<String, u64>,
    frozen: JoinSet<()>,
}

impl<'a> Chaos<'a> {
    /// None yet.
    pub(crate) fn new(chat: &'a Chat, clients: &'a [Client], seed: u64) -> Self {
        Self {
            chat,
            clients,
            random: Rng::with_seed(seed),
            injected: BTreeMap::new(),
            frozen: JoinSet::new(),
        }
    }

    /// Makes trouble until then, and ends it: nothing is frozen, and no fault is on.
    pub(crate) async fn rage(&mut self, servers: &mut Servers, until: Instant) -> Result<()> {
        let redis = break_redis(servers, self.random.fork(), until);
        let others = async {
            while Instant::now() < until {
                sleep(Duration::from_millis(self.random.u64(PAUSE_MS))).await;
                self.strike().await?;
            }
            self.control(Method::PUT, "/faults", &json!({})).await
        };
        let (broken, told) = tokio::try_join!(redis, others)?;
        while self.frozen.join_next().await.is_some() {}
        for (kind, count) in broken {
            self.count(kind, count);
        }
        for (kind, count) in told["injected"].as_object().into_iter().flatten() {
            self.count(kind, count.as_u64().unwrap_or_default());
        }
        Ok(())
    }

    async fn strike(&mut self) -> Result<()> {
        match self.random.u8(..100) {
            ..30 => self.signal(Signal::KILL)?,
            30..50 => self.signal(Signal::STOP)?,
            50..73 => self.cut(Duration::ZERO, "clients reset"),
            73..75 => {
                let away = Duration::from_millis(self.random.u64(AWAY_MS));
                self.cut(away, "clients long away");
            }
            75..80 => {
                let fraction = self.random.f64() * 0.5;
                self.control(Method::POST, "/connections/cut", &json!({"fraction": fraction}))
                    .await?;
            }
            _ => {
                let plan = self.plan();
                self.control(Method::PUT, "/faults", &plan).await?;
            }
        }
        Ok(())
    }

    /// Drops a client's connection without a goodbye.
    fn cut(&mut self, away: Duration, kind: &str) {
        if let Some(client) = self.random.choice(self.clients) {
            client.cut(away);
            self.count(kind, 1);
        }
    }

    /// Kills or freezes one process of a function, also in the middle of a request.
    fn signal(&mut self, signal: Signal) -> Result<()> {
        let Some(function) = self.random.choice(FUNCTIONS) else {
            return Ok(());
        };
        let processes = Processes::of(self.chat.stack()).named(function)?;
        let Some(pid) = self.random.choice(processes) else {
            return Ok(());
        };
        if kill_process(pid, signal).is_err() {
            // It has ended this instant.
            return Ok(());
        }
        if signal == Signal::STOP {
            self.count("functions frozen", 1);
            let time = Duration::from_millis(self.random.u64(FROZEN_MS));
            self.frozen.spawn(async move {
                sleep(time).await;
                // It may have been killed meanwhile: the stack gives no frozen function more time than another.
                kill_process(pid, Signal::CONT).ok();
            });
        } else {
            self.count("functions killed", 1);
        }
        Ok(())
    }

    /// Faults of API Gateway and Lambda, each on or off, and as often as it may be.
    fn plan(&mut self) -> Value {
        let mut plan = json!({});
        let most = [
            ("disconnect-lost", 0.6),
            ("message-refused", 0.03),
            ("push-gone", 0.03),
            ("push-throttled", 0.3),
            ("push-failed", 0.3),
            ("push-full", 0.2),
            ("push-late", 0.3),
            ("kill", 0.04),
            ("queue-failed", 0.2),
            ("queue-doubled", 0.3),
            ("queue-late", 0.3),
        ];
        for (fault, most) in most {
            if self.random.bool() {
                plan[fault] = json!(self.random.f64() * most);
            }
        }
        if self.random.u8(..100) < 30 {
            plan["push-latency"] = json!(format!("0..{}", self.random.u64(1..1_500)));
        }
        plan
    }

    /// Asks the stack's control address.
    async fn control(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        let (status, answer) = self.chat.stack().control(method, path, body).await?;
        ensure!((200..300).contains(&status), "{status} from the control address");
        Ok(answer)
    }

    fn count(&mut self, kind: &str, count: u64) {
        *self.injected.entry(kind.to_owned()).or_default() += count;
    }
}

/// Breaks Redis again and again until then. It is whole when this returns.
async fn break_redis(servers: &mut Servers, mut random: Rng, until: Instant) -> Result<BTreeMap<&'static str, u64>> {
    let mut broken = BTreeMap::new();
    loop {
        let pause = Duration::from_millis(random.u64(REDIS_MS));
        sleep_until(until.min(Instant::now() + pause)).await;
        if Instant::now() >= until {
            return Ok(broken);
        }
        *broken.entry(servers.break_one(&mut random).await?).or_default() += 1;
    }
}
