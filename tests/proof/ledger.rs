//! What the service has acknowledged, and so has to keep.

use std::collections::{BTreeMap, BTreeSet};

/// Everything that was acknowledged, by what it is about.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    /// Messages, by id.
    pub(crate) messages: BTreeMap<String, Acknowledged>,
    /// How far users have read, by conversation and user.
    pub(crate) read: BTreeMap<(String, u64), Read>,
    /// What was refused: the message, and the status.
    pub(crate) refused: Vec<(String, u64)>,
    /// Messages with which two different sends were answered.
    pub(crate) shared: Vec<String>,
    /// How much was acknowledged, by kind, and how often something had no answer and was asked again.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// An acknowledged message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) key: String,
    pub(crate) seq: u64,
    pub(crate) author: u64,
    pub(crate) text: String,
    /// Its acknowledged edits, by revision.
    pub(crate) edits: BTreeMap<u64, String>,
    pub(crate) deleted: bool,
}

impl Acknowledged {
    /// What its last acknowledged change has made it say.
    pub(crate) fn says(&self) -> &str {
        self.edits.last_key_value().map_or(&self.text, |(_, text)| text)
    }
}

/// How far a user has read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    /// What was acknowledged.
    pub(crate) up_to: u64,
    /// Positions of what was asked for more than once and refused in the end: an earlier asking may have done it.
    pub(crate) perhaps: BTreeSet<u64>,
}

impl Ledger {
    /// A send was acknowledged with this message.
    pub(crate) fn sent(&mut self, id: &str, (key, seq): (&str, u64), author: u64, text: &str) {
        self.count("sends");
        self.has_read(key, author, seq);
        let message = self.message(id);
        let was_sent = message.seq > 0;
        (message.key, message.seq) = (key.to_owned(), seq);
        (message.author, message.text) = (author, text.to_owned());
        if was_sent {
            self.shared.push(id.to_owned());
        }
    }

    /// An edit was acknowledged, which made this revision.
    pub(crate) fn edited(&mut self, id: &str, rev: u64, text: &str) {
        self.count("edits");
        self.message(id).edits.insert(rev, text.to_owned());
    }

    /// A deletion was acknowledged.
    pub(crate) fn deleted(&mut self, id: &str) {
        self.count("deletes");
        self.message(id).deleted = true;
    }

    /// That a user has seen everything up to a message was acknowledged.
    pub(crate) fn seen(&mut self, key: &str, seq: u64, by: u64) {
        self.count("seens");
        self.has_read(key, by, seq);
    }

    /// Something about a message was refused.
    pub(crate) fn refused(&mut self, id: &str, status: u64) {
        self.count("refused");
        self.refused.push((id.to_owned(), status));
    }

    /// An earlier asking of what was refused may have moved the user's read position to there.
    pub(crate) fn perhaps_read(&mut self, key: &str, by: u64, seq: u64) {
        self.read.entry((key.to_owned(), by)).or_default().perhaps.insert(seq);
    }

    /// A message can be changed before its sender has the answer: pushes may be faster.
    fn message(&mut self, id: &str) -> &mut Acknowledged {
        self.messages.entry(id.to_owned()).or_default()
    }

    fn has_read(&mut self, key: &str, by: u64, seq: u64) {
        let read = self.read.entry((key.to_owned(), by)).or_default();
        read.up_to = read.up_to.max(seq);
    }

    /// Something had to be asked for so many times more than once.
    pub(crate) fn asked_again(&mut self, times: u64) {
        *self.counts.entry("asked again").or_default() += times;
    }

    fn count(&mut self, kind: &'static str) {
        *self.counts.entry(kind).or_default() += 1;
    }
}
