//! How inbox entries are packed: the projection of a conversation for one member.
//!
//! By byte: version, flags, clock of the conversation (7), unread messages (5), revision (7), time of the newest message in ms (6), position of the
//! newest live message (5); then sections as in a record: the packed newest message if it is short; the read positions of a direct conversation;
//! the owner's own read position (5) and, if there are any, unread mentions (5). `scripts/entry_prelude.lua` reads what stands before the sections. It keeps the low
//! flags, which are the owner's settings; the high ones come from the conversation.

use super::bytes::{Corrupt, Reader, number_bytes, push_id, push_section};
use super::record;
use crate::domain::limits::ENTRY_RECORD_BYTES;
use crate::domain::{Conversation, Member, Message, Projection, Reads, Settings, Target};
use crate::ports::InboxEntry;

const VERSION: u8 = 1;
const LATEST: u8 = 1;
const READS: u8 = 2;
const OWN: u8 = 3;

const MUTED: u8 = 1;
const HIDDEN: u8 = 2;
const PINNED: u8 = 4;
/// The owner of the entry was a member until this. It is not kept.
const LEFT_NOW: u8 = 32;
/// The owner of the entry has written there.
const HAS_WRITTEN: u8 = 64;
/// The owner of the entry is no member any more, or the direct conversation is empty.
const LEFT: u8 = 128;

/// Packs the entry of one member.
pub(crate) fn pack(conversation: &Conversation, projection: &Projection, member: &Member) -> Vec<u8> {
    let left = member.left || projection.emptied && conversation.is_direct();
    // Who has left is shown nothing that was written.
    let latest = projection.latest.as_ref().filter(|_| !left);
    let mark = |flag, is_set| if is_set { flag } else { 0 };
    let flags = mark(HAS_WRITTEN, member.has_written) | mark(LEFT, left) | mark(LEFT_NOW, member.left_now);
    let mut packed = vec![VERSION, flags];
    packed.extend(number_bytes::<7>(projection.clock));
    packed.extend(number_bytes::<5>(member.unread));
    packed.extend(number_bytes::<7>(projection.rev));
    packed.extend(number_bytes::<6>(projection.activity_ms));
    packed.extend(number_bytes::<5>(latest.map_or(0, |latest| latest.seq)));
    let record = latest.and_then(|latest| record::without_reactions(&latest.record).ok());
    if let Some(record) = record.filter(|record| record.len() <= ENTRY_RECORD_BYTES) {
        push_section(&mut packed, LATEST, &record);
    }
    if conversation.is_direct() {
        let mut reads = Vec::new();
        for (id, seq) in projection.reads(&member.id).0.iter().filter(|(_, seq)| *seq > 0) {
            push_id(&mut reads, id);
            reads.extend(number_bytes::<5>(*seq));
        }
        push_section(&mut packed, READS, &reads);
    }
    let mut own = number_bytes::<5>(member.read_seq).to_vec();
    if member.mentioned > 0 {
        own.extend(number_bytes::<5>(member.mentioned));
    }
    push_section(&mut packed, OWN, &own);
    packed
}

/// An entry as it stands in the inbox, and the position of the newest message if that is too long to stand there too.
pub(crate) struct Unpacked {
    pub(crate) entry: InboxEntry,
    pub(crate) latest_elsewhere: Option<u64>,
}

/// Unpacks the entry of a conversation. Of a newer version this takes what it knows.
pub(crate) fn unpack(target: Target, packed: &[u8]) -> Result<Unpacked, Corrupt> {
    let mut reader = Reader(packed);
    reader.byte()?;
    let flags = reader.byte()?;
    reader.take(7)?;
    let (unread, rev) = (reader.number::<5>()?, reader.number::<7>()?);
    let (activity_ms, latest_seq) = (reader.number::<6>()?, reader.number::<5>()?);
    let (mut latest, mut reads) = (None::<Option<Message>>, Reads::default());
    let (mut read_seq, mut mentioned) = (0, 0);
    while !reader.is_empty() {
        match reader.section()? {
            // An entry without its newest message is better than no entry.
            (LATEST, record) => {
                let stored = record::unpack(latest_seq, record).ok();
                latest = Some(stored.and_then(|stored| stored.message));
            }
            (READS, packed) => reads = read_reads(packed).unwrap_or_default(),
            (OWN, packed) => {
                let mut own = Reader(packed);
                read_seq = own.number::<5>()?;
                mentioned = if own.is_empty() { 0 } else { own.number::<5>()? };
            }
            _ => {}
        }
    }
    Ok(Unpacked {
        latest_elsewhere: (latest.is_none() && latest_seq > 0).then_some(latest_seq),
        entry: InboxEntry {
            target,
            latest: latest.flatten(),
            reads,
            activity_ms,
            unread,
            mentioned,
            read_seq,
            settings: Settings {
                muted: flags & MUTED != 0,
                hidden: flags & HIDDEN != 0,
                pinned: flags & PINNED != 0,
            },
            left: flags & LEFT != 0,
            rev,
        },
    })
}

/// Reads how far members have read, as scripts and entries pack it.
pub(crate) fn read_reads(packed: &[u8]) -> Result<Reads, Corrupt> {
    let (mut reader, mut reads) = (Reader(packed), Vec::new());
    while !reader.is_empty() {
        reads.push((reader.id()?, reader.number::<5>()?));
    }
    Ok(Reads(reads))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::bytes::tests::from_hex;
    use super::*;
    use crate::domain::{Domain, Id, User};

    /// Entries as version 1 writes them. They stay in customers' stores: every later version must read these bytes.
    #[test]
    fn entries_of_version_1_stay_readable() {
        let head = "0000000000 0000000002 064bc391f40001 0192f0e47d00 0000000003";
        let target = || Target::User(Id::parse("42").unwrap());
        let record = "40 0192f0e47d00 0000000007 064bc391f40001 02 3432 01 0002 6869";
        let entry = format!("01 00 0000{head} 01 001b {record} 02 000f 02 3432 0000000003 01 37 0000000001");
        let Unpacked {
            entry,
            latest_elsewhere,
        } = unpack(target(), &from_hex(&entry)).unwrap();
        assert_eq!(latest_elsewhere, None);
        assert_eq!((entry.unread, entry.rev), (2, 0x0006_4bc3_91f4_0001));
        assert_eq!(entry.activity_ms, 0x0192_f0e4_7d00);
        assert_eq!(entry.latest.unwrap().body.content(), "hi");
        let reads = entry.reads.0.iter().map(|(id, seq)| format!("{id} {seq}"));
        assert_eq!(reads.collect::<Vec<_>>(), ["42 3", "7 1"]);

        let newer = unpack(target(), &from_hex(&format!("02 07 0000{head} c8 0001 ff"))).unwrap();
        assert_eq!(
            (newer.entry.unread, newer.latest_elsewhere),
            (2, Some(3)),
            "as far as it is known"
        );
    }

    #[test]
    fn a_long_message_stays_in_its_conversation() {
        let user = User {
            domain: Domain::parse("site").unwrap(),
            id: Id::parse("7").unwrap(),
        };
        let conversation = Conversation::of(&user, &Target::User(user.id.clone()));
        let projection = |length| Projection {
            clock: 1,
            rev: 1,
            last_seq: 1,
            activity_ms: 1,
            latest: Some(crate::domain::Latest {
                seq: 1,
                record: {
                    let head = from_hex("40 0192f0e47d00 0000000007 064bc391f40001 02 3432 01");
                    let text = vec![b'x'; length - head.len() - 2];
                    [&head[..], &number_bytes::<2>(text.len() as u64), &text].concat()
                },
            }),
            members: Vec::new(),
            emptied: false,
        };
        let member = Member::new(user.id);
        let length = |record| pack(&conversation, &projection(record), &member).len();
        assert!(length(512) > 512 && length(513) < 64);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            unpack(Target::User(Id::parse("7").unwrap()), &bytes).ok();
            read_reads(&bytes).ok();
        }
    }
}
