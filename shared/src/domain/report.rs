//! Reports: copies of messages that users complained about.

use std::fmt;

use thiserror::Error;

use super::limits::REMARK_BYTES;
use super::message::is_visible;
use super::{Conversation, Id, Message};

/// A short text about a report: its reason, or the note of its resolution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remark(Box<str>);

/// A text that is not a remark.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be a text of 1 to {REMARK_BYTES} bytes of UTF-8 with a visible character")]
pub struct InvalidRemark;

impl Remark {
    /// Reads a remark.
    ///
    /// # Errors
    /// [`InvalidRemark`].
    pub fn parse(text: &str) -> Result<Self, InvalidRemark> {
        if text.len() > REMARK_BYTES || !text.chars().any(is_visible) {
            return Err(InvalidRemark);
        }
        Ok(Self(text.into()))
    }

    /// The remark as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a report. A user who reports the same message again gets the same id, unless it was edited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportId(u128);

impl ReportId {
    /// The id of these bits.
    pub fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// Reads an id that `Display` wrote.
    pub fn parse(text: &str) -> Option<Self> {
        let is_ours = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        let fits = text.len() == 32 && text.bytes().all(is_ours);
        u128::from_str_radix(text, 16).ok().filter(|_| fits).map(Self)
    }
}

/// Writes 32 hexadecimal digits.
impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// A report of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its id.
    pub id: ReportId,
    /// When it was made, in milliseconds since 1970.
    pub reported_ms: u64,
    /// Who made it.
    pub reporter: Id,
    /// The reason.
    pub reason: String,
    /// The conversation of the message.
    pub conversation: Conversation,
    /// The message as it was then; the last version of a deleted one. `None` if a newer release wrote it in a form that this one cannot show.
    pub message: Option<Message>,
    /// Whether the message was deleted before it was reported.
    pub deleted: bool,
    /// Its kept versions, the oldest first.
    pub earlier: Vec<Message>,
    /// Its resolution; `None` while it is open.
    pub resolved: Option<Resolution>,
}

/// The resolution of a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolution {
    /// When, in milliseconds since 1970.
    pub ms: u64,
    /// The platform's note.
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remark_is_short_and_has_a_visible_character() {
        assert_eq!(Remark::parse("spam").unwrap().as_str(), "spam");
        assert!(Remark::parse(&"x".repeat(REMARK_BYTES)).is_ok());
        for wrong in ["", " ", "\u{200b}", &"x".repeat(REMARK_BYTES + 1)] {
            assert_eq!(Remark::parse(wrong), Err(InvalidRemark));
        }
    }

    #[test]
    fn the_id_of_a_report_survives_its_text() {
        for bits in [0, 7, u128::MAX] {
            let id = ReportId::from_bits(bits);
            assert_eq!(ReportId::parse(&id.to_string()), Some(id));
        }
        for wrong in [
            "",
            "7",
            "+0000000000000000000000000000007",
            "A0000000000000000000000000000007",
        ] {
            assert_eq!(ReportId::parse(wrong), None, "{wrong}");
        }
    }
}
