//! Measures what others notice of a user who does as much as can be: `cargo run --release -p tests --bin abuse [-- --seconds 20]`.
//!
//! Ten users chat quietly in pairs; then they do the same while one more user sends over REST from thirty places at once, keeps twenty sockets that send
//! frames as fast as they are answered, and invents ten thousand ids to write to. It prints how long the quiet users wait in both halves, how often the
//! abuser was refused, and how much the store has grown beside what the limits allow. On one machine the abuser's requests take processor time from
//! everything else, so it also prints how busy the machine was and how long Redis took for a script.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use std::env;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Socket, User};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Pairs of quiet users.
const PAIRS: u64 = 5;
/// How long a quiet user waits between two messages.
const PAUSE: Duration = Duration::from_millis(500);
const SENDERS: u64 = 30;
const SOCKETS: u64 = 20;
const INVENTED_IDS: u64 = 10_000;
/// How long a push may take.
const PUSH_LIMIT: Duration = Duration::from_secs(10);
/// The limits of the measurement, which are the default ones: messages that a user can send at once and in a second, and conversations that a user can
/// begin at once and in a thousand seconds.
const LIMITS: &str = "sends=10:30,edits=5:15,conversations=0.02:60,requests=20:60,frames=10:40,reports=0.002:5";
const SENDS: (u64, u64) = (30, 10);
const CONVERSATIONS: (u64, u64) = (60, 20);
/// Messages that each socket may have under way before it knows that its user is near a limit.
const UNDER_WAY: u64 = 4;

#[tokio::main]
async fn main() -> Result<()> {
    let length = seconds()?;
    let chat = Chat::own(&[("SOCK_LIMITS", LIMITS)]).await?;
    let redis = RawRedis::of(&chat).await?;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(Pair::new(&chat, number).await?);
    }
    // The first messages start the functions.
    chatting(&mut pairs, Duration::from_secs(3)).await?;

    println!("{} users chat quietly for {} s each time", PAIRS * 2, length.as_secs());
    let quiet = Half::measure(&redis, chatting(&mut pairs, length)).await?;
    let before = Store::look(&redis).await?;
    let abuse = Abuse::begin(&chat).await?;
    let abused = Half::measure(&redis, chatting(&mut pairs, length)).await?;
    let abuse = abuse.end().await?;
    let after = Store::look(&redis).await?;

    println!("\n{:<44}{:>10}{:>10}{:>8}", "", "quiet", "abused", "ratio");
    let row = |name: &str, quiet: f64, abused: f64| {
        println!("{name:<44}{quiet:>10.2}{abused:>10.2}{:>8.2}", abused / quiet);
    };
    for (name, of) in [("answer", 0), ("push", 1)] {
        for per_cent in [50, 99] {
            let ms = |half: &Half| half.times.percentile(of, per_cent);
            row(
                &format!("send until its {name}, p{per_cent}, ms"),
                ms(&quiet),
                ms(&abused),
            );
        }
    }
    row("Redis's time for a script, mean, ms", quiet.script_ms, abused.script_ms);
    row(
        "Redis busy with scripts, % of the time",
        quiet.redis_busy,
        abused.redis_busy,
    );
    row(
        "the machine busy, % of all processors",
        quiet.machine_busy,
        abused.machine_busy,
    );
    abuse.print(&before, &after, &quiet);
    Ok(())
}

fn seconds() -> Result<Duration> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let seconds = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => 20,
        ["--seconds", number] => number.parse().context("--seconds takes a number")?,
        _ => anyhow::bail!("it takes --seconds NUMBER and nothing else"),
    };
    Ok(Duration::from_secs(seconds))
}

/// Two quiet users, of whom one sends over REST and the other hears it.
struct Pair {
    author: User,
    reader: User,
    heard: Socket,
}

impl Pair {
    async fn new(chat: &Chat, number: u64) -> Result<Self> {
        let [author, reader] = [0, 1].map(|side| chat.user(&json!(3_000_000 + number * 2 + side)));
        let heard = reader.connect().await?.unchecked();
        Ok(Self { author, reader, heard })
    }

    /// Sends until the time is over, and notes how long each answer and each push took.
    async fn chat(&mut self, length: Duration) -> Result<Times> {
        let mut times = Times::default();
        let end = Instant::now() + length;
        while Instant::now() < end {
            let begun = Instant::now();
            let sending = async {
                self.author.send_text(&self.reader, "A quiet message").await?;
                anyhow::Ok(begun.elapsed())
            };
            let hearing = async {
                timeout(PUSH_LIMIT, self.heard.event())
                    .await
                    .context("a push was lost")??;
                anyhow::Ok(begun.elapsed())
            };
            let (answered, pushed) = tokio::try_join!(sending, hearing)?;
            times.answers.push(answered);
            times.pushes.push(pushed);
            sleep(PAUSE.saturating_sub(begun.elapsed())).await;
        }
        Ok(times)
    }
}

async fn chatting(pairs: &mut [Pair], length: Duration) -> Result<Times> {
    let all = futures_util::future::try_join_all(pairs.iter_mut().map(|pair| pair.chat(length))).await?;
    let mut times = Times::default();
    for mut one in all {
        times.answers.append(&mut one.answers);
        times.pushes.append(&mut one.pushes);
    }
    times.answers.sort_unstable();
    times.pushes.sort_unstable();
    Ok(times)
}

/// How long sends took until their answer and until their push.
#[derive(Default)]
struct Times {
    answers: Vec<Duration>,
    pushes: Vec<Duration>,
}

impl Times {
    fn percentile(&self, of: usize, per_cent: usize) -> f64 {
        let times = if of == 0 { &self.answers } else { &self.pushes };
        let at = (times.len() * per_cent / 100).min(times.len().saturating_sub(1));
        times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1_000.0)
    }
}

/// What was measured in one half.
struct Half {
    times: Times,
    took: Duration,
    script_ms: f64,
    redis_busy: f64,
    machine_busy: f64,
}

impl Half {
    async fn measure(redis: &RawRedis, chatting: impl Future<Output = Result<Times>>) -> Result<Self> {
        let before = scripts(redis).await?;
        let (busy, all) = machine()?;
        let begun = Instant::now();
        let times = chatting.await?;
        let took = begun.elapsed();
        let after = scripts(redis).await?;
        let (busy_after, all_after) = machine()?;
        let (calls, spent_ms) = (after.0 - before.0, (after.1 - before.1) / 1_000.0);
        Ok(Self {
            times,
            took,
            script_ms: spent_ms / calls.max(1.0),
            redis_busy: spent_ms / took.as_secs_f64() / 10.0,
            machine_busy: 100.0 * (busy_after - busy) / (all_after - all).max(1.0),
        })
    }
}

/// How many scripts Redis has run, and for how long in microseconds.
async fn scripts(redis: &RawRedis) -> Result<(f64, f64)> {
    let stats: String = redis.run("INFO commandstats").await?;
    let number = |line: &str, name: &str| line.split(name).nth(1)?.split(',').next()?.parse::<f64>().ok();
    let lines = stats.lines().filter(|line| line.starts_with("cmdstat_eval"));
    let sums = lines.filter_map(|line| Some((number(line, ":calls=")?, number(line, ",usec=")?)));
    Ok(sums.fold((0.0, 0.0), |(calls, us), (more, more_us)| (calls + more, us + more_us)))
}

/// For how long the processors have worked, and for how long they were there, in the system's ticks.
fn machine() -> Result<(f64, f64)> {
    let stat = fs::read_to_string("/proc/stat")?;
    let numbers = stat.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<f64> = numbers.filter_map(|number| number.parse().ok()).collect();
    // User, nice, system, idle, waiting for disks; the rest is small.
    let idle: f64 = ticks.iter().skip(3).take(2).sum();
    let all: f64 = ticks.iter().take(8).sum();
    Ok((all - idle, all))
}

/// How much the store holds.
struct Store {
    keys: u64,
    bytes: u64,
}

impl Store {
    async fn look(redis: &RawRedis) -> Result<Self> {
        let memory: String = redis.run("INFO memory").await?;
        let used = memory
            .lines()
            .find_map(|line| line.strip_prefix("used_memory_dataset:"));
        Ok(Self {
            keys: redis.run("DBSIZE").await?,
            bytes: used.context("used_memory_dataset")?.trim().parse()?,
        })
    }
}

/// What an abuser does until it is ended.
struct Abuse {
    tasks: JoinSet<Result<()>>,
    over: Arc<AtomicBool>,
    counts: Arc<Counts>,
    begun: Instant,
}

#[derive(Default)]
struct Counts {
    /// Messages that were stored.
    sent: AtomicU64,
    /// Requests and frames that were refused with 429.
    refused: AtomicU64,
    /// What was answered in another way.
    other: AtomicU64,
    /// The next id that is invented.
    id: AtomicU64,
}

impl Counts {
    fn count(&self, error: &Value, status: u64) {
        let counter = match status {
            0 | 201 if error.is_null() => &self.sent,
            429 => &self.refused,
            _ => &self.other,
        };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    fn invented(&self) -> u64 {
        4_000_000 + self.id.fetch_add(1, Ordering::Relaxed) % INVENTED_IDS
    }
}

impl Abuse {
    async fn begin(chat: &Chat) -> Result<Self> {
        let abuser = chat.user(&json!(3_999_999));
        let (mut tasks, over, counts) = (
            JoinSet::new(),
            Arc::new(AtomicBool::new(false)),
            Arc::new(Counts::default()),
        );
        let begun = Instant::now();
        for _ in 0..SOCKETS {
            let mut socket = abuser.connect().await?.unchecked();
            let (over, counts) = (Arc::clone(&over), Arc::clone(&counts));
            tasks.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let answer = socket.ask(frame(counts.invented())).await?;
                    counts.count(&answer["error"], answer["error"]["status"].as_u64().unwrap_or(0));
                }
                Ok(())
            });
        }
        for _ in 0..SENDERS {
            let (user, over, counts) = (abuser.clone(), Arc::clone(&over), Arc::clone(&counts));
            tasks.spawn(async move {
                let body = json!({"type": "text", "text": "spam"});
                while !over.load(Ordering::Relaxed) {
                    let path = format!("/user/{}", counts.invented());
                    let answer = user.call(Method::POST, &path, Some(&body)).await?;
                    let error = if answer.status == 201 { Value::Null } else { answer.body };
                    counts.count(&error, u64::from(answer.status));
                }
                Ok(())
            });
        }
        Ok(Self {
            tasks,
            over,
            counts,
            begun,
        })
    }

    async fn end(mut self) -> Result<Done> {
        self.over.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Ok(Done {
            took: self.begun.elapsed(),
            sent: count(&self.counts.sent),
            refused: count(&self.counts.refused),
            other: count(&self.counts.other),
        })
    }
}

fn frame(to: u64) -> Value {
    json!({"action": "send", "target": "user", "target_id": to, "type": "text", "text": "spam"})
}

/// What the abuser has done.
struct Done {
    took: Duration,
    sent: u64,
    refused: u64,
    other: u64,
}

impl Done {
    fn print(&self, before: &Store, after: &Store, quiet: &Half) {
        let seconds = self.took.as_secs() + 1;
        let allowed = |(at_once, rate): (u64, u64), per: u64| at_once + rate * seconds / per + SOCKETS * UNDER_WAY;
        let row = |name: &str, value: u64| println!("{name:<52}{value:>12}");
        println!(
            "\nthe abuser, in {seconds} s with {SENDERS} senders, {SOCKETS} sockets and {INVENTED_IDS} invented ids"
        );
        row("messages that were stored", self.sent);
        row("  the limits of sends allow", allowed(SENDS, 1));
        row("  the limits of conversations allow", allowed(CONVERSATIONS, 1_000));
        row("requests and frames that were refused", self.refused);
        row("answered in another way", self.other);
        // The quiet users send as much in both halves.
        let theirs = quiet.times.answers.len() as u64;
        let (keys, bytes) = (
            after.keys.saturating_sub(before.keys),
            after.bytes.saturating_sub(before.bytes),
        );
        row("keys that were added", keys);
        row("bytes that were added", bytes);
        println!(
            "{theirs} messages of the quiet users, in {} s, are among them",
            quiet.took.as_secs()
        );
    }
}
