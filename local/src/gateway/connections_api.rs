//! `@connections/{id}`: how a function pushes to a client, asks about it, and closes it.
//!
//! # Source
//! API Gateway developer guide, "Use @connections commands in your backend service", and the models of the SDKs. The type of an
//! error is in the header `x-amzn-ErrorType`, and its body is JSON, which is what the Rust SDK needs to recognise it.

use std::sync::Arc;

use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, json};
use tokio::time::sleep;

use super::websocket::{
    Shared,
    registry::{Connection, End, PushError},
};
use crate::{
    clock,
    faults::{Fault, Faults},
    ids,
    server::{BodyError, Reply, empty, json as json_reply, read_body},
};

/// Answers a request for the connection `id`.
pub(crate) async fn answer(shared: &Shared, id: &str, request: Request<Incoming>) -> Reply {
    if !ids::is_gateway_id(id) {
        return error(
            StatusCode::BAD_REQUEST,
            "BadRequestException",
            &format!("Invalid connectionId: {id}"),
        );
    }
    if let Some(trouble) = trouble(&shared.faults).await {
        return trouble;
    }
    let connection = shared.registry.find(id);
    let (parts, body) = request.into_parts();
    match parts.method {
        Method::POST => {
            let body = match read_body(body, shared.limits.message_bytes).await {
                Ok(body) => body,
                Err(BodyError::TooLarge) => {
                    return error(
                        StatusCode::PAYLOAD_TOO_LARGE,
                        "PayloadTooLargeException",
                        "Message too long",
                    );
                }
                Err(BodyError::Broken) => {
                    return error(StatusCode::BAD_REQUEST, "BadRequestException", "Incomplete body");
                }
            };
            // The client gets a text frame, which must be UTF-8; what AWS says to anything else is not documented.
            let Ok(text) = String::from_utf8(body.into()) else {
                return error(
                    StatusCode::BAD_REQUEST,
                    "BadRequestException",
                    "The message is not UTF-8",
                );
            };
            match connection.map_or(Err(PushError::Gone), |connection| {
                push(&shared.faults, connection, text)
            }) {
                Ok(()) => empty(StatusCode::OK),
                Err(PushError::Gone) => gone(),
                Err(PushError::Full) => limit_exceeded("The client's buffer is full"),
            }
        }
        Method::GET => connection
            .filter(|connection| connection.is_open())
            .map_or_else(gone, |connection| describe(&connection)),
        Method::DELETE => match connection {
            Some(connection) if connection.close(End::deleted()) => empty(StatusCode::NO_CONTENT),
            _ => gone(),
        },
        _ => error(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden"),
    }
}

/// Hands a message to its connection, now or, as a fault, later.
fn push(faults: &Faults, connection: Arc<Connection>, text: String) -> Result<(), PushError> {
    if !connection.is_open() {
        return Err(PushError::Gone);
    }
    if faults.happens(Fault::PushFull) {
        return Err(PushError::Full);
    }
    let Some(late) = faults.push_late() else {
        return connection.push(text);
    };
    tokio::spawn(async move {
        sleep(late).await;
        // Nobody is left to tell when it fails: that is the fault.
        connection.push(text).ok();
    });
    Ok(())
}

/// What happens to a request before it is looked at, by chance.
async fn trouble(faults: &Faults) -> Option<Reply> {
    if let Some(latency) = faults.push_latency() {
        sleep(latency).await;
    }
    if faults.happens(Fault::PushFailed) {
        return Some(error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerErrorException",
            "Internal server error",
        ));
    }
    if faults.happens(Fault::PushThrottled) {
        return Some(limit_exceeded("Too Many Requests"));
    }
    faults.happens(Fault::PushGone).then(gone)
}

/// Keys in lower camel case and times as `date-time`: what the SDKs parse.
fn describe(connection: &Connection) -> Reply {
    let mut identity = Map::from_iter([("sourceIp".to_owned(), json!(connection.source_ip.to_string()))]);
    if let Some(agent) = &connection.user_agent {
        identity.insert("userAgent".to_owned(), json!(agent));
    }
    let body = json!({
        "connectedAt": clock::iso_form(connection.connected_at_ms),
        "identity": identity,
        "lastActiveAt": clock::iso_form(connection.last_active_ms()),
    });
    json_reply(StatusCode::OK, &body)
}

/// Unknown, closed, or its handshake has not ended.
fn gone() -> Reply {
    error(StatusCode::GONE, "GoneException", "Gone")
}

/// Too many requests for the account's rate or the client's buffer. No `Retry-After` is documented, so there is none.
fn limit_exceeded(message: &str) -> Reply {
    error(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", message)
}

fn error(status: StatusCode, kind: &'static str, message: &str) -> Reply {
    let mut reply = json_reply(status, &json!({"message": message}));
    reply
        .headers_mut()
        .insert("x-amzn-errortype", HeaderValue::from_static(kind));
    reply
}
