//! A running stack with the probe as its functions. Requirements that need the same flags share one.

use std::{
    path::Path,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

use anyhow::{Context as _, Result, anyhow};
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tests::{Request, Stack, exchange};

use crate::{
    client::{Client, Handshake, handshake},
    recorder::{Recorded, Recorder, recorder},
};

/// The stack that most requirements are asked of.
pub(crate) static PLAIN: Setup = Setup::new("template.yaml", &[]);
/// An API without `$connect`, `$disconnect` and `$default`.
pub(crate) static BARE: Setup = Setup::new("bare.yaml", &[]);

/// An HTTP API with a named stage and CORS.
pub(crate) static STAGED: Setup = Setup::new("staged.yaml", &[]);
/// The plain stack, where every request gets a new process.
pub(crate) static COLD: Setup = Setup::new("template.yaml", &["--cold"]);
/// The plain stack, where processes are stopped between requests.
pub(crate) static FROZEN: Setup = Setup::new("template.yaml", &["--freeze"]);
/// A gateway whose clock runs 400 times as fast: idle after 1.5 s, too old after 18 s.
pub(crate) static FAST: Setup = Setup::new("template.yaml", &["--clock-scale", "400"]);
/// A stack that demands signatures.
pub(crate) static SIGNED: Setup = Setup::new("template.yaml", &["--sigv4"]);

/// What an id needs in a path, so that everything that is not a letter or digit is encoded but what SDKs leave as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A template and flags, and the stack that runs with them from the first use to the end of the test process.
pub(crate) struct Setup {
    template: &'static str,
    flags: &'static [&'static str],
    bench: OnceLock<Result<Bench, String>>,
}

impl Setup {
    pub(crate) const fn new(template: &'static str, flags: &'static [&'static str]) -> Self {
        Self {
            template,
            flags,
            bench: OnceLock::new(),
        }
    }

    /// The stack, started when it is first asked for.
    ///
    /// # Errors
    /// When it doesn't start.
    pub(crate) fn bench(&self) -> Result<&Bench> {
        // Starting blocks, and others on this thread of the runtime must go on.
        tokio::task::block_in_place(|| {
            let bench = self
                .bench
                .get_or_init(|| Bench::start(self.template, self.flags).map_err(|error| format!("{error:#}")));
            bench.as_ref().map_err(|error| anyhow!("{error}"))
        })
    }
}

/// A running stack.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) stack: Stack,
    pub(crate) recorder: &'static Recorder,
}

/// What the HTTP API or `@connections` answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; null if it is none.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header; empty if it isn't there.
    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

impl Bench {
    /// Starts a stack of a test's own.
    ///
    /// # Errors
    /// When it doesn't start.
    pub(crate) fn start(template: &str, flags: &[&str]) -> Result<Self> {
        let recorder = recorder()?;
        let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("conformance").join(template);
        let template = template.to_str().context("the path is UTF-8")?;
        // The probe needs neither Redis nor platform; naming some keeps the stack from starting its own.
        let variables = [
            ("SOCK_PROBE_RECORDER", recorder.url()),
            ("SOCK_REDIS_URL", "redis://127.0.0.1:1"),
            ("SOCK_API_URL", recorder.url()),
        ];
        let stack = Stack::start_with(&[&["--template", template], flags].concat(), &variables)?;
        Ok(Self { stack, recorder })
    }

    /// Host and port of the WebSocket API and of `@connections`.
    pub(crate) fn socket_address(&self) -> &str {
        self.stack.addresses.websocket.trim_start_matches("ws://")
    }

    /// Host and port of the HTTP API.
    pub(crate) fn http_address(&self) -> &str {
        let rest = self.stack.addresses.rest.trim_start_matches("http://");
        rest.split_once('/').map_or(rest, |(address, _)| address)
    }

    /// Sends a request to the HTTP API.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn http(&self, request: Request) -> Result<Reply> {
        Ok(reply(exchange(self.http_address(), request).await?))
    }

    /// A request to the HTTP API whose function does these steps.
    pub(crate) fn request(method: Method, path: &str, steps: &Value) -> Request {
        Request {
            method,
            path: path.to_owned(),
            headers: vec![("X-Probe".to_owned(), steps.to_string())],
            body: Vec::new(),
        }
    }

    /// Calls Lambda's Invoke for `function`, with these headers, and this payload.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn invoke(&self, function: &str, headers: &[(&str, &str)], payload: &str) -> Result<Reply> {
        let headers = headers.iter();
        let request = Request {
            method: Method::POST,
            path: format!("/2015-03-31/functions/{function}/invocations"),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: payload.to_owned().into_bytes(),
        };
        let address = self.stack.addresses.lambda.trim_start_matches("http://");
        Ok(reply(exchange(address, request).await?))
    }

    /// Lets `function` do these steps, and returns what it answered.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn steps(&self, function: &str, steps: &Value) -> Result<Value> {
        let payload = json!({"probe": steps}).to_string();
        Ok(self.invoke(function, &[], &payload).await?.json())
    }

    /// Asks SQS for something, unsigned.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn queues(&self, action: &str, body: &Value) -> Result<Reply> {
        let request = Request {
            method: Method::POST,
            path: "/".to_owned(),
            headers: vec![
                ("Content-Type".to_owned(), "application/x-amz-json-1.0".to_owned()),
                ("X-Amz-Target".to_owned(), format!("AmazonSQS.{action}")),
            ],
            body: body.to_string().into_bytes(),
        };
        let address = self.stack.addresses.queues.trim_start_matches("http://");
        Ok(reply(exchange(address, request).await?))
    }

    /// Calls `@connections` for `id`, with the stage in the path.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn connections(&self, method: Method, id: &str, body: &str) -> Result<Reply> {
        let path = format!("/stage/@connections/{}", utf8_percent_encode(id, IN_PATH));
        self.at_connections(Request {
            method,
            path,
            headers: Vec::new(),
            body: body.to_owned().into_bytes(),
        })
        .await
    }

    /// Sends any request to where `@connections` is.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn at_connections(&self, request: Request) -> Result<Reply> {
        Ok(reply(exchange(self.socket_address(), request).await?))
    }

    /// Offers a WebSocket, with this path and query and these headers.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn handshake(&self, path: &str, headers: &[(&str, &str)]) -> Result<Handshake> {
        handshake(self.socket_address(), path, headers).await
    }

    /// An open connection whose `$connect` did nothing but accept.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn connect(&self) -> Result<Connected> {
        self.connect_with(&[]).await
    }

    /// An open connection, with further headers in its handshake.
    ///
    /// # Errors
    /// When it is refused.
    pub(crate) async fn connect_with(&self, headers: &[(&str, &str)]) -> Result<Connected> {
        let mark = mark();
        let headers = [headers, &[("X-Mark", mark.as_str())]].concat();
        let client = self.handshake("/stage", &headers).await?.open()?;
        let event = self.marked(&mark).await?.event;
        Ok(Connected {
            client,
            id: id_of(&event),
            event,
        })
    }

    /// The `$connect` event of the handshake that carried this header `X-Mark`.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn marked(&self, mark: &str) -> Result<Recorded> {
        self.recorder
            .event("the handshake", |recorded| recorded.event["headers"]["X-Mark"] == mark)
            .await
    }

    /// The `$disconnect` event of a connection.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn disconnected(&self, id: &str) -> Result<Value> {
        let recorded = self.recorder.event("$disconnect", |recorded| {
            let context = &recorded.event["requestContext"];
            context["eventType"] == "DISCONNECT" && context["connectionId"] == id
        });
        Ok(recorded.await?.event)
    }

    /// The event of the message whose body has this in `mark`.
    ///
    /// # Errors
    /// When there is none in time.
    pub(crate) async fn message(&self, mark: &str) -> Result<Recorded> {
        self.recorder
            .event("the message", |recorded| {
                recorded.event["body"].as_str().is_some_and(|body| body.contains(mark))
            })
            .await
    }
}

/// An open connection, and what its `$connect` was told.
#[derive(Debug)]
pub(crate) struct Connected {
    pub(crate) client: Client,
    pub(crate) id: String,
    pub(crate) event: Value,
}

/// A frame for the route `action` whose function does these steps.
pub(crate) fn frame(action: &str, steps: &Value) -> String {
    json!({"action": action, "probe": steps}).to_string()
}

/// The connection that an event is about.
pub(crate) fn id_of(event: &Value) -> String {
    event["requestContext"]["connectionId"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// A text that no other test has.
pub(crate) fn mark() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    format!("mark-{}-", NEXT.fetch_add(1, Ordering::Relaxed))
}

fn reply((status, headers, body): (http::StatusCode, HeaderMap, Vec<u8>)) -> Reply {
    Reply {
        status: status.as_u16(),
        headers,
        body,
    }
}
