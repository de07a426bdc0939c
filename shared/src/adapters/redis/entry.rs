//! How inbox entries are packed: the projection of a conversation for one member.
//!
//! By byte: version, flags of the member's own (0 here: the store keeps those that stand), clock of the conversation (7), unread messages (5),
//! revision (7), time of the newest message in ms (6), position of the newest live message (5); then sections as in a record: the packed newest
//! message if it is short, and the read positions of a direct conversation. `scripts/entry_tell.lua` reads the first five.

use super::bytes::{Corrupt, Reader, number_bytes, push_section};
use super::record;
use crate::domain::limits::ENTRY_RECORD_BYTES;
use crate::domain::{Conversation, Member, Message, Projection, Reads, Target};
use crate::ports::InboxEntry;

const VERSION: u8 = 1;
const LATEST: u8 = 1;
const READS: u8 = 2;

/// Packs the entry of one member.
pub(super) fn pack(conversation: &Conversation, projection: &Projection, member: &Member) -> Vec<u8> {
    let latest = projection.latest.as_ref();
    let mut packed = vec![VERSION, 0];
    packed.extend(number_bytes::<7>(projection.clock));
    packed.extend(number_bytes::<5>(member.unread));
    packed.extend(number_bytes::<7>(projection.rev));
    packed.extend(number_bytes::<6>(projection.activity_ms));
    packed.extend(number_bytes::<5>(latest.map_or(0, |latest| latest.seq)));
    if let Some(latest) = latest.filter(|latest| latest.record.len() <= ENTRY_RECORD_BYTES) {
        push_section(&mut packed, LATEST, &latest.record);
    }
    if conversation.is_direct() {
        let mut reads = Vec::new();
        for member in projection.members.iter().filter(|member| member.read_seq > 0) {
            let id = member.id.to_string();
            reads.extend(number_bytes::<1>(id.len() as u64));
            reads.extend(id.as_bytes());
            reads.extend(number_bytes::<5>(member.read_seq));
        }
        push_section(&mut packed, READS, &reads);
    }
    packed
}

/// An entry as it stands in the inbox, and the position of the newest message if that is too long to stand there too.
pub(super) struct Unpacked {
    pub(super) entry: InboxEntry,
    pub(super) latest_elsewhere: Option<u64>,
}

/// Unpacks the entry of a conversation. Of a newer version this takes what it knows.
pub(super) fn unpack(target: Target, packed: &[u8]) -> Result<Unpacked, Corrupt> {
    let mut reader = Reader(packed);
    reader.take(9)?;
    let (unread, rev) = (reader.number::<5>()?, reader.number::<7>()?);
    let (activity_ms, latest_seq) = (reader.number::<6>()?, reader.number::<5>()?);
    let (mut latest, mut reads) = (None::<Option<Message>>, Reads::default());
    while !reader.is_empty() {
        match reader.section()? {
            // An entry without its newest message is better than no entry.
            (LATEST, record) => {
                let stored = record::unpack(latest_seq, record).ok();
                latest = Some(stored.and_then(|stored| stored.message));
            }
            (READS, packed) => reads = read_reads(packed).unwrap_or_default(),
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
            rev,
        },
    })
}

/// Reads how far members have read, as scripts and entries pack it.
pub(super) fn read_reads(packed: &[u8]) -> Result<Reads, Corrupt> {
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
                record: vec![0; length],
            }),
            members: Vec::new(),
        };
        let member = Member {
            id: user.id,
            read_seq: 0,
            unread: 0,
        };
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
