//! Inboxes and their entries.

use serde::Serialize;

use super::answer::{ProfileJson, ReadSeq};
use super::message::{ConversationState, IdJson, MessageJson, Reader, Timestamp};
use crate::domain::{Conversation, Id, InboxWindow, Target, User, total_pages};
use crate::ports::{Inbox, InboxEntry, Listing};

#[derive(Debug, Serialize)]
struct ListState {
    key: String,
    page: Option<u64>,
    per_page: u64,
    total: u64,
    total_pages: u64,
    unread_total: u64,
    cursor: String,
    next: Option<String>,
}

/// The answer of the inbox.
#[derive(Debug, Serialize)]
pub struct ListAnswer {
    state: ListState,
    entries: Vec<EntryJson>,
}

/// An inbox entry.
#[derive(Debug, Serialize)]
pub(super) struct EntryJson {
    #[serde(rename = "type")]
    kind: &'static str,
    id: IdJson,
    latest: Option<MessageJson<IdJson>>,
    timestamp: EntryTimestamp,
    unread: u64,
    mentioned: u64,
    read: ReadSeq,
    rev: u64,
    #[serde(flatten)]
    settings: SettingsJson,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    left: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<ProfileJson>,
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<ProfileJson>,
}

#[derive(Debug, Serialize)]
struct SettingsJson {
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    muted: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    hidden: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pinned: bool,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum EntryTimestamp {
    Full(Timestamp),
    Milliseconds(u64),
}

impl EntryJson {
    /// An entry without the platform's objects.
    pub(super) fn new(entry: &InboxEntry, owner: &Id) -> Self {
        let (kind, id) = entry.target.parts();
        let latest = entry.latest.as_ref();
        Self {
            kind,
            id: IdJson(id.clone()),
            latest: latest.map(|latest| MessageJson::new(latest, Reader::new(owner, &entry.reads))),
            timestamp: EntryTimestamp::Full(Timestamp::from_ms(entry.activity_ms)),
            unread: entry.unread,
            mentioned: entry.mentioned,
            read: ReadSeq { seq: entry.read_seq },
            rev: entry.rev,
            settings: SettingsJson {
                muted: entry.settings.muted,
                hidden: entry.settings.hidden,
                pinned: entry.settings.pinned,
            },
            left: entry.left,
            user: None,
            topic: None,
        }
    }
}

/// A part of an inbox. Without profiles, entries are plain and their time is in milliseconds.
///
/// `state.next` is what to give as `before` for the next part; null at the end.
pub fn list(user: &User, window: &InboxWindow, inbox: &Inbox, listing: Option<&Listing>) -> ListAnswer {
    let page = window.page;
    let entry = |entry: &InboxEntry| {
        let plain = EntryJson::new(entry, &user.id);
        let Some(listing) = listing else {
            return EntryJson {
                timestamp: EntryTimestamp::Milliseconds(entry.activity_ms),
                ..plain
            };
        };
        let profile = Some(ProfileJson::of_target(&entry.target, listing));
        match entry.target {
            Target::User(_) => EntryJson { user: profile, ..plain },
            Target::Topic(_) => EntryJson {
                topic: profile,
                ..plain
            },
        }
    };
    ListAnswer {
        state: ListState {
            key: user.inbox_key(),
            page: window.after.is_none().then_some(page.number),
            per_page: page.per_page,
            total: inbox.total,
            total_pages: total_pages(inbox.total, page.per_page),
            unread_total: inbox.unread_total,
            cursor: inbox.cursor.to_string(),
            next: inbox.next.as_ref().map(ToString::to_string),
        },
        entries: inbox.entries.iter().map(entry).collect(),
    }
}

/// The answer to a change of a conversation's settings.
#[derive(Debug, Serialize)]
pub struct SettingsAnswer {
    state: ConversationState,
    entry: EntryJson,
}

impl SettingsAnswer {
    /// Shows the inbox entry to its owner.
    pub fn new(user: &User, entry: &InboxEntry) -> Self {
        Self {
            state: ConversationState::new(&Conversation::of(user, &entry.target), &user.id),
            entry: EntryJson::new(entry, &user.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::tests::{ann, id, listing};
    use super::*;
    use crate::domain::{Cursor, Page, Reads, Settings};
    use crate::wire::to_json;

    #[test]
    fn an_inbox_shows_users_and_topics_apart() {
        let entry = |target: Target| InboxEntry {
            target,
            latest: None,
            reads: Reads::default(),
            activity_ms: 0,
            unread: 0,
            mentioned: 0,
            read_seq: 0,
            settings: Settings::default(),
            left: false,
            rev: 1,
        };
        let inbox = Inbox {
            cursor: Cursor::default(),
            total: 3,
            unread_total: 0,
            entries: [Target::User(id("7")), Target::Topic(id("7")), Target::Topic(id("10"))]
                .map(entry)
                .into(),
            next: None,
        };
        let shown = |listing: Option<&Listing>| {
            let page = Page::parse(None, None).unwrap();
            to_json(&list(&ann(), &page.into(), &inbox, listing).entries)
        };
        insta::assert_snapshot!(shown(Some(&listing())), @r#"[{"type":"user","id":7,"latest":null,"timestamp":{"epoch":0,"iso":"1970-01-01T00:00:00.000Z"},"unread":0,"mentioned":0,"read":{"seq":0},"rev":1,"user":{"id":7,"username":"bob"}},{"type":"topic","id":7,"latest":null,"timestamp":{"epoch":0,"iso":"1970-01-01T00:00:00.000Z"},"unread":0,"mentioned":0,"read":{"seq":0},"rev":1,"topic":{"id":7,"title":"Cats"}},{"type":"topic","id":10,"latest":null,"timestamp":{"epoch":0,"iso":"1970-01-01T00:00:00.000Z"},"unread":0,"mentioned":0,"read":{"seq":0},"rev":1,"topic":{"id":10}}]"#);
        insta::assert_snapshot!(shown(None), @r#"[{"type":"user","id":7,"latest":null,"timestamp":0,"unread":0,"mentioned":0,"read":{"seq":0},"rev":1},{"type":"topic","id":7,"latest":null,"timestamp":0,"unread":0,"mentioned":0,"read":{"seq":0},"rev":1},{"type":"topic","id":10,"latest":null,"timestamp":0,"unread":0,"mentioned":0,"read":{"seq":0},"rev":1}]"#);
    }
}
