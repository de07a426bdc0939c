//! Why a request to a function has no answer.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;

use super::limits::{MAX_ANSWER_BYTES, MAX_PAYLOAD_BYTES};

/// Why a request to a function has no answer. To API Gateway [`InvokeError::Throttled`] and [`InvokeError::Busy`] mean that the
/// function can't be asked now, and all others mean that the integration failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function reported an error (it returned `Err` or panicked, or could not get ready).
    #[error("{kind}: {message}")]
    Function {
        /// The report's `errorType`, or `Lambda-Runtime-Function-Error-Type`.
        kind: String,
        /// The report's `errorMessage`.
        message: String,
        /// The whole report, which is what a caller of Lambda gets.
        report: Bytes,
    },
    /// The function took longer than its `Timeout` and was killed.
    #[error("Task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The process ended in the middle of the request.
    #[error("Runtime exited {0}")]
    Exited(String),
    /// The process ended, or did not ask for a request, before it was ready.
    #[error("the function doesn't start: {0}")]
    Init(String),
    /// The answer is larger than Lambda takes.
    #[error("Response payload size exceeded maximum allowed payload size ({MAX_ANSWER_BYTES} bytes).")]
    AnswerTooLarge,
    /// The request is larger than Lambda takes. The function was not asked.
    #[error("Request must be smaller than {MAX_PAYLOAD_BYTES} bytes for the InvokeFunction operation")]
    RequestTooLarge,
    /// As many requests as the template reserves were under way. The function was not asked.
    #[error("Rate Exceeded.")]
    Throttled,
    /// Every process was busy for as long as the request may take. Lambda has no such error: this machine runs fewer processes.
    #[error("every one of the {0} processes was busy until the time was over (--concurrency raises the bound)")]
    Busy(usize),
    /// There is no such function, or the stack is stopping.
    #[error("there is no function {0}")]
    Unknown(String),
}

impl InvokeError {
    /// Lambda's name for the error.
    pub fn kind(&self) -> &str {
        match self {
            Self::Function { kind, .. } => kind,
            Self::TimedOut(_) => "Sandbox.Timedout",
            Self::Exited(_) | Self::Init(_) => "Runtime.ExitError",
            Self::AnswerTooLarge => "Function.ResponseSizeTooLarge",
            Self::RequestTooLarge => "RequestEntityTooLargeException",
            Self::Throttled | Self::Busy(_) => "TooManyRequestsException",
            Self::Unknown(_) => "ResourceNotFoundException",
        }
    }

    /// The JSON that a caller of Lambda gets in place of an answer.
    pub fn report(&self, request_id: &str) -> Bytes {
        let message = match self {
            Self::Function { report, .. } => return report.clone(),
            Self::AnswerTooLarge => self.to_string(),
            _ => format!("RequestId: {request_id} Error: {self}"),
        };
        json!({"errorType": self.kind(), "errorMessage": message})
            .to_string()
            .into()
    }
}
