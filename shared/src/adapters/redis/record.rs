//! How messages and previews are packed. Half the memory of JSON, and a script finds the author at a fixed place.
//!
//! `scripts/conversation_prelude.lua` describes the layout of a record, `scripts/user_prelude.lua` those of a preview and of an event. Records and
//! previews carry a version, and what an older version wrote must stay readable.

use thiserror::Error;

use crate::domain::{Body, BodyKind, EventKind, Id, Message, MessageId, Metadata, Target};
use crate::ports::{Other, Stored};

const VERSION: u8 = 1;
const VERSION_SHIFT: u32 = 5;
const DELETED: u8 = 1;
const IMAGE: u8 = 2;
const EDITED: u8 = 4;
const SEEN: u8 = 8;

/// Bytes that are no record of a version that we know.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a stored record cannot be read: {0}")]
pub(super) struct Corrupt(&'static str);

/// The parts of a new record that do not depend on when and where it is stored.
pub(super) struct NewRecord {
    pub(super) head: u8,
    pub(super) tail: Vec<u8>,
}

/// Packs a new message.
pub(super) fn pack(random: u64, author: &Id, body: &Body, metadata: Option<&Metadata>) -> NewRecord {
    let author = author.to_string();
    let content = body.content().as_bytes();
    let metadata = metadata.map_or("", Metadata::as_json);
    let mut tail = Vec::with_capacity(8 + author.len() + content.len() + metadata.len());
    tail.extend(number_bytes::<5>(random));
    // Both lengths fit: the domain bounds an id by 64 bytes and a body by 16 KiB.
    tail.extend(number_bytes::<1>(author.len() as u64));
    tail.extend(author.as_bytes());
    tail.extend(number_bytes::<2>(content.len() as u64));
    tail.extend(content);
    tail.extend(metadata.as_bytes());
    NewRecord {
        head: VERSION << VERSION_SHIFT | kind_flag(body.kind()),
        tail,
    }
}

/// The flag of a record with a body of that kind.
pub(super) fn kind_flag(kind: BodyKind) -> u8 {
    match kind {
        BodyKind::Text => 0,
        BodyKind::Image => IMAGE,
    }
}

/// The bytes in which a record and the id of its message must agree.
pub(super) fn identity(id: MessageId) -> Vec<u8> {
    [&number_bytes::<6>(id.ms)[..], &number_bytes::<5>(id.random)].concat()
}

/// Unpacks the record at that position.
pub(super) fn unpack(seq: u64, record: &[u8]) -> Result<Stored, Corrupt> {
    let mut reader = Reader(record);
    let head = reader.number::<1>()?.to_be_bytes()[7];
    if head >> VERSION_SHIFT != VERSION {
        return Err(Corrupt("unknown version"));
    }
    let id = MessageId {
        ms: reader.number::<6>()?,
        random: reader.number::<5>()?,
        seq,
    };
    let author_length = reader.length::<1>()?;
    let author = Id::parse(&reader.text(author_length)?).map_err(|_| Corrupt("author"))?;
    if head & DELETED != 0 {
        return Ok(Stored { id, message: None });
    }
    let edited_ms = if head & EDITED != 0 {
        Some(reader.number::<6>()?)
    } else {
        None
    };
    let kind = if head & IMAGE != 0 {
        BodyKind::Image
    } else {
        BodyKind::Text
    };
    let body_length = reader.length::<2>()?;
    let body = Body::stored(kind, reader.text(body_length)?);
    let metadata = reader.text(reader.0.len())?;
    let metadata = (!metadata.is_empty()).then(|| Metadata::stored(metadata));
    let message = Message {
        id,
        author,
        body,
        metadata,
        edited_ms,
        seen: head & SEEN != 0,
    };
    Ok(Stored {
        id,
        message: Some(message),
    })
}

/// What an inbox knows of a conversation.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Preview {
    pub(super) latest: Option<Message>,
    pub(super) unread: u64,
    pub(super) revision: u64,
}

/// Unpacks a preview.
pub(super) fn unpack_preview(packed: &[u8]) -> Result<Preview, Corrupt> {
    let mut reader = Reader(packed);
    if reader.number::<1>()? != 1 {
        return Err(Corrupt("unknown version of a preview"));
    }
    let revision = reader.number::<6>()?;
    let (last, read, latest_seq) = (reader.number::<5>()?, reader.number::<5>()?, reader.number::<5>()?);
    let deleted = reader.length::<2>()?;
    reader.take(deleted * 5)?;
    let latest = if latest_seq == 0 {
        None
    } else {
        unpack(latest_seq, reader.0)?.message
    };
    Ok(Preview {
        latest,
        unread: last.saturating_sub(read).saturating_sub(deleted as u64),
        revision,
    })
}

/// Unpacks the changes that `conversation_prelude.lua` calls `others`, and turns them to the oldest first.
pub(super) fn unpack_others(packed: &[u8]) -> Result<Vec<Other>, Corrupt> {
    let mut reader = Reader(packed);
    let mut others = Vec::new();
    while !reader.0.is_empty() {
        let revision = reader.number::<6>()?;
        let kind = event_kind(reader.number::<1>()?)?;
        let seq = reader.number::<5>()?;
        let author_length = reader.length::<1>()?;
        let author = reader.text(author_length)?;
        let author = (!author.is_empty()).then(|| Id::parse(&author));
        others.push(Other {
            revision,
            kind,
            seq,
            author: author.transpose().map_err(|_| Corrupt("author"))?,
        });
    }
    others.reverse();
    Ok(others)
}

/// Packs such changes for `event_append.lua`, which is told of each whether it takes an unread message from the reader away.
pub(super) fn pack_others(others: &[Other], reader: &Id) -> Vec<u8> {
    let mut packed = Vec::with_capacity(13 * others.len());
    for other in others {
        let takes_unread = other.author.as_ref().is_some_and(|author| author != reader);
        packed.extend(number_bytes::<6>(other.revision));
        packed.extend(number_bytes::<1>(event_code(other.kind)));
        packed.extend(number_bytes::<5>(other.seq));
        packed.push(u8::from(takes_unread));
    }
    packed
}

/// An event of a log as `user_prelude.lua` describes it: kind, time in milliseconds, seq, and the conversation as the owner names it.
pub(super) fn unpack_event(packed: &[u8]) -> Result<(EventKind, u64, u64, Target), Corrupt> {
    let mut reader = Reader(packed);
    let kind = event_kind(reader.number::<1>()?)?;
    let (ms, seq) = (reader.number::<6>()?, reader.number::<5>()?);
    reader.take(6)?;
    let target = Target::from_inbox_key(&reader.text(reader.0.len())?).ok_or(Corrupt("conversation"))?;
    Ok((kind, ms, seq, target))
}

/// The kind of an event as scripts know it. A number is never given to another kind.
pub(super) fn event_code(kind: EventKind) -> u64 {
    match kind {
        EventKind::MessageNew => 1,
        EventKind::MessageUpdated => 2,
        EventKind::MessageDeleted => 3,
    }
}

fn event_kind(code: u64) -> Result<EventKind, Corrupt> {
    match code {
        1 => Ok(EventKind::MessageNew),
        2 => Ok(EventKind::MessageUpdated),
        3 => Ok(EventKind::MessageDeleted),
        _ => Err(Corrupt("kind of an event")),
    }
}

/// The lowest `N` bytes, most significant first.
fn number_bytes<const N: usize>(number: u64) -> [u8; N] {
    let mut bytes = [0; N];
    for (byte, from) in bytes.iter_mut().rev().zip(number.to_le_bytes()) {
        *byte = from;
    }
    bytes
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Corrupt> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Corrupt("too short"))?;
        self.0 = rest;
        Ok(taken)
    }

    fn number<const N: usize>(&mut self) -> Result<u64, Corrupt> {
        Ok(self
            .take(N)?
            .iter()
            .fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn length<const N: usize>(&mut self) -> Result<usize, Corrupt> {
        usize::try_from(self.number::<N>()?).map_err(|_| Corrupt("length"))
    }

    fn text(&mut self, length: usize) -> Result<String, Corrupt> {
        String::from_utf8(self.take(length)?.to_vec()).map_err(|_| Corrupt("no UTF-8"))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_message_survives_packing(
            ms in 0..1u64 << 48,
            random in 0..1u64 << 34,
            seq in 1..1u64 << 40,
            author in "[a-z0-9:~-]{1,64}",
            text in "\\PC{1,200}",
            metadata in proptest::option::of(Just("{\"a\":[1,2]}".to_owned())),
        ) {
            let author = Id::parse(&author).unwrap_or(Id::from_number(7).unwrap());
            let body = Body::new(BodyKind::Text, text).unwrap();
            let metadata = metadata.map(|json| Metadata::new(json).unwrap());
            let packed = pack(random, &author, &body, metadata.as_ref());
            let id = MessageId { ms, random, seq };
            let record = [&[packed.head][..], &identity(id)[..6], &packed.tail].concat();
            prop_assert_eq!(&record[1..12], &identity(id)[..]);
            let message = Message { id, author, body, metadata, edited_ms: None, seen: false };
            prop_assert_eq!(unpack(seq, &record).unwrap().message, Some(message));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            unpack(1, &bytes).ok();
            unpack_preview(&bytes).ok();
            unpack_others(&bytes).ok();
            unpack_event(&bytes).ok();
        }
    }

    /// Records as they were first written. They stay in customers' stores: whatever version comes next must still read these bytes.
    #[test]
    fn records_of_version_1_stay_readable() {
        let read = |hex: &str| {
            let digit = |digit: u8| u8::try_from(char::from(digit).to_digit(16).unwrap()).unwrap();
            let bytes: Vec<u8> = hex
                .as_bytes()
                .chunks(2)
                .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
                .collect();
            unpack(3, &bytes).unwrap()
        };
        insta::assert_debug_snapshot!(read("200192f0e47d00000000000702343200026869").message.unwrap().body, @r#"
        Body {
            kind: Text,
            content: "hi",
        }
        "#);
        let edited = read(
            "2c0192f0e47d000000000007023432 0192f0e47d01 0002 6869 7b7d"
                .replace(' ', "")
                .as_str(),
        );
        let edited = edited.message.unwrap();
        assert_eq!((edited.edited_ms, edited.seen), (Some(0x0192_f0e4_7d01), true));
        assert_eq!(edited.metadata.unwrap().as_json(), "{}");
        assert_eq!(read("210192f0e47d000000000007023432").message, None);
        assert_eq!(unpack(3, &[0x40, 0]), Err(Corrupt("unknown version")));
    }
}
