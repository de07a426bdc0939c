//! The lines of the chat on the terminal.

use std::io::{self, IsTerminal as _, Write as _};

use chrono::{DateTime, Local};
use serde_json::Value;

use super::{
    names::Names,
    news::{News, seq},
    state::{author, field, list, number, text},
};
use crate::developer::harmless::harmless;

/// How much of a quoted text is shown, in characters.
const QUOTED_CHARS: usize = 40;

/// Where lines go.
#[derive(Debug)]
pub(super) struct Terminal {
    /// Someone types at a terminal and sees a prompt.
    prompts: bool,
    /// The day of the message that was shown last.
    day: String,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self {
            prompts: io::stdin().is_terminal() && io::stdout().is_terminal(),
            day: String::new(),
        }
    }

    /// Whether someone types here, and no script.
    pub(super) fn is_typed(&self) -> bool {
        self.prompts
    }

    /// Writes a line with nothing harmful in it, and the prompt again where there is one.
    pub(super) fn say(&self, line: &str) {
        let line = harmless(line);
        write(&if self.prompts {
            format!("\r\u{1b}[K{line}\n> ")
        } else {
            format!("{line}\n")
        });
    }

    /// Writes the prompt, after a line was typed.
    pub(super) fn prompt(&self) {
        if self.prompts {
            write("> ");
        }
    }

    /// Shows news, a day before the first message of it.
    pub(super) fn show(&mut self, news: &News, names: &Names) {
        if let News::Message { message, .. } = news
            && let Some(written) = written(message)
        {
            let day = written.format("%a %e %b %Y").to_string();
            if day != self.day {
                self.say(&format!("— {day} —"));
                self.day = day;
            }
        }
        let is_short = self.prompts && matches!(news, News::Message { sent: true, .. });
        self.say(&if is_short { short(news) } else { line(news, names) });
    }

    /// The next message shows its day again.
    pub(super) fn forget_day(&mut self) {
        self.day.clear();
    }
}

fn write(text: &str) {
    let mut stdout = io::stdout().lock();
    // It fails when nobody reads standard output any more.
    drop(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
}

/// When a message was written, in the time zone of this machine.
fn written(message: &Value) -> Option<DateTime<Local>> {
    local(field(message, "timestamp"))
}

/// An instant of a body in the time zone of this machine.
pub(super) fn local(timestamp: &Value) -> Option<DateTime<Local>> {
    let epoch = timestamp.get("epoch").unwrap_or(timestamp).as_i64()?;
    Some(DateTime::from_timestamp_millis(epoch)?.with_timezone(&Local))
}

/// What the writer of a message, who sees the typed text already, needs to know of it.
fn short(news: &News) -> String {
    match news {
        News::Message { message, .. } => format!("✓ {} sent", head(message)),
        _ => String::new(),
    }
}

fn head(message: &Value) -> String {
    let time = written(message).map_or_else(|| "--:--".to_owned(), |written| written.format("%H:%M").to_string());
    format!("#{} {time}", seq(message))
}

/// News on one line.
fn line(news: &News, names: &Names) -> String {
    match news {
        News::Message { message, sent } => format!("{}{}", if *sent { "✓ " } else { "" }, whole(message, names)),
        News::Earlier(message) => format!("· an earlier message: {}", whole(message, names)),
        News::Edited(message) => {
            let (author, seq) = (names.of(&author(message)), seq(message));
            format!("· {author} edited #{seq}: {}", content(message))
        }
        News::Reactions(message) => {
            let reactions = reactions(message);
            let reactions = if reactions.is_empty() { "none" } else { &reactions };
            format!("· reactions to #{}: {reactions}", seq(message))
        }
        News::Deleted { seq, author } => format!("· #{seq} of {} was deleted", names.of(author)),
        News::Seen(seq) => format!("· seen up to #{seq}"),
    }
}

/// A message with all that belongs to it.
fn whole(message: &Value, names: &Names) -> String {
    let edited = if field(message, "edited").is_null() {
        ""
    } else {
        " (edited)"
    };
    let reactions = reactions(message);
    let reactions = if reactions.is_empty() {
        reactions
    } else {
        format!(" [{reactions}]")
    };
    format!(
        "{}{}: {}{}{edited}{reactions}",
        head(message),
        by(message, names),
        quoted(message, names),
        content(message)
    )
}

fn by(message: &Value, names: &Names) -> String {
    if field(message, "system") == true {
        return " (system)".to_owned();
    }
    format!(" {}", names.of(&author(message)))
}

fn content(message: &Value) -> String {
    match (text(message, "type"), text(message, "text"), text(message, "image")) {
        (_, Some(text), _) => text.to_owned(),
        (_, None, Some(image)) => format!("[image] {image}"),
        (kind, None, None) => format!("[{}]", kind.unwrap_or("nothing")),
    }
}

/// What a message answers.
fn quoted(message: &Value, names: &Names) -> String {
    let quoted = field(message, "reply_to");
    if !quoted.is_object() {
        return String::new();
    }
    let place = number(quoted, "seq").map_or_else(|| "a message".to_owned(), |seq| format!("#{seq}"));
    if field(quoted, "deleted") == true {
        return format!("(to {place}, deleted) ");
    }
    let author = names.of(&author(quoted));
    let excerpt = text(quoted, "excerpt").unwrap_or("[image]");
    let short: String = excerpt.chars().take(QUOTED_CHARS).collect();
    let dots = if short.len() < excerpt.len() { "…" } else { "" };
    format!("(to {place} {author} “{short}{dots}”) ")
}

/// `👍 2, ❤ 1 (with yours)`.
fn reactions(message: &Value) -> String {
    let one = |one: &Value| {
        let (reaction, count) = (text(one, "reaction").unwrap_or("?"), number(one, "count").unwrap_or(1));
        let mine = if field(one, "mine") == true {
            " (with yours)"
        } else {
            ""
        };
        format!("{reaction} {count}{mine}")
    };
    list(message, "reactions").map(one).collect::<Vec<_>>().join(", ")
}
