//! What a client has missed: inbox entries, and messages of one conversation. A page ends where a frame is full, and says from where the next one goes on.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use super::inbox::EntryJson;
use super::message::{ConversationState, IdJson, MessageJson, Reader};
use super::to_json;
use crate::domain::{ConnectionId, Conversation, Reads, User};
use crate::ports::{ChangedEntries, Changes};

/// The inbox entries that changed: the result of `hello` and of `sync`.
#[derive(Debug, Serialize)]
pub struct SyncAnswer {
    user: IdJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    connection_id: Option<String>,
    cursor: String,
    recovered: bool,
    unread_total: u64,
    entries: Vec<Box<RawValue>>,
    more: bool,
}

impl SyncAnswer {
    /// Shows as many of the entries as fit into so many bytes, but at least one.
    pub fn new(user: &User, changed: &ChangedEntries, bytes: usize) -> Self {
        let all = changed.entries.iter();
        let shown = fitting(all.map(|(_, entry)| to_json(&EntryJson::new(entry, &user.id))), bytes);
        let (cursor, more) = match changed.entries.get(shown.len().saturating_sub(1)) {
            Some((cursor, _)) if shown.len() < changed.entries.len() => (*cursor, true),
            _ => (changed.cursor, changed.more),
        };
        Self {
            user: IdJson(user.id.clone()),
            connection_id: None,
            cursor: cursor.to_string(),
            recovered: changed.recovered,
            unread_total: changed.unread_total,
            entries: shown,
            more,
        }
    }

    /// The same, for the client at the other end of this connection.
    #[must_use]
    pub fn over(mut self, connection: &ConnectionId) -> Self {
        self.connection_id = Some(connection.to_string());
        self
    }
}

/// What changed in a conversation since a revision.
#[derive(Debug, Serialize)]
pub struct ChangesAnswer {
    state: ConversationState,
    messages: Vec<Box<RawValue>>,
    deleted: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    read: BTreeMap<String, u64>,
    /// Members have come, left or got another role.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    members: bool,
    more: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    reset: bool,
}

#[derive(Serialize)]
struct DeletedJson {
    id: String,
    seq: u64,
    rev: u64,
}

impl ChangesAnswer {
    /// Shows as many of the messages as fit into so many bytes, but at least one. A message shows no `status` here: `read` tells it of all.
    pub fn new(user: &User, conversation: &Conversation, changes: &Changes, bytes: usize) -> Self {
        let nobody = Reads::default();
        let json = changes.messages.iter().map(|stored| match &stored.message {
            Some(message) => to_json(&MessageJson::new(message, Reader::new(&user.id, &nobody))),
            // Also of a message that is left out below: its place in the page counts.
            None => to_json(&DeletedJson {
                id: stored.id.to_string(),
                seq: stored.id.seq,
                rev: stored.rev,
            }),
        });
        let fitting = fitting(json, bytes);
        let (rev, more) = match changes.messages.get(fitting.len().saturating_sub(1)) {
            Some(last) if fitting.len() < changes.messages.len() => (last.rev, true),
            _ => (changes.rev, changes.more),
        };
        let mut shown: Vec<_> = changes.messages.iter().zip(fitting).collect();
        shown.sort_by_key(|(stored, _)| stored.id.seq);
        // A message of a newer release, of which this one can show nothing, is not a deleted one.
        shown.retain(|(stored, _)| stored.deleted || stored.message.is_some());
        let (messages, deleted): (Vec<_>, Vec<_>) = shown.into_iter().partition(|(stored, _)| stored.message.is_some());
        let json = |shown: Vec<(_, Box<RawValue>)>| shown.into_iter().map(|(_, json)| json).collect();
        Self {
            state: ConversationState::new(conversation, &user.id).at(rev, None),
            messages: json(messages),
            deleted: json(deleted),
            read: changes.reads.0.iter().map(|(id, seq)| (id.to_string(), *seq)).collect(),
            // The two of a direct conversation are always the same.
            members: changes.members && !conversation.is_direct(),
            more,
            reset: changes.reset,
        }
    }
}

/// The first of these JSON texts, as many as fit, but at least one.
pub(super) fn fitting(json: impl Iterator<Item = String>, bytes: usize) -> Vec<Box<RawValue>> {
    let (mut length, mut fitting) = (0, Vec::new());
    for json in json {
        length += json.len() + 1;
        if length > bytes && !fitting.is_empty() {
            break;
        }
        fitting.extend(RawValue::from_string(json).ok());
    }
    fitting
}
