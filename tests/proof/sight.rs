//! What can be seen of conversations, by fresh clients and by those that went through it all.

use std::collections::{BTreeMap, BTreeSet};

use crate::ledger::Setting;

/// A message as a client shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) text: String,
    pub(crate) seen: bool,
    pub(crate) reply_to: Option<Reply>,
    pub(crate) mentions: Vec<u64>,
    pub(crate) reactions: Vec<Reacted>,
    /// Those of the reader.
    pub(crate) mine: BTreeSet<String>,
    /// Whether it shows what its author's client calls it.
    pub(crate) is_named: bool,
}

impl Shown {
    /// The same without what only its reader is shown.
    pub(crate) fn to_all(&self) -> Self {
        Self {
            mine: BTreeSet::new(),
            is_named: false,
            ..self.clone()
        }
    }

    /// The same as an inbox shows it.
    pub(crate) fn in_inbox(&self) -> Self {
        Self {
            mine: BTreeSet::new(),
            reactions: Vec::new(),
            ..self.clone()
        }
    }
}

/// What a reply shows of the message that it replies to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) id: String,
    /// `None` if it is deleted.
    pub(crate) excerpt: Option<String>,
}

/// A reaction to a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reacted {
    pub(crate) reaction: String,
    pub(crate) count: u64,
    pub(crate) users: Vec<u64>,
}

/// A conversation in an inbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) latest: Option<Shown>,
    pub(crate) unread: u64,
    pub(crate) mentioned: u64,
    pub(crate) standing: Standing,
}

/// How a conversation stands in an inbox, and how far its owner has read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) settings: BTreeSet<Setting>,
    pub(crate) read: u64,
}

/// What a fresh client of a user loads of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fresh {
    /// `state.total` of its history.
    pub(crate) total: u64,
    pub(crate) messages: Vec<Shown>,
    /// `None` if it is not in the inbox.
    pub(crate) entry: Option<Entry>,
}

/// What a client that went through it all shows of a conversation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct View {
    pub(crate) messages: Vec<Shown>,
    /// `None` if it is not in the inbox.
    pub(crate) standing: Option<Standing>,
    /// The members of a topic, if the client shows them.
    pub(crate) members: Option<BTreeSet<u64>>,
    /// What its line in the inbox says, if the client keeps an inbox.
    pub(crate) line: Option<Line>,
}

/// What a client's inbox says of a conversation beside how it stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) unread: u64,
    pub(crate) mentioned: u64,
    /// The id and the text of the newest message.
    pub(crate) latest: Option<(String, String)>,
}

impl Line {
    /// What it says if it is right.
    pub(crate) fn of(entry: &Entry) -> Self {
        let latest = entry.latest.as_ref();
        Self {
            unread: entry.unread,
            mentioned: entry.mentioned,
            latest: latest.map(|latest| (latest.id.clone(), latest.text.clone())),
        }
    }
}

/// What stands over a user's inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) total: u64,
    pub(crate) hidden: u64,
    pub(crate) unread: u64,
}

/// All that can be seen after the clients have come to rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// By user, then by conversation.
    pub(crate) fresh: BTreeMap<u64, BTreeMap<String, Fresh>>,
    /// Members of topics.
    pub(crate) members: BTreeMap<String, BTreeSet<u64>>,
    pub(crate) inboxes: BTreeMap<u64, Totals>,
    /// What each client shows: its name, its user, the conversation.
    pub(crate) clients: BTreeMap<(String, u64, String), View>,
    /// Connection ids in Redis that no client has.
    pub(crate) dead_connections: Vec<String>,
}
