//! The HTTP API: one request, one function.

use std::{sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, StatusCode, header, uri::Authority};
use hyper::body::Incoming;
use serde_json::json;
use tokio::time::timeout;

use super::{
    Limits,
    http_event::{Context, decoded_path, event},
    http_response,
    http_routes::{Routes, Target},
};
use crate::{
    clock, ids,
    lambda::{Call, Lambda, MAX_PAYLOAD_BYTES},
    logs,
    server::{BodyError, Listeners, Peer, Reply, Server, json as json_reply, read_body, serve},
    template::HttpRoute,
};

/// The HTTP API, served until it is dropped.
#[derive(Debug)]
pub struct HttpGateway {
    _server: Server,
}

/// What every request needs.
#[derive(Debug)]
struct Shared {
    routes: Routes,
    lambda: Arc<Lambda>,
    limits: Limits,
    port: u16,
}

impl HttpGateway {
    /// Serves `routes` on `listeners`.
    pub fn start(listeners: Listeners, routes: &[HttpRoute], lambda: Arc<Lambda>, limits: Limits) -> Self {
        let shared = Arc::new(Shared {
            routes: Routes::new(routes),
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
        let host = parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        if host.is_none_or(|host| host.parse::<Authority>().is_err()) {
            // AWS finds the API by the host, so no function ever sees a malformed one.
            return message(StatusCode::BAD_REQUEST, "Bad Request");
        }
        let path = decoded_path(parts.uri.path());
        let Some((target, path_parameters)) = self.routes.find(&parts.method, &path) else {
            return message(StatusCode::NOT_FOUND, "Not Found");
        };
        let body = match read_body(body, self.limits.http_body_bytes).await {
            Ok(body) => body,
            Err(BodyError::TooLarge) => return message(StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large"),
            Err(BodyError::Broken) => return message(StatusCode::BAD_REQUEST, "Bad Request"),
        };
        let trace_id = ids::trace_id();
        let context = Context {
            target,
            path_parameters,
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
        let reply = self.invoke(target, call).await;
        log(&parts.method, &path, reply.status(), clock::now_ms() - now_ms);
        reply
    }

    async fn invoke(&self, target: &Target, call: Call) -> Reply {
        match timeout(target.timeout, self.lambda.invoke(&target.function, call)).await {
            Ok(Ok(answer)) => http_response::reply(&answer).unwrap_or_else(|| {
                logs::line(&target.function, "[failed] its answer is not what an HTTP API takes");
                internal_server_error()
            }),
            Ok(Err(_)) => internal_server_error(),
            // Longer than the integration may take.
            Err(_) => message(StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable"),
        }
    }
}

/// One line per request. The query is left out: it may hold a token.
fn log(method: &Method, path: &str, status: StatusCode, took_ms: i64) {
    let took = Duration::from_millis(u64::try_from(took_ms).unwrap_or_default());
    logs::stack(format_args!("{method} {path} {} in {took:?}", status.as_u16()));
}

fn internal_server_error() -> Reply {
    message(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
}

fn message(status: StatusCode, text: &str) -> Reply {
    json_reply(status, &json!({"message": text}))
}
