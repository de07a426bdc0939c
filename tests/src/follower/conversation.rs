//! What a client knows of one conversation: rules 1, 3 and 4 of `docs/clients.md`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::user::id_text;

/// How long a frame that does not link is kept: frames can overtake each other (rule 4).
pub(super) const LINK_KEPT: Duration = Duration::from_secs(1);

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
            ..Self::default()
        };
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

    /// Rule 1: live messages; one is seen if someone else has read up to it.
    pub(super) fn shown(&self) -> impl DoubleEndedIterator<Item = Value> {
        self.messages.iter().filter_map(|(seq, known)| {
            let mut message = known.message.clone()?;
            let author = id_text(&message["author"]);
            let is_seen = self.reads.iter().any(|(reader, read)| *reader != author && read >= seq);
            message.as_object_mut()?.remove("status");
            if is_seen {
                message["status"] = json!("seen");
            }
            Some(message)
        })
    }
}
