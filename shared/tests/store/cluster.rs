//! A real cluster: three masters, and if wanted three replicas, a password, and TLS.

use std::net::TcpListener;
use std::time::Duration;

use local::redis::{Options, RedisServer};
use redis::{Client, FromRedisValue};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::relay::{Authority, Relay};
use crate::support::Address;

/// How long the nodes may take to agree on anything.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a node may be silent before its replica takes over. A busy machine must not look like a dead node.
const NODE_TIMEOUT_MS: &str = "2000";
const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
const PASSWORD: &str = "of, the cluster";

/// A node, and what stands before it.
pub(crate) struct Node {
    server: RedisServer,
    bus: u16,
    pub(crate) relay: Relay,
}

/// The masters come first; the replica of master `n` is node `n + 3`.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    authority: Option<Authority>,
}

impl Cluster {
    /// Three masters without a password.
    pub(crate) async fn of_masters() -> Self {
        Self::start(SLOTS.len(), None).await
    }

    /// Three masters and their replicas, with TLS and a password.
    pub(crate) async fn whole() -> Self {
        Self::start(SLOTS.len() * 2, Some(Authority::new())).await
    }

    async fn start(size: usize, authority: Option<Authority>) -> Self {
        let mut nodes = Vec::new();
        for _ in 0..size {
            nodes.push(Node::start(authority.as_ref()).await);
        }
        let cluster = Self { nodes, authority };
        for (master, (first, last)) in SLOTS.into_iter().enumerate() {
            cluster.run::<()>(master, &format!("CLUSTER ADDSLOTSRANGE {first} {last}"));
        }
        for node in &cluster.nodes[1..] {
            let (port, bus) = (node.server.port(), node.bus);
            cluster.run::<()>(0, &format!("CLUSTER MEET 127.0.0.1 {port} {bus}"));
        }
        let known = format!("cluster_known_nodes:{size}");
        cluster.all_say("CLUSTER INFO", &["cluster_state:ok", &known]).await;
        for replica in SLOTS.len()..size {
            let master = cluster.id(replica - SLOTS.len());
            cluster.run::<()>(replica, &format!("CLUSTER REPLICATE {master}"));
        }
        for replica in SLOTS.len()..size {
            cluster
                .says(replica, "INFO replication", &["master_link_status:up"])
                .await;
            cluster
                .says(replica - SLOTS.len(), "INFO replication", &["state=online"])
                .await;
        }
        cluster.all_know_replicas(size - SLOTS.len()).await;
        cluster
    }

    /// Where a store finds these nodes.
    pub(crate) fn address(&self, nodes: &[usize]) -> Address {
        let url = |node: &usize| {
            let port = self.nodes[*node].relay.port();
            match self.authority {
                Some(_) => format!("rediss://:{}@127.0.0.1:{port}", PASSWORD.replace(' ', "%20")),
                None => format!("redis://127.0.0.1:{port}"),
            }
        };
        Address {
            urls: nodes.iter().map(url).collect(),
            authority: self.authority.as_ref().map(Authority::pem),
        }
    }

    /// Asks one node past its relay. Arguments have no spaces.
    pub(crate) fn run<T: FromRedisValue>(&self, node: usize, command: &str) -> T {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        let mut connection = self.nodes[node]
            .client(self.authority.is_some())
            .get_connection()
            .unwrap();
        command.arg(words.collect::<Vec<_>>()).query(&mut connection).unwrap()
    }

    pub(crate) fn id(&self, node: usize) -> String {
        self.run(node, "CLUSTER MYID")
    }

    /// The slot of a key, and the master that had it in the beginning.
    pub(crate) fn place(&self, key: &str) -> (u16, usize) {
        let slot = self.run(1, &format!("CLUSTER KEYSLOT {key}"));
        (slot, SLOTS.iter().position(|(_, last)| slot <= *last).unwrap())
    }

    /// Waits until a node's answer has all these parts.
    pub(crate) async fn says(&self, node: usize, command: &str, parts: &[&str]) {
        until(&format!("node {node} says {parts:?}"), || {
            let answer: String = self.run(node, command);
            parts.iter().all(|part| answer.contains(part))
        })
        .await;
    }

    async fn all_say(&self, command: &str, parts: &[&str]) {
        for node in 0..self.nodes.len() {
            self.says(node, command, parts).await;
        }
    }

    async fn all_know_replicas(&self, count: usize) {
        for node in 0..self.nodes.len() {
            until("every node knows the replicas", || {
                self.run::<String>(node, "CLUSTER NODES").matches("slave ").count() == count
            })
            .await;
        }
    }

    /// Waits until a master's replica has all that the master has.
    pub(crate) async fn replicated(&self, master: usize) {
        until("the replica has caught up", || self.lag_bytes(master) == 0).await;
    }

    /// By how many bytes a master's replica lies behind now.
    pub(crate) fn lag_bytes(&self, master: usize) -> u64 {
        let info = |node| self.run::<String>(node, "INFO replication");
        let replica = number(&info(master + SLOTS.len()), "slave_repl_offset:").unwrap();
        number(&info(master), "master_repl_offset:")
            .unwrap()
            .saturating_sub(replica)
    }

    /// Waits until the replica of that master has taken over, and everyone but the old master knows.
    pub(crate) async fn taken_over(&self, master: usize) {
        self.says(master + SLOTS.len(), "INFO replication", &["role:master"])
            .await;
        for node in (0..self.nodes.len()).filter(|node| *node != master) {
            self.says(node, "CLUSTER INFO", &["cluster_state:ok"]).await;
        }
    }

    /// Ends a node as a crash would.
    pub(crate) fn kill(&mut self, node: usize) {
        self.nodes[node].server.kill();
    }

    /// Stops a node's process where it stands: it answers nothing, and its connections stay open.
    pub(crate) fn hang(&self, node: usize) {
        self.nodes[node].signal(Signal::STOP);
    }

    pub(crate) fn wake(&self, node: usize) {
        self.nodes[node].signal(Signal::CONT);
    }
}

impl Drop for Cluster {
    /// In order a master would wait for its replicas.
    fn drop(&mut self) {
        for node in &mut self.nodes {
            node.server.kill();
        }
    }
}

impl Node {
    async fn start(authority: Option<&Authority>) -> Self {
        let mut relay = Relay::bind().await;
        // The default bus port is the port plus 10,000, which may be beyond the last port.
        let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let (bus_text, announced) = (bus.to_string(), relay.port().to_string());
        let mut arguments = vec!["--cluster-enabled", "yes", "--cluster-port", &bus_text];
        arguments.extend([
            "--cluster-announce-port",
            &announced,
            "--cluster-node-timeout",
            NODE_TIMEOUT_MS,
        ]);
        arguments.extend(["--repl-diskless-sync-delay", "0"]);
        if authority.is_some() {
            arguments.extend(["--requirepass", PASSWORD, "--masterauth", PASSWORD]);
        }
        let options = Options {
            extra_args: arguments.into_iter().map(Into::into).collect(),
            ..Options::default()
        };
        let server = RedisServer::start(&options).unwrap();
        relay.serve(server.port(), authority.map(Authority::acceptor));
        Self { server, bus, relay }
    }

    /// The server's own port, past the relay.
    pub(crate) fn port(&self) -> u16 {
        self.server.port()
    }

    fn client(&self, has_password: bool) -> Client {
        let info = redis::IntoConnectionInfo::into_connection_info(self.server.url()).unwrap();
        let mut settings = info.redis_settings().clone();
        if has_password {
            settings = settings.set_password(PASSWORD);
        }
        Client::open(info.set_redis_settings(settings)).unwrap()
    }

    fn signal(&self, signal: Signal) {
        let pid = self
            .server
            .pid()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).unwrap()));
        kill_process(pid.unwrap(), signal).unwrap();
    }
}

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "it never was so: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// A number in an answer of INFO.
pub(crate) fn number(info: &str, name: &str) -> Option<u64> {
    let (_, rest) = info.split_once(name)?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
