//! How far the migration has come: a bar on a terminal, a line every ten seconds elsewhere.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use crate::machine::logs;

const BAR: usize = 30;
const ON_A_TERMINAL: Duration = Duration::from_millis(100);
const ELSEWHERE: Duration = Duration::from_secs(10);

/// One pass over the keys.
pub(super) struct Progress {
    what: &'static str,
    total: u64,
    done: u64,
    messages: u64,
    shown: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(super) fn new(what: &'static str, total: u64) -> Self {
        let progress = Self {
            what,
            total,
            done: 0,
            messages: 0,
            shown: Instant::now(),
            is_terminal: io::stderr().is_terminal(),
        };
        progress.show();
        progress
    }

    /// A key is done.
    pub(super) fn key(&mut self) {
        self.done += 1;
        self.moved();
    }

    /// So many messages are done.
    pub(super) fn messages(&mut self, count: u64) {
        self.messages += count;
        self.moved();
    }

    fn moved(&mut self) {
        let pause = if self.is_terminal { ON_A_TERMINAL } else { ELSEWHERE };
        if self.shown.elapsed() >= pause {
            self.shown = Instant::now();
            self.show();
        }
    }

    fn show(&self) {
        let text = line(self.what, self.done, self.total, self.messages);
        if self.is_terminal {
            let mut stderr = io::stderr().lock();
            let bar = bar(self.done, self.total);
            // It fails when nobody reads standard error any more.
            drop(write!(stderr, "\r\u{1b}[K{bar} {text}").and_then(|()| stderr.flush()));
        } else {
            logs::stack(text);
        }
    }

    /// Ends the pass.
    pub(super) fn end(self) {
        self.show();
        if self.is_terminal {
            drop(writeln!(io::stderr()));
        }
    }
}

fn line(what: &str, done: u64, total: u64, messages: u64) -> String {
    let messages = match messages {
        0 => String::new(),
        messages => format!(", {messages} messages"),
    };
    // SCAN may give a key twice.
    format!("{what}: {done} of {} keys{messages}", total.max(done))
}

fn bar(done: u64, total: u64) -> String {
    let full = (done.min(total) * BAR as u64).checked_div(total).unwrap_or_default();
    let full = usize::try_from(full).unwrap_or_default();
    format!("[{}{}]", "#".repeat(full), " ".repeat(BAR - full))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_fills_up() {
        assert_eq!(bar(0, 0), format!("[{}]", " ".repeat(30)));
        assert_eq!(bar(1, 2), format!("[{}{}]", "#".repeat(15), " ".repeat(15)));
        assert_eq!(bar(9, 2), format!("[{}]", "#".repeat(30)));
        assert_eq!(line("read", 3, 2, 0), "read: 3 of 3 keys");
        assert_eq!(line("read", 1, 2, 7), "read: 1 of 2 keys, 7 messages");
    }
}
