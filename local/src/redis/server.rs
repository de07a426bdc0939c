//! A real Redis or Valkey server as a child process: the one of the local stack, and those of the tests.
//!
//! ```no_run
//! use local::redis::{Options, RedisServer};
//!
//! let server = RedisServer::start(&Options::default())?;
//! println!("{}", server.url());
//! # Ok::<(), local::redis::RedisError>(())
//! ```
//!
//! The functions here block (a start takes about 60 ms), so that tests with and without a runtime can use them. The stack calls
//! them on threads where they may block.

use std::{
    collections::VecDeque,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io::{self, BufRead as _, BufReader},
    net::{Ipv4Addr, TcpListener},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::{
    fetch,
    options::{Options, RedisError},
};
use crate::machine::logs;

/// How many free ports are tried. Another program may take a port between the choice and its use.
const PORT_ATTEMPTS: usize = 5;
/// How long to wait for a locked data folder: after a stack was killed, its guard needs a moment to end the server.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// How long a server may take to write its data and end before it is killed.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// Lines of the server's output that are kept for an error message.
const KEPT_LINES: usize = 20;

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct RedisServer {
    program: PathBuf,
    options: Options,
    folder: PathBuf,
    // Keeps the folder as long as the server.
    _temporary: Option<TempDir>,
    lock: Option<File>,
    port: u16,
    child: Option<Child>,
    // Set before we end the running server.
    end_is_wanted: Arc<AtomicBool>,
}

impl RedisServer {
    /// Starts a server and returns when it accepts connections. The executable is one on PATH, else one fetched once into
    /// `.senna/bin` of this workspace.
    ///
    /// # Errors
    /// [`RedisError`], when there is no executable, the data is in use, or the server doesn't start.
    pub fn start(options: &Options) -> Result<Self, RedisError> {
        let cache = Path::new(env!("CARGO_MANIFEST_DIR"))
            .with_file_name(".senna")
            .join("bin");
        Self::start_from(&cache, options)
    }

    /// Does the same as [`RedisServer::start`], with `cache` as the folder for a fetched server.
    ///
    /// # Errors
    /// As [`RedisServer::start`].
    pub fn start_from(cache: &Path, options: &Options) -> Result<Self, RedisError> {
        let path: Option<OsString> = std::env::var_os("PATH");
        let program = fetch::find_or_fetch(path.as_deref(), cache)?;
        let (folder, temporary) = if let Some(folder) = &options.data_dir {
            (folder.clone(), None)
        } else {
            let temporary = TempDir::with_prefix("senna-redis-")
                .map_err(|source| files("create", &std::env::temp_dir(), source))?;
            (temporary.path().to_owned(), Some(temporary))
        };
        fs::create_dir_all(&folder).map_err(|source| files("create", &folder, source))?;
        let lock = options.data_dir.as_ref().map(|_| lock(&folder)).transpose()?;
        let mut server = Self {
            program,
            options: options.clone(),
            folder,
            _temporary: temporary,
            lock,
            port: 0,
            child: None,
            end_is_wanted: Arc::default(),
        };
        server.launch_on_free_port()?;
        Ok(server)
    }

    /// The address, as `redis://127.0.0.1:41234`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id; `None` after it was stopped.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether the server is running: false after [`RedisServer::stop`], and when it ended by itself.
    pub fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Stops the server in order and starts it again on the same port with the same data.
    ///
    /// # Errors
    /// [`RedisError::Failed`], when it doesn't start.
    pub fn restart(&mut self) -> Result<(), RedisError> {
        self.stop();
        self.launch()
    }

    /// Stops the server in order: it writes what it keeps. A second call does nothing.
    pub fn stop(&mut self) {
        self.end(Signal::TERM);
    }

    /// Kills the server, so that it ends as in a power cut. [`RedisServer::restart`] starts it again.
    pub fn kill(&mut self) {
        self.end(Signal::KILL);
    }

    fn end(&mut self, signal: Signal) {
        self.end_is_wanted.store(true, Ordering::Release);
        let Some(mut child) = self.child.take() else {
            return;
        };
        if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            // It fails when the process has already ended, which is as good.
            kill_process(pid, signal).ok();
        }
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let pid = child.id();
        // A thread waits, instead of `try_wait` in a loop, so that this returns as soon as the server has ended.
        let waiter = thread::spawn(move || {
            if receiver
                .recv_timeout(STOP_PATIENCE)
                .is_err_and(|error| error == std::sync::mpsc::RecvTimeoutError::Timeout)
                && let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw)
            {
                kill_process(pid, Signal::KILL).ok();
            }
        });
        drop(child.wait());
        drop(sender);
        drop(waiter.join());
        if let Some(guard) = &self.options.guard {
            guard.forget(pid);
        }
    }

    fn launch_on_free_port(&mut self) -> Result<(), RedisError> {
        if let Some(port) = self.options.port {
            self.port = port;
            return self.launch();
        }
        let mut attempt = 1;
        loop {
            // The system chooses. Another program may take the port before the launch, so there are several attempts.
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
            self.port = free
                .map_err(|source| files("find a free port on", Path::new("127.0.0.1"), source))?
                .port();
            match self.launch() {
                Err(RedisError::Failed { said, .. }) if attempt < PORT_ATTEMPTS && said.contains("in use") => {
                    attempt += 1;
                }
                result => return result,
            }
        }
    }

    fn launch(&mut self) -> Result<(), RedisError> {
        let mut command = Command::new(&self.program);
        command
            .args(["--bind", "127.0.0.1", "--port"])
            .arg(self.port.to_string())
            .arg("--dir")
            .arg(&self.folder);
        // No snapshots. Only the append-only file keeps data: Redis writes it at every command and syncs it each second.
        command.args([
            "--save",
            "",
            "--appendonly",
            if self.options.data_dir.is_some() { "yes" } else { "no" },
        ]);
        command
            .args(&self.options.extra_args)
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        // The lock on the data folder holds as long as any process has the file open. The server has it as its standard input. So
        // after the stack is killed the folder stays locked until the server has ended too.
        command.stdin(match &self.lock {
            Some(file) => Stdio::from(file.try_clone().map_err(|source| files("lock", &self.folder, source))?),
            None => Stdio::null(),
        });
        if self.options.own_group {
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|source| files("run", &self.program, source))?;
        if let Some(guard) = &self.options.guard {
            guard.watch(child.id());
        }
        let output = child.stdout.take();
        self.end_is_wanted = Arc::default();
        let wanted = Arc::clone(&self.end_is_wanted);
        self.child = Some(child);
        match output.map(|output| wait_until_ready(output, wanted)) {
            Some(Err(said)) => {
                self.kill();
                Err(RedisError::Failed {
                    program: self.program.display().to_string(),
                    said,
                })
            }
            Some(Ok(())) | None => Ok(()),
        }
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Reads the server's output until the server says that it is ready. A thread reads on after that: a full pipe would stop the
/// server.
fn wait_until_ready(output: ChildStdout, end_is_wanted: Arc<AtomicBool>) -> Result<(), String> {
    let mut lines = BufReader::new(output).lines();
    let mut last = VecDeque::with_capacity(KEPT_LINES);
    for line in lines.by_ref() {
        let Ok(line) = line else { break };
        if line.contains("Ready to accept connections") {
            thread::spawn(move || {
                lines.by_ref().for_each(drop);
                if !end_is_wanted.load(Ordering::Acquire) {
                    logs::stack("the Redis server has ended by itself; stop the stack and start it again");
                }
            });
            return Ok(());
        }
        if last.len() == KEPT_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    // The lines that begin with `#` are the server's warnings and errors; the rest is its banner.
    let reasons: Vec<&str> = last
        .iter()
        .filter_map(|line| line.split_once(" # "))
        .map(|(_, text)| text)
        .collect();
    Err(if reasons.is_empty() {
        last.back().cloned().unwrap_or_else(|| "it said nothing".to_owned())
    } else {
        reasons.join("; ")
    })
}

fn lock(folder: &Path) -> Result<File, RedisError> {
    let path = folder.join("lock");
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.map_err(|source| files("open", &path, source))?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(files("lock", &path, source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                return Err(RedisError::InUse {
                    path: folder.display().to_string(),
                });
            }
            // The system has no wait for a lock with a time limit, so this tries again.
            Err(TryLockError::WouldBlock) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn files(what: &'static str, path: &Path, source: io::Error) -> RedisError {
    RedisError::Files {
        what,
        path: path.display().to_string(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read as _, Write as _},
        net::TcpStream,
    };

    use super::*;

    /// What the server answers to one command of Redis's inline form.
    fn ask(server: &RedisServer, command: &str) -> String {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, server.port())).unwrap();
        write!(stream, "{command}\r\nQUIT\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn keeping(folder: &TempDir) -> Options {
        Options {
            data_dir: Some(folder.path().to_owned()),
            ..Options::default()
        }
    }

    #[test]
    fn data_outlives_a_restart_a_kill_and_the_server() {
        let folder = tempfile::tempdir().unwrap();
        let mut server = RedisServer::start(&keeping(&folder)).unwrap();
        assert_eq!(ask(&server, "SET a b"), "+OK\r\n+OK\r\n");
        let port = server.port();
        server.restart().unwrap();
        assert_eq!(server.port(), port);
        assert_eq!(ask(&server, "APPEND a c"), ":2\r\n+OK\r\n");
        server.kill();
        assert!(!server.is_running());
        server.restart().unwrap();
        drop(server);
        let server = RedisServer::start(&keeping(&folder)).unwrap();
        assert_eq!(ask(&server, "GET a"), "$2\r\nbc\r\n+OK\r\n");
    }

    #[test]
    fn a_folder_serves_one_server_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = RedisServer::start(&keeping(&folder)).unwrap();
        let second = RedisServer::start(&keeping(&folder)).unwrap_err();
        assert!(matches!(second, RedisError::InUse { .. }), "{second}");
        drop(first);
        RedisServer::start(&keeping(&folder)).unwrap();
    }

    #[test]
    fn a_server_that_does_not_start_says_why() {
        let options = Options {
            extra_args: vec!["--no-such-option".to_owned(), "1".to_owned()],
            ..Options::default()
        };
        let error = RedisServer::start(&options).unwrap_err();
        assert!(matches!(error, RedisError::Failed { .. }), "{error}");
    }
}
