//! `@connections/{id}`: how a function pushes to a client, asks about it, and closes it.
//!
//! # Source
//! API Gateway developer guide, "Use @connections commands in your backend service", and the models of the SDKs. The type of an
//! error is in the header `x-amzn-ErrorType`, and its body is JSON, which is what the Rust SDK needs to recognise it.

use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Map, json};

use super::websocket::{
    Shared,
    registry::{Connection, End, PushError},
};
use crate::{
    clock, ids,
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
            match connection.map_or(Err(PushError::Gone), |connection| connection.push(text)) {
                Ok(()) => empty(StatusCode::OK),
                Err(PushError::Gone) => gone(),
                Err(PushError::Full) => error(
                    StatusCode::TOO_MANY_REQUESTS,
                    "LimitExceededException",
                    "The client's buffer is full",
                ),
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

fn error(status: StatusCode, kind: &'static str, message: &str) -> Reply {
    let mut reply = json_reply(status, &json!({"message": message}));
    reply
        .headers_mut()
        .insert("x-amzn-errortype", HeaderValue::from_static(kind));
    reply
}
