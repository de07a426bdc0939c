//! From addresses to a connection: which of them answers, and what kind of server it is.

use std::io;
use std::time::Duration;

use futures_util::future::select_ok;
use redis::aio::MultiplexedConnection;
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{MultipleNodeRoutingInfo, RoutingInfo, SingleNodeRoutingInfo};
use redis::io::tcp::TcpSettings;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion, RedisConnectionInfo,
    RedisResult, TlsCertificates, Value,
};

use crate::config::{ConfigError, RedisConfig};

/// How long an answer may take.
const RESPONSE_LIMIT: Duration = Duration::from_millis(500);
/// How long a connection may take to stand.
const CONNECT_LIMIT: Duration = Duration::from_millis(500);
/// In a cluster: how long the client library may follow redirections and wait for a failing node before we give it a new connection, the waits
/// between its tries in milliseconds, and more tries than fit into that time. It never replaces a connection on which requests only time out.
const CLUSTER_LIMIT: Duration = Duration::from_secs(1);
const CLUSTER_WAIT_MS: (u64, u64) = (10, 200);
const CLUSTER_RETRIES: u32 = 32;

/// A connection to one server, or one to each node of a cluster.
#[derive(Clone)]
pub(super) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    /// Sends a command whose keys are in one slot.
    pub(super) async fn command(&mut self, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => command.query_async(connection).await,
        }
    }

    /// The servers that have data, by name: the masters of a cluster. A lone server has an empty name.
    pub(super) async fn nodes(&mut self) -> RedisResult<Value> {
        match self {
            Self::Single(_) => Ok(Value::Map(vec![(Value::BulkString(Vec::new()), Value::Nil)])),
            Self::Cluster(connection) => {
                let masters = RoutingInfo::MultiNode((MultipleNodeRoutingInfo::AllMasters, None));
                connection.route_command(redis::cmd("PING"), masters).await
            }
        }
    }

    /// Sends a command without keys to the server with that name.
    pub(super) async fn command_at(&mut self, node: &str, command: &Cmd) -> RedisResult<Value> {
        match self {
            Self::Single(connection) => command.query_async(connection).await,
            Self::Cluster(connection) => {
                let unknown = || io::Error::other("no server has that name");
                let (host, port) = node.rsplit_once(':').ok_or_else(unknown)?;
                let (host, port) = (host.to_owned(), port.parse().map_err(|_| unknown())?);
                let there = RoutingInfo::SingleNode(SingleNodeRoutingInfo::ByAddress { host, port });
                connection.route_command(command.clone(), there).await
            }
        }
    }

    /// In a cluster, of one node: should another one be dead, its own requests find out.
    pub(super) async fn ping(&mut self) -> RedisResult<Value> {
        let ping = redis::cmd("PING");
        match self {
            Self::Single(connection) => ping.query_async(connection).await,
            Self::Cluster(connection) => {
                let anyone = RoutingInfo::SingleNode(SingleNodeRoutingInfo::Random);
                connection.route_command(ping, anyone).await
            }
        }
    }
}

/// Where servers are, and how they prove who they are.
pub(super) struct Addresses {
    all: Vec<ConnectionInfo>,
    certificates: Option<TlsCertificates>,
}

impl Addresses {
    /// Reads the addresses; connects to none.
    ///
    /// # Errors
    /// [`ConfigError`] if an address or the CA certificate is invalid.
    pub(super) fn new(config: &RedisConfig) -> Result<Self, ConfigError> {
        let infos = config.urls.iter().map(|url| url.as_str().into_connection_info());
        let infos: RedisResult<Vec<_>> = infos.collect();
        let infos = infos.map_err(|error| ConfigError::redis_url(&error))?;
        let certificates = config.authority.as_ref().map(|pem| TlsCertificates {
            client_tls: None,
            root_cert: Some(pem.clone().into_bytes()),
        });
        let with_certificates = |info: ConnectionInfo| match &certificates {
            Some(certificates) => {
                let client = Client::build_with_tls(info, certificates.clone());
                client.map(|client| client.get_connection_info().clone())
            }
            None => Ok(info),
        };
        let all: RedisResult<Vec<_>> = infos
            .into_iter()
            .map(|info| with_certificates(prepared(info)))
            .collect();
        Ok(Self {
            all: all.map_err(|error| ConfigError::redis_ca(&error))?,
            certificates,
        })
    }

    /// Asks all addresses at once which kind of server is there, and takes the first good answer: a node that is down or hangs costs no time. Where
    /// a name has several addresses, the client library tries them all at once too.
    ///
    /// # Errors
    /// The last address's, if none gives a good answer.
    pub(super) async fn open(&self) -> RedisResult<Connection> {
        let greetings = self.all.iter().map(|info| Box::pin(greet(info)));
        let ((info, connection, is_cluster), _) = select_ok(greetings).await?;
        if !is_cluster {
            return Ok(Connection::Single(connection));
        }
        let (shortest, longest) = CLUSTER_WAIT_MS;
        // Only the node that has answered: the library would wait for the others.
        let mut builder = ClusterClient::builder([info.clone()])
            .connection_timeout(CONNECT_LIMIT)
            .response_timeout(RESPONSE_LIMIT)
            .overall_response_timeout(Some(CLUSTER_LIMIT))
            .retries(CLUSTER_RETRIES)
            .min_retry_wait(shortest)
            .max_retry_wait(longest)
            .tcp_settings(tcp_settings());
        if let Some(certificates) = &self.certificates {
            builder = builder.certs(certificates.clone());
        }
        Ok(Connection::Cluster(builder.build()?.get_async_connection().await?))
    }
}

/// Connects to one address and says whether it is a node of a cluster. A replica outside of a cluster is refused: it takes no writes, and its
/// master may be among the other addresses.
async fn greet(info: &ConnectionInfo) -> RedisResult<(&ConnectionInfo, MultiplexedConnection, bool)> {
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_LIMIT))
        .set_response_timeout(Some(RESPONSE_LIMIT));
    let settings = info.redis_settings();
    // Told of a user or a database, the library would send commands of its own first, and wait for their answers.
    let silent = RedisConnectionInfo::default()
        .set_protocol(ProtocolVersion::RESP2)
        .set_skip_set_lib_name();
    let client = Client::open(info.clone().set_redis_settings(silent))?;
    let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
    let mut greeting = redis::pipe();
    greeting.add_command(hello(settings));
    if settings.db() != 0 {
        greeting.cmd("SELECT").arg(settings.db()).ignore();
    }
    let (hello,): (Value,) = greeting.query_async(&mut connection).await?;
    let is_cluster = says(&hello, "mode", "cluster");
    if !is_cluster && says(&hello, "role", "replica") {
        return Err(io::Error::other("only a replica answers").into());
    }
    Ok((info, connection, is_cluster))
}

/// Logs in, if there is a password, and asks what the server is.
fn hello(settings: &RedisConnectionInfo) -> Cmd {
    let mut hello = redis::cmd("HELLO");
    if let Some(password) = settings.password() {
        let user = settings.username().unwrap_or("default");
        hello.arg("2").arg("AUTH").arg(user).arg(password);
    }
    hello
}

/// HELLO answers a map, or under the older protocol a list of names and values.
fn says(hello: &Value, name: &str, value: &str) -> bool {
    let is = |item: &Value, text: &str| redis::from_redis_value_ref::<String>(item).is_ok_and(|item| item == text);
    match hello {
        Value::Map(entries) => entries.iter().any(|(key, item)| is(key, name) && is(item, value)),
        Value::Array(items) => items
            .windows(2)
            .any(|pair| matches!(pair, [key, item] if is(key, name) && is(item, value))),
        _ => false,
    }
}

/// Overlapping requests wait for each other's acknowledgement without `nodelay`. CLIENT SETINFO is on neither of ElastiCache Serverless's lists
/// of commands; the library sends it to a cluster's nodes in any case, and needs no good answer.
fn prepared(info: ConnectionInfo) -> ConnectionInfo {
    let settings = info.redis_settings().clone().set_skip_set_lib_name();
    info.set_redis_settings(settings).set_tcp_settings(tcp_settings())
}

fn tcp_settings() -> TcpSettings {
    TcpSettings::default().set_nodelay(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Environment;

    #[test]
    fn valkey_is_a_name_of_redis() {
        let is_tls = |url: &str| {
            let env: Environment = [("SOCK_REDIS_URL".to_owned(), url.to_owned())].into_iter().collect();
            let addresses = Addresses::new(&RedisConfig::from_env(&env).unwrap()).unwrap();
            matches!(addresses.all[0].addr(), redis::ConnectionAddr::TcpTls { .. })
        };
        assert_eq!(
            ["redis://h", "valkey://h", "rediss://h", "valkeys://h"].map(is_tls),
            [false, false, true, true]
        );
    }
}
