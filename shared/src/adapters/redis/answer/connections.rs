//! What the scripts of connections and signals answer.

use redis::Value;

use super::{corrupt, list, next, read, refusal};
use crate::domain::limits::NUMERIC_ID_MAX;
use crate::domain::{ConnectionId, Domain, Id, Principal, Refusal, Target, TopicClaim, Use, User, Watcher};
use crate::ports::{Due, Frame, GateError, Opened, Presence, StoreError, Typing, Unavailable, Watches, Watching};

/// What `admit.lua` answers.
pub(in crate::adapters::redis) fn admitted(answer: Value) -> Result<u64, GateError> {
    let mut items = let_in(answer, "admitted")?;
    Ok(next(&mut items)?)
}

/// The rest of an answer that begins with this word, or the refusal.
fn let_in(answer: Value, word: &str) -> Result<std::vec::IntoIter<Value>, GateError> {
    let mut items = list(answer)?;
    let refusal = match next::<String>(&mut items)?.as_str() {
        first if first == word => return Ok(items),
        "revoked" => Refusal::Revoked,
        "banned" => {
            let until_ms = next(&mut items)?;
            Refusal::Banned {
                until_ms: Some(until_ms).filter(|until_ms| *until_ms < NUMERIC_ID_MAX),
            }
        }
        "wait" => {
            let kind = Use::named(&next::<String>(&mut items)?).ok_or(corrupt("a kind of use"))?;
            let wait_ms = next(&mut items)?;
            Refusal::TooMany { kind, wait_ms }
        }
        _ => return Err(corrupt("an unknown word").into()),
    };
    Err(GateError::Refused(refusal))
}

/// What `connection_frame.lua` answers.
pub(in crate::adapters::redis) fn frame(answer: Value) -> Result<Option<Frame>, Unavailable> {
    let mut items = list(answer)?;
    let Some(domain) = items.next() else { return Ok(None) };
    let (domain, id): (String, String) = (read(domain)?, next(&mut items)?);
    let (topics, until, issued): (String, String, String) = (next(&mut items)?, next(&mut items)?, next(&mut items)?);
    let mut principal = owner(&domain, &id, &topics, &until)?;
    principal.issued_ms = issued.parse().ok();
    Ok(Some(Frame {
        principal,
        wait_ms: next(&mut items)?,
        asks_first: next(&mut items)?,
    }))
}

fn owner(domain: &str, id: &str, topics: &str, until: &str) -> Result<Principal, Unavailable> {
    let domain = Domain::parse(domain).map_err(|_| corrupt("a connection's domain"))?;
    let id = Id::parse(id).map_err(|_| corrupt("a connection's user"))?;
    Ok(Principal {
        user: User { domain, id },
        topics: TopicClaim::stored(topics),
        until_ms: until.parse().ok(),
        issued_ms: None,
    })
}

fn watches_of(conversation: &str, users: &str) -> Watches {
    Watches {
        users: users.split(',').filter_map(|id| Id::parse(id).ok()).collect(),
        conversation: Target::from_inbox_key(conversation),
    }
}

/// What HMGET answers for a connection that ends.
pub(in crate::adapters::redis) fn watches(answer: Value) -> Result<Option<(User, Vec<Watches>)>, Unavailable> {
    let fields: [Option<String>; 5] = read(answer)?;
    let [Some(domain), Some(id), conversation, users, replaced] = fields else {
        return Ok(None);
    };
    let mut watches = vec![watches_of(
        &conversation.unwrap_or_default(),
        &users.unwrap_or_default(),
    )];
    for line in replaced.unwrap_or_default().lines() {
        let mut parts = line.split(' ').skip(1);
        if let (Some(conversation), Some(users)) = (parts.next(), parts.next()) {
            watches.push(watches_of(conversation, users));
        }
    }
    Ok(Some((owner(&domain, &id, "", "")?.user, watches)))
}

/// What `connection_watch.lua` answers.
pub(in crate::adapters::redis) fn watching(answer: Value) -> Result<Option<Watching>, Unavailable> {
    let mut items = list(answer)?;
    let Some(domain) = items.next() else { return Ok(None) };
    let (domain, id): (String, String) = (read(domain)?, next(&mut items)?);
    let (topics, until): (String, String) = (next(&mut items)?, next(&mut items)?);
    let (frame_wait_ms, expires_ms) = (next(&mut items)?, next(&mut items)?);
    let mut before = Vec::new();
    while let Some(conversation) = items.next() {
        let (conversation, users): (String, String) = (read(conversation)?, next(&mut items)?);
        before.push(watches_of(&conversation, &users));
    }
    Ok(Some(Watching {
        principal: owner(&domain, &id, &topics, &until)?,
        frame_wait_ms,
        before,
        expires_ms,
    }))
}

/// What `connection_type.lua` answers.
pub(in crate::adapters::redis) fn typing(answer: Value) -> Result<Option<Typing>, Unavailable> {
    let mut items = list(answer)?;
    let Some(domain) = items.next() else { return Ok(None) };
    let (domain, id): (String, String) = (read(domain)?, next(&mut items)?);
    let (topics, until): (String, String) = (next(&mut items)?, next(&mut items)?);
    Ok(Some(Typing {
        principal: owner(&domain, &id, &topics, &until)?,
        frame_wait_ms: next(&mut items)?,
        wait_ms: next(&mut items)?,
        is_news: next(&mut items)?,
    }))
}

/// What `conversation_watch.lua` answers.
pub(in crate::adapters::redis) fn is_member(answer: Value) -> Result<bool, StoreError> {
    match next(&mut list(answer)?)? {
        Value::BulkString(word) => Err(refusal(&word)),
        number => Ok(read(number)?),
    }
}

/// What `conversation_watchers.lua` answers.
pub(in crate::adapters::redis) fn watchers(answer: Value) -> Result<Vec<Watcher>, StoreError> {
    let watchers: Vec<String> = read(answer)?;
    match watchers.as_slice() {
        [word] if !word.contains(':') => Err(refusal(word.as_bytes())),
        _ => Ok(read_watchers(watchers)?),
    }
}

/// What `connection_open.lua` answers: until when the user is near a limit, the connections to end, and the watchers.
pub(in crate::adapters::redis) fn opened(answer: Value, active_ms: u64) -> Result<Opened, GateError> {
    let mut items = let_in(answer, "opened")?;
    let (near_until_ms, forgotten): (u64, Vec<String>) = (next(&mut items)?, next(&mut items)?);
    let ended = forgotten.iter().filter_map(|id| ConnectionId::parse(id).ok()).collect();
    let watchers = items.map(read::<String>).collect::<Result<_, _>>()?;
    Ok(Opened {
        near_until_ms,
        ended,
        watchers: read_watchers(watchers)?,
        active_ms,
    })
}

/// A number, and connections that watch.
pub(in crate::adapters::redis) fn numbered_watchers(answer: Value) -> Result<(u64, Vec<Watcher>), Unavailable> {
    let mut items = list(answer)?;
    let number = next(&mut items)?;
    let watchers = items.map(read::<String>).collect::<Result<_, _>>()?;
    Ok((number, read_watchers(watchers)?))
}

/// What `presence_read.lua` answers.
pub(in crate::adapters::redis) fn presence(answer: Value) -> Result<Presence, Unavailable> {
    let (has_written, is_member, online, active_ms): (bool, bool, bool, u64) = read(answer)?;
    Ok(Presence {
        has_written,
        is_member,
        online,
        active_ms: (active_ms > 0).then_some(active_ms),
    })
}

/// What `offline_take.lua` answers.
pub(in crate::adapters::redis) fn due(answer: Value, again_ms: u64) -> Result<Due, Unavailable> {
    let mut items = list(answer)?;
    let next_ms: u64 = next(&mut items)?;
    let user = |item| Id::parse(&read::<String>(item)?).map_err(|_| corrupt("a user who is due"));
    Ok(Due {
        users: items.map(user).collect::<Result<_, _>>()?,
        again_ms,
        next_ms: (next_ms > 0).then_some(next_ms),
    })
}

/// Connections as `watching` and `watchers` hold them: the connection, a colon, its user.
pub(in crate::adapters::redis) fn read_watchers(watchers: Vec<String>) -> Result<Vec<Watcher>, Unavailable> {
    let watcher = |text: String| {
        let (connection, user) = text.split_once(':').ok_or(corrupt("a watcher"))?;
        Ok(Watcher {
            user: Id::parse(user).map_err(|_| corrupt("a watcher's user"))?,
            connection: ConnectionId::parse(connection).map_err(|_| corrupt("a watcher's connection"))?,
        })
    };
    watchers.into_iter().map(watcher).collect()
}
