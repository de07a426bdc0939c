//! What every connection of the WebSocket API needs: the API itself, its limits, and the way to its functions.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use super::{
    event::{Event, Kind},
    registry::{Connection, End, Registry},
};
use crate::{
    faults::{Fault, Faults},
    gateway::limits::Limits,
    lambda::Lambda,
    machine::logs,
    template::{WebSocketApi, WebSocketRoute},
};

/// What every connection needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) api: WebSocketApi,
    pub(super) lambda: Arc<Lambda>,
    pub(super) limits: Limits,
    /// Whether requests to `@connections` must be signed.
    pub(super) signed: bool,
    pub(super) faults: Arc<Faults>,
    pub(super) registry: Arc<Registry>,
    pub(super) port: u16,
}

/// Why there is no answer of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It returned an error, crashed, or answered what the gateway can't read.
    Function,
    /// It took longer than the integration may.
    TimedOut,
}

/// The part of a function's answer that a WebSocket API reads.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) value: Value,
}

impl Shared {
    pub(super) fn route(&self, key: &str) -> Option<(&str, &WebSocketRoute)> {
        self.api
            .routes
            .get_key_value(key)
            .map(|(key, route)| (key.as_str(), route))
    }

    /// Runs the function of `route` for an event.
    pub(super) async fn invoke(&self, route: &WebSocketRoute, event: &Event<'_>) -> Result<Answer, Failure> {
        let payload = Bytes::from(event.to_json(&self.api, self.port).to_string());
        match timeout(route.timeout, self.lambda.invoke(&route.function, payload)).await {
            Ok(Ok(answer)) => read_answer(&answer).ok_or_else(|| {
                logs::line(&route.function, "[failed] its answer has no statusCode");
                Failure::Function
            }),
            // A function that reached its own Timeout has failed. This is not the gateway's limit.
            Ok(Err(_)) => Err(Failure::Function),
            Err(_) => Err(Failure::TimedOut),
        }
    }

    /// Runs the `$disconnect` function, if there is one. Its answer has no effect.
    pub(super) async fn disconnected(&self, connection: &Connection, end: &End) {
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
        // A failure is in the function's log, and there is nobody else to tell.
        drop(self.invoke(route, &event).await);
    }
}

/// Reads the status of an answer. An answer without a status is malformed.
fn read_answer(answer: &Bytes) -> Option<Answer> {
    let value: Value = serde_json::from_slice(answer).ok()?;
    let status = value.get("statusCode")?;
    let status = status.as_u64().or_else(|| status.as_str()?.parse().ok())?;
    Some(Answer {
        status: StatusCode::from_u16(u16::try_from(status).ok()?).ok()?,
        value,
    })
}
