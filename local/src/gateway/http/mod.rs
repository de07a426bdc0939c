//! The HTTP API: one request, one function.

mod cors;
pub mod event;
pub mod response;
pub mod routes;

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, StatusCode, request::Parts};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::timeout;

use crate::{
    aws::{clock, ids},
    gateway::limits::Limits,
    lambda::{Call, InvokeError, Lambda, limits::MAX_PAYLOAD_BYTES},
    machine::logs,
    server::{BodyError, Listeners, Peer, Reply, Server, has_host, json as json_reply, read_body, serve},
    template::{Cors, HttpApi},
};
use event::{Context, decoded_path, event};
use routes::{Routes, Target};

/// The most bytes of request line and headers together.
///
/// # Source
/// API Gateway developer guide, quotas of HTTP APIs: "Total combined size of request line and header values: 10240 bytes". This
/// counts names and separators too, which is stricter. Users have reported the status 431.
const MAX_HEAD_BYTES: usize = 10_240;

/// The HTTP API, served until it is dropped.
#[derive(Debug)]
pub struct HttpGateway {
    _server: Server,
}

/// What every request needs.
#[derive(Debug)]
struct Shared {
    routes: Routes,
    stage: Option<String>,
    cors: Option<Cors>,
    lambda: Arc<Lambda>,
    limits: Limits,
    port: u16,
}

impl HttpGateway {
    /// Serves `api` on `listeners`.
    pub fn start(listeners: Listeners, api: HttpApi, lambda: Arc<Lambda>, limits: Limits) -> Self {
        let shared = Arc::new(Shared {
            routes: Routes::new(&api.routes),
            stage: api.stage,
            cors: api.cors,
            lambda,
            limits,
            port: listeners.port(),
        });
        let server = serve(listeners, move |request, peer| {
            let shared = Arc::clone(&shared);
            async move {
                let request_id = ids::gateway_id();
                let mut reply = shared.answer(request, &peer, &request_id).await;
                if let Ok(value) = HeaderValue::try_from(request_id) {
                    reply.headers_mut().insert("apigw-requestid", value);
                }
                reply
            }
        });
        Self { _server: server }
    }
}

impl Shared {
    async fn answer(&self, request: Request<Incoming>, peer: &Peer, request_id: &str) -> Reply {
        let now_ms = clock::now_ms();
        let (parts, body) = request.into_parts();
        if head_bytes(&parts) > MAX_HEAD_BYTES {
            return message(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "Request Header Fields Too Large",
            );
        }
        if !has_host(&parts.headers) {
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        }
        if parts.uri.path().to_ascii_uppercase().contains("%3F") {
            // AWS decodes the path, cuts it at the question mark and calls the function of what is left, which cannot know. Here it shows.
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        }
        let path = decoded_path(parts.uri.path());
        let found = self.in_stage(&path).map(|path| self.routes.find(&parts.method, path));
        let (target, path_parameters) = match (found, &self.cors) {
            (Some(Some(found)), _) => found,
            (Some(None), Some(cors)) if cors::is_preflight(&parts) => {
                return cors::preflight(cors, &parts.headers);
            }
            _ => return message(StatusCode::NOT_FOUND, "Not Found"),
        };
        let body = match read_body(body, self.limits.http_body_bytes, self.limits.body).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Err(BodyError::Broken) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
            Err(BodyError::TooSlow) => return message(StatusCode::REQUEST_TIMEOUT, "Request Timeout"),
        };
        let trace_id = ids::trace_id();
        let context = Context {
            target,
            path_parameters,
            stage: self.stage.as_deref().unwrap_or("$default"),
            request_id,
            trace_id: &trace_id,
            source_ip: peer.address.ip(),
            port: self.port,
            now_ms,
        };
        let payload = event(&parts, &body, &path, &context).to_string();
        if payload.len() > MAX_PAYLOAD_BYTES {
            // A body that the gateway takes and Lambda doesn't: base64 makes it a third larger. AWS documents no status.
            return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
        }
        let call = Call {
            payload: payload.into(),
            trace_id: Some(trace_id),
            client_context: None,
        };
        let reply = match self.invoke(target, call).await {
            Ok(mut reply) => {
                if let Some(cors) = &self.cors {
                    cors::replace(cors, &parts.headers, cors::is_preflight(&parts), &mut reply);
                }
                reply
            }
            Err(own) => own,
        };
        log(&parts.method, &path, reply.status(), clock::now_ms() - now_ms);
        reply
    }

    /// The part of a path behind the stage, which decides the route. `None` when the path lacks the stage.
    fn in_stage<'p>(&self, path: &'p str) -> Option<&'p str> {
        let Some(stage) = &self.stage else { return Some(path) };
        let rest = path.strip_prefix('/')?.strip_prefix(stage.as_str())?;
        if rest.is_empty() {
            Some("/")
        } else {
            rest.starts_with('/').then_some(rest)
        }
    }

    /// What the function answers, or else the gateway's own answer.
    async fn invoke(&self, target: &Target, call: Call) -> Result<Reply, Reply> {
        match timeout(target.timeout, self.lambda.invoke(&target.function, call)).await {
            Ok(Ok(answer)) => response::reply(&answer).map_err(|why| {
                logs::line(&target.function, format_args!("[failed] {why}"));
                message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
            }),
            // Lambda throttles, or the integration takes longer than it may.
            Ok(Err(InvokeError::Throttled | InvokeError::Busy(_))) | Err(_) => {
                Err(message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"))
            }
            Ok(Err(_)) => Err(message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")),
        }
    }
}

/// The bytes of a request before its body.
fn head_bytes(parts: &Parts) -> usize {
    let line = parts.method.as_str().len() + parts.uri.to_string().len() + "  HTTP/1.1\r\n".len();
    let headers = parts
        .headers
        .iter()
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len());
    line + headers.sum::<usize>()
}

/// One line per request. The query is left out: it may hold a token.
fn log(method: &Method, path: &str, status: StatusCode, took_ms: i64) {
    let took = Duration::from_millis(u64::try_from(took_ms).unwrap_or_default());
    logs::stack(format_args!("{method} {path} {} in {took:?}", status.as_u16()));
}

fn message(status: StatusCode, text: &str) -> Reply {
    json_reply(status, &json!({"message": text}))
}
