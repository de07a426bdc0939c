//! The reply of an HTTP API, made from a function's answer.
//!
//! # Source
//! API Gateway developer guide, "Lambda proxy integrations for HTTP APIs", response of format 2.0. It knows no
//! `multiValueHeaders`; a function that needs several values uses `cookies` or joins them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use http_body_util::Full;
use serde_json::Value;

use crate::server::Reply;

/// Headers that belong to the gateway's own connection.
const NOT_PASSED_ON: [HeaderName; 4] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    HeaderName::from_static("keep-alive"),
];

/// What stands between prelude and body of a streamed answer.
const STREAM_DELIMITER: [u8; 8] = [0; 8];

/// The reply for a function's answer.
///
/// # Errors
/// A sentence that says why the answer is malformed. The client gets a 500.
pub fn reply(answer: &Bytes) -> Result<Reply, &'static str> {
    let Ok(value) = serde_json::from_slice::<Value>(answer) else {
        // An HTTP API takes no streamed answers, only REST APIs and function URLs do (developer guide, "Stream the integration
        // response"). What an HTTP API does with one is not documented. It is not JSON.
        let streamed = answer
            .windows(STREAM_DELIMITER.len())
            .any(|part| part == STREAM_DELIMITER);
        return Err(if streamed {
            "its answer is streamed, which an HTTP API doesn't take"
        } else {
            "its answer is not JSON"
        });
    };
    if value.get("statusCode").is_none() {
        return Ok(inferred(&value));
    }
    answered(&value).ok_or("its answer is not what an HTTP API takes")
}

/// The reply for an answer with a status.
fn answered(value: &Value) -> Option<Reply> {
    let status = value.get("statusCode")?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    let status = StatusCode::from_u16(u16::try_from(status).ok()?)
        .ok()
        .filter(|status| status.as_u16() >= 200)?;
    let mut headers = HeaderMap::new();
    for (name, value) in value.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let name = HeaderName::try_from(name).ok()?;
        let value = HeaderValue::try_from(scalar_text(value)?).ok()?;
        if !NOT_PASSED_ON.contains(&name) {
            headers.insert(name, value);
        }
    }
    for cookie in value.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        headers.append(header::SET_COOKIE, HeaderValue::try_from(cookie.as_str()?).ok()?);
    }
    headers
        .entry(header::CONTENT_TYPE)
        .or_insert(HeaderValue::from_static("text/plain;charset=UTF-8"));
    let body = match value.get("body") {
        None | Some(Value::Null) => Bytes::new(),
        Some(Value::String(text)) if value.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            STANDARD.decode(text).ok()?.into()
        }
        Some(Value::String(text)) => text.clone().into(),
        Some(_) => return None,
    };
    let mut reply = Response::new(Full::from(body));
    *reply.status_mut() = status;
    *reply.headers_mut() = headers;
    Some(reply)
}

/// The reply for an answer without `statusCode`: a 200 whose body is the whole answer.
fn inferred(value: &Value) -> Reply {
    let body = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut reply = Response::new(Full::from(body));
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}

fn scalar_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    /// Status, headers and body.
    type Shown = (u16, Vec<(String, String)>, Bytes);

    fn shown(answer: &'static str) -> Option<Shown> {
        let (parts, body) = reply(&Bytes::from_static(answer.as_bytes())).ok()?.into_parts();
        let headers = parts
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        Some((
            parts.status.as_u16(),
            headers.collect(),
            runtime.block_on(body.collect()).unwrap().to_bytes(),
        ))
    }

    #[test]
    fn status_headers_cookies_and_body_are_passed_on() {
        let answer = r#"{"statusCode":201,"headers":{"X-A":"1","content-type":"text/x","content-length":"9"},"cookies":["a=1","b=2"],"body":"aGk=","isBase64Encoded":true}"#;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (status, mut headers, body) = shown(answer).unwrap();
        headers.sort();
        assert_eq!(status, 201);
        assert_eq!(
            headers,
            [
                pair("content-type", "text/x"),
                pair("set-cookie", "a=1"),
                pair("set-cookie", "b=2"),
                pair("x-a", "1")
            ]
        );
        assert_eq!(body, "hi");
    }

    #[test]
    fn an_answer_without_status_is_the_body() {
        assert_eq!(
            shown(r#"{"a":1}"#).map(|(status, _, body)| (status, body)),
            Some((200, Bytes::from_static(br#"{"a":1}"#)))
        );
        assert_eq!(
            shown(r#""hi""#).map(|(_, _, body)| body),
            Some(Bytes::from_static(b"hi"))
        );
    }

    #[test]
    fn a_malformed_answer_is_none() {
        for answer in [
            "",
            "{",
            r#"{"statusCode":"x"}"#,
            r#"{"statusCode":99}"#,
            r#"{"statusCode":200,"body":{}}"#,
            r#"{"statusCode":200,"headers":{"a":["b"]}}"#,
        ] {
            assert!(shown(answer).is_none(), "{answer}");
        }
    }
}
