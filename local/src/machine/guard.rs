//! The guard: nothing that the stack started lives on after the stack, even when the stack is killed with -9.
//!
//! The guard is a child process of `senna` (its hidden `guard` subcommand). It has a process group of its own, so that neither
//! Ctrl-C nor a kill of the stack's group reaches it. The stack tells it through its standard input what was started and what has
//! ended. When this pipe closes, the stack is gone, and the guard kills what is left. The usual way,
//! `prctl(PR_SET_PDEATHSIG)` between fork and exec, needs unsafe code and exists only on Linux.

use std::{
    collections::BTreeMap,
    io::{self, BufRead as _, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Mutex, PoisonError},
};

use rustix::process::{Pid, Signal, kill_process};

/// The stack's end of the pipe. Dropping it lets the guard finish.
#[derive(Debug)]
pub struct Guard {
    child: Mutex<Child>,
    pipe: Mutex<Option<ChildStdin>>,
}

impl Guard {
    /// Starts the guard: `executable guard`.
    ///
    /// # Errors
    /// What the system says when no process can be started.
    pub fn start(executable: &Path) -> io::Result<Self> {
        let mut child = Command::new(executable)
            .arg("guard")
            .env_clear()
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let pipe = Mutex::new(child.stdin.take());
        Ok(Self {
            child: Mutex::new(child),
            pipe,
        })
    }

    /// Tells the guard to kill the process `pid` at the end.
    pub fn watch(&self, pid: u32) {
        self.tell(&format!("watch {pid}"));
    }

    /// Tells the guard that the process `pid` has ended.
    pub fn forget(&self, pid: u32) {
        self.tell(&format!("forget {pid}"));
    }

    /// Tells the guard to remove the temporary folder `path` at the end.
    pub fn remove(&self, path: &Path) {
        self.tell(&format!("remove {}", path.display()));
    }

    fn tell(&self, line: &str) {
        let mut pipe = self.pipe.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pipe) = pipe.as_mut() {
            // One write for the whole line. It fails when somebody killed the guard; the stack works without it.
            drop(pipe.write_all(format!("{line}\n").as_bytes()));
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        drop(self.pipe.lock().unwrap_or_else(PoisonError::into_inner).take());
        // The guard ends when it has cleaned up. Only then has the stack stopped.
        drop(self.child.lock().unwrap_or_else(PoisonError::into_inner).wait());
    }
}

/// What the guard process does: it reads `orders` until they end, then kills and removes what it was told to watch and not told to
/// forget.
pub fn run(orders: impl io::Read) {
    let mut watched = BTreeMap::new();
    let mut folders = Vec::new();
    for line in io::BufReader::new(orders).lines() {
        let Ok(line) = line else { break };
        match line.split_once(' ') {
            Some(("watch", pid)) => {
                if let Some(pid) = pid.parse().ok().and_then(Pid::from_raw)
                    && let Some(identity) = identity(pid)
                {
                    watched.insert(pid.as_raw_nonzero(), identity);
                }
            }
            Some(("forget", pid)) => {
                if let Some(pid) = pid.parse().ok().and_then(Pid::from_raw) {
                    watched.remove(&pid.as_raw_nonzero());
                }
            }
            Some(("remove", path)) => folders.push(PathBuf::from(path)),
            _ => {}
        }
    }
    for (pid, expected) in watched {
        // The system may have given the number to another process since. That one is left alone.
        if let Some(pid) = Pid::from_raw(pid.get())
            && identity(pid).as_ref() == Some(&expected)
        {
            // It fails when the process has just ended, which is what we want.
            kill_process(pid, Signal::KILL).ok();
        }
    }
    for folder in folders {
        // It is usually gone: a stack that stops in order removes it itself.
        drop(std::fs::remove_dir_all(folder));
    }
}

/// When a process started. This tells it from a later process with the same number.
fn identity(pid: Pid) -> Option<String> {
    let pid = pid.as_raw_nonzero();
    if Path::new("/proc/self/stat").exists() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Field 22 counts from 1, and field 2 is a name in parentheses that may hold spaces.
        return stat.rsplit_once(')')?.1.split_whitespace().nth(19).map(str::to_owned);
    }
    // macOS has no /proc; its ps is always there.
    let ps = Command::new("/bin/ps")
        .args(["-o", "lstart=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let started = String::from_utf8_lossy(&ps.stdout).trim().to_owned();
    (!started.is_empty()).then_some(started)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sleeper() -> Child {
        Command::new("sleep").arg("600").spawn().unwrap()
    }

    #[test]
    fn what_is_watched_is_killed_at_the_end_and_what_is_forgotten_is_not() {
        let (mut watched, mut forgotten) = (sleeper(), sleeper());
        let folder = tempfile::tempdir().unwrap().keep();
        let orders = format!(
            "watch {}\nwatch {}\nforget {}\nwatch nonsense\nremove {}\n",
            watched.id(),
            forgotten.id(),
            forgotten.id(),
            folder.display()
        );
        run(orders.as_bytes());
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&watched.wait().unwrap()),
            Some(9)
        );
        assert!(forgotten.try_wait().unwrap().is_none());
        assert!(!folder.exists());
        forgotten.kill().unwrap();
        forgotten.wait().unwrap();
    }
}
