//! What the scripts answer, as values of the ports: one parser for each.

use redis::{FromRedisValue, Value, from_redis_value};

use super::bytes::{Corrupt, Reader, text};
use super::entry::{self, Unpacked};
use super::record;
use crate::domain::limits::{CONNECTION_LIFETIME_MS, HANDSHAKE_MS};
use crate::domain::{
    Change, ChangeKind, ConnectionId, Cursor, Decision, Domain, Id, Latest, Member, Place, Projection, Target, User,
};
use crate::ports::{Changes, History, Live, Stored, Told, Unavailable, WriteError};

/// Reads an answer of this shape; the scripts are ours, so another shape means that something else writes to our keys.
fn read<T: FromRedisValue>(value: Value) -> Result<T, Unavailable> {
    // The library's error would show the value, and with it somebody's message.
    from_redis_value(value).map_err(|_| corrupt("an answer of another shape"))
}

fn corrupt(what: &'static str) -> Unavailable {
    Unavailable::new("redis", what)
}

impl From<Corrupt> for Unavailable {
    fn from(error: Corrupt) -> Self {
        Self::new("redis", error)
    }
}

impl From<Corrupt> for WriteError {
    fn from(error: Corrupt) -> Self {
        Unavailable::from(error).into()
    }
}

/// What a write may have done.
pub(super) enum Asked<'a> {
    Send,
    Update { by: &'a Id },
    Delete,
}

/// What a write to a conversation answers: `decided` in `decision_prelude.lua`, or one word for a refusal.
pub(super) fn decision(asked: &Asked<'_>, answer: Value) -> Result<Decision, WriteError> {
    let mut items = list(answer)?;
    let head: Vec<u8> = next(&mut items)?;
    let (Some(record), Some(newest)) = (items.next(), items.next()) else {
        return Err(refusal(&head));
    };
    let (record, newest): (Vec<u8>, Vec<u8>) = (read(record)?, read(newest)?);
    let mut head = Reader(&head);
    let (repeated, rev) = (head.flag()?, head.number::<7>()?);
    let (prev_rev, seq) = (head.number::<7>()?, head.number::<5>()?);
    let id = record::read_identity(&mut head, seq)?;
    let (clock, conversation_rev) = (head.number::<7>()?, head.number::<7>()?);
    let (last_seq, activity_ms, latest_seq) = (head.number::<5>()?, head.number::<6>()?, head.number::<5>()?);
    // A message that was moved away is not there any more.
    let stored = match record.as_slice() {
        [] => None,
        record => Some(record::unpack(seq, record)?),
    };
    let is_deleted = stored.as_ref().is_none_or(|stored| stored.deleted);
    let kind = match asked {
        _ if is_deleted => ChangeKind::Deleted,
        Asked::Send => ChangeKind::Sent,
        Asked::Delete => ChangeKind::Deleted,
        Asked::Update { by } => match &stored {
            Some(stored) if stored.author != **by => ChangeKind::Read,
            _ => ChangeKind::Edited,
        },
    };
    let message = stored.and_then(|stored| stored.message);
    Ok(Decision {
        change: Change {
            kind,
            id,
            message,
            rev,
            prev_rev: (prev_rev != rev).then_some(prev_rev),
            repeated,
        },
        projection: Projection {
            clock,
            rev: conversation_rev,
            last_seq,
            activity_ms,
            latest: (latest_seq > 0).then_some(Latest {
                seq: latest_seq,
                record: if newest.is_empty() { record } else { newest },
            }),
            members: read_members(head)?,
        },
    })
}

fn refusal(word: &[u8]) -> WriteError {
    match word {
        b"not_found" => WriteError::NotFound,
        b"forbidden" => WriteError::Forbidden,
        b"nothing" => WriteError::NothingToChange,
        b"reused" => WriteError::RetryKeyReused,
        _ => corrupt("a script refused for an unknown reason").into(),
    }
}

fn read_members(mut reader: Reader<'_>) -> Result<Vec<Member>, Corrupt> {
    let mut members = Vec::new();
    while !reader.is_empty() {
        members.push(Member {
            id: reader.id()?,
            read_seq: reader.number::<5>()?,
            unread: reader.number::<5>()?,
        });
    }
    Ok(members)
}

/// What `entry_tell.lua` answers.
pub(super) fn told(answer: Value, now_ms: u64) -> Result<Told, Unavailable> {
    let (head, live) = read::<(Vec<u8>, Vec<(String, u64)>)>(answer)?;
    let mut head = Reader(&head);
    let (told, position, prev) = (head.flag()?, head.number::<7>()?, head.number::<7>()?);
    let known_rev = head.number::<7>()?;
    let epoch = text(head.0)?.parse().map_err(|_| Corrupt("epoch"))?;
    let connection = |(id, expires_ms): (String, u64)| {
        let id = ConnectionId::parse(&id).map_err(|_| corrupt("a connection id"))?;
        let opening = now_ms + CONNECTION_LIFETIME_MS < expires_ms + HANDSHAKE_MS;
        Ok(Live { id, opening })
    };
    Ok(Told {
        place: told.then(|| Place {
            cursor: Cursor::new(epoch, position),
            prev: Cursor::new(epoch, prev),
        }),
        known_rev,
        connections: live.into_iter().map(connection).collect::<Result<_, Unavailable>>()?,
    })
}

/// What `history_read.lua` answers.
pub(super) fn history(answer: Value) -> Result<Option<History>, Unavailable> {
    let mut items = list(answer)?;
    let Some(head) = items.next() else { return Ok(None) };
    let (head, reads): (Vec<u8>, Vec<u8>) = (read(head)?, next(&mut items)?);
    let mut head = Reader(&head);
    Ok(Some(History {
        rev: head.number::<7>()?,
        total: head.number::<5>()?,
        older: head.flag()?,
        newer: head.flag()?,
        reads: entry::read_reads(&reads)?,
        messages: stored(items)?.into_iter().filter_map(|stored| stored.message).collect(),
    }))
}

/// What `changes_read.lua` answers.
pub(super) fn changes(answer: Value) -> Result<Changes, Unavailable> {
    let mut items = list(answer)?;
    let (head, reads): (Vec<u8>, Vec<u8>) = (next(&mut items)?, next(&mut items)?);
    let mut head = Reader(&head);
    Ok(Changes {
        reset: head.flag()?,
        more: head.flag()?,
        rev: head.number::<7>()?,
        reads: entry::read_reads(&reads)?,
        messages: stored(items)?,
    })
}

/// Messages after their positions. One that cannot be read must not take the others away.
fn stored(mut items: std::vec::IntoIter<Value>) -> Result<Vec<Stored>, Unavailable> {
    let mut all = Vec::with_capacity(items.len() / 2);
    while let Some(seq) = items.next() {
        let (seq, packed): (u64, Vec<u8>) = (read(seq)?, next(&mut items)?);
        all.extend(readable(seq, &packed));
    }
    Ok(all)
}

fn readable(seq: u64, packed: &[u8]) -> Option<Stored> {
    record::unpack(seq, packed)
        .inspect_err(|error| tracing::error!(%error, seq, "left out a message that cannot be read"))
        .ok()
}

/// What `messages_read.lua` answers, for one message.
pub(super) fn message(seq: u64, answer: Value) -> Result<Option<Stored>, Unavailable> {
    let packed: Vec<u8> = next(&mut list(answer)?)?;
    Ok(Some(packed)
        .filter(|packed| !packed.is_empty())
        .and_then(|packed| readable(seq, &packed)))
}

/// What `inbox_read.lua` answers; the newest messages that are too long for an entry are still missing.
pub(super) struct InboxPage {
    pub(super) cursor: Cursor,
    pub(super) unread_total: u64,
    pub(super) total: u64,
    pub(super) entries: Vec<Unpacked>,
}

pub(super) fn inbox(answer: Value) -> Result<InboxPage, Unavailable> {
    let mut items = list(answer)?;
    let (epoch, position) = (next(&mut items)?, next(&mut items)?);
    let (unread_total, total) = (next(&mut items)?, next(&mut items)?);
    let mut entries = Vec::new();
    while let Some(name) = items.next() {
        entries.extend(entry(name, &next::<Vec<u8>>(&mut items)?)?);
    }
    Ok(InboxPage {
        cursor: Cursor::new(epoch, position),
        unread_total,
        total,
        entries,
    })
}

/// How much a message that is too long for an entry is reckoned to take of a page, in bytes.
const LONG_MESSAGE_BYTES: usize = 2 * 1024;

/// What `entries_read.lua` answers, likewise; each entry with the cursor of its last change.
pub(super) struct EntriesPage {
    pub(super) cursor: Cursor,
    pub(super) recovered: bool,
    pub(super) more: bool,
    pub(super) unread_total: u64,
    pub(super) entries: Vec<(Cursor, Unpacked)>,
}

impl EntriesPage {
    /// Ends the page where more long messages would have to be fetched than it could show.
    pub(super) fn with_few_long_messages(mut self, bytes: usize) -> Self {
        let most = (bytes / LONG_MESSAGE_BYTES).max(1);
        let long = self.entries.iter().enumerate();
        let mut long = long.filter(|(_, (_, entry))| entry.latest_elsewhere.is_some());
        if let Some((end, _)) = long.nth(most)
            && let Some((cursor, _)) = self.entries.get(end.saturating_sub(1))
        {
            (self.cursor, self.more) = (*cursor, true);
            self.entries.truncate(end);
        }
        self
    }
}

pub(super) fn entries(answer: Value) -> Result<EntriesPage, Unavailable> {
    let mut items = list(answer)?;
    let (epoch, position) = (next(&mut items)?, next(&mut items)?);
    let (recovered, more, unread_total) = (next(&mut items)?, next(&mut items)?, next(&mut items)?);
    let mut entries = Vec::new();
    while let Some(position) = items.next() {
        let cursor = Cursor::new(epoch, read(position)?);
        let name = items.next().ok_or(corrupt("a short list"))?;
        entries.extend(entry(name, &next::<Vec<u8>>(&mut items)?)?.map(|entry| (cursor, entry)));
    }
    Ok(EntriesPage {
        cursor: Cursor::new(epoch, position),
        recovered,
        more,
        unread_total,
        entries,
    })
}

/// An entry. One that cannot be read is left out, so that it does not take the others away.
fn entry(name: Value, packed: &[u8]) -> Result<Option<Unpacked>, Unavailable> {
    let name: String = read(name)?;
    let unpacked = Target::from_inbox_key(&name)
        .ok_or(Corrupt("name"))
        .and_then(|target| entry::unpack(target, packed));
    let unpacked =
        unpacked.inspect_err(|error| tracing::error!(%error, name, "left out an inbox entry that cannot be read"));
    Ok(unpacked.ok())
}

pub(super) fn yes(answer: Value) -> Result<bool, Unavailable> {
    read(answer)
}

/// What HMGET answers for a connection.
pub(super) fn user(answer: Value) -> Result<Option<User>, Unavailable> {
    let (domain, id): (Option<String>, Option<String>) = read(answer)?;
    let (Some(domain), Some(id)) = (domain, id) else {
        return Ok(None);
    };
    let domain = Domain::parse(&domain).map_err(|_| corrupt("a connection's domain"))?;
    let id = Id::parse(&id).map_err(|_| corrupt("a connection's user"))?;
    Ok(Some(User { domain, id }))
}

fn list(answer: Value) -> Result<std::vec::IntoIter<Value>, Unavailable> {
    match answer {
        Value::Array(items) => Ok(items.into_iter()),
        _ => Err(corrupt("no list")),
    }
}

fn next<T: FromRedisValue>(items: &mut impl Iterator<Item = Value>) -> Result<T, Unavailable> {
    read(items.next().ok_or(corrupt("a short list"))?)
}
