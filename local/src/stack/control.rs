//! The control address: through it a test makes faults happen while the stack runs. It always listens only on the loopback.
//!
//! | request | does |
//! | --- | --- |
//! | `GET /faults` | answers with the seed, the faults that are on, and how often each has happened |
//! | `PUT /faults` | replaces the faults that are on, as `{"push-throttled": 0.1}`, and answers with the same |
//! | `POST /connections/cut` | resets this share of the open connections, as `{"fraction": 0.5}`, and answers with how many, as `{"cut": 3}` |

use std::sync::Arc;

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use serde_json::{Value, json};

use crate::{
    faults::{Faults, Plan},
    gateway::websocket::registry::{End, Registry},
    machine::logs,
    server::{BODY_TIMEOUT, BindError, Listeners, Reply, Server, is_from_a_page, json as json_reply, read_body, serve},
};

/// Longest body of a request.
const BODY_BYTES: usize = 64 * 1024;

/// The control address, served until it is dropped.
#[derive(Debug)]
pub struct Control {
    url: String,
    _server: Server,
}

impl Control {
    /// Serves the control address for `faults` and for the connections in `registry`, on a free port.
    ///
    /// # Errors
    /// [`BindError`], when no port on 127.0.0.1 can be listened on.
    pub(crate) async fn start(faults: Arc<Faults>, registry: Arc<Registry>) -> Result<Self, BindError> {
        let listeners = Listeners::bind("127.0.0.1", 0, "nothing").await?;
        let url = format!("http://127.0.0.1:{}", listeners.port());
        let server = serve(listeners, move |request, _| {
            let (faults, registry) = (Arc::clone(&faults), Arc::clone(&registry));
            async move { answer(&faults, &registry, request).await }
        });
        Ok(Self { url, _server: server })
    }

    /// Its address, as `http://127.0.0.1:41234`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

async fn answer(faults: &Faults, registry: &Registry, request: Request<Incoming>) -> Reply {
    let (parts, body) = request.into_parts();
    if is_from_a_page(&parts.headers) {
        return refused(StatusCode::FORBIDDEN, "a browser's page may not make trouble");
    }
    let body = async || -> Value {
        let body = read_body(body, BODY_BYTES, BODY_TIMEOUT).await.unwrap_or_default();
        serde_json::from_slice(&body).unwrap_or_default()
    };
    match (&parts.method, parts.uri.path()) {
        (&Method::GET, "/faults") => json_reply(StatusCode::OK, &faults.to_json()),
        (&Method::PUT, "/faults") => match Plan::from_json(&body().await) {
            Ok(plan) => {
                logs::stack(format_args!("faults: {}", plan.to_json()));
                faults.plan(plan);
                json_reply(StatusCode::OK, &faults.to_json())
            }
            Err(error) => refused(StatusCode::BAD_REQUEST, &error.to_string()),
        },
        (&Method::POST, "/connections/cut") => {
            let fraction = body().await.get("fraction").and_then(Value::as_f64);
            match fraction.filter(|fraction| (0.0..=1.0).contains(fraction)) {
                Some(fraction) => {
                    let cut = faults.cut(registry.open(), fraction);
                    for connection in &cut {
                        connection.close(End::cut());
                    }
                    let cut = cut.len();
                    logs::stack(format_args!("cut {cut} connections"));
                    json_reply(StatusCode::OK, &json!({"cut": cut}))
                }
                None => refused(StatusCode::BAD_REQUEST, "fraction must be a number from 0 to 1"),
            }
        }
        _ => refused(
            StatusCode::NOT_FOUND,
            "there are GET and PUT /faults, and POST /connections/cut",
        ),
    }
}

fn refused(status: StatusCode, message: &str) -> Reply {
    json_reply(status, &json!({"message": message}))
}
