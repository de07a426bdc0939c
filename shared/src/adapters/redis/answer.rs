//! What the scripts answer, as values of the ports.

use redis::{FromRedisValue, Value, from_redis_value};

use super::record::{self, Preview};
use crate::domain::limits::{CONNECTION_LIFETIME_MS, HANDSHAKE_MS};
use crate::domain::{ConnectionId, Cursor, Domain, EventKind, EventRef, Id, Message, Place, Target, User};
use crate::ports::{
    Change, Delivered, EventPage, History, Inbox, InboxEntry, Latest, Live, Refusal, Snapshot, Stored, Unavailable,
};

/// Reads an answer of this shape; the scripts are ours, so another shape means that something else writes to our keys.
fn read<T: FromRedisValue>(value: Value) -> Result<T, Unavailable> {
    // The library's error would show the value, and with it somebody's message.
    from_redis_value(value).map_err(|_| corrupt("an answer of another shape"))
}

fn unpack(seq: u64, bytes: &[u8]) -> Result<Stored, Unavailable> {
    record::unpack(seq, bytes).map_err(unreadable)
}

fn unreadable(error: record::Corrupt) -> Unavailable {
    Unavailable::new("redis", error)
}

fn corrupt(what: &'static str) -> Unavailable {
    Unavailable::new("redis", what)
}

/// What a write to a conversation answers, by position; `conversation_prelude.lua` says what they are.
type Changed = (
    bool,
    u64,
    u64,
    u64,
    u64,
    u64,
    Vec<u8>,
    u64,
    Vec<u8>,
    Vec<(String, u64)>,
    Vec<u8>,
);

pub(super) fn change(kind: EventKind, asked_ms: u64, answer: Value) -> Result<Result<Change, Refusal>, Unavailable> {
    if let Value::Array(items) = &answer
        && items.len() == 1
    {
        let (word,): (String,) = read(answer)?;
        return match word.as_str() {
            "not_found" => Ok(Err(Refusal::NotFound)),
            "forbidden" => Ok(Err(Refusal::Forbidden)),
            "wrong_kind" => Ok(Err(Refusal::WrongKind)),
            _ => Err(corrupt("a script refused for an unknown reason")),
        };
    }
    let (repeated, made_revision, revision, last_seq, activity_ms, latest_seq, latest, seq, changed, sent, others) =
        read::<Changed>(answer)?;
    let author = |(id, seq): (String, u64)| Ok((Id::parse(&id).map_err(|_| corrupt("an author"))?, seq));
    let sent = sent.into_iter().map(author).collect::<Result<_, _>>()?;
    let Stored { id, message } = unpack(seq, &changed)?;
    let latest = (latest_seq > 0).then_some(Latest {
        seq: latest_seq,
        record: latest,
    });
    Ok(Ok(Change {
        kind,
        id,
        message,
        asked_ms,
        repeated,
        made_revision,
        revision,
        latest,
        last_seq,
        activity_ms,
        sent,
        others: record::unpack_others(&others).map_err(unreadable)?,
    }))
}

pub(super) fn yes(answer: Value) -> Result<bool, Unavailable> {
    read(answer)
}

pub(super) fn delivered(answer: Value, now_ms: u64) -> Result<Delivered, Unavailable> {
    let mut items = list(answer)?;
    let (epoch, position, ms): (u64, u64, u64) = (next(&mut items)?, next(&mut items)?, next(&mut items)?);
    let (prev_ms, unread) = (next(&mut items)?, next(&mut items)?);
    let place = (position > 0).then(|| Place {
        cursor: Cursor { epoch, position, ms },
        prev: Some(Cursor {
            epoch,
            position: position - 1,
            ms: prev_ms,
        }),
    });
    let mut connections = Vec::new();
    while let Some(id) = items.next() {
        let id = ConnectionId::parse(&read::<String>(id)?).map_err(|_| corrupt("a connection id"))?;
        let expires_ms: u64 = next(&mut items)?;
        let opening = now_ms + CONNECTION_LIFETIME_MS < expires_ms + HANDSHAKE_MS;
        connections.push(Live { id, opening });
    }
    Ok(Delivered {
        place,
        connections,
        unread,
    })
}

/// What stands in the log behind `since`, the cursor that was asked for.
pub(super) fn events(since: Option<Cursor>, answer: Value) -> Result<EventPage, Unavailable> {
    let mut items = list(answer)?;
    let (epoch, position, ms) = (next(&mut items)?, next(&mut items)?, next(&mut items)?);
    let recovered = next(&mut items)?;
    let first = since.map_or(0, |cursor| cursor.position) + 1;
    let mut events = Vec::new();
    for (position, packed) in (first..).zip(items) {
        let (kind, ms, seq, target) = record::unpack_event(&read::<Vec<u8>>(packed)?).map_err(unreadable)?;
        let cursor = Cursor { epoch, position, ms };
        events.push(EventRef {
            kind,
            target,
            seq,
            cursor,
        });
    }
    Ok(EventPage {
        end: Cursor { epoch, position, ms },
        recovered,
        events,
    })
}

pub(super) fn messages(seqs: &[u64], answer: Value) -> Result<Snapshot, Unavailable> {
    let mut items = list(answer)?;
    let revision = next(&mut items)?;
    let stored = |(seq, record): (&u64, Value)| {
        let record: Vec<u8> = read(record)?;
        (!record.is_empty()).then(|| unpack(*seq, &record)).transpose()
    };
    Ok(Snapshot {
        revision,
        messages: seqs.iter().zip(items).map(stored).collect::<Result<_, _>>()?,
    })
}

pub(super) fn history(answer: Value) -> Result<Option<History>, Unavailable> {
    let mut items = list(answer)?;
    let Some(revision) = items.next() else { return Ok(None) };
    let (total, older, newer) = (next(&mut items)?, next(&mut items)?, next(&mut items)?);
    let mut messages: Vec<Message> = Vec::new();
    while let Some(seq) = items.next() {
        let record: Vec<u8> = next(&mut items)?;
        messages.extend(unpack(read(seq)?, &record)?.message);
    }
    Ok(Some(History {
        revision: read(revision)?,
        total,
        messages,
        older,
        newer,
    }))
}

pub(super) fn inbox(answer: Value) -> Result<Inbox, Unavailable> {
    let mut items = list(answer)?;
    let (total, unread_total) = (next(&mut items)?, next(&mut items)?);
    let mut entries = Vec::new();
    while let Some(name) = items.next() {
        let target = Target::from_inbox_key(&read::<String>(name)?).ok_or(corrupt("a name in an inbox"))?;
        let (activity_ms, preview) = (next(&mut items)?, next::<Vec<u8>>(&mut items)?);
        // One entry that cannot be read must not take the others away.
        let preview = record::unpack_preview(&preview).unwrap_or_else(|error| {
            tracing::error!(%error, chat = %target, "a preview in an inbox cannot be read");
            Preview::default()
        });
        entries.push(InboxEntry {
            target,
            latest: preview.latest,
            activity_ms,
            unread: preview.unread,
            revision: preview.revision,
        });
    }
    Ok(Inbox {
        total,
        unread_total,
        entries,
    })
}

pub(super) fn user(answer: Value) -> Result<Option<User>, Unavailable> {
    let ((domain, id),): ((Option<String>, Option<String>),) = read(answer)?;
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
