//! The Lambda Runtime API: what `lambda_runtime` inside each function calls.
//!
//! One listener for all processes: each is given `AWS_LAMBDA_RUNTIME_API=http://127.0.0.1:{port}/{key}`, and the runtime puts that path
//! before every call. `next` is held open until there is a request: an empty answer (204) makes a release build of the
//! runtime panic, which looks for headers in it.
//!
//! # Source
//! AWS, "Using the Lambda runtime API"; the client in `lambda_runtime` 1.5.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{InvokeError, MAX_PAYLOAD_BYTES, process::Process};
use crate::{
    clock,
    server::{BodyError, Reply, empty, json as json_reply, read_body},
};

/// The version in every path.
const VERSION: &str = "2018-06-01";

/// A call, as far as its path tells.
enum Call {
    Next,
    Response(String),
    Error(String),
    InitError,
}

/// The process key and the call that a request is.
fn parse(method: &Method, path: &str) -> Option<(String, Call)> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let [key, VERSION, "runtime", rest @ ..] = segments.as_slice() else {
        return None;
    };
    let call = match (method, rest) {
        (&Method::GET, ["invocation", "next"]) => Call::Next,
        (&Method::POST, ["invocation", id, "response"]) => Call::Response((*id).to_owned()),
        (&Method::POST, ["invocation", id, "error"]) => Call::Error((*id).to_owned()),
        (&Method::POST, ["init", "error"]) => Call::InitError,
        _ => return None,
    };
    Some(((*key).to_owned(), call))
}

/// Answers a call; `find` looks a process up by its key.
pub(super) async fn handle(find: impl FnOnce(&str) -> Option<Arc<Process>>, request: Request<Incoming>) -> Reply {
    let Some((key, call)) = parse(request.method(), request.uri().path()) else {
        return problem(
            StatusCode::NOT_FOUND,
            "NotFound",
            "there is no such call in the Runtime API",
        );
    };
    let Some(process) = find(&key) else {
        return problem(StatusCode::FORBIDDEN, "InvalidRequestID", "this process was given up");
    };
    let (parts, body) = request.into_parts();
    match call {
        Call::Next => next(&process).await,
        Call::Response(id) => {
            let result = match read_body(body, MAX_PAYLOAD_BYTES).await {
                Ok(answer) => Ok(answer),
                Err(BodyError::TooLarge) => Err(InvokeError::TooLarge),
                Err(BodyError::Broken) => Err(InvokeError::Exited("its answer broke off".to_owned())),
            };
            let too_large = result == Err(InvokeError::TooLarge);
            match process.finish(&id, result) {
                true if too_large => problem(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    "the answer is larger than 6 MB",
                ),
                known => accepted(known),
            }
        }
        Call::Error(id) => {
            let error = function_error(
                &parts.headers,
                &read_body(body, MAX_PAYLOAD_BYTES).await.unwrap_or_default(),
            );
            accepted(process.finish(&id, Err(error)))
        }
        Call::InitError => {
            let error = function_error(
                &parts.headers,
                &read_body(body, MAX_PAYLOAD_BYTES).await.unwrap_or_default(),
            );
            process.init_failed(error.to_string());
            accepted(true)
        }
    }
}

/// Waits for a request and hands it to the process.
async fn next(process: &Process) -> Reply {
    let job = process.inbox.lock().await.recv().await;
    let Some(job) = job else { return empty(StatusCode::GONE) };
    let deadline = clock::now_ms().saturating_add(clock::millis(process.spec.timeout));
    let mut reply = Response::new(Full::from(job.payload));
    let fields = [
        ("lambda-runtime-aws-request-id", job.request_id.clone()),
        ("lambda-runtime-deadline-ms", deadline.to_string()),
        ("lambda-runtime-invoked-function-arn", process.spec.arn.clone()),
        ("lambda-runtime-trace-id", job.trace_id),
        ("content-type", "application/json".to_owned()),
    ];
    for (name, value) in fields {
        if let Ok(value) = HeaderValue::try_from(value) {
            reply.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    process.begin(job.request_id, job.done);
    // Whoever waits may have given up; the process then works for nobody, and is killed.
    job.started.send(()).ok();
    reply
}

/// The error in a report: `{"errorMessage":…,"errorType":…}`, and its type in a header.
fn function_error(headers: &HeaderMap, body: &Bytes) -> InvokeError {
    let report: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
    let header = headers
        .get("lambda-runtime-function-error-type")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    InvokeError::Function {
        kind: text("errorType").or(header).unwrap_or_else(|| "Unknown".to_owned()),
        message: text("errorMessage").unwrap_or_default(),
    }
}

fn accepted(known: bool) -> Reply {
    if known {
        json_reply(StatusCode::ACCEPTED, &json!({"status": "OK"}))
    } else {
        problem(
            StatusCode::BAD_REQUEST,
            "InvalidRequestID",
            "the process is not at this request",
        )
    }
}

fn problem(status: StatusCode, kind: &str, message: &str) -> Reply {
    json_reply(status, &json!({"errorType": kind, "errorMessage": message}))
}
