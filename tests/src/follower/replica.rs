//! What a client knows, and how it takes what it hears: rules 1 to 4 of `docs/clients.md`, without a network.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::conversation::{Conversation, Link};
use crate::user::id_text;

/// A client's own copy of its conversations. It shows all of them.
#[derive(Debug, Default)]
pub struct Replica {
    cursor: Option<String>,
    loaded: bool,
    links: Vec<Link<String>>,
    conversations: BTreeMap<String, Conversation>,
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
            ..Self::default()
        };
    }

    /// Rule 2: the whole inbox was loaded.
    pub fn listed(&mut self, entries: &[Value]) {
        self.heard_of(entries);
        self.loaded = true;
    }

    /// Rule 2: takes the entries of a `hello` or `sync`, then its cursor.
    pub fn caught_up(&mut self, answer: &Value) {
        self.heard_of(answer["entries"].as_array().map_or(&[], Vec::as_slice));
        if let Some(cursor) = answer["cursor"].as_str() {
            self.cursor = Some(cursor.to_owned());
            self.close_chain();
        }
    }

    fn heard_of(&mut self, entries: &[Value]) {
        for entry in entries {
            let key = format!(
                "{}-{}",
                entry["type"].as_str().unwrap_or_default(),
                id_text(&entry["id"])
            );
            if let Some(rev) = entry["rev"].as_u64() {
                self.conversation(&key).heard(rev);
            }
        }
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
        if owed.rev > conversation.rev {
            // The conversation was forgotten meanwhile: the answer lacks everything before that revision.
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
        let data = &frame["data"];
        self.take(data, frame["event"] == "message.read");
        self.place(frame);
    }

    /// Rule 4: takes the answer to the client's own write over its connection, or without a place over REST. `reader` is the user, if the write
    /// was that it has seen a message; `message_id` is which message was deleted, if the write was that.
    pub fn answered(&mut self, frame: &Value, result: &Value, reader: Option<&str>, message_id: Option<&str>) {
        let mut data = result.clone();
        let key = data["state"]["inbox_key"].as_str().unwrap_or_default().to_owned();
        let conversation = self.conversation(&key);
        if let Some(reader) = reader {
            conversation.has_read(reader, data["entry"]["seq"].as_u64().unwrap_or_default());
        }
        if let Some(id) = message_id
            && let Some((seq, _)) = conversation.messages.iter().find(|(_, known)| known.id == id)
        {
            data["entry"] = json!({"id": id, "seq": seq, "deleted": true});
        }
        self.take(&data, false);
        self.place(frame);
    }

    fn take(&mut self, data: &Value, is_read: bool) {
        let (state, entry) = (&data["state"], &data["entry"]);
        let (Some(key), Some(rev)) = (state["inbox_key"].as_str(), state["rev"].as_u64()) else {
            return;
        };
        let conversation = self.conversation(key);
        if is_read {
            let seq = data["read"]["seq"].as_u64().unwrap_or_default();
            conversation.has_read(&id_text(&data["user"]), seq);
        } else if entry.is_object() {
            conversation.take(entry, entry["rev"].as_u64().unwrap_or(rev));
        }
        // Without the revision before it, it links to nothing.
        let from = state["prev_rev"].as_u64().unwrap_or(u64::MAX);
        conversation.links.push(Link::new(from, rev));
        conversation.close_chain();
    }

    /// Rule 4: the place of a frame, if it has one.
    fn place(&mut self, frame: &Value) {
        if let (Some(prev), Some(cursor)) = (frame["prev"].as_str(), frame["cursor"].as_str()) {
            self.links.push(Link::new(prev.to_owned(), cursor.to_owned()));
            self.close_chain();
        }
    }

    fn close_chain(&mut self) {
        while let Some(next) = self
            .links
            .iter()
            .position(|link| Some(link.from.as_str()) == self.cursor())
        {
            self.cursor = Some(self.links.swap_remove(next).to);
        }
    }

    /// The live messages of a conversation, by its inbox key, in their order.
    pub fn messages(&self, key: &str) -> Vec<Value> {
        let conversation = self.conversations.get(key);
        conversation.into_iter().flat_map(Conversation::shown).collect()
    }

    /// So many of the newest live messages of a conversation, the newest first.
    pub fn newest(&self, key: &str, count: usize) -> Vec<Value> {
        let conversation = self.conversations.get(key);
        let shown = conversation.into_iter().flat_map(|one| one.shown().rev());
        shown.take(count).collect()
    }

    /// When the first frame that does not link has waited long enough.
    pub fn next_gap(&self) -> Option<Instant> {
        let revisions = self.conversations.values().flat_map(|one| &one.links);
        let until = revisions.map(|link| link.until);
        until.chain(self.links.iter().map(|link| link.until)).min()
    }

    /// Rule 4: lets go of frames that have waited long enough. Their conversations owe `changes`; true if the cursor owes a `sync`.
    pub fn has_gap(&mut self, now: Instant) -> bool {
        for conversation in self.conversations.values_mut() {
            for link in conversation.links.extract_if(.., |link| link.until <= now) {
                conversation.heard = conversation.heard.max(link.to);
            }
        }
        let before = self.links.len();
        self.links.retain(|link| link.until > now);
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
        let mut replica = Replica::default();
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
        replica.answered(&json!({"prev": "c0", "cursor": "c1"}), &sent, None, None);
        assert_eq!(
            (replica.cursor(), texts(&replica)),
            (Some("c1"), vec!["mine".to_owned()])
        );
        replica.answered(&Value::Null, &sent, Some("2"), None);
        assert_eq!(replica.messages("user-1")[0]["status"], "seen");
        let deleted = json!({"state": state(1, 2)});
        replica.answered(&json!({"prev": "c1", "cursor": "c2"}), &deleted, None, Some("m1"));
        assert_eq!((replica.cursor(), texts(&replica).len()), (Some("c2"), 0));
        assert_eq!(replica.conversations["user-1"].rev, 2);
    }
}
