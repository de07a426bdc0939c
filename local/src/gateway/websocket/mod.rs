//! The WebSocket API: handshakes, messages, and the connections that functions push to.

mod connection;
pub mod event;
mod frames;
mod handshake;
pub mod registry;
pub mod selection;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    Limits,
    connections_api::{self, ServiceError},
};
use crate::{
    faults::{Fault, Faults},
    lambda::Lambda,
    logs,
    server::{Listeners, Server, serve},
    template::{WebSocketApi, WebSocketRoute},
};
use event::{Event, Kind};
use registry::{Connection, End, Registry};

/// The WebSocket API and its `@connections` address, served until it is dropped.
#[derive(Debug)]
pub struct WebSocketGateway {
    shared: Arc<Shared>,
    _server: Server,
}

/// How the WebSocket API is served.
#[derive(Debug, Clone)]
pub struct WebSocketOptions {
    /// Its quotas.
    pub limits: Limits,
    /// Whether requests to `@connections` must be signed, as they must on AWS.
    pub signed: bool,
    /// What goes wrong.
    pub faults: Arc<Faults>,
}

/// What every connection needs.
#[derive(Debug)]
pub(crate) struct Shared {
    api: WebSocketApi,
    lambda: Arc<Lambda>,
    pub(crate) limits: Limits,
    /// Whether requests to `@connections` must be signed.
    pub(crate) signed: bool,
    pub(crate) faults: Arc<Faults>,
    pub(crate) registry: Arc<Registry>,
    port: u16,
}

/// How a function's answer failed, for whoever waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It returned an error, crashed, or answered what the gateway can't read.
    Function,
    /// It took longer than the integration may.
    TimedOut,
}

/// The part of a function's answer that a WebSocket API reads.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    value: Value,
}

impl WebSocketGateway {
    /// Serves `api` on `listeners`.
    pub fn start(listeners: Listeners, api: WebSocketApi, lambda: Arc<Lambda>, options: WebSocketOptions) -> Self {
        let WebSocketOptions { limits, signed, faults } = options;
        let port = listeners.port();
        let shared = Arc::new(Shared {
            api,
            lambda,
            limits,
            signed,
            faults,
            registry: Arc::default(),
            port,
        });
        let seen = Arc::clone(&shared);
        let server = serve(listeners, move |request, peer| {
            let shared = Arc::clone(&seen);
            async move {
                match parts_of(request.uri().path(), &shared.api.stage) {
                    Some(Address::Socket) => handshake::answer(shared, request, peer).await,
                    Some(Address::Connections(id)) => connections_api::answer(&shared, &id, request).await,
                    None => ServiceError::forbidden().reply(),
                }
            }
        });
        Self {
            shared,
            _server: server,
        }
    }

    /// Its connections.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        Arc::clone(&self.shared.registry)
    }

    /// Closes every connection and waits, within `limit`, until `$disconnect` has run for each.
    pub async fn stop(&self, limit: Duration) {
        self.shared.registry.close_all(&End::going_away());
        // The stack stops either way; what could not be told in time is what AWS calls best effort.
        drop(timeout(limit, self.shared.registry.all_gone()).await);
    }
}

/// What a path leads to.
enum Address {
    Socket,
    Connections(String),
}

/// With the stage, as on the address that AWS gives an API, and without it, as on a custom domain.
fn parts_of(path: &str, stage: &str) -> Option<Address> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let rest = match path.strip_prefix(stage) {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => rest.strip_prefix('/').unwrap_or(rest),
        _ => path,
    };
    if rest.is_empty() {
        return Some(Address::Socket);
    }
    // An SDK sends the `@` as it is, others encode it.
    let (first, id) = rest.split_once('/')?;
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    (decoded(first) == "@connections").then(|| Address::Connections(decoded(id)))
}

impl Shared {
    fn route(&self, key: &str) -> Option<(&str, &WebSocketRoute)> {
        self.api
            .routes
            .get_key_value(key)
            .map(|(key, route)| (key.as_str(), route))
    }

    /// Runs the function of `route` for an event.
    async fn invoke(&self, route: &WebSocketRoute, event: &Event<'_>) -> Result<Answer, Failure> {
        let payload = Bytes::from(event.to_json(&self.api, self.port).to_string());
        match timeout(route.timeout, self.lambda.invoke(&route.function, payload)).await {
            Ok(Ok(answer)) => read_answer(&answer).ok_or_else(|| {
                logs::line(&route.function, "[failed] its answer has no statusCode");
                Failure::Function
            }),
            // A function that ran into its own Timeout has failed; the gateway's own limit is another thing.
            Ok(Err(_)) => Err(Failure::Function),
            Err(_) => Err(Failure::TimedOut),
        }
    }

    /// Tells the `$disconnect` function, if there is one. Its answer means nothing.
    async fn disconnected(&self, connection: &Connection, end: &End) {
        let Some((key, route)) = self.route("$disconnect") else {
            return;
        };
        if self.faults.happens(Fault::DisconnectLost) {
            return logs::stack(format_args!("fault: no $disconnect for {}", connection.id));
        }
        let event = Event {
            connection,
            route_key: key,
            kind: Kind::Disconnect(end),
        };
        // A failure was logged under the function's name; there is nobody else to tell.
        drop(self.invoke(route, &event).await);
    }
}

/// Reads the status of an answer; one without is malformed.
fn read_answer(answer: &Bytes) -> Option<Answer> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    let status = value.get("statusCode")?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    Some(Answer {
        status: StatusCode::from_u16(u16::try_from(status).ok()?).ok()?,
        value,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_work_with_and_without_the_stage() {
        let id = |path: &str| match parts_of(path, "live") {
            Some(Address::Connections(id)) => id,
            Some(Address::Socket) => "socket".to_owned(),
            None => "forbidden".to_owned(),
        };
        for path in ["/", "", "/live", "/live/"] {
            assert_eq!(id(path), "socket", "{path}");
        }
        for path in [
            "/@connections/L0SM9cOFvHcCIhw%3D",
            "/live/@connections/L0SM9cOFvHcCIhw=",
            "/live/%40connections/L0SM9cOFvHcCIhw%3d",
        ] {
            assert_eq!(id(path), "L0SM9cOFvHcCIhw=", "{path}");
        }
        for path in [
            "/other",
            "/livelier",
            "/other/@connections/x",
            "/live/live",
            "/@connections",
        ] {
            assert_eq!(id(path), "forbidden", "{path}");
        }
    }
}
