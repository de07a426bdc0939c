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
mod tests {
    use super::*;
    use crate::follower::conversation::LINK_KEPT;

    fn message(seq: u64, rev: u64, text: &str) -> Value {
        json!({"id": format!("m{seq}"), "seq": seq, "rev": rev, "author": 1, "text": text})
    }

    fn gone(seq: u64) -> Value {
        json!({"id": format!("m{seq}"), "seq": seq, "deleted": true})
    }

    /// A frame: its places, the revision before and its own, the entry.
    fn frame(places: [&str; 2], revs: [u64; 2], entry: &Value) -> Value {
        let state = json!({"inbox_key": "user-1", "prev_rev": revs[0], "rev": revs[1]});
        json!({"prev": places[0], "cursor": places[1], "data": {"state": state, "entry": entry}})
    }

    fn changes(rev: u64, messages: &[Value], deleted: &[Value]) -> Value {
        json!({"state": {"rev": rev}, "messages": messages, "deleted": deleted, "more": false})
    }

    fn texts(replica: &Replica) -> Vec<String> {
        let messages = replica.messages("user-1");
        messages.iter().map(|message| id_text(&message["text"])).collect()
    }

    fn loaded() -> Replica {
        let mut replica = Replica::of("2");
        replica.forget("c0");
        replica.listed(&[]);
        replica
    }

    #[test]
    fn frames_that_overtake_each_other_close_the_chains_and_the_newest_state_stays() {
        let mut replica = loaded();
        replica.pushed(&frame(["c1", "c2"], [5, 6], &message(1, 6, "edited")));
        assert_eq!(
            (replica.since(), texts(&replica)),
            (Some("c0"), vec!["edited".to_owned()])
        );
        assert!(replica.next_gap().is_some());
        replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "first")));
        assert_eq!(
            (replica.since(), texts(&replica)),
            (Some("c2"), vec!["edited".to_owned()])
        );
        assert_eq!((replica.next_gap(), replica.owed()), (None, None));
        replica.pushed(&frame(["c2", "c3"], [6, 7], &gone(1)));
        replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "first")));
        assert!(texts(&replica).is_empty(), "a deleted message stays deleted");
    }

    #[test]
    fn a_chain_that_does_not_close_is_a_gap_after_a_second() {
        let mut replica = loaded();
        replica.pushed(&frame(["c1", "c2"], [5, 6], &message(2, 6, "two")));
        assert!(!replica.has_gap(Instant::now()));
        let later = Instant::now() + LINK_KEPT;
        assert!(replica.has_gap(later));
        assert!(!replica.has_gap(later), "it is told once");
        let owed = replica.owed().unwrap();
        assert_eq!((owed.key.as_str(), owed.rev), ("user-1", 0));
        replica.changed(&owed, &changes(6, &[message(1, 5, "one")], &[]));
        assert_eq!(
            (replica.owed(), texts(&replica)),
            (None, vec!["one".to_owned(), "two".to_owned()])
        );
    }

    #[test]
    fn an_entry_with_a_newer_revision_owes_changes_until_they_are_answered() {
        let mut replica = loaded();
        let entry = json!({"type": "user", "id": 1, "rev": 9});
        replica.caught_up(&json!({"cursor": "c9", "entries": [entry]}));
        let owed = replica.owed().unwrap();
        let mut page = changes(5, &[message(1, 5, "one")], &[]);
        page["more"] = json!(true);
        replica.changed(&owed, &page);
        let owed = replica.owed().unwrap();
        assert_eq!(owed.rev, 5, "the next page goes on from there");
        replica.pushed(&frame(["", ""], [9, 10], &message(3, 10, "three")));
        replica.changed(
            &owed,
            &changes(9, &[message(2, 8, "two")], &[json!({"id": "m1", "seq": 1, "rev": 9})]),
        );
        assert_eq!(
            (replica.owed(), texts(&replica)),
            (None, vec!["two".to_owned(), "three".to_owned()])
        );
        assert_eq!(replica.conversations["user-1"].rev, 10, "the push links now");
    }

    #[test]
    fn a_late_push_of_a_message_that_was_deleted_before_the_conversation_was_loaded_is_left() {
        let mut replica = loaded();
        replica.caught_up(&json!({"cursor": "c2", "entries": [{"type": "user", "id": 1, "rev": 9}]}));
        let owed = replica.owed().unwrap();
        replica.changed(&owed, &changes(9, &[message(2, 6, "two")], &[]));
        replica.pushed(&frame(["x", "y"], [0, 5], &message(1, 5, "deleted")));
        assert_eq!(texts(&replica), ["two"]);
    }

    #[test]
    fn an_answer_that_was_asked_before_a_set_back_is_not_taken() {
        let mut replica = loaded();
        replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "one")));
        replica.caught_up(&json!({"cursor": "c2", "entries": [{"type": "user", "id": 1, "rev": 9}]}));
        let owed = replica.owed().unwrap();
        replica.pushed(&frame(["c2", "c3"], [4, 8], &message(2, 8, "two")));
        replica.changed(&owed, &changes(9, &[message(3, 9, "three")], &[]));
        assert_eq!(replica.owed().map(|owed| owed.rev), Some(0));
    }

    #[test]
    fn a_conversation_that_was_set_back_is_loaded_anew() {
        let set_back: [fn(&mut Replica); 3] = [
            |replica| {
                let owed = Owed {
                    key: "user-1".to_owned(),
                    rev: 5,
                    heard: 5,
                };
                replica.changed(
                    &owed,
                    &json!({"state": {"rev": 3}, "reset": true, "messages": [], "deleted": []}),
                );
            },
            |replica| {
                let other = json!({"id": "another", "seq": 1, "rev": 9, "author": 1, "text": "new"});
                replica.pushed(&frame(["", ""], [5, 9], &other));
            },
            |replica| replica.pushed(&frame(["", ""], [3, 9], &message(7, 9, "new"))),
        ];
        for set_back in set_back {
            let mut replica = loaded();
            replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "lost")));
            set_back(&mut replica);
            assert!(!texts(&replica).contains(&"lost".to_owned()));
            assert_eq!(replica.owed().map(|owed| owed.rev), Some(0));
        }
    }

    #[test]
    fn seen_follows_from_the_other_sides_position() {
        let mut replica = loaded();
        for seq in 1..=3 {
            replica.pushed(&frame(["", ""], [seq - 1, seq], &message(seq, seq, "x")));
        }
        let seen = |replica: &Replica| {
            let messages = replica.messages("user-1");
            messages
                .iter()
                .map(|message| message["status"] == "seen")
                .collect::<Vec<_>>()
        };
        assert_eq!(seen(&replica), [false; 3]);
        let state = json!({"inbox_key": "user-1", "prev_rev": 3, "rev": 4});
        let read = json!({"state": state, "user": 2, "read": {"up_to": "m2", "seq": 2}});
        replica.pushed(&json!({"event": "message.read", "data": read}));
        assert_eq!(seen(&replica), [true, true, false]);
        let owed = Owed {
            key: "user-1".to_owned(),
            rev: 4,
            heard: 4,
        };
        replica.changed(
            &owed,
            &json!({"state": {"rev": 5}, "messages": [], "deleted": [], "read": {"2": 3}}),
        );
        assert_eq!(seen(&replica), [true; 3]);
    }

    #[test]
    fn ones_own_answers_are_taken_like_frames() {
        let mut replica = loaded();
        let state = |from: u64, to: u64| json!({"inbox_key": "user-1", "prev_rev": from, "rev": to});
        let sent = json!({"state": state(0, 1), "entry": message(1, 1, "mine")});
        replica.answered(&json!({"prev": "c0", "cursor": "c1"}), &sent, Own::Member);
        assert_eq!(
            (replica.cursor(), texts(&replica)),
            (Some("c1"), vec!["mine".to_owned()])
        );
        replica.answered(&Value::Null, &sent, Own::Seen);
        assert_eq!(replica.messages("user-1")[0]["status"], "seen");
        let deleted = json!({"state": state(1, 2)});
        replica.answered(&json!({"prev": "c1", "cursor": "c2"}), &deleted, Own::Deleted("m1"));
        assert_eq!((replica.cursor(), texts(&replica).len()), (Some("c2"), 0));
        assert_eq!(replica.conversations["user-1"].rev, 2);
    }

    /// A frame about a topic without a place: its event, the revision before and its own, what else it says.
    fn in_topic(event: &str, revs: [u64; 2], more: &Value) -> Value {
        let mut data = more.clone();
        data["state"] = json!({"inbox_key": "topic-t", "prev_rev": revs[0], "rev": revs[1]});
        json!({"event": event, "data": data})
    }

    /// The same with a place.
    fn at(places: [&str; 2], mut frame: Value) -> Value {
        (frame["prev"], frame["cursor"]) = (json!(places[0]), json!(places[1]));
        frame
    }

    fn entry(rev: u64) -> Value {
        json!({"type": "topic", "id": "t", "rev": rev, "read": {"seq": 0}})
    }

    fn sync(cursor: &str, entry: &Value) -> Value {
        json!({"cursor": cursor, "entries": [entry]})
    }

    /// A member of a topic with one message.
    fn member() -> Replica {
        let mut replica = loaded();
        replica.pushed(&in_topic(
            "message.new",
            [0, 5],
            &json!({"entry": message(1, 5, "one")}),
        ));
        replica
    }

    #[test]
    fn what_has_no_revision_changes_no_message_and_takes_the_place() {
        let mut replica = member();
        let read = |user: u64, seq: u64| {
            let state = json!({"inbox_key": "topic-t"});
            json!({"event": "message.read", "data": {"state": state, "user": user, "read": {"seq": seq}}})
        };
        replica.pushed(&at(["c0", "c1"], read(2, 1)));
        replica.pushed(&read(3, 1));
        assert_eq!(replica.standing("topic-t"), Some((Settings::default(), 1)));
        assert_eq!(
            (replica.cursor(), replica.owed(), replica.next_gap()),
            (Some("c1"), None, None)
        );
        assert_eq!(
            replica.messages("topic-t")[0]["status"],
            Value::Null,
            "a topic shows nothing as seen"
        );
        let presence = json!({"event": "presence", "data": {"id": 3, "online": true}});
        replica.pushed(&presence);
        assert_eq!(replica.conversations.len(), 1);
    }

    #[test]
    fn settings_count_in_the_order_of_the_cursor() {
        let mut replica = member();
        let settings = |muted: bool, hidden: bool| {
            let entry = json!({"muted": muted, "hidden": hidden});
            json!({"event": "conversation.settings", "data": {"state": {"inbox_key": "topic-t"}, "entry": entry}})
        };
        let shown = |replica: &Replica| {
            let (settings, _) = replica.standing("topic-t").unwrap();
            (settings.muted, settings.hidden)
        };
        replica.pushed(&at(["c1", "c2"], settings(false, true)));
        assert_eq!(shown(&replica), (false, false), "the frame before is missing");
        replica.pushed(&at(["c0", "c1"], settings(true, true)));
        assert_eq!(shown(&replica), (false, true));
        let new = in_topic("message.new", [5, 6], &json!({"entry": message(2, 6, "two")}));
        replica.pushed(&at(["c2", "c3"], new));
        assert_eq!(shown(&replica), (false, false), "a new message brings it back");
        replica.pushed(&at(["c1", "c2"], settings(true, true)));
        assert_eq!(shown(&replica), (false, false), "a late frame says what was before");
        let mut muted = entry(6);
        muted["muted"] = json!(true);
        replica.caught_up(&sync("c4", &muted));
        assert_eq!(shown(&replica), (true, false));
        replica.listed(&[entry(6)]);
        assert_eq!(shown(&replica), (true, false), "a list may be older");
    }

    #[test]
    fn what_is_left_is_dropped_until_something_newer_is_told() {
        let leave: [fn(&mut Replica); 3] = [
            |replica| replica.pushed(&in_topic("member.left", [5, 6], &json!({"user": 2}))),
            |replica| {
                let mut left = entry(6);
                left["left"] = json!(true);
                replica.caught_up(&sync("c2", &left));
            },
            |replica| {
                let state = json!({"inbox_key": "topic-t", "prev_rev": 5, "rev": 6});
                let answer = json!({"state": state, "left": true, "read": {"seq": 0}});
                replica.answered(&Value::Null, &answer, Own::Other);
            },
        ];
        for leave in leave {
            let mut replica = member();
            let asked = Owed {
                key: "topic-t".to_owned(),
                rev: 0,
                heard: 0,
            };
            leave(&mut replica);
            let late = in_topic("message.new", [0, 5], &json!({"entry": message(1, 5, "one")}));
            replica.pushed(&late);
            replica.changed(&asked, &changes(9, &[message(1, 5, "one")], &[]));
            assert_eq!((replica.standing("topic-t"), replica.owed()), (None, None));
            assert!(replica.messages("topic-t").is_empty());
            replica.pushed(&in_topic("member.joined", [8, 9], &json!({"user": 2})));
            leave(&mut replica);
            let owed = replica.owed().unwrap();
            assert_eq!(
                owed.rev, 0,
                "all of it is loaded anew, and a late frame that it was left changes nothing"
            );
            replica.changed(&owed, &changes(9, &[message(1, 5, "one")], &[]));
            assert_eq!(replica.messages("topic-t").len(), 1);
        }
    }

    #[test]
    fn others_members_are_loaded_again_whenever_there_may_be_others() {
        let mut replica = member();
        let load = |replica: &mut Replica, members: &[u64]| {
            let (key, heard) = replica.owed_members().expect("others were heard of");
            let members: Vec<Value> = members.iter().map(|id| json!({"id": id, "role": "member"})).collect();
            replica.loaded_members(&key, heard, &members);
            assert_eq!(replica.owed_members(), None);
        };
        load(&mut replica, &[1, 2]);
        replica.pushed(&in_topic(
            "message.new",
            [5, 6],
            &json!({"entry": message(2, 6, "two")}),
        ));
        assert_eq!(replica.owed_members(), None, "its author was a member before");
        let mut other = message(3, 7, "three");
        other["author"] = json!(3);
        replica.pushed(&in_topic("message.new", [6, 7], &json!({"entry": other})));
        load(&mut replica, &[1, 2, 3]);
        replica.pushed(&in_topic("member.left", [7, 8], &json!({"user": 3})));
        let (key, heard) = replica.owed_members().unwrap();
        replica.pushed(&in_topic("member.joined", [8, 9], &json!({"user": 4})));
        replica.loaded_members(&key, heard, &[]);
        load(&mut replica, &[1, 2, 4]);
        let owed = Owed {
            key: "topic-t".to_owned(),
            rev: 9,
            heard: 9,
        };
        let mut page = changes(10, &[], &[]);
        page["members"] = json!(true);
        replica.changed(&owed, &page);
        load(&mut replica, &[1, 2]);
        assert_eq!(replica.members("topic-t").len(), 2);
    }

    #[test]
    fn a_reply_shows_the_newest_state_that_is_known_of_the_message() {
        let mut replica = member();
        let mut reply = message(2, 6, "reply");
        reply["reply_to"] = json!({"id": "m1", "seq": 1, "rev": 5, "author": 1, "type": "text", "excerpt": "one"});
        replica.pushed(&in_topic("message.new", [5, 6], &json!({"entry": reply})));
        let shown = |replica: &Replica| replica.messages("topic-t").pop().unwrap()["reply_to"].clone();
        assert_eq!(shown(&replica)["excerpt"], "one");
        let long = message(1, 7, &"\u{e4}".repeat(101));
        replica.pushed(&in_topic("message.updated", [6, 7], &json!({"entry": long})));
        assert_eq!(shown(&replica)["excerpt"], "\u{e4}".repeat(100));
        replica.pushed(&in_topic("message.deleted", [7, 8], &json!({"entry": gone(1)})));
        assert_eq!(shown(&replica), json!({"id": "m1", "seq": 1, "deleted": true}));
        // One that was asked for later knows more than the client.
        let mut replica = member();
        reply["reply_to"]["rev"] = json!(9);
        reply["reply_to"]["excerpt"] = json!("newest");
        replica.pushed(&in_topic("message.new", [5, 6], &json!({"entry": reply})));
        assert_eq!(shown(&replica)["excerpt"], "newest");
    }

    #[test]
    fn reactions_are_part_of_the_state_of_a_message() {
        let mut replica = member();
        let reacted = |rev: u64, count: u64| {
            let mut message = message(1, rev, "one");
            message["reactions"] = json!([{"reaction": "+1", "count": count, "users": [], "mine": false}]);
            json!({"entry": message})
        };
        replica.pushed(&in_topic("message.updated", [6, 7], &reacted(7, 2)));
        replica.pushed(&in_topic("message.updated", [5, 6], &reacted(6, 1)));
        assert_eq!(replica.messages("topic-t")[0]["reactions"][0]["count"], 2);
        let mut latest = entry(7);
        latest["latest"] = message(1, 7, "one");
        replica.caught_up(&sync("c1", &latest));
        assert_eq!(
            replica.messages("topic-t")[0]["reactions"][0]["count"],
            2,
            "an entry has none"
        );
    }
}
