//! Where the export of a user goes on.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::{Cursor, Target, TimePlace};

/// The place in the export of a user at which a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ExportPlace {
    /// The first line.
    #[default]
    Start,
    /// The blocks after this one.
    Blocks(TimePlace),
    /// The conversations that changed after this place of the user.
    Conversations(Cursor),
    /// The messages of a conversation after a position; then the conversations after that place.
    Messages {
        /// The conversation, as the user names it.
        target: Target,
        /// The position.
        after: u64,
        /// Where the conversation itself stands.
        then: Cursor,
    },
    /// The reports after this one; without one, from the newest on.
    Reports(Option<TimePlace>),
}

/// A text that is not a place in an export.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be that of the Link of a page")]
pub struct InvalidExportPlace;

impl ExportPlace {
    /// Reads a place that the platform's server kept.
    ///
    /// # Errors
    /// [`InvalidExportPlace`] for anything that its `Display` did not write.
    pub fn parse(text: &str) -> Result<Self, InvalidExportPlace> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidExportPlace)?;
        let text = String::from_utf8(bytes).map_err(|_| InvalidExportPlace)?;
        let words: Vec<&str> = text.split(' ').collect();
        let time = |word: &str| TimePlace::parse(word).map_err(|_| InvalidExportPlace);
        let cursor = |word: &str| Cursor::parse(word).map_err(|_| InvalidExportPlace);
        match *words.as_slice() {
            ["blocks", after] => Ok(Self::Blocks(time(after)?)),
            ["conversations", after] => Ok(Self::Conversations(cursor(after)?)),
            ["messages", target, after, then] => Ok(Self::Messages {
                target: Target::from_inbox_key(target).ok_or(InvalidExportPlace)?,
                after: after
                    .parse()
                    .ok()
                    .filter(|after| *after < 1 << 40)
                    .ok_or(InvalidExportPlace)?,
                then: cursor(then)?,
            }),
            ["reports"] => Ok(Self::Reports(None)),
            ["reports", after] => Ok(Self::Reports(Some(time(after)?))),
            _ => Err(InvalidExportPlace),
        }
    }
}

impl fmt::Display for ExportPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Start => String::new(),
            Self::Blocks(after) => format!("blocks {after}"),
            Self::Conversations(after) => format!("conversations {after}"),
            Self::Messages { target, after, then } => format!("messages {target} {after} {then}"),
            Self::Reports(None) => "reports".to_owned(),
            Self::Reports(Some(after)) => format!("reports {after}"),
        };
        f.write_str(&URL_SAFE_NO_PAD.encode(text))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Id;
    use super::*;

    #[test]
    fn a_place_in_an_export_survives_its_text() {
        let time = TimePlace {
            ms: 7,
            name: "a|b".to_owned(),
        };
        let places = [
            ExportPlace::Blocks(time.clone()),
            ExportPlace::Conversations(Cursor::new(3, 9)),
            ExportPlace::Messages {
                target: Target::User(Id::parse("a-b").unwrap()),
                after: 12,
                then: Cursor::default(),
            },
            ExportPlace::Reports(None),
            ExportPlace::Reports(Some(time)),
        ];
        for place in places {
            assert_eq!(ExportPlace::parse(&place.to_string()), Ok(place));
        }
        let texts = [
            "",
            "blocks",
            "blocks 5",
            "conversations x",
            "messages user-1 x y",
            "others",
        ];
        for wrong in texts.map(|text| URL_SAFE_NO_PAD.encode(text)) {
            assert_eq!(ExportPlace::parse(&wrong), Err(InvalidExportPlace), "{wrong}");
        }
        assert_eq!(ExportPlace::parse("!"), Err(InvalidExportPlace));
    }
}
