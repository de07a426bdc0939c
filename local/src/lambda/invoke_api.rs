//! Lambda's Invoke, so that `aws lambda invoke --endpoint-url` and every SDK can call a function here.
//!
//! It listens only on the loopback and checks no signature: any program of this machine could run the functions anyway. Pages in a
//! browser could not, so they are refused. There are no versions and aliases here: a qualifier is accepted and changes nothing. A
//! failed `Event` is logged and not tried again.
//!
//! # Source
//! Lambda API reference, Invoke.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{call::Call, error::InvokeError, limits::MAX_PAYLOAD_BYTES, pool::Lambda};
use crate::{
    aws::{ids, stand_ins::function_arn},
    server::{
        BODY_TIMEOUT, BodyError, Listeners, Reply, Server, empty, is_from_a_page, json as json_reply, read_body, serve,
    },
};

/// The longest payload of an `Event`.
///
/// # Source
/// Lambda quotas: 1 MB for asynchronous requests.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// The API, served until it is dropped.
#[derive(Debug)]
pub struct InvokeApi {
    _server: Server,
}

impl InvokeApi {
    /// Serves on `listeners`.
    pub fn start(listeners: Listeners, lambda: Arc<Lambda>) -> Self {
        let server = serve(listeners, move |request, _| {
            let lambda = Arc::clone(&lambda);
            async move { answer(&lambda, request).await }
        });
        Self { _server: server }
    }
}

async fn answer(lambda: &Arc<Lambda>, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    if is_from_a_page(&parts.headers) {
        return problem(
            StatusCode::FORBIDDEN,
            "AccessDeniedException",
            "a browser's page may not run functions",
        );
    }
    let Some(name) = function_name(&parts.method, parts.uri.path()) else {
        return problem(
            StatusCode::NOT_FOUND,
            "UnknownOperationException",
            "the local stack serves Invoke, and no other call of Lambda",
        );
    };
    let Some(function) = lambda.find(&name).map(str::to_owned) else {
        return problem(
            StatusCode::NOT_FOUND,
            "ResourceNotFoundException",
            &format!("Function not found: {}", function_arn(&name)),
        );
    };
    let kind = header(&parts.headers, "x-amz-invocation-type").unwrap_or("RequestResponse");
    let limit = if kind == "Event" {
        MAX_EVENT_BYTES
    } else {
        MAX_PAYLOAD_BYTES
    };
    let payload = match read_body(body, limit, BODY_TIMEOUT).await {
        Ok(payload) => payload,
        Err(BodyError::TooLarge) => return too_large(limit),
        Err(BodyError::Broken) => return empty(StatusCode::BAD_REQUEST),
        Err(BodyError::TooSlow) => return empty(StatusCode::REQUEST_TIMEOUT),
    };
    // An event is JSON, and without a payload it is empty.
    let payload = if payload.is_empty() {
        Bytes::from_static(b"{}")
    } else {
        payload
    };
    if let Err(error) = serde_json::from_slice::<Value>(&payload) {
        return problem(
            StatusCode::BAD_REQUEST,
            "InvalidRequestContentException",
            &format!("Could not parse request body into json: {error}"),
        );
    }
    let client_context = match header(&parts.headers, "x-amz-client-context").map(|text| STANDARD.decode(text)) {
        None => None,
        Some(decoded) => match decoded.ok().and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(text) => Some(text),
            None => {
                return problem(
                    StatusCode::BAD_REQUEST,
                    "InvalidRequestContentException",
                    "Client context must be a valid Base64-encoded JSON object.",
                );
            }
        },
    };
    let call = Call {
        payload,
        trace_id: header(&parts.headers, "x-amzn-trace-id").map(str::to_owned),
        client_context,
    };
    match kind {
        "DryRun" => named(empty(StatusCode::NO_CONTENT), &ids::lambda_request_id()),
        "Event" => {
            let lambda = Arc::clone(lambda);
            tokio::spawn(async move { lambda.run(&function, call).await });
            named(empty(StatusCode::ACCEPTED), &ids::lambda_request_id())
        }
        "RequestResponse" => {
            let tail = header(&parts.headers, "x-amz-log-type") == Some("Tail");
            run(lambda, &function, call, tail).await
        }
        other => problem(
            StatusCode::BAD_REQUEST,
            "InvalidParameterValueException",
            &format!("{other} is not one of RequestResponse, Event and DryRun"),
        ),
    }
}

/// Runs a function and waits for its answer. An error of the function is a 200 with a header that says so.
async fn run(lambda: &Lambda, function: &str, call: Call, tail: bool) -> Reply {
    let ended = lambda.run(function, call).await;
    let (payload, failed) = match ended.result {
        Ok(payload) => (payload, false),
        Err(InvokeError::Throttled | InvokeError::Busy(_)) => {
            let mut reply = problem_with(
                StatusCode::TOO_MANY_REQUESTS,
                "TooManyRequestsException",
                &json!({
                    "Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User", "message": "Rate Exceeded.",
                }),
            );
            add(&mut reply, "retry-after", "1");
            return named(reply, &ended.request_id);
        }
        Err(InvokeError::RequestTooLarge) => return too_large(MAX_PAYLOAD_BYTES),
        Err(error) => (error.report(&ended.request_id), true),
    };
    let mut reply = Reply::new(Full::from(payload));
    add(&mut reply, "content-type", "application/json");
    add(&mut reply, "x-amz-executed-version", "$LATEST");
    if failed {
        add(&mut reply, "x-amz-function-error", "Unhandled");
    }
    if tail {
        add(&mut reply, "x-amz-log-result", &STANDARD.encode(ended.log_tail));
    }
    named(reply, &ended.request_id)
}

/// The function that a path names: a name, a partial ARN or an ARN, any of them with a qualifier.
fn function_name(method: &Method, path: &str) -> Option<String> {
    let name = path
        .strip_prefix("/2015-03-31/functions/")?
        .strip_suffix("/invocations")?;
    if method != Method::POST || name.contains('/') {
        return None;
    }
    let decoded = percent_decode_str(name).decode_utf8().ok()?;
    let unprefixed = decoded.rsplit_once("function:").map_or(&*decoded, |(_, name)| name);
    unprefixed.split(':').next().map(str::to_owned)
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn add(reply: &mut Reply, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        reply.headers_mut().insert(name, value);
    }
}

fn named(mut reply: Reply, request_id: &str) -> Reply {
    add(&mut reply, "x-amzn-requestid", request_id);
    reply
}

fn too_large(limit: usize) -> Reply {
    problem(
        StatusCode::PAYLOAD_TOO_LARGE,
        "RequestTooLargeException",
        &format!("Request must be smaller than {limit} bytes for the InvokeFunction operation"),
    )
}

fn problem(status: StatusCode, kind: &'static str, message: &str) -> Reply {
    let reply = problem_with(status, kind, &json!({"Type": "User", "message": message}));
    named(reply, &ids::lambda_request_id())
}

/// The SDKs read the kind of an error from a header.
fn problem_with(status: StatusCode, kind: &'static str, body: &Value) -> Reply {
    let mut reply = json_reply(status, body);
    add(&mut reply, "x-amzn-errortype", kind);
    reply
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_named_in_every_form_that_lambda_takes() {
        for name in [
            "Send",
            "Send:live",
            "Send%3A%24LATEST",
            "123456789012:function:Send",
            "arn:aws:lambda:us-east-1:123456789012:function:Send",
            "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3ASend%3Alive",
        ] {
            let path = format!("/2015-03-31/functions/{name}/invocations");
            assert_eq!(function_name(&Method::POST, &path).as_deref(), Some("Send"), "{name}");
        }
        for (method, path) in [
            (Method::GET, "/2015-03-31/functions/Send/invocations"),
            (Method::POST, "/2015-03-31/functions/Send"),
            (Method::POST, "/2015-03-31/functions/a/b/invocations"),
        ] {
            assert_eq!(function_name(&method, path), None, "{method} {path}");
        }
    }
}
