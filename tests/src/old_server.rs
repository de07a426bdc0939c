//! What the Node.js server before Senna leaves in Redis, and `senna migrate`, which takes it over.
//!
//! The layout is that of car-throttle/senna-sockets, `src/api.js`, which stored each message by one transaction of these commands.

use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{Chat, RawRedis, Topic, User, executables, user::id_text};

/// A time in 2016, in milliseconds since 1970.
pub const THEN: u64 = 1_464_900_000_000;

/// An old server's keys under a prefix of their own, in the Redis of a stack.
#[derive(Clone, Debug)]
pub struct OldServer {
    redis: RawRedis,
    url: String,
    prefix: String,
    site: String,
}

impl OldServer {
    /// The keys of a site under a prefix. Nothing else may be there.
    ///
    /// # Errors
    /// When Redis doesn't answer.
    pub async fn new(chat: &Chat, prefix: &str, site: &str) -> Result<Self> {
        Ok(Self {
            redis: RawRedis::of(chat).await?,
            url: chat.stack().addresses.redis.clone(),
            prefix: prefix.to_owned(),
            site: site.to_owned(),
        })
    }

    /// The whole name of a key of the site.
    pub fn key(&self, name: &str) -> String {
        format!("{}:messages:{}:{name}", self.prefix, self.site)
    }

    /// Runs a command on a key of the site.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn run(&self, command: &str, name: &str, words: &[&str]) -> Result<()> {
        let mut cmd = redis::cmd(command);
        cmd.arg(self.key(name)).arg(words);
        self.redis.query(&cmd).await
    }

    /// The name of the list of two users with numeric ids.
    pub fn direct(one: &User, other: &User) -> String {
        let (one, other) = (one.id.as_u64(), other.id.as_u64());
        let (low, high) = (one.min(other).unwrap_or_default(), one.max(other).unwrap_or_default());
        format!("dm:{low}-{high}")
    }

    /// Sends a text so many milliseconds after [`THEN`], as the old server did; returns the message.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn send(&self, from: &User, to: &User, after_ms: u64, text: &str) -> Result<Value> {
        let message = message(from, after_ms, &json!({"type": "text", "text": text}));
        self.store(&Self::direct(from, to), &message).await?;
        self.enter(from, &format!("user-{}", id_text(&to.id)), after_ms).await?;
        self.enter(to, &format!("user-{}", id_text(&from.id)), after_ms).await?;
        Ok(message)
    }

    /// The same to a topic: only the author has it in the inbox.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn post(&self, from: &User, to: &Topic, after_ms: u64, text: &str) -> Result<Value> {
        let message = message(from, after_ms, &json!({"type": "text", "text": text}));
        let topic = id_text(&to.id);
        self.store(&format!("topic:{topic}"), &message).await?;
        self.enter(from, &format!("topic-{topic}"), after_ms).await?;
        Ok(message)
    }

    /// Appends a message to a list.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn store(&self, list: &str, message: &Value) -> Result<()> {
        let id = message["id"].as_str().context("a message has an id")?;
        self.write(list, message).await?;
        self.run("RPUSH", list, &[id]).await
    }

    /// Writes the data of a message, as an edit and `seen` do.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn write(&self, list: &str, message: &Value) -> Result<()> {
        let id = message["id"].as_str().context("a message has an id")?;
        self.run("HSET", &format!("{list}:data"), &[id, &message.to_string()])
            .await
    }

    /// Puts an entry into an inbox, or moves it.
    ///
    /// # Errors
    /// What Redis says.
    pub async fn enter(&self, owner: &User, entry: &str, after_ms: u64) -> Result<()> {
        let score = (THEN + after_ms).to_string();
        self.run("ZADD", &format!("inbox:{}", id_text(&owner.id)), &[&score, entry])
            .await
    }

    /// `senna migrate` of this site to the site of that name in the same Redis, with further flags. The report goes to the file.
    ///
    /// # Errors
    /// When the workspace doesn't build.
    pub fn migration(&self, to_site: &str, report: &str, flags: &[&str]) -> Result<Command> {
        let mut command = Command::new(executables::senna()?);
        command
            .args(["migrate", "--from", &self.url, "--to", &self.url])
            .args(["--prefix", &self.prefix, "--report", report])
            .args(["--site", &format!("{}={to_site}", self.site)])
            .args(flags)
            .stdin(Stdio::null());
        Ok(command)
    }

    /// Runs it to the end; returns what it wrote to standard output.
    ///
    /// # Errors
    /// When it fails; with what it wrote.
    pub fn migrate(&self, to_site: &str, report: &str, flags: &[&str]) -> Result<String> {
        let Output { status, stdout, stderr } = self.migration(to_site, report, flags)?.output()?;
        let (stdout, stderr) = (
            String::from_utf8(stdout)?,
            String::from_utf8_lossy(&stderr).into_owned(),
        );
        ensure!(status.success(), "{status}: {stdout}{stderr}");
        Ok(stdout)
    }
}

/// A message of a user so many milliseconds after [`THEN`], with these fields beside those that all have.
pub fn message(from: &User, after_ms: u64, fields: &Value) -> Value {
    let at = chrono::DateTime::from_timestamp_millis(i64::try_from(THEN + after_ms).unwrap_or_default());
    let iso = at
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let mut message = fields.clone();
    // A random UUID: the version is 4, the variant 8 to b.
    let bits = fastrand::u128(..) & !(0xf << 76 | 0xc << 60) | (0x4 << 76 | 0x8 << 60);
    let hex = format!("{bits:032x}");
    let parts: Vec<&str> = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)]
        .iter()
        .filter_map(|&(from, to)| hex.get(from..to))
        .collect();
    message["id"] = json!(parts.join("-"));
    message["author"] = from.id.clone();
    message["timestamp"] = json!(iso);
    message
}
