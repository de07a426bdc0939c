//! Whether work grows with history: `cargo run --release -p shared --example scale`.
//!
//! It fills conversations with 10 to a million messages, and inboxes with 10 to 100,000 conversations, through the store itself, on a Redis that it
//! starts. Then it runs each operation on all sizes in turns, so that a busy machine is equally unfair to all. The figure is the processor time of Redis's
//! main thread for an operation, and its ratio to the smallest size.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]
#![expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]

mod figures;
mod filled;
mod operations;
mod predecessor;

use std::time::Duration;

use clap::Parser;
use local::redis::{Options, RedisServer};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client};
use shared::adapters::clock::SystemClock;
use shared::adapters::redis::RedisStore;
use shared::config::RedisConfig;

use crate::figures::Lines;
use crate::filled::{Filled, FilledInbox};
use crate::operations::{OF_CONVERSATION, OF_INBOX, OF_TOPIC, Run};

type Error = Box<dyn std::error::Error>;
type Store = RedisStore<SystemClock>;

/// How often each operation runs on each size in a turn.
const REPEATS: u32 = 150;
const TURNS: usize = 9;
const COMMAND: &str = "cargo run --release -p shared --example scale -- --save";

/// Whether work grows with history.
#[derive(Parser)]
struct Arguments {
    /// The longest conversation, in messages.
    #[arg(long, default_value_t = 1_000_000)]
    messages: u64,
    /// The largest inbox, in conversations.
    #[arg(long, default_value_t = 100_000)]
    conversations: u64,
    /// Write what was measured to docs/figures.
    #[arg(long)]
    save: bool,
}

#[tokio::main]
async fn main() -> Result<(), Error> {
    let arguments = Arguments::parse();
    let server = RedisServer::start(&Options::default())?;
    let config = RedisConfig {
        urls: vec![server.url()],
        authority: None,
        prefix: "scale".to_owned(),
    };
    let store = Store::connect(config, SystemClock).await?;
    let redis = Statistics::new(&server).await?;

    let mut conversations = Vec::new();
    for size in [10, 1_000, 100_000, 1_000_000] {
        if size <= arguments.messages {
            println!("writing a conversation of {size} messages …");
            conversations.push(Filled::new(&store, size).await?);
        }
    }
    let mut topics = Vec::new();
    for size in [10, 1_000, 100_000] {
        if size <= arguments.messages {
            println!("writing a topic of {size} messages …");
            topics.push(Filled::topic(&store, size).await?);
        }
    }
    let mut inboxes = Vec::new();
    for size in [10, 1_000, 10_000, 100_000] {
        if size <= arguments.conversations {
            println!("writing an inbox of {size} conversations …");
            inboxes.push(FilledInbox::new(&store, size).await?);
        }
    }

    // First, because the operations change what is found.
    println!(
        "\na user comes back after so many changes: milliseconds, requests, microseconds of Redis for each change"
    );
    let absence = absence(&store, &redis, &conversations, &inboxes).await?;

    println!(
        "\nmicroseconds of Redis for an operation, by messages in the conversation; and the ratio to the smallest"
    );
    let lines = run_all(&store, &redis, &conversations, |one| one.size, &OF_CONVERSATION).await?;
    let of_history = lines.figure(
        "flat-history",
        "Redis's work for an operation",
        "messages in the conversation",
    );

    println!("\nthe same by messages in a topic");
    run_all(&store, &redis, &topics, |one| one.size, &OF_TOPIC).await?;

    println!("\nthe same by conversations in the inbox");
    let lines = run_all(&store, &redis, &inboxes, |one| one.size, &OF_INBOX).await?;
    let of_inbox = lines.figure(
        "flat-inbox",
        "Redis's work for an operation",
        "conversations in the inbox",
    );

    println!("\nbytes in Redis");
    for filled in &conversations {
        let bytes = redis.bytes(&filled.tag()).await?;
        println!(
            "a conversation of {:>7} messages of 50 characters: {:>6.1} a message",
            filled.size,
            bytes / filled.size as f64
        );
    }
    for filled in &inboxes {
        let bytes = redis.bytes(&filled.tag()).await?;
        println!(
            "a user with {:>6} conversations: {bytes:>10.0}, {:>6.1} for each",
            filled.size,
            bytes / filled.size as f64
        );
    }

    println!("\nmicroseconds of Redis for a send, beside the commands of the Node.js server before Senna");
    predecessor::compare(&store, &redis).await?;
    if arguments.save {
        for figure in [of_history, of_inbox, absence] {
            println!("saved {}", figure.save()?);
        }
    }
    Ok(())
}

/// Runs and prints each of these operations on everything that was filled.
async fn run_all<T>(
    store: &Store,
    redis: &Statistics,
    filled: &[T],
    size: fn(&T) -> u64,
    operations: &[(&str, Run<T>)],
) -> Result<Lines, Error> {
    let mut lines = Lines::of_sizes(filled.iter().map(size));
    for (name, operation) in operations {
        let costs = measure(redis, filled.len(), async |at, number| match filled.get(at) {
            Some(filled) => operation(store, filled, number).await,
            None => Ok(()),
        });
        lines.add(name, &costs.await?);
    }
    Ok(lines)
}

/// Runs an operation on each size, in turns; the median over the turns of Redis's microseconds for each run.
async fn measure(
    redis: &Statistics,
    sizes: usize,
    run: impl AsyncFn(usize, u32) -> Result<(), Error>,
) -> Result<Vec<f64>, Error> {
    let mut costs = vec![Vec::new(); sizes];
    for turn in 0..=TURNS {
        for (at, costs) in costs.iter_mut().enumerate() {
            let before = redis.processor().await?;
            for repeat in 0..REPEATS {
                run(at, repeat).await?;
            }
            let spent = redis.processor().await?.saturating_sub(before);
            if turn > 0 {
                costs.push(spent.as_secs_f64() * 1e6 / f64::from(REPEATS));
            }
        }
    }
    Ok(costs.into_iter().map(median).collect())
}

async fn absence(
    store: &Store,
    redis: &Statistics,
    conversations: &[Filled],
    inboxes: &[FilledInbox],
) -> Result<figures::Figure, Error> {
    let mut lines = Lines::of_sizes([10, 100, 1_000, 10_000, 100_000].into_iter());
    let (mut in_one, mut in_many) = (Vec::new(), Vec::new());
    for missed in [10, 100, 1_000, 10_000, 100_000] {
        if let Some(filled) = conversations.last().filter(|filled| filled.size >= missed) {
            let since = filled.rev_before(missed);
            in_one.push(come_back(redis, "in one conversation", missed, filled.missed(store, since)).await?);
        }
        if let Some(filled) = inboxes.last().filter(|filled| filled.size >= missed) {
            let since = filled.cursor_before(missed);
            in_many.push(come_back(redis, "in as many conversations", missed, filled.missed(store, since)).await?);
        }
    }
    lines.add_values("in one conversation", in_one);
    lines.add_values("in as many conversations", in_many);
    Ok(lines.figure_of(
        "absence",
        "After an absence",
        "changes that were missed",
        "milliseconds until all are known",
    ))
}

async fn come_back(
    redis: &Statistics,
    place: &str,
    missed: u64,
    asking: impl Future<Output = Result<(u64, u64), Error>>,
) -> Result<f64, Error> {
    let before = redis.processor().await?;
    let begun = std::time::Instant::now();
    let (found, requests) = asking.await?;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    if found != missed {
        return Err(format!("{found} changes were found, and {missed} were missed").into());
    }
    let spent = redis.processor().await?.saturating_sub(before).as_secs_f64() * 1e6 / missed as f64;
    println!("{missed:>7} {place:<26}{took:>9.1} ms{requests:>5} requests{spent:>8.2} us");
    Ok(took)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// What the server says about itself.
struct Statistics(MultiplexedConnection);

impl Statistics {
    async fn new(server: &RedisServer) -> Result<Self, Error> {
        let config = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_mins(1)));
        let client = Client::open(server.url())?;
        Ok(Self(
            client.get_multiplexed_async_connection_with_config(&config).await?,
        ))
    }

    /// The processor time of the main thread so far, which runs all commands.
    async fn processor(&self) -> Result<Duration, Error> {
        let info: String = redis::cmd("INFO").arg("cpu").query_async(&mut self.0.clone()).await?;
        let seconds = info.lines().filter_map(|line| {
            let rest = line.strip_prefix("used_cpu_")?;
            rest.split_once("_main_thread:")?.1.trim().parse::<f64>().ok()
        });
        Ok(Duration::from_secs_f64(seconds.sum()))
    }

    /// What the keys with this hash tag take. Nothing of them expires before this program ends.
    async fn bytes(&self, tag: &str) -> Result<f64, Error> {
        let redis = &mut self.0.clone();
        let mut total = 0.0;
        for part in [
            "log",
            "segments",
            "meta",
            "members",
            "gone",
            "stamps",
            "mentions",
            "reactions",
            "entries",
            "inbox",
            "changed",
        ] {
            let mut usage = redis::cmd("MEMORY");
            usage.arg("USAGE").arg(format!("{tag}:{part}")).arg("SAMPLES").arg(0);
            total += usage.query_async::<Option<f64>>(redis).await?.unwrap_or_default();
        }
        Ok(total)
    }
}
