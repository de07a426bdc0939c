//! How messages are packed. A message takes half the memory of JSON, and a script finds the author at a fixed place.
//!
//! `scripts/conversation_prelude.lua` describes the layout. A reader takes the fixed head and the sections that it knows of any version from 2 on:
//! a newer release may only add sections, and a message of which it shows nothing that this one knows is left out.

use super::bytes::{Corrupt, Reader, number_bytes, push_id, push_section, text};
use crate::domain::{
    Body, BodyKind, Draft, Id, Message, MessageId, Metadata, Quote, Quoted, Reacted, Reaction, RetryKey,
};
use crate::ports::Stored;

const VERSION: u8 = 2;
const VERSION_SHIFT: u32 = 5;
const DELETED: u8 = 1;
const MORE: u8 = 2;

const TEXT: u8 = 1;
const IMAGE: u8 = 2;
const METADATA: u8 = 3;
const EDITED: u8 = 4;
const CHANGED: u8 = 5;
const REPLY: u8 = 6;
const MENTIONS: u8 = 7;
const RETRY_KEY: u8 = 9;
/// Sections of a record as a script shows it; they are not stored in the conversation.
const QUOTE: u8 = 64;
const REACTIONS: u8 = 65;

/// The first byte of a new record.
pub(crate) fn head(draft: &Draft) -> [u8; 1] {
    let more = if draft.reply_to.is_some() { MORE } else { 0 };
    [VERSION << VERSION_SHIFT | more]
}

/// Packs a new message from the length of its author on; `message_append.lua` writes what stands before. Two sends of one content give the same
/// bytes in every release, because their hash tells whether a retry key was used for another content.
pub(crate) fn pack_content(author: &Id, draft: &Draft) -> Vec<u8> {
    let content = draft.body.content().as_bytes();
    let mut tail = Vec::with_capacity(80 + content.len());
    push_id(&mut tail, author);
    let tag = match draft.body.kind() {
        BodyKind::Text => TEXT,
        BodyKind::Image => IMAGE,
    };
    push_section(&mut tail, tag, content);
    if let Some(metadata) = &draft.metadata {
        push_section(&mut tail, METADATA, metadata.as_json().as_bytes());
    }
    if let Some(id) = draft.reply_to {
        push_section(
            &mut tail,
            REPLY,
            &[&number_bytes::<5>(id.seq)[..], &identity(id)].concat(),
        );
    }
    if !draft.mentions.is_empty() {
        let mut mentions = Vec::new();
        for id in &draft.mentions {
            push_id(&mut mentions, id);
        }
        push_section(&mut tail, MENTIONS, &mentions);
    }
    tail
}

/// Packs what the author's client calls the message, which stands behind its content.
pub(crate) fn pack_retry_key(draft: &Draft) -> Vec<u8> {
    let mut packed = Vec::new();
    if let Some(key) = &draft.retry_key {
        push_section(&mut packed, RETRY_KEY, key.to_string().as_bytes());
    }
    packed
}

/// The random bytes of a record.
pub(super) fn random_bytes(random: u64) -> [u8; 5] {
    number_bytes(random)
}

/// The bytes in which a record and the id of its message must agree.
pub(crate) fn identity(id: MessageId) -> Vec<u8> {
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
pub(crate) fn unpack(seq: u64, record: &[u8]) -> Result<Stored, Corrupt> {
    let mut reader = Reader(record);
    let head = reader.byte()?;
    if head >> VERSION_SHIFT < VERSION {
        return Err(Corrupt("unknown version"));
    }
    let id = read_identity(&mut reader, seq)?;
    let mut rev = reader.number::<7>()?;
    let author = reader.id()?;
    let (mut body, mut metadata, mut edited_ms, mut retry_key) = (None, None, None, None);
    let (mut reply, mut quoted, mut mentions, mut reactions) = (None, None, Vec::new(), Vec::new());
    while !reader.is_empty() {
        let (tag, value) = reader.section()?;
        match tag {
            TEXT => body = Some(Body::stored(BodyKind::Text, text(value)?.to_owned())),
            IMAGE => body = Some(Body::stored(BodyKind::Image, text(value)?.to_owned())),
            METADATA => metadata = Some(Metadata::stored(text(value)?.to_owned())),
            EDITED => edited_ms = Some(Reader(value).number::<6>()?),
            CHANGED => rev = Reader(value).number::<7>()?,
            REPLY => reply = Some(read_place(Reader(value))?),
            MENTIONS => mentions = read_ids(Reader(value))?,
            RETRY_KEY => retry_key = RetryKey::parse(text(value)?).ok(),
            QUOTE => quoted = Some(read_quoted(Reader(value))?),
            REACTIONS => reactions = read_reactions(Reader(value))?,
            _ => {}
        }
    }
    let deleted = head & DELETED != 0;
    let message = body.filter(|_| !deleted).map(|body| Message {
        id,
        author: author.clone(),
        body,
        metadata,
        retry_key,
        reply_to: reply.map(|id| Quote { id, quoted }),
        mentions,
        reactions,
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

/// A record without its reactions, as an inbox entry keeps it: there they would be outdated, and nobody's own.
pub(crate) fn without_reactions(record: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let mut reader = Reader(record);
    reader.take(19)?;
    reader.id()?;
    let mut kept = record.get(..record.len() - reader.0.len()).unwrap_or_default().to_vec();
    while !reader.is_empty() {
        let (tag, value) = reader.section()?;
        if tag != REACTIONS {
            push_section(&mut kept, tag, value);
        }
    }
    Ok(kept)
}

/// The author of a record.
pub(crate) fn author_of(record: &[u8]) -> Result<Id, Corrupt> {
    let mut reader = Reader(record);
    reader.take(19)?;
    reader.id()
}

/// A record of somebody else that neither mentions a user nor shows what the user wrote; `None` if it does not anyway.
pub(crate) fn without_user(record: &[u8], user: &Id) -> Result<Option<Vec<u8>>, Corrupt> {
    let mut reader = Reader(record);
    reader.take(19)?;
    reader.id()?;
    let mut kept = record.get(..record.len() - reader.0.len()).unwrap_or_default().to_vec();
    let mut found = false;
    while !reader.is_empty() {
        let (tag, value) = reader.section()?;
        match tag {
            MENTIONS if read_ids(Reader(value))?.contains(user) => {
                let mut others = Vec::new();
                for id in read_ids(Reader(value))?.iter().filter(|id| *id != user) {
                    push_id(&mut others, id);
                }
                found = true;
                if !others.is_empty() {
                    push_section(&mut kept, tag, &others);
                }
            }
            QUOTE if read_quoted(Reader(value))?.author == *user => found = true,
            _ => push_section(&mut kept, tag, value),
        }
    }
    Ok(found.then_some(kept))
}

/// What a message replies to, and the section QUOTE of that as it is now; empty if it was deleted.
pub(super) fn quote(id: MessageId, section: &[u8]) -> Result<Quote, Corrupt> {
    let quoted = match section {
        [] => None,
        section => Some(read_quoted(Reader(Reader(section).section()?.1))?),
    };
    Ok(Quote { id, quoted })
}

fn read_place(mut reader: Reader<'_>) -> Result<MessageId, Corrupt> {
    let seq = reader.number::<5>()?;
    read_identity(&mut reader, seq)
}

fn read_ids(mut reader: Reader<'_>) -> Result<Vec<Id>, Corrupt> {
    let mut ids = Vec::new();
    while !reader.is_empty() {
        ids.push(reader.id()?);
    }
    Ok(ids)
}

fn read_quoted(mut reader: Reader<'_>) -> Result<Quoted, Corrupt> {
    let (rev, kind, author) = (reader.number::<7>()?, reader.byte()?, reader.id()?);
    // The script has cut it between two bytes, perhaps of one character.
    let text = String::from_utf8_lossy(reader.0);
    Ok(Quoted {
        author,
        kind: if kind == IMAGE { BodyKind::Image } else { BodyKind::Text },
        excerpt: Quoted::excerpt(text.trim_end_matches(char::REPLACEMENT_CHARACTER)),
        rev,
    })
}

fn read_reactions(mut reader: Reader<'_>) -> Result<Vec<Reacted>, Corrupt> {
    let mut reactions = Vec::new();
    while !reader.is_empty() {
        let length = reader.byte()?.into();
        let reaction = Reaction::parse(text(reader.take(length)?)?).map_err(|_| Corrupt("reaction"))?;
        let (count, mine, named) = (reader.number::<2>()?, reader.flag()?, reader.byte()?);
        let users = (0..named).map(|_| reader.id()).collect::<Result<_, _>>()?;
        reactions.push(Reacted {
            reaction,
            count,
            users,
            mine,
        });
    }
    Ok(reactions)
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
            key in proptest::option::of("[a-zä -~]{1,64}"),
            mentions in proptest::collection::vec(0..9_u64, 0..5),
            replies in any::<bool>(),
        ) {
            let author = Id::parse(&author).unwrap_or(Id::from_number(7).unwrap());
            let id = MessageId { ms, random, seq };
            let draft = Draft {
                body: Body::new(BodyKind::Text, text).unwrap(),
                metadata: metadata.map(|json| Metadata::new(json).unwrap()),
                reply_to: replies.then_some(id),
                mentions: mentions.into_iter().map(|id| Id::from_number(id).unwrap()).collect(),
                retry_key: key.map(|key| RetryKey::parse(&key).unwrap()),
            };
            let record = [&head(&draft)[..], &identity(id), &number_bytes::<7>(rev), &pack_content(&author, &draft), &pack_retry_key(&draft)].concat();
            let message = Message {
                id,
                author,
                body: draft.body,
                metadata: draft.metadata,
                retry_key: draft.retry_key,
                reply_to: draft.reply_to.map(|id| Quote { id, quoted: None }),
                mentions: draft.mentions,
                reactions: Vec::new(),
                edited_ms: None,
                rev,
            };
            prop_assert_eq!(&without_reactions(&record).unwrap(), &record);
            let stored = unpack(seq, &record).unwrap();
            prop_assert_eq!((stored.deleted, &stored.author, stored.rev), (false, &message.author, rev));
            prop_assert_eq!(stored.message, Some(message));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            unpack(1, &bytes).ok();
            without_reactions(&bytes).ok();
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
