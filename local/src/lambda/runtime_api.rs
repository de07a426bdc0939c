//! The Lambda Runtime API: what `lambda_runtime` inside each function calls.
//!
//! Each process has one of its own, so that `AWS_LAMBDA_RUNTIME_API` is a host and a port, as on AWS. The answer to
//! `next` waits until there is a request. An empty answer (204) would make a release build of the runtime panic, because it reads
//! headers of the answer.
//!
//! # Source
//! AWS, "Using the Lambda runtime API"; the client in `lambda_runtime` 1.5.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Value, json};

use super::{call::InvokeResult, error::InvokeError, limits::MAX_ANSWER_BYTES, process::Process};
use crate::{
    aws::{clock, ids},
    server::{BODY_TIMEOUT, BodyError, Reply, collect_body, empty, is_from_a_page, json as json_reply, read_body},
};

/// The header or trailer with the type of the error.
const ERROR_TYPE: &str = "lambda-runtime-function-error-type";
/// The trailer of a streamed answer with the report, in base64.
const ERROR_BODY: &str = "lambda-runtime-function-error-body";

/// The version in every path.
const VERSION: &str = "2018-06-01";

/// A call, as its method and path say.
enum Call {
    Next,
    Response(String),
    Error(String),
    InitError,
}

/// The call that a request is.
fn parse(method: &Method, path: &str) -> Option<Call> {
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let [VERSION, "runtime", rest @ ..] = segments.as_slice() else {
        return None;
    };
    Some(match (method, rest) {
        (&Method::GET, ["invocation", "next"]) => Call::Next,
        (&Method::POST, ["invocation", id, "response"]) => Call::Response((*id).to_owned()),
        (&Method::POST, ["invocation", id, "error"]) => Call::Error((*id).to_owned()),
        (&Method::POST, ["init", "error"]) => Call::InitError,
        _ => return None,
    })
}

/// Answers a call of `process`.
pub(super) async fn handle(process: &Process, request: Request<Incoming>) -> Reply {
    if is_from_a_page(request.headers()) {
        return problem(StatusCode::FORBIDDEN, "Forbidden", "a browser's page is no function");
    }
    let Some(call) = parse(request.method(), request.uri().path()) else {
        return problem(
            StatusCode::NOT_FOUND,
            "NotFound",
            "there is no such call in the Runtime API",
        );
    };
    let (parts, body) = request.into_parts();
    match call {
        Call::Next => next(process).await,
        Call::Response(id) => {
            let result = answer(body).await;
            let too_large = result == Err(InvokeError::AnswerTooLarge);
            match process.finish(&id, result) {
                true if too_large => problem(
                    StatusCode::PAYLOAD_TOO_LARGE,
                    "RequestEntityTooLarge",
                    &InvokeError::AnswerTooLarge.to_string(),
                ),
                known => accepted(known),
            }
        }
        Call::Error(id) => accepted(process.finish(&id, Err(reported(&parts.headers, body).await))),
        Call::InitError => {
            if process.init_failed(reported(&parts.headers, body).await) {
                accepted(true)
            } else {
                problem(
                    StatusCode::FORBIDDEN,
                    "InvalidStateTransition",
                    "the process has asked for a request, so it was ready",
                )
            }
        }
    }
}

/// The answer in a body. This waits for the whole of a streamed one (`Lambda-Runtime-Function-Response-Mode: streaming`), because
/// callers here get whole answers, as callers of `Invoke` do. The trailers tell of an error in the middle.
///
/// # Source
/// Lambda developer guide, "Building a custom runtime", response streaming.
async fn answer(body: Incoming) -> InvokeResult {
    match collect_body(body, MAX_ANSWER_BYTES).await {
        Ok((answer, trailers)) if !trailers.contains_key(ERROR_TYPE) => Ok(answer),
        Ok((_, trailers)) => {
            let report = trailers.get(ERROR_BODY).and_then(|body| STANDARD.decode(body).ok());
            Err(function_error(&trailers, report.unwrap_or_default().into()))
        }
        Err(BodyError::TooLarge) => Err(InvokeError::AnswerTooLarge),
        Err(BodyError::Broken | BodyError::TooSlow) => Err(InvokeError::Exited("while it answered".to_owned())),
    }
}

/// The error in the body of a report. A report that can't be read is an error without a message.
async fn reported(headers: &HeaderMap, body: Incoming) -> InvokeError {
    function_error(
        headers,
        read_body(body, MAX_ANSWER_BYTES, BODY_TIMEOUT)
            .await
            .unwrap_or_default(),
    )
}

/// Waits for a request and hands it to the process.
async fn next(process: &Process) -> Reply {
    let Some(job) = process.next_job().await else {
        return empty(StatusCode::GONE);
    };
    let deadline = clock::now_ms().saturating_add(clock::millis(process.spec.timeout));
    let trace_id = job.call.trace_id.unwrap_or_else(ids::trace_id);
    let fields = [
        ("lambda-runtime-aws-request-id", Some(job.request_id.clone())),
        ("lambda-runtime-deadline-ms", Some(deadline.to_string())),
        ("lambda-runtime-invoked-function-arn", Some(process.spec.arn.clone())),
        ("lambda-runtime-trace-id", Some(ids::unsampled(&trace_id))),
        ("lambda-runtime-client-context", job.call.client_context),
        ("content-type", Some("application/json".to_owned())),
    ];
    let mut reply = Response::new(Full::from(job.call.payload));
    for (name, value) in fields {
        if let Some(Ok(value)) = value.map(HeaderValue::try_from) {
            reply.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
    process.begin(job.request_id, job.done);
    // It fails when nobody waits any more. Then the process works for nobody, and is killed.
    job.started.send(()).ok();
    reply
}

/// The error in a report: `{"errorMessage":…,"errorType":…}`, and its type in a header.
fn function_error(headers: &HeaderMap, body: Bytes) -> InvokeError {
    let report: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |key: &str| report.get(key).and_then(Value::as_str).map(str::to_owned);
    let header = headers.get(ERROR_TYPE).and_then(|value| value.to_str().ok());
    let kind = text("errorType").or_else(|| header.map(str::to_owned));
    let (kind, message) = (
        kind.unwrap_or_else(|| "Unknown".to_owned()),
        text("errorMessage").unwrap_or_default(),
    );
    let report = if report.is_object() {
        body
    } else {
        json!({"errorType": kind, "errorMessage": message}).to_string().into()
    };
    InvokeError::Function { kind, message, report }
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
