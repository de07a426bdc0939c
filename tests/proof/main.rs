//! The proof: `cargo run -p tests --bin proof -- --seconds 60` breaks everything that can break around real clients, then shows that nothing
//! that was acknowledged is lost, doubled or seen differently. Everything by chance comes from one seed, which is printed.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod chaos;
mod check;
mod ledger;
mod observe;
mod report;
mod servers;
mod traffic;

#[cfg(test)]
mod short_runs;
#[cfg(test)]
mod tests_of_the_checker;

use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use fastrand::Rng;
use futures_util::future::try_join_all;
use tests::follower::{Over, Pace};
use tests::{Chat, Follower, User, until};
use tokio::time::{Instant, sleep_until, timeout};

use chaos::Chaos;
use ledger::Ledger;
use report::Report;
use servers::Servers;
use traffic::Device;

/// The gateway's clock runs this much faster: a connection may rest for ten seconds and live for two minutes.
const CLOCK_SCALE: u32 = 60;
/// Connections of each user.
const DEVICES: usize = 2;
/// For so long after its handshake began, a 410 does not remove a connection.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// How long the clients may take to finish what they had begun, and to come to rest.
const REST: Duration = Duration::from_mins(2);

/// Breaks the stack around real clients and checks that it keeps its promises.
#[derive(Clone, Debug, Parser)]
#[command(name = "proof")]
struct Options {
    /// Where everything by chance comes from [default: another each time]
    #[arg(long)]
    seed: Option<u64>,
    /// How long everything breaks
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// On a Redis cluster of three masters and three replicas, whose masters are killed
    #[arg(long)]
    cluster: bool,
}

#[tokio::main]
async fn main() -> Result<ExitCode> {
    let options = Options::parse();
    let seed = options.seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    report::line(format_args!("--seed {seed}"));
    let report = prove(seed, Duration::from_secs(options.seconds), options.cluster).await?;
    report::line(format_args!("{report}"));
    Ok(if report.is_good() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Breaks everything for so long, then looks.
async fn prove(seed: u64, length: Duration, cluster: bool) -> Result<Report> {
    let mut random = Rng::with_seed(seed);
    let mut servers = if cluster {
        Servers::cluster().await?
    } else {
        Servers::one()?
    };
    let flags = [
        "--seed",
        &seed.to_string(),
        "--clock-scale",
        &CLOCK_SCALE.to_string(),
        "--freeze",
    ];
    let variables = [("SOCK_REDIS_URL", servers.url())];
    let chat = Chat::own_with(
        &flags,
        &variables.each_ref().map(|(name, value)| (*name, value.as_str())),
    )
    .await?;
    let users = chat.users(["u1", "u2", "u3", "u4", "u5", "u6"]);
    let talks = talks(&users);
    let pace = Pace {
        heartbeat: Duration::from_mins(9) / CLOCK_SCALE,
        answer: Duration::from_secs(4),
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_secs(3),
    };
    let mut followers = Vec::new();
    for user in &users {
        followers.extend((0..DEVICES).map(|_| Follower::start(user, pace.clone(), random.u64(..))));
    }
    let ledger = Mutex::new(Ledger::default());
    let mut devices: Vec<Device<'_>> = followers
        .iter()
        .enumerate()
        .map(|(number, follower)| Device {
            follower,
            others: others(follower.user(), &talks),
            ledger: &ledger,
            random: random.fork(),
            name: format!("{seed}.{number}"),
        })
        .collect();

    let mut chaos = Chaos::new(&chat, &followers, random.u64(..));
    let end = Instant::now() + length;
    let calm = async {
        chaos.rage(&mut servers, end).await?;
        anyhow::Ok(Instant::now())
    };
    let acting = async {
        let acting = try_join_all(devices.iter_mut().map(|device| device.act(end)));
        timeout(length + REST, acting)
            .await
            .context("a request has no answer")?
    };
    let (calm, _) = tokio::try_join!(calm, acting)?;
    let injected = std::mem::take(&mut chaos.injected);

    // The last push to everyone: by now no dead connection can be taken for one in its handshake, and a 410 removes it.
    sleep_until(calm + HANDSHAKE + Duration::from_secs(1)).await;
    for (one, other) in &talks {
        let device = devices.iter().find(|device| device.follower.user().id == one.id);
        device
            .context("everyone has a client")?
            .send(Over::Rest, other, 0)
            .await?;
    }
    let quiet = Instant::now();
    for follower in &followers {
        let rested = async {
            let mut status = follower.status();
            let rested = status
                .wait_for(|status| status.caught_up.is_some_and(|with| with >= quiet))
                .await;
            rested.map(|_| ())
        };
        timeout(REST, rested)
            .await
            .context("a client does not come to rest")??;
    }

    let names = followers
        .iter()
        .enumerate()
        .map(|(number, follower)| (format!("client {number}"), follower));
    let mut sight = observe::look(&users, &talks, &names.collect::<Vec<_>>()).await?;
    sight.dead_connections = dead_connections(&servers, &followers).await?;
    let ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    let report = Report::new(&ledger, &sight, injected, &followers, cluster);
    report.keep_log(chat.stack(), seed)?;
    Ok(report)
}

/// Who talks with whom: in pairs, and across.
fn talks(users: &[User; 6]) -> Vec<(User, User)> {
    [(0, 1), (2, 3), (4, 5), (0, 3), (1, 4), (2, 5), (0, 5)]
        .map(|(one, other): (usize, usize)| (users[one].clone(), users[other].clone()))
        .to_vec()
}

fn others(user: &User, talks: &[(User, User)]) -> Vec<User> {
    let other = |(one, other): &(User, User)| match (one.id == user.id, other.id == user.id) {
        (true, _) => Some(other.clone()),
        (_, true) => Some(one.clone()),
        _ => None,
    };
    talks.iter().filter_map(other).collect()
}

/// The connections that Redis knows and no client has. Old ones end all the time here, so this looks until it finds none.
async fn dead_connections(servers: &Servers, followers: &[Follower]) -> Result<Vec<String>> {
    let alive = || {
        followers
            .iter()
            .filter_map(|follower| follower.status().borrow().connection.clone())
    };
    let dead = async || {
        let mut known = observe::connections(servers).await?;
        alive().for_each(|id| {
            known.remove(&id);
        });
        anyhow::Ok(known)
    };
    let none = until("no connection is dead", async || {
        Ok(dead().await?.is_empty().then_some(()))
    })
    .await;
    Ok(if none.is_ok() {
        Vec::new()
    } else {
        dead().await?.into_iter().collect()
    })
}
