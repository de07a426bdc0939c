//! The page that `cargo run` prints first: two people who chat, and switches for faults. It has a port of its own, because the emulated REST API
//! must answer nothing that AWS would not.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /`, `/demo.js`, `/demo.css` | the page, from `clients/js/demo` |
//! | `GET /openapi`, `/asyncapi` | the descriptions of the API to read, and with `.json` as they are in `docs/` |
//! | `GET /src/…` | the very files of the JavaScript client, from `clients/js/src` |
//! | `GET /config.json` | where the APIs are, and people with their tokens |
//! | `POST /faults` | switches a fault, as `{"fault": "throttle", "on": true}`, and answers which are on |

use std::{
    path::{Component, Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::Full;
use hyper::body::Incoming;
use serde_json::{Map, Value, json};

use crate::{
    faults::{Faults, Plan},
    gateway::websocket::registry::{End, Registry},
    machine::logs,
    platform::{SAMPLE_TOPIC, SAMPLE_USERS},
    project::token::Signer,
    redis::RedisServer,
    server::{BODY_TIMEOUT, Listeners, Reply, Server, json as json_reply, read_body, serve},
};

/// Longest body of a request.
const BODY_BYTES: usize = 1024;
/// How long the tokens on the page are valid.
const TOKEN_TTL: Duration = Duration::from_hours(24);
/// How long Redis stays away when the page kills it.
const REDIS_PAUSE: Duration = Duration::from_secs(3);

/// The switches, and what each of them plans.
const SWITCHES: [(&str, &[(&str, &str)]); 3] = [
    ("lose-pushes", &[("push-failed", "1")]),
    ("throttle", &[("push-throttled", "0.5"), ("message-refused", "0.2")]),
    ("freeze", &[("function-late", "3000")]),
];

/// The stack's own Redis, if it has one; the page may kill it while the stack runs.
pub(super) type OwnRedis = Arc<Mutex<Option<RedisServer>>>;

/// What the page switches.
#[derive(Debug)]
pub(super) struct Parts {
    /// The REST address, `/api` included.
    pub(super) rest: String,
    /// The WebSocket address.
    pub(super) websocket: String,
    /// Signs the tokens of the people on the page, if anything here can.
    pub(super) signer: Option<Signer>,
    /// The folder of this project, in which `clients/js` and `docs` are.
    pub(super) project: PathBuf,
    /// Where faults happen.
    pub(super) faults: Arc<Faults>,
    /// The open connections.
    pub(super) registry: Arc<Registry>,
    /// The stack's own Redis.
    pub(super) redis: OwnRedis,
}

/// The page, served until it is dropped.
#[derive(Debug)]
pub struct Page {
    _server: Server,
}

impl Page {
    /// Serves the page.
    pub(super) fn start(listeners: Listeners, parts: Parts) -> Self {
        let site = Arc::new(Site {
            policy: policy(&parts),
            config: config(&parts),
            on: Mutex::default(),
            parts,
        });
        let server = serve(listeners, move |request, _| {
            let site = Arc::clone(&site);
            async move { site.answer(request).await }
        });
        Self { _server: server }
    }
}

/// A strict content-security policy: scripts and styles only from files of the page, and connections only to the stack.
fn policy(parts: &Parts) -> String {
    let rest = parts.rest.trim_end_matches("/api");
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' https: data:; connect-src 'self' {rest} {}; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        parts.websocket
    )
}

fn config(parts: &Parts) -> Value {
    let person = |(user, name): &(&str, &str)| {
        let token = parts.signer.as_ref()?.mint(user, TOKEN_TTL).ok()?;
        Some(json!({"user": user, "name": name, "token": token}))
    };
    let people: Vec<_> = SAMPLE_USERS.iter().filter_map(person).collect();
    json!({
        "websocket": parts.websocket,
        "rest": parts.rest,
        "people": people,
        "topics": [SAMPLE_TOPIC],
        "faults": true,
    })
}

struct Site {
    policy: String,
    config: Value,
    /// The switches that are on.
    on: Mutex<Vec<&'static str>>,
    parts: Parts,
}

impl Site {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let mut reply = if is_ours(&parts.headers) {
            match (&parts.method, parts.uri.path()) {
                (&Method::GET, "/config.json") => json_reply(StatusCode::OK, &self.config),
                (&Method::POST, "/faults") => {
                    let body = read_body(body, BODY_BYTES, BODY_TIMEOUT).await.unwrap_or_default();
                    self.switch(&serde_json::from_slice(&body).unwrap_or_default())
                }
                (&Method::GET, path) => self.file(path),
                _ => refused(StatusCode::METHOD_NOT_ALLOWED, "there are GET, and POST /faults"),
            }
        } else {
            refused(StatusCode::FORBIDDEN, "only the page itself may ask for this")
        };
        let headers = reply.headers_mut();
        if let Ok(policy) = HeaderValue::from_str(&self.policy) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }

    /// A file of the client. It is read each time, so that an edit shows after a reload.
    fn file(&self, path: &str) -> Reply {
        let path = match path {
            "/" => "clients/js/demo/index.html".to_owned(),
            "/demo.js" | "/demo.css" => format!("clients/js/demo{path}"),
            "/openapi" | "/asyncapi" => "clients/js/demo/description.html".to_owned(),
            "/openapi.json" | "/asyncapi.json" => format!("docs{path}"),
            _ if path.starts_with("/src/") || path.starts_with("/demo/") => format!("clients/js{path}"),
            _ => return refused(StatusCode::NOT_FOUND, "there is no such file"),
        };
        let is_plain = Path::new(&path)
            .components()
            .all(|part| matches!(part, Component::Normal(_)));
        let kind = match path.rsplit_once('.').map(|(_, kind)| kind) {
            Some("html") => "text/html; charset=utf-8",
            Some("js") => "text/javascript; charset=utf-8",
            Some("css") => "text/css; charset=utf-8",
            Some("svg") => "image/svg+xml",
            Some("json") => "application/json",
            _ => return refused(StatusCode::NOT_FOUND, "there is no such file"),
        };
        if !is_plain {
            return refused(StatusCode::NOT_FOUND, "there is no such file");
        }
        match std::fs::read(self.parts.project.join(&path)) {
            Ok(bytes) => {
                let mut reply = Reply::new(Full::new(Bytes::from(bytes)));
                reply
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
                reply
            }
            Err(_) => refused(StatusCode::NOT_FOUND, "there is no such file"),
        }
    }

    fn switch(&self, asked: &Value) -> Reply {
        let (fault, on) = (asked["fault"].as_str(), asked["on"].as_bool().unwrap_or(true));
        match fault {
            Some("cut") => {
                let connections = self.parts.faults.cut(self.parts.registry.open(), 1.0);
                for connection in &connections {
                    connection.close(End::cut());
                }
                logs::stack(format_args!("cut {} connections", connections.len()));
            }
            Some("kill-redis") => {
                if !self.kill_redis() {
                    return refused(
                        StatusCode::CONFLICT,
                        "Redis is not the stack's own: SOCK_REDIS_URL is set",
                    );
                }
            }
            Some(name) => {
                let Some((name, _)) = SWITCHES.iter().find(|(known, _)| *known == name) else {
                    return refused(StatusCode::BAD_REQUEST, "there is no such switch");
                };
                let mut switched = self.on.lock().unwrap_or_else(PoisonError::into_inner);
                switched.retain(|other| other != name);
                if on {
                    switched.push(name);
                }
                let plan = plan(&switched);
                logs::stack(format_args!("faults: {}", plan.to_json()));
                self.parts.faults.plan(plan);
            }
            None => return refused(StatusCode::BAD_REQUEST, "name a switch, as {\"fault\": \"cut\"}"),
        }
        let switched = self.on.lock().unwrap_or_else(PoisonError::into_inner);
        let state: Map<_, _> = SWITCHES
            .iter()
            .map(|(name, _)| ((*name).to_owned(), json!(switched.contains(name))))
            .collect();
        json_reply(StatusCode::OK, &json!({"faults": state}))
    }

    /// Kills Redis, which comes back some seconds later. False if there is none of our own.
    fn kill_redis(&self) -> bool {
        let redis = Arc::clone(&self.parts.redis);
        if redis.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            return false;
        }
        logs::stack(format_args!(
            "Redis is killed, and comes back in {} seconds",
            REDIS_PAUSE.as_secs()
        ));
        tokio::task::spawn_blocking(move || {
            // Whoever stops the stack meanwhile waits for it.
            let mut redis = redis.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(server) = redis.as_mut() {
                server.kill();
                std::thread::sleep(REDIS_PAUSE);
                if let Err(error) = server.restart() {
                    logs::stack(format_args!("Redis does not come back: {error}"));
                }
            }
        });
        true
    }
}

fn plan(switched: &[&str]) -> Plan {
    let mut plan = Plan::default();
    let settings = SWITCHES.iter().filter(|(name, _)| switched.contains(name));
    for (name, value) in settings.flat_map(|(_, settings)| settings.iter()) {
        // The settings are constants, which a test reads.
        drop(plan.add(&format!("{name}={value}")));
    }
    plan
}

/// Whether a request is of a person at this machine, or of the page itself: the page gives tokens away and makes trouble. The host must be an
/// address or `localhost`, since a name of somebody else can lead here too ("DNS rebinding"); and a page of another origin may ask for nothing.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_address = name.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
    let is_same = match text(header::ORIGIN) {
        Some(origin) => origin.split_once("://").is_some_and(|(_, of)| of == host),
        // Browsers that send no origin with a request say here whose page it is of.
        None => headers
            .get("sec-fetch-site")
            .is_none_or(|site| site == "same-origin" || site == "none"),
    };
    (is_address || name == "localhost") && is_same
}

fn refused(status: StatusCode, message: &str) -> Reply {
    json_reply(status, &json!({"message": message}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_switch_is_a_plan() {
        for (name, settings) in SWITCHES {
            assert_eq!(
                plan(&[name]).to_json().as_object().map(Map::len),
                Some(settings.len()),
                "{name}"
            );
        }
    }

    #[test]
    fn only_the_page_and_people_at_this_machine_are_answered() {
        let is_answered = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (header::HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_ours(&pairs.collect())
        };
        assert!(is_answered(&[("host", "localhost:3007")]));
        assert!(is_answered(&[("host", "[::1]:3007"), ("origin", "http://[::1]:3007")]));
        assert!(is_answered(&[("host", "127.0.0.1:3007"), ("sec-fetch-site", "none")]));
        assert!(!is_answered(&[]));
        assert!(!is_answered(&[("host", "chat.example.com:3007")]));
        assert!(!is_answered(&[
            ("host", "localhost:3007"),
            ("origin", "http://localhost:8080")
        ]));
        assert!(!is_answered(&[("host", "localhost:3007"), ("origin", "null")]));
        assert!(!is_answered(&[
            ("host", "localhost:3007"),
            ("sec-fetch-site", "cross-site")
        ]));
    }
}
