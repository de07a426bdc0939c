//! What retention costs Redis: `cargo run --release -p shared --example retention-cost`.
//!
//! One server, one connection, the worker's own code. Redis's processor time is that of its main thread in `INFO cpu`.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use local::redis::{Options, RedisServer};
use redis::Client;
use redis::aio::MultiplexedConnection;
use shared::adapters::clock::SystemClock;
use shared::adapters::redis::RedisStore;
use shared::app::Trimmer;
use shared::config::RedisConfig;
use shared::domain::{Admission, Asker, Body, BodyKind, Conversation, Domain, Draft, Id, Retention, Target, User};
use shared::ports::{Clock, Store as _};

type Error = Box<dyn std::error::Error>;

const CONVERSATIONS: u32 = 20_000;
/// Messages of the long conversation.
const MESSAGES: u32 = 50_000;
const AT_ONCE: usize = 16;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// So many days from now.
struct InDays(u64);

impl Clock for InDays {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms() + self.0 * DAY_MS
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let server = RedisServer::start(&Options::default())?;
    let config = RedisConfig {
        urls: vec![server.url()],
        authority: None,
        prefix: "cost".to_owned(),
    };
    let store = RedisStore::connect(config, SystemClock).await?;
    let mut redis = Client::open(server.url())?.get_multiplexed_async_connection().await?;
    for number in 1..=CONVERSATIONS {
        say(&store, number, CONVERSATIONS + number).await?;
    }
    let keys: u64 = redis::cmd("DBSIZE").query_async(&mut redis).await?;
    println!("{CONVERSATIONS} conversations of two users and one message, {keys} keys");
    walk(
        &store,
        &mut redis,
        0,
        CONVERSATIONS,
        "a walk that finds nothing too old, per conversation",
    )
    .await?;
    walk(
        &store,
        &mut redis,
        2,
        CONVERSATIONS,
        "one that removes the message, and tells both users",
    )
    .await?;
    let long = (0..MESSAGES).map(|_| say(&store, 1, 2));
    stream::iter(long).buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    println!("one conversation of {MESSAGES} messages more");
    walk(
        &store,
        &mut redis,
        4,
        MESSAGES,
        "a walk that removes all of them, per message",
    )
    .await
}

/// A message from one user to another.
async fn say(store: &RedisStore<SystemClock>, from: u32, to: u32) -> Result<(), Error> {
    let id = |number: u32| Id::parse(&number.to_string());
    let user = User {
        domain: Domain::parse("site")?,
        id: id(from)?,
    };
    let chat = Conversation::of(&user, &Target::User(id(to)?));
    let author = Asker {
        id: user.id,
        admission: Admission::Open,
    };
    let draft = Draft {
        body: Body::new(BodyKind::Text, format!("{from:050}"))?,
        metadata: None,
        reply_to: None,
        mentions: Vec::new(),
        retry_key: None,
    };
    let projection = store.append_message(&chat, &author, &draft, 1_000).await?.projection;
    for member in &projection.members {
        store.tell(&chat, &projection, member).await?;
    }
    Ok(())
}

/// Walks through all conversations so many days from now; each site keeps messages for a day.
async fn walk(
    store: &RedisStore<SystemClock>,
    redis: &mut MultiplexedConnection,
    in_days: u64,
    of: u32,
    what: &str,
) -> Result<(), Error> {
    let retention = Retention {
        days: Some(1),
        ..Retention::default()
    };
    let trimmer = Trimmer {
        store,
        trimming: store,
        retention: &retention,
        sites: &[],
        clock: &InDays(in_days),
    };
    let (before, begun) = (processor(redis).await?, Instant::now());
    trimmer.run(u64::MAX).await?;
    let (took, used) = (begun.elapsed(), processor(redis).await?.saturating_sub(before));
    let per = |time: Duration| time.as_secs_f64() * 1e6 / f64::from(of);
    println!("{what}: {:.1} µs of Redis, {:.1} µs in all", per(used), per(took));
    Ok(())
}

/// The processor time that the server has used.
async fn processor(redis: &mut MultiplexedConnection) -> Result<Duration, Error> {
    let text: String = redis::cmd("INFO").arg("cpu").query_async(redis).await?;
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    let own = fields.filter(|(name, _)| name.ends_with("_main_thread"));
    let seconds = own.map(|(_, value)| value.parse::<f64>()).sum::<Result<f64, _>>()?;
    Ok(Duration::from_secs_f64(seconds))
}
