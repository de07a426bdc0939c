//! The WebSocket API: handshakes, messages and their routes, and how connections end.

mod close;
mod connect;
mod disconnect;
mod limits;
mod message;
mod selection;

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::requirement::Requirement;

/// Events of production systems, published in two repositories; they agree with the page on integration requests.
const RECORDED: &str = "recorded production events; developer guide, Set up a WebSocket API integration request";
/// What clients saw, published in several places.
const TRANSCRIPTS: &str = "public transcripts of clients; e2e suite of serverless-offline, run on AWS";
/// The page on quotas.
const QUOTAS: &str = "developer guide, Quotas for configuring and running a WebSocket API";
/// The page on the life of a connection, with the close codes.
const OVERVIEW: &str = "developer guide, Overview of WebSocket APIs";

/// What AWS does is not documented, and this is the stricter of what it may do.
const UNKNOWN: &str = "not documented; docs/local.md says what was chosen";

pub(crate) fn requirements() -> Vec<Requirement> {
    let all = [
        connect::requirements(),
        selection::requirements(),
        message::requirements(),
        limits::requirements(),
        disconnect::requirements(),
        close::requirements(),
    ];
    all.into_iter().flatten().collect()
}

/// What is in `requestContext` of every event.
const CONTEXT: [&str; 13] = [
    "apiId",
    "connectedAt",
    "connectionId",
    "domainName",
    "eventType",
    "extendedRequestId",
    "identity",
    "messageDirection",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "routeKey",
    "stage",
];

/// An object has these keys, and no others; nothing in it is null.
fn has_exactly(object: &Value, keys: &[&str]) -> Result<()> {
    let object = object.as_object().context("an object")?;
    let found: BTreeSet<&str> = object.keys().map(String::as_str).collect();
    let due: BTreeSet<&str> = keys.iter().copied().collect();
    ensure!(found == due, "{found:?} instead of {due:?}");
    ensure!(
        object.values().all(|value| !value.is_null()),
        "absent is not null: {object:?}"
    );
    Ok(())
}

/// The context has the keys of every event and these, and its values are of the kinds that were recorded.
fn check_context(event: &Value, kind: &str, route: &str, more: &[&str]) -> Result<()> {
    let context = &event["requestContext"];
    has_exactly(context, &[&CONTEXT, more].concat())?;
    ensure!(
        context["eventType"] == kind && context["routeKey"] == route,
        "{context}"
    );
    ensure!(
        context["stage"] == "stage" && context["messageDirection"] == "IN",
        "{context}"
    );
    for time in ["connectedAt", "requestTimeEpoch"] {
        ensure!(context[time].is_u64(), "{time} is a number of milliseconds: {context}");
    }
    let time = context["requestTime"].as_str().context("requestTime")?;
    let form = chrono::DateTime::parse_from_str(time, "%d/%b/%Y:%H:%M:%S %z");
    ensure!(form.is_ok_and(|time| time.to_string().ends_with("+00:00")), "{time}");
    has_exactly(&context["identity"], &["sourceIp"])?;
    ensure!(context["requestId"] == context["extendedRequestId"], "{context}");
    ensure!(event["isBase64Encoded"] == false, "{event}");
    for id in ["connectionId", "requestId"]
        .iter()
        .chain(more.iter().filter(|key| **key == "messageId"))
    {
        check_id(&context[*id])?;
    }
    Ok(())
}

/// Fifteen characters of base64url, and `=`.
fn check_id(id: &Value) -> Result<()> {
    let id = id.as_str().context("an id is text")?;
    let characters = id.strip_suffix('=').with_context(|| format!("no padding: {id}"))?;
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    ensure!(characters.len() == 15 && characters.bytes().all(is_base64url), "{id}");
    Ok(())
}
