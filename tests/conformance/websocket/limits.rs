//! The gateway's limits, and the codes with which it closes.

use std::time::Duration;

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;
use tokio::time::{interval, timeout};
use tokio_tungstenite::tungstenite::Message;

use super::{OVERVIEW, QUOTAS, UNKNOWN};
use crate::{
    bench::{Bench, Connected, FAST, PLAIN, frame, mark},
    requirement::{Requirement, requirement},
};

/// The longest frame.
const FRAME: usize = 32 * 1024;
/// The longest message.
const MESSAGE: usize = 128 * 1024;
/// The longest URL of a handshake.
const URL: usize = 4096;
/// After how many milliseconds a connection of `FAST` is idle.
const IDLE_MS: u64 = 1_500;
/// Its lifetime.
const LIFETIME_MS: u64 = 18_000;

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("ws.limit.frame_of_32k_passes", QUOTAS, frame_of_32k_passes),
        requirement("ws.limit.longer_frame_is_1009", QUOTAS, longer_frame_is_1009),
        requirement("ws.limit.message_of_128k_passes", QUOTAS, message_of_128k_passes),
        requirement("ws.limit.longer_message_is_1009", QUOTAS, longer_message_is_1009),
        requirement("ws.limit.longer_url_is_refused", UNKNOWN, longer_url_is_refused),
        requirement("ws.limit.binary_is_1003", OVERVIEW, binary_is_1003),
        requirement(
            "ws.limit.too_many_messages_is_1008",
            OVERVIEW,
            too_many_messages_is_1008,
        ),
        requirement("ws.limit.idle_is_1001", OVERVIEW, idle_is_1001),
        requirement(
            "ws.limit.messages_keep_it_open_until_two_hours",
            OVERVIEW,
            messages_keep_it_open_until_two_hours,
        ),
        requirement("ws.limit.pushes_keep_it_open", QUOTAS, pushes_keep_it_open),
        requirement("ws.limit.pings_do_not_keep_it_open", UNKNOWN, pings_do_not_keep_it_open),
        requirement("ws.limit.ping_is_answered", "RFC 6455, section 5.5.2", ping_is_answered),
    ]
}

/// A text of this many bytes that begins with the mark.
fn text(mark: &str, bytes: usize) -> String {
    format!("{mark}{}", "x".repeat(bytes - mark.len()))
}

/// A text in pieces that are frames of the longest kind.
fn pieces(text: &str) -> Vec<String> {
    let bytes = text.as_bytes().chunks(FRAME);
    bytes.map(|piece| String::from_utf8_lossy(piece).into_owned()).collect()
}

async fn frame_of_32k_passes() -> Result<()> {
    let bench = PLAIN.bench()?;
    let (mut connected, mark) = (bench.connect().await?, mark());
    connected.client.send(text(&mark, FRAME)).await?;
    ensure!(bench.message(&mark).await?.event["body"] == text(&mark, FRAME));
    Ok(())
}

async fn longer_frame_is_1009() -> Result<()> {
    let mut client = PLAIN.bench()?.connect().await?.client;
    client.send(text("", FRAME + 1)).await?;
    ensure!(client.close_code().await? == 1009);
    Ok(())
}

async fn message_of_128k_passes() -> Result<()> {
    let bench = PLAIN.bench()?;
    let (mut connected, mark) = (bench.connect().await?, mark());
    let text = text(&mark, MESSAGE);
    connected.client.send_in_frames(&pieces(&text)).await;
    ensure!(bench.message(&mark).await?.event["body"] == text);
    Ok(())
}

async fn longer_message_is_1009() -> Result<()> {
    let mut client = PLAIN.bench()?.connect().await?.client;
    client.send_in_frames(&pieces(&text("", MESSAGE + 1))).await;
    ensure!(client.close_code().await? == 1009);
    Ok(())
}

async fn longer_url_is_refused() -> Result<()> {
    let bench = PLAIN.bench()?;
    let offer = async |bytes: usize| {
        let (start, mark) = ("/stage?token=", mark());
        let url = format!("{start}{}", "x".repeat(bytes - start.len()));
        let handshake = bench.handshake(&url, &[("X-Mark", &mark)]).await?;
        anyhow::Ok((handshake.status, mark))
    };
    let (status, refused) = offer(URL + 1).await?;
    ensure!(status == 414, "{status}");
    // One that is made later has met its `$connect` by now.
    let (status, taken) = offer(URL).await?;
    ensure!(status == 101, "{status}");
    bench.marked(&taken).await?;
    let seen = bench
        .recorder
        .events(|recorded| recorded.event["headers"]["X-Mark"] == refused.as_str());
    ensure!(seen.is_empty(), "$connect was asked: {seen:?}");
    Ok(())
}

async fn binary_is_1003() -> Result<()> {
    let mut client = PLAIN.bench()?.connect().await?.client;
    client.send_message(Message::binary("{}".as_bytes())).await?;
    ensure!(client.close_code().await? == 1003);
    Ok(())
}

async fn too_many_messages_is_1008() -> Result<()> {
    // At which rate is not documented, so it is made to happen.
    let bench = tokio::task::block_in_place(|| Bench::start("template.yaml", &["--fault", "message-refused=1"]))?;
    let mut connected = bench.connect().await?;
    connected.client.send("{}").await?;
    ensure!(connected.client.close_code().await? == 1008);
    ensure!(bench.disconnected(&connected.id).await?["requestContext"]["disconnectStatusCode"] == 1008);
    Ok(())
}

async fn idle_is_1001() -> Result<()> {
    let Connected { mut client, id, .. } = FAST.bench()?.connect().await?;
    ensure!(client.close_code().await? == 1001);
    let context = FAST.bench()?.disconnected(&id).await?["requestContext"].take();
    ensure!(context["disconnectStatusCode"] == 1001, "{context}");
    ensure!(age_ms(&context) >= IDLE_MS, "{context}");
    Ok(())
}

/// How old a connection was at its `$disconnect`.
fn age_ms(context: &serde_json::Value) -> u64 {
    let at = |key: &str| context[key].as_u64().unwrap_or_default();
    at("requestTimeEpoch") - at("connectedAt")
}

/// Does something every tenth of a second until the gateway closes, and returns the code and how old the connection was.
async fn kept_busy(busy: impl AsyncFn(&mut Connected) -> Result<()>, limit: Duration) -> Result<(u16, u64)> {
    let mut connected = FAST.bench()?.connect().await?;
    let mut ticks = interval(Duration::from_millis(100));
    let working = async {
        while busy(&mut connected).await.is_ok() {
            ticks.tick().await;
        }
    };
    timeout(limit, working).await.ok();
    let code = connected.client.close_code().await?;
    let context = FAST.bench()?.disconnected(&connected.id).await?["requestContext"].take();
    Ok((code, age_ms(&context)))
}

/// A machine that stands still for half a second in the middle of it must not fail the test, and one that never keeps a
/// connection must.
async fn outlives(age_ms: u64, busy: impl AsyncFn(&mut Connected) -> Result<()>, limit: Duration) -> Result<()> {
    let mut seen = Vec::new();
    for _ in 0..3 {
        let (code, age) = kept_busy(&busy, limit).await?;
        ensure!(code == 1001, "{code}");
        if age >= age_ms {
            return Ok(());
        }
        seen.push(age);
    }
    anyhow::bail!("it lived {seen:?} ms only")
}

async fn messages_keep_it_open_until_two_hours() -> Result<()> {
    let send = async |connected: &mut Connected| {
        let steps = json!([{"answer": {"statusCode": 200, "body": "x"}}]);
        connected.client.send(frame("twoway", &steps)).await?;
        connected.client.text().await.map(drop)
    };
    outlives(LIFETIME_MS, send, tests::PATIENCE).await
}

async fn pushes_keep_it_open() -> Result<()> {
    let push = async |connected: &mut Connected| {
        let reply = FAST.bench()?.connections(Method::POST, &connected.id, "x").await?;
        ensure!(reply.status == 200, "{reply:?}");
        Ok(())
    };
    outlives(3 * IDLE_MS, push, Duration::from_millis(3 * IDLE_MS)).await
}

async fn pings_do_not_keep_it_open() -> Result<()> {
    let ping = async |connected: &mut Connected| connected.client.send_message(Message::Ping("x".into())).await;
    let (code, age) = kept_busy(ping, tests::PATIENCE).await?;
    ensure!((code, age < LIFETIME_MS) == (1001, true), "{code} after {age} ms");
    Ok(())
}

async fn ping_is_answered() -> Result<()> {
    let mut client = PLAIN.bench()?.connect().await?.client;
    client.send_message(Message::Ping("are you there?".into())).await?;
    let message = client.message().await?;
    ensure!(message == Some(Message::Pong("are you there?".into())), "{message:?}");
    Ok(())
}
