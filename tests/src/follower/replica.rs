//! What a client knows, and how it takes what it hears: rules 1, 2, 4, 5 and 6 of `docs/clients.md`, without a network.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;

/// How long the place of an event that does not follow on the cursor is kept: frames can overtake each other.
const LINK_KEPT: Duration = Duration::from_secs(1);

/// A client's own copy of its conversations.
#[derive(Debug, Default)]
pub struct Replica {
    cursor: Option<String>,
    loaded: bool,
    links: Vec<Link>,
    conversations: BTreeMap<String, Conversation>,
}

/// The places of two events, of which the first is not ours yet.
#[derive(Debug)]
struct Link {
    prev: String,
    cursor: String,
    until: Instant,
}

#[derive(Debug, Default)]
struct Conversation {
    /// Every message that was ever told, by its id.
    known: BTreeMap<String, Known>,
    /// As of which revision the whole conversation was loaded: what was not there then and is not known is gone.
    whole_as_of: u64,
}

/// A message under the revision at which it was learned; `None` if it is deleted.
#[derive(Debug)]
struct Known {
    rev: u64,
    message: Option<Value>,
}

/// A page of a history, and which part of the conversation it is: every live message from one `seq` to another.
#[derive(Clone, Copy, Debug)]
pub struct Page<'a> {
    /// `state.rev`.
    pub rev: u64,
    /// The messages, oldest first.
    pub messages: &'a [Value],
    /// The first `seq` that it could show.
    pub from: u64,
    /// The last one.
    pub to: u64,
}

impl Replica {
    /// What `hello` gives as `since`: the cursor, once everything has been loaded under it.
    pub fn since(&self) -> Option<&str> {
        self.cursor().filter(|_| self.loaded)
    }

    /// The place in the event log up to which everything is known or being loaded.
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// Whether everything was loaded since the last time that all had to be forgotten.
    pub fn is_loaded(&self) -> bool {
        self.loaded
    }

    /// Rule 3: forgets everything. What happens from `cursor` on will be told; what was before must be loaded.
    pub fn forget(&mut self, cursor: &str) {
        self.conversations.clear();
        self.loaded = false;
        self.cursor = Some(cursor.to_owned());
    }

    /// Everything is loaded: each conversation, by its key, as of that revision at least.
    pub fn loaded(&mut self, revisions: &BTreeMap<String, u64>) {
        self.loaded = true;
        for (key, rev) in revisions {
            let conversation = self.conversations.entry(key.clone()).or_default();
            conversation.whole_as_of = *rev;
            // What the pages showed is known under their revision; what was pushed meanwhile and is older than that was deleted before.
            for known in conversation.known.values_mut().filter(|known| known.rev < *rev) {
                (known.rev, known.message) = (*rev, None);
            }
        }
    }

    /// Rule 4: takes the events of a `hello` or `sync`, then its cursor.
    pub fn caught_up(&mut self, answer: &Value) {
        for event in answer["events"].as_array().into_iter().flatten() {
            self.take_entry(&event["data"]);
        }
        if let Some(cursor) = answer["cursor"].as_str() {
            self.cursor = Some(cursor.to_owned());
            self.close_chain();
        }
    }

    /// Rule 5: takes a pushed frame.
    pub fn pushed(&mut self, frame: &Value) {
        self.take_entry(&frame["data"]);
        self.place(frame);
    }

    /// Rule 7: takes the answer to the client's own send or update over its connection, or without a place over REST.
    pub fn answered(&mut self, answer: &Value, result: &Value) {
        self.take_entry(result);
        self.place(answer);
    }

    /// Rule 7: takes the answer to the client's own deletion of a message.
    pub fn deleted(&mut self, answer: &Value, result: &Value, message_id: &str) {
        self.take(&result["state"], message_id, None);
        self.place(answer);
    }

    /// Rule 2: takes a page of the history of the conversation with that key.
    pub fn page(&mut self, key: &str, page: Page<'_>) {
        let conversation = self.conversations.entry(key.to_owned()).or_default();
        let shown: Vec<&str> = page
            .messages
            .iter()
            .filter_map(|message| message["id"].as_str())
            .collect();
        for (id, known) in &mut conversation.known {
            let seq = known.message.as_ref().and_then(|message| message["seq"].as_u64());
            let could_be_shown = seq.is_some_and(|seq| (page.from..=page.to).contains(&seq));
            if could_be_shown && known.rev < page.rev && !shown.contains(&id.as_str()) {
                (known.rev, known.message) = (page.rev, None);
            }
        }
        for message in page.messages {
            if let Some(id) = message["id"].as_str() {
                conversation.take(id, page.rev, Some(message.clone()));
            }
        }
    }

    /// The live messages of a conversation, by its key, in their order.
    pub fn messages(&self, key: &str) -> Vec<&Value> {
        let known = self
            .conversations
            .get(key)
            .map(|conversation| conversation.known.values());
        let mut messages: Vec<&Value> = known
            .into_iter()
            .flatten()
            .filter_map(|known| known.message.as_ref())
            .collect();
        messages.sort_by_key(|message| message["seq"].as_u64());
        messages
    }

    /// So many live messages of a conversation that are among the newest: an id begins with the time.
    pub fn newest(&self, key: &str, count: usize) -> Vec<&Value> {
        let known = self
            .conversations
            .get(key)
            .map(|conversation| conversation.known.values().rev());
        let live = known.into_iter().flatten().filter_map(|known| known.message.as_ref());
        live.take(count).collect()
    }

    /// When the first of the events that do not follow on the cursor has waited long enough.
    pub fn next_gap(&self) -> Option<Instant> {
        self.links.iter().map(|link| link.until).min()
    }

    /// Rule 6: lets go of the events that have waited long enough, and says whether there were any: then it is time for a `sync`.
    pub fn has_gap(&mut self, now: Instant) -> bool {
        let before = self.links.len();
        self.links.retain(|link| link.until > now);
        self.links.len() < before
    }

    /// The place of a frame, if it has one: it follows on the cursor, or is kept until what is between them comes.
    fn place(&mut self, frame: &Value) {
        let (Some(prev), Some(cursor)) = (frame["prev"].as_str(), frame["cursor"].as_str()) else {
            return;
        };
        self.links.push(Link {
            prev: prev.to_owned(),
            cursor: cursor.to_owned(),
            until: Instant::now() + LINK_KEPT,
        });
        self.close_chain();
    }

    fn close_chain(&mut self) {
        while let Some(next) = self
            .links
            .iter()
            .position(|link| Some(link.prev.as_str()) == self.cursor())
        {
            self.cursor = Some(self.links.swap_remove(next).cursor);
        }
    }

    fn take_entry(&mut self, data: &Value) {
        let entry = &data["entry"];
        if let Some(id) = entry["id"].as_str() {
            let message = (entry["deleted"] != true).then(|| entry.clone());
            self.take(&data["state"], id, message);
        }
    }

    fn take(&mut self, state: &Value, id: &str, message: Option<Value>) {
        if let (Some(key), Some(rev)) = (state["key"].as_str(), state["rev"].as_u64()) {
            self.conversations
                .entry(key.to_owned())
                .or_default()
                .take(id, rev, message);
        }
    }
}

impl Conversation {
    /// Rule 2: takes a message if it is newer than what is known of it.
    fn take(&mut self, id: &str, rev: u64, message: Option<Value>) {
        let known = self.known.get(id).map_or(self.whole_as_of, |known| known.rev);
        if rev > known {
            self.known.insert(id.to_owned(), Known { rev, message });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn message(seq: u64, text: &str) -> Value {
        json!({"id": format!("m{seq}"), "seq": seq, "text": text})
    }

    fn frame(places: [&str; 2], rev: u64, entry: &Value) -> Value {
        json!({"prev": places[0], "cursor": places[1], "data": {"state": {"key": "k", "rev": rev}, "entry": entry}})
    }

    fn gone(seq: u64) -> Value {
        json!({"id": format!("m{seq}"), "seq": seq, "deleted": true})
    }

    fn texts(replica: &Replica) -> Vec<&str> {
        replica
            .messages("k")
            .iter()
            .filter_map(|message| message["text"].as_str())
            .collect()
    }

    fn page(rev: u64, messages: &[Value]) -> Page<'_> {
        Page {
            rev,
            messages,
            from: 0,
            to: u64::MAX,
        }
    }

    #[test]
    fn frames_that_overtake_each_other_close_the_chain_and_the_newest_state_stays() {
        let mut replica = Replica::default();
        replica.forget("c0");
        replica.loaded(&BTreeMap::new());
        replica.pushed(&frame(["c1", "c2"], 2, &message(1, "edited")));
        assert_eq!((replica.since(), texts(&replica)), (Some("c0"), vec!["edited"]));
        assert!(replica.next_gap().is_some());
        replica.pushed(&frame(["c0", "c1"], 1, &message(1, "first")));
        assert_eq!((replica.since(), texts(&replica)), (Some("c2"), vec!["edited"]));
        assert_eq!(replica.next_gap(), None);
        replica.pushed(&frame(["c2", "c3"], 3, &gone(1)));
        replica.pushed(&frame(["c0", "c1"], 1, &message(1, "first")));
        assert!(texts(&replica).is_empty(), "a deleted message stays deleted");
    }

    #[test]
    fn a_chain_that_does_not_close_is_a_gap_after_a_second() {
        let mut replica = Replica::default();
        replica.forget("c0");
        replica.pushed(&frame(["c1", "c2"], 2, &message(2, "two")));
        assert!(!replica.has_gap(Instant::now()));
        let due = replica.next_gap().unwrap();
        assert!(replica.has_gap(due));
        assert!(!replica.has_gap(due), "it is told once");
        replica.caught_up(&json!({"cursor": "c2", "events": [frame(["", "c1"], 2, &message(1, "one"))]}));
        assert_eq!((replica.cursor(), texts(&replica)), (Some("c2"), vec!["one", "two"]));
    }

    #[test]
    fn what_a_page_does_not_show_is_gone_unless_it_is_newer() {
        let mut replica = Replica::default();
        replica.forget("c0");
        replica.pushed(&frame(["c0", "c1"], 1, &message(1, "one")));
        replica.pushed(&frame(["c1", "c2"], 2, &message(2, "two")));
        replica.pushed(&frame(["c2", "c3"], 9, &message(3, "three")));
        replica.page("k", page(5, &[message(2, "two, edited")]));
        assert_eq!(texts(&replica), ["two, edited", "three"]);
        assert_eq!(replica.since(), None, "it is not loaded yet");
        replica.loaded(&BTreeMap::from([("k".to_owned(), 5)]));
        replica.pushed(&frame(["x", "y"], 4, &message(4, "came and went before the page")));
        replica.pushed(&frame(["c2", "c3"], 1, &message(1, "one")));
        assert_eq!(texts(&replica), ["two, edited", "three"]);
    }

    #[test]
    fn what_was_pushed_while_pages_were_loaded_and_is_older_than_they_is_gone() {
        let mut replica = Replica::default();
        replica.forget("c0");
        replica.page("k", page(5, &[message(2, "two")]));
        replica.pushed(&frame(["x", "y"], 3, &message(1, "deleted at 4")));
        replica.pushed(&frame(["c0", "c1"], 6, &message(3, "three")));
        replica.loaded(&BTreeMap::from([("k".to_owned(), 5)]));
        assert_eq!(texts(&replica), ["two", "three"]);
    }

    #[test]
    fn a_page_says_nothing_of_what_is_outside_of_it() {
        let mut replica = Replica::default();
        for seq in 1..=4 {
            replica.pushed(&frame(["", ""], seq, &message(seq, &seq.to_string())));
        }
        let shown = [message(2, "2")];
        replica.page(
            "k",
            Page {
                from: 2,
                to: 3,
                ..page(9, &shown)
            },
        );
        assert_eq!(texts(&replica), ["1", "2", "4"]);
    }

    #[test]
    fn ones_own_answers_are_taken_like_frames() {
        let mut replica = Replica::default();
        replica.forget("c0");
        let sent = json!({"state": {"key": "k", "rev": 1}, "entry": message(1, "mine")});
        replica.answered(&json!({"prev": "c0", "cursor": "c1"}), &sent);
        assert_eq!((replica.cursor(), texts(&replica)), (Some("c1"), vec!["mine"]));
        let deleted = json!({"state": {"key": "k", "rev": 2}});
        replica.deleted(&json!({"prev": "c1", "cursor": "c2"}), &deleted, "m1");
        assert_eq!((replica.cursor(), texts(&replica).len()), (Some("c2"), 0));
    }
}
