//! Measures a send to a topic with a thousand members who are all connected: `cargo run --release -p tests --bin group [-- --members 1000]`.
//!
//! It prints how long each stage takes, what it costs Redis, and how much memory the function takes. The members are written into Redis beforehand:
//! to let them join one by one would tell every join to everyone.

#![expect(clippy::print_stdout, reason = "printing is what this program is for")]
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use std::env;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use serde_json::json;
use tests::{Chat, Processes, RawRedis, Socket, User};
use tokio::time::timeout;

const TOPIC: &str = "everyone";
/// Sends that are measured.
const SENDS: usize = 10;
/// How long the slowest member may wait.
const FRAME_LIMIT: Duration = Duration::from_secs(10);
/// What Lambda gives a function of the template.
const MEMORY_LIMIT_MB: u64 = 128;

#[tokio::main]
async fn main() -> Result<()> {
    let members = members()?;
    let chat = Chat::own(&[("SOCK_LOG", "info,shared=debug")]).await?;
    let redis = RawRedis::of(&chat).await?;
    let users: Vec<User> = (1..=members).map(|id| chat.user(&json!(id))).collect();
    let author = users.first().context("a member")?;
    println!("{members} members connect …");
    let mut sockets = Vec::with_capacity(members);
    for some in users.chunks(8) {
        let connected = try_join_all(some.iter().map(User::connect)).await?;
        sockets.extend(connected.into_iter().map(Socket::unchecked));
    }
    join(&redis, members).await?;
    // The first message starts the function, and makes the entries.
    send(author, &mut sockets).await?;

    redis.run::<String>("CONFIG RESETSTAT").await?;
    let (mut answers, mut firsts, mut lasts) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..SENDS {
        let sent = send(author, &mut sockets).await?;
        answers.push(sent.answered);
        firsts.push(sent.first);
        lasts.push(sent.last);
    }
    let stats: String = redis.run("INFO commandstats").await?;
    let busy_us: u64 = stats.lines().filter_map(|line| usec(line, "evalsha")).sum();
    let log = chat.stack().log();
    let stage = |name: &str| {
        let values = log.lines().filter(|line| line.contains("published"));
        let numbers = values.filter_map(|line| number_after(line, name));
        median(numbers.collect::<Vec<_>>().split_off(1))
    };
    let (told, pushed) = (stage("told_ms="), stage("pushed_ms="));
    let answered = median(answers);
    let row = |name: &str, value: String| println!("{name:<52}{value:>12}");
    println!();
    row(
        &format!("median of {SENDS} sends to {members} connected members"),
        String::new(),
    );
    row("POST until its answer", format!("{answered} ms"));
    row(
        "  the conversation decides, and all around it",
        format!("{} ms", answered.saturating_sub(pushed)),
    );
    row("  then until every member is told", format!("{told} ms"));
    row("  and until every connection is pushed to", format!("{pushed} ms"));
    row(
        "POST until the first member has the frame",
        format!("{} ms", median(firsts)),
    );
    row(
        "POST until the last member has the frame",
        format!("{} ms", median(lasts)),
    );
    let per_send = busy_us / u64::try_from(SENDS)?;
    row(
        "Redis's processor time for scripts, a send",
        format!("{} ms", per_send.div_ceil(1_000)),
    );
    for pid in Processes::of(chat.stack()).named("send")? {
        let memory = peak_memory_mb(pid.as_raw_nonzero().get())?;
        row("most memory of the function's process", format!("{memory} MB"));
        ensure!(
            memory < MEMORY_LIMIT_MB,
            "the function took {memory} MB of {MEMORY_LIMIT_MB}"
        );
    }
    Ok(())
}

fn members() -> Result<usize> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => Ok(1_000),
        ["--members", number] => number.parse().context("--members takes a number"),
        _ => anyhow::bail!("it takes --members NUMBER and nothing else"),
    }
}

/// Writes the members as `conversation_prelude.lua` describes them: version, role, since when, read position, clock.
async fn join(redis: &RawRedis, members: usize) -> Result<()> {
    let key = format!("{{senna-sockets:myplatform:topic:{TOPIC}}}:members");
    let script =
        "for id = 1, ARGV[1] do redis.call('HSET', KEYS[1], id, struct.pack('>I1I1I6I5I7', 1, 0, 0, 0, 0)) end";
    let mut command = redis::cmd("EVAL");
    command.arg(script).arg(1).arg(key).arg(members);
    redis.query(&command).await
}

struct Sent {
    answered: u64,
    first: u64,
    last: u64,
}

/// Sends one message, and waits until every member but the author's own REST request has its frame.
async fn send(author: &User, sockets: &mut [Socket]) -> Result<Sent> {
    let begun = Instant::now();
    let body = json!({"type": "text", "text": "Hello, everyone"});
    let posting = async {
        let answer = author
            .call(http::Method::POST, &format!("/topic/{TOPIC}"), Some(&body))
            .await?;
        ensure!(answer.status == 201, "{}", answer.body);
        Ok(begun.elapsed())
    };
    let frames = sockets.iter_mut().map(async |socket| {
        let event = timeout(FRAME_LIMIT, socket.event())
            .await
            .context("a member was not told")??;
        ensure!(event["event"] == "message.new", "{event}");
        Ok(begun.elapsed())
    });
    let (answered, frames) = tokio::join!(posting, try_join_all(frames));
    let mut frames = frames?;
    frames.sort();
    let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    Ok(Sent {
        answered: ms(answered?),
        first: frames.first().copied().map_or(0, ms),
        last: frames.last().copied().map_or(0, ms),
    })
}

fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn usec(line: &str, command: &str) -> Option<u64> {
    let rest = line.strip_prefix("cmdstat_")?.strip_prefix(command)?;
    rest.split("usec=").nth(1)?.split(',').next()?.parse().ok()
}

fn number_after(line: &str, name: &str) -> Option<u64> {
    let rest = line.split(name).nth(1)?;
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// The most memory that a process has taken so far, in MB.
fn peak_memory_mb(pid: i32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()).context("VmHWM")?;
    Ok(kilobytes.parse::<u64>()? / 1_024)
}
