//! Functions of the WebSocket API: one event is a connection's beginning, its end, or a frame of its client.

use std::convert::Infallible;

use http::HeaderMap;
use lambda_runtime::{Context, LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing::{Instrument as _, Span, field};

use super::event::{Event, Reply};
use super::{StartError, in_time, log};
use crate::adapters::clock::SystemClock;
use crate::domain::ConnectionId;
use crate::error::ApiError;
use crate::metrics;
use crate::ports::Clock as _;
use crate::wire;

/// An event of one connection.
#[derive(Debug)]
pub struct SocketEvent {
    /// The connection.
    pub connection: ConnectionId,
    /// When it began, in milliseconds since 1970.
    pub connected_at_ms: u64,
    /// Under which the event stands in the logs.
    pub request_id: String,
    deadline_ms: u64,
    event: Event,
}

impl SocketEvent {
    /// The headers of the handshake; none in other events.
    pub fn headers(&self) -> &HeaderMap {
        self.event.headers()
    }

    /// A parameter of the handshake's query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.event.decoded_query(name)
    }

    /// The client's frame; empty in other events.
    ///
    /// # Errors
    /// [`ApiError::Compressed`]; [`ApiError::InvalidJson`] if it is not UTF-8.
    pub fn frame(&self) -> Result<&str, ApiError> {
        self.event.body_text("frame")
    }

    /// The time, in milliseconds since 1970.
    pub fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    /// Does work as long as there is time to answer, so that a frame always gets its own answer.
    ///
    /// # Errors
    /// Those of the work; [`ApiError::Unavailable`] when the time is over.
    pub async fn in_time<T>(&self, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        in_time(self.deadline_ms, work).await
    }

    /// Reads an event; `None` if it names no connection.
    pub(crate) fn new(event: Event, context: &Context) -> Option<Self> {
        Some(Self {
            connection: ConnectionId::parse(event.text("/requestContext/connectionId")).ok()?,
            connected_at_ms: event.number("/requestContext/connectedAt")?,
            deadline_ms: context.deadline,
            request_id: context.request_id.clone(),
            event,
        })
    }
}

/// What API Gateway is told.
#[derive(Debug, Default)]
pub struct SocketAnswer {
    subprotocol: Option<&'static str>,
    frame: Option<String>,
}

impl SocketAnswer {
    /// Lets a client in, and names the one of its subprotocols that is spoken.
    pub fn accepted(subprotocol: Option<&'static str>) -> Self {
        Self {
            subprotocol,
            frame: None,
        }
    }

    /// Sends a frame back over the connection.
    pub fn frame(frame: String) -> Self {
        Self {
            subprotocol: None,
            frame: Some(frame),
        }
    }
}

/// Serves events until Lambda ends the process.
///
/// An error becomes the status of the answer, which refuses a handshake and means nothing to a frame: a function that answers frames makes
/// its error frames itself.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub async fn serve<H, F>(route: &str, handler: H) -> Result<(), StartError>
where
    H: Fn(SocketEvent) -> F,
    F: Future<Output = Result<SocketAnswer, ApiError>>,
{
    let handler = &handler;
    let respond = |LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>| {
        let span = log::span(route, &context);
        let answer = async move {
            let outcome = match SocketEvent::new(Event::new(&payload), &context) {
                Some(event) => {
                    Span::current().record("connection", field::display(&event.connection));
                    handler(event).await
                }
                None => Err(ApiError::RouteNotFound),
            };
            log::log_outcome(outcome.as_ref().map(|_| 200));
            metrics::flush(SystemClock.now_ms());
            Ok::<_, Infallible>(reply(outcome, &context.request_id))
        };
        answer.instrument(span)
    };
    Ok(lambda_runtime::run(service_fn(respond)).await?)
}

/// Logs a frame that could not be done and writes its error, for the function that answers frames.
pub fn frame_error(request_id: &str, error: &ApiError) -> wire::ErrorBody {
    log::log_outcome(Err(error));
    wire::error_body(error, request_id)
}

fn reply(outcome: Result<SocketAnswer, ApiError>, request_id: &str) -> Reply {
    let answer = match outcome {
        Ok(answer) => answer,
        Err(error) => {
            let body = wire::to_json(&wire::error_body(&error, request_id));
            return Reply::new(error.status(), body).with("content-type", "application/json");
        }
    };
    let reply = Reply::new(200, answer.frame.unwrap_or_default());
    match answer.subprotocol {
        Some(subprotocol) => reply.with("sec-websocket-protocol", subprotocol),
        None => reply,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_browser_believes_the_content_type_of_every_answer() {
        let shown = |outcome| serde_json::to_value(reply(outcome, "id")).unwrap();
        let accepted = shown(Ok(SocketAnswer::accepted(Some("senna.v1"))));
        let refused = shown(Err(ApiError::NotAuthenticated));
        for answer in [&accepted, &refused, &shown(Ok(SocketAnswer::frame("{}".to_owned())))] {
            assert_eq!(answer["headers"]["x-content-type-options"], "nosniff", "{answer}");
        }
        assert_eq!(accepted["headers"]["sec-websocket-protocol"], "senna.v1");
        assert_eq!(refused["headers"]["content-type"], "application/json");
        assert_eq!(refused["statusCode"], Value::from(401));
    }
}
