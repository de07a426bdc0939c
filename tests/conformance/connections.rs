//! `@connections`: how functions push to clients, ask about them, and close them.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use chrono::DateTime;
use http::Method;
use serde_json::json;
use tests::Request;

use crate::{
    bench::{Bench, Connected, PLAIN, Reply, id_of, mark},
    requirement::{Requirement, requirement},
};

/// The page on pushes.
const CONNECTIONS: &str = "developer guide, Use @connections commands in your backend service";
/// What AWS says to 410.
const REPOST: &str = "re:Post knowledge center, 410 GoneException: $connect must have returned";
/// What was recorded of malformed ids.
const MALFORMED: &str = "serverless-offline #749; fixtures of Bref's WebSocket client";
/// The model of the service in the SDKs.
const MODEL: &str = "model of the service in the SDKs";
/// The quotas.
const QUOTAS: &str = "developer guide, Quotas for configuring and running a WebSocket API";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement(
            "conn.post.reaches_the_client_as_text",
            CONNECTIONS,
            reaches_the_client_as_text,
        ),
        requirement("conn.post.gone_during_handshake", REPOST, gone_during_handshake),
        requirement("conn.post.gone_after_the_end", CONNECTIONS, gone_after_the_end),
        requirement("conn.post.gone_when_unknown", CONNECTIONS, gone_when_unknown),
        requirement("conn.post.malformed_id_is_400", MALFORMED, malformed_id_is_400),
        requirement("conn.post.message_of_128k_passes", QUOTAS, message_of_128k_passes),
        requirement("conn.post.longer_message_is_413", MODEL, longer_message_is_413),
        requirement("conn.post.full_buffer_is_429", MODEL, full_buffer_is_429),
        requirement("conn.get.describes", MODEL, describes),
        requirement("conn.get.last_active_moves", MODEL, last_active_moves),
        requirement("conn.delete.closes_with_1000", CONNECTIONS, delete_closes_with_1000),
        requirement("conn.path.has_the_stage", CONNECTIONS, path_has_the_stage),
        requirement(
            "conn.path.without_the_stage_is_403",
            "aws-sdk-php #1955",
            path_without_the_stage_is_403,
        ),
        requirement("conn.path.elsewhere_is_403", "aws-sdk-php #1955", path_elsewhere_is_403),
    ]
}

async fn reaches_the_client_as_text() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    for text in ["hello", "{\"a\": \"ä\"}"] {
        let reply = bench.connections(Method::POST, &connected.id, text).await?;
        ensure!((reply.status, reply.text()) == (200, String::new()), "{reply:?}");
        ensure!(connected.client.text().await? == text);
    }
    Ok(())
}

/// An error of this status and type, with a body that is JSON.
fn check_error(reply: &Reply, status: u16, kind: &str) -> Result<()> {
    ensure!(reply.status == status, "{reply:?}");
    ensure!(reply.header("x-amzn-ErrorType") == kind, "{reply:?}");
    ensure!(reply.json()["message"].is_string(), "{reply:?}");
    Ok(())
}

/// Each of the three requests says that the connection is gone.
async fn is_gone(bench: &Bench, id: &str) -> Result<()> {
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let reply = bench.connections(method.clone(), id, "x").await?;
        check_error(&reply, 410, "GoneException").with_context(|| method.to_string())?;
    }
    Ok(())
}

async fn gone_during_handshake() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let (steps, header) = (json!([{"gate": mark}]).to_string(), mark.clone());
    let headers = async move {
        let headers = [("X-Probe", steps.as_str()), ("X-Mark", header.as_str())];
        bench.handshake("/stage", &headers).await
    };
    let handshake = tokio::spawn(headers);
    let id = id_of(&bench.marked(&mark).await?.event);
    is_gone(bench, &id).await?;
    bench.recorder.open(&mark);
    let mut client = handshake.await??.open()?;
    ensure!(bench.connections(Method::POST, &id, "now").await?.status == 200);
    ensure!(client.text().await? == "now");
    Ok(())
}

async fn gone_after_the_end() -> Result<()> {
    let bench = PLAIN.bench()?;
    let Connected { client, id, .. } = bench.connect().await?;
    client.close(None).await?;
    bench.disconnected(&id).await?;
    is_gone(bench, &id).await
}

async fn gone_when_unknown() -> Result<()> {
    is_gone(PLAIN.bench()?, "L0SM9cOFvHcCIhw=").await
}

async fn malformed_id_is_400() -> Result<()> {
    let bench = PLAIN.bench()?;
    for id in [
        "0b9d4e6e-6c2b-4f36-9d53-1f7a3a8f1d2e",
        "L0SM9cOFvHcCIhw",
        "L0SM9cOFvHcCIhw=test",
        "x",
    ] {
        let reply = bench.connections(Method::POST, id, "x").await?;
        check_error(&reply, 400, "BadRequestException")?;
        ensure!(
            reply.json()["message"] == format!("Invalid connectionId: {id}"),
            "{reply:?}"
        );
    }
    Ok(())
}

async fn message_of_128k_passes() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    // The client here takes no frame of more than 32 KB.
    let text = "ä".repeat(64 * 1024);
    ensure!(bench.connections(Method::POST, &connected.id, &text).await?.status == 200);
    ensure!(connected.client.text().await? == text);
    Ok(())
}

async fn longer_message_is_413() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let reply = bench
        .connections(Method::POST, &connected.id, &"x".repeat(128 * 1024 + 1))
        .await?;
    check_error(&reply, 413, "PayloadTooLargeException")?;
    // And the connection is as good as before.
    ensure!(bench.connections(Method::POST, &connected.id, "next").await?.status == 200);
    ensure!(connected.client.text().await? == "next");
    Ok(())
}

async fn full_buffer_is_429() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let text = "x".repeat(128 * 1024);
    let mut accepted = 0;
    // The client doesn't read. What the system itself buffers is some megabytes.
    let reply = loop {
        let reply = bench.connections(Method::POST, &connected.id, &text).await?;
        if reply.status != 200 {
            break reply;
        }
        accepted += 1;
        ensure!(accepted < 2_000, "the buffer has no end");
    };
    check_error(&reply, 429, "LimitExceededException")?;
    // Now it does, and gets all that was accepted.
    for _ in 0..accepted {
        ensure!(connected.client.text().await?.len() == text.len());
    }
    ensure!(bench.connections(Method::POST, &connected.id, "next").await?.status == 200);
    ensure!(connected.client.text().await? == "next");
    Ok(())
}

async fn describes() -> Result<()> {
    let bench = PLAIN.bench()?;
    let connected = bench.connect_with(&[("User-Agent", "probe/1")]).await?;
    let reply = bench.connections(Method::GET, &connected.id, "").await?;
    let told = reply.json();
    ensure!(
        reply.status == 200 && told.as_object().is_some_and(|told| told.len() == 3),
        "{told}"
    );
    ensure!(
        told["identity"] == json!({"sourceIp": "127.0.0.1", "userAgent": "probe/1"}),
        "{told}"
    );
    for time in ["connectedAt", "lastActiveAt"] {
        let time = told[time].as_str().context("a time is text")?;
        ensure!(
            time.ends_with('Z') && DateTime::parse_from_rfc3339(time).is_ok(),
            "{time}"
        );
    }
    let connected_at = DateTime::parse_from_rfc3339(told["connectedAt"].as_str().unwrap_or_default())?;
    let in_event = &connected.event["requestContext"]["connectedAt"];
    ensure!(*in_event == connected_at.timestamp_millis(), "{in_event} {told}");
    Ok(())
}

async fn last_active_moves() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let before = bench.connections(Method::GET, &connected.id, "").await?.json();
    tests::until("a message is active", async || {
        // The clock has milliseconds, and a message may fall into the one of the handshake.
        tokio::time::sleep(Duration::from_millis(2)).await;
        bench.connections(Method::POST, &connected.id, "x").await?;
        let now = bench.connections(Method::GET, &connected.id, "").await?.json();
        Ok((now["lastActiveAt"].as_str() > before["lastActiveAt"].as_str()).then_some(()))
    })
    .await?;
    ensure!(connected.client.text().await? == "x");
    Ok(())
}

async fn delete_closes_with_1000() -> Result<()> {
    let bench = PLAIN.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    // What was accepted before is delivered before.
    ensure!(bench.connections(Method::POST, &id, "last").await?.status == 200);
    let reply = bench.connections(Method::DELETE, &id, "").await?;
    ensure!((reply.status, reply.text()) == (204, String::new()), "{reply:?}");
    ensure!(client.text().await? == "last");
    ensure!(client.close_code().await? == 1000);
    is_gone(bench, &id).await
}

async fn path_has_the_stage() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let id = connected.id.replace('=', "%3D");
    for path in [
        format!("/stage/@connections/{id}"),
        format!("/stage/%40connections/{id}"),
        format!("/stage/@connections/{}", connected.id),
    ] {
        let reply = bench.at_connections(post(&path)).await?;
        ensure!(reply.status == 200, "{path}: {reply:?}");
        ensure!(connected.client.text().await? == "x");
    }
    Ok(())
}

async fn path_without_the_stage_is_403() -> Result<()> {
    let bench = PLAIN.bench()?;
    let id = bench.connect().await?.id.replace('=', "%3D");
    for method in [Method::POST, Method::GET, Method::DELETE] {
        let path = format!("/@connections/{id}");
        let reply = bench
            .at_connections(Request {
                method: method.clone(),
                ..post(&path)
            })
            .await?;
        ensure!(
            (reply.status, reply.json()) == (403, json!({"message": "Forbidden"})),
            "{method}: {reply:?}"
        );
    }
    Ok(())
}

async fn path_elsewhere_is_403() -> Result<()> {
    let bench = PLAIN.bench()?;
    let id = bench.connect().await?.id.replace('=', "%3D");
    for path in [format!("/other/@connections/{id}"), format!("/stage/connections/{id}")] {
        let reply = bench.at_connections(post(&path)).await?;
        ensure!(
            reply.status == 403 && reply.header("x-amzn-ErrorType") == "ForbiddenException",
            "{path}: {reply:?}"
        );
    }
    Ok(())
}

fn post(path: &str) -> Request {
    Request {
        method: Method::POST,
        path: path.to_owned(),
        headers: Vec::new(),
        body: b"x".to_vec(),
    }
}
