//! What happens in a chat, as it stands in a user's event log and on the wire.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use thiserror::Error;

use super::{Conversation, Message, MessageId, Target};

/// The kind of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A message was sent.
    MessageNew,
    /// A message was edited or marked seen.
    MessageUpdated,
    /// A message was deleted.
    MessageDeleted,
}

impl EventKind {
    /// The name in frames.
    pub fn name(self) -> &'static str {
        match self {
            Self::MessageNew => "message.new",
            Self::MessageUpdated => "message.updated",
            Self::MessageDeleted => "message.deleted",
        }
    }
}

/// What a client is told: a change of a conversation, with the place that it has in the receiver's event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened. In an event that is caught up on, what the receiver has to do now: a message that was sent and deleted since is deleted.
    pub kind: EventKind,
    /// Where.
    pub conversation: Conversation,
    /// Which message.
    pub id: MessageId,
    /// The message; `None` if it was deleted.
    pub message: Option<Message>,
    /// As of which change of the conversation the message is like this. Of two states of one message, the higher one is the newer.
    pub revision: u64,
    /// Its place in the receiver's log.
    pub place: Place,
}

/// Where an event stands in a user's event log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The event itself.
    pub cursor: Cursor,
    /// The event right before it. A client whose own cursor is another one has missed something. `None` in a page of events, which the
    /// page's own cursor follows.
    pub prev: Option<Cursor>,
}

/// An event as it stands in the log: what happened to which message, and not what the message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRef {
    /// What happened.
    pub kind: EventKind,
    /// The conversation, as the owner of the log names it.
    pub target: Target,
    /// Which message: its position in the conversation.
    pub seq: u64,
    /// The event's place.
    pub cursor: Cursor,
}

/// How much a user's event log keeps. Whoever was away for longer loads everything anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventLogBounds {
    /// Events at the most.
    pub length: u64,
    /// For how long, in milliseconds.
    pub age_ms: u64,
}

/// A place in a user's event log, opaque to clients.
///
/// The epoch is drawn when a log is born, so that a cursor of a lost log is recognised; the time of the event at the position tells a log
/// that is shorter than it was, as after a failover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Random number of the log.
    pub epoch: u64,
    /// How many events the log has held up to this place.
    pub position: u64,
    /// When the event at this place was written, in milliseconds since 1970; 0 at the start of a log.
    pub ms: u64,
}

/// A text that is no cursor.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be a cursor that a frame, a hello or a sync has given")]
pub struct InvalidCursor;

impl Cursor {
    /// Reads a cursor that a client kept.
    ///
    /// # Errors
    /// [`InvalidCursor`] for anything that its `Display` did not write.
    pub fn parse(text: &str) -> Result<Self, InvalidCursor> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidCursor)?;
        let bytes: [u8; 19] = bytes.try_into().map_err(|_| InvalidCursor)?;
        let number = |part: &[u8]| part.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
        let (epoch, rest) = bytes.split_at(8);
        let (position, ms) = rest.split_at(5);
        Ok(Self {
            epoch: number(epoch),
            position: number(position),
            ms: number(ms),
        })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [_, _, _, position @ ..] = self.position.to_be_bytes();
        let [_, _, ms @ ..] = self.ms.to_be_bytes();
        let bytes = [&self.epoch.to_be_bytes()[..], &position, &ms].concat();
        f.write_str(&URL_SAFE_NO_PAD.encode(bytes))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_cursor_survives_its_text(epoch: u64, position in 0..1u64 << 40, ms in 0..1u64 << 48) {
            let cursor = Cursor { epoch, position, ms };
            prop_assert_eq!(Cursor::parse(&cursor.to_string()), Ok(cursor));
        }
    }

    #[test]
    fn what_is_no_cursor_is_refused() {
        for text in ["", "1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAA!", "ä"] {
            assert_eq!(Cursor::parse(text), Err(InvalidCursor), "{text}");
        }
    }
}
