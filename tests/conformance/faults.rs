//! Faults: each happens when it is asked for, is counted, and leaves the rest as it was.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::until;

use crate::{
    bench::{Bench, Connected, frame},
    requirement::{Requirement, requirement},
};

/// What these rest on: nothing of AWS, but our own promise.
const OURS: &str = "docs/local.md";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("fault.push_throttled", OURS, push_throttled),
        requirement("fault.push_full", OURS, push_full),
        requirement("fault.push_failed", OURS, push_failed),
        requirement("fault.push_gone", OURS, push_gone),
        requirement("fault.push_latency", OURS, push_latency),
        requirement("fault.push_late", OURS, push_late),
        requirement("fault.disconnect_lost", OURS, disconnect_lost),
        requirement("fault.kill", OURS, kill),
        requirement("fault.function_late", OURS, function_late),
        requirement("fault.kill_outruns_the_answer", OURS, kill_outruns_the_answer),
        requirement("fault.plan_is_replaced_at_run_time", OURS, plan_is_replaced_at_run_time),
        requirement("fault.unknown_is_refused", OURS, unknown_is_refused),
        requirement("fault.cut_is_a_reset", OURS, cut_is_a_reset),
        requirement("fault.cut_takes_its_share", OURS, cut_takes_its_share),
    ]
}

/// A stack of the test's own, with these faults.
fn with_faults(faults: &[&str]) -> Result<Bench> {
    let flags: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", *fault]).collect();
    tokio::task::block_in_place(|| Bench::start("template.yaml", &flags))
}

/// How often a fault has happened.
async fn injected(bench: &Bench, fault: &str) -> Result<Value> {
    let (_, mut told) = bench.stack.control(Method::GET, "/faults", &json!({})).await?;
    Ok(told["injected"][fault].take())
}

/// With the fault every push has this status and type; without it the connection is as good as before.
async fn push_is(fault: &str, status: u16, kind: &str) -> Result<()> {
    let bench = with_faults(&[&format!("{fault}=1")])?;
    let mut connected = bench.connect().await?;
    let reply = bench.connections(Method::POST, &connected.id, "lost").await?;
    ensure!(
        reply.status == status && reply.header("x-amzn-ErrorType") == kind,
        "{reply:?}"
    );
    ensure!(reply.json()["message"].is_string(), "{reply:?}");
    ensure!(injected(&bench, fault).await? == 1);
    let (status, told) = bench.stack.control(Method::PUT, "/faults", &json!({})).await?;
    ensure!(status == 200 && told["faults"] == json!({}), "{told}");
    ensure!(bench.connections(Method::POST, &connected.id, "next").await?.status == 200);
    ensure!(connected.client.text().await? == "next");
    Ok(())
}

async fn push_throttled() -> Result<()> {
    push_is("push-throttled", 429, "LimitExceededException").await
}

async fn push_full() -> Result<()> {
    push_is("push-full", 429, "LimitExceededException").await
}

async fn push_failed() -> Result<()> {
    push_is("push-failed", 500, "InternalServerErrorException").await
}

async fn push_gone() -> Result<()> {
    push_is("push-gone", 410, "GoneException").await
}

async fn push_latency() -> Result<()> {
    let bench = with_faults(&["push-latency=200..210"])?;
    let mut connected = bench.connect().await?;
    let asked = Instant::now();
    ensure!(bench.connections(Method::POST, &connected.id, "slow").await?.status == 200);
    ensure!(asked.elapsed() >= Duration::from_millis(200), "{:?}", asked.elapsed());
    ensure!(connected.client.text().await? == "slow");
    ensure!(injected(&bench, "push-latency").await? == 1);
    Ok(())
}

async fn push_late() -> Result<()> {
    let bench = with_faults(&["push-late=1", "push-late-by=300"])?;
    let mut connected = bench.connect().await?;
    let asked = Instant::now();
    ensure!(bench.connections(Method::POST, &connected.id, "late").await?.status == 200);
    // What is sent afterwards need not wait for it.
    bench.stack.control(Method::PUT, "/faults", &json!({})).await?;
    ensure!(bench.connections(Method::POST, &connected.id, "in time").await?.status == 200);
    let texts = [connected.client.text().await?, connected.client.text().await?];
    ensure!(
        texts.contains(&"late".to_owned()) && texts.contains(&"in time".to_owned()),
        "{texts:?}"
    );
    ensure!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    ensure!(injected(&bench, "push-late").await? == 1);
    Ok(())
}

async fn disconnect_lost() -> Result<()> {
    let bench = with_faults(&["disconnect-lost=1"])?;
    let Connected { client, id, .. } = bench.connect().await?;
    client.close(None).await?;
    until("the fault has happened", async || {
        Ok((injected(&bench, "disconnect-lost").await? == 1).then_some(()))
    })
    .await?;
    let told = bench.recorder.events(|recorded| {
        recorded.function == "Disconnect" && recorded.event["requestContext"]["connectionId"] == id.as_str()
    });
    ensure!(told.is_empty(), "{told:?}");
    ensure!(bench.connections(Method::GET, &id, "").await?.status == 410);
    Ok(())
}

async fn function_late() -> Result<()> {
    let bench = with_faults(&["function-late=300"])?;
    let asked = Instant::now();
    let reply = bench.invoke("OneWay", &[], &json!({"probe": []}).to_string()).await?;
    ensure!(reply.status == 200, "{reply:?}");
    ensure!(asked.elapsed() >= Duration::from_millis(300), "{:?}", asked.elapsed());
    ensure!(injected(&bench, "function-late").await? == 1);
    Ok(())
}

async fn kill() -> Result<()> {
    let bench = with_faults(&[])?;
    let mut client = bench.connect().await?.client;
    bench.stack.control(Method::PUT, "/faults", &json!({"kill": 1})).await?;
    // It would work for ever.
    let problem = client.ask(frame("twoway", &json!([{"gate": "never"}]))).await?;
    ensure!(problem["message"] == "Internal server error", "{problem}");
    ensure!(injected(&bench, "kill").await? == 1);
    bench.stack.control(Method::PUT, "/faults", &json!({})).await?;
    client
        .send(frame(
            "twoway",
            &json!([{"answer": {"statusCode": 200, "body": "next"}}]),
        ))
        .await?;
    ensure!(client.text().await? == "next");
    Ok(())
}

async fn plan_is_replaced_at_run_time() -> Result<()> {
    let bench = with_faults(&["push-gone=1", "push-latency=1..2"])?;
    let (_, before) = bench.stack.control(Method::GET, "/faults", &json!({})).await?;
    ensure!(
        before["faults"] == json!({"push-gone": 1.0, "push-latency": "1..2"}),
        "{before}"
    );
    ensure!(before["seed"].is_u64(), "{before}");
    let plan = json!({"push-throttled": 0.5, "push-late-by": "10..20"});
    let (status, after) = bench.stack.control(Method::PUT, "/faults", &plan).await?;
    ensure!(status == 200 && after["faults"] == plan, "{after}");
    Ok(())
}

async fn unknown_is_refused() -> Result<()> {
    let bench = with_faults(&["push-gone=1"])?;
    for plan in [
        json!({"push-nowhere": 1}),
        json!({"push-gone": 2}),
        json!({"push-latency": "fast"}),
        json!(7),
    ] {
        let (status, told) = bench.stack.control(Method::PUT, "/faults", &plan).await?;
        ensure!(status == 400 && told["message"].is_string(), "{plan}: {told}");
    }
    let (_, told) = bench.stack.control(Method::GET, "/faults", &json!({})).await?;
    ensure!(told["faults"] == json!({"push-gone": 1.0}), "{told}");
    Ok(())
}

async fn cut_is_a_reset() -> Result<()> {
    let bench = with_faults(&[])?;
    let mut connected = bench.connect().await?;
    let (status, told) = bench
        .stack
        .control(Method::POST, "/connections/cut", &json!({"fraction": 1}))
        .await?;
    ensure!((status, &told) == (200, &json!({"cut": 1})), "{told}");
    let error = connected.client.failure().await?;
    ensure!(error.kind() == std::io::ErrorKind::ConnectionReset, "{error:?}");
    let context = bench.disconnected(&connected.id).await?["requestContext"].take();
    ensure!(context["disconnectStatusCode"] == 1006, "{context}");
    ensure!(injected(&bench, "cut").await? == 1);
    Ok(())
}

async fn cut_takes_its_share() -> Result<()> {
    let bench = with_faults(&[])?;
    let mut connected = Vec::new();
    for _ in 0..6 {
        connected.push(bench.connect().await?);
    }
    let (_, told) = bench
        .stack
        .control(Method::POST, "/connections/cut", &json!({"fraction": 0.5}))
        .await?;
    ensure!(told == json!({"cut": 3}), "{told}");
    let mut open = 0;
    for connected in &mut connected {
        if bench.connections(Method::POST, &connected.id, "x").await?.status == 200 {
            ensure!(connected.client.text().await? == "x");
            open += 1;
        }
    }
    ensure!(open == 3, "{open} are open");
    Ok(())
}

async fn kill_outruns_the_answer() -> Result<()> {
    let bench = with_faults(&[])?;
    let steps = json!([{"context": 0}]);
    let before = bench.steps("Mortal", &steps).await?;
    bench.stack.control(Method::PUT, "/faults", &json!({"kill": 1})).await?;
    for _ in 0..3 {
        let killed = bench.steps("Mortal", &steps).await?;
        ensure!(killed["errorType"] == "Runtime.ExitError", "{killed}");
        let message = killed["errorMessage"].as_str().unwrap_or_default();
        ensure!(
            message.ends_with("Runtime exited with error: signal: killed"),
            "{killed}"
        );
    }
    let reply = bench.http(Bench::request(Method::GET, "/fixed", &json!([]))).await?;
    ensure!(reply.status == 500, "{reply:?}");
    ensure!(injected(&bench, "kill").await? == 4);
    bench.stack.control(Method::PUT, "/faults", &json!({})).await?;
    let after = bench.steps("Mortal", &steps).await?;
    ensure!(after["pid"].is_number() && after["pid"] != before["pid"], "{after}");
    Ok(())
}
