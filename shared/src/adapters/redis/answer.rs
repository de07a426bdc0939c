//! What the scripts answer, as values of the ports.

use redis::{FromRedisValue, Value, from_redis_value};

use super::record::{self, Preview, Unpacked};
use crate::domain::limits::{CONNECTION_LIFETIME_MS, HANDSHAKE_MS};
use crate::domain::{ConnectionId, Cursor, Domain, EventKind, Id, Message, Target, User};
use crate::ports::{Change, Delivered, History, Inbox, InboxEntry, Latest, Live, Refusal, Unavailable};

/// The kind of an event as the log keeps it. A number is never given to another kind.
pub(super) fn event_code(kind: EventKind) -> u8 {
    match kind {
        EventKind::MessageNew => 1,
        EventKind::MessageUpdated => 2,
        EventKind::MessageDeleted => 3,
    }
}

/// Reads an answer of this shape; the scripts are ours, so another shape means that something else writes to our keys.
fn read<T: FromRedisValue>(value: Value) -> Result<T, Unavailable> {
    // The library's error would show the value, and with it somebody's message.
    from_redis_value(value).map_err(|_| corrupt("an answer of another shape"))
}

fn unpack(seq: u64, bytes: &[u8]) -> Result<Unpacked, Unavailable> {
    record::unpack(seq, bytes).map_err(|error| Unavailable::new("redis", error))
}

fn corrupt(what: &'static str) -> Unavailable {
    Unavailable::new("redis", what)
}

pub(super) fn change(kind: EventKind, answer: Value) -> Result<Result<Change, Refusal>, Unavailable> {
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
    let (revision, last_seq, activity_ms, latest_seq, latest, seq, changed, sent) =
        read::<(u64, u64, u64, u64, Vec<u8>, u64, Vec<u8>, Vec<(String, u64)>)>(answer)?;
    let author = |(id, seq): (String, u64)| Ok((Id::parse(&id).map_err(|_| corrupt("an author"))?, seq));
    let sent = sent.into_iter().map(author).collect::<Result<_, _>>()?;
    let Unpacked { id, message } = unpack(seq, &changed)?;
    let latest = (latest_seq > 0).then_some(Latest {
        seq: latest_seq,
        record: latest,
    });
    Ok(Ok(Change {
        kind,
        id,
        message,
        revision,
        latest,
        last_seq,
        activity_ms,
        sent,
    }))
}

pub(super) fn yes(answer: Value) -> Result<bool, Unavailable> {
    read(answer)
}

pub(super) fn delivered(answer: Value, now_ms: u64) -> Result<Delivered, Unavailable> {
    let Value::Array(mut items) = answer else {
        return Err(corrupt("no list"));
    };
    if items.len() < 4 {
        return Err(corrupt("a short list"));
    }
    let mut rest = items.split_off(4).into_iter();
    let unread = read(items.pop().unwrap_or(Value::Nil))?;
    let mut connections = Vec::new();
    while let Some(id) = rest.next() {
        let id = ConnectionId::parse(&read::<String>(id)?).map_err(|_| corrupt("a connection id"))?;
        let expires_ms: u64 = next(&mut rest)?;
        let opening = now_ms + CONNECTION_LIFETIME_MS < expires_ms + HANDSHAKE_MS;
        connections.push(Live { id, opening });
    }
    Ok(Delivered {
        cursor: cursor(Value::Array(items))?,
        connections,
        unread,
    })
}

pub(super) fn cursor(answer: Value) -> Result<Cursor, Unavailable> {
    let (epoch, position, ms) = read(answer)?;
    Ok(Cursor { epoch, position, ms })
}

pub(super) fn history(answer: Value) -> Result<Option<History>, Unavailable> {
    let Value::Array(items) = answer else {
        return Err(corrupt("no list"));
    };
    let mut items = items.into_iter();
    let Some(total) = items.next() else { return Ok(None) };
    let (total, older, newer) = (read(total)?, next(&mut items)?, next(&mut items)?);
    let mut messages: Vec<Message> = Vec::new();
    while let Some(seq) = items.next() {
        let record: Vec<u8> = next(&mut items)?;
        messages.extend(unpack(read(seq)?, &record)?.message);
    }
    Ok(Some(History {
        total,
        messages,
        older,
        newer,
    }))
}

pub(super) fn inbox(answer: Value) -> Result<Inbox, Unavailable> {
    let Value::Array(items) = answer else {
        return Err(corrupt("no list"));
    };
    let mut items = items.into_iter();
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

fn next<T: FromRedisValue>(items: &mut impl Iterator<Item = Value>) -> Result<T, Unavailable> {
    read(items.next().ok_or(corrupt("a short list"))?)
}
