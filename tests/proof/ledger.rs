//! What the service has acknowledged, and so has to keep.

use std::collections::{BTreeMap, BTreeSet};

/// For so long after it was given up, something that had no answer may still be done, in milliseconds: a function may be frozen meanwhile.
const LATE_MS: u64 = 20_000;

/// Everything that was acknowledged, by what it is about.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    /// Messages, by id.
    pub(crate) messages: BTreeMap<String, Acknowledged>,
    /// How far users have read, by conversation and user.
    pub(crate) read: BTreeMap<(String, u64), Read>,
    /// Who is a member of which topic.
    pub(crate) members: BTreeMap<(String, u64), Switch>,
    /// Reactions, by message, user and reaction.
    pub(crate) reactions: BTreeMap<(String, u64, String), Switch>,
    /// How conversations stand in inboxes, by conversation, user and setting.
    pub(crate) settings: BTreeMap<(String, u64, Setting), Switch>,
    /// Who has asked to leave which topic at any time.
    pub(crate) leavers: BTreeSet<(String, u64)>,
    /// What was refused.
    pub(crate) refused: Vec<Refused>,
    /// Messages, by text, whose send was asked for more than once and refused in the end: an earlier asking may have done it.
    pub(crate) perhaps_sent: BTreeMap<String, Acknowledged>,
    /// Messages with which two different sends were answered.
    pub(crate) shared: Vec<String>,
    /// Answers that do not say what was asked for.
    pub(crate) wrong: Vec<String>,
    /// How much was acknowledged, by kind, and how often something had no answer and was asked again.
    pub(crate) counts: BTreeMap<&'static str, u64>,
}

/// An acknowledged message.
#[derive(Clone, Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) key: String,
    pub(crate) seq: u64,
    pub(crate) author: u64,
    pub(crate) text: String,
    /// The message that it replies to.
    pub(crate) reply_to: Option<String>,
    /// Users whom it mentions.
    pub(crate) mentions: Vec<u64>,
    /// Its acknowledged edits, by revision.
    pub(crate) edits: BTreeMap<u64, String>,
    pub(crate) deleted: bool,
    /// Edits that were asked for more than once and refused in the end, and until when an earlier asking may be done.
    pub(crate) perhaps_edited: Vec<(String, u64)>,
    /// Whether the same may be true of a deletion.
    pub(crate) perhaps_deleted: bool,
}

impl Acknowledged {
    /// What its last acknowledged change has made it say.
    pub(crate) fn says(&self) -> &str {
        self.edits.last_key_value().map_or(&self.text, |(_, text)| text)
    }

    /// Whether it may say that.
    pub(crate) fn may_say(&self, text: &str) -> bool {
        self.says() == text || self.perhaps_edited.iter().any(|(perhaps, _)| perhaps == text)
    }
}

/// When something was asked for and answered, in milliseconds since the beginning, and how often it was asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct When {
    pub(crate) asked: u64,
    pub(crate) answered: u64,
    pub(crate) attempts: u32,
}

/// How far a user has read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Read {
    /// What was acknowledged.
    pub(crate) up_to: u64,
    /// Positions of what was asked for more than once and refused in the end: an earlier asking may have done it.
    pub(crate) perhaps: BTreeSet<u64>,
    /// Until when an earlier asking may have moved it to whatever was the newest message then.
    pub(crate) vague: Option<u64>,
}

/// Something that can be turned on and off, as it was acknowledged last. No retry key protects it, so that an asking which was given up can
/// come after the next one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Switch {
    on: bool,
    /// The revision of the last acknowledged turn, if it has one.
    order: u64,
    asked: u64,
    answered: u64,
    /// What an earlier asking may do, and until when.
    late: Vec<(bool, u64)>,
}

impl Switch {
    /// A turn was acknowledged, with its revision.
    pub(crate) fn turned(&mut self, on: bool, order: u64, when: When) {
        self.may_be_late(on, when);
        if order >= self.order {
            self.order = order;
            self.keep(on, when);
        }
    }

    /// A turn was acknowledged that has no revision: of two that were asked for side by side either may have come last.
    fn turned_then(&mut self, on: bool, when: When) {
        self.may_be_late(on, when);
        let is_later = when.asked >= self.asked;
        if when.asked <= self.answered {
            let overtaken = if is_later { self.on } else { on };
            self.late.push((overtaken, self.answered.max(when.answered) + 1));
        }
        if is_later {
            self.keep(on, when);
        }
    }

    fn keep(&mut self, on: bool, when: When) {
        (self.on, self.asked, self.answered) = (on, when.asked, when.answered);
    }

    fn may_be_late(&mut self, on: bool, when: When) {
        if when.attempts > 1 {
            self.late.push((on, when.answered + LATE_MS));
        }
    }

    /// That it is off was acknowledged, but not since when: a turn that was asked for meanwhile may have come before or after.
    fn was_off(&mut self, when: When) {
        let late = if when.attempts > 1 { LATE_MS } else { 0 };
        self.late.push((false, when.answered + late));
        if self.answered < when.asked {
            self.keep(false, when);
        }
    }

    /// Whether it may be so.
    pub(crate) fn may_be(&self, on: bool) -> bool {
        self.on == on || self.late.iter().any(|late| late.0 == on && late.1 > self.asked)
    }
}

/// A setting of a conversation in an inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Setting {
    Muted,
    Hidden,
    Pinned,
}

impl Setting {
    /// All of them.
    pub(crate) const ALL: [Self; 3] = [Self::Muted, Self::Hidden, Self::Pinned];

    /// As clients write it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Muted => "muted",
            Self::Hidden => "hidden",
            Self::Pinned => "pinned",
        }
    }
}

/// Something that was refused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Refused {
    pub(crate) status: u64,
    pub(crate) key: String,
    pub(crate) by: u64,
    /// The message that it was about, or was to reply to.
    pub(crate) message: Option<String>,
    /// Users whom it was to mention.
    pub(crate) mentions: Vec<u64>,
}

impl Ledger {
    /// A send was acknowledged with this message.
    pub(crate) fn sent(&mut self, id: &str, sent: Acknowledged, when: When) {
        self.count("sends");
        self.has_read(&sent.key, sent.author, sent.seq, true, when);
        let message = self.message(id);
        let was_sent = message.seq > 0;
        let before = std::mem::take(message);
        *message = Acknowledged {
            edits: before.edits,
            deleted: before.deleted,
            perhaps_edited: before.perhaps_edited,
            perhaps_deleted: before.perhaps_deleted,
            ..sent
        };
        if was_sent {
            self.shared.push(id.to_owned());
        }
    }

    /// An edit was acknowledged, which made this revision.
    pub(crate) fn edited(&mut self, id: &str, rev: u64, text: &str, when: When) {
        self.count("edits");
        let message = self.message(id);
        message.edits.insert(rev, text.to_owned());
        message.perhaps_edited.retain(|(_, until)| *until > when.asked);
    }

    /// An earlier asking of an edit that was refused may have done it.
    pub(crate) fn perhaps_edited(&mut self, id: &str, text: &str, when: When) {
        if when.attempts > 1 {
            let perhaps = (text.to_owned(), when.answered + LATE_MS);
            self.message(id).perhaps_edited.push(perhaps);
        }
    }

    /// An earlier asking of a deletion that was refused may have done it.
    pub(crate) fn perhaps_deleted(&mut self, id: &str, when: When) {
        if when.attempts > 1 {
            self.message(id).perhaps_deleted = true;
        }
    }

    /// A deletion was acknowledged.
    pub(crate) fn deleted(&mut self, id: &str) {
        self.count("deletes");
        self.message(id).deleted = true;
    }

    /// That a user has seen everything up to a message was acknowledged.
    pub(crate) fn seen(&mut self, key: &str, seq: u64, by: u64, when: When) {
        self.count("seens");
        self.has_read(key, by, seq, false, when);
    }

    /// That a user has read up to there was acknowledged; `newest`, if the user did not say how far.
    pub(crate) fn read(&mut self, key: &str, seq: u64, by: u64, newest: bool, when: When) {
        self.count("reads");
        self.has_read(key, by, seq, newest, when);
        if newest && when.attempts > 1 {
            self.is_vague(key, by, when);
        }
    }

    /// That a user has given a reaction, or taken it back, was acknowledged with this revision.
    pub(crate) fn reacted(&mut self, id: &str, by: u64, reaction: &str, on: bool, rev: u64, when: When) {
        self.count("reactions");
        let place = (id.to_owned(), by, reaction.to_owned());
        self.reactions.entry(place).or_default().turned(on, rev, when);
    }

    /// An earlier asking of a reaction that was refused, or of its end, may have done it.
    pub(crate) fn perhaps_reacted(&mut self, id: &str, by: u64, reaction: &str, on: bool, when: When) {
        let place = (id.to_owned(), by, reaction.to_owned());
        self.reactions.entry(place).or_default().may_be_late(on, when);
    }

    /// That a user is a member was acknowledged with this revision.
    pub(crate) fn is_member(&mut self, key: &str, user: u64, rev: u64, when: When) {
        let place = (key.to_owned(), user);
        self.members.entry(place).or_default().turned(true, rev, when);
    }

    /// A user was let in, it is not known with which revision: what was acknowledged meanwhile may have come before or after.
    pub(crate) fn was_member(&mut self, key: &str, user: u64, when: When) {
        let member = self.members.entry((key.to_owned(), user)).or_default();
        member.late.push((true, when.answered));
    }

    /// That a user has left was acknowledged; with a revision, if the user was a member until then. Who leaves takes the settings along.
    pub(crate) fn left(&mut self, key: &str, user: u64, rev: Option<u64>, when: When) {
        self.count("leaves");
        let member = self.members.entry((key.to_owned(), user)).or_default();
        match rev {
            Some(rev) => member.turned(false, rev, when),
            None => member.was_off(when),
        }
        if when.attempts > 1 {
            self.is_vague(key, user, when);
        }
        for setting in Setting::ALL {
            let place = (key.to_owned(), user, setting);
            self.settings.entry(place).or_default().turned_then(false, when);
        }
    }

    /// A user has joined, and begins to read behind this position.
    pub(crate) fn joined(&mut self, key: &str, user: u64, seq: u64, rev: u64, when: When) {
        self.count("joins");
        self.is_member(key, user, rev, when);
        self.has_read(key, user, seq, true, when);
        if when.attempts > 1 {
            self.is_vague(key, user, when);
        }
    }

    /// A user asks to leave.
    pub(crate) fn leaves(&mut self, key: &str, user: u64) {
        self.leavers.insert((key.to_owned(), user));
    }

    /// A setting was acknowledged.
    pub(crate) fn set(&mut self, key: &str, user: u64, setting: Setting, on: bool, when: When) {
        self.count("settings");
        let place = (key.to_owned(), user, setting);
        self.settings.entry(place).or_default().turned_then(on, when);
    }

    /// Something was refused.
    pub(crate) fn refused(&mut self, refused: Refused) {
        self.count("refused");
        self.refused.push(refused);
    }

    /// An earlier asking of what was refused may have moved the user's read position to there.
    pub(crate) fn perhaps_read(&mut self, key: &str, by: u64, seq: u64) {
        self.read.entry((key.to_owned(), by)).or_default().perhaps.insert(seq);
    }

    /// The position of the newest message of a conversation that was acknowledged.
    pub(crate) fn newest(&self, key: &str) -> u64 {
        let of_it = self.messages.values().filter(|message| message.key == key);
        of_it.map(|message| message.seq).max().unwrap_or_default()
    }

    /// Whether a user may be a member, or none.
    pub(crate) fn may_be_member(&self, key: &str, user: u64, on: bool) -> bool {
        let member = self.members.get(&(key.to_owned(), user));
        member.map_or(!on, |member| member.may_be(on))
    }

    /// A message can be changed before its sender has the answer: pushes may be faster.
    fn message(&mut self, id: &str) -> &mut Acknowledged {
        self.messages.entry(id.to_owned()).or_default()
    }

    fn has_read(&mut self, key: &str, by: u64, seq: u64, newest: bool, when: When) {
        let read = self.read.entry((key.to_owned(), by)).or_default();
        read.up_to = read.up_to.max(seq);
        if newest && read.vague.is_some_and(|until| until < when.asked) {
            read.vague = None;
        }
    }

    fn is_vague(&mut self, key: &str, by: u64, when: When) {
        let read = self.read.entry((key.to_owned(), by)).or_default();
        read.vague = Some(when.answered + LATE_MS);
    }

    /// Something had to be asked for so many times more than once.
    pub(crate) fn asked_again(&mut self, times: u64) {
        *self.counts.entry("asked again").or_default() += times;
    }

    fn count(&mut self, kind: &'static str) {
        *self.counts.entry(kind).or_default() += 1;
    }
}
