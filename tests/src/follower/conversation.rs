//! What a client knows of one conversation: rules 1, 3 and 4 of `docs/clients.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::user::id_text;

/// How long a frame that does not link is kept: frames can overtake each other (rule 4).
pub(super) const LINK_KEPT: Duration = Duration::from_secs(1);

/// How much of a text a reply to it shows, in characters (rule 1).
const EXCERPT_CHARS: usize = 100;

/// A step of a chain whose beginning is not known yet.
#[derive(Debug)]
pub(super) struct Link<T> {
    pub(super) from: T,
    pub(super) to: T,
    pub(super) until: Instant,
}

impl<T> Link<T> {
    pub(super) fn new(from: T, to: T) -> Self {
        let until = Instant::now() + LINK_KEPT;
        Self { from, to, until }
    }
}

/// A conversation, by its inbox key.
#[derive(Debug, Default)]
pub(super) struct Conversation {
    /// The revision up to which all is known.
    pub(super) rev: u64,
    /// A revision that was heard of: `changes` is owed while it is the newer one.
    pub(super) heard: u64,
    /// By position.
    pub(super) messages: BTreeMap<u64, Known>,
    /// The highest position that each user has read.
    reads: BTreeMap<String, u64>,
    pub(super) links: Vec<Link<u64>>,
    /// The highest revision with which the user was told of it as a member.
    told: u64,
    /// The revision with which the user has left it, as long as nothing newer was told.
    left: Option<u64>,
    /// How it stands in the user's inbox, if that is known.
    pub(super) settings: Option<Settings>,
    pub(super) members: Members,
}

/// How a conversation stands in its owner's inbox.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Its unread messages are left out of the inbox's total.
    pub muted: bool,
    /// The inbox does not show it until a new message comes.
    pub hidden: bool,
    /// It stands before those that are not pinned.
    pub pinned: bool,
}

impl Settings {
    /// Those of an inbox entry.
    pub fn of(entry: &Value) -> Self {
        Self {
            muted: entry["muted"] == true,
            hidden: entry["hidden"] == true,
            pinned: entry["pinned"] == true,
        }
    }
}

/// The members of a topic, for a client that shows them.
#[derive(Debug, Default)]
pub(super) struct Members {
    /// How often it was heard that there are others now.
    pub(super) heard: u64,
    /// How often that had been when those were asked for that are known.
    pub(super) loaded: u64,
    /// Their ids and roles.
    pub(super) known: BTreeMap<String, String>,
}

/// A message as of the revision that last changed it; `None` if it is deleted.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) id: String,
    rev: u64,
    message: Option<Value>,
}

impl Conversation {
    /// Rule 3: everything of it has to be loaded anew, up to that revision.
    pub(super) fn forget(&mut self, heard: u64) {
        *self = Self {
            heard,
            told: self.told,
            settings: self.settings,
            members: std::mem::take(&mut self.members),
            ..Self::default()
        };
        self.members.heard += 1;
    }

    /// Rule 2: the user was told of it as a member. Who has left is one again by a higher revision only. False if this is from before that.
    pub(super) fn told(&mut self, rev: u64) -> bool {
        if self.left.is_some_and(|left| rev <= left) {
            return false;
        }
        if self.left.take().is_some() {
            self.heard(rev);
            self.members.heard += 1;
        }
        self.told = self.told.max(rev);
        true
    }

    /// Rule 2: the user has left it, unless something newer was told.
    pub(super) fn leave(&mut self, rev: u64) {
        if rev >= self.told && self.left.is_none_or(|left| rev > left) {
            *self = Self {
                left: Some(rev),
                ..Self::default()
            };
        }
    }

    /// Whether the user has left it.
    pub(super) fn is_left(&self) -> bool {
        self.left.is_some()
    }

    /// Whether a user is among the members that were loaded.
    pub(super) fn knows_member(&self, user: &Value) -> bool {
        self.members.known.contains_key(&id_text(user))
    }

    /// The highest position that a user has read.
    pub(super) fn read_by(&self, reader: &str) -> u64 {
        self.reads.get(reader).copied().unwrap_or_default()
    }

    pub(super) fn heard(&mut self, rev: u64) {
        self.heard = self.heard.max(rev);
    }

    /// Rules 1 and 4: takes a message if it is newer than what is known of it. One that is not known although everything up to its revision is
    /// was deleted.
    pub(super) fn take(&mut self, entry: &Value, rev: u64) {
        let (Some(seq), Some(id)) = (entry["seq"].as_u64(), entry["id"].as_str()) else {
            return;
        };
        let is_live = entry["author"] != Value::Null;
        let known = self.messages.get(&seq);
        if known.is_some_and(|known| known.id != id) {
            // The position was given again: the store has lost the message that stood there.
            self.forget(rev.max(self.heard));
            return;
        }
        if rev > known.map_or(self.rev, |known| known.rev) {
            let known = Known {
                id: id.to_owned(),
                rev,
                message: is_live.then(|| entry.clone()),
            };
            self.messages.insert(seq, known);
        }
        // Also an older state says that its author has read up to there.
        if is_live {
            self.has_read(&id_text(&entry["author"]), seq);
        }
    }

    /// Rule 1: read positions only grow.
    pub(super) fn has_read(&mut self, reader: &str, seq: u64) {
        let position = self.reads.entry(reader.to_owned()).or_default();
        *position = seq.max(*position);
    }

    /// Rule 4: a change that follows on what is known makes its revision the known one.
    pub(super) fn close_chain(&mut self) {
        while let Some(next) = self.links.iter().position(|link| link.from <= self.rev) {
            let link = self.links.swap_remove(next);
            if link.from < self.rev && link.to > self.rev {
                self.forget(link.to);
            } else {
                self.rev = self.rev.max(link.to);
            }
        }
    }

    /// Rule 1: live messages. In a direct conversation one is seen if someone else has read up to it.
    pub(super) fn shown(&self, is_direct: bool) -> impl DoubleEndedIterator<Item = Value> {
        self.messages.iter().filter_map(move |(seq, known)| {
            let mut message = known.message.clone()?;
            let author = id_text(&message["author"]);
            let is_seen = self.reads.iter().any(|(reader, read)| *reader != author && read >= seq);
            message.as_object_mut()?.remove("status");
            if is_direct && is_seen {
                message["status"] = json!("seen");
            }
            if message["reply_to"].is_object() {
                self.renew(&mut message["reply_to"]);
            }
            Some(message)
        })
    }

    /// Rule 1: what a reply shows of a message is of one of that message's revisions; the client may know a newer one.
    fn renew(&self, reply_to: &mut Value) {
        let quoted = reply_to["seq"].as_u64().and_then(|seq| self.messages.get(&seq));
        let newer = |known: &&Known| reply_to["rev"].as_u64().is_some_and(|rev| known.rev > rev);
        let Some(quoted) = quoted.filter(|known| reply_to["id"] == known.id).filter(newer) else {
            return;
        };
        match &quoted.message {
            Some(message) => {
                let text = message["text"].as_str().unwrap_or_default();
                reply_to["excerpt"] = json!(text.chars().take(EXCERPT_CHARS).collect::<String>());
                reply_to["rev"] = json!(quoted.rev);
            }
            None => *reply_to = json!({"id": quoted.id, "seq": reply_to["seq"], "deleted": true}),
        }
    }
}
