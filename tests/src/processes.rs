//! The processes of a stack's functions.

use std::process::Command;

use anyhow::{Context as _, Result};
use rustix::process::{Pid, Signal, kill_process};

use crate::Stack;

/// The processes that a stack started.
#[derive(Clone, Copy, Debug)]
pub struct Processes {
    stack: u32,
}

impl Processes {
    /// Those of this stack.
    pub fn of(stack: &Stack) -> Self {
        Self { stack: stack.pid() }
    }

    /// The processes of one function that are alive now.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn named(self, function: &str) -> Result<Vec<Pid>> {
        let is_ours = |process: &(i32, u32, String)| process.1 == self.stack && process.2 == function;
        Ok(all()?
            .into_iter()
            .filter(is_ours)
            .filter_map(|(pid, ..)| Pid::from_raw(pid))
            .collect())
    }

    /// Kills with -9 what runs of one function now, and says how many there were.
    ///
    /// # Errors
    /// When the system doesn't tell.
    pub fn kill(self, function: &str) -> Result<usize> {
        let processes = self.named(function)?;
        // One that ended by itself in this moment is as good.
        Ok(processes
            .into_iter()
            .filter(|pid| kill_process(*pid, Signal::KILL).is_ok())
            .count())
    }
}

/// Process, its parent, and its program's name without folder.
fn all() -> Result<Vec<(i32, u32, String)>> {
    if cfg!(target_os = "linux") {
        Ok(from_proc()?)
    } else {
        from_ps()
    }
}

fn from_proc() -> std::io::Result<Vec<(i32, u32, String)>> {
    let entries = std::fs::read_dir("/proc")?;
    // A process can end between the listing and the reading.
    let stat =
        |entry: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok();
    Ok(entries.filter_map(stat).filter_map(|stat| from_stat(&stat)).collect())
}

/// Reads `pid (name) state parent …`. A zombie is dead.
fn from_stat(stat: &str) -> Option<(i32, u32, String)> {
    let (pid, rest) = stat.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let (state, rest) = rest.split_once(' ')?;
    let parent = rest.split(' ').next()?.parse().ok()?;
    (state != "Z").then_some((pid.parse().ok()?, parent, name.to_owned()))
}

fn from_ps() -> Result<Vec<(i32, u32, String)>> {
    let output = Command::new("ps")
        .args(["-A", "-o", "pid=,ppid=,comm="])
        .output()
        .context("can't run ps")?;
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let (pid, parent, name) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?, words.next()?);
        Some((pid, parent, name.rsplit('/').next().unwrap_or(name).to_owned()))
    };
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .filter_map(line)
        .collect())
}
