//! A real cluster of three masters.

use std::net::TcpListener;
use std::time::Duration;

use local::redis_server::{Options, RedisServer};
use redis::Client;
use tokio::time::{Instant, sleep};

/// How long the nodes may take to agree.
const PATIENCE: Duration = Duration::from_secs(20);
const SLOTS: [(u16, u16); 3] = [(0, 5_460), (5_461, 10_922), (10_923, 16_383)];

pub(crate) struct Cluster(Vec<RedisServer>);

impl Cluster {
    pub(crate) async fn start() -> Self {
        let nodes = SLOTS.map(|(first, last)| {
            // The default bus port is the port plus 10,000, which may be beyond the last port.
            let bus = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let extra_args = ["--cluster-enabled", "yes", "--cluster-port", &bus.to_string()]
                .map(Into::into)
                .to_vec();
            let node = RedisServer::start(&Options {
                extra_args,
                ..Options::default()
            })
            .unwrap();
            run(&node, redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last));
            (node, bus)
        });
        let (first, _) = &nodes[0];
        for (node, bus) in &nodes[1..] {
            run(
                first,
                redis::cmd("CLUSTER")
                    .arg("MEET")
                    .arg("127.0.0.1")
                    .arg(node.port())
                    .arg(*bus),
            );
        }
        let cluster = Self(nodes.into_iter().map(|(node, _)| node).collect());
        let deadline = Instant::now() + PATIENCE;
        while !cluster.0.iter().all(agrees) {
            assert!(Instant::now() < deadline, "the nodes did not find each other");
            sleep(Duration::from_millis(20)).await;
        }
        cluster
    }

    pub(crate) fn url(&self) -> String {
        self.0[0].url()
    }
}

fn run(node: &RedisServer, command: &mut redis::Cmd) -> String {
    let mut connection = Client::open(node.url()).unwrap().get_connection().unwrap();
    command.query(&mut connection).unwrap()
}

fn agrees(node: &RedisServer) -> bool {
    let info = run(node, redis::cmd("CLUSTER").arg("INFO"));
    info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
}
