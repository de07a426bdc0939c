//! Functions of the WebSocket API: one event is a connection's beginning, its end, or a frame of its client.

use std::convert::Infallible;

use aws_lambda_events::apigw::{ApiGatewayProxyResponse, ApiGatewayWebsocketProxyRequest};
use aws_lambda_events::encodings::Body;
use http::{HeaderMap, HeaderValue};
use lambda_runtime::{LambdaEvent, service_fn};
use tracing::{Instrument as _, Span, field};

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
    event: ApiGatewayWebsocketProxyRequest,
}

impl SocketEvent {
    /// The headers of the handshake; none in other events.
    pub fn headers(&self) -> &HeaderMap {
        &self.event.headers
    }

    /// All values of a header of the handshake, sent in one line or in several. API Gateway gives the last line in `headers`, and
    /// every line in `multiValueHeaders`, so a value may come twice.
    pub fn header_values<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        let lines = self.event.multi_value_headers.get_all(name).iter();
        let lines = lines.chain(self.event.headers.get_all(name));
        lines
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .map(str::trim)
    }

    /// A parameter of the handshake's query.
    pub fn query(&self, name: &str) -> Option<&str> {
        self.event.query_string_parameters.first(name)
    }

    /// The client's frame; empty in other events.
    pub fn frame(&self) -> &str {
        self.event.body.as_deref().unwrap_or_default()
    }

    /// Does work as long as there is time to answer, so that a frame always gets its own answer.
    ///
    /// # Errors
    /// Those of the work; [`ApiError::Unavailable`] when the time is over.
    pub async fn in_time<T>(&self, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
        in_time(self.deadline_ms, work).await
    }

    fn new(event: LambdaEvent<ApiGatewayWebsocketProxyRequest>) -> Option<Self> {
        let context = &event.payload.request_context;
        Some(Self {
            connection: ConnectionId::parse(context.connection_id.as_deref()?).ok()?,
            connected_at_ms: u64::try_from(context.connected_at).ok()?,
            deadline_ms: event.context.deadline,
            request_id: event.context.request_id,
            event: event.payload,
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
    let respond = |event: LambdaEvent<ApiGatewayWebsocketProxyRequest>| {
        let context = event.context.clone();
        let span = log::span(route, &context);
        let answer = async move {
            let outcome = match SocketEvent::new(event) {
                Some(event) => {
                    Span::current().record("connection", field::display(&event.connection));
                    handler(event).await
                }
                None => Err(ApiError::RouteNotFound),
            };
            log::log_outcome(outcome.as_ref().map(|_| 200));
            metrics::flush(SystemClock.now_ms());
            Ok::<_, Infallible>(response(outcome, &context.request_id))
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

fn response(outcome: Result<SocketAnswer, ApiError>, request_id: &str) -> ApiGatewayProxyResponse {
    let mut response = ApiGatewayProxyResponse::default();
    match outcome {
        Ok(answer) => {
            response.status_code = 200;
            response.body = answer.frame.map(Body::Text);
            // In `headers`: whether API Gateway honours `multiValueHeaders` here is not documented.
            if let Some(subprotocol) = answer.subprotocol {
                response
                    .headers
                    .insert("sec-websocket-protocol", HeaderValue::from_static(subprotocol));
            }
        }
        Err(error) => {
            response.status_code = error.status().into();
            response.body = Some(Body::Text(wire::to_json(&wire::error_body(&error, request_id))));
        }
    }
    response
}
