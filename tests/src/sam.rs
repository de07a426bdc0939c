//! `sam local start-api`: the REST routes from the functions that `sam build` made, in Docker. SAM has no WebSocket.

use std::{
    env,
    io::{self, Write as _},
    iter,
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{root, stack::text_of};

/// With this variable, the stack that tests share has SAM in front of its REST routes.
pub const THROUGH_SAM: &str = "SENNA_TEST_THROUGH_SAM";

/// With these words the process that started SAM says on standard error where it listens.
pub const SAM_LISTENS: &str = "SAM listens on";

/// How long SAM may take until it listens.
const START_LIMIT: Duration = Duration::from_mins(1);

/// A program of the Python environment that `.ci/sam-setup` makes, ready to run in the project's folder, without a network and
/// without input; nothing where it wasn't installed.
pub fn tool(name: &str) -> Option<Command> {
    let bin = root().join(".senna/sam/bin");
    let program = bin.join(name);
    if !program.is_file() {
        return None;
    }
    let paths = env::var_os("PATH").unwrap_or_default();
    let paths = env::join_paths(iter::once(bin).chain(env::split_paths(&paths))).ok()?;
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .env("PATH", paths)
        .envs([
            ("AWS_DEFAULT_REGION", "eu-west-1"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("SAM_CLI_TELEMETRY", "0"),
        ])
        .stdin(Stdio::null());
    Some(command)
}

/// SAM's server, and with it its containers. Both end when this is dropped, and after the test process at the latest.
#[derive(Debug)]
pub struct Sam {
    address: String,
    child: Child,
    // SAM ends when this end closes. The system closes it when the test process ends, also if it is killed.
    stdin: Option<ChildStdin>,
}

impl Sam {
    /// Why it can't run here, if so.
    pub fn missing() -> Option<&'static str> {
        if tool("sam").is_none() {
            return Some("there is no SAM in .senna/sam; .ci/sam-setup installs it");
        }
        let docker = Command::new("docker").arg("info").stdin(Stdio::null()).output();
        if !docker.is_ok_and(|output| output.status.success()) {
            return Some("no Docker answers; .ci/sam-setup installs it where it can");
        }
        if !root().join(".aws-sam/build/template.yaml").is_file() {
            return Some(
                "there are no built functions; `sam build --parameter-overrides Architecture=x86_64` (or arm64) makes them",
            );
        }
        None
    }

    /// Starts it on a free port, and returns when it listens. The functions have these variables, in a file as
    /// `cargo run -- --sam-env` writes it, which is not read again.
    ///
    /// # Errors
    /// When it does not come up in time; then with what it wrote.
    pub(crate) fn start(variables: &Path) -> Result<Self> {
        // Where no registry is reached, a stand-in for the base image is made of this machine's files.
        let image = Command::new(root().join("tests/aws/base-image"))
            .stdin(Stdio::null())
            .output()?;
        ensure!(image.status.success(), "{}", String::from_utf8_lossy(&image.stderr));

        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let architecture = match env::consts::ARCH {
            "aarch64" => "arm64",
            other => other,
        };
        // Not a pipe: SAM still writes when the test process has ended, and would fail before it has removed its containers.
        let log = tempfile::tempfile().context("can't make a file for SAM's log")?;
        let mut command = tool("python").context("there is no Python environment; .ci/sam-setup makes it")?;
        command
            .args([
                "tests/aws/start_api.py",
                "--skip-pull-image",
                "--warm-containers",
                "LAZY",
            ])
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args(["--parameter-overrides", &format!("Architecture={architecture}")])
            .arg("--env-vars")
            .arg(variables)
            // SAM hands its own credentials to the functions. With those of the local stack, its S3 takes what they sign.
            .envs([
                ("AWS_ACCESS_KEY_ID", "local"),
                ("AWS_SECRET_ACCESS_KEY", "local"),
                ("AWS_SESSION_TOKEN", "local"),
                ("AWS_DEFAULT_REGION", "us-east-1"),
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(log.try_clone()?)
            // Ctrl-C in a terminal goes to a whole group, and a second one ends SAM while it removes its containers.
            .process_group(0);
        let mut child = command.spawn()?;
        let stdin = child.stdin.take();
        let mut sam = Self {
            address: format!("127.0.0.1:{port}"),
            child,
            stdin,
        };
        let start = Instant::now();
        while !text_of(&log).contains("Running on") {
            if sam.child.try_wait()?.is_some() || start.elapsed() > START_LIMIT {
                bail!("sam local start-api does not come up; it wrote:\n{}", text_of(&log));
            }
            thread::sleep(Duration::from_millis(50));
        }
        writeln!(io::stderr(), "{SAM_LISTENS} {}", sam.address).ok();
        Ok(sam)
    }

    /// Where it listens: host and port.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Sam {
    fn drop(&mut self) {
        drop(self.stdin.take());
        self.child.wait().ok();
    }
}
