//! The chat in Node that Senna is measured beside: two processes on a Redis of their own.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result, anyhow, ensure};
use local::redis::{Options, RedisServer};
use tests::javascript::JavaScript;
use tests::{SECRET, root};

/// The running chat. It ends when this is dropped.
pub(crate) struct Rival {
    pub(crate) redis: RedisServer,
    /// Each process listens on a port of its own, for REST and WebSockets.
    pub(crate) addresses: Vec<String>,
    children: Vec<Child>,
}

impl Rival {
    /// Installs what the chat needs, at the first run, and starts it.
    pub(crate) fn start() -> Result<Self> {
        let node = JavaScript::ready().map_err(|why| anyhow!("the chat in Node can't run: {why}"))?;
        let folder = root().join(".senna/rival");
        let source = root().join("tests/measure/end_to_end/rival");
        let wanted = fs::read_to_string(source.join("package-lock.json"))?;
        fs::create_dir_all(&folder)?;
        // npm empties `node_modules` first, so the copy of what it was asked for comes last.
        let installed = folder.join("installed");
        if fs::read_to_string(&installed).ok().as_ref() != Some(&wanted) {
            println!("installing Express, Socket.IO and its Redis adapter into .senna/rival …");
            for name in ["package.json", "package-lock.json"] {
                fs::copy(source.join(name), folder.join(name))?;
            }
            let mut npm = node.npm(&["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            ensure!(
                npm.current_dir(&folder).status()?.success(),
                "npm can't install what .senna/rival/package-lock.json names"
            );
            fs::write(&installed, &wanted)?;
        }
        // Node looks for packages beside the file.
        fs::copy(source.join("chat.js"), folder.join("chat.js"))?;
        let redis = RedisServer::start(&Options::default())?;
        let mut rival = Self {
            redis,
            addresses: Vec::new(),
            children: Vec::new(),
        };
        for _ in 0..2 {
            let mut command = node.node();
            command.current_dir(&folder).env("NODE_ENV", "production");
            rival.start_process(&mut command)?;
        }
        Ok(rival)
    }

    fn start_process(&mut self, node: &mut Command) -> Result<()> {
        let mut child = node
            .args(["chat.js", &self.redis.port().to_string(), SECRET])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("a child without its output")?;
        self.children.push(child);
        let mut port = String::new();
        BufReader::new(output).read_line(&mut port)?;
        ensure!(!port.trim().is_empty(), "the chat in Node didn't start");
        self.addresses.push(format!("127.0.0.1:{}", port.trim()));
        Ok(())
    }
}

impl Drop for Rival {
    fn drop(&mut self) {
        for child in &mut self.children {
            child.kill().ok();
            child.wait().ok();
        }
    }
}
