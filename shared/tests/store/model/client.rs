//! A client that follows the rules of `docs/clients.md`, over the answers that the functions give.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Value, json};
use shared::domain::{Conversation, Cursor, Id, MessageId, Target, TopicMember, User, Window};
use shared::ports::{Listing, PageBounds, Store as _};
use shared::wire::{self, ChangesAnswer, SyncAnswer};

use crate::support::{World, open, page};

/// What a page of changes may hold: so little that there are many.
const SMALL: PageBounds = PageBounds { count: 3, bytes: 200 };

/// A message that is shown: its position, what it is, and whether the other side of a direct conversation has seen it.
pub(super) type Shown = (u64, Said, bool);

/// What a message says.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Said {
    author: String,
    text: String,
    mentions: Value,
    reactions: Value,
    /// What it replies to, as it was when the message was told.
    reply: Value,
    client_id: Value,
}

impl Said {
    /// Reads a message; nothing if it is deleted.
    fn of(entry: &Value) -> Option<Self> {
        Some(Self {
            author: name(&entry["author"]),
            text: entry["text"].as_str()?.to_owned(),
            mentions: entry["mentions"].clone(),
            reactions: entry["reactions"].clone(),
            reply: entry["reply_to"].clone(),
            client_id: entry["client_id"].clone(),
        })
    }
}

/// An id as text, also of an author in a history.
fn name(id: &Value) -> String {
    let id = if id.is_object() { &id["id"] } else { id };
    id.to_string().replace('"', "")
}

/// What a client knows of a conversation.
#[derive(Default)]
pub(super) struct Known {
    /// The revision up to which it knows all.
    rev: u64,
    /// By position: the revision that last changed the message, and what it says; nothing if it is deleted.
    messages: BTreeMap<u64, (u64, Option<Said>)>,
    /// How far each user has read; in a topic only the user of the client.
    pub(super) reads: BTreeMap<String, u64>,
    /// Revisions that came before the one before them.
    links: BTreeSet<(u64, u64)>,
    /// Of a topic: the revision as of which each user is a member, or none any more.
    members: BTreeMap<String, (u64, bool)>,
    /// The revision as of which the members were loaded: what is older says nothing of one who is not known.
    members_rev: u64,
}

impl Known {
    fn take(&mut self, entry: &Value, rev: u64) {
        let seq = entry["seq"].as_u64().unwrap();
        let said = Said::of(entry);
        // Also an older state says that its author has read up to there.
        if let Some(said) = &said {
            self.read(&said.author.clone(), seq);
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

    fn member(&mut self, id: &str, rev: u64, is_there: bool) {
        let loaded = (self.members_rev, false);
        let known = self.members.entry(id.to_owned()).or_insert(loaded);
        if rev > known.0 {
            *known = (rev, is_there);
        }
    }

    /// The members as of a revision, loaded anew.
    async fn load_members(&mut self, world: &World, of: &User, topic: &Conversation) {
        let members = world.store.members(topic, &open(of)).await.unwrap();
        let member = |member: TopicMember| (member.id.to_string(), (self.rev, true));
        self.members = members.into_iter().map(member).collect();
        self.members_rev = self.rev;
    }

    pub(super) fn members(&self) -> BTreeSet<String> {
        let there = self.members.iter().filter(|(_, (_, is_there))| *is_there);
        there.map(|(id, _)| id.clone()).collect()
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
    pub(super) fn shown(&self, is_direct: bool) -> Vec<Shown> {
        let shown = |(seq, (_, said)): (&u64, &(u64, Option<Said>))| {
            let mut said = said.clone()?;
            said.reply = self.newest_quote(said.reply);
            let is_seen = |(reader, read): (&String, &u64)| *reader != said.author && read >= seq;
            let seen = is_direct && self.reads.iter().any(is_seen);
            Some((*seq, said, seen))
        };
        self.messages.iter().filter_map(shown).collect()
    }

    /// A reply shows the message that it replies to as it is now, if that is known.
    fn newest_quote(&self, reply: Value) -> Value {
        let Some((seq, told)) = reply["seq"].as_u64().zip(reply["rev"].as_u64()) else {
            return reply;
        };
        match self.messages.get(&seq) {
            Some((rev, None)) if *rev > told => json!({"id": reply["id"], "seq": seq, "deleted": true}),
            Some((rev, Some(quoted))) if *rev > told => {
                let mut newest = reply;
                newest["rev"] = json!(rev);
                newest["excerpt"] = json!(quoted.text.chars().take(100).collect::<String>());
                newest
            }
            _ => reply,
        }
    }
}

/// A client that follows the rules, and shows all conversations.
#[derive(Default)]
pub(super) struct Client {
    name: String,
    cursor: String,
    /// Links of the chain of cursors that came too early, and what each does to the list of conversations.
    links: HashMap<String, (String, Option<News>)>,
    pub(super) conversations: BTreeMap<String, Known>,
    /// Conversations that the inbox has told: as of which revision, and whether the user has left.
    listed: BTreeMap<String, (u64, bool)>,
    /// Which of muted, hidden and pinned conversations are.
    pub(super) settings: BTreeMap<String, [bool; 3]>,
}

/// What a frame does to the list of conversations, in the order of the cursors.
enum News {
    Set(String, [bool; 3]),
    Message(String),
    Left(String),
}

/// Which of muted, hidden and pinned an entry is.
fn switches(entry: &Value) -> [bool; 3] {
    ["muted", "hidden", "pinned"].map(|setting| entry[setting] == true)
}

impl Client {
    pub(super) fn of(user: &User) -> Self {
        Self {
            name: user.id.to_string(),
            ..Self::default()
        }
    }

    /// Whether the client lists a conversation.
    pub(super) fn lists(&self, key: &str) -> bool {
        self.listed.get(key).is_some_and(|(_, left)| !left)
    }

    fn list(&mut self, key: &str, rev: u64, left: bool) {
        let known = self.listed.entry(key.to_owned()).or_default();
        if rev >= known.0 {
            *known = (rev, left);
        }
    }

    pub(super) fn frame(&mut self, frame: &Value) {
        let (data, state) = (&frame["data"], &frame["data"]["state"]);
        let key = state["inbox_key"].as_str().unwrap().to_owned();
        match state["rev"].as_u64() {
            Some(rev) => self.change(&key, frame["event"].as_str().unwrap(), data, rev),
            // An event without a revision changes no message.
            None => self.own_event(
                &key,
                frame["event"].as_str().unwrap(),
                data,
                frame["cursor"].is_string(),
            ),
        }
        if let (Some(prev), Some(cursor)) = (frame["prev"].as_str(), frame["cursor"].as_str()) {
            let news = match frame["event"].as_str().unwrap() {
                "conversation.settings" => Some(News::Set(key, switches(&data["entry"]))),
                "message.new" => Some(News::Message(key)),
                "member.left" if name(&data["user"]) == self.name => Some(News::Left(key)),
                _ => None,
            };
            self.links.insert(prev.to_owned(), (cursor.to_owned(), news));
            while let Some((next, news)) = self.links.remove(&self.cursor) {
                self.cursor = next;
                self.apply(news);
            }
        }
    }

    fn apply(&mut self, news: Option<News>) {
        match news {
            Some(News::Set(key, is_set)) => drop(self.settings.insert(key, is_set)),
            // A new message brings back what was hidden.
            Some(News::Message(key)) => self.settings.entry(key).or_default()[1] = false,
            Some(News::Left(key)) => drop(self.settings.remove(&key)),
            None => {}
        }
    }

    fn change(&mut self, key: &str, event: &str, data: &Value, rev: u64) {
        let is_me = name(&data["user"]) == self.name;
        self.list(key, rev, event == "member.left" && is_me);
        let known = self.conversations.entry(key.to_owned()).or_default();
        match event {
            "message.read" => known.read(&name(&data["user"]), data["read"]["seq"].as_u64().unwrap()),
            "member.joined" | "member.left" => known.member(&name(&data["user"]), rev, event == "member.joined"),
            "message.new" | "message.updated" | "message.deleted" => {
                let entry = &data["entry"];
                known.take(entry, entry["rev"].as_u64().unwrap_or(rev));
                if event == "message.new" {
                    known.member(&name(&entry["author"]), rev, true);
                }
            }
            other => panic!("{other} with a revision"),
        }
        // A frame without the revision before it closes no chain, and leaves a gap.
        let prev_rev = data["state"]["prev_rev"].as_u64().unwrap_or(u64::MAX);
        known.links.insert((prev_rev, rev));
        known.close_chain();
    }

    fn own_event(&mut self, key: &str, event: &str, data: &Value, is_own: bool) {
        match event {
            "message.read" if is_own => {
                let known = self.conversations.entry(key.to_owned()).or_default();
                assert_eq!(name(&data["user"]), self.name);
                known.read(&self.name, data["read"]["seq"].as_u64().unwrap());
            }
            // To whoever watches, or after a telling that was missed: nothing that lasts is told by it. Settings follow the cursor.
            "message.read" | "conversation.settings" => {}
            other => panic!("{other} without a revision"),
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
                let key = format!("{}-{}", entry["type"].as_str().unwrap(), name(&entry["id"]));
                let (rev, left) = (entry["rev"].as_u64().unwrap(), entry["left"] == true);
                self.list(&key, rev, left);
                self.settings.insert(key.clone(), switches(entry));
                let known = self.conversations.entry(key.clone()).or_default();
                known.read(&self.name, entry["read"]["seq"].as_u64().unwrap());
                if rev > known.rev {
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
        let mut other_members = false;
        loop {
            let changes = world.store.changes(&conversation, &open(of), known.rev, SMALL).await;
            let answer = ChangesAnswer::new(of, &conversation, &changes.unwrap(), 300);
            let answer = serde_json::to_value(answer).unwrap();
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
            other_members |= answer["members"] == true;
            if answer["more"] == false {
                break;
            }
        }
        known.links.clear();
        if other_members {
            known.load_members(world, of, &conversation).await;
        }
    }

    /// Loads a conversation anew by its history, from the newest page to the oldest; what was shown of it is gone.
    pub(super) async fn load(&mut self, world: &World, of: &User, target: &Target) {
        let conversation = Conversation::of(of, target);
        let known = self.conversations.entry(target.to_string()).or_default();
        let own = known.reads.remove(&self.name);
        *known = Known::default();
        if let Some(own) = own.filter(|_| !conversation.is_direct()) {
            known.read(&self.name, own);
        }
        let (mut window, mut rev) = (page(1, 2), 0);
        loop {
            let history = world.store.history(&conversation, &open(of), &window).await.unwrap();
            let answer = wire::history(&conversation, of, target, &window, &history, &Listing::default());
            let answer = serde_json::to_value(answer).unwrap();
            for entry in answer["messages"].as_array().unwrap() {
                known.take(entry, entry["rev"].as_u64().unwrap());
                if entry["status"] == "seen" {
                    let is_mine = name(&entry["author"]) == self.name;
                    let other = if is_mine { target.parts().1 } else { &of.id };
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
        if !conversation.is_direct() {
            known.load_members(world, of, &conversation).await;
        }
    }
}

/// What a fresh client of this user loads of a conversation.
pub(super) async fn loaded(world: &World, of: &User, target: &Target) -> Vec<Shown> {
    let (conversation, window) = (Conversation::of(of, target), page(1, 100));
    let history = world.store.history(&conversation, &open(of), &window).await.unwrap();
    let answer = wire::history(&conversation, of, target, &window, &history, &Listing::default());
    let answer = serde_json::to_value(answer).unwrap();
    let shown = |entry: &Value| {
        let seq = entry["seq"].as_u64().unwrap();
        (seq, Said::of(entry).unwrap(), entry["status"] == "seen")
    };
    answer["messages"].as_array().unwrap().iter().map(shown).collect()
}

/// The id of a user.
pub(super) fn id(name: &str) -> Id {
    Id::parse(name).unwrap()
}
