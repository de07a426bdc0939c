//! Holds what goes over the wire against the descriptions.
//!
//! What we answer must be described whole: the route, the status, the body to its last property. What a client sends is only held against them if
//! it was done, since many tests send what is wrong.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::io;
use std::io::Write as _;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail, ensure};
use http::{HeaderMap, Method, header};
use jsonschema::{Draft, Validator};
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use super::{asyncapi, openapi, socket};
use crate::Request;

static OPENAPI: LazyLock<Value> = LazyLock::new(openapi);
static ASYNCAPI: LazyLock<Value> = LazyLock::new(asyncapi);

/// How much of a wrong value an error shows, in characters.
const SHOWN: usize = 400;

/// Whether a value is what the schema of that name says.
///
/// # Errors
/// What is wrong with the value; when there is no such schema.
pub fn schema(document: &Value, name: &str, value: &Value) -> Result<()> {
    ensure!(
        document["components"]["schemas"][name].is_object(),
        "there is no schema {name}"
    );
    fits(document, name, &super::schema::named(name), value).with_context(|| format!("not a {name}"))
}

/// Whether a value is what the schema says, which stands in the document; `name` is the schema's alone.
fn fits(document: &Value, name: &str, schema: &Value, value: &Value) -> Result<()> {
    let validator = validator(document, name, schema)?;
    let mut wrong = String::new();
    for error in validator.iter_errors(value).take(3) {
        write!(
            wrong,
            "\n  at `{}`: {}",
            error.instance_path(),
            shortened(&error.to_string())
        )?;
    }
    ensure!(wrong.is_empty(), "{wrong}\n  in {}", shortened(&value.to_string()));
    Ok(())
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// A compiled schema; each is compiled once in a process.
fn validator(document: &Value, name: &str, schema: &Value) -> Result<Arc<Validator>> {
    static COMPILED: LazyLock<Mutex<HashMap<String, Arc<Validator>>>> = LazyLock::new(Mutex::default);
    let is_rest = document["openapi"].is_string();
    let key = format!("{is_rest} {name}");
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(validator) = compiled.get(&key) {
        return Ok(Arc::clone(validator));
    }
    // The dialect of each of the two descriptions.
    let draft = if is_rest { Draft::Draft202012 } else { Draft::Draft7 };
    let whole = json!({"allOf": [schema], "components": {"schemas": document["components"]["schemas"]}});
    let built = jsonschema::options().with_draft(draft).build(&whole);
    let validator = Arc::new(built.map_err(|error| anyhow::anyhow!("{name}: {error}"))?);
    compiled.insert(key, Arc::clone(&validator));
    Ok(validator)
}

/// Holds a request to the REST API and its answer against `OpenAPI`. The path of the request is without a stage.
///
/// # Errors
/// When the answer is not described, or the request is not although it was done.
pub fn rest(request: &Request, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    told(exchange(request, status, headers, body))
}

fn exchange(request: &Request, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    // API Gateway decodes a path before it looks for the route.
    let path = decoded(path);
    let operation = operation(&request.method, &path);
    let what = || {
        let sent = shortened(&String::from_utf8_lossy(&request.body));
        let got = shortened(&String::from_utf8_lossy(body));
        format!(
            "not as docs/openapi.json describes it: {} {} {sent} was answered with {status} {got}",
            request.method, request.path
        )
    };
    let Some((operation, parts)) = operation else {
        return elsewhere(&request.method, status, headers, body).with_context(what);
    };
    answered(operation, status, headers, body).with_context(what)?;
    if (200..300).contains(&status) {
        asked(operation, &parts, query, request).with_context(what)?;
    }
    Ok(())
}

/// The operation of that method and path, and the values of the path's parameters: the one that names most parts itself.
fn operation<'a>(method: &Method, path: &'a str) -> Option<(&'static Value, HashMap<&'static str, &'a str>)> {
    let method = method.as_str().to_ascii_lowercase();
    let paths = OPENAPI["paths"].as_object()?;
    let fitting = paths.iter().filter_map(|(pattern, item)| {
        let operation = item.get(&method)?;
        let (mut parts, mut own) = (HashMap::new(), 0);
        let mut segments = path.split('/');
        for wanted in pattern.split('/') {
            let segment = segments.next()?;
            match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
                Some(_) if segment.is_empty() => return None,
                Some(name) => {
                    parts.insert(name, segment);
                }
                None if wanted == segment => own += 1,
                None => return None,
            }
        }
        segments.next().is_none().then_some((own, operation, parts))
    });
    let (_, operation, parts) = fitting.max_by_key(|(own, ..)| *own)?;
    Some((operation, parts))
}

/// What is answered to a request that is no operation, as the description says in its introduction.
fn elsewhere(method: &Method, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let is_empty = body.is_empty();
    match status {
        // API Gateway says 204, and SAM 200.
        200 | 204 if method == Method::OPTIONS => ensure!(is_empty, "an answer to OPTIONS with a body"),
        308 => ensure!(is_empty && headers.contains_key(header::LOCATION), "308 leads nowhere"),
        200 | 401 | 404 if method == Method::HEAD => ensure!(is_empty, "an answer to HEAD with a body"),
        // `GET /api/` and the like.
        200 if method == Method::GET => schema(&OPENAPI, "Welcome", &serde_json::from_slice(body)?)?,
        400 | 404 | 413 | 500 | 503 if schema(&OPENAPI, "GatewayError", &parsed(body)).is_ok() => {}
        401 | 404 | 503 => {
            let body = parsed(body);
            schema(&OPENAPI, "Error", &body)?;
            let code = body["code"].as_str().unwrap_or_default();
            let codes = ["NOT_FOUND", "NOT_AUTHENTICATED", "INVALID_TOKEN_ERR", "UNAVAILABLE"];
            ensure!(
                codes.contains(&code) && body["status"] == status,
                "no error of an unknown route"
            );
        }
        _ => bail!("there is no such route, and no such answer to its lack"),
    }
    Ok(())
}

/// The body as JSON; null if it is not JSON.
fn parsed(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

/// Whether the operation has such an answer.
fn answered(operation: &Value, status: u16, headers: &HeaderMap, body: &[u8]) -> Result<()> {
    let id = &operation["operationId"];
    let response = &operation["responses"][status.to_string()];
    ensure!(response.is_object(), "{id} has no answer with {status}");
    let kind = headers.get(header::CONTENT_TYPE).map(http::HeaderValue::as_bytes);
    let lines = &response["content"]["application/x-ndjson"]["schema"];
    if lines.is_object() {
        ensure!(
            kind == Some(b"application/x-ndjson"),
            "{id} is answered with another content type"
        );
        for line in body.split_inclusive(|byte| *byte == b'\n') {
            let line = serde_json::from_slice(line).with_context(|| format!("{id} has a line that is no JSON"))?;
            fits(&OPENAPI, &format!("{id} line"), lines, &line).with_context(|| format!("a line of {id}"))?;
        }
        return Ok(());
    }
    let schema = &response["content"]["application/json"]["schema"];
    if schema.is_null() {
        ensure!(body.is_empty(), "{id} has a body with {status}");
        return Ok(());
    }
    let is_json = kind.is_some_and(|kind| kind.starts_with(b"application/json"));
    ensure!(is_json, "{id} is answered with another content type");
    let body = serde_json::from_slice(body).with_context(|| format!("{id} is answered with no JSON"))?;
    fits(&OPENAPI, &format!("{id} {status}"), schema, &body).with_context(|| format!("the answer to {id}"))
}

/// Whether what was done is described: parameters and body.
fn asked(operation: &Value, parts: &HashMap<&str, &str>, query: &str, request: &Request) -> Result<()> {
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let name = parameter["name"].as_str().unwrap_or_default();
        let given: Vec<String> = match parameter["in"].as_str() {
            Some("path") => parts.get(name).map(ToString::to_string).into_iter().collect(),
            Some("query") => values(query, name),
            _ => {
                let named = |(header, _): &&(String, String)| header.eq_ignore_ascii_case(name);
                request
                    .headers
                    .iter()
                    .filter(named)
                    .map(|(_, value)| value.clone())
                    .collect()
            }
        };
        // What is given twice, the gateway joins.
        if let [text] = &given[..] {
            let value = typed(parameter, text);
            let id = format!("{} {name}", operation["operationId"]);
            fits(&OPENAPI, &id, &parameter["schema"], &value).with_context(|| format!("the parameter {name}"))?;
        }
        let is_there = parameter["required"] != true || !given.is_empty();
        ensure!(is_there, "the parameter {name} is required, and was not needed");
    }
    let body = &operation["requestBody"];
    let text = request
        .body
        .strip_prefix("\u{feff}".as_bytes())
        .unwrap_or(&request.body);
    if body.is_null() || (body["required"] != true && text.trim_ascii().is_empty()) {
        return Ok(());
    }
    let sent = serde_json::from_slice(text).context("a body that is no JSON was taken")?;
    let id = format!("{} body", operation["operationId"]);
    fits(&OPENAPI, &id, &body["content"]["application/json"]["schema"], &sent).context("the body that was taken")
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// What the query gives under that name.
fn values(query: &str, name: &str) -> Vec<String> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let named = pairs.filter(|(key, _)| decoded(key) == name);
    named.map(|(_, value)| decoded(&value.replace('+', " "))).collect()
}

/// A parameter as its schema has it: a number, a list or a text.
fn typed(parameter: &Value, text: &str) -> Value {
    let schema = &parameter["schema"];
    let name = schema["$ref"]
        .as_str()
        .and_then(|path| path.rsplit('/').next())
        .unwrap_or_default();
    let referred = &OPENAPI["components"]["schemas"][name];
    let kind = schema["type"].as_str().or(referred["type"].as_str());
    match kind {
        Some("integer") => text.parse::<u64>().map_or_else(|_| json!(text), |number| json!(number)),
        // Empty places are left out, and each counts once.
        Some("array") => {
            let items = text.split(',').filter(|item| !item.is_empty());
            json!(items.collect::<BTreeSet<_>>())
        }
        _ => json!(text),
    }
}

/// Holds a refused handshake against the errors of the REST API, which it shares.
///
/// # Errors
/// When it is none of them.
pub fn refused(status: u16, body: &Value) -> Result<()> {
    let is_error = schema(&OPENAPI, "Error", body).and_then(|()| {
        ensure!(body["status"] == status, "another status");
        Ok(())
    });
    let of_gateway = || schema(&OPENAPI, "GatewayError", body);
    is_error
        .or_else(|wrong| of_gateway().map_err(|_| wrong))
        .with_context(|| format!("a handshake refused with {status} {body}"))
}

/// What goes over one WebSocket connection, held against `AsyncAPI`.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The frames that wait for an answer, by what the client called them.
    asked: HashMap<String, Vec<Value>>,
}

impl Conversation {
    /// Notes a frame that the client sends. What is no JSON is answered with an error.
    pub fn sent(&mut self, text: &str) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        if let Ok(frame) = serde_json::from_str::<Value>(text) {
            self.asked.entry(frame["id"].to_string()).or_default().push(frame);
        }
    }

    /// Looks at a frame that the client gets.
    ///
    /// # Errors
    /// When it is not described, or when the frame that it answers is not although it was done.
    pub fn came(&mut self, frame: &Value) -> Result<()> {
        let what = || {
            format!(
                "not as docs/asyncapi.json describes it: {}",
                shortened(&frame.to_string())
            )
        };
        told(self.looked_at(frame).with_context(what))
    }

    fn looked_at(&mut self, frame: &Value) -> Result<()> {
        if let Some(name) = frame["event"].as_str() {
            return schema(&ASYNCAPI, &socket::event(name), frame);
        }
        if frame["connectionId"].is_string() {
            return schema(&ASYNCAPI, socket::GATEWAY, frame);
        }
        if !frame["error"].is_null() {
            // An answer leaves the name out where it was none.
            self.asked.remove(&frame["id"].to_string());
            return schema(&ASYNCAPI, socket::ERROR, frame);
        }
        let asked = self.asked.entry(frame["id"].to_string()).or_default();
        // Answers to frames of one name may overtake each other: it must be the answer to one of them.
        let checked: Vec<Result<()>> = asked.iter().map(|asked| answers(frame, asked)).collect();
        match checked.iter().position(Result::is_ok) {
            Some(place) => {
                asked.swap_remove(place);
                Ok(())
            }
            None => checked.into_iter().next().context("an answer to nothing")?,
        }
    }
}

/// Whether a frame is the answer to what was asked.
fn answers(frame: &Value, asked: &Value) -> Result<()> {
    let action = asked["action"].as_str().unwrap_or_default();
    schema(&ASYNCAPI, &socket::reply_to(action), frame)?;
    schema(&ASYNCAPI, &socket::frame_of(action), asked).context("the frame that was done")
}

/// Says it where everybody sees it: a client that takes every failure for a broken network would try again.
fn told(checked: Result<()>) -> Result<()> {
    if let Err(error) = &checked {
        writeln!(io::stderr(), "UNDESCRIBED: {error:#}").ok();
    }
    checked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rest_error(method: Method, path: &str, status: u16, body: &Value) -> Option<String> {
        let request = Request {
            method,
            path: path.to_owned(),
            ..Request::default()
        };
        let headers =
            HeaderMap::from_iter([(header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"))]);
        let checked = rest(&request, status, &headers, body.to_string().as_bytes());
        checked.err().map(|error| format!("{error:#}"))
    }

    #[test]
    fn what_is_not_described_is_found() {
        let welcome = json!({"authenticated": true, "message": "x", "success": true});
        assert_eq!(rest_error(Method::GET, "/api", 200, &welcome), None);
        let wrong = |status, change: &Value| {
            let mut body = welcome.clone();
            body["more"] = change.clone();
            rest_error(Method::GET, "/api", status, &body).unwrap()
        };
        assert!(wrong(200, &json!(1)).contains("Additional properties are not allowed ('more' was unexpected)"));
        assert!(wrong(202, &json!(1)).contains("\"welcome\" has no answer with 202"));
        assert!(
            rest_error(Method::GET, "/api/new", 200, &json!({})).is_some(),
            "a new route"
        );
        assert!(
            rest_error(Method::GET, "/api/list?page=0", 200, &json!({})).is_some(),
            "no list"
        );
    }

    #[test]
    fn a_frame_must_be_an_event_or_an_answer_that_is_described() {
        let mut conversation = Conversation::default();
        conversation.sent(r#"{"action":"ping","id":7}"#);
        let mut came = |text: &str| conversation.came(&serde_json::from_str(text).unwrap());
        assert!(came(r#"{"id":7,"result":{"pong":1,"ping":2}}"#).is_err());
        assert!(came(r#"{"id":7,"result":{"pong":1}}"#).is_ok());
        assert!(came(r#"{"id":8,"result":{"pong":1}}"#).is_err(), "an answer to nothing");
        assert!(came(r#"{"event":"typing.start","data":{}}"#).is_err());
        assert!(came(r#"{"event":"message.exploded","data":{}}"#).is_err());
        let gateway = r#"{"message":"Internal server error","connectionId":"a","requestId":"b"}"#;
        assert!(came(gateway).is_ok());
    }
}
