//! What an error of the API means for who chats, and what to do.

use std::fmt;

use serde_json::Value;

use super::state::{number, text};
use crate::developer::harmless::harmless;

/// The most characters of an error's message that are shown.
const SAID_CHARS: usize = 300;

/// An error that the API answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    status: u64,
    code: String,
    said: String,
}

impl Refusal {
    /// That of an error body or an error frame; `status` if it names none itself.
    pub(super) fn of(error: &Value, status: u16) -> Self {
        let said = text(error, "message").unwrap_or_default();
        Self {
            status: number(error, "status").unwrap_or(status.into()),
            code: text(error, "code").unwrap_or_default().to_owned(),
            said: said.chars().take(SAID_CHARS).collect(),
        }
    }

    /// Rule 5: the same may be asked again a little later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self.status, 429 | 500 | 502 | 503 | 504) || self.is_unknown_connection()
    }

    /// Rule 6: only a new connection helps.
    pub(super) fn is_unknown_connection(&self) -> bool {
        self.code == "CONNECTION_UNKNOWN"
    }

    /// The user is no member of the topic.
    pub(super) fn is_not_a_member(&self) -> bool {
        self.code == "NOT_A_MEMBER"
    }

    fn advice(&self) -> &'static str {
        match (self.code.as_str(), self.status) {
            ("NOT_A_MEMBER", _) => "only members may do that: let a moderator or the platform add you",
            ("NOT_ACCEPTED", _) => "the other side does not take messages from this user",
            ("BANNED", _) => "the platform has banned this user",
            (_, 401) => {
                "get a fresh token. With --user it is signed with this machine's development secret; for another deployment give \
                 --token with one of its platform"
            }
            ("INVALID_ID", _) => "check the ids after --with, --topic and --user",
            ("", 403 | 404) => "is the address right, with its stage if it has one?",
            ("FORBIDDEN", _) => "only its author may do that",
            (_, 404) => "the message may have been deleted",
            (_, 429 | 500..) => "try again in a moment",
            _ => "",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = if self.said.is_empty() {
            "it was refused"
        } else {
            &self.said
        };
        write!(formatter, "{} ({}", harmless(said), self.status)?;
        if !self.code.is_empty() {
            write!(formatter, " {}", harmless(&self.code))?;
        }
        formatter.write_str(")")?;
        match self.advice() {
            "" => Ok(()),
            advice => write!(formatter, "; {advice}"),
        }
    }
}
