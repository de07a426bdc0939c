//! A request to a function, and its result.

use bytes::Bytes;

use super::error::InvokeError;

/// A request to a function.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The event.
    pub payload: Bytes,
    /// `Root=1-…`, when the caller has begun a trace. Without it a new trace begins.
    pub trace_id: Option<String>,
    /// The client context as JSON. Only callers of Invoke can give one.
    pub client_context: Option<String>,
}

impl From<Bytes> for Call {
    fn from(payload: Bytes) -> Self {
        Self {
            payload,
            ..Self::default()
        }
    }
}

/// What a function answered.
pub type InvokeResult = Result<Bytes, InvokeError>;

/// A request that has ended.
#[derive(Debug)]
pub struct Invocation {
    /// Its id.
    pub request_id: String,
    /// The answer.
    pub result: InvokeResult,
    /// The last 4 KB of its log, `START` and `REPORT` included. Empty if no process took it.
    pub log_tail: String,
}
