//! How messages are packed. A message takes half the memory of JSON, and a script finds the author at a fixed place.
//!
//! `scripts/conversation_prelude.lua` describes the layout. A reader takes the fixed head and the sections that it knows of any version from 2 on:
//! a newer release may only add sections, and a message of which it shows nothing that this one knows is left out.

use super::bytes::{Corrupt, Reader, number_bytes, push_section, text};
use crate::domain::{Body, BodyKind, Id, Message, MessageId, Metadata};
use crate::ports::Stored;

const VERSION: u8 = 2;
const VERSION_SHIFT: u32 = 5;
const DELETED: u8 = 1;

const TEXT: u8 = 1;
const IMAGE: u8 = 2;
const METADATA: u8 = 3;
const EDITED: u8 = 4;
const CHANGED: u8 = 5;

/// The first byte of a new record.
pub(super) const HEAD: u8 = VERSION << VERSION_SHIFT;

/// Packs a new message from the length of its author on; `message_append.lua` writes what stands before.
pub(super) fn pack_tail(author: &Id, body: &Body, metadata: Option<&Metadata>) -> Vec<u8> {
    let author = author.to_string();
    let content = body.content().as_bytes();
    let mut tail = Vec::with_capacity(8 + author.len() + content.len());
    // The domain bounds an id by 64 bytes.
    tail.extend(number_bytes::<1>(author.len() as u64));
    tail.extend(author.as_bytes());
    let tag = match body.kind() {
        BodyKind::Text => TEXT,
        BodyKind::Image => IMAGE,
    };
    push_section(&mut tail, tag, content);
    if let Some(metadata) = metadata {
        push_section(&mut tail, METADATA, metadata.as_json().as_bytes());
    }
    tail
}

/// The random bytes of a record.
pub(super) fn random_bytes(random: u64) -> [u8; 5] {
    number_bytes(random)
}

/// The bytes in which a record and the id of its message must agree.
pub(super) fn identity(id: MessageId) -> Vec<u8> {
    [&number_bytes::<6>(id.ms)[..], &random_bytes(id.random)].concat()
}

/// Reads an identity: the id of the message at that position.
pub(super) fn read_identity(reader: &mut Reader<'_>, seq: u64) -> Result<MessageId, Corrupt> {
    Ok(MessageId {
        ms: reader.number::<6>()?,
        random: reader.number::<5>()?,
        seq,
    })
}

/// Unpacks the record at that position. The message is `None` too if this release can show nothing of it.
pub(super) fn unpack(seq: u64, record: &[u8]) -> Result<Stored, Corrupt> {
    let mut reader = Reader(record);
    let head = reader.byte()?;
    if head >> VERSION_SHIFT < VERSION {
        return Err(Corrupt("unknown version"));
    }
    let id = read_identity(&mut reader, seq)?;
    let mut rev = reader.number::<7>()?;
    let author = reader.id()?;
    let (mut body, mut metadata, mut edited_ms) = (None, None, None);
    while !reader.is_empty() {
        let (tag, value) = reader.section()?;
        match tag {
            TEXT => body = Some(Body::stored(BodyKind::Text, text(value)?.to_owned())),
            IMAGE => body = Some(Body::stored(BodyKind::Image, text(value)?.to_owned())),
            METADATA => metadata = Some(Metadata::stored(text(value)?.to_owned())),
            EDITED => edited_ms = Some(Reader(value).number::<6>()?),
            CHANGED => rev = Reader(value).number::<7>()?,
            _ => {}
        }
    }
    let deleted = head & DELETED != 0;
    let message = body.filter(|_| !deleted).map(|body| Message {
        id,
        author: author.clone(),
        body,
        metadata,
        edited_ms,
        rev,
    });
    Ok(Stored {
        id,
        rev,
        author,
        deleted,
        message,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes::tests::from_hex;
    use super::*;

    proptest! {
        #[test]
        fn a_message_survives_packing(
            ms in 0..1u64 << 48,
            random in 0..1u64 << 34,
            seq in 1..1u64 << 40,
            rev in 0..1u64 << 53,
            author in "[a-z0-9:~-]{1,64}",
            text in "[a-zäöü👋 ]{0,200}x",
            metadata in proptest::option::of(Just("{\"a\":[1,2]}".to_owned())),
        ) {
            let author = Id::parse(&author).unwrap_or(Id::from_number(7).unwrap());
            let body = Body::new(BodyKind::Text, text).unwrap();
            let metadata = metadata.map(|json| Metadata::new(json).unwrap());
            let id = MessageId { ms, random, seq };
            let tail = pack_tail(&author, &body, metadata.as_ref());
            let record = [&[HEAD][..], &identity(id), &number_bytes::<7>(rev), &tail].concat();
            let message = Message { id, author, body, metadata, edited_ms: None, rev };
            let stored = unpack(seq, &record).unwrap();
            prop_assert_eq!((stored.deleted, &stored.author, stored.rev), (false, &message.author, rev));
            prop_assert_eq!(stored.message, Some(message));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            unpack(1, &bytes).ok();
        }
    }

    /// Records as version 2 writes them. They stay in customers' stores: every later version must read these bytes.
    #[test]
    fn records_of_version_2_stay_readable() {
        let read = |hex: &str| unpack(3, &from_hex(hex)).unwrap();
        let head = "0192f0e47d00 0000000007 064b c391f40001 02 3432";
        let plain = read(&format!("40 {head} 01 0002 6869")).message.unwrap();
        assert_eq!((plain.body.content(), plain.rev), ("hi", 0x0006_4bc3_91f4_0001));
        assert_eq!(plain.author.to_string(), "42");

        let edited = format!("40 {head} 02 0001 78 03 0002 7b7d 04 0006 0192f0e47d01 05 0007 064bc391f40002");
        let edited = read(&edited).message.unwrap();
        assert_eq!(edited.body.kind(), BodyKind::Image);
        assert_eq!(
            (edited.edited_ms, edited.rev),
            (Some(0x0192_f0e4_7d01), 0x0006_4bc3_91f4_0002)
        );
        assert_eq!(edited.metadata.unwrap().as_json(), "{}");

        let deleted = read(&format!("41 {head} 05 0007 064bc391f40003"));
        assert_eq!((deleted.message, deleted.rev), (None, 0x0006_4bc3_91f4_0003));
        let newer = format!("60 {head} c8 0003 000000 01 0002 6869");
        assert_eq!(
            read(&newer).message.unwrap().body.content(),
            "hi",
            "a newer one, as far as it is known"
        );
        assert_eq!(read(&format!("60 {head} c8 0003 000000")).message, None);
        assert_eq!(unpack(3, &[0x20, 0]), Err(Corrupt("unknown version")));
    }
}
