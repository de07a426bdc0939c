//! What a client knows, and how it takes what it hears: rules 1 to 4 of `docs/clients.md`, without a network.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::Instant;

pub use super::conversation::Settings;
use super::conversation::{Conversation, Link};
use crate::user::id_text;

/// A client's own copy of its conversations. It shows all of them, also hidden ones.
#[derive(Debug, Default)]
pub struct Replica {
    me: String,
    cursor: Option<String>,
    loaded: bool,
    /// Frames that do not link yet, and what each does to the inbox.
    links: Vec<(Link<String>, News)>,
    conversations: BTreeMap<String, Conversation>,
}

/// What a frame says of the inbox alone. That has no revision, so it counts in the order of the cursor.
#[derive(Debug)]
enum News {
    /// Nothing.
    None,
    /// How a conversation stands there.
    Settings(String, Settings),
    /// A new message, which brings back a hidden conversation.
    Message(String),
}

/// A client's own write, as far as its answer does not say what it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Own<'a> {
    /// A send, or a join: whoever does it is a member.
    Member,
    /// The user has seen the message of the answer.
    Seen,
    /// The user has deleted the message with this id.
    Deleted(&'a str),
    /// The answer says all.
    Other,
}

/// What a client asks next about a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Owed {
    /// Its inbox key.
    pub key: String,
    /// `since`.
    pub rev: u64,
    /// The revision that was heard of.
    heard: u64,
}

impl Replica {
    /// That of a user, who knows nothing yet.
    pub fn of(me: &str) -> Self {
        let me = me.to_owned();
        Self { me, ..Self::default() }
    }

    /// What `hello` gives as `since`: the cursor, once the inbox was loaded under it.
    pub fn since(&self) -> Option<&str> {
        self.cursor().filter(|_| self.loaded)
    }

    /// The place up to which all is known, or owed.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Whether the inbox was loaded since the last time that all had to be forgotten.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Rule 2: forgets everything. Whatever happens from `cursor` on will be told; the rest must be loaded.
    pub fn forget(&mut self, cursor: &str) {
        *self = Self {
            cursor: Some(cursor.to_owned()),
            ..Self::of(&self.me)
        };
    }

    /// Rule 2: the whole inbox was loaded, hidden conversations too. Frames may have told something newer.
    pub fn listed(&mut self, entries: &[Value]) {
        for entry in entries {
            if let Some(conversation) = self.heard_of(entry) {
                conversation.settings.get_or_insert(Settings::of(entry));
            }
        }
        self.loaded = true;
    }

    /// Rule 2: takes the entries of a `hello` or `sync`, then its cursor.
    pub fn caught_up(&mut self, answer: &Value) {
        for entry in answer["entries"].as_array().into_iter().flatten() {
            if let Some(conversation) = self.heard_of(entry) {
                conversation.settings = Some(Settings::of(entry));
            }
        }
        if let Some(cursor) = answer["cursor"].as_str() {
            self.cursor = Some(cursor.to_owned());
            self.close_chain();
        }
    }

    /// The conversation of an entry, unless the user has left it.
    fn heard_of(&mut self, entry: &Value) -> Option<&mut Conversation> {
        let (kind, rev) = (entry["type"].as_str()?, entry["rev"].as_u64()?);
        let me = self.me.clone();
        let conversation = self.conversation(&format!("{kind}-{}", id_text(&entry["id"])));
        if entry["left"] == true {
            conversation.leave(rev);
            conversation.settings = None;
            return None;
        }
        if !conversation.told(rev) {
            return None;
        }
        conversation.heard(rev);
        conversation.has_read(&me, entry["read"]["seq"].as_u64().unwrap_or_default());
        Some(conversation)
    }

    /// Rule 3: a conversation of which something newer was heard than is known.
    pub fn owed(&self) -> Option<Owed> {
        let mut owed = self.conversations.iter().filter(|(_, one)| one.heard > one.rev);
        owed.next().map(|(key, one)| Owed {
            key: key.clone(),
            rev: one.rev,
            heard: one.heard,
        })
    }

    /// Rule 3: takes a page of changes.
    pub fn changed(&mut self, owed: &Owed, answer: &Value) {
        let Some(rev) = answer["state"]["rev"].as_u64() else {
            return;
        };
        let conversation = self.conversation(&owed.key);
        if owed.rev > conversation.rev || conversation.is_left() {
            // The conversation was forgotten meanwhile: the answer lacks everything before that revision. Or the user has left it.
            return;
        }
        if answer["reset"] == true {
            conversation.forget(rev);
            return;
        }
        for entry in ["messages", "deleted"]
            .iter()
            .filter_map(|of| answer[*of].as_array())
            .flatten()
        {
            conversation.take(entry, entry["rev"].as_u64().unwrap_or_default());
        }
        for (reader, seq) in answer["read"].as_object().into_iter().flatten() {
            conversation.has_read(reader, seq.as_u64().unwrap_or_default());
        }
        conversation.members.heard += u64::from(answer["members"] == true);
        conversation.rev = conversation.rev.max(rev);
        if answer["more"] == true {
            conversation.heard(conversation.rev + 1);
        } else if conversation.heard == owed.heard {
            conversation.heard = conversation.rev;
        }
        conversation.close_chain();
    }

    /// Rule 4: takes a pushed frame.
    pub fn pushed(&mut self, frame: &Value) {
        let (event, data) = (frame["event"].as_str().unwrap_or_default(), &frame["data"]);
        let key = data["state"]["inbox_key"].as_str().unwrap_or_default().to_owned();
        let has_left = event == "member.left" && id_text(&data["user"]) == self.me;
        let news = match event {
            "member.left" if has_left => News::Settings(key.clone(), Settings::default()),
            "conversation.settings" => News::Settings(key.clone(), Settings::of(&data["entry"])),
            "message.new" => News::Message(key.clone()),
            _ => News::None,
        };
        if let Some(rev) = data["state"]["rev"].as_u64() {
            if frame["cursor"].is_null() {
                // It does not say how the entry is now, and never links.
                self.links.push((Link::new(String::new(), String::new()), News::None));
            }
            let conversation = self.conversation(&key);
            if has_left {
                conversation.leave(rev);
            } else if conversation.told(rev) {
                // Who writes in a topic is a member, and may have become one by it.
                let is_new = event == "message.new" && !conversation.knows_member(&data["entry"]["author"]);
                conversation.members.heard += u64::from(is_new || event.starts_with("member."));
                self.take(data);
            }
        } else if event == "message.read" {
            // In a topic it changes no message, and nobody but the reader needs it.
            self.take(data);
        }
        self.place(frame, news);
    }

    /// Rule 4: takes the answer to the client's own write over its connection, or without a place over REST.
    pub fn answered(&mut self, frame: &Value, result: &Value, own: Own<'_>) {
        let mut data = result.clone();
        let (key, me) = (data["state"]["inbox_key"].as_str().unwrap_or_default(), &self.me);
        let (key, me) = (key.to_owned(), me.clone());
        let rev = data["state"]["rev"].as_u64();
        let conversation = self.conversation(&key);
        let mut news = News::None;
        match own {
            Own::Member => {
                if let Some(rev) = rev {
                    conversation.told(rev);
                }
                if data["entry"].is_object() {
                    news = News::Message(key.clone());
                }
            }
            Own::Seen => conversation.has_read(&me, data["entry"]["seq"].as_u64().unwrap_or_default()),
            Own::Deleted(id) => {
                if let Some((seq, _)) = conversation.messages.iter().find(|(_, known)| known.id == id) {
                    data["entry"] = json!({"id": id, "seq": seq, "deleted": true});
                }
            }
            Own::Other => {}
        }
        if data["left"] == true {
            conversation.leave(rev.unwrap_or_default());
        }
        data["user"] = json!(me);
        self.take(&data);
        self.place(frame, news);
    }

    /// Takes what is said of a message, or of how far `user` has read, and links the revision if there is one.
    fn take(&mut self, data: &Value) {
        let (state, entry) = (&data["state"], &data["entry"]);
        let Some(conversation) = state["inbox_key"].as_str().map(|key| self.conversation(key)) else {
            return;
        };
        if conversation.is_left() {
            return;
        }
        if let Some(seq) = data["read"]["seq"].as_u64() {
            conversation.has_read(&id_text(&data["user"]), seq);
        }
        let Some(rev) = state["rev"].as_u64() else { return };
        if entry.is_object() {
            conversation.take(entry, entry["rev"].as_u64().unwrap_or(rev));
        }
        // Without the revision before it, it links to nothing.
        let from = state["prev_rev"].as_u64().unwrap_or(u64::MAX);
        conversation.links.push(Link::new(from, rev));
        conversation.close_chain();
    }

    /// Rule 4: the place of a frame, if it has one.
    fn place(&mut self, frame: &Value, news: News) {
        if let (Some(prev), Some(cursor)) = (frame["prev"].as_str(), frame["cursor"].as_str()) {
            self.links.push((Link::new(prev.to_owned(), cursor.to_owned()), news));
            self.close_chain();
        }
    }

    fn close_chain(&mut self) {
        while let Some(next) = self
            .links
            .iter()
            .position(|(link, _)| Some(link.from.as_str()) == self.cursor())
        {
            let (link, news) = self.links.swap_remove(next);
            self.cursor = Some(link.to);
            match news {
                News::Settings(key, settings) => self.conversation(&key).settings = Some(settings),
                News::Message(key) => {
                    if let Some(settings) = &mut self.conversation(&key).settings {
                        settings.hidden = false;
                    }
                }
                News::None => {}
            }
        }
    }

    /// A topic whose members are not known as they are now, and how often it was heard that there are others.
    pub fn owed_members(&self) -> Option<(String, u64)> {
        let mut topics = self
            .conversations
            .iter()
            .filter(|(key, one)| key.starts_with("topic-") && !one.is_left() && one.members.heard > one.members.loaded);
        topics.next().map(|(key, one)| (key.clone(), one.members.heard))
    }

    /// Takes the members of a topic, who were asked for when that had been heard so often.
    pub fn loaded_members(&mut self, key: &str, heard: u64, members: &[Value]) {
        let conversation = self.conversation(key);
        if conversation.is_left() {
            return;
        }
        let known = members
            .iter()
            .map(|member| (id_text(&member["id"]), id_text(&member["role"])));
        conversation.members.known = known.collect();
        conversation.members.loaded = heard;
    }

    /// Ids and roles of the members of a topic, as far as they were loaded.
    pub fn members(&self, key: &str) -> BTreeMap<String, String> {
        let conversation = self.conversations.get(key);
        conversation.map(|one| one.members.known.clone()).unwrap_or_default()
    }

    /// How a conversation stands in the inbox, and how far the user has read it; `None` if it is not there.
    pub fn standing(&self, key: &str) -> Option<(Settings, u64)> {
        let conversation = self.conversations.get(key).filter(|one| !one.is_left())?;
        Some((
            conversation.settings.unwrap_or_default(),
            conversation.read_by(&self.me),
        ))
    }

    /// The live messages of a conversation, by its inbox key, in their order.
    pub fn messages(&self, key: &str) -> Vec<Value> {
        let conversation = self.conversations.get(key);
        let is_direct = key.starts_with("user-");
        let shown = conversation.into_iter().flat_map(|one| one.shown(is_direct));
        shown.collect()
    }

    /// So many of the newest live messages of a conversation, the newest first.
    pub fn newest(&self, key: &str, count: usize) -> Vec<Value> {
        let conversation = self.conversations.get(key);
        let shown = conversation
            .into_iter()
            .flat_map(|one| one.shown(key.starts_with("user-")).rev());
        shown.take(count).collect()
    }

    /// When the first frame that does not link has waited long enough.
    pub fn next_gap(&self) -> Option<Instant> {
        let revisions = self.conversations.values().flat_map(|one| &one.links);
        let until = revisions.map(|link| link.until);
        until.chain(self.links.iter().map(|(link, _)| link.until)).min()
    }

    /// Rule 4: lets go of frames that have waited long enough. Their conversations owe `changes`; true if the cursor owes a `sync`.
    pub fn has_gap(&mut self, now: Instant) -> bool {
        for conversation in self.conversations.values_mut() {
            for link in conversation.links.extract_if(.., |link| link.until <= now) {
                conversation.heard = conversation.heard.max(link.to);
            }
        }
        let before = self.links.len();
        self.links.retain(|(link, _)| link.until > now);
        self.links.len() < before
    }

    fn conversation(&mut self, key: &str) -> &mut Conversation {
        self.conversations.entry(key.to_owned()).or_default()
    }
}

#[cfg(test)]
mod tests;
