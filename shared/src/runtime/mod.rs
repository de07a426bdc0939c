//! How a function meets Lambda: events in, answers out, and the one place that logs failures.

pub(crate) mod answer;
pub(crate) mod event;
pub mod hook;
mod http;
mod log;
pub mod platform;
pub mod rest;
pub mod socket;
pub mod worker;

use std::fmt;
use std::time::Duration;

use tokio::time::timeout;

use crate::adapters::clock::SystemClock;
use crate::error::{ApiError, Chain};
use crate::ports::{Clock as _, Unavailable};

pub use log::start;

/// What is left of a function's time when its work is cut off, so that the client is answered and not left to API Gateway.
const LAST_WORDS_MS: u64 = 500;

/// Does the work of an invocation, as long as there is time to answer before `deadline_ms`, when Lambda ends it.
async fn in_time<T>(deadline_ms: u64, work: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    let left = deadline_ms
        .saturating_sub(LAST_WORDS_MS)
        .saturating_sub(SystemClock.now_ms());
    let done = timeout(Duration::from_millis(left), Box::pin(work)).await;
    done.unwrap_or_else(|elapsed| Err(Unavailable::new("time", elapsed).into()))
}

/// Why a function could not start. Shown as one line that says what to do.
pub struct StartError(Box<dyn std::error::Error + Send + Sync>);

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for StartError {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

/// `main` shows its error with `Debug`; this makes it a sentence.
impl fmt::Debug for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&Chain(self.0.as_ref()), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_without_time_left_is_answered_and_not_left_hanging() {
        let now = SystemClock.now_ms();
        let hanging = in_time::<()>(now + LAST_WORDS_MS + 20, std::future::pending()).await;
        assert_eq!(hanging.unwrap_err().code(), Some("UNAVAILABLE"));
        assert_eq!(in_time(now + 60_000, async { Ok(7) }).await.unwrap(), 7);
    }
}
