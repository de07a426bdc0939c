//! The function of the conformance suite. It tells the test's recorder what event it got, then does what the event tells it.
//!
//! An event carries steps, a JSON array of objects with one key, in `probe`: of the event itself, of its body, or as the header
//! `X-Probe`. They are done in order until one of them ends the invocation; without such a step the answer is
//! `{"statusCode": 200}`.
//!
//! | step | does |
//! | --- | --- |
//! | `{"log": "text"}` | writes a line on standard output |
//! | `{"gate": "name"}` | waits until the test opens the gate |
//! | `{"sleep": ms}` | waits |
//! | `{"allocate": mb}` | allocates that much and touches it |
//! | `{"answer": …}` | ends with this JSON, verbatim |
//! | `{"large": bytes}` | ends with an answer of that length |
//! | `{"echo": status}` | ends with this status, and the event as the body |
//! | `{"context": 0}` | ends with what Lambda says of the invocation, and the process's id |
//! | `{"runtime_api": "POST /…"}` | makes a call of the Runtime API, and ends with its status and body |
//! | `{"stream": ["…", …]}` | ends with a streamed response of these chunks |
//! | `{"throw": "text"}` | ends with an error |
//! | `{"panic": "text"}` | ends with a panic |
//! | `{"exit": code}` | ends the process |
//!
//! With `SOCK_PROBE_INIT=throw` it fails before it asks for an event, in every process but the first of its stack: a stack whose
//! functions don't start at all doesn't start either.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use futures_util::{StreamExt as _, stream};
use http::Method;
use lambda_runtime::{Context, Error, FunctionResponse, LambdaEvent, StreamResponse, service_fn};
use serde_json::{Value, json};
use tests::{Request, exchange};

type Chunks = stream::BoxStream<'static, Result<String, Error>>;
type Answer = FunctionResponse<Value, Chunks>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let stack = std::os::unix::process::parent_id();
    if variable("SOCK_PROBE_INIT").is_ok_and(|what| what == "throw")
        && ask(Method::POST, &format!("/first-starts/{stack}"), "{}".to_owned())
            .await
            .is_err()
    {
        let report = json!({"errorType": "Probe", "errorMessage": "not ready"}).to_string();
        call_runtime(Method::POST, "/runtime/init/error", report).await?;
        return Err("not ready".into());
    }
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Answer, Error> {
    let LambdaEvent {
        payload: event,
        context,
    } = event;
    let function = &context.env_config.function_name;
    ask(Method::POST, &format!("/events/{function}"), event.to_string()).await?;
    for step in steps(&event) {
        if let Some(answer) = perform(&step, &event, &context).await? {
            return Ok(answer);
        }
    }
    Ok(FunctionResponse::BufferedResponse(json!({"statusCode": 200})))
}

/// What the event tells to do.
fn steps(event: &Value) -> Vec<Value> {
    let parsed = |text: Option<&str>| text.and_then(|text| serde_json::from_str::<Value>(text).ok());
    let header = event["headers"]
        .as_object()
        .and_then(|headers| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-probe")));
    let steps = [
        Some(event["probe"].clone()),
        parsed(event["body"].as_str()).map(|body| body["probe"].clone()),
        parsed(header.and_then(|(_, value)| value.as_str())),
    ];
    // A batch of a queue's messages: what each of them tells, one after the other.
    if let Some(records) = event["Records"].as_array() {
        let bodies = records.iter().filter_map(|record| parsed(record["body"].as_str()));
        let steps = bodies.filter_map(|body| body["probe"].as_array().cloned());
        return steps.flatten().collect();
    }
    let found = steps.into_iter().flatten().find_map(|steps| steps.as_array().cloned());
    found.unwrap_or_default()
}

/// Does a step; an answer ends the invocation.
async fn perform(step: &Value, event: &Value, context: &Context) -> Result<Option<Answer>, Error> {
    let Some((name, value)) = step.as_object().and_then(|step| step.iter().next()) else {
        return Err(format!("not a step: {step}").into());
    };
    let text = value.as_str().unwrap_or_default();
    match name.as_str() {
        "log" => say(text),
        "gate" => ask(Method::GET, &format!("/gates/{text}"), String::new()).await?,
        "sleep" => tokio::time::sleep(std::time::Duration::from_millis(value.as_u64().unwrap_or_default())).await,
        "allocate" => drop(vec![
            1_u8;
            usize::try_from(value.as_u64().unwrap_or_default())? * 1024 * 1024
        ]),
        "answer" => return Ok(Some(FunctionResponse::BufferedResponse(value.clone()))),
        "large" => {
            let filling = "x".repeat(usize::try_from(value.as_u64().unwrap_or_default())?.saturating_sub(2));
            return Ok(Some(FunctionResponse::BufferedResponse(json!(filling))));
        }
        "echo" => {
            let answer = json!({"statusCode": value, "body": event.to_string()});
            return Ok(Some(FunctionResponse::BufferedResponse(answer)));
        }
        "failures" => {
            let records = event["Records"].as_array().into_iter().flatten();
            let failed = records.filter(|record| record["body"].as_str().is_some_and(|body| body.contains(text)));
            let failed: Vec<_> = failed
                .map(|record| json!({"itemIdentifier": record["messageId"]}))
                .collect();
            let answer = json!({"batchItemFailures": failed});
            return Ok(Some(FunctionResponse::BufferedResponse(answer)));
        }
        "context" => {
            let told = json!({
                "requestId": context.request_id,
                "deadlineMs": context.deadline,
                "arn": context.invoked_function_arn,
                "traceId": context.xray_trace_id,
                "clientContext": context.client_context,
                "name": context.env_config.function_name,
                "memoryMb": context.env_config.memory,
                "version": context.env_config.version,
                "pid": std::process::id(),
            });
            return Ok(Some(FunctionResponse::BufferedResponse(told)));
        }
        "runtime_api" => {
            let (method, path) = text.split_once(' ').ok_or("a method and a path")?;
            let (status, body) = call_runtime(method.parse()?, path, "{}".to_owned()).await?;
            let answer = json!({"status": status, "body": body});
            return Ok(Some(FunctionResponse::BufferedResponse(answer)));
        }
        "stream" => {
            let chunks: Vec<String> = serde_json::from_value(value.clone())?;
            let response = StreamResponse::from(stream::iter(chunks).map(Ok).boxed());
            return Ok(Some(FunctionResponse::StreamingResponse(response)));
        }
        "throw" => return Err(text.into()),
        "panic" => panic(text),
        "exit" => exit(value),
        _ => return Err(format!("no such step: {step}").into()),
    }
    Ok(None)
}

#[expect(clippy::print_stdout, reason = "what a function prints is what is tested")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::panic, reason = "what becomes of it is what is tested")]
fn panic(text: &str) -> ! {
    panic!("{text}")
}

#[expect(clippy::exit, reason = "what becomes of it is what is tested")]
fn exit(code: &Value) -> ! {
    std::process::exit(code.as_i64().and_then(|code| i32::try_from(code).ok()).unwrap_or(1))
}

/// Asks the test's recorder something.
async fn ask(method: Method, path: &str, body: String) -> Result<(), Error> {
    let recorder = variable("SOCK_PROBE_RECORDER")?;
    let address = recorder.strip_prefix("http://").ok_or("the recorder speaks HTTP")?;
    let request = Request {
        method,
        path: path.to_owned(),
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: body.into_bytes(),
    };
    let (status, _, _) = exchange(address, request).await?;
    if status.is_success() {
        Ok(())
    } else {
        Err(format!("the recorder says {status} to {path}").into())
    }
}

/// Makes a call of the Runtime API beside those of the runtime.
async fn call_runtime(method: Method, path: &str, body: String) -> Result<(u16, Value), Error> {
    let request = Request {
        method,
        path: format!("/2018-06-01{path}"),
        headers: Vec::new(),
        body: body.into_bytes(),
    };
    let (status, _, body) = exchange(&variable("AWS_LAMBDA_RUNTIME_API")?, request).await?;
    Ok((status.as_u16(), serde_json::from_slice(&body).unwrap_or_default()))
}

#[expect(clippy::disallowed_methods, reason = "the probe has no configuration but this")]
fn variable(name: &str) -> Result<String, std::env::VarError> {
    std::env::var(name)
}
