//! Handshakes.

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::{Value, json};

use super::{RECORDED, TRANSCRIPTS, UNKNOWN, check_context, has_exactly};
use crate::{
    bench::{BARE, PLAIN, id_of, mark},
    client::KEY,
    requirement::{Requirement, requirement},
};

/// What wscat sees for each answer of `$connect`.
const WSCAT: &str = "recorded experiment with wscat on answers of $connect; agrees with the developer guide";
/// The page on subprotocols.
const SUBPROTOCOL: &str = "developer guide, Set up a $connect route that requires a WebSocket subprotocol";

/// What the proxy event of API Gateway has of a header that comes several times; the `$connect` event has the same two fields.
const REPEATED: &str =
    "developer guide, Input format of a Lambda function for proxy integration: headers, multiValueHeaders";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("ws.connect.event", RECORDED, event),
        requirement("ws.connect.event_has_the_query", RECORDED, event_has_the_query),
        requirement(
            "ws.connect.header_names_are_the_clients",
            RECORDED,
            header_names_are_the_clients,
        ),
        requirement(
            "ws.connect.user_agent_is_in_identity",
            RECORDED,
            user_agent_is_in_identity,
        ),
        requirement("ws.connect.status_passes_through", WSCAT, status_passes_through),
        requirement("ws.connect.failure_is_502", WSCAT, failure_is_502),
        requirement(
            "ws.connect.upgrade_waits_for_the_function",
            OVERVIEW,
            upgrade_waits_for_the_function,
        ),
        requirement("ws.connect.route_is_optional", OVERVIEW, route_is_optional),
        requirement("ws.connect.plain_request_is_426", TRANSCRIPTS, plain_request_is_426),
        requirement(
            "ws.connect.subprotocol_is_the_functions",
            SUBPROTOCOL,
            subprotocol_is_the_functions,
        ),
        requirement(
            "ws.connect.subprotocol_is_read_in_headers_alone",
            UNKNOWN,
            subprotocol_is_read_in_headers_alone,
        ),
        requirement(
            "ws.connect.subprotocol_is_not_echoed",
            SUBPROTOCOL,
            subprotocol_is_not_echoed,
        ),
        requirement(
            "ws.connect.subprotocols_arrive_as_one_header",
            SUBPROTOCOL,
            subprotocols_arrive_as_one_header,
        ),
        requirement(
            "ws.connect.repeated_header_lines_are_all_in_multi_value_headers",
            REPEATED,
            repeated_header_lines_are_all_in_multi_value_headers,
        ),
    ]
}

/// The page on `$connect` and `$disconnect`.
const OVERVIEW: &str = "developer guide, Manage connected users and client apps: $connect and $disconnect routes";

async fn event() -> Result<()> {
    let event = PLAIN.bench()?.connect().await?.event;
    has_exactly(
        &event,
        &["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"],
    )?;
    check_context(&event, "CONNECT", "$connect", &[])?;
    for (name, value) in event["headers"].as_object().context("headers")? {
        ensure!(event["multiValueHeaders"][name] == json!([value]), "{name}: {event}");
    }
    ensure!(event["headers"]["Sec-WebSocket-Key"] == KEY, "{event}");
    for name in [
        "Host",
        "Sec-WebSocket-Version",
        "X-Amzn-Trace-Id",
        "X-Forwarded-For",
        "X-Forwarded-Port",
        "X-Forwarded-Proto",
    ] {
        ensure!(event["headers"][name].is_string(), "{name}: {event}");
    }
    Ok(())
}

async fn event_has_the_query() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let handshake = bench
        .handshake("/stage?token=a%20b&token=c&empty=", &[("X-Mark", &mark)])
        .await?;
    ensure!(handshake.status == 101, "{handshake:?}");
    let event = bench.marked(&mark).await?.event;
    let single = json!({"token": "c", "empty": ""});
    let multi = json!({"token": ["a b", "c"], "empty": [""]});
    ensure!(event["queryStringParameters"] == single, "{event}");
    ensure!(event["multiValueQueryStringParameters"] == multi, "{event}");
    Ok(())
}

async fn header_names_are_the_clients() -> Result<()> {
    let connected = PLAIN
        .bench()?
        .connect_with(&[("X-mIxEd-Case", "1"), ("x-lower", "2")])
        .await?;
    let headers = &connected.event["headers"];
    ensure!(headers["X-mIxEd-Case"] == "1" && headers["x-lower"] == "2", "{headers}");
    Ok(())
}

async fn user_agent_is_in_identity() -> Result<()> {
    let connected = PLAIN.bench()?.connect_with(&[("User-Agent", "probe/1")]).await?;
    let identity = &connected.event["requestContext"]["identity"];
    ensure!(
        *identity == json!({"sourceIp": "127.0.0.1", "userAgent": "probe/1"}),
        "{identity}"
    );
    Ok(())
}

async fn status_passes_through() -> Result<()> {
    let bench = PLAIN.bench()?;
    for (answered, seen) in [(200, 101), (201, 101), (301, 301), (400, 400), (401, 401), (501, 501)] {
        let status = status(&json!([{"answer": {"statusCode": answered}}])).await?;
        ensure!(status == seen, "{answered} gives {status}");
    }
    ensure!(bench.handshake("/stage", &[]).await?.status == 101);
    Ok(())
}

async fn failure_is_502() -> Result<()> {
    for step in [
        json!({"throw": "no"}),
        json!({"panic": "no"}),
        json!({"exit": 1}),
        json!({"answer": "no object"}),
        json!({"answer": {}}),
    ] {
        let status = status(&json!([step])).await?;
        ensure!(status == 502, "{step} gives {status}");
    }
    Ok(())
}

/// The status of a handshake whose `$connect` does these steps.
async fn status(steps: &Value) -> Result<u16> {
    let handshake = PLAIN
        .bench()?
        .handshake("/stage", &[("X-Probe", &steps.to_string())])
        .await?;
    Ok(handshake.status)
}

async fn upgrade_waits_for_the_function() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let (steps, header) = (json!([{"gate": mark}]).to_string(), mark.clone());
    let handshake = tokio::spawn(async move {
        bench
            .handshake("/stage", &[("X-Probe", &steps), ("X-Mark", &header)])
            .await
    });
    let id = id_of(&bench.marked(&mark).await?.event);
    // A whole exchange with the gateway later, there is still no answer.
    bench.connections(Method::GET, &id, "").await?;
    ensure!(!handshake.is_finished(), "the upgrade did not wait for $connect");
    bench.recorder.open(&mark);
    ensure!(handshake.await??.status == 101);
    Ok(())
}

async fn route_is_optional() -> Result<()> {
    ensure!(BARE.bench()?.handshake("/stage", &[]).await?.status == 101);
    Ok(())
}

async fn plain_request_is_426() -> Result<()> {
    let bench = PLAIN.bench()?;
    let request = tests::Request {
        path: "/stage".to_owned(),
        ..Default::default()
    };
    let reply = bench.at_connections(request).await?;
    ensure!(reply.status == 426, "{reply:?}");
    Ok(())
}

/// The subprotocol that is named to a client that offers two, when `$connect` answers with these parts.
async fn named(parts: Value) -> Result<Option<String>> {
    let mut answer = parts;
    answer["statusCode"] = json!(200);
    let steps = json!([{"answer": answer}]).to_string();
    let headers = [("Sec-WebSocket-Protocol", "first, second"), ("X-Probe", steps.as_str())];
    let handshake = PLAIN.bench()?.handshake("/stage", &headers).await?;
    ensure!(handshake.status == 101, "{handshake:?}");
    Ok(handshake.header("Sec-WebSocket-Protocol").map(str::to_owned))
}

async fn subprotocol_is_the_functions() -> Result<()> {
    for name in ["Sec-WebSocket-Protocol", "sec-websocket-protocol"] {
        let named = named(json!({"headers": {name: "second"}})).await?;
        ensure!(named.as_deref() == Some("second"), "{named:?}");
    }
    Ok(())
}

async fn subprotocol_is_read_in_headers_alone() -> Result<()> {
    let named = named(json!({"multiValueHeaders": {"Sec-WebSocket-Protocol": ["second"]}})).await?;
    ensure!(named.is_none(), "{named:?}");
    Ok(())
}

async fn subprotocol_is_not_echoed() -> Result<()> {
    ensure!(named(json!({})).await?.is_none());
    Ok(())
}

async fn subprotocols_arrive_as_one_header() -> Result<()> {
    let event = PLAIN
        .bench()?
        .connect_with(&[("Sec-WebSocket-Protocol", "first, second")])
        .await?
        .event;
    ensure!(event["headers"]["Sec-WebSocket-Protocol"] == "first, second", "{event}");
    ensure!(
        event["multiValueHeaders"]["Sec-WebSocket-Protocol"] == json!(["first, second"]),
        "{event}"
    );
    Ok(())
}

async fn repeated_header_lines_are_all_in_multi_value_headers() -> Result<()> {
    let lines = [
        ("Sec-WebSocket-Protocol", "first, second"),
        ("X-Twice", "a"),
        ("Sec-WebSocket-Protocol", "third"),
        ("X-Twice", "b"),
    ];
    let event = PLAIN.bench()?.connect_with(&lines).await?.event;
    for (name, last, all) in [
        ("Sec-WebSocket-Protocol", "third", json!(["first, second", "third"])),
        ("X-Twice", "b", json!(["a", "b"])),
    ] {
        ensure!(event["headers"][name] == last, "{event}");
        ensure!(event["multiValueHeaders"][name] == all, "{event}");
    }
    Ok(())
}
