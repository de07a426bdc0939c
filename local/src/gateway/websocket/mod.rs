//! The WebSocket API: handshakes, messages, and the connections that functions push to.

mod api;
mod connection;
mod connections_api;
pub mod event;
mod frames;
mod handshake;
pub mod registry;

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use serde_json::json;
use tokio::time::timeout;

use super::limits::Limits;
use crate::{
    faults::Faults,
    lambda::Lambda,
    server::{Listeners, Server, has_host, json as json_reply, serve},
    template::WebSocketApi,
};
use api::Shared;
use connections_api::ServiceError;
use registry::{End, Registry};

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
    /// The faults that happen.
    pub faults: Arc<Faults>,
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
                if !has_host(request.headers()) {
                    return json_reply(StatusCode::BAD_REQUEST, &json!({"message": "Bad Request"}));
                }
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
        // The stack stops in any case. AWS does not promise `$disconnect` either.
        drop(timeout(limit, self.shared.registry.all_gone()).await);
    }
}

/// What a path leads to.
enum Address {
    Socket,
    Connections(String),
}

/// A client's socket is found with the stage, as on the address that AWS gives an API, and without it, as on a custom domain.
/// `@connections` is found with the stage alone: without it AWS answers 403 on the API's own address, and code that forgets the
/// stage must not work here.
fn parts_of(path: &str, stage: &str) -> Option<Address> {
    let path = path.strip_prefix('/').unwrap_or(path);
    let staged = path.strip_prefix(stage);
    let staged = staged.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if path.is_empty() || matches!(staged, Some("" | "/")) {
        return Some(Address::Socket);
    }
    let rest = staged?.strip_prefix('/')?;
    // An SDK sends the `@` as it is; other clients may encode it.
    let (first, id) = rest.split_once('/')?;
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(text)
            .decode_utf8_lossy()
            .into_owned()
    };
    (decoded(first) == "@connections").then(|| Address::Connections(decoded(id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_needs_no_stage_and_connections_do() {
        let id = |path: &str| match parts_of(path, "live") {
            Some(Address::Connections(id)) => id,
            Some(Address::Socket) => "socket".to_owned(),
            None => "forbidden".to_owned(),
        };
        for path in ["/", "", "/live", "/live/"] {
            assert_eq!(id(path), "socket", "{path}");
        }
        for path in [
            "/live/@connections/L0SM9cOFvHcCIhw%3D",
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
            "/live/@connections",
            "/@connections/L0SM9cOFvHcCIhw=",
            "//@connections/L0SM9cOFvHcCIhw=",
        ] {
            assert_eq!(id(path), "forbidden", "{path}");
        }
    }
}
