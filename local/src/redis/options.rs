//! How to start a server, and why none starts.

use std::{io, path::PathBuf, sync::Arc};

use super::fetch::NoServer;
use crate::machine::guard::Guard;

/// How a server is started. The default is an empty one, in a temporary folder, on a free port.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Where data is kept, with every write appended to a file; `None` keeps nothing.
    pub data_dir: Option<PathBuf>,
    /// The port on 127.0.0.1; `None` is any free one.
    pub port: Option<u16>,
    /// Further arguments, as `--maxmemory 10mb` or `--cluster-enabled yes`.
    pub extra_args: Vec<String>,
    /// Whether the server gets a process group of its own, so that Ctrl-C doesn't end it before those who use it. A test leaves
    /// it in the group of the test: a test runner kills the whole group.
    pub own_group: bool,
    /// Who kills it when this process is killed.
    pub guard: Option<Arc<Guard>>,
}

/// Why no server runs.
#[derive(Debug, thiserror::Error)]
pub enum RedisError {
    /// No executable was found or fetched.
    #[error(transparent)]
    NoServer(#[from] NoServer),
    /// Another stack uses the data folder.
    #[error("another stack uses the data in {path}: stop it, or start this one with --fresh or with SOCK_REDIS_URL")]
    InUse {
        /// The folder.
        path: String,
    },
    /// A file or folder can't be used.
    #[error("can't {what} {path}")]
    Files {
        /// What was tried.
        what: &'static str,
        /// The file or folder.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// It started, and ended before it was ready.
    #[error("{program} doesn't start: {said}")]
    Failed {
        /// The executable.
        program: String,
        /// The last lines that it wrote.
        said: String,
    },
}
