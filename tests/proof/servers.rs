//! The Redis of a proof, which it breaks: one node that keeps every write, or a cluster of three masters with a replica each.

use std::net::TcpListener;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use local::redis::{Options, RedisServer};
use redis::{Client, FromRedisValue};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tests::until;
use tokio::task::block_in_place;
use tokio::time::sleep;

const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];
/// How long a node may be silent before the others call it dead.
const NODE_TIMEOUT_MS: &str = "1000";
/// How long a node stays dead or frozen, in milliseconds.
const DEAD_MS: std::ops::Range<u64> = 100..2_000;

/// One node, or six.
pub(crate) struct Servers {
    nodes: Vec<Node>,
}

struct Node {
    server: RedisServer,
    port: u16,
    // What it keeps: a master that came back empty would take its replica's data away too.
    _data: TempDir,
}

impl Node {
    fn start(extra: &[&str]) -> Result<Self> {
        let data = TempDir::with_prefix("senna-proof-")?;
        let arguments = ["--appendfsync", "always"].iter().chain(extra);
        let options = Options {
            data_dir: Some(data.path().to_owned()),
            extra_args: arguments.map(|argument| (*argument).to_owned()).collect(),
            ..Options::default()
        };
        let server = block_in_place(|| RedisServer::start(&options))?;
        Ok(Self {
            port: server.port(),
            server,
            _data: data,
        })
    }

    fn kill(&mut self) {
        block_in_place(|| self.server.kill());
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self
            .server
            .pid()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        Ok(kill_process(pid.context("it runs")?, signal)?)
    }

    fn restart(&mut self) -> Result<()> {
        Ok(block_in_place(|| self.server.restart())?)
    }

    async fn run<T: FromRedisValue>(&self, command: &str) -> Result<T> {
        run(self.port, command).await
    }

    async fn is_master(&self) -> Result<bool> {
        Ok(self.run::<String>("INFO replication").await?.contains("role:master"))
    }

    /// Whether it sees a whole cluster, and has its master's data if it is a replica.
    async fn is_well(&self) -> Result<bool> {
        let cluster: String = self.run("CLUSTER INFO").await?;
        let replication: String = self.run("INFO replication").await?;
        let has_data = replication.contains("role:master") || replication.contains("master_link_status:up");
        Ok(cluster.contains("cluster_state:ok") && cluster.contains("cluster_known_nodes:6") && has_data)
    }
}

/// Runs a command, words separated by spaces, on the node at that port.
pub(crate) async fn run<T: FromRedisValue>(port: u16, command: &str) -> Result<T> {
    let mut connection = Client::open(format!("redis://127.0.0.1:{port}"))?
        .get_multiplexed_async_connection()
        .await?;
    let mut words = command.split(' ');
    let mut cmd = redis::cmd(words.next().unwrap_or_default());
    words.for_each(|word| {
        cmd.arg(word);
    });
    Ok(cmd.query_async(&mut connection).await?)
}

impl Servers {
    /// Starts one node.
    pub(crate) fn one() -> Result<Self> {
        Ok(Self {
            nodes: vec![Node::start(&[])?],
        })
    }

    /// Starts a cluster: three masters, then their replicas in the same order.
    pub(crate) async fn cluster() -> Result<Self> {
        let mut nodes = Vec::new();
        let mut buses = Vec::new();
        for _ in 0..2 * SLOTS.len() {
            // The default bus port is the port plus 10,000, which may be beyond the last port.
            let bus = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port().to_string();
            let flags = [
                "--cluster-enabled",
                "yes",
                "--cluster-port",
                &bus,
                "--cluster-node-timeout",
                NODE_TIMEOUT_MS,
            ];
            nodes.push(Node::start(&flags)?);
            buses.push(bus);
        }
        for (node, (first, last)) in nodes.iter().zip(SLOTS) {
            let () = node.run(&format!("CLUSTER ADDSLOTSRANGE {first} {last}")).await?;
        }
        let (first, others) = nodes.split_first().context("six nodes")?;
        for (node, bus) in others.iter().zip(&buses[1..]) {
            let () = first
                .run(&format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port))
                .await?;
        }
        let servers = Self { nodes };
        let (masters, replicas) = servers.nodes.split_at(SLOTS.len());
        for (master, replica) in masters.iter().zip(replicas) {
            let id: String = master.run("CLUSTER MYID").await?;
            let follow = format!("CLUSTER REPLICATE {id}");
            // It says no until it has heard of that master.
            until("a replica has its master", async || {
                Ok(replica.run::<()>(&follow).await.ok())
            })
            .await?;
        }
        servers.are_well().await?;
        Ok(servers)
    }

    /// The address for `SOCK_REDIS_URL`. In a cluster it is a node that is never killed, as the name of a managed cluster always leads to a
    /// living one; at first it is a replica.
    pub(crate) fn url(&self) -> String {
        self.nodes.last().map_or_else(String::new, |node| node.server.url())
    }

    /// Whether it has more than one node.
    pub(crate) fn is_cluster(&self) -> bool {
        self.nodes.len() > 1
    }

    /// The ports of the nodes that take writes.
    pub(crate) async fn masters(&self) -> Result<Vec<u16>> {
        let mut masters = Vec::new();
        for node in &self.nodes {
            if node.is_master().await? {
                masters.push(node.port);
            }
        }
        Ok(masters)
    }

    /// Breaks a node and mends it. The only one is killed with -9 or frozen; in a cluster a master is killed, and comes back when its replica
    /// has taken over. Says what it was.
    pub(crate) async fn break_one(&mut self, random: &mut Rng) -> Result<&'static str> {
        let dead = Duration::from_millis(random.u64(DEAD_MS));
        if let [node] = self.nodes.as_mut_slice() {
            if random.u8(..100) < 30 {
                node.signal(Signal::STOP)?;
                sleep(dead).await;
                node.signal(Signal::CONT)?;
                return Ok("redis frozen");
            }
            node.kill();
            sleep(dead).await;
            node.restart()?;
            return Ok("redis restarted");
        }
        let entry = self.nodes.len() - 1;
        let masters = self.masters().await?;
        let victims: Vec<usize> = (0..entry)
            .filter(|node| masters.contains(&self.nodes[*node].port))
            .collect();
        let victim = random.choice(victims).context("three masters")?;
        self.nodes[victim].kill();
        until("a replica takes over", async || {
            let mut count = 0;
            for (index, node) in self.nodes.iter().enumerate() {
                count += usize::from(index != victim && node.is_master().await?);
            }
            Ok((count == SLOTS.len()).then_some(()))
        })
        .await?;
        sleep(dead).await;
        self.nodes[victim].restart()?;
        self.are_well().await?;
        Ok("cluster failovers")
    }

    async fn are_well(&self) -> Result<()> {
        for node in &self.nodes {
            // It may still be reading what it kept.
            until("the cluster is whole", async || {
                Ok(node.is_well().await.unwrap_or(false).then_some(()))
            })
            .await?;
        }
        let masters = self.masters().await?.len();
        ensure!(masters == SLOTS.len(), "{masters} masters");
        Ok(())
    }
}
