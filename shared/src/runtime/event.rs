//! What Lambda hands to a function: an event of API Gateway, and the answer to it.
//!
//! An event is read field by field, and a field that is missing, of another type or unreadable counts as empty. So no input of a client can make a
//! function fail before it answers.
//!
//! # Source
//! API Gateway developer guide: "Lambda proxy integrations for HTTP APIs", format 2.0; "Set up a WebSocket API integration request".

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::ApiError;

/// The longest answer that Lambda takes from a function, in bytes.
///
/// # Source
/// AWS Lambda quotas: "Invocation payload (request and response)" is 6 MB; the error for a longer one names 6291556 bytes.
#[cfg(test)]
pub(super) const LAMBDA_ANSWER_BYTES: usize = 6_291_556;
/// From this length on a body travels in base64, which makes every body a third longer. As text, every quote and backslash in it is
/// escaped once more.
const BASE64_FROM_BYTES: usize = 1024 * 1024;
/// How compressed bodies begin that come without a header: gzip (RFC 1952) and zstd (RFC 8878).
const COMPRESSED: [&[u8]; 2] = [&[0x1f, 0x8b], &[0x28, 0xb5, 0x2f, 0xfd]];
const BYTE_ORDER_MARK: char = '\u{feff}';

/// An event of API Gateway.
#[derive(Debug)]
pub(crate) struct Event {
    fields: Value,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Event {
    /// Reads an event. If the text is not a JSON object, every field is empty. Each field is read by itself, so that an unreadable one does not empty
    /// the others: a client chooses the names of its query's parameters, and `serde_json` reads an object whose first name is
    /// `$serde_json::private::RawValue` as something else.
    pub(crate) fn new(json: &RawValue) -> Self {
        let given: HashMap<String, &RawValue> = serde_json::from_str(json.get()).unwrap_or_default();
        let read = |(name, field): (String, &RawValue)| Some((name, serde_json::from_str(field.get()).ok()?));
        let fields = Value::Object(given.into_iter().filter_map(read).collect());
        Self {
            headers: headers(&fields),
            body: body(&fields),
            fields,
        }
    }

    /// A text; empty if it is not there. `path` has a slash before each name, as `/requestContext/stage`.
    pub(super) fn text(&self, path: &str) -> &str {
        self.field(path).and_then(Value::as_str).unwrap_or_default()
    }

    /// A number that is not negative, if it is there.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.field(path).and_then(Value::as_u64)
    }

    /// `Value::pointer` would look for escaped slashes in each name, of which there are none: five times the work.
    fn field(&self, path: &str) -> Option<&Value> {
        let mut names = path.split('/').skip(1);
        names.try_fold(&self.fields, |value, name| value.get(name))
    }

    /// The headers that can be read; one that came several times has several values if API Gateway gives them apart.
    pub(crate) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// A parameter of the decoded query of a WebSocket event.
    pub(super) fn decoded_query(&self, name: &str) -> Option<&str> {
        self.fields.get("queryStringParameters")?.get(name)?.as_str()
    }

    /// A parameter of the raw query of an HTTP API event: the first of that name.
    pub(super) fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let pairs = url::form_urlencoded::parse(self.text("/rawQueryString").as_bytes());
        pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The length of the body, in bytes.
    pub(super) fn body_bytes(&self) -> usize {
        self.body.len()
    }

    /// The body as text, without a byte order mark. `what` names it in an error.
    ///
    /// # Errors
    /// [`ApiError::Compressed`]; [`ApiError::InvalidJson`] if it is not UTF-8.
    pub(super) fn body_text(&self, what: &'static str) -> Result<&str, ApiError> {
        // A list, in which some clients repeat a name or leave a place empty (RFC 9110, section 5.6.1).
        let lines = self.headers.get_all(CONTENT_ENCODING).iter();
        let mut codings = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b','));
        let is_plain = |coding: &[u8]| coding.is_empty() || coding.eq_ignore_ascii_case(b"identity");
        if codings.any(|coding| !is_plain(coding.trim_ascii())) {
            return Err(ApiError::Compressed(what));
        }
        if COMPRESSED.iter().any(|magic| self.body.starts_with(magic)) {
            return Err(ApiError::Compressed(what));
        }
        let text = std::str::from_utf8(&self.body).map_err(|_| ApiError::InvalidJson(what))?;
        Ok(text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text))
    }
}

/// `multiValueHeaders`, which only WebSocket events have, and of `headers` the names that are not in it.
fn headers(fields: &Value) -> HeaderMap {
    let mut all = HeaderMap::new();
    let object = |name: &str| fields.get(name).and_then(Value::as_object).into_iter().flatten();
    for (name, values) in object("multiValueHeaders") {
        for value in values.as_array().into_iter().flatten() {
            append(&mut all, name, value);
        }
    }
    for (name, value) in object("headers") {
        if !all.contains_key(name) {
            append(&mut all, name, value);
        }
    }
    all
}

/// A name or a value that HTTP does not allow is left out.
fn append(headers: &mut HeaderMap, name: &str, value: &Value) {
    let name = HeaderName::try_from(name);
    let value = HeaderValue::try_from(value.as_str().unwrap_or_default());
    if let (Ok(name), Ok(value)) = (name, value) {
        // It fails beyond 32,768 headers, which no request has.
        headers.try_append(name, value).ok();
    }
}

/// What claims to be base64 and is not is taken as it stands; it will not be JSON.
fn body(fields: &Value) -> Vec<u8> {
    let text = fields.get("body").and_then(Value::as_str).unwrap_or_default();
    let is_base64 = fields.get("isBase64Encoded") == Some(&Value::Bool(true));
    let decoded = is_base64.then(|| STANDARD.decode(text).ok()).flatten();
    decoded.unwrap_or_else(|| text.as_bytes().to_vec())
}

/// What a function answers to API Gateway. `headers` hold one value each: what API Gateway makes of `multiValueHeaders` is not documented for
/// HTTP APIs and `$connect`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Reply {
    status_code: u16,
    headers: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "String::is_empty")]
    body: String,
    is_base64_encoded: bool,
}

impl Reply {
    /// An answer with this body. A browser must believe its `content-type`, and not look for a script or a page in texts of users (Fetch Standard,
    /// section "`X-Content-Type-Options` header").
    pub(super) fn new(status_code: u16, body: String) -> Self {
        let is_base64_encoded = body.len() >= BASE64_FROM_BYTES;
        Self {
            status_code,
            headers: BTreeMap::from([("x-content-type-options", "nosniff".to_owned())]),
            body: if is_base64_encoded { STANDARD.encode(body) } else { body },
            is_base64_encoded,
        }
    }

    /// The same with a header.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.insert(name, value.into());
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(json: &Value) -> Event {
        Event::new(&serde_json::value::to_raw_value(json).unwrap())
    }

    #[test]
    fn a_body_says_why_it_is_not_taken() {
        let text = |body: &[u8], coding: &str| {
            let event = event(&serde_json::json!({
                "headers": {"content-encoding": coding}, "body": STANDARD.encode(body), "isBase64Encoded": true,
            }));
            event
                .body_text("body")
                .map_or_else(|error| format!("{} {error}", error.status()), str::to_owned)
        };
        insta::assert_snapshot!(text(b"{}", "identity"), @"{}");
        insta::assert_snapshot!(text("\u{feff}{}".as_bytes(), "identity"), @"{}");
        insta::assert_snapshot!(text(b"{}", ""), @"{}");
        insta::assert_snapshot!(text(b"{}", "Identity, identity"), @"{}");
        insta::assert_snapshot!(text(b"{}", "identity, gzip"), @"415 the body is compressed, which is not taken - please send it as it is");
        insta::assert_snapshot!(text(b"{}", "br"), @"415 the body is compressed, which is not taken - please send it as it is");
        insta::assert_snapshot!(text(b"\x1f\x8b\x08", "identity"), @"415 the body is compressed, which is not taken - please send it as it is");
        insta::assert_snapshot!(text(b"\x28\xb5\x2f\xfd", "identity"), @"415 the body is compressed, which is not taken - please send it as it is");
        insta::assert_snapshot!(text(b"\xff\xfe{\0}\0", "identity"), @"400 the body must be a JSON object in UTF-8");
    }

    #[test]
    fn a_field_that_cannot_be_read_is_empty_and_the_others_are_not() {
        for field in [
            r#""headers":{"host":"\ud83d"}"#,
            r#""queryStringParameters":{"$serde_json::private::RawValue":"x"}"#,
            r#""queryStringParameters":{"$serde_json::private::Number":"x"}"#,
        ] {
            let json = format!(r#"{{"rawPath":"/api",{field},"body":"{{}}"}}"#);
            let event = Event::new(&RawValue::from_string(json).unwrap());
            assert_eq!((event.text("/rawPath"), event.body_bytes()), ("/api", 2), "{field}");
            assert_eq!(
                (event.headers().len(), event.decoded_query("host")),
                (0, None),
                "{field}"
            );
        }
        let event = Event::new(&RawValue::from_string("[7]".to_owned()).unwrap());
        assert_eq!((event.text("/rawPath"), event.body_bytes()), ("", 0));
    }

    #[test]
    fn headers_that_http_does_not_allow_are_left_out() {
        let event = event(&serde_json::json!({
            "headers": {"Host": "a", "x": "y", "bad name": "1", "bad-value": "a\nb", "umlaut": "ä", "number": 7},
            "multiValueHeaders": {"host": ["b", "c"]},
        }));
        let shown = |name: &str| {
            event
                .headers()
                .get_all(name)
                .iter()
                .map(|value| format!("{value:?}"))
                .collect::<Vec<_>>()
        };
        assert_eq!(shown("host"), ["\"b\"", "\"c\""]);
        assert_eq!(shown("x"), ["\"y\""]);
        assert_eq!(shown("bad-value").len(), 0);
    }

    #[test]
    fn a_long_body_is_base64() {
        let long = "\"".repeat(BASE64_FROM_BYTES);
        let reply = serde_json::to_value(Reply::new(200, long.clone())).unwrap();
        assert_eq!(reply["isBase64Encoded"], true);
        assert_eq!(
            STANDARD.decode(reply["body"].as_str().unwrap()).unwrap(),
            long.as_bytes()
        );
        let short = serde_json::to_value(Reply::new(200, "{}".to_owned())).unwrap();
        assert_eq!(
            (&short["isBase64Encoded"], &short["body"]),
            (&Value::Bool(false), &Value::from("{}"))
        );
    }
}
