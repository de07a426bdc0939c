//! Counts what each route asks of Redis: `cargo run -p tests --bin round-trips`.
//!
//! The commands come from Redis's own `commandstats`: those of the functions, not those that their scripts run inside the server. The round
//! trips are counted on the wire, by a relay between the functions and Redis that notes each time a client speaks after it has listened.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Method;
use local::redis::{Options, RedisServer};
use redis::aio::MultiplexedConnection;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Socket, User, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// Calls of each route that are counted.
const CALLS: u32 = 100;
/// What functions send; everything else in the statistics is run by scripts, or is ours.
const OF_FUNCTIONS: [&str; 7] = ["evalsha", "eval", "hmget", "zrem", "del", "hello", "ping"];

#[tokio::main]
async fn main() -> Result<()> {
    let server = RedisServer::start(&Options::default())?;
    let relay = Relay::start(server.port()).await?;
    let chat = Chat::own(&[("SOCK_REDIS_URL", &format!("redis://127.0.0.1:{}", relay.port))]).await?;
    let redis = redis::Client::open(server.url())?
        .get_multiplexed_async_connection()
        .await?;
    let counter = Counter { relay, redis };
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let start = socket.hello().await?["cursor"].clone();
    let message = ann.send_text(&bob, "Hello").await?;

    println!(
        "{:<42}{:>12}   commands per call",
        format!("{CALLS} calls each"),
        "round trips"
    );
    let path = bob.path();
    let of_message = format!("{path}/{}", message["id"].as_str().context("an id")?);
    let text = json!({"type": "text", "text": "Hello"});
    counter.rest("read", &ann, Method::GET, "/list", None).await?;
    counter.rest("read", &ann, Method::GET, &path, None).await?;
    let missed = format!("/sync?since={}", start.as_str().context("a cursor")?);
    counter.rest("read", &ann, Method::GET, &missed, None).await?;
    counter
        .rest("read", &ann, Method::GET, &format!("{path}/changes?since=0"), None)
        .await?;
    counter.rest("write", &ann, Method::POST, &path, Some(&text)).await?;
    counter
        .rest("write", &ann, Method::POST, &of_message, Some(&text))
        .await?;
    counter.rest("write", &ann, Method::DELETE, &of_message, None).await?;
    let target = json!({"target": "user", "target_id": bob.id, "message_id": message["id"]});
    counter
        .action("nothing", &mut socket, "ping", &target, &json!({}))
        .await?;
    counter
        .action("who + read", &mut socket, "hello", &target, &json!({}))
        .await?;
    counter
        .action("who + read", &mut socket, "sync", &target, &json!({"since": start}))
        .await?;
    counter
        .action("who + read", &mut socket, "changes", &target, &json!({"since": 0}))
        .await?;
    counter
        .action("who + write", &mut socket, "send", &target, &text)
        .await?;
    counter
        .action("who + write", &mut socket, "delete", &target, &json!({}))
        .await?;
    counter.handshakes(&chat, &bob).await
}

struct Counter {
    relay: Relay,
    redis: MultiplexedConnection,
}

impl Counter {
    async fn rest(&self, kind: &str, user: &User, method: Method, path: &str, body: Option<&Value>) -> Result<()> {
        // The first call starts the function and loads its scripts.
        user.call(method.clone(), path, body).await?;
        let before = self.counts().await?;
        for _ in 0..CALLS {
            let answer = user.call(method.clone(), path, body).await?;
            anyhow::ensure!(answer.status < 300, "{method} {path}: {}", answer.status);
        }
        let name = match path.split('/').count() {
            _ if path.contains("/changes?") => "{target}/{id}/changes",
            3 => "{target}/{id}",
            4 => "{target}/{id}/{message_id}",
            _ => path.trim_start_matches('/').split('?').next().unwrap_or_default(),
        };
        self.show(&format!("{method} /api/{name}"), kind, &before).await
    }

    async fn action(&self, kind: &str, socket: &mut Socket, action: &str, target: &Value, body: &Value) -> Result<()> {
        let mut frame = target.clone();
        frame["action"] = json!(action);
        for (name, value) in body.as_object().into_iter().flatten() {
            frame[name] = value.clone();
        }
        socket.result(frame.clone()).await?;
        let before = self.counts().await?;
        for _ in 0..CALLS {
            socket.result(frame.clone()).await?;
        }
        self.show(&format!("WebSocket {action}"), kind, &before).await
    }

    /// Opens connections and leaves them; both ends are routes of their own.
    async fn handshakes(&self, chat: &Chat, user: &User) -> Result<()> {
        let token = user.token()?;
        let headers = [("X-Auth-Token", token.as_str())];
        let open = async || chat.handshake("/", &headers).await?.open();
        let redis = RawRedis::of(chat).await?;
        let none_left = async || Ok(redis.connections(user).await?.is_empty().then_some(()));
        drop(open().await?);
        until("the connection is forgotten", none_left).await?;
        let before = self.counts().await?;
        let mut sockets = Vec::new();
        for _ in 0..CALLS {
            sockets.push(open().await?);
        }
        self.show("WebSocket $connect", "write", &before).await?;
        let before = self.counts().await?;
        for socket in sockets {
            drop(socket);
            // One after the other, else several processes start.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        until("the connections are forgotten", none_left).await?;
        self.show("WebSocket $disconnect", "who + write", &before).await
    }

    async fn counts(&self) -> Result<(u64, BTreeMap<String, u64>)> {
        let info: String = redis::cmd("INFO")
            .arg("commandstats")
            .query_async(&mut self.redis.clone())
            .await?;
        let calls = |line: &str| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
        };
        Ok((
            self.relay.turns.load(Ordering::Relaxed),
            info.lines().filter_map(calls).collect(),
        ))
    }

    async fn show(&self, name: &str, kind: &str, before: &(u64, BTreeMap<String, u64>)) -> Result<()> {
        let after = self.counts().await?;
        let per_call = |count: u64| f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / f64::from(CALLS);
        let commands = OF_FUNCTIONS.iter().filter_map(|command| {
            let count = |counts: &BTreeMap<String, u64>| counts.get(*command).copied().unwrap_or_default();
            let calls = count(&after.1) - count(&before.1);
            (calls > 0).then(|| format!("{command} {:.2}", per_call(calls)))
        });
        let commands: Vec<String> = commands.collect();
        println!(
            "{:<42}{:>12.2}   {} ({kind})",
            name,
            per_call(after.0 - before.0),
            commands.join(", ")
        );
        Ok(())
    }
}

/// Stands between the functions and Redis.
struct Relay {
    port: u16,
    turns: Arc<AtomicU64>,
}

impl Relay {
    async fn start(server: u16) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let turns = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&turns);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
                    continue;
                };
                // Else a second write waits for the first one's acknowledgement, and looks like a trip of its own.
                client.set_nodelay(true).and(server.set_nodelay(true)).ok();
                let (from_client, to_client) = client.into_split();
                let (from_server, to_server) = server.into_split();
                // Even: the server has spoken last. Odd: the client.
                let direction = Arc::new(AtomicU64::new(0));
                tokio::spawn(pass(
                    from_client,
                    to_server,
                    Arc::clone(&direction),
                    Some(Arc::clone(&counted)),
                ));
                tokio::spawn(pass(from_server, to_client, direction, None));
            }
        });
        Ok(Self { port, turns })
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, spoke: Arc<AtomicU64>, turns: Option<Arc<AtomicU64>>) {
    let mut bytes = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let was_client = spoke.swap(u64::from(turns.is_some()), Ordering::Relaxed) == 1;
        if let Some(turns) = turns.as_ref().filter(|_| !was_client) {
            turns.fetch_add(1, Ordering::Relaxed);
        }
        if to.write_all(bytes.get(..length).unwrap_or_default()).await.is_err() {
            break;
        }
    }
}
