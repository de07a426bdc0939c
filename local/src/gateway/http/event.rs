//! The event of payload format 2.0, which an HTTP API gives to a function.
//!
//! # Source
//! API Gateway developer guide, "Lambda proxy integrations for HTTP APIs", format 2.0. Recorded requests show that
//! `rawPath` is decoded and ends before a decoded `?`, and that form bodies come in base64.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{HeaderMap, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::routes::Target;
use crate::aws::{clock, stand_ins::ACCOUNT};

/// What the event says in addition to the request.
#[derive(Debug)]
pub struct Context<'a> {
    /// The route.
    pub target: &'a Target,
    /// Its path variables.
    pub path_parameters: BTreeMap<String, String>,
    /// `$default`, or the name that is the first part of the path.
    pub stage: &'a str,
    /// The gateway's id for the request.
    pub request_id: &'a str,
    /// The X-Ray trace header.
    pub trace_id: &'a str,
    /// The client's address.
    pub source_ip: IpAddr,
    /// The gateway's port.
    pub port: u16,
    /// When the request came.
    pub now_ms: i64,
}

/// The path that routes are matched against: decoded, and cut at a decoded question mark.
pub fn decoded_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    decoded.split('?').next().unwrap_or_default().to_owned()
}

/// Builds the event.
pub fn event(parts: &Parts, body: &Bytes, path: &str, context: &Context<'_>) -> Value {
    let query = parts.uri.query().unwrap_or_default();
    let host = text(&parts.headers, &header::HOST);
    let mut event = json!({
        "version": "2.0",
        "routeKey": context.target.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(parts, body.len(), context),
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split(['.', ':']).next().unwrap_or_default(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": context.source_ip.to_canonical().to_string(),
                "userAgent": text(&parts.headers, &header::USER_AGENT),
            },
            "requestId": context.request_id,
            "routeKey": context.target.key,
            "stage": context.stage,
            "time": clock::log_form(context.now_ms),
            "timeEpoch": context.now_ms,
        },
        "isBase64Encoded": false,
    });
    let mut add = |name: &str, value: Value| {
        if let Some(event) = event.as_object_mut() {
            event.insert(name.to_owned(), value);
        }
    };
    let cookies = cookies(&parts.headers);
    if !cookies.is_empty() {
        add("cookies", json!(cookies));
    }
    if !query.is_empty() {
        add("queryStringParameters", json!(query_parameters(query)));
    }
    if !context.path_parameters.is_empty() {
        add("pathParameters", json!(context.path_parameters));
    }
    if !body.is_empty() {
        if let Some(body) = text_body(&parts.headers, body) {
            add("body", json!(body));
        } else {
            add("body", json!(STANDARD.encode(body)));
            add("isBase64Encoded", json!(true));
        }
    }
    event
}

fn text(headers: &HeaderMap, name: &header::HeaderName) -> String {
    headers
        .get(name)
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
        .unwrap_or_default()
}

/// The headers of the event: names in lower case, repeated ones joined by commas, no cookies, and the headers that API Gateway
/// adds. A body that came in chunks gets a length too.
fn headers(parts: &Parts, body_bytes: usize, context: &Context<'_>) -> Map<String, Value> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in &parts.headers {
        if [header::COOKIE, header::TRANSFER_ENCODING].contains(name) {
            continue;
        }
        let value = String::from_utf8_lossy(value.as_bytes());
        joined
            .entry(name.as_str().to_owned())
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert(value.into_owned());
    }
    let source = context.source_ip.to_canonical().to_string();
    joined
        .entry("x-forwarded-for".to_owned())
        .and_modify(|all| *all = format!("{all}, {source}"))
        .or_insert(source);
    joined.insert("x-forwarded-port".to_owned(), context.port.to_string());
    joined.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    joined.insert("x-amzn-trace-id".to_owned(), context.trace_id.to_owned());
    joined
        .entry("content-length".to_owned())
        .or_insert_with(|| body_bytes.to_string());
    joined
        .into_iter()
        .map(|(name, value)| (name, Value::String(value)))
        .collect()
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let all = headers.get_all(header::COOKIE).iter();
    all.flat_map(|value| {
        String::from_utf8_lossy(value.as_bytes())
            .split(';')
            .map(|one| one.trim().to_owned())
            .collect::<Vec<_>>()
    })
    .filter(|cookie| !cookie.is_empty())
    .collect()
}

/// Decoded names and values, repeated ones joined by commas.
fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = form_decoded(value);
        joined
            .entry(form_decoded(name))
            .and_modify(|all| *all = format!("{all},{value}"))
            .or_insert(value);
    }
    joined
}

fn form_decoded(text: &str) -> String {
    let spaced: Cow<'_, str> = if text.contains('+') {
        text.replace('+', " ").into()
    } else {
        text.into()
    };
    percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
}

/// The body as text, if API Gateway passes its content type on as text. A body without a content type is text if it is UTF-8.
fn text_body<'b>(headers: &HeaderMap, body: &'b [u8]) -> Option<&'b str> {
    let kind = text(headers, &header::CONTENT_TYPE);
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let is_text = kind.is_empty()
        || kind.starts_with("text/")
        || ["application/json", "application/javascript", "application/xml"].contains(&kind.as_str())
        || kind.ends_with("+json")
        || kind.ends_with("+xml");
    if is_text && !headers.contains_key(header::CONTENT_ENCODING) {
        str::from_utf8(body).ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::Request;

    use super::*;

    fn event_of(request: http::request::Builder, body: &'static [u8]) -> Value {
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let target = Target {
            key: "POST /api/{target}/{id}".to_owned(),
            function: "Send".to_owned(),
            timeout: Duration::from_secs(30),
        };
        let context = Context {
            target: &target,
            path_parameters: BTreeMap::from([
                ("target".to_owned(), "user".to_owned()),
                ("id".to_owned(), "5".to_owned()),
            ]),
            stage: "$default",
            request_id: "L0SM9cOFvHcCIhw=",
            trace_id: "Root=1-0-0",
            source_ip: "127.0.0.1".parse().unwrap(),
            port: 3005,
            now_ms: 1_701_245_041_798,
        };
        event(
            &parts,
            &Bytes::from_static(body),
            &decoded_path(parts.uri.path()),
            &context,
        )
    }

    #[test]
    fn an_event_has_the_documented_shape() {
        let request = Request::post("/api/user/5?a=1&a=2&b=x%20y+z&c")
            .header("Host", "localhost:3005")
            .header("Content-Type", "application/json; charset=utf-8")
            .header("Transfer-Encoding", "chunked")
            .header("X-Twice", "one")
            .header("X-Twice", "two")
            .header("Cookie", "k=v; l=w");
        insta::assert_json_snapshot!(event_of(request, b"{\"type\":\"text\"}"), @r#"
        {
          "body": "{\"type\":\"text\"}",
          "cookies": [
            "k=v",
            "l=w"
          ],
          "headers": {
            "content-length": "15",
            "content-type": "application/json; charset=utf-8",
            "host": "localhost:3005",
            "x-amzn-trace-id": "Root=1-0-0",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "3005",
            "x-forwarded-proto": "http",
            "x-twice": "one,two"
          },
          "isBase64Encoded": false,
          "pathParameters": {
            "id": "5",
            "target": "user"
          },
          "queryStringParameters": {
            "a": "1,2",
            "b": "x y z",
            "c": ""
          },
          "rawPath": "/api/user/5",
          "rawQueryString": "a=1&a=2&b=x%20y+z&c",
          "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "localhost:3005",
            "domainPrefix": "localhost",
            "http": {
              "method": "POST",
              "path": "/api/user/5",
              "protocol": "HTTP/1.1",
              "sourceIp": "127.0.0.1",
              "userAgent": ""
            },
            "requestId": "L0SM9cOFvHcCIhw=",
            "routeKey": "POST /api/{target}/{id}",
            "stage": "$default",
            "time": "29/Nov/2023:08:04:01 +0000",
            "timeEpoch": 1701245041798
          },
          "routeKey": "POST /api/{target}/{id}",
          "version": "2.0"
        }
        "#);
    }

    #[test]
    fn what_is_absent_is_left_out() {
        let event = event_of(Request::get("/api/user/5"), b"");
        for field in ["body", "cookies", "queryStringParameters"] {
            assert_eq!(event.get(field), None, "{field}");
        }
    }

    #[test]
    fn bodies_that_are_not_text_come_in_base64() {
        let form = event_of(
            Request::post("/").header("Content-Type", "application/x-www-form-urlencoded"),
            b"a=b",
        );
        assert_eq!(
            (&form["body"], &form["isBase64Encoded"]),
            (&json!("YT1i"), &json!(true))
        );
        let broken = event_of(Request::post("/").header("Content-Type", "application/json"), b"\xff");
        assert_eq!(broken["isBase64Encoded"], json!(true));
    }

    #[test]
    fn the_path_is_decoded_and_cut_at_a_question_mark() {
        assert_eq!(decoded_path("/api/user/a%40b%20c"), "/api/user/a@b c");
        assert_eq!(decoded_path("/api/a%2Fb"), "/api/a/b");
        assert_eq!(decoded_path("/api/a%3Fb"), "/api/a");
    }
}
