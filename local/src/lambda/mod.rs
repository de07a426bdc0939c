//! Lambda: runs the functions' executables under the Runtime API, one request at a time in each process and as many
//! processes as requests come at once, up to a bound.
//!
//! [`pool`] decides which process gets a request, `process` is one of them, `runtime_api` is what it talks to, `journal` is
//! what it writes, and [`invoke_api`] lets tools call functions as they would call Lambda.

mod error;
pub mod invoke_api;
mod journal;
pub mod pool;
mod process;
mod runtime_api;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;

pub use error::InvokeError;
pub use invoke_api::InvokeApi;
pub use pool::Lambda;

use crate::{faults::Faults, guard::Guard};

/// Lambda's limit on the payload of a synchronous request.
///
/// # Source
/// Lambda quotas: 6 MB; in bytes, "Request must be smaller than 6291456 bytes".
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// Lambda's limit on an answer, the same and room for an envelope.
///
/// # Source
/// Lambda's own error, "Response payload size exceeded maximum allowed payload size (6291556 bytes)".
pub const MAX_ANSWER_BYTES: usize = MAX_PAYLOAD_BYTES + 100;

/// A function, ready to be run.
#[derive(Debug, Clone)]
pub struct FunctionSpec {
    /// Its name: the prefix of its log lines and `AWS_LAMBDA_FUNCTION_NAME`.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The executable.
    pub executable: PathBuf,
    /// The longest that one request may take.
    pub timeout: Duration,
    /// `AWS_LAMBDA_FUNCTION_MEMORY_SIZE`; not enforced.
    pub memory_mb: u32,
    /// `ReservedConcurrentExecutions`: so many requests at a time, and beyond them an error at once.
    pub reserved: Option<usize>,
    /// The variables that the template names, with their values here.
    pub environment: BTreeMap<String, String>,
}

/// How functions are run.
#[derive(Debug, Clone, Default)]
pub struct LambdaOptions {
    /// The most processes at a time of a function without a reservation; beyond it requests wait.
    pub concurrency: usize,
    /// What becomes of a process between two requests.
    pub rest: Rest,
    /// The folder in which each function has a log; no logs without it.
    pub logs: Option<PathBuf>,
    /// Whether a process is killed in the middle of a request.
    pub faults: Arc<Faults>,
    /// Who kills the processes when the stack is killed.
    pub guard: Option<Arc<Guard>>,
}

/// What becomes of a process between two requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rest {
    /// It waits, and may do what it wants.
    #[default]
    Waits,
    /// It is stopped, as Lambda freezes an execution environment.
    Frozen,
    /// It ends: every request gets a new one.
    Ends,
}

/// A request to a function.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The event.
    pub payload: Bytes,
    /// `Root=1-…`, if whoever calls has begun a trace; else one begins here.
    pub trace_id: Option<String>,
    /// The client context as JSON, which only callers of the invoke API give.
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
