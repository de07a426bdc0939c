//! Measures what a failover loses: `cargo test -p shared --test store -- --ignored --nocapture what_a_failover_loses`.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::{Instant, sleep, sleep_until};

use crate::cluster::Cluster;
use crate::support::{World, page, texts, with_key};

/// Messages per second, and how many of them; the master dies in the middle.
const RATE: u32 = 400;
const MESSAGES: u32 = 1_200;
/// By how much replication is slowed down.
const LAGS_MS: [u64; 3] = [0, 20, 200];
const KILLS_EACH: u32 = 5;

#[tokio::test]
#[ignore = "a measurement of two minutes; docs/limits.md has its result"]
async fn what_a_failover_loses() {
    println!("{MESSAGES} messages, {RATE} a second, the master killed in the middle");
    for lag_ms in LAGS_MS {
        for _ in 0..KILLS_EACH {
            one_failover(Duration::from_millis(lag_ms)).await;
        }
    }
}

async fn one_failover(lag: Duration) {
    let mut cluster = Cluster::whole().await;
    let world = World::new(&cluster.address(&[0, 1, 2])).await;
    let (_, master) = cluster.place(&world.chat_keys()[0]);
    cluster.nodes[master].relay.set_lag(lag);
    world.say(&world.anna, "first").await;

    let begun = Instant::now();
    let at = |number: u32| begun + Duration::from_secs(1) * number / RATE;
    let messages = join_all((0..MESSAGES).map(|number| {
        let world = &world;
        async move {
            sleep_until(at(number)).await;
            let content = number.to_string();
            let refused = send_until_acknowledged(world, &content).await;
            (content, refused, Instant::now())
        }
    }));
    let (messages, (killed, behind)) = tokio::join!(messages, async {
        sleep_until(at(MESSAGES / 2)).await;
        let behind = cluster.lag_bytes(master);
        cluster.kill(master);
        (Instant::now(), behind)
    });

    let history = world.history(page(1, u64::from(MESSAGES) * 2)).await;
    let kept = texts(&history);
    let known: HashSet<&str> = kept.iter().copied().collect();
    assert_eq!(known.len(), kept.len(), "nothing stands there twice");
    let lost = messages
        .iter()
        .filter(|(content, _, _)| !known.contains(content.as_str()))
        .count();
    let refused: u32 = messages.iter().map(|(_, refused, _)| refused).sum();
    let gap = messages
        .iter()
        .map(|(_, _, at)| *at)
        .filter(|at| *at > killed + Duration::from_millis(100))
        .min();
    println!(
        "replication {:>3} ms late, {behind:>6} bytes behind at the kill: {lost:>3} of {MESSAGES} acknowledged messages lost; \
         {refused:>4} tries refused, writes again after {:.1} s",
        lag.as_millis(),
        gap.map_or(0.0, |at| (at - killed).as_secs_f64()),
    );
}

/// As a client does. Says how many tries were refused.
async fn send_until_acknowledged(world: &World, content: &str) -> u32 {
    let content = with_key(content, content);
    let mut refused = 0;
    loop {
        if world.append(&world.anna, &content).await.is_ok() {
            return refused;
        }
        refused += 1;
        sleep(Duration::from_millis(100)).await;
    }
}
