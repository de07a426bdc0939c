//! What `senna chat` knows of its conversation: rules 1 to 4 of `docs/clients.md`, without a network.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::time::Instant;

/// How long a frame that does not link is kept: frames can overtake each other (rule 4).
const LINK_KEPT: Duration = Duration::from_secs(1);

/// How much of a text a reply to it shows, in characters (rule 1).
const EXCERPT_CHARS: usize = 100;

/// The newest revision that can be asked for: 2^53 - 1.
pub(super) const NEWEST_REV: u64 = (1 << 53) - 1;

/// A step of a chain whose beginning is not known yet.
#[derive(Debug)]
struct Link<T> {
    from: T,
    to: T,
    until: Instant,
}

impl<T> Link<T> {
    fn new(from: T, to: T) -> Self {
        let until = Instant::now() + LINK_KEPT;
        Self { from, to, until }
    }
}

/// A message as of the revision that last changed it; without a message it is deleted.
#[derive(Debug)]
struct Known {
    id: String,
    rev: u64,
    message: Option<Value>,
}

/// One conversation as one user knows it, and the user's place in the order of the inbox.
#[derive(Debug)]
pub(super) struct Replica {
    me: String,
    /// As frames name the conversation: `user-2`, `topic-7`.
    key: String,
    cursor: Option<String>,
    cursor_links: Vec<Link<String>>,
    /// The revision up to which all is known; `None` until the conversation is loaded.
    rev: Option<u64>,
    /// The newest revision that was heard of: `changes` is owed while it is newer than `rev`.
    heard: u64,
    rev_links: Vec<Link<u64>>,
    /// By position.
    messages: BTreeMap<u64, Known>,
    /// The highest position that each user has read.
    reads: BTreeMap<String, u64>,
    /// The highest revision with which the user was told of the conversation as a member.
    told: u64,
    /// The revision with which the user has left it.
    left: Option<u64>,
    /// Positions at which something may be new on the screen.
    changed: BTreeSet<u64>,
}

/// The user's own write, as far as its answer does not say what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Own<'a> {
    /// A send: whoever sends is a member.
    Send,
    /// The deletion of the message with this id.
    Delete(&'a str),
    /// The answer says all.
    Other,
}

/// Whether a user is a member by what was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Membership {
    /// It was older than what is known, or changes nothing.
    Same,
    /// The user has left, or was removed.
    Ended,
}

/// An id, which may be a number or a string, as it stands in keys.
pub(super) fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// The id of an author, which a history names by an object.
pub(super) fn author(message: &Value) -> String {
    let author = field(message, "author");
    id_text(author.get("id").unwrap_or(author))
}

/// What a field holds; null if it isn't there.
pub(super) fn field<'a>(value: &'a Value, name: &str) -> &'a Value {
    static NULL: Value = Value::Null;
    value.get(name).unwrap_or(&NULL)
}

/// A field that is a whole number.
pub(super) fn number(value: &Value, name: &str) -> Option<u64> {
    field(value, name).as_u64()
}

/// A field that is a text.
pub(super) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    field(value, name).as_str()
}

impl Replica {
    /// The user `me` knows nothing yet of the conversation with this inbox key.
    pub(super) fn new(me: &str, key: &str) -> Self {
        Self {
            me: me.to_owned(),
            key: key.to_owned(),
            cursor: None,
            cursor_links: Vec::new(),
            rev: None,
            heard: 0,
            rev_links: Vec::new(),
            messages: BTreeMap::new(),
            reads: BTreeMap::new(),
            told: 0,
            left: None,
            changed: BTreeSet::new(),
        }
    }

    /// Who knows this.
    pub(super) fn me(&self) -> &str {
        &self.me
    }

    pub(super) fn is_me(&self, user: &str) -> bool {
        self.me == user
    }

    /// The first `hello` says who the token is of.
    pub(super) fn set_me(&mut self, me: String) {
        self.me = me;
    }

    /// Rule 2: what `hello` gives as `since`; nothing before the conversation is loaded.
    pub(super) fn since(&self) -> Option<&str> {
        self.cursor().filter(|_| self.is_loaded())
    }

    pub(super) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    pub(super) fn is_loaded(&self) -> bool {
        self.rev.is_some()
    }

    /// What `changes` is asked with.
    pub(super) fn since_rev(&self) -> u64 {
        self.rev.unwrap_or_default()
    }

    /// Rule 3: the revision from which `changes` must be asked, if something newer was heard of.
    pub(super) fn owed(&self) -> Option<u64> {
        self.rev.filter(|rev| self.heard > *rev)
    }

    /// Whether everything that was heard of is known, in order: nothing waits for what overtook it.
    pub(super) fn is_settled(&self) -> bool {
        self.is_loaded() && self.owed().is_none() && self.rev_links.is_empty()
    }

    /// Rules 2 and 3: everything has to be loaded anew.
    pub(super) fn forget(&mut self) {
        self.rev = None;
        self.rev_links.clear();
        self.messages.clear();
        self.reads.clear();
        self.changed.clear();
    }

    /// Rule 2: takes the answer to a `hello` or `sync`.
    pub(super) fn caught_up(&mut self, answer: &Value) -> Membership {
        let mut membership = Membership::Same;
        if field(answer, "recovered") == false {
            self.forget();
            (self.told, self.left) = (0, None);
        }
        for entry in list(answer, "entries") {
            let (Some(kind), Some(rev)) = (text(entry, "type"), number(entry, "rev")) else {
                continue;
            };
            if format!("{kind}-{}", id_text(field(entry, "id"))) != self.key {
                continue;
            }
            if field(entry, "left") == true {
                membership = self.leave(rev);
            } else {
                self.tell(rev);
                self.heard = self.heard.max(rev);
                let me = self.me.clone();
                self.has_read(&me, number(field(entry, "read"), "seq").unwrap_or_default());
            }
        }
        if let Some(cursor) = text(answer, "cursor") {
            self.cursor = Some(cursor.to_owned());
            self.close_cursors();
        }
        membership
    }

    /// Rule 3: takes the newest page of the history, or with no messages the revision from which on everything is told.
    pub(super) fn loaded(&mut self, rev: u64, messages: &[Value]) {
        self.forget();
        self.rev = Some(rev);
        self.older(messages);
        self.close_revs();
    }

    /// Takes an older page of the history, which moves nothing.
    pub(super) fn older(&mut self, messages: &[Value]) {
        for message in messages {
            let (Some(seq), Some(id)) = (number(message, "seq"), text(message, "id")) else {
                continue;
            };
            let (rev, author) = (number(message, "rev").unwrap_or_default(), author(message));
            if self.messages.get(&seq).is_none_or(|known| known.rev < rev) {
                let message = Some(message.clone());
                let id = id.to_owned();
                self.messages.insert(seq, Known { id, rev, message });
                self.changed.insert(seq);
            }
            // A page shows how far the other side has read by what is seen.
            if let Some(other) = self.other().filter(|_| text(message, "status") == Some("seen"))
                && author == self.me
            {
                self.has_read(&other, seq);
            }
            self.has_read(&author, seq);
        }
    }

    /// Rule 3: takes a page of changes since a revision.
    pub(super) fn changed(&mut self, since: u64, answer: &Value) {
        let (Some(rev), Some(known)) = (number(field(answer, "state"), "rev"), self.rev) else {
            return;
        };
        if field(answer, "reset") == true {
            self.forget();
            return;
        }
        if since > known {
            return;
        }
        for entry in ["messages", "deleted"].iter().flat_map(|name| list(answer, name)) {
            self.take(entry, number(entry, "rev").unwrap_or_default());
        }
        for (reader, seq) in field(answer, "read").as_object().into_iter().flatten() {
            self.has_read(reader, seq.as_u64().unwrap_or_default());
        }
        // Taking them may have shown that the store was set back.
        let Some(known) = self.rev else { return };
        let known = known.max(rev);
        self.rev = Some(known);
        if field(answer, "more") == true {
            self.heard = self.heard.max(known + 1);
        } else {
            // The answer is of now: a revision that was heard of and is not in it was heard of in vain.
            self.heard = known;
        }
        self.close_revs();
    }

    /// Rule 4: takes a pushed frame, whichever conversation it is of.
    pub(super) fn pushed(&mut self, frame: &Value) -> Membership {
        let mut membership = Membership::Same;
        let data = field(frame, "data");
        let state = field(data, "state");
        if text(state, "inbox_key") == Some(&self.key) {
            let user = id_text(field(data, "user"));
            let (event, rev) = (text(frame, "event"), number(state, "rev"));
            match (event, rev) {
                (Some("member.left"), Some(rev)) if user == self.me => membership = self.leave(rev),
                (_, Some(rev)) => self.tell(rev),
                _ => {}
            }
            if let Some(seq) = number(field(data, "read"), "seq") {
                self.has_read(&user, seq);
            }
            self.link(state, field(data, "entry"));
        }
        self.place(frame);
        membership
    }

    /// Rule 4: takes the answer to the user's own write.
    pub(super) fn answered(&mut self, frame: &Value, own: Own<'_>) {
        let result = field(frame, "result");
        let state = field(result, "state");
        let mut entry = field(result, "entry").clone();
        match own {
            Own::Send => self.tell(number(state, "rev").unwrap_or_default()),
            Own::Delete(id) => {
                if let Some((seq, _)) = self.messages.iter().find(|(_, known)| known.id == id) {
                    entry = json!({"id": id, "seq": seq, "deleted": true});
                }
            }
            Own::Other => {}
        }
        if let Some(seq) = number(field(result, "read"), "seq") {
            let me = self.me.clone();
            self.has_read(&me, seq);
        }
        self.link(state, &entry);
        self.place(frame);
    }

    /// Takes the message of a frame or an answer, and links its revision.
    fn link(&mut self, state: &Value, entry: &Value) {
        let Some(rev) = number(state, "rev") else { return };
        if !self.is_loaded() {
            self.heard = self.heard.max(rev);
            return;
        }
        if entry.is_object() {
            self.take(entry, number(entry, "rev").unwrap_or(rev));
        }
        // Without the revision before it, it changed nothing, or links to nothing.
        let from = number(state, "prev_rev").unwrap_or(u64::MAX);
        self.rev_links.push(Link::new(from, rev));
        self.close_revs();
    }

    /// Rules 1 and 4: takes a message if it is newer than what is known of it. One that is not known although everything up to its
    /// revision is stands on an older page, or was deleted.
    fn take(&mut self, entry: &Value, rev: u64) {
        let (Some(seq), Some(id), Some(known_rev)) = (number(entry, "seq"), text(entry, "id"), self.rev) else {
            return;
        };
        let known = self.messages.get(&seq);
        if known.is_some_and(|known| known.id != id) {
            // The position was given again: the store has lost the message that stood there.
            self.heard = self.heard.max(rev);
            self.forget();
            return;
        }
        let is_live = field(entry, "deleted") != true && !field(entry, "author").is_null();
        if rev > known.map_or(known_rev, |known| known.rev) {
            let message = is_live.then(|| entry.clone());
            let id = id.to_owned();
            self.messages.insert(seq, Known { id, rev, message });
            self.changed.insert(seq);
        }
        if is_live {
            self.has_read(&author(entry), seq);
        }
    }

    /// Rule 1: read positions only grow.
    fn has_read(&mut self, reader: &str, seq: u64) {
        let position = self.reads.entry(reader.to_owned()).or_default();
        *position = seq.max(*position);
    }

    fn tell(&mut self, rev: u64) {
        if self.left.is_none_or(|left| rev > left) {
            self.left = None;
            self.told = self.told.max(rev);
        }
    }

    /// Rule 2: the user has left, unless something newer was told.
    fn leave(&mut self, rev: u64) -> Membership {
        if rev < self.told || self.left.is_some_and(|left| rev <= left) {
            return Membership::Same;
        }
        self.left = Some(rev);
        Membership::Ended
    }

    fn place(&mut self, frame: &Value) {
        if let (Some(prev), Some(cursor)) = (text(frame, "prev"), text(frame, "cursor")) {
            self.cursor_links.push(Link::new(prev.to_owned(), cursor.to_owned()));
            self.close_cursors();
        }
    }

    fn close_cursors(&mut self) {
        let is_next = |link: &Link<String>, cursor: Option<&str>| Some(link.from.as_str()) == cursor;
        while let Some(next) = self
            .cursor_links
            .iter()
            .position(|link| is_next(link, self.cursor.as_deref()))
        {
            self.cursor = Some(self.cursor_links.swap_remove(next).to);
        }
    }

    fn close_revs(&mut self) {
        while let Some(rev) = self.rev {
            let follows = |link: &Link<u64>| link.from <= rev || link.to <= rev;
            let Some(next) = self.rev_links.iter().position(follows) else {
                return;
            };
            let Link { from, to, .. } = self.rev_links.swap_remove(next);
            if to <= rev {
                continue;
            }
            if from < rev {
                // The store was set back, and went on from there.
                self.heard = self.heard.max(to);
                self.forget();
            } else {
                self.rev = Some(to);
            }
        }
    }

    /// When the first frame that does not link has waited long enough.
    pub(super) fn next_gap(&self) -> Option<Instant> {
        let revs = self.rev_links.iter().map(|link| link.until);
        revs.chain(self.cursor_links.iter().map(|link| link.until)).min()
    }

    /// Rule 4: lets go of frames that have waited long enough: the conversation owes `changes` then. True if the cursor owes a `sync`.
    pub(super) fn has_gap(&mut self, now: Instant) -> bool {
        for link in self.rev_links.extract_if(.., |link| link.until <= now) {
            self.heard = self.heard.max(link.to);
        }
        let before = self.cursor_links.len();
        self.cursor_links.retain(|link| link.until > now);
        self.cursor_links.len() < before
    }

    /// The user on the other side of a direct conversation.
    pub(super) fn other(&self) -> Option<String> {
        self.key.strip_prefix("user-").map(str::to_owned)
    }

    /// How far the other side of a direct conversation has read.
    pub(super) fn read_by_other(&self) -> u64 {
        let position = self.other().and_then(|other| self.reads.get(&other).copied());
        position.unwrap_or_default()
    }

    /// Positions at which something may have changed since this was asked.
    pub(super) fn take_changed(&mut self) -> BTreeSet<u64> {
        std::mem::take(&mut self.changed)
    }

    /// Whether the message with this id is at that position; `None` if nothing is known of it.
    pub(super) fn id_at(&self, seq: u64) -> Option<&str> {
        self.messages.get(&seq).map(|known| known.id.as_str())
    }

    /// The live message at a position, with a fresh excerpt if it is a reply.
    pub(super) fn message(&self, seq: u64) -> Option<Value> {
        let mut message = self.messages.get(&seq)?.message.clone()?;
        if let Some(reply_to) = message.get_mut("reply_to").filter(|quoted| quoted.is_object()) {
            self.renew(reply_to);
        }
        Some(message)
    }

    /// Rule 1: what a reply shows of a message is of one of that message's revisions; a newer one may be known.
    fn renew(&self, reply_to: &mut Value) {
        let quoted = number(reply_to, "seq").and_then(|seq| self.messages.get(&seq));
        let newer = |known: &&Known| number(reply_to, "rev").is_some_and(|rev| known.rev > rev);
        let is_it = |known: &&Known| text(reply_to, "id") == Some(&known.id);
        let Some(quoted) = quoted.filter(is_it).filter(newer) else {
            return;
        };
        let mut renewed = reply_to.clone();
        if let Some(fields) = renewed.as_object_mut() {
            match &quoted.message {
                Some(message) => {
                    let excerpt = text(message, "text").unwrap_or_default();
                    let excerpt: String = excerpt.chars().take(EXCERPT_CHARS).collect();
                    fields.insert("excerpt".to_owned(), json!(excerpt));
                }
                None => {
                    fields.insert("deleted".to_owned(), json!(true));
                }
            }
        }
        *reply_to = renewed;
    }

    /// The newest live message that is, or is not, the user's own: its position and id.
    pub(super) fn newest(&self, own: bool) -> Option<(u64, &str)> {
        let mut live = self.messages.iter().rev().filter_map(|(seq, known)| {
            let message = known.message.as_ref()?;
            let is_own = author(message) == self.me;
            (is_own == own && field(message, "system") != true).then_some((*seq, known.id.as_str()))
        });
        live.next()
    }

    /// The user has read all there is, as far as this program needs to know.
    pub(super) fn reads_up_to_newest(&mut self) {
        if let Some((seq, _)) = self.unread() {
            let me = self.me.clone();
            self.has_read(&me, seq);
        }
    }

    /// The newest message of others that the user has not read, as far as is known: its position and id.
    pub(super) fn unread(&self) -> Option<(u64, &str)> {
        let read = self.reads.get(&self.me).copied().unwrap_or_default();
        self.newest(false).filter(|(seq, _)| *seq > read)
    }
}

/// The items of a field that is a list.
pub(super) fn list<'a>(value: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    field(value, name).as_array().into_iter().flatten()
}

#[cfg(test)]
mod tests;
