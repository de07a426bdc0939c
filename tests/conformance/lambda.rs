//! Lambda: how functions are started, given their requests, and ended.

use std::{collections::BTreeSet, fs, time::Duration};

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use http::Method;
use serde_json::{Value, json};
use tests::PATIENCE;
use tokio::time::timeout;

use crate::{
    bench::{Bench, COLD, FROZEN, PLAIN, mark},
    recorder::Recorded,
    requirement::{Requirement, Skipped, requirement},
};

/// The page on the Runtime API.
const RUNTIME_API: &str = "Lambda developer guide, Using the Lambda runtime API for custom runtimes";
/// The page on what a process is and when it is stopped.
const ENVIRONMENT: &str = "Lambda developer guide, Understanding the Lambda execution environment lifecycle";
/// The page on reserved concurrency.
const CONCURRENCY: &str = "Lambda developer guide, Understanding Lambda function scaling";
/// The page on what an HTTP API makes of a function's failure.
const TROUBLES: &str = "API Gateway developer guide, Troubleshooting issues with HTTP API Lambda integrations";
/// The page on streamed answers.
const STREAMING: &str = "Lambda developer guide, Building a custom runtime for AWS Lambda, response streaming";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement(
            "lambda.name.is_the_functions_own",
            RUNTIME_API,
            name_is_the_functions_own,
        ),
        requirement("lambda.context.is_told", RUNTIME_API, context_is_told),
        requirement("lambda.trace.is_the_gateways", RUNTIME_API, trace_is_the_gateways),
        requirement("lambda.process.is_used_again", ENVIRONMENT, process_is_used_again),
        requirement(
            "lambda.process.one_request_at_a_time",
            ENVIRONMENT,
            one_request_at_a_time,
        ),
        requirement("lambda.error.becomes_500", TROUBLES, error_becomes_500),
        requirement("lambda.error.keeps_the_process", RUNTIME_API, error_keeps_the_process),
        requirement("lambda.exit.becomes_500", TROUBLES, exit_becomes_500),
        requirement(
            "lambda.exit.next_request_gets_a_new_process",
            ENVIRONMENT,
            exit_is_replaced,
        ),
        requirement("lambda.init.error_becomes_500", TROUBLES, init_error_becomes_500),
        requirement("lambda.init.error_is_reported", RUNTIME_API, init_error_is_reported),
        requirement("lambda.timeout.is_the_templates", ENVIRONMENT, timeout_is_the_templates),
        requirement("lambda.timeout.becomes_500", TROUBLES, timeout_becomes_500),
        requirement(
            "lambda.throttle.beyond_the_reservation",
            CONCURRENCY,
            throttled_beyond_the_reservation,
        ),
        requirement("lambda.throttle.becomes_503", TROUBLES, throttle_becomes_503),
        requirement("lambda.answer.too_large_is_an_error", "Lambda quotas", answer_too_large),
        requirement("lambda.stream.is_answered_whole", STREAMING, stream_is_answered_whole),
        requirement("lambda.runtime.wrong_request_id_is_400", RUNTIME_API, wrong_request_id),
        requirement(
            "lambda.runtime.init_error_after_init_is_403",
            RUNTIME_API,
            init_error_after_init,
        ),
        requirement("lambda.runtime.unknown_call_is_404", RUNTIME_API, unknown_call),
        requirement("lambda.freeze.between_requests", ENVIRONMENT, frozen_between_requests),
        requirement(
            "lambda.cold.every_request_a_new_process",
            ENVIRONMENT,
            every_request_a_new_process,
        ),
    ]
}

async fn name_is_the_functions_own() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let request = Bench::request(Method::GET, &format!("/fixed?{mark}"), &json!([]));
    bench.http(request).await?;
    let recorded = bench
        .recorder
        .events(|recorded| recorded.event["rawQueryString"] == mark);
    ensure!(
        recorded.iter().all(|recorded| recorded.function == "Http"),
        "{recorded:?}"
    );
    ensure!(recorded.len() == 1, "{recorded:?}");
    Ok(())
}

/// What Lambda tells a function of its request.
async fn context(bench: &Bench, function: &str) -> Result<Value> {
    bench.steps(function, &json!([{"context": 0}])).await
}

async fn context_is_told() -> Result<()> {
    let before = local::aws::clock::now_ms();
    let context = context(PLAIN.bench()?, "OneWay").await?;
    let after = local::aws::clock::now_ms();
    let deadline = context["deadlineMs"].as_i64().context("a deadline")?;
    // The template's timeout is 25 seconds.
    ensure!((before + 25_000..=after + 25_000).contains(&deadline), "{context}");
    ensure!(
        context["arn"] == "arn:aws:lambda:us-east-1:123456789012:function:OneWay",
        "{context}"
    );
    ensure!(
        context["requestId"].as_str().is_some_and(|id| id.len() == 36),
        "{context}"
    );
    ensure!(
        context["version"] == "$LATEST" && context["memoryMb"] == 128,
        "{context}"
    );
    Ok(())
}

async fn trace_is_the_gateways() -> Result<()> {
    let steps = json!([{"context": 0}]);
    let reply = PLAIN
        .bench()?
        .http(Bench::request(Method::GET, "/fixed", &steps))
        .await?
        .json();
    let trace = reply["traceId"].as_str().context("a trace")?;
    let parts: Vec<&str> = trace.split(';').collect();
    let [root, parent, sampled] = parts.as_slice() else {
        anyhow::bail!("{trace}")
    };
    ensure!(root.starts_with("Root=1-") && root.len() == "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700".len());
    ensure!(parent.starts_with("Parent=") && parent.len() == "Parent=9a9197af755a6419".len());
    ensure!(sampled.starts_with("Sampled="));
    Ok(())
}

async fn process_is_used_again() -> Result<()> {
    let bench = PLAIN.bench()?;
    // Nobody else asks this function.
    let first = context(bench, "Reused").await?["pid"].clone();
    ensure!(first.is_number());
    for _ in 0..3 {
        ensure!(context(bench, "Reused").await?["pid"] == first);
    }
    Ok(())
}

async fn one_request_at_a_time() -> Result<()> {
    let bench = PLAIN.bench()?;
    let gates: Vec<String> = (0..3).map(|_| mark()).collect();
    let held = gates.iter().map(|gate| async move {
        let steps = json!([{"gate": gate}, {"context": 0}]);
        bench.steps("OneWay", &steps).await
    });
    let opened = async {
        for gate in &gates {
            arrived(bench, gate).await?;
        }
        for gate in &gates {
            bench.recorder.open(gate);
        }
        Ok(())
    };
    let (answers, ()) = tokio::try_join!(try_join_all(held), opened)?;
    let processes: BTreeSet<_> = answers.iter().map(|answer| answer["pid"].as_u64()).collect();
    ensure!(processes.len() == 3, "{answers:?}");
    Ok(())
}

/// Waits until a function that was asked by Invoke is at this gate.
async fn arrived(bench: &Bench, gate: &str) -> Result<()> {
    let at_gate = |recorded: &Recorded| recorded.event["probe"][0]["gate"] == gate;
    bench.recorder.event("the request that waits", at_gate).await?;
    Ok(())
}

/// The function behind `path` does these steps; the client gets this status and API Gateway's own words.
async fn fails(path: &str, steps: Value, status: u16, words: &str) -> Result<()> {
    let reply = PLAIN.bench()?.http(Bench::request(Method::GET, path, &steps)).await?;
    ensure!(
        (reply.status, reply.json()) == (status, json!({"message": words})),
        "{reply:?}"
    );
    Ok(())
}

async fn error_becomes_500() -> Result<()> {
    fails("/fixed", json!([{"throw": "no"}]), 500, "Internal Server Error").await?;
    fails("/fixed", json!([{"panic": "no"}]), 500, "Internal Server Error").await
}

async fn error_keeps_the_process() -> Result<()> {
    let bench = PLAIN.bench()?;
    let before = context(bench, "Patient").await?;
    bench.steps("Patient", &json!([{"throw": "no"}])).await?;
    ensure!(context(bench, "Patient").await?["pid"] == before["pid"]);
    Ok(())
}

async fn exit_becomes_500() -> Result<()> {
    fails("/fixed", json!([{"exit": 3}]), 500, "Internal Server Error").await
}

async fn exit_is_replaced() -> Result<()> {
    let bench = PLAIN.bench()?;
    let before = context(bench, "Mortal").await?;
    let exited = bench.steps("Mortal", &json!([{"exit": 3}])).await?;
    ensure!(exited["errorType"] == "Runtime.ExitError", "{exited}");
    let message = exited["errorMessage"].as_str().unwrap_or_default();
    ensure!(
        message.ends_with("Error: Runtime exited with error: exit status 3"),
        "{exited}"
    );
    let after = context(bench, "Mortal").await?;
    ensure!(after["pid"].is_number() && after["pid"] != before["pid"], "{after}");
    Ok(())
}

async fn init_error_becomes_500() -> Result<()> {
    let reply = COLD
        .bench()?
        .http(Bench::request(Method::GET, "/broken", &json!([])))
        .await?;
    ensure!(
        (reply.status, &reply.json()["message"]) == (500, &json!("Internal Server Error")),
        "{reply:?}"
    );
    Ok(())
}

async fn init_error_is_reported() -> Result<()> {
    let reply = COLD.bench()?.invoke("Broken", &[], "{}").await?;
    ensure!(
        reply.json() == json!({"errorType": "Probe", "errorMessage": "not ready"}),
        "{reply:?}"
    );
    ensure!(reply.header("x-amz-function-error") == "Unhandled", "{reply:?}");
    Ok(())
}

async fn timeout_is_the_templates() -> Result<()> {
    let bench = PLAIN.bench()?;
    let answer = bench.steps("Hasty", &json!([{"gate": mark()}])).await?;
    ensure!(answer["errorType"] == "Sandbox.Timedout", "{answer}");
    let message = answer["errorMessage"].as_str().unwrap_or_default();
    ensure!(message.ends_with("Task timed out after 1.00 seconds"), "{answer}");
    Ok(())
}

async fn timeout_becomes_500() -> Result<()> {
    fails("/hasty", json!([{"gate": mark()}]), 500, "Internal Server Error").await
}

/// Does `work` while the one process that `function` may have is busy.
async fn while_busy<T>(bench: &Bench, function: &str, work: impl AsyncFnOnce() -> Result<T>) -> Result<T> {
    let gate = mark();
    let steps = json!([{"gate": gate}, {"answer": {"done": true}}]);
    let held = bench.steps(function, &steps);
    let working = async {
        arrived(bench, &gate).await?;
        let result = work().await;
        bench.recorder.open(&gate);
        result
    };
    let (held, result) = tokio::try_join!(held, working)?;
    ensure!(held == json!({"done": true}), "{held}");
    Ok(result)
}

async fn throttled_beyond_the_reservation() -> Result<()> {
    let bench = PLAIN.bench()?;
    let reply = while_busy(bench, "Reserved", async || bench.invoke("Reserved", &[], "{}").await).await?;
    ensure!(reply.status == 429, "{reply:?}");
    ensure!(
        reply.header("x-amzn-errortype") == "TooManyRequestsException",
        "{reply:?}"
    );
    // And then there is room again.
    ensure!(bench.invoke("Reserved", &[], "{}").await?.status == 200);
    Ok(())
}

async fn throttle_becomes_503() -> Result<()> {
    let bench = PLAIN.bench()?;
    while_busy(bench, "Single", async || {
        fails("/single", json!([]), 503, "Service Unavailable").await
    })
    .await
}

async fn answer_too_large() -> Result<()> {
    let answer = PLAIN.bench()?.steps("OneWay", &json!([{"large": 6_291_557}])).await?;
    ensure!(answer["errorType"] == "Function.ResponseSizeTooLarge", "{answer}");
    let payload = json!({"probe": [{"large": 6_291_556}]}).to_string();
    let fits = PLAIN.bench()?.invoke("OneWay", &[], &payload).await?;
    ensure!(fits.body.len() == 6_291_556, "{}", fits.body.len());
    Ok(())
}

async fn stream_is_answered_whole() -> Result<()> {
    let payload = json!({"probe": [{"stream": ["a", "b", "c"]}]}).to_string();
    let reply = PLAIN.bench()?.invoke("OneWay", &[], &payload).await?;
    let text = reply.text();
    let (prelude, body) = text.split_once("\0\0\0\0\0\0\0\0").context("a prelude")?;
    let prelude: Value = serde_json::from_str(prelude)?;
    ensure!(prelude["statusCode"] == 200 && body == "abc", "{text:?}");
    Ok(())
}

/// The function makes a call of the Runtime API while it is at a request.
async fn runtime_call(call: &str) -> Result<Value> {
    PLAIN.bench()?.steps("OneWay", &json!([{"runtime_api": call}])).await
}

async fn wrong_request_id() -> Result<()> {
    for kind in ["response", "error"] {
        let answer = runtime_call(&format!(
            "POST /runtime/invocation/8476a536-e9f4-11e8-9739-2dfe598c3fcd/{kind}"
        ))
        .await?;
        ensure!(answer["status"] == 400, "{answer}");
        ensure!(answer["body"]["errorType"] == "InvalidRequestID", "{answer}");
    }
    Ok(())
}

async fn init_error_after_init() -> Result<()> {
    let answer = runtime_call("POST /runtime/init/error").await?;
    ensure!(answer["status"] == 403, "{answer}");
    Ok(())
}

async fn unknown_call() -> Result<()> {
    let answer = runtime_call("GET /runtime/nothing").await?;
    ensure!(answer["status"] == 404, "{answer}");
    Ok(())
}

async fn frozen_between_requests() -> Result<()> {
    let bench = FROZEN.bench()?;
    let pid = context(bench, "Alone").await?["pid"].clone();
    if fs::metadata("/proc/self/stat").is_err() {
        return Err(Skipped("no /proc on this machine".to_owned()).into());
    }
    for _ in 0..3 {
        let stopped = async {
            while !is_stopped(&pid)? {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Ok::<_, anyhow::Error>(())
        };
        timeout(PATIENCE, stopped).await.context("it is not stopped")??;
        ensure!(context(bench, "Alone").await?["pid"] == pid);
    }
    Ok(())
}

/// Whether the system says that a process is stopped: `T` in the third field. The second, a name in parentheses, may hold anything.
fn is_stopped(pid: &Value) -> Result<bool> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("a name in parentheses")?;
    Ok(rest.starts_with('T'))
}

async fn every_request_a_new_process() -> Result<()> {
    let bench = COLD.bench()?;
    let mut processes = BTreeSet::new();
    for _ in 0..3 {
        processes.insert(context(bench, "Alone").await?["pid"].as_u64().context("a process")?);
    }
    ensure!(processes.len() == 3, "{processes:?}");
    Ok(())
}
