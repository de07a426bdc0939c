//! Lambda: runs the functions' executables under the Runtime API, one request at a time in each process and as many
//! processes as requests come at once, up to a bound.

pub mod pool;
mod process;
mod runtime_api;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use bytes::Bytes;

pub use pool::Lambda;

use crate::guard::Guard;

/// Lambda's limit on the payload of a synchronous request, and on its answer.
///
/// # Source
/// Lambda quotas: 6 MB each.
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

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
    /// The variables that the template names, with their values here.
    pub environment: BTreeMap<String, String>,
}

/// How functions are run.
#[derive(Debug, Clone)]
pub struct LambdaOptions {
    /// The most processes of one function at a time.
    pub concurrency: usize,
    /// Who kills the processes when the stack is killed.
    pub guard: Option<Arc<Guard>>,
}

/// Why a request to a function has no answer. For API Gateway all of these are one thing, a failed integration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvokeError {
    /// The function reported an error (it returned `Err` or panicked).
    #[error("{kind}: {message}")]
    Function {
        /// `Lambda-Runtime-Function-Error-Type`, or the body's `errorType`.
        kind: String,
        /// The body's `errorMessage`.
        message: String,
    },
    /// The function took longer than its `Timeout` and was killed.
    #[error("Task timed out after {:.2} seconds", .0.as_secs_f64())]
    TimedOut(Duration),
    /// The process ended in the middle of the request.
    #[error("Runtime exited with error: {0}")]
    Exited(String),
    /// The process ended, or did not ask for a request, before it was ready.
    #[error("the function doesn't start: {0}")]
    Init(String),
    /// Every process was busy for as long as the request may take.
    #[error("every one of the {0} processes was busy until the time was over (--concurrency raises the bound)")]
    Busy(usize),
    /// The request or the answer is larger than Lambda takes.
    #[error("the payload is larger than {MAX_PAYLOAD_BYTES} bytes")]
    TooLarge,
    /// There is no such function, or the stack is stopping.
    #[error("there is no function {0}")]
    Unknown(String),
}

/// What a function answered.
pub type InvokeResult = Result<Bytes, InvokeError>;
