//! How far a user was told.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

/// A place among all that a user was told, opaque to clients.
///
/// Its position is a hybrid clock, which grows whenever the user is told something. The epoch is drawn when a user is told something for the
/// first time, so that a cursor of a lost store is recognised. Position 0 is where every user begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Random number of the user's slot; 0 at position 0.
    pub epoch: u64,
    /// The user's clock, below 2^53.
    pub position: u64,
}

/// A text that is not a cursor.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be a cursor that a frame, a hello, a sync or a list has given")]
pub struct InvalidCursor;

impl Cursor {
    /// The place at this position of a slot.
    pub fn new(epoch: u64, position: u64) -> Self {
        let epoch = if position == 0 { 0 } else { epoch };
        Self { epoch, position }
    }

    /// Reads a cursor that a client kept.
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything that its `Display` did not write.
    pub fn parse(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let bytes: [u8; 15] = bytes.try_into().map_err(|_| InvalidCursor)?;
        let number = |part: &[u8]| part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (epoch, position) = bytes.split_at(8);
        let cursor = Self {
            epoch: number(epoch),
            position: number(position),
        };
        // Beyond it, scripts would round.
        if cursor.position < 1 << 53 {
            Ok(cursor)
        } else {
            Err(InvalidCursor)
        }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, position @ ..] = self.position.to_be_bytes();
        let bytes = [&self.epoch.to_be_bytes()[..], &position].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, position in 0..1u64 << 53) {
            let cursor = Cursor { epoch, position };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        }
    }

    #[test]
    fn a_text_that_is_no_cursor_is_refused() {
        for text in [
            "",
            "1",
            "AAAAAAAAAAAAAAAAAAAAAAAAAAA",
            "AAAAAAAAAAAAAAAAAAA!",
            "AAAAAAAAAAD_________",
            "ä",
        ] {
            assert_eq!(Cursor::parse(text), Err(InvalidCursor), "{text}");
        }
    }
}
