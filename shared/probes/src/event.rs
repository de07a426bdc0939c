//! A call as the event by which API Gateway or SQS would start the function, and the function's answer to it.
//!
//! # Source
//! API Gateway developer guide: "Lambda proxy integrations for HTTP APIs", format 2.0; "Set up a WebSocket API integration request". AWS Lambda
//! Developer Guide, "Using Lambda with Amazon SQS".

use serde_json::{Map, Value, json};

use super::{Answer, Call};

/// An id of a connection, in API Gateway's form, that no connection has.
const CONNECTION: &str = "senna-check-00=";

impl Call {
    /// The event of this call at `now_ms`, with a token if there is one.
    pub fn event(&self, token: Option<&str>, now_ms: u64) -> Value {
        match *self {
            Self::Rest { route, path, body } => rest(route, path, body, token, now_ms),
            Self::Connect => socket("$connect", "CONNECT", None, now_ms),
            Self::Disconnect => socket("$disconnect", "DISCONNECT", None, now_ms),
            Self::Frame(frame) => socket("$default", "MESSAGE", Some(frame), now_ms),
            Self::Jobs => json!({"Records": []}),
        }
    }
}

impl Answer {
    /// What a function returned to the event of a call.
    pub fn of_payload(payload: &[u8]) -> Self {
        let payload: Value = serde_json::from_slice(payload).unwrap_or_default();
        match payload["statusCode"].as_u64().and_then(|status| status.try_into().ok()) {
            Some(status) => {
                let body = payload["body"].as_str().unwrap_or_default();
                // `$disconnect` and an accepted handshake have none.
                let body = if body.is_empty() { "{}" } else { body };
                Self::new(status, body.as_bytes())
            }
            None => Self {
                status: 200,
                body: payload,
            },
        }
    }
}

fn rest(route: &str, path: &str, body: &str, token: Option<&str>, now_ms: u64) -> Value {
    let method = route.split(' ').next().unwrap_or_default();
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let mut headers = Map::new();
    headers.insert("content-type".to_owned(), json!("application/json"));
    if let Some(token) = token {
        headers.insert("authorization".to_owned(), json!(format!("Bearer {token}")));
    }
    json!({
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers,
        "pathParameters": parameters(route, path),
        "requestContext": {
            "accountId": "check",
            "apiId": "check",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "senna-check"},
            "requestId": "check",
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": now_ms,
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

/// The values of the names in braces.
fn parameters(route: &str, path: &str) -> Map<String, Value> {
    let (_, pattern) = route.split_once(' ').unwrap_or_default();
    let named = pattern.split('/').zip(path.split('/')).filter_map(|(name, value)| {
        let name = name.strip_prefix('{')?.strip_suffix('}')?;
        Some((name.to_owned(), json!(value)))
    });
    named.collect()
}

fn socket(route: &str, kind: &str, body: Option<&str>, now_ms: u64) -> Value {
    json!({
        "requestContext": {
            "routeKey": route,
            "eventType": kind,
            "messageDirection": "IN",
            "stage": "live",
            "connectedAt": now_ms,
            "requestTimeEpoch": now_ms,
            "identity": {"sourceIp": "127.0.0.1"},
            "requestId": "check",
            "connectionId": CONNECTION,
            "apiId": "check",
        },
        "body": body,
        "isBase64Encoded": false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PROBES;

    #[test]
    fn every_name_of_a_route_has_a_value() {
        for probe in PROBES {
            if let Call::Rest { route, path, .. } = probe.call {
                let path = path.split('?').next().unwrap();
                let named = route.matches('{').count();
                assert_eq!(parameters(route, path).len(), named, "{route} {path}");
                assert_eq!(route.matches('/').count(), path.matches('/').count(), "{route} {path}");
            }
        }
    }

    #[test]
    fn an_answer_is_read_from_what_the_function_returned() {
        let answer = Answer::of_payload(br#"{"statusCode":401,"body":"{\"error\":true,\"status\":401}"}"#);
        assert_eq!((answer.status, answer.is_ours()), (401, true));
        assert!(Answer::of_payload(br#"{"statusCode":200,"body":""}"#).is_ours());
        let jobs = Answer::of_payload(br#"{"batchItemFailures":[]}"#);
        assert_eq!(jobs.body, json!({"batchItemFailures": []}));
        assert!(!Answer::of_payload(b"null").is_ours());
    }
}
