//! What a user types.

use std::{
    io::{self, BufRead as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::sync::mpsc;

/// What `/help` shows.
pub(super) const HELP: &str = "\
A line is sent as a message. The number before each message names it.
/edit TEXT            changes your last message; /edit #12 TEXT another one of yours
/delete               deletes your last message; /delete #12 another one
/reply 12 TEXT        answers message #12
/react 👍             reacts to the last message of others; /react #12 👍 to another one
/unreact 👍           takes a reaction back; /unreact #12 👍
/older                shows 20 earlier messages
/who                  shows who is here
/quit                 ends, as Ctrl-D and Ctrl-C do
//text                sends a text that begins with /
Ctrl-R shows what you have typed so far, after another line came in between.";

/// A typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    Send(String),
    Reply(u64, String),
    Edit(Option<u64>, String),
    Delete(Option<u64>),
    /// The message, the reaction, and whether it is taken back.
    React(Option<u64>, String, bool),
    Older,
    Who,
    Help,
    Quit,
    /// What is wrong with it.
    Wrong(String),
}

impl Command {
    /// Reads a line; `None` if nothing stands there.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.trim().is_empty() {
            return None;
        }
        let Some(command) = line.strip_prefix('/') else {
            return Some(Self::Send(line.to_owned()));
        };
        if command.starts_with('/') {
            return Some(Self::Send(command.to_owned()));
        }
        let (name, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        let (place, words) = placed(rest);
        let wrong = |usage: &str| Self::Wrong(format!("write it as {usage}"));
        Some(match name {
            "edit" if words.is_empty() => wrong("/edit TEXT or /edit #12 TEXT"),
            "edit" => Self::Edit(place, words.to_owned()),
            "delete" if !words.is_empty() => wrong("/delete or /delete #12"),
            "delete" => Self::Delete(place),
            "react" | "unreact" if words.is_empty() => {
                wrong("/react 👍 or /react #12 👍, and /unreact in the same way")
            }
            "react" | "unreact" => Self::React(place, words.to_owned(), name == "unreact"),
            "reply" => Self::reply(rest).unwrap_or_else(|| wrong("/reply 12 TEXT")),
            "older" => Self::Older,
            "who" => Self::Who,
            "help" => Self::Help,
            "quit" | "exit" => Self::Quit,
            _ => Self::Wrong(format!(
                "there is no command /{name}; /help lists them, and //{name} sends it as a text"
            )),
        })
    }

    fn reply(rest: &str) -> Option<Self> {
        let (place, words) = rest.split_once(char::is_whitespace)?;
        let place = place.trim_start_matches('#').parse().ok()?;
        Some(Self::Reply(place, words.trim().to_owned()))
    }
}

/// The position that a text begins with, and what follows.
fn placed(rest: &str) -> (Option<u64>, &str) {
    let (first, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    match first.strip_prefix('#').and_then(|digits| digits.parse().ok()) {
        Some(place) => (Some(place), words.trim()),
        None => (None, rest),
    }
}

/// The lines of standard input, in their order.
#[derive(Debug)]
pub(super) struct Input {
    lines: mpsc::UnboundedReceiver<Result<String, &'static str>>,
    ended: Arc<AtomicBool>,
}

impl Input {
    /// Begins to read. A thread of its own does it: nothing can interrupt a read of standard input, and the runtime would wait for its
    /// own thread at the end.
    pub(super) fn start() -> Self {
        let (sender, lines) = mpsc::unbounded_channel();
        let ended = Arc::new(AtomicBool::new(false));
        let has_ended = Arc::clone(&ended);
        std::thread::spawn(move || {
            let mut stdin = io::stdin().lock();
            let mut line = Vec::new();
            while stdin.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
                let text = String::from_utf8(std::mem::take(&mut line)).map_err(|_| "the line is not UTF-8");
                if sender.send(text).is_err() {
                    break;
                }
            }
            has_ended.store(true, Ordering::Relaxed);
        });
        Self { lines, ended }
    }

    /// The next line; `None` at the end. Waiting for it may be given up at any time.
    pub(super) async fn next(&mut self) -> Option<Result<String, &'static str>> {
        self.lines.recv().await
    }

    /// Nothing more is to be done than what was taken.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Whether all was typed that ever will be, though not all may be done.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_text_or_a_command() {
        let read = |line| format!("{:?}", Command::read(line));
        let lines = [
            "Hello /you \r\n",
            " \n",
            "//etc/hosts",
            "/edit a better text",
            "/edit #7 a better text",
            "/edit #7",
            "/delete",
            "/delete #7",
            "/delete it",
            "/react 👍",
            "/react #7 👍",
            "/unreact 👍",
            "/react",
            "/reply 7 Yes",
            "/reply #7  Yes",
            "/reply Yes",
            "/older",
            "/who",
            "/help me",
            "/quit",
            "/etc/hosts",
        ];
        insta::assert_snapshot!(lines.map(read).join("\n"), @r#"
        Some(Send("Hello /you "))
        None
        Some(Send("/etc/hosts"))
        Some(Edit(None, "a better text"))
        Some(Edit(Some(7), "a better text"))
        Some(Wrong("write it as /edit TEXT or /edit #12 TEXT"))
        Some(Delete(None))
        Some(Delete(Some(7)))
        Some(Wrong("write it as /delete or /delete #12"))
        Some(React(None, "👍", false))
        Some(React(Some(7), "👍", false))
        Some(React(None, "👍", true))
        Some(Wrong("write it as /react 👍 or /react #12 👍, and /unreact in the same way"))
        Some(Reply(7, "Yes"))
        Some(Reply(7, "Yes"))
        Some(Wrong("write it as /reply 12 TEXT"))
        Some(Older)
        Some(Who)
        Some(Help)
        Some(Quit)
        Some(Wrong("there is no command /etc/hosts; /help lists them, and //etc/hosts sends it as a text"))
        "#);
    }
}
