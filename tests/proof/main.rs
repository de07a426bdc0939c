//! The proof: `cargo run -p tests --bin proof -- --seconds 60` breaks everything that can break around real clients, then shows that nothing
//! that was acknowledged is lost, doubled or seen differently. Everything by chance comes from one seed, which is printed.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

mod chaos;
mod check;
mod client;
mod javascript;
mod later;
mod ledger;
mod notices;
mod observe;
mod report;
mod servers;
mod sight;
mod traffic;

#[cfg(test)]
mod short_runs;
#[cfg(test)]
mod tests_of_repeating;
#[cfg(test)]
mod tests_of_the_checker;

use std::ops::Range;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use clap::Parser;
use fastrand::Rng;
use futures_util::future::try_join_all;
use serde_json::{Value, json};
use tests::follower::{Pace, Screen, Talk};
use tests::javascript::JavaScript;
use tests::{Chat, Follower, KEYS, User, Webhooks, until};
use tokio::task::block_in_place;
use tokio::time::{Instant, sleep_until, timeout};

use chaos::Chaos;
use client::Client;
use javascript::{Host, Script};
use later::Later;
use ledger::{Ledger, Setting};
use report::Report;
use servers::Servers;
use traffic::Device;

/// The gateway's clock runs this much faster: a connection may rest for ten seconds and live for two minutes.
const CLOCK_SCALE: u32 = 60;
/// Connections of each user who has any.
const DEVICES: usize = 2;
/// The pause between two requests of a client, in milliseconds.
const PAUSE_MS: Range<u64> = 100..500;
/// The same of a client without a connection.
const VISITORS_PAUSE_MS: Range<u64> = 1_000..6_000;
/// One client of so many hides its conversations in the end.
const HIDING: usize = 3;
/// For so long after its handshake began, a 410 does not remove a connection.
const HANDSHAKE: Duration = Duration::from_secs(30);
/// An erasure takes a minute at least, so a shorter proof erases nobody.
const ERASING: Duration = Duration::from_mins(1);
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
        // A minute of the worker's schedule, on the gateway's clock.
        "--schedule",
        "1000",
    ];
    let (webhooks, redis) = (Webhooks::start()?, servers.url());
    let [url, secret] = webhooks.variables();
    let variables = [
        ("SOCK_REDIS_URL", redis.as_str()),
        ("SOCK_PLATFORM_KEY", KEYS),
        ("SOCK_RETENTION_DAYS", "1"),
        url,
        secret,
    ];
    let chat = Chat::own_with(&flags, &variables).await?;
    let pace = Pace {
        heartbeat: Duration::from_mins(9) / CLOCK_SCALE,
        answer: Duration::from_secs(4),
        first_wait: Duration::from_millis(100),
        longest_wait: Duration::from_secs(3),
    };
    let people = People::of(&chat);
    let javascript = block_in_place(JavaScript::ready);
    let host = match &javascript {
        Ok(javascript) => Some(Arc::new(Host::start(javascript, random.u64(..)).await?)),
        Err(_) => None,
    };
    let mut clients = Vec::new();
    for (place, user) in people.talkers.iter().enumerate() {
        for device in 0..DEVICES {
            let (screen, seed) = (people.screen(user, device), random.u64(..));
            // One client of each user is the one in JavaScript: in turn the one that shows members, and the one that watches.
            clients.push(match host.as_ref().filter(|_| (place + device) % DEVICES == 1) {
                Some(host) => {
                    let talks = people.talks(user);
                    let number = clients.len() as u64;
                    Client::JavaScript(Box::new(
                        Script::start(host, number, user, chat.stack(), &pace, &screen, &talks).await?,
                    ))
                }
                None => Client::Rust(Follower::start_with(user, pace.clone(), seed, screen)),
            });
        }
    }
    let start = |user| Client::Rust(Follower::unconnected(user, pace.clone(), random.u64(..)));
    let unconnected: Vec<Client> = people.visitors.iter().map(start).collect();
    let ledger = Mutex::new(Ledger::default());
    let began = Instant::now();
    let mut devices = Vec::new();
    for (number, client) in clients.iter().chain(&unconnected).enumerate() {
        let is_connected = number < clients.len();
        devices.push(Device {
            talks: people.talks(client.user()),
            home: people.home(client.user()),
            ledger: &ledger,
            random: random.fork(),
            name: format!("{seed}.{number}"),
            pause_ms: if is_connected { PAUSE_MS } else { VISITORS_PAUSE_MS },
            is_connected,
            settings: match number % DEVICES {
                // The platform is told of all that the others of them have not read.
                0 if !is_connected => vec![Setting::Muted, Setting::Pinned],
                _ if !is_connected => vec![Setting::Pinned],
                0 => vec![Setting::Muted],
                _ => vec![Setting::Pinned],
            },
            began,
            client,
        });
    }
    for device in devices
        .iter()
        .filter(|device| !device.is_connected || device.settings == [Setting::Muted])
    {
        for topic in device.talks.iter().filter(|talk| talk.is_topic()) {
            device.join(topic).await?;
        }
    }
    for (user, talk) in people.voices() {
        speaker(&devices, user)?.tell(&talk, "begins").await?;
    }

    // A cluster may lose what it has acknowledged, so nobody knows there what must be left.
    let later = if cluster {
        None
    } else {
        Some(Later::begin(&chat, seed).await?)
    };
    let erases = length >= ERASING;
    let mut chaos = Chaos::new(&chat, &clients, random.u64(..));
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
    let erasing = async {
        match &later {
            Some(later) if erases => later.erase().await,
            _ => Ok(()),
        }
    };
    let (calm, _, ()) = tokio::try_join!(calm, acting, erasing)?;
    let injected = std::mem::take(&mut chaos.injected);

    // The last push to everyone: by now no dead connection can be taken for one in its handshake, and a 410 removes it.
    sleep_until(calm + HANDSHAKE + Duration::from_secs(1)).await;
    let everyone = people.talkers.iter().chain(&people.visitors);
    let everyone: Vec<(User, Vec<Talk>)> = everyone.map(|user| (user.clone(), people.talks(user))).collect();
    let before = observe::look(&everyone, &[]).await?;
    let mut findings = check::check_inboxes(&lock(&ledger), &before);
    for (user, talk) in people.voices() {
        speaker(&devices, user)?.tell(&talk, "ends").await?;
    }
    // Some conversations are hidden now, and stay so. Who has left a topic has nothing to hide.
    for device in devices.iter().step_by(HIDING) {
        let user = device.user()?;
        for talk in &device.talks {
            let key = traffic::key(device.client.user(), talk)?;
            let is_in =
                || lock(&ledger).may_be_member(&key, user, true) && !lock(&ledger).may_be_member(&key, user, false);
            if !talk.is_topic() || is_in() {
                device.turn(talk, Setting::Hidden, true).await?;
            }
        }
    }
    let quiet = Instant::now();
    let resting = clients.iter().map(async |client| {
        timeout(REST, client.rest(quiet)).await.with_context(|| {
            let user = &client.user().id;
            format!("a client of {user} does not come to rest: {}", client.owes())
        })?
    });
    try_join_all(resting).await?;

    let names = clients.iter().enumerate().map(|(number, client)| {
        let kind = match client {
            Client::Rust(_) => "client",
            Client::JavaScript(_) => "JavaScript client",
        };
        (format!("{kind} {number}"), client)
    });
    let mut sight = observe::look(&everyone, &names.collect::<Vec<_>>()).await?;
    let listening: Result<Vec<u64>> = unconnected
        .iter()
        .zip(clients.len()..)
        .filter(|(_, number)| number % DEVICES > 0)
        .map(|(client, _)| traffic::number_of(&client.user().id))
        .collect();
    findings.extend(notices::check(&webhooks, &listening?, &sight, REST).await);
    if let Some(later) = &later {
        findings.extend(later.check(erases, REST).await?);
    }
    sight.dead_connections = dead_connections(&servers, &clients).await?;
    drop(devices);
    let mut ledger = ledger.into_inner().unwrap_or_else(PoisonError::into_inner);
    ledger.counts.insert("notices", webhooks.noticed().len() as u64);
    findings.extend(check::check(&ledger, &sight));
    let report = Report::new(&ledger, findings, injected, &clients, javascript.err(), cluster).await?;
    report.keep_log(chat.stack(), seed)?;
    Ok(report)
}

fn speaker<'d, 'a>(devices: &'d [Device<'a>], user: &User) -> Result<&'d Device<'a>> {
    let device = devices.iter().find(|device| device.client.user().id == user.id);
    device.context("everyone has a client")
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who there is, and who talks with whom.
struct People {
    /// Users with connections.
    talkers: Vec<User>,
    /// Users without, in topics only.
    visitors: Vec<User>,
    /// Topics: which of the talkers are members in the beginning, the first of them for good, and how many of the visitors.
    topics: Vec<(Talk, Vec<usize>, usize)>,
}

impl People {
    fn of(chat: &Chat) -> Self {
        let topic = |name: &str, talkers: &[usize], visitors| (Talk::topic(name), talkers.to_vec(), visitors);
        Self {
            talkers: chat.users(["u1", "u2", "u3", "u4", "u5", "u6"]).to_vec(),
            visitors: chat.users::<24>(std::array::from_fn(|_| "a visitor")).to_vec(),
            topics: vec![
                topic("three", &[0, 1, 2], 0),
                topic("eight", &[1, 3, 5, 4], 4),
                topic("twelve", &[2, 4, 5], 9),
                topic("thirty", &[3, 0, 1, 2, 4, 5], 24),
            ],
        }
    }

    /// Direct conversations: in pairs, and across.
    fn pairs(&self) -> impl Iterator<Item = [&User; 2]> {
        let pairs = [[0, 1], [2, 3], [4, 5], [0, 3], [1, 4], [2, 5], [0, 5]];
        let users = |pair: [usize; 2]| Some([self.talkers.get(pair[0])?, self.talkers.get(pair[1])?]);
        pairs.into_iter().filter_map(users)
    }

    /// All that a user talks in.
    fn talks(&self, user: &User) -> Vec<Talk> {
        let others = self
            .pairs()
            .filter_map(|[one, other]| match (one.id == user.id, other.id == user.id) {
                (true, _) => Some(Talk::from(other)),
                (_, true) => Some(Talk::from(one)),
                _ => None,
            });
        let is = |of: &User| of.id == user.id;
        let topics = self.topics.iter().filter(|(_, talkers, visitors)| {
            let mut talkers = talkers.iter().filter_map(|place| self.talkers.get(*place));
            talkers.any(is) || self.visitors.iter().take(*visitors).any(is)
        });
        others.chain(topics.map(|(topic, ..)| topic.clone())).collect()
    }

    /// The topic that a user never leaves.
    fn home(&self, user: &User) -> Option<Talk> {
        let mut owners = self
            .topics
            .iter()
            .filter_map(|(topic, talkers, _)| Some((topic, self.talkers.get(*talkers.first()?)?)));
        owners
            .find(|(_, owner)| owner.id == user.id)
            .map(|(topic, _)| topic.clone())
    }

    /// Who says the first and the last word, and where: so that there is something in each conversation, and something newer than all trouble.
    fn voices(&self) -> Vec<(&User, Talk)> {
        let pairs = self.pairs().map(|[one, other]| (one, Talk::from(other)));
        let homes = self.talkers.iter().filter_map(|user| Some((user, self.home(user)?)));
        pairs.chain(homes).collect()
    }

    /// The first client of a user shows members, the other one watches.
    fn screen(&self, user: &User, device: usize) -> Screen {
        let mut topics = self.talks(user).into_iter().filter(Talk::is_topic);
        let watch = topics.next_back().map(|topic| {
            let users: Vec<&Value> = self.talkers.iter().map(|user| &user.id).collect();
            json!({"users": users, "conversation": {"target": "topic", "target_id": topic.id()}})
        });
        Screen {
            members: device == 0,
            watch: watch.filter(|_| device > 0),
        }
    }
}

/// The connections that Redis knows and no client has. Old ones end all the time here, so this looks until it finds none.
async fn dead_connections(servers: &Servers, clients: &[Client]) -> Result<Vec<String>> {
    let dead = async || {
        let mut known = observe::connections(servers).await?;
        for client in clients {
            for id in client.connections().await? {
                known.remove(&id);
            }
        }
        anyhow::Ok(known)
    };
    let none = until("no connection is dead", async || {
        Ok(dead().await?.is_empty().then_some(()))
    })
    .await;
    Ok(if none.is_ok() {
        Vec::new()
    } else {
        let dead = dead().await?.into_iter();
        dead.map(|(id, key)| format!("{id} in {key}")).collect()
    })
}
