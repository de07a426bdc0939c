//! One connection to Redis per process, kept between requests, that notices when it has died.
//!
//! A frozen function wakes up with a connection whose other end may be gone, and the client library does not replace a connection on which
//! requests only time out. So: after a pause the connection is tried with a short PING, and a request that fails for the connection's sake
//! is repeated once on a new one. Every step that we send may be repeated.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, IntoConnectionInfo as _, Pipeline, RedisResult,
    ServerErrorKind, ToRedisArgs, Value,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

use crate::metrics::{self, Metric};
use crate::ports::Unavailable;
use crate::runtime::xray::part;

/// How long an answer may take.
const RESPONSE_LIMIT: Duration = Duration::from_millis(500);
/// How long a connection may take to stand.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// After this pause a connection is tried before it is trusted.
const TRUSTED_FOR: Duration = Duration::from_secs(30);
/// How long that try may take.
const PING_LIMIT: Duration = Duration::from_millis(50);
/// How long it may take until a new connection can be used: TCP, TLS, authentication, and in a cluster the map of its slots.
const OPEN_LIMIT: Duration = Duration::from_secs(1);
/// In a cluster: tries of one request over redirections and failing nodes, the waits between them in milliseconds, and how long all that may
/// take. A shard whose master died takes writes again after two to three seconds.
const CLUSTER_RETRIES: u32 = 12;
const CLUSTER_WAIT_MS: (u64, u64) = (10, 400);
const CLUSTER_LIMIT: Duration = Duration::from_secs(3);

/// A Lua script. EVAL at first use in a process loads it; then its hash is enough, until a server says that it doesn't know it.
pub(super) struct Script {
    source: String,
    hash: String,
    loaded: AtomicBool,
}

impl Script {
    pub(super) fn new(source: String) -> Self {
        let hash = redis::Script::new(&source).get_hash().to_owned();
        Self {
            source,
            hash,
            loaded: AtomicBool::new(false),
        }
    }
}

/// One use of a script.
pub(super) struct Call<'a> {
    script: &'a Script,
    keys: &'a [String],
    arguments: Vec<Vec<u8>>,
}

impl<'a> Call<'a> {
    pub(super) fn new(script: &'a Script, keys: &'a [String]) -> Self {
        Self {
            script,
            keys,
            arguments: Vec::new(),
        }
    }

    pub(super) fn arg(mut self, argument: impl ToRedisArgs) -> Self {
        self.arguments.extend(argument.to_redis_args());
        self
    }

    fn command(&self, by_hash: bool) -> Cmd {
        let mut command = redis::cmd(if by_hash { "EVALSHA" } else { "EVAL" });
        command.arg(if by_hash {
            &self.script.hash
        } else {
            &self.script.source
        });
        command.arg(self.keys.len()).arg(self.keys).arg(&self.arguments);
        command
    }
}

/// What can be sent, and sent again.
enum Request<'a> {
    Script(Call<'a>),
    Pipeline(&'a Pipeline),
}

impl Request<'_> {
    async fn send(&self, connection: &mut Connection) -> RedisResult<Value> {
        let call = match self {
            Self::Pipeline(pipeline) => return connection.pipeline(pipeline).await,
            Self::Script(call) => call,
        };
        if call.script.loaded.load(Ordering::Relaxed) {
            let outcome = connection.command(&call.command(true)).await;
            if !outcome.as_ref().is_err_and(is_unknown_script) {
                return outcome;
            }
        }
        let outcome = connection.command(&call.command(false)).await;
        call.script.loaded.fetch_or(outcome.is_ok(), Ordering::Relaxed);
        outcome
    }
}

#[derive(Clone)]
enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    async fn command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// In a cluster, of one node: should another one be dead, its own requests find out.
    async fn ping(&mut self) -> RedisResult<Value> {
        let ping = redis::cmd("PING");
        match self {
            Self::Single(connection) => ping.query_async(connection).await,
            Self::Cluster(connection) => {
                let anyone = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                connection.route_command(ping, anyone).await
            }
        }
    }

    async fn pipeline(&mut self, pipeline: &Pipeline) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => pipeline.query_async(connection).await,
            Self::Cluster(connection) => pipeline.query_async(connection).await,
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
    info: ConnectionInfo,
    live: Mutex<Option<Live>>,
    opened: AtomicU64,
}

impl Link {
    /// Reads the address; connects at first use.
    pub(super) fn new(url: &str) -> RedisResult<Self> {
        let info = url.into_connection_info()?;
        // CLIENT SETINFO is on neither of ElastiCache Serverless's lists of commands.
        let settings = info.redis_settings().clone().set_skip_set_lib_name();
        let info = info
            .set_redis_settings(settings)
            .set_tcp_settings(TcpSettings::default().set_nodelay(true));
        Ok(Self {
            info,
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

    /// Runs commands on keys of one slot.
    pub(super) async fn pipeline(&self, pipeline: &Pipeline) -> Result<Value, Unavailable> {
        self.send(Request::Pipeline(pipeline)).await
    }

    async fn send(&self, request: Request<'_>) -> Result<Value, Unavailable> {
        let begun = std::time::Instant::now();
        let part = part!("redis");
        let outcome = self.send_on_live(request).instrument(part.clone()).await;
        metrics::time(Metric::StoreLatency, begun);
        if outcome.is_err() {
            part.record("fault", true);
            metrics::count(Metric::StoreErrors);
        }
        outcome
    }

    async fn send_on_live(&self, request: Request<'_>) -> Result<Value, Unavailable> {
        let mut live = self.connection().await.map_err(unavailable)?;
        match request.send(&mut live.connection).await {
            Err(error) if is_connections_fault(&error) => {
                tracing::warn!(%error, "reconnecting to redis");
                self.drop_generation(live.generation).await;
                let mut live = self.connection().await.map_err(unavailable)?;
                request.send(&mut live.connection).await.map_err(unavailable)
            }
            outcome => outcome.map_err(unavailable),
        }
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
        *slot = None;
        let opened = timeout(OPEN_LIMIT, self.open()).await;
        let connection = opened.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
        let generation = self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(slot
            .insert(Live {
                connection,
                used: Instant::now(),
                generation,
            })
            .clone())
    }

    /// Lets go of a connection that failed, unless another request has replaced it already.
    async fn drop_generation(&self, generation: u64) {
        let mut slot = self.live.lock().await;
        if slot.as_ref().is_some_and(|live| live.generation == generation) {
            *slot = None;
        }
    }

    /// Asks the server which kind it is, so that one address serves for both.
    async fn open(&self) -> RedisResult<Connection> {
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(CONNECT_LIMIT))
            .set_response_timeout(Some(RESPONSE_LIMIT));
        let client = Client::open(self.info.clone())?;
        let mut single = client.get_multiplexed_async_connection_with_config(&config).await?;
        let hello: Value = redis::cmd("HELLO").query_async(&mut single).await?;
        if !is_cluster(&hello) {
            return Ok(Connection::Single(single));
        }
        let (shortest, longest) = CLUSTER_WAIT_MS;
        let cluster = ClusterClient::builder([self.info.clone()])
            .connection_timeout(CONNECT_LIMIT)
            .response_timeout(RESPONSE_LIMIT)
            .overall_response_timeout(Some(CLUSTER_LIMIT))
            .retries(CLUSTER_RETRIES)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .tcp_settings(TcpSettings::default().set_nodelay(true))
            .build()?;
        Ok(Connection::Cluster(cluster.get_async_connection().await?))
    }
}

/// HELLO answers a map, or under the older protocol a list of names and values.
fn is_cluster(hello: &Value) -> bool {
    let text = |value: &Value| redis::from_redis_value_ref::<String>(value).unwrap_or_default();
    let is_mode = |name: &Value, value: &Value| text(name) == "mode" && text(value) == "cluster";
    match hello {
        Value::Map(entries) => entries.iter().any(|(name, value)| is_mode(name, value)),
        Value::Array(items) => items
            .windows(2)
            .any(|pair| matches!(pair, [name, value] if is_mode(name, value))),
        _ => false,
    }
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
