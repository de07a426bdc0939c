//! What the scripts of connections and signals answer.

use redis::Value;

use super::{corrupt, list, next, read, refusal};
use crate::domain::{ConnectionId, Domain, Id, Principal, Target, TopicClaim, User, Watcher};
use crate::ports::{Due, Opened, Presence, StoreError, Typing, Unavailable, Watches, Watching};

/// What HMGET answers for a connection.
pub(in crate::adapters::redis) fn principal(answer: Value) -> Result<Option<Principal>, Unavailable> {
    let (domain, id, topics, until): (Option<String>, Option<String>, Option<String>, Option<String>) = read(answer)?;
    let (Some(domain), Some(id)) = (domain, id) else {
        return Ok(None);
    };
    owner(&domain, &id, &topics.unwrap_or_default(), &until.unwrap_or_default()).map(Some)
}

fn owner(domain: &str, id: &str, topics: &str, until: &str) -> Result<Principal, Unavailable> {
    let domain = Domain::parse(domain).map_err(|_| corrupt("a connection's domain"))?;
    let id = Id::parse(id).map_err(|_| corrupt("a connection's user"))?;
    Ok(Principal {
        user: User { domain, id },
        topics: TopicClaim::stored(topics),
        until_ms: until.parse().ok(),
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
    let expires_ms = next(&mut items)?;
    let mut before = Vec::new();
    while let Some(conversation) = items.next() {
        let (conversation, users): (String, String) = (read(conversation)?, next(&mut items)?);
        before.push(watches_of(&conversation, &users));
    }
    Ok(Some(Watching {
        principal: owner(&domain, &id, &topics, &until)?,
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

/// What `connection_open.lua` answers: whether it is recorded, which are forgotten, and who watches.
pub(in crate::adapters::redis) fn opened(answer: Value, active_ms: u64) -> Result<Opened, Unavailable> {
    let mut items = list(answer)?;
    let (accepted, forgotten): (bool, Vec<String>) = (next(&mut items)?, next(&mut items)?);
    let overdue = forgotten.iter().filter_map(|id| ConnectionId::parse(id).ok()).collect();
    let watchers = items.map(read::<String>).collect::<Result<_, _>>()?;
    Ok(Opened {
        accepted,
        overdue,
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
