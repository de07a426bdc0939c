//! Which route a message takes.

use anyhow::{Result, ensure};
use serde_json::{Value, json};

use super::{RECORDED, UNKNOWN};
use crate::{
    bench::{BARE, PLAIN, mark},
    requirement::{Requirement, requirement},
};

/// The longest frame, in bytes.
const FRAME: usize = 32 * 1024;
/// The page on selection expressions.
const SELECTION: &str = "developer guide, Route selection expressions for WebSocket APIs";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("ws.route.key_selects", SELECTION, key_selects),
        requirement(
            "ws.route.several_values_make_a_key",
            SELECTION,
            several_values_make_a_key,
        ),
        requirement("ws.route.missing_value_is_empty", SELECTION, missing_value_is_empty),
        requirement(
            "ws.route.other_values_are_written_out",
            SELECTION,
            other_values_are_written_out,
        ),
        requirement(
            "ws.route.unknown_key_takes_the_default",
            SELECTION,
            unknown_key_takes_the_default,
        ),
        requirement(
            "ws.route.not_json_takes_the_default",
            SELECTION,
            not_json_takes_the_default,
        ),
        requirement(
            "ws.route.deep_json_takes_the_default",
            UNKNOWN,
            deep_json_takes_the_default,
        ),
        requirement(
            "ws.route.dollar_keys_are_no_custom_keys",
            SELECTION,
            dollar_keys_are_no_custom_keys,
        ),
        requirement("ws.route.broken_json_may_select", RECORDED, broken_json_may_select),
    ]
}

/// The route and the function that a message reaches.
async fn reached(message: &str) -> Result<(Value, String)> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let id = connected.id.clone();
    connected.client.send(message).await?;
    let recorded = bench.recorder.event("the message", |recorded| {
        let context = &recorded.event["requestContext"];
        context["connectionId"] == id.as_str() && context["eventType"] == "MESSAGE"
    });
    let recorded = recorded.await?;
    ensure!(
        recorded.event["body"] == message,
        "the body is another: {}",
        recorded.event
    );
    Ok((recorded.event["requestContext"]["routeKey"].clone(), recorded.function))
}

/// Each message reaches this route, and with it its function.
async fn each_reaches(messages: &[&str], route: &str, function: &str) -> Result<()> {
    for message in messages {
        let reached = reached(message).await?;
        ensure!(
            reached == (json!(route), function.to_owned()),
            "{message} reaches {reached:?}"
        );
    }
    Ok(())
}

async fn key_selects() -> Result<()> {
    each_reaches(&[r#"{"action":"oneway"}"#], "oneway", "OneWay").await?;
    each_reaches(&[r#"{"action": "twoway", "other": 1}"#], "twoway", "TwoWay").await
}

async fn several_values_make_a_key() -> Result<()> {
    let mut client = BARE.bench()?.handshake("/stage", &[]).await?.open()?;
    let mark = mark();
    let message = json!({"service": "chat", "action": {"name": "echo"}, "mark": mark}).to_string();
    client.send(message).await?;
    let recorded = BARE.bench()?.message(&mark).await?;
    ensure!(
        recorded.event["requestContext"]["routeKey"] == "chat/echo",
        "{recorded:?}"
    );
    Ok(())
}

async fn missing_value_is_empty() -> Result<()> {
    let mut client = BARE.bench()?.handshake("/stage", &[]).await?.open()?;
    let mark = mark();
    client.send(json!({"mark": mark, "action": {}}).to_string()).await?;
    let recorded = BARE.bench()?.message(&mark).await?;
    ensure!(recorded.event["requestContext"]["routeKey"] == "/", "{recorded:?}");
    Ok(())
}

async fn other_values_are_written_out() -> Result<()> {
    each_reaches(&[r#"{"action":7}"#], "7", "OneWay").await?;
    each_reaches(&[r#"{"action":true}"#], "true", "OneWay").await
}

async fn unknown_key_takes_the_default() -> Result<()> {
    each_reaches(
        &[r#"{"action":"nowhere"}"#, r#"{"action":""}"#, "{}", "[1]", "7"],
        "$default",
        "Default",
    )
    .await
}

async fn not_json_takes_the_default() -> Result<()> {
    each_reaches(&["", "hello", r#"{"action":"oneway""#], "$default", "Default").await
}

/// A client must not choose how deep the gateway's stack goes.
async fn deep_json_takes_the_default() -> Result<()> {
    let (lists, objects) = ("[".repeat(FRAME), r#"{"a":"#.repeat(FRAME / 5));
    each_reaches(&[&lists, &objects], "$default", "Default").await
}

async fn dollar_keys_are_no_custom_keys() -> Result<()> {
    each_reaches(
        &[r#"{"action":"$connect"}"#, r#"{"action":"$disconnect"}"#],
        "$default",
        "Default",
    )
    .await
}

async fn broken_json_may_select() -> Result<()> {
    each_reaches(&[r#"{"action":"oneway", body:"hello"}"#], "oneway", "OneWay").await
}
