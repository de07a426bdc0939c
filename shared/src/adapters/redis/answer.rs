//! What the scripts answer, as values of the ports: one parser for each.

mod connections;
mod erasures;
mod imports;
mod moderation;

use std::vec::IntoIter;

use redis::{FromRedisValue, Value, from_redis_value};

pub(super) use self::connections::{
    admitted, due, frame, is_member, numbered_watchers, opened, presence, read_watchers, typing, watchers, watches,
    watching,
};

pub(super) use self::erasures::{erasure, first_conversation, packed_reports, users, written};
pub(super) use self::imports::{import, imported, old_message};
pub(super) use self::moderation::{blocks, done, filed, has_blocked, report, report_evidence, reports, versions};

use super::bytes::{Corrupt, Reader, text};
use super::entry::{self, Unpacked};
use super::record;
use crate::domain::limits::{CONNECTION_LIFETIME_MS, HANDSHAKE_MS, TOKEN_GRACE_MS};
use crate::domain::{
    Change, ChangeKind, ConnectionId, Cursor, Decision, Id, InboxPlace, Latest, Member, MessageId, Place, Projection,
    Role, Target, TopicMember,
};
use crate::ports::{Changes, History, Live, Noticed, Recorded, StoreError, Stored, Told, Trimmed, Unavailable};

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

impl From<Corrupt> for StoreError {
    fn from(error: Corrupt) -> Self {
        Unavailable::from(error).into()
    }
}

/// What a write may have done.
pub(super) enum Asked<'a> {
    Send { reply_to: Option<MessageId> },
    Update { by: &'a Id },
    Delete,
    React,
    Read { by: &'a Id },
    Join { member: &'a Id },
    Leave { member: &'a Id },
}

/// Flags of a decision.
const REPEATED: u8 = 1;
const PRIVATE: u8 = 2;
const EMPTIED: u8 = 4;

/// Flags of a member in a decision.
const LEFT: u8 = 1;
const HAS_WRITTEN: u8 = 2;
const LEFT_NOW: u8 = 4;
const READS_ALONE: u8 = 8;

/// What a write to a conversation answers: `decided` in `decision_prelude.lua`, or one word for a refusal.
pub(super) fn decision(asked: &Asked<'_>, answer: Value) -> Result<Decision, StoreError> {
    let mut items = list(answer)?;
    let head: Vec<u8> = next(&mut items)?;
    let (Some(record), Some(newest)) = (items.next(), items.next()) else {
        return Err(refusal(&head));
    };
    let (record, newest): (Vec<u8>, Vec<u8>) = (read(record)?, read(newest)?);
    let mut head = Reader(&head);
    let (flags, rev) = (head.byte()?, head.number::<7>()?);
    let (prev_rev, seq) = (head.number::<7>()?, head.number::<5>()?);
    let id = record::read_identity(&mut head, seq)?;
    // A message that was moved away is not there any more.
    let stored = match record.as_slice() {
        [] => None,
        record => Some(record::unpack(seq, record)?),
    };
    let is_deleted = stored.as_ref().is_none_or(|stored| stored.deleted);
    let (mut member, mut watchers, mut reply_to) = (None, Vec::new(), None);
    if let Asked::Send { reply_to: Some(id) } = asked
        && let Some(quoted) = items.next()
    {
        reply_to = Some(record::quote(*id, &read::<Vec<u8>>(quoted)?)?);
    }
    let kind = match asked {
        Asked::Read { by } => {
            member = Some(reader(by, seq));
            watchers = read_watchers(next(&mut items)?)?;
            ChangeKind::Read
        }
        Asked::Join { member: of } => {
            member = Some(topic_member((*of).clone(), &next::<Vec<u8>>(&mut items)?)?);
            ChangeKind::Joined
        }
        Asked::Leave { member: of } => {
            member = Some(topic_member((*of).clone(), &next::<Vec<u8>>(&mut items)?)?);
            ChangeKind::Left
        }
        _ if is_deleted => ChangeKind::Deleted,
        Asked::Send { .. } => ChangeKind::Sent,
        Asked::Delete => ChangeKind::Deleted,
        Asked::React => ChangeKind::Reacted,
        Asked::Update { by } => match &stored {
            Some(stored) if stored.author != **by => {
                watchers = read_watchers(next(&mut items)?)?;
                member = Some(reader(by, next(&mut items)?));
                ChangeKind::Read
            }
            _ => ChangeKind::Edited,
        },
    };
    let message = stored.and_then(|stored| stored.message);
    Ok(Decision {
        change: Change {
            kind,
            id,
            message,
            member,
            rev,
            prev_rev: (prev_rev != rev).then_some(prev_rev),
            repeated: flags & REPEATED != 0,
            private: flags & PRIVATE != 0,
        },
        projection: projection(flags, head, if newest.is_empty() { record } else { newest })?,
        watchers,
        reply_to,
    })
}

/// The part of a decision that says how the conversation is now, and its newest live message.
fn projection(flags: u8, mut head: Reader<'_>, newest: Vec<u8>) -> Result<Projection, Corrupt> {
    let (clock, rev) = (head.number::<7>()?, head.number::<7>()?);
    let (last_seq, activity_ms, seq) = (head.number::<5>()?, head.number::<6>()?, head.number::<5>()?);
    Ok(Projection {
        clock,
        rev,
        last_seq,
        activity_ms,
        latest: (seq > 0).then_some(Latest { seq, record: newest }),
        members: read_members(head)?,
        emptied: flags & EMPTIED != 0,
    })
}

/// A member who has read; nothing else of the member is told.
fn reader(id: &Id, read_seq: u64) -> TopicMember {
    TopicMember {
        id: id.clone(),
        role: Role::Member,
        joined_ms: 0,
        read_seq,
    }
}

/// The word with which a script refuses.
fn refusal(word: &[u8]) -> StoreError {
    match word {
        b"not_found" => StoreError::NotFound,
        b"forbidden" => StoreError::Forbidden,
        b"nothing" => StoreError::NothingToChange,
        b"reused" => StoreError::RetryKeyReused,
        b"not_member" => StoreError::NotAMember,
        b"role" => StoreError::RoleTooLow,
        b"no_reply" => StoreError::InvalidReply,
        b"no_mention" => StoreError::InvalidMention,
        b"too_many" => StoreError::TooManyReactions,
        b"blocked" => StoreError::NotAccepted,
        b"own" => StoreError::OwnMessage,
        b"too_many_edits" => StoreError::TooManyEdits,
        b"too_many_blocks" => StoreError::TooManyBlocks,
        b"too_many_reports" => StoreError::TooManyReports,
        _ => match text(word)
            .ok()
            .and_then(|word| word.strip_prefix("full ")?.parse().ok())
        {
            Some(limit) => StoreError::TopicFull(limit),
            None => corrupt("a script refused for an unknown reason").into(),
        },
    }
}

fn read_members(mut head: Reader<'_>) -> Result<Vec<Member>, Corrupt> {
    let mut members = Vec::new();
    while !head.is_empty() {
        let (id, flags) = (head.id()?, head.byte()?);
        let read_seq = head.number::<5>()?;
        let mut member = Member {
            id,
            read_seq,
            others_see_seq: read_seq,
            unread: head.number::<5>()?,
            mentioned: head.number::<5>()?,
            left: flags & LEFT != 0,
            left_now: flags & LEFT_NOW != 0,
            has_written: flags & HAS_WRITTEN != 0,
            reacted: u32::try_from(head.number::<3>()?).unwrap_or_default(),
        };
        if flags & READS_ALONE != 0 {
            member.others_see_seq = head.number::<5>()?;
        }
        members.push(member);
    }
    Ok(members)
}

/// What `read_move.lua` answers; `None` if there is nothing to read.
pub(super) fn read_position(by: &Id, answer: Value) -> Result<Option<Decision>, StoreError> {
    match &answer {
        Value::Array(items) if matches!(items.as_slice(), [Value::BulkString(word)] if word == b"empty") => Ok(None),
        _ => decision(&Asked::Read { by }, answer).map(Some),
    }
}

/// What `members_read.lua` answers.
pub(super) fn members(answer: Value) -> Result<Vec<TopicMember>, StoreError> {
    let mut items = list(answer)?;
    let mut members = Vec::new();
    while let Some(id) = items.next() {
        let Some(packed) = items.next() else {
            return Err(refusal(&read::<Vec<u8>>(id)?));
        };
        let id = Id::parse(&read::<String>(id)?).map_err(|_| Corrupt("id"))?;
        members.push(topic_member(id, &read::<Vec<u8>>(packed)?)?);
    }
    members.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(members)
}

/// A member as `conversation_prelude.lua` describes it. The role is in the low bits.
fn topic_member(id: Id, packed: &[u8]) -> Result<TopicMember, Corrupt> {
    let mut packed = Reader(packed);
    packed.byte()?;
    let role = match packed.byte()? & 0x0f {
        0 => Role::Member,
        1 => Role::Moderator,
        _ => Role::Owner,
    };
    Ok(TopicMember {
        id,
        role,
        joined_ms: packed.number::<6>()?,
        read_seq: packed.number::<5>()?,
    })
}

/// What `entry_tell.lua` answers.
pub(super) fn told(answer: Value, now_ms: u64) -> Result<Told, Unavailable> {
    told_of(list(answer)?, now_ms)
}

/// What `entry_set.lua` answers: the same, and the entry; `None` if the inbox has no such conversation.
pub(super) fn set(target: Target, answer: Value, now_ms: u64) -> Result<Option<(Told, Unpacked)>, Unavailable> {
    let mut items = list(answer)?;
    if items.len() == 0 {
        return Ok(None);
    }
    let entry = entry::unpack(target, &next::<Vec<u8>>(&mut items.by_ref().rev())?)?;
    Ok(Some((told_of(items, now_ms)?, entry)))
}

/// What `told` of `entry_prelude.lua` returns.
fn told_of(mut items: IntoIter<Value>, now_ms: u64) -> Result<Told, Unavailable> {
    let mut last = items.by_ref().rev();
    let (head, opening) = (next::<Vec<u8>>(&mut last)?, next::<String>(&mut last)?);
    let all: Vec<(String, u64)> = read(Value::Array(items.collect()))?;
    let mut head = Reader(&head);
    let (told, position, prev) = (head.flag()?, head.number::<7>()?, head.number::<7>()?);
    let (known_rev, unread_total) = (head.number::<7>()?, head.number::<5>()?);
    let epoch = text(head.0)?.parse().map_err(|_| Corrupt("epoch"))?;
    let words: Vec<&str> = opening.split(' ').collect();
    let handshake = |id: &str| {
        words
            .chunks(2)
            .find(|pair| pair.last() == Some(&id))?
            .first()?
            .parse()
            .ok()
    };
    let (mut live, mut overdue) = (Vec::new(), Vec::new());
    for (name, until_ms) in all {
        let id = ConnectionId::parse(&name).map_err(|_| corrupt("a connection id"))?;
        if until_ms > now_ms {
            // One that is good as long as it lives tells by that when it began.
            let opening = now_ms + CONNECTION_LIFETIME_MS < until_ms + HANDSHAKE_MS
                || handshake(&name).is_some_and(|over_ms: u64| now_ms < over_ms);
            live.push(Live { id, opening });
        } else if until_ms + TOKEN_GRACE_MS <= now_ms {
            overdue.push(id);
        }
    }
    Ok(Told {
        place: told.then(|| Place {
            cursor: Cursor::new(epoch, position),
            prev: Cursor::new(epoch, prev),
        }),
        known_rev,
        unread_total,
        connections: live,
        overdue,
    })
}

/// What `history_read.lua` answers.
pub(super) fn history(answer: Value) -> Result<History, StoreError> {
    let mut items = list(answer)?;
    let head: Vec<u8> = read(items.next().ok_or(StoreError::NotFound)?)?;
    let Some(reads) = items.next() else {
        return Err(refusal(&head));
    };
    let reads: Vec<u8> = read(reads)?;
    let mut head = Reader(&head);
    Ok(History {
        rev: head.number::<7>()?,
        total: head.number::<5>()?,
        older: head.flag()?,
        newer: head.flag()?,
        reads: entry::read_reads(&reads)?,
        messages: stored(items)?.into_iter().filter_map(|stored| stored.message).collect(),
    })
}

/// What `changes_read.lua` answers.
pub(super) fn changes(answer: Value) -> Result<Changes, StoreError> {
    let mut items = list(answer)?;
    let head: Vec<u8> = next(&mut items)?;
    let Some(reads) = items.next() else {
        return Err(refusal(&head));
    };
    let reads: Vec<u8> = read(reads)?;
    let mut head = Reader(&head);
    Ok(Changes {
        reset: head.flag()?,
        more: head.flag()?,
        rev: head.number::<7>()?,
        members: head.flag()?,
        reads: entry::read_reads(&reads)?,
        messages: stored(items)?,
    })
}

/// What `records_read.lua` answers.
pub(super) fn recorded(answer: Value) -> Result<Recorded, Unavailable> {
    let mut items = list(answer)?;
    let (rev, oldest): (u64, u64) = (next(&mut items)?, next(&mut items)?);
    Ok(Recorded {
        rev,
        next: (oldest > 0).then_some(oldest),
        messages: stored(items)?,
    })
}

/// What `conversation_trim.lua` answers.
pub(super) fn trimmed(answer: Value) -> Result<Trimmed, Unavailable> {
    let mut items = list(answer)?;
    match items.len() {
        0 => return Ok(Trimmed::Nothing),
        1 => return Ok(Trimmed::More),
        _ => {}
    }
    let (head, _, newest): (Vec<u8>, Vec<u8>, Vec<u8>) = (next(&mut items)?, next(&mut items)?, next(&mut items)?);
    let mut head = Reader(&head);
    let flags = head.byte()?;
    // No change stands in it.
    head.take(7 + 7 + 5 + 11)?;
    Ok(Trimmed::ToTell(projection(flags, head, newest)?, next(&mut items)?))
}

/// What `user_ban.lua` and `user_revoke.lua` answer.
pub(super) fn connections(answer: Value) -> Result<Vec<ConnectionId>, Unavailable> {
    let names: Vec<String> = read(answer)?;
    let id = |name: &String| ConnectionId::parse(name).map_err(|_| corrupt("a connection id"));
    names.iter().map(id).collect()
}

/// The fields `banned` and `ban_reason` of a user.
pub(super) fn ban(answer: Value) -> Result<(Option<u64>, Option<String>), Unavailable> {
    read(answer)
}

/// Messages after their positions. One that cannot be read must not take the others away.
fn stored(mut items: IntoIter<Value>) -> Result<Vec<Stored>, Unavailable> {
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
    pub(super) next: Option<InboxPlace>,
}

pub(super) fn inbox(answer: Value) -> Result<InboxPage, Unavailable> {
    let mut items = list(answer)?;
    let (epoch, position) = (next(&mut items)?, next(&mut items)?);
    let (unread_total, total) = (next(&mut items)?, next(&mut items)?);
    let more: bool = next(&mut items)?;
    let (mut entries, mut last) = (Vec::new(), None);
    while let Some(name) = items.next() {
        let (name, order): (String, u64) = (read(name)?, next(&mut items)?);
        last = Target::from_inbox_key(&name).map(|target| InboxPlace { order, target });
        entries.extend(entry(&name, &next::<Vec<u8>>(&mut items)?));
    }
    Ok(InboxPage {
        cursor: Cursor::new(epoch, position),
        unread_total,
        total,
        entries,
        next: last.filter(|_| more),
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
        let name: String = next(&mut items)?;
        entries.extend(entry(&name, &next::<Vec<u8>>(&mut items)?).map(|entry| (cursor, entry)));
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
fn entry(name: &str, packed: &[u8]) -> Option<Unpacked> {
    let unpacked = Target::from_inbox_key(name)
        .ok_or(Corrupt("name"))
        .and_then(|target| entry::unpack(target, packed));
    unpacked
        .inspect_err(|error| tracing::error!(%error, name, "left out an inbox entry that cannot be read"))
        .ok()
}

pub(super) fn yes(answer: Value) -> Result<bool, Unavailable> {
    read(answer)
}

/// Whether a key or a member is there.
pub(super) fn is_there(answer: Value) -> Result<bool, Unavailable> {
    Ok(read::<Option<Value>>(answer)?.is_some())
}

/// A text, if there is one.
pub(super) fn optional_text(answer: Value) -> Result<Option<String>, Unavailable> {
    read(answer)
}

/// What SCAN answers: the next cursor, and names of keys.
pub(super) fn scanned(answer: Value) -> Result<(u64, Vec<String>), Unavailable> {
    read(answer)
}

/// A list of texts.
pub(super) fn texts(answer: Value) -> Result<Vec<String>, Unavailable> {
    read(answer)
}

/// A packed entry, unread messages in the whole inbox, and the last notice of the entry.
type Packed = (Vec<u8>, u64, Option<Noticed>);

/// What `undelivered_read.lua` answers.
pub(super) fn waiting(answer: Value) -> Result<Option<Packed>, Unavailable> {
    let mut items = list(answer)?;
    let Some(entry) = items.next() else { return Ok(None) };
    let (unread_total, noticed): (u64, String) = (next(&mut items)?, next(&mut items)?);
    let noticed = noticed.split_once(' ').and_then(|(seq, ms)| {
        Some(Noticed {
            seq: seq.parse().ok()?,
            ms: ms.parse().ok()?,
        })
    });
    Ok(Some((read(entry)?, unread_total, noticed)))
}

fn list(answer: Value) -> Result<IntoIter<Value>, Unavailable> {
    match answer {
        Value::Array(items) => Ok(items.into_iter()),
        _ => Err(corrupt("no list")),
    }
}

fn next<T: FromRedisValue>(items: &mut impl Iterator<Item = Value>) -> Result<T, Unavailable> {
    read(items.next().ok_or(corrupt("a short list"))?)
}
