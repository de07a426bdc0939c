//! One connection to Redis per process, kept between requests, that notices when it has died.
//!
//! A frozen function wakes up with a connection whose other end may be gone, and the client library does not replace a connection on which
//! requests only time out. So: after a pause the connection is tried with a short PING, and a request that fails for the connection's sake
//! is repeated on a new one, as long as its time lasts. Every step that we send may be repeated.

use std::collections::BTreeMap;
use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::{Arg, Cmd, ErrorKind, RedisResult, ServerErrorKind, ToRedisArgs, Value};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use super::connection::{Addresses, Connection};
use crate::config::{ConfigError, RedisConfig};
use crate::metrics::{self, Metric};
use crate::ports::Unavailable;
use crate::trace::part;

/// After this pause a connection is tried before it is trusted.
const TRUSTED_FOR: Duration = Duration::from_secs(30);
/// How long that try may take.
const PING_LIMIT: Duration = Duration::from_millis(50);
/// How long it may take until a new connection can be used: TCP, TLS, authentication, and in a cluster the map of its slots.
const OPEN_LIMIT: Duration = Duration::from_secs(1);
/// How long a request may take with all that is done for it. A shard whose master died takes writes again after three to four seconds, of which
/// the nodes' own timeout is the larger part: many requests outlast it, and the others are answered 503 and may be repeated.
const REQUEST_LIMIT: Duration = Duration::from_secs(3);
/// How often a request is sent at the most, each time on a new connection.
const TRIES: u32 = 3;
/// How much room a call has from its beginning. Most calls need less.
const COMMAND_ARGUMENTS: usize = 32;
const COMMAND_BYTES: usize = 1_024;

/// Texts in the sources of scripts, and what stands there instead: so a test makes a neighbouring release of them.
pub(crate) type Edits = &'static [(&'static str, &'static str)];

/// A Lua script. EVAL at first use in a process loads it; then its hash is enough, until a server says that it doesn't know it.
pub(super) struct Script {
    parts: Box<[&'static str]>,
    edits: Edits,
    // Both are made at the first use, because a process uses few of the scripts: all sources are 270 kB to copy at a cold start, and all hashes take
    // half a millisecond.
    source: OnceLock<String>,
    hash: OnceLock<String>,
    loaded: AtomicBool,
}

impl Script {
    pub(super) fn new(parts: &[&'static str], edits: Edits) -> Self {
        Self {
            parts: parts.into(),
            edits,
            source: OnceLock::new(),
            hash: OnceLock::new(),
            loaded: AtomicBool::new(false),
        }
    }

    fn source(&self) -> &str {
        self.source.get_or_init(|| {
            let edit = |source: String, (from, to): &(&str, &str)| source.replace(from, to);
            self.edits.iter().fold(self.parts.concat(), edit)
        })
    }

    fn hash(&self) -> &str {
        self.hash
            .get_or_init(|| redis::Script::new(self.source()).get_hash().to_owned())
    }
}

/// One use of a script.
pub(super) struct Call<'a> {
    script: &'a Script,
    /// Keys and arguments are written into it at once: a text of its own for each would cost an allocation.
    command: Cmd,
    by_hash: bool,
}

impl<'a> Call<'a> {
    pub(super) fn new(script: &'a Script, keys: impl AsRef<[String]>) -> Self {
        let by_hash = script.loaded.load(Ordering::Relaxed);
        let mut command = Cmd::with_capacity(COMMAND_ARGUMENTS, COMMAND_BYTES);
        if by_hash {
            command.arg("EVALSHA").arg(script.hash());
        } else {
            command.arg("EVAL").arg(script.source());
        }
        let keys = keys.as_ref();
        command.arg(keys.len()).arg(keys);
        Self {
            script,
            command,
            by_hash,
        }
    }

    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.command.arg(argument);
        self
    }

    /// The same with the whole script.
    fn by_source(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.source());
        for argument in self.command.args_iter().skip(2) {
            if let Arg::Simple(argument) = argument {
                command.arg(argument);
            }
        }
        command
    }

    async fn send(&self, connection: &mut Connection) -> RedisResult<Value> {
        let outcome = connection.command(&self.command).await;
        let outcome = if self.by_hash && outcome.as_ref().is_err_and(is_unknown_script) {
            connection.command(&self.by_source()).await
        } else {
            outcome
        };
        self.script.loaded.fetch_or(outcome.is_ok(), Ordering::Relaxed);
        outcome
    }
}

/// What can be sent, and sent again.
enum Request<'a> {
    Script(Call<'a>),
    Command(&'a Cmd),
    CommandAt(&'a str, &'a Cmd),
    Nodes,
}

impl Request<'_> {
    async fn send(&self, connection: &mut Connection) -> RedisResult<Value> {
        match self {
            Self::Script(call) => call.send(connection).await,
            Self::Command(command) => connection.command(command).await,
            Self::CommandAt(node, command) => connection.command_at(node, command).await,
            Self::Nodes => connection.nodes().await,
        }
    }
}

#[derive(Clone)]
struct Live {
    connection: Connection,
    used: Instant,
    generation: u64,
}

/// The process's connection.
pub(super) struct Link {
    addresses: Addresses,
    live: Mutex<Option<Live>>,
    opened: AtomicU64,
}

impl Link {
    /// Reads the addresses; connects at first use.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, ConfigError> {
        Ok(Self {
            addresses: Addresses::new(config)?,
            live: Mutex::new(None),
            opened: AtomicU64::new(0),
        })
    }

    /// Connects now, so that the first request doesn't have to.
    pub(super) async fn connect(&self) -> Result<(), Unavailable> {
        self.connection().await.map(|_| ()).map_err(unavailable)
    }

    /// Runs a script.
    pub(super) async fn script(&self, call: Call<'_>) -> Result<Value, Unavailable> {
        self.send(Request::Script(call)).await
    }

    /// Runs a command whose keys are in one slot.
    pub(super) async fn command(&self, command: &Cmd) -> Result<Value, Unavailable> {
        self.send(Request::Command(command)).await
    }

    /// Runs a command without keys on the server with that name.
    pub(super) async fn command_at(&self, node: &str, command: &Cmd) -> Result<Value, Unavailable> {
        self.send(Request::CommandAt(node, command)).await
    }

    /// The names of the servers that have data, in order.
    pub(super) async fn nodes(&self) -> Result<Vec<String>, Unavailable> {
        let answer = self.send(Request::Nodes).await?;
        let names: BTreeMap<String, Value> =
            redis::from_redis_value(answer).map_err(|error| unavailable(error.into()))?;
        Ok(names.into_keys().collect())
    }

    async fn send(&self, request: Request<'_>) -> Result<Value, Unavailable> {
        let begun = std::time::Instant::now();
        let part = part!("redis");
        let sent = timeout(REQUEST_LIMIT, self.send_in_time(request)).instrument(part.clone());
        let outcome = sent.await.unwrap_or_else(|_| Err(timed_out())).map_err(unavailable);
        metrics::time(Metric::StoreLatency, begun);
        if outcome.is_err() {
            part.record("fault", true);
            metrics::count(Metric::StoreErrors);
        }
        outcome
    }

    async fn send_in_time(&self, request: Request<'_>) -> RedisResult<Value> {
        let mut live = self.connection().await?;
        for _ in 1..TRIES {
            match request.send(&mut live.connection).await {
                Err(error) if is_connections_fault(&error) => {
                    tracing::warn!(%error, "reconnecting to redis");
                    live = self.replacement(live).await?;
                }
                outcome => return outcome,
            }
        }
        request.send(&mut live.connection).await
    }

    /// The live connection, tried first if it has rested, or a new one.
    async fn connection(&self) -> RedisResult<Live> {
        let mut slot = self.live.lock().await;
        if let Some(live) = slot.as_mut() {
            let trusted = live.used.elapsed() < TRUSTED_FOR
                || matches!(timeout(PING_LIMIT, live.connection.ping()).await, Ok(Ok(_)));
            if trusted {
                live.used = Instant::now();
                return Ok(live.clone());
            }
        }
        self.replace(&mut slot).await
    }

    /// Another connection than one that failed, unless another request has replaced that already.
    async fn replacement(&self, failed: Live) -> RedisResult<Live> {
        let mut slot = self.live.lock().await;
        match slot.as_ref() {
            Some(live) if live.generation != failed.generation => Ok(live.clone()),
            _ => self.replace(&mut slot).await,
        }
    }

    /// Opens a new connection. The old one stays if that fails: in a cluster, the client library may yet repair it.
    async fn replace(&self, slot: &mut Option<Live>) -> RedisResult<Live> {
        let opened = timeout(OPEN_LIMIT, self.addresses.open()).await;
        let connection = opened.unwrap_or_else(|_| Err(timed_out()))?;
        let live = Live {
            connection,
            used: Instant::now(),
            generation: self.opened.fetch_add(1, Ordering::Relaxed),
        };
        Ok(slot.insert(live).clone())
    }
}

fn timed_out() -> redis::RedisError {
    io::Error::from(io::ErrorKind::TimedOut).into()
}

fn is_unknown_script(error: &redis::RedisError) -> bool {
    error.kind() == ErrorKind::Server(ServerErrorKind::NoScript)
}

/// Whether another connection may do better. A node that lost its role or is still loading has not done what it was asked for.
fn is_connections_fault(error: &redis::RedisError) -> bool {
    let lost_role = matches!(
        error.kind(),
        ErrorKind::Server(ServerErrorKind::ReadOnly | ServerErrorKind::MasterDown | ServerErrorKind::BusyLoading)
    );
    lost_role
        || error.is_timeout()
        || error.is_connection_dropped()
        || error.is_io_error()
        || error.is_unrecoverable_error()
}

fn unavailable(error: redis::RedisError) -> Unavailable {
    Unavailable::new("redis", error)
}
