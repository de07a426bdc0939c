//! What a send costs Redis, beside the same send by the last edition's scripts: `cargo run -p shared --example redis-cost`.
//!
//! Both editions run on one server, over one connection each, and ask for the same: the conversation, then each of the two users at once. Redis's
//! processor time is that of its main thread in `INFO cpu`; the time of scripts is that of EVALSHA in `INFO commandstats`; bytes are `MEMORY
//! USAGE` of every key, with all of its elements.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

mod last_edition;

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::try_join_all;
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use local::redis::{Options, RedisServer};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use shared::adapters::clock::SystemClock;
use shared::adapters::redis::RedisStore;
use shared::config::RedisConfig;
use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{
    Admission, Asker, Body, BodyKind, ConnectionId, Conversation, Domain, Draft, Id, Metadata, Principal, RetryKey,
    Target, TopicClaim, User,
};
use shared::ports::{Clock as _, Store as _, Terms};
use uuid::Uuid;

use crate::last_edition::LastEdition;

type Error = Box<dyn std::error::Error>;

/// Sends under way at once where nothing else is said.
const AT_ONCE: usize = 16;
/// Who talks: so many users, each with all others.
const USERS: usize = 20;
/// Sends before the first round: each user's event log of the last edition is then full, as that of a busy user was.
const WARM_UP: u32 = 12_000;
const ROUNDS: u32 = 15;
const SENDS: u32 = 1_000;
/// Long messages into one conversation, and into as many.
const LARGE: usize = 600;

/// One way to send.
trait Edition {
    async fn send(&self, author: &User, to: &User, draft: &Draft) -> Result<(), Error>;
}

struct ThisEdition(RedisStore<SystemClock>);

impl ThisEdition {
    async fn new(server: &RedisServer, prefix: &str) -> Result<Self, Error> {
        let config = RedisConfig {
            urls: vec![server.url()],
            authority: None,
            prefix: prefix.to_owned(),
        };
        Ok(Self(RedisStore::connect(config, SystemClock).await?))
    }
}

impl Edition for ThisEdition {
    async fn send(&self, author: &User, to: &User, draft: &Draft) -> Result<(), Error> {
        let conversation = Conversation::of(author, &Target::User(to.id.clone()));
        let author = asker(author);
        let appended = self.0.append_message(&conversation, &author, draft, TOPIC_MEMBERS_MAX);
        let projection = appended.await?.projection;
        let tells = projection
            .members
            .iter()
            .map(|member| self.0.tell(&conversation, &projection, member));
        try_join_all(tells).await?;
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let server = RedisServer::start(&Options::default())?;
    let statistics = Statistics(connection(&server).await?);
    println!("{}", statistics.server().await?);
    println!();
    compare(&server, &statistics).await?;
    println!();
    message_bytes(&server, &statistics).await?;
    println!();
    idle_user_bytes(&server, &statistics).await?;
    println!();
    one_conversation_or_many(&server, &statistics).await
}

/// Rounds of sends by one edition and by the other in turn.
async fn compare(server: &RedisServer, statistics: &Statistics) -> Result<(), Error> {
    let this = ThisEdition::new(server, "this").await?;
    let last = LastEdition::new(connection(server).await?, "last").await?;
    let users = users(USERS)?;
    println!(
        "{USERS} users who talk with all others, one connection each; 50 characters; each send with a retry key; microseconds per send"
    );
    connect(server, &users).await?;
    let pairs = |count: u32| (0..count as usize).map(|at| (at % USERS, (at + 1 + at / USERS % (USERS - 1)) % USERS));
    send(&this, &users, pairs(WARM_UP), &fifty, AT_ONCE).await?;
    send(&last, &users, pairs(WARM_UP), &fifty, AT_ONCE).await?;
    for at_once in [1, AT_ONCE] {
        println!("{at_once:>2} at a time   processor time of Redis           time of the scripts");
        println!("               this   last  this/last          this   last  this/last");
        let (mut of_processor, mut of_scripts) = (Vec::new(), Vec::new());
        for round in 1..=ROUNDS {
            let of_this = send(&this, &users, pairs(SENDS), &fifty, at_once);
            let of_this = statistics.of(of_this).await?;
            let of_last = send(&last, &users, pairs(SENDS), &fifty, at_once);
            let of_last = statistics.of(of_last).await?;
            let per_send = |duration: Duration| duration.as_secs_f64() * 1e6 / f64::from(SENDS);
            let row = |this, last| format!("{this:>7.1}{last:>7.1}{:>11.3}", this / last);
            let processor = (per_send(of_this.processor), per_send(of_last.processor));
            let scripts = (per_send(of_this.scripts), per_send(of_last.scripts));
            println!(
                "round {round}     {}       {}",
                row(processor.0, processor.1),
                row(scripts.0, scripts.1)
            );
            of_processor.push(processor.0 / processor.1);
            of_scripts.push(scripts.0 / scripts.1);
        }
        let (processor, scripts) = (median(of_processor), median(of_scripts));
        println!("median     {processor:>25.3}{scripts:>32.3}   (goal: 0.7)");
    }
    Ok(())
}

/// What a long conversation takes.
async fn message_bytes(server: &RedisServer, statistics: &Statistics) -> Result<(), Error> {
    const MESSAGES: u32 = 100_000;
    let this = ThisEdition::new(server, "bytes").await?;
    let users = users(2)?;
    let [ann, ben] = users.as_slice() else { return Ok(()) };
    let chat = Conversation::of(ann, &Target::User(ben.id.clone()));
    let appended = (0..MESSAGES as usize).map(async |at| {
        let author = if at % 2 == 0 { ann } else { ben };
        let draft = Draft {
            retry_key: None,
            ..fifty(at)?
        };
        let author = asker(author);
        let appended = this.0.append_message(&chat, &author, &draft, TOPIC_MEMBERS_MAX);
        appended.await.map(|_| ()).map_err(Error::from)
    });
    run(appended, AT_ONCE).await?;
    let (author, with_key) = (asker(ann), fifty(0)?);
    let appended = this.0.append_message(&chat, &author, &with_key, TOPIC_MEMBERS_MAX);
    appended.await?;
    let keys = statistics.bytes(&format!("{{bytes:{}}}", chat.key())).await?;
    let (operations, own): (Vec<_>, Vec<_>) = keys.into_iter().partition(|(key, _)| key.starts_with("op:"));
    let total: u32 = own.iter().map(|(_, bytes)| bytes).sum();
    println!(
        "bytes per message of 50 characters, of {MESSAGES}: {:.1} (goal: 85; the first Node.js server: 313)",
        f64::from(total) / f64::from(MESSAGES)
    );
    let retry_key = operations.iter().map(|(_, bytes)| bytes).max().unwrap_or(&0);
    println!(
        "and what remembers the operation, {retry_key} at the most: for a day if it has a retry key, else for ten seconds"
    );
    Ok(())
}

/// What a user takes who has some conversations and is not there.
async fn idle_user_bytes(server: &RedisServer, statistics: &Statistics) -> Result<(), Error> {
    let this = ThisEdition::new(server, "idle").await?;
    for conversations in [2, 3, 5] {
        // Each with users of its own.
        let users: Vec<User> = users(400)?.into_iter().skip(20 * conversations).take(11).collect();
        let pairs = (0..20 * conversations).map(|at| match at % 2 {
            0 => (0, 1 + at / 2 % conversations),
            _ => (1 + at / 2 % conversations, 0),
        });
        send(&this, &users, pairs, &fifty, AT_ONCE).await?;
        let Some(user) = users.first() else { return Ok(()) };
        let tag = format!("{{idle:{}:user:{}}}", user.domain, user.id.in_key());
        let keys = statistics.bytes(&tag).await?;
        let total: u32 = keys.values().sum();
        let parts: Vec<_> = keys.iter().map(|(key, bytes)| format!("{key} {bytes}")).collect();
        println!(
            "bytes per idle user with {conversations} conversations, of 50 characters the newest message of each: {total} (goal: 1000): {}",
            parts.join(", ")
        );
    }
    Ok(())
}

/// Whether many who write to one conversation wait longer than those who write to one each.
async fn one_conversation_or_many(server: &RedisServer, statistics: &Statistics) -> Result<(), Error> {
    println!("time of the scripts per EVALSHA in microseconds: {LARGE} sends of 20 KiB, {AT_ONCE} at a time");
    let users = users(2 * LARGE)?;
    let one = ThisEdition::new(server, "one").await?;
    let many = ThisEdition::new(server, "many").await?;
    in_one_and_in_many("this edition", &one, &many, &users, statistics).await?;
    let redis = connection(server).await?;
    let one = LastEdition::new(redis.clone(), "last-one").await?;
    let many = LastEdition::new(redis, "last-many").await?;
    in_one_and_in_many("the last one", &one, &many, &users, statistics).await
}

async fn in_one_and_in_many(
    name: &str,
    one: &impl Edition,
    many: &impl Edition,
    users: &[User],
    statistics: &Statistics,
) -> Result<(), Error> {
    let in_one = (0..LARGE).map(|_| (0, 1));
    let in_one = statistics.of(send(one, users, in_one, &large, AT_ONCE)).await?;
    let in_many = (0..LARGE).map(|at| (2 * at, 2 * at + 1));
    let in_many = statistics.of(send(many, users, in_many, &large, AT_ONCE)).await?;
    let (one, many) = (in_one.per_call(), in_many.per_call());
    println!(
        "{name}: {one:.1} into one conversation, {many:.1} into as many as sends: {:.2} times as much",
        one / many
    );
    Ok(())
}

/// Sends, some at a time, each from one of these users to another.
async fn send(
    edition: &impl Edition,
    users: &[User],
    pairs: impl Iterator<Item = (usize, usize)>,
    draft: &impl Fn(usize) -> Result<Draft, Error>,
    at_once: usize,
) -> Result<(), Error> {
    let sends = pairs.enumerate().map(async |(at, (from, to))| {
        let (Some(author), Some(other)) = (users.get(from), users.get(to)) else {
            return Err("no such user".into());
        };
        edition.send(author, other, &draft(at)?).await
    });
    run(sends, at_once).await
}

async fn run(
    futures: impl Iterator<Item = impl Future<Output = Result<(), Error>>>,
    at_once: usize,
) -> Result<(), Error> {
    stream::iter(futures).buffer_unordered(at_once).try_collect().await
}

fn users(count: usize) -> Result<Vec<User>, Error> {
    let domain = Domain::parse("site")?;
    let user = |id: usize| {
        Ok(User {
            domain: domain.clone(),
            id: Id::parse(&(388_636 + id).to_string())?,
        })
    };
    (0..count).map(user).collect()
}

fn asker(user: &User) -> Asker {
    Asker {
        id: user.id.clone(),
        admission: Admission::Open,
    }
}

/// Gives each user one connection, in both editions.
async fn connect(server: &RedisServer, users: &[User]) -> Result<(), Error> {
    // A connection is stored alike in both editions.
    let terms = Terms {
        connections_max: 1,
        takings: &[],
    };
    for prefix in ["this", "last"] {
        let ThisEdition(store) = ThisEdition::new(server, prefix).await?;
        for (at, user) in users.iter().enumerate() {
            let id = ConnectionId::parse(&format!("L0SM9cOFv{at:06}="))?;
            let principal = Principal {
                user: user.clone(),
                topics: TopicClaim::default(),
                until_ms: None,
                issued_ms: None,
            };
            let opening = store.open_connection(&principal, &id, SystemClock.now_ms(), terms);
            opening.await?;
        }
    }
    Ok(())
}

fn fifty(at: usize) -> Result<Draft, Error> {
    Ok(Draft {
        body: Body::new(BodyKind::Text, format!("{at:050}"))?,
        metadata: None,
        reply_to: None,
        mentions: Vec::new(),
        retry_key: Some(RetryKey::parse(&Uuid::new_v4().to_string())?),
    })
}

/// A text and metadata, each as long as may be.
fn large(at: usize) -> Result<Draft, Error> {
    Ok(Draft {
        body: Body::new(BodyKind::Text, format!("{at:016384}"))?,
        metadata: Some(Metadata::new(format!(r#"{{"a":"{at:04088}"}}"#))?),
        reply_to: None,
        mentions: Vec::new(),
        retry_key: None,
    })
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

async fn connection(server: &RedisServer) -> Result<MultiplexedConnection, Error> {
    let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(30)));
    let client = Client::open(server.url())?;
    Ok(client.get_multiplexed_async_connection_with_config(&config).await?)
}

/// What some calls cost.
struct Cost {
    processor: Duration,
    scripts: Duration,
    calls: u32,
}

impl Cost {
    fn per_call(&self) -> f64 {
        self.scripts.as_secs_f64() * 1e6 / f64::from(self.calls)
    }
}

/// What the server says about itself.
struct Statistics(MultiplexedConnection);

impl Statistics {
    async fn info(&self, section: &str) -> Result<BTreeMap<String, String>, Error> {
        let text: String = redis::cmd("INFO").arg(section).query_async(&mut self.0.clone()).await?;
        let lines = text.lines().filter_map(|line| line.split_once(':'));
        Ok(lines.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
    }

    async fn server(&self) -> Result<String, Error> {
        let info = self.info("server").await?;
        let field = |name: &str| info.get(name).cloned();
        Ok(match field("valkey_version") {
            Some(version) => format!("Valkey {version}"),
            None => format!("Redis {}", field("redis_version").unwrap_or_default()),
        })
    }

    async fn processor(&self) -> Result<Duration, Error> {
        let info = self.info("cpu").await?;
        let mut sum = 0.0;
        for name in ["used_cpu_user_main_thread", "used_cpu_sys_main_thread"] {
            sum += info.get(name).ok_or("no time of the main thread")?.parse::<f64>()?;
        }
        Ok(Duration::from_secs_f64(sum))
    }

    /// What these calls cost.
    async fn of(&self, calls: impl Future<Output = Result<(), Error>>) -> Result<Cost, Error> {
        let redis = &mut self.0.clone();
        redis::cmd("CONFIG").arg("RESETSTAT").exec_async(redis).await?;
        let before = self.processor().await?;
        calls.await?;
        let processor = self.processor().await?.saturating_sub(before);
        let info = self.info("commandstats").await?;
        // As `calls=600,usec=7200,usec_per_call=12.00,…`.
        let fields = info.get("cmdstat_evalsha").ok_or("no EVALSHA")?;
        let fields: BTreeMap<&str, &str> = fields.split(',').filter_map(|field| field.split_once('=')).collect();
        let field = |name: &str| fields.get(name).copied().ok_or("another shape of statistics");
        Ok(Cost {
            processor,
            scripts: Duration::from_micros(field("usec")?.parse()?),
            calls: field("calls")?.parse()?,
        })
    }

    /// The keys with this tag, without it, and their bytes.
    async fn bytes(&self, tag: &str) -> Result<BTreeMap<String, u32>, Error> {
        let redis = &mut self.0.clone();
        let keys: Vec<String> = redis::cmd("KEYS").arg(format!("{tag}*")).query_async(redis).await?;
        let mut all = BTreeMap::new();
        for key in keys {
            let mut usage = redis::cmd("MEMORY");
            usage.arg("USAGE").arg(&key).arg("SAMPLES").arg(0);
            let bytes: Option<u32> = usage.query_async(redis).await?;
            let part = key.trim_start_matches(tag).trim_start_matches(':');
            // What has expired meanwhile is gone.
            all.extend(bytes.map(|bytes| (part.to_owned(), bytes)));
        }
        Ok(all)
    }
}
