//! What the scripts and commands of erasures answer.

use std::collections::HashMap;

use redis::Value;

use super::{corrupt, list, next, read, stored};
use crate::domain::{DirectConversations, Erasure, ErasureState, Id, Target, TimePlace};
use crate::ports::{Part, Unavailable, Written};

/// The fields of an erasure; `None` without any.
pub(in crate::adapters::redis) fn erasure(answer: Value) -> Result<Option<Erasure>, Unavailable> {
    let fields: HashMap<String, String> = read(answer)?;
    let field = |name: &str| fields.get(name).map(String::as_str).filter(|value| !value.is_empty());
    let Some(state) = field("state") else {
        return Ok(None);
    };
    let number = |name: &str| field(name).and_then(|value| value.parse().ok()).unwrap_or(0);
    Ok(Some(Erasure {
        job: field("job").unwrap_or_default().to_owned(),
        state: ErasureState::parse(state).ok_or(corrupt("the state of an erasure"))?,
        conversations: field("conversations")
            .and_then(DirectConversations::parse)
            .unwrap_or_default(),
        asked_ms: number("asked"),
        at: field("at")
            .and_then(Target::from_inbox_key)
            .map(|target| (target, number("seq"))),
        reports: field("reports").and_then(|place| TimePlace::parse(place).ok()),
    }))
}

/// The first conversation of a user's list, if there is one.
pub(in crate::adapters::redis) fn first_conversation(answer: Value) -> Result<Option<Target>, Unavailable> {
    let names: Vec<String> = read(answer)?;
    let name = |name: &String| Target::from_inbox_key(name).ok_or(corrupt("the name of a conversation"));
    names.first().map(name).transpose()
}

/// A list of users.
pub(in crate::adapters::redis) fn users(answer: Value) -> Result<Vec<Id>, Unavailable> {
    let names: Vec<String> = read(answer)?;
    let id = |name: &String| Id::parse(name).map_err(|_| corrupt("a user"));
    names.iter().map(id).collect()
}

/// What `user_records_read.lua` answers.
pub(in crate::adapters::redis) fn written(after: u64, answer: Value) -> Result<Written, Unavailable> {
    let mut items = list(answer)?;
    let part = Part {
        after,
        up_to: next(&mut items)?,
        more: next(&mut items)?,
    };
    Ok(Written {
        messages: stored(items)?,
        part,
    })
}

/// Reports as they are packed, each after its id.
type Packed = Vec<(String, Vec<u8>)>;

/// What `reports_read.lua` answers: packed reports, and the place after them if more follow.
pub(in crate::adapters::redis) fn packed_reports(answer: Value) -> Result<(Packed, Option<TimePlace>), Unavailable> {
    let mut items = list(answer)?;
    let more: bool = next(&mut items)?;
    let (mut reports, mut last) = (Vec::new(), None);
    while let Some(name) = items.next() {
        let (name, ms): (String, u64) = (read(name)?, next(&mut items)?);
        reports.push((name.clone(), next(&mut items)?));
        last = Some(TimePlace { ms, name });
    }
    Ok((reports, last.filter(|_| more)))
}
