//! `@connections/{id}`: how a function pushes to a client, asks about it, and closes it.
//!
//! # Source
//! API Gateway developer guide, "Use @connections commands in your backend service", and the models of the SDKs. The type of an
//! error is in the header `x-amzn-ErrorType`, and its body is JSON, which is what the Rust SDK needs to recognise it.

use std::{borrow::Cow, sync::Arc};

use http::{HeaderValue, Method, Request, StatusCode};
use hyper::body::{Bytes, Incoming};
use serde_json::{Map, json};
use tokio::time::sleep;

use super::{
    api::Shared,
    registry::{Connection, End, PushError},
};
use crate::{
    aws::{clock, ids, signature},
    faults::{Fault, Faults},
    machine::logs,
    server::{BodyError, Reply, empty, is_from_a_page, json as json_reply, read_body},
};

/// The service's name in a credential scope.
const SERVICE: &str = "execute-api";

/// An error of the service: its status, its type and its text.
#[derive(Debug)]
pub(crate) struct ServiceError(StatusCode, &'static str, Cow<'static, str>);

impl ServiceError {
    fn bad_request(message: impl Into<Cow<'static, str>>) -> Self {
        Self(StatusCode::BAD_REQUEST, "BadRequestException", message.into())
    }

    /// The request is not allowed or not signed, or its address is none of the service.
    pub(crate) fn forbidden() -> Self {
        Self(StatusCode::FORBIDDEN, "ForbiddenException", "Forbidden".into())
    }

    /// The connection is unknown or closed, or its handshake has not ended.
    fn gone() -> Self {
        Self(StatusCode::GONE, "GoneException", "Gone".into())
    }

    /// Too many requests for the account, or the client's buffer is full. AWS documents no `Retry-After`, so there is none.
    fn limit_exceeded(message: &'static str) -> Self {
        Self(StatusCode::TOO_MANY_REQUESTS, "LimitExceededException", message.into())
    }

    /// The answer that carries it.
    pub(crate) fn reply(&self) -> Reply {
        let Self(status, kind, message) = self;
        let mut reply = json_reply(*status, &json!({"message": message}));
        reply
            .headers_mut()
            .insert("x-amzn-errortype", HeaderValue::from_static(kind));
        reply
    }
}

impl From<PushError> for ServiceError {
    fn from(error: PushError) -> Self {
        match error {
            PushError::Gone => Self::gone(),
            PushError::Full => Self::limit_exceeded("The client's buffer is full"),
        }
    }
}

/// Answers a request for the connection `id`.
pub(crate) async fn answer(shared: &Shared, id: &str, request: Request<Incoming>) -> Reply {
    let answered = answer_or_fail(shared, id, request).await;
    answered.unwrap_or_else(|error| error.reply())
}

async fn answer_or_fail(shared: &Shared, id: &str, request: Request<Incoming>) -> Result<Reply, ServiceError> {
    let (parts, body) = request.into_parts();
    // On AWS a request needs a signature, and a page has no keys. Here a signature is needed only with `--sigv4`.
    if !shared.signed && is_from_a_page(&parts.headers) {
        logs::stack("@connections refused a request of a browser's page");
        return Err(ServiceError::forbidden());
    }
    let body = read_body(body, shared.limits.message_bytes, shared.limits.body).await;
    let body = body.map_err(|error| match error {
        BodyError::TooLarge => ServiceError(
            StatusCode::PAYLOAD_TOO_LARGE,
            "PayloadTooLargeException",
            "Message too long".into(),
        ),
        BodyError::Broken => ServiceError::bad_request("Incomplete body"),
        BodyError::TooSlow => ServiceError(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeoutException",
            "Request Timeout".into(),
        ),
    })?;
    if shared.signed {
        signature::check(&parts, &body, SERVICE).map_err(|refused| {
            logs::stack(format_args!("@connections refused a request: {refused}"));
            ServiceError::forbidden()
        })?;
    }
    if !ids::is_gateway_id(id) {
        return Err(ServiceError::bad_request(format!("Invalid connectionId: {id}")));
    }
    trouble(&shared.faults).await?;
    let connection = shared.registry.find(id);
    let connection = connection.filter(|connection| connection.is_open());
    match parts.method {
        Method::POST => post(&shared.faults, connection, body),
        Method::GET => Ok(describe(&*connection.ok_or_else(ServiceError::gone)?)),
        Method::DELETE => match connection {
            Some(connection) if connection.close(End::deleted()) => Ok(empty(StatusCode::NO_CONTENT)),
            _ => Err(ServiceError::gone()),
        },
        _ => Err(ServiceError::forbidden()),
    }
}

/// Hands a message to its connection: now or, as a fault, later.
fn post(faults: &Faults, connection: Option<Arc<Connection>>, body: Bytes) -> Result<Reply, ServiceError> {
    // The client gets a text frame, which must be UTF-8. What AWS answers to other bytes is not documented.
    let text = String::from_utf8(body.into()).map_err(|_| ServiceError::bad_request("The message is not UTF-8"))?;
    let connection = connection.ok_or_else(ServiceError::gone)?;
    if faults.happens(Fault::PushFull) {
        return Err(PushError::Full.into());
    }
    match faults.push_late() {
        None => connection.push(text)?,
        Some(late) => {
            tokio::spawn(async move {
                sleep(late).await;
                // When it fails, nobody is told: this is the fault.
                connection.push(text).ok();
            });
        }
    }
    Ok(empty(StatusCode::OK))
}

/// The faults that happen to a request before the gateway looks at it.
async fn trouble(faults: &Faults) -> Result<(), ServiceError> {
    if let Some(latency) = faults.push_latency() {
        sleep(latency).await;
    }
    if faults.happens(Fault::PushFailed) {
        return Err(ServiceError(
            StatusCode::INTERNAL_SERVER_ERROR,
            "InternalServerErrorException",
            "Internal server error".into(),
        ));
    }
    if faults.happens(Fault::PushThrottled) {
        return Err(ServiceError::limit_exceeded("Too Many Requests"));
    }
    if faults.happens(Fault::PushGone) {
        return Err(ServiceError::gone());
    }
    Ok(())
}

/// Describes a connection, with keys in lower camel case and times as `date-time`, as the SDKs parse them.
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
