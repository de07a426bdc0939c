//! Connections that are dead delay nobody, and are forgotten.

use std::slice::from_ref;
use std::time::Duration;

use anyhow::{Result, bail};
use futures_util::future::try_join_all;
use http::Method;
use tests::token::LONG_AGO;
use tests::{Chat, RawRedis, Request, Socket, exchange};
use tokio::time::{Instant, timeout};

/// A connection id of the real form that the gateway never gave.
const GONE: &str = "AAAAAAAAAAAAAAA=";

/// Sends a message to all of these, and says how long it took until the last of them had it.
async fn time_to_all(from: &tests::User, to: &tests::User, sockets: &mut [Socket]) -> Result<Duration> {
    let start = Instant::now();
    let telling = sockets.iter_mut().map(Socket::event);
    let (sent, told) = tokio::join!(from.send_text(to, "to all"), try_join_all(telling));
    let (sent, told) = (sent?, told?);
    assert!(told.iter().all(|event| event["data"]["entry"] == sent), "{told:?}");
    Ok(start.elapsed())
}

async fn ten(user: &tests::User) -> Result<Vec<Socket>> {
    let mut sockets = Vec::new();
    for _ in 0..10 {
        sockets.push(user.connect().await?);
    }
    Ok(sockets)
}

#[tokio::test]
async fn one_that_is_gone_among_ten_is_forgotten() -> Result<()> {
    let chat = Chat::shared_alone().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let redis = RawRedis::of(&chat).await?;
    let mut live = ten(&bob).await?;
    redis.add_connection(&bob, GONE, redis.in_minutes(60).await?).await?;
    let took = time_to_all(&ann, &bob, &mut live).await?;
    assert!(took < Duration::from_secs(1), "{took:?}");
    let mut left = redis.connections(&bob).await?;
    left.sort();
    let mut expected: Vec<String> = live.iter().map(|socket| socket.id.clone()).collect();
    expected.sort();
    assert_eq!(left, expected, "the dead one is forgotten and no other");
    Ok(())
}

/// Pushes frames to a connection until the gateway can take no more for it.
async fn fill(chat: &Chat, connection: &str) -> Result<()> {
    let push = chat.stack().addresses.push.trim_start_matches("http://").to_owned();
    let (address, stage) = push.split_once('/').unwrap_or((&push, ""));
    for _ in 0..2_000 {
        let path = format!("/{stage}/@connections/{}", connection.replace('=', "%3D"));
        let request = Request {
            method: Method::POST,
            path,
            body: vec![b'x'; 30 * 1024],
            ..Request::default()
        };
        match exchange(address, request).await?.0.as_u16() {
            200 => {}
            429 => return Ok(()),
            other => bail!("{other} to a push"),
        }
    }
    bail!("the buffer has no end")
}

#[tokio::test]
async fn one_that_reads_nothing_delays_nobody() -> Result<()> {
    let chat = Chat::shared_alone().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let stuck = bob.connect_narrowly().await?;
    let mut live = ten(&bob).await?;
    fill(&chat, &stuck.id).await?;
    let start = Instant::now();
    let telling = try_join_all(live.iter_mut().map(Socket::event));
    let sending = ann.send_text(&bob, "to all");
    let told = async { timeout(Duration::from_secs(1), telling).await };
    let (sent, told) = tokio::join!(sending, told);
    assert_eq!(told??.len(), 10, "within a second");
    sent?;
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "the sender waits no longer than the limit of the fan-out"
    );
    let kept = RawRedis::of(&chat).await?.connections(&bob).await?;
    assert!(kept.contains(&stuck.id), "slow is not gone");
    Ok(())
}

#[tokio::test]
async fn nobody_elses_connection_is_removed() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let redis = RawRedis::of(&chat).await?;
    let (mut of_ann, mut of_bob, of_cem) = (ann.connect().await?, bob.connect().await?, cem.connect().await?);
    redis.add_connection(&bob, GONE, redis.in_minutes(60).await?).await?;
    redis.add_connection(&cem, GONE, redis.in_minutes(60).await?).await?;
    ann.send_text(&bob, "x").await?;
    assert_eq!(redis.connections(&ann).await?, [of_ann.id.clone()]);
    assert_eq!(redis.connections(&bob).await?, [of_bob.id.clone()]);
    assert_eq!(
        redis.connections(&cem).await?.len(),
        2,
        "{} has nothing to do with it",
        of_cem.id
    );
    assert_eq!(
        (
            of_ann.event().await?["event"].clone(),
            of_bob.event().await?["event"].clone()
        ),
        ("message.new".into(), "message.new".into())
    );
    Ok(())
}

/// API Gateway says that a connection is gone while its handshake is under way: a push in that moment must not make us forget it.
#[tokio::test]
async fn one_in_its_handshake_is_not_forgotten() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let redis = RawRedis::of(&chat).await?;
    redis.add_connection(&bob, GONE, redis.in_minutes(125).await?).await?;
    ann.send_text(&bob, "x").await?;
    assert_eq!(redis.connections(&bob).await?, [GONE]);
    Ok(())
}

#[tokio::test]
async fn one_whose_two_hours_are_over_is_forgotten_in_passing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let redis = RawRedis::of(&chat).await?;
    redis.add_connection(&ann, GONE, LONG_AGO * 1_000).await?;
    let socket = ann.connect().await?;
    assert_eq!(redis.connections(&ann).await?, from_ref(&socket.id));
    let lives_ms: u64 = redis
        .run(&format!("PTTL {{senna-sockets:connection:{}}}", socket.id))
        .await?;
    let two_hours_ms = 2 * 60 * 60 * 1_000;
    assert!(
        (two_hours_ms - 60_000..two_hours_ms + 10 * 60_000).contains(&lives_ms),
        "{lives_ms}"
    );
    Ok(())
}
