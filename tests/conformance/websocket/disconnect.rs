//! `$disconnect`: what it is told after each kind of end.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

use super::{OVERVIEW, RECORDED, check_context, has_exactly};
use crate::{
    bench::{Connected, PLAIN},
    requirement::{Requirement, requirement},
};

/// A log of a chalice user that shows the event of a deleted connection.
const CHALICE: &str = "recorded event, chalice #2060; developer guide: it also follows ends by the server";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("ws.disconnect.event", RECORDED, event),
        requirement("ws.disconnect.without_a_code_is_1005", RECORDED, without_a_code_is_1005),
        requirement("ws.disconnect.has_the_clients_code", OVERVIEW, has_the_clients_code),
        requirement(
            "ws.disconnect.lost_connection_is_1006",
            OVERVIEW,
            lost_connection_is_1006,
        ),
        requirement("ws.disconnect.after_delete_is_1000", CHALICE, after_delete_is_1000),
        requirement("ws.disconnect.has_the_gateways_code", CHALICE, has_the_gateways_code),
        requirement(
            "ws.disconnect.follows_the_gateways_close_at_once",
            "RFC 6455, section 7.1.1: the server ends the TCP connection first",
            follows_the_gateways_close_at_once,
        ),
        requirement(
            "ws.disconnect.follows_the_clients_close_at_once",
            "RFC 6455, section 7.1.1: the server ends the TCP connection first",
            follows_the_clients_close_at_once,
        ),
        requirement(
            "ws.disconnect.only_after_a_connection",
            OVERVIEW,
            only_after_a_connection,
        ),
    ]
}

async fn event() -> Result<()> {
    let Connected { client, id, .. } = PLAIN.bench()?.connect().await?;
    client.close(None).await?;
    let event = PLAIN.bench()?.disconnected(&id).await?;
    has_exactly(
        &event,
        &["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"],
    )?;
    check_context(
        &event,
        "DISCONNECT",
        "$disconnect",
        &["disconnectStatusCode", "disconnectReason"],
    )?;
    let host = PLAIN.bench()?.socket_address();
    let stubs = json!({"Host": host, "x-api-key": "", "X-Forwarded-For": "", "x-restapi": ""});
    ensure!(event["headers"] == stubs, "{event}");
    let stubs = json!({"Host": [host], "x-api-key": [""], "X-Forwarded-For": [""], "x-restapi": [""]});
    ensure!(event["multiValueHeaders"] == stubs, "{event}");
    Ok(())
}

/// Code and reason of the `$disconnect` of a connection.
async fn told(id: &str) -> Result<(Value, Value)> {
    let mut context = PLAIN.bench()?.disconnected(id).await?["requestContext"].take();
    Ok((
        context["disconnectStatusCode"].take(),
        context["disconnectReason"].take(),
    ))
}

async fn without_a_code_is_1005() -> Result<()> {
    let Connected { client, id, .. } = PLAIN.bench()?.connect().await?;
    client.close(None).await?;
    ensure!(told(&id).await? == (json!(1005), json!("Client-side close frame status not set")));
    Ok(())
}

async fn has_the_clients_code() -> Result<()> {
    for (code, reason) in [(1001, ""), (1000, "bye"), (4321, "own")] {
        let Connected { client, id, .. } = PLAIN.bench()?.connect().await?;
        client.close(Some((code, reason))).await?;
        let told = told(&id).await?;
        ensure!(told == (json!(code), json!(reason)), "{told:?}");
    }
    Ok(())
}

async fn lost_connection_is_1006() -> Result<()> {
    let Connected { client, id, .. } = PLAIN.bench()?.connect().await?;
    client.vanish();
    ensure!(told(&id).await?.0 == 1006);
    Ok(())
}

async fn after_delete_is_1000() -> Result<()> {
    let Connected { mut client, id, .. } = PLAIN.bench()?.connect().await?;
    ensure!(PLAIN.bench()?.connections(Method::DELETE, &id, "").await?.status == 204);
    ensure!(client.close_code().await? == 1000);
    ensure!(told(&id).await? == (json!(1000), json!("Connection Closed Normally")));
    Ok(())
}

async fn has_the_gateways_code() -> Result<()> {
    for (message, code) in [
        (Message::binary(vec![0; 4]), 1003),
        (Message::text("x".repeat(40_000)), 1009),
    ] {
        let Connected { mut client, id, .. } = PLAIN.bench()?.connect().await?;
        client.send_message(message).await?;
        ensure!(client.close_code().await? == code);
        let told = told(&id).await?;
        ensure!(told.0 == code, "{told:?}");
    }
    Ok(())
}

/// How `$disconnect` follows the end of a connection whose client keeps its own half of the TCP connection. A gateway that waits for the
/// client waits for a second each time; one that doesn't may meet a slow machine now and then.
async fn follows_at_once(end: impl AsyncFn(&mut Connected) -> Result<()>) -> Result<()> {
    let mut lived = Vec::new();
    for _ in 0..5 {
        let mut connected = PLAIN.bench()?.connect().await?;
        end(&mut connected).await?;
        ensure!(connected.client.close_code().await? == 1000);
        let context = PLAIN.bench()?.disconnected(&connected.id).await?["requestContext"].take();
        let at = |key: &str| context[key].as_i64().unwrap_or_default();
        lived.push(at("requestTimeEpoch") - at("connectedAt"));
        if lived.last().is_some_and(|lived| *lived < 1_000) {
            return Ok(());
        }
    }
    anyhow::bail!("it lived for {lived:?} ms each time")
}

async fn follows_the_gateways_close_at_once() -> Result<()> {
    follows_at_once(async |connected| {
        let deleted = PLAIN.bench()?.connections(Method::DELETE, &connected.id, "").await?;
        ensure!(deleted.status == 204, "{deleted:?}");
        Ok(())
    })
    .await
}

async fn follows_the_clients_close_at_once() -> Result<()> {
    follows_at_once(async |connected| {
        let frame = CloseFrame {
            code: 1000.into(),
            reason: "".into(),
        };
        connected.client.send_message(Message::Close(Some(frame))).await
    })
    .await
}

async fn only_after_a_connection() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = crate::bench::mark();
    let steps = json!([{"answer": {"statusCode": 403}}]).to_string();
    let refused = bench
        .handshake("/stage", &[("X-Probe", &steps), ("X-Mark", &mark)])
        .await?;
    ensure!(refused.status == 403, "{refused:?}");
    let refused = crate::bench::id_of(&bench.marked(&mark).await?.event);
    // A connection that was made and ended later has had its own by now.
    let Connected { client, id, .. } = bench.connect().await?;
    client.close(None).await?;
    bench.disconnected(&id).await?;
    let of = |id: &str| {
        bench.recorder.events(|recorded| {
            let context = &recorded.event["requestContext"];
            context["eventType"] == "DISCONNECT" && context["connectionId"] == id
        })
    };
    ensure!(of(&refused).is_empty(), "a refused handshake has no $disconnect");
    ensure!(of(&id).len() == 1, "and a connection has one");
    Ok(())
}
