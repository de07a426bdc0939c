//! Messages: what the function is told, and what the client is.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::until;

use super::{RECORDED, TRANSCRIPTS, UNKNOWN, check_context, check_id, has_exactly};
use crate::{
    bench::{BARE, Connected, PLAIN, frame, mark},
    requirement::{Requirement, requirement},
};

/// The page on answers.
const RESPONSES: &str = "developer guide, Set up a WebSocket API route response";
/// The experiment on what a message's function may answer.
const WSCAT: &str = "recorded experiment with wscat on answers of message routes";
/// The page on what is not promised.
const ORDER: &str = "developer guide, Overview of WebSocket APIs: answers come asynchronously, in no promised order";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("ws.message.event", RECORDED, event),
        requirement("ws.message.one_way_answers_nothing", RESPONSES, one_way_answers_nothing),
        requirement(
            "ws.message.one_way_ignores_the_status",
            WSCAT,
            one_way_ignores_the_status,
        ),
        requirement("ws.message.two_way_sends_the_body", RESPONSES, two_way_sends_the_body),
        requirement(
            "ws.message.two_way_needs_a_route_response",
            RESPONSES,
            two_way_needs_a_route_response,
        ),
        requirement(
            "ws.message.two_way_fails_with_its_status",
            UNKNOWN,
            two_way_fails_with_its_status,
        ),
        requirement("ws.message.run_side_by_side", ORDER, run_side_by_side),
        requirement(
            "ws.error.forbidden_without_a_route",
            TRANSCRIPTS,
            forbidden_without_a_route,
        ),
        requirement("ws.error.internal_server_error", WSCAT, internal_server_error),
        requirement("ws.error.functions_own_timeout", TRANSCRIPTS, functions_own_timeout),
        requirement(
            "ws.error.endpoint_request_timed_out",
            TRANSCRIPTS,
            endpoint_request_timed_out,
        ),
        requirement("ws.error.spacing", TRANSCRIPTS, spacing),
    ]
}

async fn event() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let event: Value = connected.client.ask(frame("twoway", &json!([{"echo": 200}]))).await?;
    has_exactly(&event, &["requestContext", "body", "isBase64Encoded"])?;
    check_context(&event, "MESSAGE", "twoway", &["messageId"])?;
    let (before, now) = (&connected.event["requestContext"], &event["requestContext"]);
    for same in ["connectionId", "connectedAt", "domainName", "apiId", "identity"] {
        ensure!(now[same] == before[same], "{same} changed: {now}");
    }
    ensure!(
        now["requestId"] != before["requestId"] && now["messageId"] != now["requestId"],
        "{now}"
    );
    Ok(())
}

/// Everything that the client gets until the end, after these messages have all been worked on.
async fn all_that_comes(messages: &[String]) -> Result<Vec<String>> {
    let bench = PLAIN.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    for message in messages {
        client.send(message.clone()).await?;
    }
    until("every message has reached its function", async || {
        let reached = bench
            .recorder
            .events(|recorded| is_message_of(&recorded.event, &id))
            .len();
        Ok((reached == messages.len()).then_some(()))
    })
    .await?;
    // An exchange later the functions have answered, too.
    client
        .send(frame(
            "twoway",
            &json!([{"answer": {"statusCode": 200, "body": "last"}}]),
        ))
        .await?;
    let mut came = vec![client.text().await?];
    ensure!(bench.connections(Method::DELETE, &id, "").await?.status == 204);
    while let Ok(text) = client.text().await {
        came.push(text);
    }
    came.retain(|text| text != "last");
    Ok(came)
}

fn is_message_of(event: &Value, id: &str) -> bool {
    let context = &event["requestContext"];
    context["connectionId"] == id && context["eventType"] == "MESSAGE"
}

async fn one_way_answers_nothing() -> Result<()> {
    let answer = json!([{"answer": {"statusCode": 200, "body": "\"dropped\""}}]);
    let came = all_that_comes(&[frame("oneway", &answer)]).await?;
    ensure!(came.is_empty(), "{came:?}");
    Ok(())
}

async fn one_way_ignores_the_status() -> Result<()> {
    let messages = [200, 201, 301, 401, 500, 501]
        .map(|status| frame("oneway", &json!([{"answer": {"statusCode": status, "body": "x"}}])));
    let came = all_that_comes(&messages).await?;
    ensure!(came.is_empty(), "{came:?}");
    Ok(())
}

async fn two_way_sends_the_body() -> Result<()> {
    let mut connected = PLAIN.bench()?.connect().await?;
    let steps = json!([{"answer": {"statusCode": 200, "headers": {"X": "dropped"}, "body": "any text"}}]);
    connected.client.send(frame("twoway", &steps)).await?;
    ensure!(connected.client.text().await? == "any text");
    Ok(())
}

async fn two_way_needs_a_route_response() -> Result<()> {
    let answer = json!([{"answer": {"statusCode": 200, "body": "\"dropped\""}}]);
    let came = all_that_comes(&[frame("halfway", &answer)]).await?;
    ensure!(came.is_empty(), "{came:?}");
    Ok(())
}

async fn two_way_fails_with_its_status() -> Result<()> {
    let Connected { mut client, id, .. } = PLAIN.bench()?.connect().await?;
    for status in [301, 400, 500] {
        let steps = json!([{"answer": {"statusCode": status, "body": "dropped"}}]);
        check_problem(
            &client.ask(frame("twoway", &steps)).await?,
            "Internal server error",
            Some(&id),
        )?;
    }
    Ok(())
}

async fn run_side_by_side() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let gate = mark();
    let answer = |text: &str| json!({"answer": {"statusCode": 200, "body": text}});
    let slow = json!([{"gate": gate}, answer("slow")]);
    connected.client.send(frame("twoway", &slow)).await?;
    connected
        .client
        .send(frame("twoway", &json!([answer("quick")])))
        .await?;
    ensure!(
        connected.client.text().await? == "quick",
        "the second waited for the first"
    );
    bench.recorder.open(&gate);
    ensure!(connected.client.text().await? == "slow");
    Ok(())
}

/// An error frame with this message for the connection, and nothing else in it.
fn check_problem(problem: &Value, message: &str, id: Option<&str>) -> Result<()> {
    has_exactly(problem, &["message", "connectionId", "requestId"])?;
    ensure!(problem["message"] == message, "{problem}");
    check_id(&problem["connectionId"])?;
    ensure!(id.is_none_or(|id| problem["connectionId"] == id), "{problem}");
    check_id(&problem["requestId"])
}

async fn forbidden_without_a_route() -> Result<()> {
    let mut client = BARE.bench()?.handshake("/stage", &[]).await?.open()?;
    for message in ["{\"service\":\"none\"}", "not json"] {
        check_problem(&client.ask(message).await?, "Forbidden", None)?;
    }
    // And it stays open.
    let steps = json!([{"answer": {"statusCode": 200}}]);
    client
        .send(json!({"service": "chat", "action": {"name": "echo"}, "probe": steps}).to_string())
        .await?;
    check_problem(&client.ask("{}x").await?, "Forbidden", None)
}

async fn internal_server_error() -> Result<()> {
    let Connected { mut client, id, .. } = PLAIN.bench()?.connect().await?;
    let failures = [
        json!({"throw": "no"}),
        json!({"panic": "no"}),
        json!({"exit": 1}),
        json!({"answer": "no object"}),
    ];
    for route in ["oneway", "twoway"] {
        for step in &failures {
            let problem = client.ask(frame(route, &json!([step]))).await?;
            check_problem(&problem, "Internal server error", Some(&id))?;
        }
    }
    Ok(())
}

async fn functions_own_timeout() -> Result<()> {
    let Connected { mut client, id, .. } = PLAIN.bench()?.connect().await?;
    let problem = client.ask(frame("hasty", &json!([{"gate": "never"}]))).await?;
    check_problem(&problem, "Internal server error", Some(&id))
}

async fn endpoint_request_timed_out() -> Result<()> {
    let bench = PLAIN.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    let gate = mark();
    let problem = client.ask(frame("quick", &json!([{"gate": gate}]))).await?;
    check_problem(&problem, "Endpoint request timed out", Some(&id))?;
    bench.recorder.open(&gate);
    // It stays open, and what the function answers too late is not sent.
    client
        .send(frame(
            "twoway",
            &json!([{"answer": {"statusCode": 200, "body": "next"}}]),
        ))
        .await?;
    ensure!(client.text().await? == "next");
    Ok(())
}

async fn spacing() -> Result<()> {
    let Connected { mut client, id, .. } = PLAIN.bench()?.connect().await?;
    client.send(frame("twoway", &json!([{"throw": "no"}]))).await?;
    let text = client.text().await?;
    let problem: Value = serde_json::from_str(&text)?;
    let request = &problem["requestId"];
    let due = format!(r#"{{"message": "Internal server error", "connectionId":"{id}", "requestId":{request}}}"#);
    ensure!(text == due, "{text}");
    Ok(())
}
