//! How a function meets Lambda: events in, answers out, and the one place that logs failures.

mod log;
pub mod rest;
pub mod socket;
pub(crate) mod xray;

use std::fmt;

use crate::error::Chain;

pub use log::start;

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
