//! The loop of all functions of the HTTP API, whoever may ask them.

use std::convert::Infallible;

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use tracing::Instrument as _;

use super::answer::{Answer, reply};
use super::event::Event;
use super::{StartError, log};
use crate::adapters::clock::SystemClock;
use crate::error::ApiError;
use crate::metrics;
use crate::ports::Clock as _;

/// Answers requests until Lambda ends the process. `answer` is given each request, and when Lambda ends the invocation, in milliseconds since 1970.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub(super) async fn serve(
    route: &str,
    answer: impl AsyncFn(Event, u64) -> Result<Answer, ApiError>,
) -> Result<(), StartError> {
    let answer = &answer;
    let respond = |LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>| {
        let span = log::span(route, &context);
        let responding = async move {
            let event = Event::new(&payload);
            let has_body = event.text("/requestContext/http/method") != "HEAD";
            let outcome = answer(event, context.deadline).await;
            log::log_outcome(outcome.as_ref().map(|answer| answer.status));
            metrics::flush(SystemClock.now_ms());
            Ok::<_, Infallible>(reply(outcome, &context.request_id, has_body))
        };
        responding.instrument(span)
    };
    Ok(lambda_runtime::run(service_fn(respond)).await?)
}
