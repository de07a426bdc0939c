//! How a chat fails.

use super::{explain::Refusal, rest::RestError};
use crate::developer::connect::ConnectError;

/// Why the chat ended before its user wanted.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The REST API can't be asked.
    #[error(transparent)]
    Rest(#[from] RestError),
    /// The API refused.
    #[error("{0}")]
    Refused(Refusal),
    /// Some lines of the input were not done.
    #[error("{failed} of the lines failed, as said above")]
    Failed {
        /// How many.
        failed: usize,
    },
    /// The input ended, and the service does not answer.
    #[error(
        "no answer for {seconds} seconds since the end of the input; what was sent last may or may not have arrived, \
         so look before you send it again"
    )]
    NoAnswer {
        /// How long.
        seconds: u64,
    },
}
