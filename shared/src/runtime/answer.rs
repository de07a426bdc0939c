//! What functions of the HTTP API answer.

use serde::Serialize;

use super::event::Reply;
use crate::error::ApiError;
use crate::wire;

/// What a handler answers: a status and a JSON body.
#[derive(Debug)]
pub struct Answer {
    pub(super) status: u16,
    body: String,
    location: Option<String>,
}

impl Answer {
    /// 200 with this body.
    pub fn ok(body: &impl Serialize) -> Self {
        Self::new(200, wire::to_json(body))
    }

    /// 201 with this body.
    pub fn created(body: &impl Serialize) -> Self {
        Self::new(201, wire::to_json(body))
    }

    /// 204, which has no body.
    pub fn nothing() -> Self {
        Self::new(204, String::new())
    }

    /// 308: the same request belongs to this address.
    pub fn moved(location: String) -> Self {
        Self {
            location: Some(location),
            ..Self::new(308, String::new())
        }
    }

    fn new(status: u16, body: String) -> Self {
        Self {
            status,
            body,
            location: None,
        }
    }
}

/// What API Gateway is told. An answer to HEAD has no body.
pub(super) fn reply(outcome: Result<Answer, ApiError>, request_id: &str, has_body: bool) -> Reply {
    let answer = outcome.unwrap_or_else(|error| {
        let body = wire::to_json(&wire::error_body(&error, request_id));
        Answer::new(error.status(), body)
    });
    let body = if has_body { answer.body } else { String::new() };
    let reply = Reply::new(answer.status, body)
        .with("content-type", "application/json")
        .with("cache-control", "no-store");
    match answer.location {
        Some(location) => reply.with("location", location),
        None => reply,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::super::event::LAMBDA_ANSWER_BYTES;
    use super::*;
    use crate::domain::limits::{METADATA_BYTES, PER_PAGE_MAX, TEXT_JSON_BYTES};

    /// What of a message, an entry of the inbox and a profile takes the most room.
    #[derive(Serialize)]
    struct Message<'a> {
        text: &'a RawValue,
        metadata: &'a RawValue,
        author: &'a RawValue,
        rest: Value,
    }

    /// The longest answers that clients can ask for: a page of the longest messages, each with a profile of 4 KiB.
    #[test]
    fn the_longest_page_fits_lambda() {
        let raw = |json: String| RawValue::from_string(json).unwrap();
        // Quotes: as text they would be escaped once more.
        let text = raw(format!("\"{}\"", "\\\"".repeat(TEXT_JSON_BYTES / 2)));
        let metadata = raw(format!("{{\"x\":\"{}\"}}", "\\\"".repeat((METADATA_BYTES - 8) / 2)));
        let profile = raw(format!("{{\"id\":\"{}\"}}", "\\\"".repeat((4 * 1024 - 9) / 2)));
        let moment = json!({"epoch": 1_795_000_000_000_u64, "iso": "2026-11-25T23:32:10.000Z"});
        let message = Message {
            text: &text,
            metadata: &metadata,
            author: &profile,
            rest: json!({
                "id": "0192f0e4-7d00-7000-8000-000000000001", "timestamp": moment, "edited": moment, "type": "text", "seq": u64::MAX,
                "rev": u64::MAX, "status": "seen", "client_id": "\"".repeat(64),
                // What an entry of the inbox has around it.
                "latest": {"timestamp": moment, "unread": u64::MAX, "type": "user", "id": "~".repeat(64)},
            }),
        };
        let page: Vec<&Message<'_>> = (0..PER_PAGE_MAX).map(|_| &message).collect();
        let answer = Answer::ok(&json!({"state": {"key": "~".repeat(512)}, "messages": page}));
        assert!(answer.body.len() > 3_000_000, "{} bytes", answer.body.len());
        let reply = serde_json::to_string(&reply(Ok(answer), "id", true)).unwrap();
        assert!(reply.len() < LAMBDA_ANSWER_BYTES, "{} bytes", reply.len());
        assert!(reply.contains("\"isBase64Encoded\":true"));
    }
}
