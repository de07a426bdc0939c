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
    let url = format!("redis://127.0.0.1:{}", relay.port);
    // Limits that nobody reaches cost the same as others.
    let limits = [
        "sends=10000:100000",
        "edits=10000:100000",
        "requests=10000:100000",
        "frames=10000:100000",
        "reports=10000:100000",
    ];
    let variables = [
        ("SOCK_REDIS_URL", url.as_str()),
        ("SOCK_LIMITS", &limits.join(",")),
        ("SOCK_CONNECTIONS_MAX", "1000"),
    ];
    let chat = Chat::own(&variables).await?;
    let redis = redis::Client::open(server.url())?
        .get_multiplexed_async_connection()
        .await?;
    let counter = Counter { relay, redis };
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let start = socket.hello().await?["cursor"].clone();
    let message = ann.send_text(&bob, "Hello").await?;

    println!(
        "{:<62}{:>12}   commands per call",
        format!("{CALLS} calls each"),
        "round trips"
    );
    let path = bob.path();
    let of_message = format!("{path}/{}", message["id"].as_str().context("an id")?);
    let text = json!({"type": "text", "text": "Hello"});
    let missed = format!("/sync?since={}", start.as_str().context("a cursor")?);
    let topic = "/topic/round-trips";
    ann.call(Method::POST, topic, Some(&text)).await?;
    bob.call(Method::PUT, &format!("{topic}/members/me"), None).await?;
    let members = format!("{topic}/members");
    for read in [
        "/list",
        path.as_str(),
        &missed,
        &format!("{path}/changes?since=0"),
        &members,
        &format!("/presence?ids={}", bob.id),
        "/blocks",
    ] {
        counter.rest("read", &ann, Method::GET, read, None).await?;
    }
    let of_other = format!(
        "{path}/{}",
        bob.send_text(&ann, "Hello").await?["id"].as_str().context("an id")?
    );
    let reason = json!({"reason": "spam"});
    let reaction = format!("{of_message}/reactions/%F0%9F%91%8D");
    let settings = json!({"muted": true});
    for (method, path, body) in [
        (Method::POST, path.as_str(), Some(&text)),
        (Method::POST, topic, Some(&text)),
        (Method::POST, &of_message, Some(&text)),
        (Method::POST, &format!("{path}/read"), None),
        (Method::POST, &format!("{topic}/read"), None),
        (Method::PUT, &reaction, None),
        (Method::DELETE, &reaction, None),
        (Method::PUT, &format!("{path}/settings"), Some(&settings)),
        (Method::PUT, &format!("{members}/me"), None),
        (Method::POST, &format!("{of_other}/report"), Some(&reason)),
        (Method::PUT, &format!("{path}/block"), None),
        (Method::DELETE, &format!("{path}/block"), None),
        (Method::DELETE, &of_message, None),
    ] {
        counter.rest("write", &ann, method, path, body).await?;
    }
    let message = ann.send_text(&bob, "Hello again").await?;
    let target = json!({"target": "user", "target_id": bob.id, "message_id": message["id"]});
    let watched = json!({"users": [bob.id], "conversation": {"target": "topic", "target_id": "round-trips"}});
    for (kind, action, body) in [
        ("nothing", "ping", json!({})),
        ("who + read", "hello", json!({})),
        ("who + read", "sync", json!({"since": start})),
        ("who + read", "changes", json!({"since": 0})),
        ("who + write", "send", text),
        ("who + write", "update", json!({"text": "Hello, edited"})),
        ("who + write", "read", json!({})),
        ("who + write", "react", json!({"reaction": "👍"})),
        ("who + write", "delete", json!({})),
        ("who + read", "typing", json!({"state": "stop"})),
        ("who + read", "watch", watched),
    ] {
        counter.action(kind, &mut socket, action, &target, &body).await?;
    }
    counter.typing(&mut socket, &target).await?;
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
        // The message's id, and what a query asks for, say nothing.
        let path = path.split('?').next().unwrap_or_default();
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        let name = match parts.as_slice() {
            ["user", _, rest @ ..] => ["user", "{id}"].iter().chain(rest).copied().collect::<Vec<_>>(),
            ["topic", _, rest @ ..] => ["topic", "{id}"].iter().chain(rest).copied().collect(),
            other => other.to_vec(),
        };
        let shown = |part: &str| {
            if part.len() == 36 {
                "{message_id}".to_owned()
            } else {
                part.to_owned()
            }
        };
        let name: Vec<String> = name.into_iter().map(shown).collect();
        let name = name.join("/");
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

    /// Begins to type, which is taken every two seconds, and so is counted once.
    async fn typing(&self, socket: &mut Socket, target: &Value) -> Result<()> {
        let mut frame = target.clone();
        (frame["action"], frame["state"]) = (json!("typing"), json!("start"));
        let before = self.counts().await?;
        socket.result(frame).await?;
        let after = self.counts().await?;
        println!(
            "{:<62}{:>12}   once (who + read)",
            "WebSocket typing start",
            after.0 - before.0
        );
        Ok(())
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
            "{:<62}{:>12.2}   {} ({kind})",
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
