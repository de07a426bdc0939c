//! What the local gateway costs as a front: `cargo run -p tests --bin front`.
//!
//! A thousand connections rest while two hundred requests a second go through the gateway for a minute: a quarter each of frames with an answer,
//! small REST requests, histories, and sends, every one of which is pushed to one of the resting connections. Nothing may be lost. The
//! gateway's own memory and processor time are those of the process `senna`; what the functions take beside it is in their own processes,
//! and the ratio of both is the figure to compare between machines. `--seconds 15` makes the load shorter, for a first look.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::Parser;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use http::Method;
use serde_json::json;
use tests::{Chat, Processes, Socket, User, until};
use tokio::{
    sync::mpsc,
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep},
};

const CONNECTIONS: u64 = 1_000;
const RATE: u64 = 200;
const REST: Duration = Duration::from_secs(10);
/// Connections that frames are asked over.
const ASKING: u64 = 8;
const FUNCTIONS: [&str; 5] = ["welcome", "history", "send", "message", "connect"];

/// What the local gateway costs as a front.
#[derive(Parser)]
struct Arguments {
    /// How long the load lasts, in seconds.
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=180))]
    seconds: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let Arguments { seconds } = Arguments::parse();
    let chat = Chat::own(&[]).await?;
    let gateway = chat.stack().pid();
    let before = memory_kib(gateway)?;
    let told = Arc::new(AtomicU64::new(0));
    let mut listening = JoinSet::new();
    let users: Vec<User> = (0..CONNECTIONS)
        .map(|number| chat.user(&json!(2_000_000 + number)))
        .collect();
    let mut sockets = stream::iter(&users).map(User::connect).buffer_unordered(16);
    while let Some(socket) = sockets.try_next().await? {
        listening.spawn(listen(socket, Arc::clone(&told)));
    }
    let memory = memory_kib(gateway)?.saturating_sub(before);
    println!(
        "{CONNECTIONS} connections rest: {:.1} KiB of the gateway each",
        ratio(memory, CONNECTIONS)
    );

    let start = cpu_ms(gateway)?;
    sleep(REST).await;
    let resting = cpu_ms(gateway)? - start;
    println!(
        "at rest they take {:.2} ms of its processor time a second",
        ratio(resting, REST.as_secs())
    );

    let (gateway_before, functions_before) = (cpu_ms(gateway)?, functions_ms(&chat)?);
    let load = Load::run(&chat, &users, seconds).await?;
    let all_told = async || Ok((told.load(Ordering::Relaxed) >= load.sends).then_some(()));
    let arrived = until("every push has arrived", all_told).await;
    let gateway_ms = cpu_ms(gateway)? - gateway_before;
    let functions_ms = functions_ms(&chat)?.saturating_sub(functions_before);
    println!(
        "{} requests in {:.1} s: {:.2} ms of its processor time each, {:.2} times what the functions took themselves",
        load.requests,
        load.took.as_secs_f64(),
        ratio(gateway_ms, load.requests),
        ratio(gateway_ms, functions_ms)
    );
    println!(
        "REST answers after {} ms in the middle, {} ms for the slowest of a hundred",
        load.percentile(50),
        load.percentile(99)
    );
    let told = told.load(Ordering::Relaxed);
    let mut ended = 0;
    while listening.try_join_next().is_some() {
        ended += 1;
    }
    println!(
        "{} failed, {} of {} pushes lost, {ended} of {CONNECTIONS} resting connections ended",
        load.failed,
        load.sends.saturating_sub(told),
        load.sends,
    );
    arrived?;
    ensure!(
        load.failed == 0 && told == load.sends && ended == 0,
        "not everything went through"
    );
    let planned = Duration::from_secs(seconds);
    ensure!(
        load.took < planned + planned / 20,
        "{RATE} requests a second are too many for this machine"
    );
    Ok(())
}

/// Counts what is pushed, until the connection ends.
async fn listen(mut socket: Socket, told: Arc<AtomicU64>) {
    // In rest nothing comes for longer than a test would wait.
    while socket.frame_at_last().await.is_ok() {
        told.fetch_add(1, Ordering::Relaxed);
    }
}

/// What went through.
#[derive(Default)]
struct Load {
    requests: u64,
    sends: u64,
    failed: u64,
    took_ms: Vec<u128>,
    /// From the first request to the last answer.
    took: Duration,
}

impl Load {
    async fn run(chat: &Chat, users: &[User], seconds: u64) -> Result<Self> {
        let [ann, bob] = chat.users(["ann", "bob"]);
        ann.send_text(&bob, "a history").await?;
        let (answered, mut answers) = mpsc::unbounded_channel();
        let mut asking = Vec::new();
        for _ in 0..ASKING {
            let mut socket = ann.connect().await?;
            let (ask, mut asked) = mpsc::unbounded_channel::<()>();
            let answered = answered.clone();
            tokio::spawn(async move {
                while asked.recv().await.is_some() {
                    let pong = socket.result(json!({"action": "ping"})).await;
                    answered.send((pong.is_ok(), None)).ok();
                }
            });
            asking.push(ask);
        }
        let mut load = Self::default();
        let begun = Instant::now();
        let mut ticks = interval(Duration::from_secs(1) / u32::try_from(RATE)?);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let total = RATE * seconds;
        let mut receivers = users.iter().cycle();
        let mut askers = asking.iter().cycle();
        for number in 0..total {
            ticks.tick().await;
            let (ann, bob, answered) = (ann.clone(), bob.clone(), answered.clone());
            let to = match number % 4 {
                0 => {
                    askers.next().context("none asks")?.send(())?;
                    continue;
                }
                1 => Some(receivers.next().context("none rests")?.clone()),
                _ => None,
            };
            load.sends += u64::from(to.is_some());
            tokio::spawn(async move {
                let begun = Instant::now();
                let answer = match &to {
                    Some(to) => ann.send(to, &json!({"type": "text", "text": "Hello"})).await,
                    None if number % 4 == 2 => ann.call(Method::GET, "", None).await,
                    None => ann.history(&bob, "").await,
                };
                let good = answer.is_ok_and(|answer| answer.status < 300);
                answered.send((good, Some(begun.elapsed().as_millis()))).ok();
            });
        }
        while load.requests < total {
            let (good, took_ms) = answers.recv().await.context("nobody answers")?;
            load.requests += 1;
            load.failed += u64::from(!good);
            load.took_ms.extend(took_ms);
        }
        load.took = begun.elapsed();
        load.took_ms.sort_unstable();
        Ok(load)
    }

    fn percentile(&self, percent: usize) -> u128 {
        let place = self.took_ms.len() * percent / 100;
        self.took_ms.get(place).copied().unwrap_or_default()
    }
}

#[expect(clippy::cast_precision_loss, reason = "it is shown with two digits")]
fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Memory that a process really has, in KiB.
fn memory_kib(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("this needs Linux's /proc")?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}

/// Processor time that a process has taken, in milliseconds.
///
/// # Source
/// proc(5): fields 14 and 15 of `stat`, in ticks of 10 ms.
fn cpu_ms(pid: u32) -> Result<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, fields) = stat.rsplit_once(") ").context("no name")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>);
    Ok(ticks.sum::<Result<u64, _>>()? * 10)
}

/// That of all processes of the functions.
fn functions_ms(chat: &Chat) -> Result<u64> {
    let processes = Processes::of(chat.stack());
    let mut sum = 0;
    for function in FUNCTIONS {
        for pid in processes.named(function)? {
            sum += cpu_ms(pid.as_raw_nonzero().get().unsigned_abs())?;
        }
    }
    Ok(sum)
}
