//! What changes on the screen: the difference between what was shown and what is known.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::state::{Replica, author, field, list, number, text};

/// Something to show.
#[derive(Debug, PartialEq)]
pub(super) enum News {
    /// A message, and whether it was sent from here.
    Message {
        /// The message.
        message: Value,
        /// Whether it was sent from here.
        sent: bool,
    },
    /// Another text or image of a message.
    Edited(Value),
    /// A message that changed, from before those on the screen.
    Earlier(Value),
    /// Other reactions to a message.
    Reactions(Value),
    /// A message is gone.
    Deleted {
        /// Its position.
        seq: u64,
        /// The id of its author.
        author: String,
    },
    /// The other side has read up to this position.
    Seen(u64),
}

/// What stands on the screen. Lines of a terminal stay, so whatever changes is a line more.
#[derive(Debug, Default)]
pub(super) struct View {
    shown: BTreeMap<u64, Shown>,
    /// The position from which on everything is on the screen.
    floor: u64,
    seen: u64,
    sent: BTreeSet<String>,
}

/// A message as it was shown last.
#[derive(Debug, PartialEq)]
struct Shown {
    id: String,
    author: String,
    content: Value,
    reactions: Value,
}

impl Shown {
    fn of(message: &Value) -> Self {
        let content = text(message, "text").map_or_else(|| field(message, "image"), |_| field(message, "text"));
        // Who else is among the newest ten users of a reaction is not shown.
        let reactions = list(message, "reactions").map(|one| {
            let of = |name| field(one, name).clone();
            Value::Array(vec![of("reaction"), of("count"), of("mine")])
        });
        Self {
            id: text(message, "id").unwrap_or_default().to_owned(),
            author: author(message),
            content: content.clone(),
            reactions: reactions.collect(),
        }
    }
}

impl View {
    /// Messages with this retry key come from here.
    pub(super) fn sends(&mut self, client_id: &str) {
        self.sent.insert(client_id.to_owned());
    }

    /// What is new since this was asked before. Only for a replica that is settled: then messages come in their order, each once.
    pub(super) fn news(&mut self, replica: &mut Replica) -> Vec<News> {
        let mut news = Vec::new();
        for seq in replica.take_changed() {
            news.extend(self.at(seq, replica));
        }
        news.extend(self.seen(replica));
        news
    }

    fn at(&mut self, seq: u64, replica: &Replica) -> Vec<News> {
        let id = replica.id_at(seq).unwrap_or_default();
        let first = self.shown.first_key_value();
        let is_earlier = seq < self.floor || first.is_some_and(|(first, _)| seq < *first);
        // A store that was set back gives a position to another message.
        let before = self.shown.remove(&seq).filter(|shown| shown.id == id);
        let Some(message) = replica.message(seq) else {
            let gone = before.map(|Shown { author, .. }| News::Deleted { seq, author });
            return gone.into_iter().collect();
        };
        let now = Shown::of(&message);
        let mut news = Vec::new();
        match before {
            None => {
                let sent = text(&message, "client_id").is_some_and(|id| self.sent.contains(id));
                if is_earlier {
                    // It will be shown, whole, among the earlier ones.
                    return vec![News::Earlier(message)];
                }
                news.push(News::Message { message, sent });
            }
            Some(before) => {
                if before.content != now.content {
                    news.push(News::Edited(message.clone()));
                }
                if before.reactions != now.reactions {
                    news.push(News::Reactions(message));
                }
            }
        }
        self.shown.insert(seq, now);
        news
    }

    /// Everything from the first of these messages on is shown; without a message all there is.
    pub(super) fn starts_with(&mut self, page: &[Value]) {
        self.floor = page.first().map(seq).unwrap_or_default();
    }

    /// Puts a page of earlier messages on the screen, which the replica knows; returns those that are not there yet.
    pub(super) fn earlier(&mut self, page: &[Value], replica: &Replica) -> Vec<News> {
        let mut news = Vec::new();
        for message in page.iter().filter_map(|message| replica.message(seq(message))) {
            let (seq, shown) = (seq(&message), Shown::of(&message));
            self.floor = self.floor.min(seq);
            if self
                .shown
                .insert(seq, shown)
                .is_none_or(|before| text(&message, "id") != Some(&before.id))
            {
                news.push(News::Message { message, sent: false });
            }
        }
        news
    }

    /// Whether the other side has read up to an own message since. Who has answered it has read it, which needs no line.
    fn seen(&mut self, replica: &Replica) -> Option<News> {
        let (seq, _) = replica.newest(true)?;
        if seq <= self.seen || replica.read_by_other() < seq {
            return None;
        }
        self.seen = seq;
        let is_answered = replica.newest(false).is_some_and(|(answer, _)| answer > seq);
        (!is_answered).then_some(News::Seen(seq))
    }

    /// The id of the message that stands at a position on the screen.
    pub(super) fn id_at(&self, seq: u64) -> Option<&str> {
        self.shown.get(&seq).map(|shown| shown.id.as_str())
    }
}

/// The users whom news name.
pub(super) fn named(news: &News) -> Vec<String> {
    match news {
        News::Message { message, .. } | News::Edited(message) | News::Earlier(message) => {
            let quoted = field(message, "reply_to");
            let quoted = (!field(quoted, "author").is_null()).then(|| author(quoted));
            [author(message)].into_iter().chain(quoted).collect()
        }
        News::Deleted { author, .. } => vec![author.clone()],
        News::Reactions(_) | News::Seen(_) => Vec::new(),
    }
}

/// The position of a message.
pub(super) fn seq(message: &Value) -> u64 {
    number(message, "seq").unwrap_or_default()
}
