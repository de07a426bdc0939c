//! A client that follows the rules of `docs/clients.md`, over the answers that the functions give.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value;
use shared::domain::{Conversation, Cursor, Id, MessageId, Target, User, Window};
use shared::ports::{Listing, PageBounds, Store as _};
use shared::wire::{self, ChangesAnswer, SyncAnswer};

use super::USERS;
use crate::support::{World, open, page};

/// What a page of changes may hold: so little that there are many.
const SMALL: PageBounds = PageBounds { count: 3, bytes: 200 };

/// A message that is shown: its position, what it says, and whether the other side has seen it.
pub(super) type Shown = (u64, String, bool);

/// An author, and what the message says.
type Said = (String, String);

/// What a client knows of a conversation.
#[derive(Default)]
pub(super) struct Known {
    /// The revision up to which it knows all.
    rev: u64,
    /// By position: the revision that last changed the message, and what it says; nothing if it is deleted.
    messages: BTreeMap<u64, (u64, Option<Said>)>,
    /// How far each user has read.
    reads: BTreeMap<String, u64>,
    /// Revisions that came before the one before them.
    links: BTreeSet<(u64, u64)>,
}

impl Known {
    fn take(&mut self, entry: &Value, rev: u64) {
        let seq = entry["seq"].as_u64().unwrap();
        let author = entry["author"].to_string().replace('"', "");
        let said = entry["text"].as_str().map(|text| (author.clone(), text.to_owned()));
        // Also an older state says that its author has read up to there.
        if said.is_some() {
            self.read(&author, seq);
        }
        // A message that is not known although everything up to its revision is: it was deleted.
        if rev > self.messages.get(&seq).map_or(self.rev, |(known, _)| *known) {
            self.messages.insert(seq, (rev, said));
        }
    }

    fn read(&mut self, by: &str, seq: u64) {
        let position = self.reads.entry(by.to_owned()).or_default();
        *position = seq.max(*position);
    }

    fn close_chain(&mut self) {
        while let Some(link) = self.links.iter().find(|(prev, _)| *prev <= self.rev).copied() {
            assert!(
                link.0 == self.rev || link.1 <= self.rev,
                "no conversation is set back here"
            );
            self.rev = link.1.max(self.rev);
            self.links.remove(&link);
        }
    }

    /// What is shown: messages that are not deleted, and whether the other side has seen them.
    pub(super) fn shown(&self) -> Vec<Shown> {
        let shown = |(seq, (_, said)): (&u64, &(u64, Option<Said>))| {
            let (author, text) = said.as_ref()?;
            let seen = self.reads.iter().any(|(reader, read)| reader != author && read >= seq);
            Some((*seq, text.clone(), seen))
        };
        self.messages.iter().filter_map(shown).collect()
    }
}

/// A client that follows the rules, and shows all conversations.
#[derive(Default)]
pub(super) struct Client {
    cursor: String,
    /// Links of the chain of cursors that came too early.
    links: HashMap<String, String>,
    pub(super) conversations: BTreeMap<String, Known>,
}

impl Client {
    pub(super) fn frame(&mut self, frame: &Value) {
        let (data, state) = (&frame["data"], &frame["data"]["state"]);
        let rev = state["rev"].as_u64().unwrap();
        let known = self
            .conversations
            .entry(state["inbox_key"].as_str().unwrap().to_owned())
            .or_default();
        if frame["event"] == "message.read" {
            let reader = data["user"].to_string().replace('"', "");
            known.read(&reader, data["read"]["seq"].as_u64().unwrap());
        } else {
            known.take(&data["entry"], data["entry"]["rev"].as_u64().unwrap_or(rev));
        }
        // A frame without the revision before it closes no chain, and leaves a gap.
        known
            .links
            .insert((state["prev_rev"].as_u64().unwrap_or(u64::MAX), rev));
        known.close_chain();
        if let (Some(prev), Some(cursor)) = (frame["prev"].as_str(), frame["cursor"].as_str()) {
            self.links.insert(prev.to_owned(), cursor.to_owned());
            while let Some(next) = self.links.remove(&self.cursor) {
                self.cursor = next;
            }
        }
    }

    pub(super) fn cut(&mut self) {
        self.links.clear();
        for known in self.conversations.values_mut() {
            known.links.clear();
        }
    }

    pub(super) async fn sync(&mut self, world: &World, of: &User) {
        let mut owed: BTreeSet<String> = BTreeSet::new();
        loop {
            let since = Some(Cursor::parse(&self.cursor).unwrap_or_default());
            let changed = world.store.changed_entries(of, since, SMALL).await.unwrap();
            let answer = serde_json::to_value(SyncAnswer::new(of, &changed, 600)).unwrap();
            assert_eq!(answer["recovered"], true);
            for entry in answer["entries"].as_array().unwrap() {
                let key = format!("user-{}", entry["id"].to_string().replace('"', ""));
                if entry["rev"].as_u64().unwrap() > self.conversations.entry(key.clone()).or_default().rev {
                    owed.insert(key);
                }
            }
            answer["cursor"].as_str().unwrap().clone_into(&mut self.cursor);
            if answer["more"] == false {
                break;
            }
        }
        self.links.clear();
        // A chain that did not close.
        owed.extend(
            self.conversations
                .iter()
                .filter(|(_, known)| !known.links.is_empty())
                .map(|(key, _)| key.clone()),
        );
        for key in owed {
            self.catch_up(world, of, &key).await;
        }
    }

    async fn catch_up(&mut self, world: &World, of: &User, key: &str) {
        let conversation = Conversation::of(of, &Target::from_inbox_key(key).unwrap());
        let known = self.conversations.entry(key.to_owned()).or_default();
        loop {
            let changes = world
                .store
                .changes(&conversation, &open(of), known.rev, SMALL)
                .await
                .unwrap();
            let answer = serde_json::to_value(ChangesAnswer::new(of, &conversation, &changes, 300)).unwrap();
            assert_eq!(answer["reset"], Value::Null);
            for of in ["messages", "deleted"] {
                for entry in answer[of].as_array().unwrap() {
                    known.take(entry, entry["rev"].as_u64().unwrap());
                }
            }
            for (reader, seq) in answer["read"].as_object().into_iter().flatten() {
                known.read(reader, seq.as_u64().unwrap());
            }
            known.rev = answer["state"]["rev"].as_u64().unwrap();
            if answer["more"] == false {
                known.links.clear();
                return;
            }
        }
    }

    /// Loads a conversation anew by its history, from the newest page to the oldest; what was shown of it is gone.
    pub(super) async fn load(&mut self, world: &World, of: &User, target: &Target) {
        let conversation = Conversation::of(of, target);
        let known = self.conversations.entry(target.to_string()).or_default();
        *known = Known::default();
        let (mut window, mut rev) = (page(1, 2), 0);
        loop {
            let history = world.store.history(&conversation, &open(of), &window).await.unwrap();
            let answer = wire::history(&conversation, of, target, &window, &history, &Listing::default());
            let answer = serde_json::to_value(answer).unwrap();
            for entry in answer["messages"].as_array().unwrap() {
                let mut entry = entry.clone();
                entry["author"] = entry["author"]["id"].take();
                known.take(&entry, entry["rev"].as_u64().unwrap());
                if entry["status"] == "seen" {
                    let author = entry["author"].to_string().replace('"', "");
                    let other = if author == of.id.to_string() {
                        target.parts().1
                    } else {
                        &of.id
                    };
                    known.read(&other.to_string(), entry["seq"].as_u64().unwrap());
                }
            }
            if matches!(window, Window::Page(_)) {
                rev = answer["state"]["rev"].as_u64().unwrap();
            }
            let Some(before) = answer["state"]["prev"].as_str() else {
                break;
            };
            window = Window::Before(MessageId::parse(before).unwrap(), 2);
        }
        known.rev = rev;
    }
}

/// What a fresh client of this user loads, by conversation.
pub(super) async fn loaded(world: &World, of: &User) -> BTreeMap<String, Vec<Shown>> {
    let mut loaded = BTreeMap::new();
    for other in USERS {
        let target = Target::User(Id::parse(other).unwrap());
        let conversation = Conversation::of(of, &target);
        let history = world
            .store
            .history(&conversation, &open(of), &page(1, 100))
            .await
            .unwrap();
        let shown = history.messages.iter().map(|message| {
            let content = message.body.content().to_owned();
            (message.id.seq, content, history.reads.have_seen(message))
        });
        loaded.insert(target.to_string(), shown.collect());
    }
    loaded
}
