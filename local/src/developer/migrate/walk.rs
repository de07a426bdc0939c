//! One conversation of the old server, page by page, as messages of Senna.

use std::collections::{BTreeMap, HashSet};

use redis::RedisResult;
use sha2::{Digest as _, Sha256};
use shared::{
    adapters::redis::import::{OldMember, OldMessage},
    domain::{Conversation, Id, OldId},
};

use super::{
    message,
    report::Kind,
    source::{Entry, Source},
};

/// A finding, and the id of its message.
pub(super) type Finding = (Kind, String);

/// A walk through the list of a conversation. It keeps 16 bytes for each id, to know it again.
pub(super) struct Walk<'a> {
    list: &'a str,
    founders: Vec<Id>,
    now_ms: u64,
    /// The place in the list at which it goes on.
    next: u64,
    ids: HashSet<[u8; 16]>,
    with_data: u64,
    first_ms: u64,
    last_ms: u64,
    /// How many messages there were so far.
    pub(super) position: u64,
    /// How far each side of a direct conversation has read, and whether it has written.
    sides: BTreeMap<Id, (u64, bool)>,
}

/// A part of a conversation.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The position of the first message.
    pub(super) first: u64,
    pub(super) messages: Vec<OldMessage>,
    pub(super) findings: Vec<Finding>,
}

/// Bytes of content that go to Senna's Redis at once, about: an answer must come in half a second, also over a slow line.
const PIECE_BYTES: usize = 32 * 1024;

impl Page {
    /// The messages in pieces of bounded size, each with the position of its first one.
    pub(super) fn pieces(&self) -> Vec<(u64, &[OldMessage])> {
        let (mut pieces, mut rest, mut first) = (Vec::new(), self.messages.as_slice(), self.first);
        while !rest.is_empty() {
            let mut bytes = 0;
            let fits = |message: &&OldMessage| {
                let metadata = message
                    .draft
                    .metadata
                    .as_ref()
                    .map_or(0, |metadata| metadata.as_json().len());
                bytes += message.draft.body.content().len() + metadata;
                bytes <= PIECE_BYTES
            };
            let count = rest.iter().take_while(fits).count().max(1);
            let (piece, others) = rest.split_at(count);
            pieces.push((first, piece));
            (rest, first) = (others, first + count as u64);
        }
        pieces
    }
}

impl<'a> Walk<'a> {
    pub(super) fn new(list: &'a str, conversation: &Conversation, now_ms: u64) -> Self {
        Self {
            list,
            founders: conversation.founders(),
            now_ms,
            next: 0,
            ids: HashSet::new(),
            with_data: 0,
            first_ms: 0,
            last_ms: 0,
            position: 0,
            sides: BTreeMap::new(),
        }
    }

    /// The next messages; `None` at the end.
    pub(super) async fn page(&mut self, source: &mut Source) -> RedisResult<Option<Page>> {
        let entries = source.page(self.list, self.next).await?;
        if entries.is_empty() {
            return Ok(None);
        }
        self.next += entries.len() as u64;
        Ok(Some(self.read(&entries)))
    }

    fn read(&mut self, entries: &[Entry]) -> Page {
        let mut page = Page {
            first: self.position + 1,
            ..Page::default()
        };
        let mut read = Vec::new();
        for (id, data) in entries {
            let text = String::from_utf8_lossy(id).into_owned();
            if !self.ids.insert(fingerprint(id)) {
                page.findings.push((Kind::Duplicate, text));
                continue;
            }
            self.with_data += u64::from(data.is_some());
            let message = data.as_ref().ok_or(Kind::NoData);
            let message = message.and_then(|data| message::read(&text, data)).and_then(|message| {
                let is_foreign = !self.founders.is_empty() && !self.founders.contains(&message.author);
                if is_foreign {
                    Err(Kind::ForeignAuthor)
                } else {
                    Ok(message)
                }
            });
            match message {
                Ok(mut message) => {
                    // A time in the future would move all later messages there.
                    message.sent_ms = message.sent_ms.filter(|sent_ms| *sent_ms <= self.now_ms);
                    read.push((text, message));
                }
                Err(kind) => page.findings.push((kind, text)),
            }
        }
        if self.position == 0 {
            self.first_ms = read.iter().find_map(|(_, message)| message.sent_ms).unwrap_or_default();
            self.last_ms = self.first_ms;
        }
        for (text, message) in read {
            let mut notes = message.notes;
            if message.sent_ms.is_none() {
                notes.push(Kind::NoTime);
            }
            let sent_ms = message.sent_ms.unwrap_or(self.last_ms);
            if sent_ms < self.last_ms {
                notes.push(Kind::TimeOrder);
            }
            self.last_ms = sent_ms.max(self.last_ms);
            let old = OldId::parse(&text);
            if old.is_none() {
                notes.push(Kind::IdNotKept);
            }
            self.position += 1;
            self.has_read(&message.author, message.seen);
            page.findings.extend(notes.into_iter().map(|kind| (kind, text.clone())));
            page.messages.push(OldMessage {
                old,
                ms: self.last_ms,
                author: message.author,
                draft: message.draft,
            });
        }
        page
    }

    /// Notes who has read up to the message at this position: its author, and the other side if it was seen. The old server does not say who saw it.
    fn has_read(&mut self, author: &Id, seen: bool) {
        for side in &self.founders {
            if side == author {
                self.sides.insert(side.clone(), (self.position, true));
            } else if seen {
                self.sides.entry(side.clone()).or_default().0 = self.position;
            }
        }
    }

    /// Both sides of a direct conversation. `all_read` says that they have read everything.
    pub(super) fn members(&self, all_read: bool) -> Vec<OldMember> {
        let member = |id: &Id| {
            let (read_seq, has_written) = self.sides.get(id).copied().unwrap_or_default();
            OldMember {
                id: id.clone(),
                joined_ms: self.first_ms,
                read_seq: if all_read { self.position } else { read_seq },
                has_written,
            }
        };
        self.founders.iter().map(member).collect()
    }

    /// The ids of messages that have data and that the list does not name. To be asked at the end.
    pub(super) async fn not_listed(&self, source: &mut Source) -> RedisResult<Vec<Finding>> {
        let mut findings = Vec::new();
        if source.data_count(self.list).await? <= self.with_data {
            return Ok(findings);
        }
        let mut cursor = 0;
        loop {
            let (next, ids) = source.data_ids(self.list, cursor).await?;
            let unknown = ids.iter().filter(|id| !self.ids.contains(&fingerprint(id)));
            findings.extend(unknown.map(|id| (Kind::NotListed, String::from_utf8_lossy(id).into_owned())));
            cursor = next;
            if cursor == 0 {
                return Ok(findings);
            }
        }
    }
}

/// Tells one id from another.
fn fingerprint(id: &[u8]) -> [u8; 16] {
    Sha256::digest(id).first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared::domain::{Domain, Target, User};

    use super::*;

    const NOW: u64 = 1_500_000_000_000;

    fn chat() -> Conversation {
        let user = User {
            domain: Domain::parse("site").unwrap(),
            id: Id::parse("1").unwrap(),
        };
        Conversation::of(&user, &Target::User(Id::parse("2").unwrap()))
    }

    fn id(number: u64) -> String {
        format!("215066e1-e4a6-4a67-93b3-{number:012}")
    }

    fn entry(number: u64, changes: &Value) -> Entry {
        let mut data = json!({"id": id(number), "author": 1, "timestamp": 1_000 + number, "type": "text", "text": "x"});
        let fields = data.as_object_mut().unwrap();
        fields.extend(changes.as_object().unwrap().clone());
        (id(number).into_bytes(), Some(data.to_string().into_bytes()))
    }

    fn walked(entries: &[Entry]) -> (Walk<'static>, Page) {
        let mut walk = Walk::new("site:dm:1-2", &chat(), NOW);
        let page = walk.read(entries);
        (walk, page)
    }

    #[test]
    fn positions_leave_out_what_is_left_out() {
        let entries = [
            entry(1, &json!({})),
            entry(1, &json!({})),
            (b"gone".to_vec(), None),
            entry(2, &json!({"author": 3})),
            entry(3, &json!({"author": 2})),
        ];
        let (walk, page) = walked(&entries);
        assert_eq!((page.first, page.messages.len(), walk.position), (1, 2, 2));
        let kinds: Vec<Kind> = page.findings.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::Duplicate, Kind::NoData, Kind::ForeignAuthor]);
    }

    #[test]
    fn a_piece_has_a_bounded_size() {
        let long = |number| entry(number, &json!({"text": "x".repeat(15_000)}));
        let (_, page) = walked(&[long(1), long(2), long(3), entry(4, &json!({}))]);
        let pieces = page.pieces();
        let pieces: Vec<_> = pieces
            .iter()
            .map(|(first, messages)| (*first, messages.len()))
            .collect();
        assert_eq!(pieces, [(1, 2), (3, 2)]);
    }

    #[test]
    fn times_never_go_back_nor_into_the_future() {
        let entries = [
            entry(1, &json!({"timestamp": null})),
            entry(2, &json!({"timestamp": 5_000})),
            entry(3, &json!({"timestamp": 4_000})),
            entry(4, &json!({"timestamp": NOW + 1})),
            entry(5, &json!({"timestamp": 6_000})),
        ];
        let (_, page) = walked(&entries);
        let times: Vec<u64> = page.messages.iter().map(|message| message.ms).collect();
        assert_eq!(times, [5_000, 5_000, 5_000, 5_000, 6_000]);
        let kinds: Vec<Kind> = page.findings.iter().map(|(kind, _)| *kind).collect();
        assert_eq!(kinds, [Kind::NoTime, Kind::TimeOrder, Kind::NoTime]);
    }

    #[test]
    fn who_writes_has_read_and_seen_moves_the_other_side() {
        let entries = [
            entry(1, &json!({})),
            entry(2, &json!({"status": "seen"})),
            entry(3, &json!({})),
        ];
        let (walk, _) = walked(&entries);
        let read = |all| {
            walk.members(all)
                .iter()
                .map(|member| member.read_seq)
                .collect::<Vec<_>>()
        };
        assert_eq!(read(false), [3, 2]);
        assert_eq!(read(true), [3, 3]);
        assert_eq!(walk.members(false)[0].joined_ms, 1_001);
        assert!(walk.members(false)[0].has_written && !walk.members(false)[1].has_written);
    }
}
