//! The checker: compares what was acknowledged with what every client and every fresh client sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::ledger::{Acknowledged, Ledger, Read, Refused, Setting, When};
use crate::sight::{Entry, Fresh, Line, Reacted, Seen, Shown, Totals, View};

/// How much of a text a reply to it shows, in characters.
const EXCERPT_CHARS: usize = 100;
/// How many of those who gave a reaction are named.
const NAMED: u64 = 10;

/// What can be wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Something acknowledged is not there.
    Lost,
    /// Something is there that nobody, or not more than one, asked for.
    Doubled,
    /// A client that resumed shows something else than a fresh one.
    Differing,
    /// The members of a conversation, or positions and order, disagree.
    Order,
    /// A total, an unread count, a setting or a preview is wrong, or a conversation is missing or too much.
    Inbox,
    /// A request was refused without reason.
    Refused,
    /// A connection was not forgotten.
    Connection,
    /// The platform was not told of a message that reached nobody.
    Untold,
    /// Something that had to go is there.
    Left,
}

impl Kind {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::Lost,
        Self::Doubled,
        Self::Differing,
        Self::Order,
        Self::Inbox,
        Self::Refused,
        Self::Connection,
        Self::Untold,
        Self::Left,
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
            Self::Untold => "untold",
            Self::Left => "left behind",
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
    let ledger = &with_what_was_perhaps_sent(ledger, seen);
    let mut checker = Checker::new(ledger, seen, &Setting::ALL);
    checker.conversations();
    checker.members();
    checker.reactions();
    checker.clients();
    checker.inboxes();
    checker.rest();
    checker.findings
}

/// What is wrong with inboxes before the last messages, which tell every inbox everything once more. What is hidden then depends on which message
/// came last.
pub(crate) fn check_inboxes(ledger: &Ledger, seen: &Seen) -> Vec<Finding> {
    let ledger = &with_what_was_perhaps_sent(ledger, seen);
    let mut checker = Checker::new(ledger, seen, &[Setting::Muted, Setting::Pinned]);
    checker.inboxes();
    for finding in &mut checker.findings {
        finding.what.insert_str(0, "before the last messages, ");
    }
    checker.findings
}

/// What was refused after it had perhaps been sent counts as sent where it is seen.
fn with_what_was_perhaps_sent(ledger: &Ledger, seen: &Seen) -> Ledger {
    let mut ledger = ledger.clone();
    for shown in seen.fresh.values().flatten().flat_map(|(_, fresh)| &fresh.messages) {
        if let Some(sent) = ledger.perhaps_sent.remove(&shown.text)
            && !ledger.messages.contains_key(&shown.id)
        {
            let seq = shown.seq;
            ledger.sent(&shown.id, Acknowledged { seq, ..sent }, When::default());
        }
    }
    ledger
}

struct Checker<'a> {
    ledger: &'a Ledger,
    seen: &'a Seen,
    settings: &'a [Setting],
    findings: Vec<Finding>,
}

impl<'a> Checker<'a> {
    fn new(ledger: &'a Ledger, seen: &'a Seen, settings: &'a [Setting]) -> Self {
        Self {
            ledger,
            seen,
            settings,
            findings: Vec::new(),
        }
    }
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
                let acknowledged = acknowledged.get(key.as_str()).unwrap_or(&nothing);
                self.history(&format!("{key} as {user} sees it"), *user, fresh, acknowledged);
                if let Some(other) = sides.insert(key, fresh) {
                    let [other, this] =
                        [other, fresh].map(|of| of.messages.iter().map(Shown::to_all).collect::<Vec<_>>());
                    if other != this {
                        let what = difference(&other, &this);
                        self.found(Kind::Order, format!("{key}: members see different histories: {what}"));
                    }
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
    fn history(&mut self, place: &str, user: u64, fresh: &Fresh, acknowledged: &BTreeMap<&str, &Acknowledged>) {
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
            } else if !message.may_say(&shown.text) {
                self.found(Kind::Lost, format!("{place}: the last edit of {id}"));
            }
            if !is_topic(&message.key) && self.seen_by_others(message) && !shown.seen {
                self.found(Kind::Lost, format!("{place}: that {id} was seen"));
            }
            if shown.mentions != message.mentions
                || shown.reply_to.as_ref().map(|to| &to.id) != message.reply_to.as_ref()
            {
                self.found(
                    Kind::Lost,
                    format!("{place}: what {id} replies to, or whom it mentions"),
                );
            }
            if shown.is_named != (message.author == user) {
                self.found(
                    Kind::Differing,
                    format!("{place}: {id} shows its name to others, or not to its author"),
                );
            }
            self.excerpt(place, shown, fresh);
        }
        for (id, message) in acknowledged {
            match times.get(id) {
                None if !message.deleted && !message.perhaps_deleted => {
                    self.found(Kind::Lost, format!("{place}: {id} at {}", message.seq));
                }
                Some(2..) => self.found(Kind::Doubled, format!("{place}: {id} is there more than once")),
                _ => {}
            }
        }
        if !fresh.messages.is_sorted_by(|one, other| one.seq < other.seq) {
            self.found(Kind::Order, format!("{place}: messages do not stand in their order"));
        }
    }

    /// A reply against the message that it replies to.
    fn excerpt(&mut self, place: &str, shown: &Shown, fresh: &Fresh) {
        let Some(reply) = &shown.reply_to else { return };
        let quoted = fresh.messages.iter().find(|quoted| quoted.id == reply.id);
        let right = quoted.map(|quoted| quoted.text.chars().take(EXCERPT_CHARS).collect::<String>());
        if reply.excerpt != right {
            let what = format!("{place}: what {} shows of {}", shown.id, reply.id);
            self.found(Kind::Differing, what);
        }
    }

    /// Who is in topics against who was let in.
    fn members(&mut self) {
        let (ledger, seen) = (self.ledger, self.seen);
        for (key, members) in &seen.members {
            let asked = ledger.members.keys().filter(|(of, _)| of == key);
            let users: BTreeSet<u64> = members.iter().copied().chain(asked.map(|(_, user)| *user)).collect();
            for user in users {
                let is_in = members.contains(&user);
                if is_in && !ledger.members.contains_key(&(key.clone(), user)) {
                    self.found(Kind::Doubled, format!("{key}: {user} is a member and never joined"));
                } else if !ledger.may_be_member(key, user, is_in) {
                    let what = if is_in { "has left" } else { "has joined" };
                    self.found(Kind::Lost, format!("{key}: that {user} {what}"));
                }
            }
        }
    }

    /// Reactions against what was given and taken back.
    fn reactions(&mut self) {
        let (ledger, seen) = (self.ledger, self.seen);
        let mut given: BTreeMap<(&str, &str), Vec<u64>> = BTreeMap::new();
        for (id, user, reaction) in ledger.reactions.keys() {
            given.entry((id, reaction)).or_default().push(*user);
        }
        let nobody = Vec::new();
        let mut looked_at = BTreeSet::new();
        for (user, fresh) in seen
            .fresh
            .iter()
            .flat_map(|(user, of)| of.values().map(move |fresh| (*user, fresh)))
        {
            for shown in &fresh.messages {
                let id = shown.id.as_str();
                for reaction in &shown.mine {
                    if !self.may_have_reacted(id, user, reaction, true) {
                        self.found(
                            Kind::Lost,
                            format!("{id}: that {user} took {reaction} back, or never gave it"),
                        );
                    }
                }
                let kinds = ledger.reactions.range((id.to_owned(), 0, String::new())..);
                let own = kinds
                    .take_while(|((of, ..), _)| of == id)
                    .filter(|((_, by, _), _)| *by == user);
                for ((.., reaction), switch) in own {
                    if !shown.mine.contains(reaction) && !switch.may_be(false) {
                        self.found(Kind::Lost, format!("{id}: that {user} gave {reaction}"));
                    }
                }
                // All readers see the same, which is looked at elsewhere.
                if !looked_at.insert(id) {
                    continue;
                }
                for Reacted { reaction, count, users } in &shown.reactions {
                    let asked = given.get(&(id, reaction.as_str())).unwrap_or(&nobody);
                    let perhaps = |user: &u64, on| self.may_have_reacted(id, *user, reaction, on);
                    let most = asked.iter().filter(|user| perhaps(user, true)).count() as u64;
                    let least = asked.iter().filter(|user| !perhaps(user, false)).count() as u64;
                    let named: BTreeSet<u64> = users.iter().copied().collect();
                    let is_wrong = !(least..=most).contains(count)
                        || users.len() as u64 != (*count).min(NAMED)
                        || named.len() != users.len()
                        || named.iter().any(|user| !perhaps(user, true));
                    if is_wrong {
                        let what =
                            format!("{id}: {count} times {reaction} by {users:?}, and not {least} to {most} times");
                        self.found(Kind::Doubled, what);
                    }
                }
            }
        }
    }

    fn may_have_reacted(&self, id: &str, user: u64, reaction: &str, on: bool) -> bool {
        let switch = self.ledger.reactions.get(&(id.to_owned(), user, reaction.to_owned()));
        switch.map_or(!on, |switch| switch.may_be(on))
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
        let seen = self.seen;
        for ((name, user, key), view) in &seen.clients {
            let fresh = seen.fresh.get(user).and_then(|conversations| conversations.get(key));
            let entry = fresh.and_then(|fresh| fresh.entry.as_ref());
            if !self.is_in_order(key, *user, entry.is_some()) {
                continue;
            }
            let right = View {
                messages: fresh
                    .filter(|_| entry.is_some())
                    .map(|fresh| fresh.messages.clone())
                    .unwrap_or_default(),
                standing: entry.map(|entry| entry.standing.clone()),
                members: seen.members.get(key).filter(|_| view.members.is_some()).cloned(),
                line: entry.filter(|_| view.line.is_some()).map(Line::of),
            };
            let what = if view.messages != right.messages {
                difference(&right.messages, &view.messages)
            } else if view.standing != right.standing {
                let (shown, right) = (&view.standing, &right.standing);
                format!("it stands in the inbox as {shown:?} and not as {right:?}")
            } else if view.members != right.members && entry.is_some() {
                "it has other members".to_owned()
            } else if view.line != right.line {
                format!(
                    "the inbox says {} and not {}",
                    told(view.line.as_ref()),
                    told(right.line.as_ref())
                )
            } else {
                continue;
            };
            self.found(Kind::Differing, format!("{key} at {name}: {what}"));
        }
    }

    /// Whether the inbox shows a conversation to its members and to nobody else. Who may be one or not, because something that was given up may
    /// have been done halfway, may see either.
    fn is_in_order(&self, key: &str, user: u64, is_shown: bool) -> bool {
        let members = self.seen.members.get(key);
        members.is_none_or(|members| members.contains(&user) == is_shown)
    }

    fn inboxes(&mut self) {
        let (ledger, seen) = (self.ledger, self.seen);
        for (user, conversations) in &seen.fresh {
            let mut totals = Totals::default();
            for (key, fresh) in conversations {
                let place = format!("{key} in the inbox of {user}");
                let count = fresh.messages.len() as u64;
                if fresh.total != count {
                    self.found(
                        Kind::Inbox,
                        format!("{place}: total is {} and not {count}", fresh.total),
                    );
                }
                let is_sure = [true, false].iter().any(|on| !ledger.may_be_member(key, *user, *on));
                if is_sure && !self.is_in_order(key, *user, fresh.entry.is_some()) {
                    let what = if fresh.entry.is_some() {
                        "is there still"
                    } else {
                        "is not there"
                    };
                    self.found(Kind::Inbox, format!("{place}: it {what}"));
                }
                match &fresh.entry {
                    Some(entry) => {
                        // What was left halfway is not told what happens there.
                        if self.is_in_order(key, *user, true) {
                            self.entry(&place, (key, *user), entry, fresh);
                        }
                        let has = |setting| entry.standing.settings.contains(&setting);
                        totals.total += u64::from(!has(Setting::Hidden));
                        totals.hidden += u64::from(has(Setting::Hidden));
                        totals.unread += if has(Setting::Muted) { 0 } else { entry.unread };
                    }
                    None if !is_topic(key) => self.found(Kind::Inbox, format!("{place}: it is not there")),
                    None => {}
                }
            }
            let shown = seen.inboxes.get(user);
            if shown != Some(&totals) {
                let what = format!("totals of {user} are {shown:?} and not {totals:?}");
                self.found(Kind::Inbox, what);
            }
        }
    }

    fn entry(&mut self, place: &str, (key, user): (&str, u64), entry: &Entry, fresh: &Fresh) {
        let latest = fresh.messages.last().map(Shown::in_inbox);
        if entry.latest != latest {
            let id = |shown: Option<&Shown>| shown.map_or("none", |shown| shown.id.as_str()).to_owned();
            let (shown, right) = (id(entry.latest.as_ref()), id(latest.as_ref()));
            self.found(
                Kind::Inbox,
                format!("{place}: the newest message is {shown}, or its state, and not {right}"),
            );
        }
        let nothing = Read::default();
        let place_of = (key.to_owned(), user);
        let read = self.ledger.read.get(&place_of).unwrap_or(&nothing);
        let (up_to, position) = (read.up_to, entry.standing.read);
        if position < up_to {
            self.found(
                Kind::Lost,
                format!("{place}: that it was read up to {up_to}, and not to {position}"),
            );
        } else if position > up_to && read.vague.is_none() && !read.perhaps.contains(&position) {
            self.found(
                Kind::Inbox,
                format!("{place}: it is read up to {position} and not to {up_to}"),
            );
        }
        let behind = || fresh.messages.iter().filter(|message| message.seq > position);
        let counts = (entry.unread, entry.mentioned);
        let right = (
            behind().count() as u64,
            behind().filter(|message| message.mentions.contains(&user)).count() as u64,
        );
        if counts != right {
            self.found(
                Kind::Inbox,
                format!("{place}: unread and mentioned are {counts:?} and not {right:?}"),
            );
        }
        for setting in self.settings.iter().copied() {
            let is_on = entry.standing.settings.contains(&setting);
            let switch = self.ledger.settings.get(&(key.to_owned(), user, setting));
            if !switch.map_or(!is_on, |switch| switch.may_be(is_on)) {
                let name = setting.name();
                self.found(
                    Kind::Inbox,
                    format!("{place}: whether it is {name} is not as it was set"),
                );
            }
        }
    }

    fn rest(&mut self) {
        for id in &self.ledger.shared {
            self.found(Kind::Lost, format!("{id} is the answer to two sends"));
        }
        for what in &self.ledger.wrong {
            self.found(Kind::Differing, what);
        }
        for refused in &self.ledger.refused {
            if !self.has_reason(refused) {
                let Refused {
                    status,
                    key,
                    by,
                    message,
                    ..
                } = refused;
                let about = message.as_deref().unwrap_or("no message");
                self.found(Kind::Refused, format!("{status} to {by} in {key}, about {about}"));
            }
        }
        for id in &self.seen.dead_connections {
            self.found(Kind::Connection, id.clone());
        }
    }
}

impl Checker<'_> {
    /// Whether the message was gone before it could be changed or replied to, or who asked or was mentioned had left: the only reasons there are.
    fn has_reason(&self, refused: &Refused) -> bool {
        let has_left = |user: u64| self.ledger.leavers.contains(&(refused.key.clone(), user));
        let is_gone = || {
            let message = refused.message.as_ref().and_then(|id| self.ledger.messages.get(id));
            message.is_some_and(|message| message.deleted || message.perhaps_deleted)
        };
        match refused.status {
            404 if refused.message.is_none() => has_left(refused.by),
            404 => is_gone(),
            403 => has_left(refused.by),
            400 => is_gone() || refused.mentions.iter().any(|user| has_left(*user)),
            _ => false,
        }
    }
}

/// Whether a key is that of a topic.
fn is_topic(key: &str) -> bool {
    key.contains(":topic:")
}

/// A line of an inbox, by numbers and ids.
fn told(line: Option<&Line>) -> String {
    line.map_or("nothing".to_owned(), |line| {
        let Line {
            unread,
            mentioned,
            latest,
        } = line;
        let latest = latest.as_ref().map_or("no message", |(id, _)| id);
        format!("{unread} unread, {mentioned} mentioned, {latest}")
    })
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
            parts.extend((one.reactions != other.reactions).then_some("set of reactions"));
            parts.extend((one.mine != other.mine).then_some("set of own reactions"));
            parts.extend((one.reply_to != other.reply_to).then_some("excerpt"));
            parts.extend((one.mentions != other.mentions).then_some("set of mentions"));
            parts.extend((one.is_named != other.is_named).then_some("name"));
            format!("{} at {} has another {}", one.id, one.seq, parts.join(" and "))
        }
        _ => "one is longer".to_owned(),
    }
}
