//! The checker: compares what was acknowledged with what every client and every fresh client sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ledger::{Acknowledged, Ledger};

/// A message as a client shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) id: String,
    pub(crate) seq: u64,
    pub(crate) text: String,
    pub(crate) seen: bool,
}

/// What a fresh client of a user loads of a conversation.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fresh {
    /// `state.total` of its history.
    pub(crate) total: u64,
    pub(crate) messages: Vec<Shown>,
    /// `latest` of its inbox entry; `None` too if there is no entry.
    pub(crate) latest: Option<Shown>,
    /// `unread` of its inbox entry; `None` if there is no entry.
    pub(crate) unread: Option<u64>,
}

/// All that can be seen after the clients have come to rest.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// By user, then by conversation.
    pub(crate) fresh: BTreeMap<u64, BTreeMap<String, Fresh>>,
    /// `total` and `unread_total` of each user's inbox.
    pub(crate) inboxes: BTreeMap<u64, (u64, u64)>,
    /// What each client that went through it all shows: its name, its user, the conversation.
    pub(crate) clients: BTreeMap<(String, u64, String), Vec<Shown>>,
    /// Connection ids in Redis that no client has.
    pub(crate) dead_connections: Vec<String>,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Something acknowledged is not there.
    Lost,
    /// Something is there that nobody, or not more than one, asked for.
    Doubled,
    /// A client that resumed shows something else than a fresh one.
    Differing,
    /// The two sides of a conversation, or positions and order, disagree.
    Order,
    /// A total, an unread count or a preview is wrong.
    Inbox,
    /// A request was refused without reason.
    Refused,
    /// A connection was not forgotten.
    Connection,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 7] = [
        Self::Lost,
        Self::Doubled,
        Self::Differing,
        Self::Order,
        Self::Inbox,
        Self::Refused,
        Self::Connection,
    ];

    /// What is counted under it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Doubled => "doubled",
            Self::Differing => "differing states",
            Self::Order => "order",
            Self::Inbox => "inboxes",
            Self::Refused => "refused without reason",
            Self::Connection => "dead connections",
        }
    }
}

/// Something wrong, told with ids and not with texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.name(), self.what)
    }
}

/// Everything that is wrong; empty if the promise was kept.
pub(crate) fn check(ledger: &Ledger, seen: &Seen) -> Vec<Finding> {
    let mut checker = Checker {
        ledger,
        seen,
        findings: Vec::new(),
    };
    checker.conversations();
    checker.clients();
    checker.inboxes();
    checker.rest();
    checker.findings
}

struct Checker<'a> {
    ledger: &'a Ledger,
    seen: &'a Seen,
    findings: Vec<Finding>,
}

impl Checker<'_> {
    fn found(&mut self, kind: Kind, what: impl Into<String>) {
        self.findings.push(Finding {
            kind,
            what: what.into(),
        });
    }

    fn conversations(&mut self) {
        let (ledger, seen) = (self.ledger, self.seen);
        let mut acknowledged: BTreeMap<&str, BTreeMap<&str, &Acknowledged>> = BTreeMap::new();
        for (id, message) in &ledger.messages {
            if message.seq == 0 {
                self.found(
                    Kind::Doubled,
                    format!("{id} was changed, and is the answer to nothing that was sent"),
                );
                continue;
            }
            acknowledged.entry(&message.key).or_default().insert(id, message);
        }
        let mut sides: BTreeMap<&str, &Fresh> = BTreeMap::new();
        for (user, conversations) in &seen.fresh {
            for (key, fresh) in conversations {
                let nothing = BTreeMap::new();
                self.history(
                    &format!("{key} as {user} sees it"),
                    fresh,
                    acknowledged.get(key.as_str()).unwrap_or(&nothing),
                );
                if let Some(other) = sides.insert(key, fresh)
                    && other.messages != fresh.messages
                {
                    let what = difference(&other.messages, &fresh.messages);
                    self.found(Kind::Order, format!("{key}: the sides see different histories: {what}"));
                }
            }
        }
        for (key, messages) in acknowledged {
            let mut seqs: Vec<u64> = messages.values().map(|message| message.seq).collect();
            seqs.sort_unstable();
            let expected: Vec<u64> = (1..).take(seqs.len()).collect();
            if seqs != expected {
                let at = seqs
                    .iter()
                    .zip(&expected)
                    .position(|(seq, expected)| seq != expected)
                    .unwrap_or_default();
                self.found(
                    Kind::Order,
                    format!("{key}: positions have a gap or a repetition at {}", at + 1),
                );
            }
            if !sides.contains_key(key) {
                self.found(Kind::Lost, format!("{key}: nobody sees the conversation"));
            }
        }
    }

    /// A history against what was acknowledged.
    fn history(&mut self, place: &str, fresh: &Fresh, acknowledged: &BTreeMap<&str, &Acknowledged>) {
        let mut times: BTreeMap<&str, u64> = BTreeMap::new();
        for shown in &fresh.messages {
            *times.entry(&shown.id).or_default() += 1;
            let id = &shown.id;
            let Some(message) = acknowledged.get(id.as_str()) else {
                self.found(
                    Kind::Doubled,
                    format!("{place}: {id} is the answer to nothing that was sent"),
                );
                continue;
            };
            if message.seq != shown.seq {
                self.found(
                    Kind::Order,
                    format!(
                        "{place}: {id} was acknowledged at {} and is at {}",
                        message.seq, shown.seq
                    ),
                );
            }
            if message.deleted {
                self.found(Kind::Lost, format!("{place}: the deletion of {id}"));
            } else if message.says() != shown.text {
                self.found(Kind::Lost, format!("{place}: the last edit of {id}"));
            }
            if self.seen_by_others(message) && !shown.seen {
                self.found(Kind::Lost, format!("{place}: that {id} was seen"));
            }
        }
        for (id, message) in acknowledged {
            match times.get(id) {
                None if !message.deleted => self.found(Kind::Lost, format!("{place}: {id} at {}", message.seq)),
                Some(2..) => self.found(Kind::Doubled, format!("{place}: {id} is there more than once")),
                _ => {}
            }
        }
        if !fresh.messages.is_sorted_by(|one, other| one.seq < other.seq) {
            self.found(Kind::Order, format!("{place}: messages do not stand in their order"));
        }
    }

    /// Whether it was acknowledged that someone else than the author has read up to the message, by a "seen" or by an own message behind it.
    fn seen_by_others(&self, message: &Acknowledged) -> bool {
        let reads = self.ledger.read.iter();
        reads
            .filter(|((key, by), _)| *key == message.key && *by != message.author)
            .any(|(_, read)| read.up_to >= message.seq)
    }

    /// Clients that went through it all against fresh ones.
    fn clients(&mut self) {
        let nothing = Vec::new();
        for ((name, user, key), shown) in &self.seen.clients {
            let fresh = self
                .seen
                .fresh
                .get(user)
                .and_then(|conversations| conversations.get(key));
            let fresh = fresh.map_or(&nothing, |fresh| &fresh.messages);
            if shown != fresh {
                self.found(
                    Kind::Differing,
                    format!("{key} at {name}: {}", difference(fresh, shown)),
                );
            }
        }
    }

    fn inboxes(&mut self) {
        for (user, conversations) in &self.seen.fresh {
            let mut unread_total = 0;
            for (key, fresh) in conversations {
                let place = format!("{key} in the inbox of {user}");
                let count = fresh.messages.len() as u64;
                if fresh.total != count {
                    self.found(
                        Kind::Inbox,
                        format!("{place}: total is {} and not {count}", fresh.total),
                    );
                }
                if fresh.latest.as_ref() != fresh.messages.last() {
                    let id = |shown: Option<&Shown>| shown.map_or("none", |shown| shown.id.as_str()).to_owned();
                    let (shown, right) = (id(fresh.latest.as_ref()), id(fresh.messages.last()));
                    self.found(
                        Kind::Inbox,
                        format!("{place}: the newest message is {shown}, or its state, and not {right}"),
                    );
                }
                let right = self.unread(*user, key, fresh);
                unread_total += fresh.unread.unwrap_or(0);
                if !fresh.unread.is_some_and(|unread| right.contains(&unread)) {
                    self.found(
                        Kind::Inbox,
                        format!("{place}: {:?} unread and not {right:?}", fresh.unread),
                    );
                }
            }
            let totals = (conversations.len() as u64, unread_total);
            if self.seen.inboxes.get(user) != Some(&totals) {
                let shown = self.seen.inboxes.get(user);
                self.found(
                    Kind::Inbox,
                    format!("totals of {user} are {shown:?} and not {totals:?}"),
                );
            }
        }
    }

    /// What may be shown as unread: exactly one number, unless it is not known whether something refused was done before.
    fn unread(&self, user: u64, key: &str, fresh: &Fresh) -> BTreeSet<u64> {
        let read = self
            .ledger
            .read
            .get(&(key.to_owned(), user))
            .cloned()
            .unwrap_or_default();
        let positions = read
            .perhaps
            .iter()
            .copied()
            .filter(|seq| *seq > read.up_to)
            .chain([read.up_to]);
        positions
            .map(|read| fresh.messages.iter().filter(|message| message.seq > read).count() as u64)
            .collect()
    }

    fn rest(&mut self) {
        for id in &self.ledger.shared {
            self.found(Kind::Lost, format!("{id} is the answer to two sends"));
        }
        for (id, status) in &self.ledger.refused {
            // Gone before it could be changed: the only reason there is.
            let is_gone = self.ledger.messages.get(id).is_some_and(|message| message.deleted);
            if !(*status == 404 && is_gone) {
                self.found(Kind::Refused, format!("{status} to a change of {id}"));
            }
        }
        for id in &self.seen.dead_connections {
            self.found(Kind::Connection, id.clone());
        }
    }
}

/// The first thing in which two histories differ.
fn difference(right: &[Shown], wrong: &[Shown]) -> String {
    let missing = right.iter().find(|one| wrong.iter().all(|other| other.id != one.id));
    let surplus = wrong.iter().find(|one| right.iter().all(|other| other.id != one.id));
    let changed = right.iter().zip(wrong).find(|(one, other)| one != other);
    match (missing, surplus, changed) {
        (Some(one), ..) => format!("{} at {} is missing", one.id, one.seq),
        (_, Some(one), _) => format!("{} at {} is too much", one.id, one.seq),
        (_, _, Some((one, other))) if one.id != other.id => format!("{} stands in place of {}", other.id, one.id),
        (_, _, Some((one, other))) => {
            let mut parts = Vec::new();
            parts.extend((one.seq != other.seq).then_some("position"));
            parts.extend((one.text != other.text).then_some("text"));
            parts.extend((one.seen != other.seen).then_some("status"));
            format!("{} at {} has another {}", one.id, one.seq, parts.join(" and "))
        }
        _ => "one is longer".to_owned(),
    }
}
