//! Measures how much one user, who does as much as possible, slows others down:
//! `cargo run --release -p tests --bin abuse [-- --seconds 20 --pause 0 --sockets 20]`.
//!
//! Ten users chat quietly in pairs. Then they do the same while one more user, the abuser, sends over REST from thirty places at once, keeps twenty
//! sockets that send frames as fast as they are answered, and writes to one user and to ten thousand invented ids. It prints how long the quiet users
//! wait, how often the abuser was refused, and how much the store has grown, next to the growth that the limits allow.
//!
//! Here the abuser's requests take processor time from everything else. On AWS they do not, because each request has a function of its own. So a
//! third part makes the machine as busy without the store: the same places send with a bad token, and the same sockets `ping`. The difference
//! between the two parts is the cost in Redis, which all users share on AWS too. With `--pause`, each place of the abuser waits so many milliseconds
//! between two requests, so that a small machine is not used up. Fewer `--sockets` mean fewer pushes. Pushes cost most here: each is a signed
//! request that a function makes and the local gateway verifies.

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
use tests::{Chat, RawRedis, Request, Socket, User};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Pairs of quiet users.
const PAIRS: u64 = 5;
/// How long a quiet user waits between two messages.
const PAUSE: Duration = Duration::from_millis(500);
const SENDERS: u64 = 30;
const SOCKETS: u64 = 20;
const INVENTED_IDS: u64 = 10_000;
/// How long the abuser runs before the measurement of others begins.
const WARM_UP: Duration = Duration::from_secs(5);
/// How long a push may take.
const PUSH_LIMIT: Duration = Duration::from_secs(10);
/// The limits of the measurement, which are the default ones: messages that a user can send at once and in a second, and conversations that a user
/// can begin at once and in a thousand seconds.
const LIMITS: &str =
    "sends=10:30,edits=5:15,conversations=0.02:60,requests=20:60,frames=10:40,reports=0.002:5,uploads=0.05:20";
const SENDS: (u64, u64) = (30, 10);
const CONVERSATIONS: (u64, u64) = (60, 20);
/// Messages that each socket may have under way before it notes that its user is near a limit.
const UNDER_WAY: u64 = 4;

#[tokio::main]
async fn main() -> Result<()> {
    let settings = Settings::of_arguments()?;
    let length = settings.length;
    let chat = Chat::own(&[("SOCK_LIMITS", LIMITS)]).await?;
    let redis = RawRedis::of(&chat).await?;
    let mut pairs = Vec::new();
    for number in 0..PAIRS {
        pairs.push(Pair::new(&chat, number).await?);
    }
    // The first messages start the functions.
    chatting(&mut pairs, Duration::from_secs(3)).await?;

    println!("{} users chat quietly for {} s each time", PAIRS * 2, length.as_secs());
    let quiet = Part::measure(&redis, chatting(&mut pairs, length)).await?;
    let noise = Abuse::begin(&chat, false, &settings).await?;
    let busy = Part::measure(&redis, chatting(&mut pairs, length)).await?;
    let noise = noise.end().await?;
    let before = Store::look(&redis).await?;
    let abuse = Abuse::begin(&chat, true, &settings).await?;
    let abused = Part::measure(&redis, chatting(&mut pairs, length)).await?;
    let abuse = abuse.end().await?;
    let after = Store::look(&redis).await?;

    let head = ["quiet", "busy", "abused", "to quiet", "to busy"].map(|name| format!("{name:>10}"));
    println!("\n{:<44}{}", "", head.concat());
    let row = |name: &str, of: &dyn Fn(&Part) -> f64| {
        let (quiet, busy, abused) = (of(&quiet), of(&busy), of(&abused));
        let (to_quiet, to_busy) = (abused / quiet, abused / busy);
        println!("{name:<44}{quiet:>10.2}{busy:>10.2}{abused:>10.2}{to_quiet:>10.2}{to_busy:>10.2}");
    };
    for (name, of) in [("answer", 0), ("push", 1)] {
        for per_cent in [50, 99] {
            let name = format!("send until its {name}, p{per_cent}, ms");
            row(&name, &|part| part.times.percentile(of, per_cent));
        }
    }
    row("Redis's time for a script, mean, ms", &|part| part.script_ms);
    row("Redis's time for a script, p99, ms", &|part| part.script_p99_ms);
    row("Redis busy with scripts, % of the time", &|part| part.redis_busy);
    row("the machine busy, % of all processors", &|part| part.machine_busy);
    let (noise, asked) = (noise.per_second(), abuse.per_second());
    println!("\nrequests and frames in a second: busy {noise}, abused {asked}");
    abuse.print(&before, &after, &settings);
    Ok(())
}

/// The options.
struct Settings {
    /// How long each part takes.
    length: Duration,
    /// How long each place of the abuser waits between two requests.
    pause: Duration,
    /// The abuser's sockets. Each of its messages is pushed to all of them.
    sockets: u64,
}

impl Settings {
    fn of_arguments() -> Result<Self> {
        let (mut seconds, mut pause_ms, mut sockets) = (20, 0, SOCKETS);
        let arguments: Vec<String> = env::args().skip(1).collect();
        for pair in arguments.chunks(2) {
            let [name, number] = pair else {
                anyhow::bail!("{} takes a number", pair.concat());
            };
            let number = number.parse().with_context(|| format!("{name} takes a number"))?;
            match name.as_str() {
                "--seconds" => seconds = number,
                "--pause" => pause_ms = number,
                "--sockets" => sockets = number,
                _ => anyhow::bail!("it takes --seconds, --pause (milliseconds) and --sockets, and nothing else"),
            }
        }
        Ok(Self {
            length: Duration::from_secs(seconds),
            pause: Duration::from_millis(pause_ms),
            sockets,
        })
    }
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
                // A lost push counts as one that took this long.
                if let Ok(event) = timeout(PUSH_LIMIT, self.heard.event()).await {
                    event?;
                }
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

/// The measurements of one part.
struct Part {
    times: Times,
    script_ms: f64,
    script_p99_ms: f64,
    redis_busy: f64,
    machine_busy: f64,
}

impl Part {
    async fn measure(redis: &RawRedis, chatting: impl Future<Output = Result<Times>>) -> Result<Self> {
        redis.run::<String>("CONFIG RESETSTAT").await?;
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
            script_ms: spent_ms / calls.max(1.0),
            script_p99_ms: script_p99_ms(redis).await?,
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

/// How long the slowest of a hundred scripts took inside Redis, in milliseconds.
async fn script_p99_ms(redis: &RawRedis) -> Result<f64> {
    let stats: String = redis.run("INFO latencystats").await?;
    let line = stats
        .lines()
        .find(|line| line.starts_with("latency_percentiles_usec_evalsha:"));
    let p99 = line.and_then(|line| line.split("p99=").nth(1)?.split(',').next()?.parse::<f64>().ok());
    Ok(p99.context("p99 of evalsha")? / 1_000.0)
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

/// The size of the store.
struct Store {
    keys: u64,
    bytes: u64,
}

impl Store {
    async fn look(redis: &RawRedis) -> Result<Self> {
        let memory: String = redis.run("INFO memory").await?;
        let used = memory.lines().find_map(|line| line.strip_prefix("used_memory:"));
        Ok(Self {
            keys: redis.run("DBSIZE").await?,
            bytes: used.context("used_memory")?.trim().parse()?,
        })
    }
}

/// An abuser who runs until it is stopped.
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
    /// Other answers.
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

    /// One user in every second place, and an invented id in the others.
    fn target(&self) -> u64 {
        let number = self.id.fetch_add(1, Ordering::Relaxed);
        4_000_000
            + if number.is_multiple_of(2) {
                0
            } else {
                number / 2 % INVENTED_IDS
            }
    }
}

impl Abuse {
    /// With `asks_store` it does everything that costs the store something; without, it only makes the machine as busy.
    async fn begin(chat: &Chat, asks_store: bool, settings: &Settings) -> Result<Self> {
        let abuser = chat.user(&json!(3_999_999));
        let (mut tasks, over, counts) = (
            JoinSet::new(),
            Arc::new(AtomicBool::new(false)),
            Arc::new(Counts::default()),
        );
        let begun = Instant::now();
        let pause = settings.pause;
        for _ in 0..settings.sockets {
            let mut socket = abuser.connect().await?.unchecked();
            let (over, counts) = (Arc::clone(&over), Arc::clone(&counts));
            tasks.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let ping = json!({"action": "ping"});
                    let frame = if asks_store { frame(counts.target()) } else { ping };
                    let answer = socket.ask(frame).await?;
                    sleep(pause).await;
                    counts.count(&answer["error"], answer["error"]["status"].as_u64().unwrap_or(0));
                }
                Ok(())
            });
        }
        for _ in 0..SENDERS {
            let (chat, over, counts) = (chat.clone(), Arc::clone(&over), Arc::clone(&counts));
            let token = if asks_store {
                abuser.token()?
            } else {
                "no token".to_owned()
            };
            tasks.spawn(async move {
                while !over.load(Ordering::Relaxed) {
                    let request = Request {
                        method: Method::POST,
                        path: format!("/user/{}", counts.target()),
                        headers: vec![("X-Auth-Token".to_owned(), token.clone())],
                        body: json!({"type": "text", "text": "spam"}).to_string().into_bytes(),
                    };
                    let answer = chat.rest(request).await?;
                    sleep(pause).await;
                    let error = if answer.status == 201 { Value::Null } else { answer.body };
                    counts.count(&error, u64::from(answer.status));
                }
                Ok(())
            });
        }
        // Functions start now. That takes all processors of a small machine; on AWS it takes none from other users.
        sleep(WARM_UP).await;
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

/// The results of the abuser.
struct Done {
    took: Duration,
    sent: u64,
    refused: u64,
    other: u64,
}

impl Done {
    fn per_second(&self) -> u64 {
        (self.sent + self.refused + self.other) / self.took.as_secs().max(1)
    }

    fn print(&self, before: &Store, after: &Store, settings: &Settings) {
        let (seconds, sockets) = (self.took.as_secs() + 1, settings.sockets);
        let allowed = |(at_once, rate): (u64, u64), per: u64| at_once + rate * seconds / per + sockets * UNDER_WAY;
        let row = |name: &str, value: u64| println!("{name:<52}{value:>12}");
        println!(
            "\nthe abuser, in {seconds} s with {SENDERS} senders, {sockets} sockets and {INVENTED_IDS} invented ids"
        );
        row("messages that were stored", self.sent);
        row("  the limits of sends allow", allowed(SENDS, 1));
        row("  the limits of conversations allow", allowed(CONVERSATIONS, 1_000));
        row("requests and frames that were refused", self.refused);
        row("answered in another way", self.other);
        let (keys, bytes) = (
            after.keys.saturating_sub(before.keys),
            after.bytes.saturating_sub(before.bytes),
        );
        row("keys that were added, those of the quiet users too", keys);
        row("bytes that were added, the same", bytes);
    }
}
