//! Which executables run as functions, and how they run.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use crate::{faults::Faults, machine::guard::Guard};

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
    /// `ReservedConcurrentExecutions`: how many requests may run at a time. One more fails at once.
    pub reserved: Option<usize>,
    /// The variables that the template names, with their values here.
    pub environment: BTreeMap<String, String>,
}

/// How functions are run.
#[derive(Debug, Clone, Default)]
pub struct LambdaOptions {
    /// The most processes at a time of a function without a reservation. Further requests wait.
    pub concurrency: usize,
    /// What a process does between two requests.
    pub rest: Rest,
    /// The folder in which each function has a log; no logs without it.
    pub logs: Option<PathBuf>,
    /// Whether a process is killed in the middle of a request.
    pub faults: Arc<Faults>,
    /// Who kills the processes when the stack is killed.
    pub guard: Option<Arc<Guard>>,
}

/// What a process does between two requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rest {
    /// It waits, and may go on working.
    #[default]
    Waits,
    /// It is stopped, as Lambda freezes an execution environment.
    Frozen,
    /// It ends: every request gets a new one.
    Ends,
}
