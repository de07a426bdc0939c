//! Rules of retention: what is too old goes from everywhere, and the rest is as if it had never been there.

use std::sync::Mutex;

use shared::app::{Progress, Trimmer};
use shared::domain::limits::{TRIM_EVERY_MS, TRIM_MARGIN_MS};
use shared::domain::{
    Conversation, Decision, Domain, Draft, Message, MessageId, Retention, SettingsEdit, Target, TimeWindow, User,
    Window,
};
use shared::ports::{History, Moderation as _, PageBounds, ReportsOf, Store, Trimmed, Trimming as _};

use crate::dying::Dying;
use crate::support::{NOW, World, draft, new_text, open, page, texts, user, with_key};

const HOUR: u64 = 60 * 60 * 1000;
const DAY: u64 = 24 * HOUR;

/// Sites keep messages for a day.
fn one_day() -> Retention {
    Retention {
        days: Some(1),
        ..Retention::default()
    }
}

/// The worker's work at this time, an hour after the last one. It dies before these users are told.
async fn trim(world: &World, retention: &Retention, now: u64, untold: Vec<User>) {
    world.clock.set(now);
    let dying = Dying {
        store: &world.store,
        untold: Mutex::new(untold),
        late: Mutex::default(),
        last: None,
    };
    let trimmer = Trimmer {
        store: &dying,
        trimming: &world.store,
        retention,
        sites: std::slice::from_ref(&world.anna.domain),
        clock: &world.clock,
    };
    trimmer.run(now + TRIM_MARGIN_MS + 1).await.unwrap();
    assert_eq!(trimmer.step(now + 1).await.unwrap(), Progress::Done);
}

async fn is_there(world: &World, key: &str) -> bool {
    world.command(redis::cmd("EXISTS").arg(key)).await == redis::Value::Int(1)
}

pub(crate) async fn what_is_too_old_goes_from_everywhere(world: World) {
    let mut world = world.in_topic("cats");
    world.store = world.as_release(&[]).await.store.keeping_versions();
    let old = world.send_draft(&world.anna, &with_key("old", "k")).await.change.id;
    world.join(&world.ben).await;
    let mention = Draft {
        reply_to: Some(old),
        mentions: vec![world.ben.id.clone()],
        ..draft("look")
    };
    let mention = world.send_draft(&world.anna, &mention).await.change.id;
    let edited = world.edit(&world.anna, old, "old!").await;
    world.finish(edited).await;
    let reacted = world.react(&world.ben, old, "👍", true).await.unwrap();
    world.finish(reacted).await;
    let deleted = world.send(&world.anna, "deleted").await.change.id;
    let gone = world.delete(&world.anna, deleted).await;
    world.finish(gone).await;
    world.report(&open(&world.ben), old, "rude").await.unwrap();
    world.clock.set(NOW + DAY);
    let reply = Draft {
        reply_to: Some(mention),
        ..draft("new")
    };
    let new = world.send_draft(&world.anna, &reply).await.change;
    assert_eq!(world.entry(&world.ben).await.unwrap().mentioned, 1);

    trim(&world, &one_day(), NOW + DAY + HOUR, Vec::new()).await;
    assert_eq!(texts(&world.history(page(1, 9)).await), ["look", "new"][1..]);
    let [log, _, _, gone, stamps, mentions, reactions, _] = world.chat_keys();
    assert!(is_there(&world, &log).await);
    for key in [&gone, &stamps, &mentions, &reactions, &log.replace(":log", ":edits")] {
        assert!(!is_there(&world, key).await, "{key}");
    }
    let entry = world.entry(&world.ben).await.unwrap();
    assert_eq!((entry.unread, entry.mentioned, entry.rev), (1, 0, new.rev));
    // Its newest message replied to one that went.
    assert!(entry.latest.unwrap().reply_to.unwrap().quoted.is_none());
    let window = TimeWindow { after: None, limit: 9 };
    let reports = world
        .store
        .reports(&world.anna.domain, ReportsOf::All, &window)
        .await
        .unwrap();
    assert_eq!(reports.reports.len(), 0);
    // What it sent stays known, so nothing is sent twice.
    world.clock.set(NOW + DAY / 2);
    let again = world.append(&world.anna, &with_key("old", "k")).await.unwrap().change;
    assert_eq!((again.id, again.repeated), (old, true));
    assert!(world.update(&world.anna, old, &new_text("x")).await.is_err());
    assert_eq!(world.send(&world.ben, "next").await.change.id.seq, 5);
}

pub(crate) async fn an_empty_direct_conversation_leaves_the_inbox_until_the_next_message(world: World) {
    world.send(&world.anna, "one").await;
    world.send(&world.anna, "two").await;
    let muted = SettingsEdit {
        muted: Some(true),
        hidden: Some(true),
        ..SettingsEdit::default()
    };
    world.set(&world.ben, muted).await.unwrap();
    let since = world.inbox(&world.ben).await.cursor;
    trim(&world, &one_day(), NOW + 2 * DAY, Vec::new()).await;
    for of in [&world.anna, &world.ben] {
        let inbox = world.inbox(of).await;
        assert_eq!((inbox.total, inbox.unread_total), (0, 0));
        assert_eq!(world.hidden(of).await.len(), 0);
        let entry = world.entry(of).await.unwrap();
        assert!(entry.left && entry.latest.is_none());
    }
    let news = world
        .store
        .changed_entries(&world.ben, Some(since), PageBounds::FRAME)
        .await
        .unwrap();
    assert_eq!(news.entries.len(), 1, "a client is told by its next sync");
    // Reading brings nothing back; a message does.
    world.read(&world.ben, None).await;
    assert_eq!(world.inbox(&world.ben).await.total, 0);
    let third = world.send(&world.anna, "three").await;
    assert_eq!(third.change.id.seq, 3);
    let entry = world.inbox(&world.ben).await.entries.remove(0);
    assert_eq!((entry.unread, entry.settings.muted, entry.left), (1, true, false));
    assert_eq!(texts(&world.history(page(1, 9)).await), ["three"]);
}

pub(crate) async fn a_removed_message_can_still_be_read_up_to(world: World) {
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    let mut ids = Vec::new();
    for text in ["one", "two"] {
        ids.push(world.send(&world.anna, text).await.change.id);
    }
    world.clock.set(NOW + DAY);
    let kept = world.send(&world.anna, "kept").await.change.id;
    trim(&world, &one_day(), NOW + DAY + HOUR, Vec::new()).await;
    let moved = world.read(&world.ben, Some(ids[1])).await;
    assert_eq!((moved.change.id.seq, moved.change.repeated), (2, false));
    assert_eq!(moved.change.id.ms, 0, "its id is not known any more");
    assert!(world.read(&world.ben, Some(ids[0])).await.change.repeated);
    assert_eq!(world.unread(&world.ben).await, 1);
    assert_eq!(world.read(&world.ben, Some(kept)).await.change.id, kept);
    assert_eq!(world.unread(&world.ben).await, 0);
}

pub(crate) async fn an_empty_topic_stays_with_its_members(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "one").await;
    world.join(&world.ben).await;
    trim(&world, &one_day(), NOW + 2 * DAY, Vec::new()).await;
    let entry = world.inbox(&world.ben).await.entries.remove(0);
    assert!(!entry.left && entry.latest.is_none());
    assert_eq!(world.members().await.len(), 2);
}

pub(crate) async fn members_who_were_not_told_are_told_the_next_time(world: World) {
    world.send(&world.anna, "old").await;
    let (ben, now) = (world.ben.clone(), NOW + 2 * DAY);
    trim(&world, &one_day(), now, vec![ben]).await;
    assert_eq!(
        (world.unread(&world.ben).await, world.inbox(&world.anna).await.total),
        (1, 0)
    );
    // Not before an hour has passed.
    trim(&world, &one_day(), now + TRIM_EVERY_MS - 1, Vec::new()).await;
    assert_eq!(world.unread(&world.ben).await, 1);
    trim(&world, &one_day(), now + TRIM_EVERY_MS, Vec::new()).await;
    assert_eq!(
        (world.unread(&world.ben).await, world.inbox(&world.ben).await.total),
        (0, 0)
    );
    let [_, meta, ..] = world.chat_keys();
    let untold = redis::cmd("HEXISTS").arg(&meta).arg("untold").to_owned();
    assert_eq!(world.command(&untold).await, redis::Value::Int(0));
}

pub(crate) async fn each_site_keeps_messages_as_long_as_it_wants(world: World) {
    let (other, third) = (user("other", "1"), user("other", "x:y-z"));
    let elsewhere = Conversation::of(&other, &Target::User(third.id.clone()));
    let message = draft("old");
    world
        .store
        .append_message(&elsewhere, &open(&other), &message, 9)
        .await
        .unwrap();
    world.send(&world.anna, "old").await;
    let mut retention = Retention::default();
    retention.of_sites.insert(Domain::parse("other").unwrap(), 1);
    trim(&world, &retention, NOW + 2 * DAY, Vec::new()).await;
    let total = async |conversation, reader: &User| {
        let history = world.store.history(conversation, &open(reader), &page(1, 9)).await;
        history.unwrap().total
    };
    assert_eq!(total(&elsewhere, &other).await, 0);
    assert_eq!(total(&world.chat, &world.anna).await, 1);
}

/// 600 old messages take several steps; in each the time may be over.
pub(crate) async fn a_long_conversation_goes_in_bounded_steps(world: World) {
    for number in 0..600 {
        world.say(&world.anna, &number.to_string()).await;
    }
    let now = NOW + 2 * DAY;
    world.clock.set(now);
    let before = now - DAY;
    assert_eq!(
        world.store.trim(&world.chat, before, None).await.unwrap(),
        Trimmed::More
    );
    assert_eq!(world.history(page(1, 1)).await.total, 350);
    // No time at all is left. The walk stays where it is.
    let retention = one_day();
    let trimmer = Trimmer {
        store: &world.store,
        trimming: &world.store,
        retention: &retention,
        sites: &[],
        clock: &world.clock,
    };
    let mut seen = false;
    for _ in 0..10_000 {
        let walk = world.store.walk().await.unwrap();
        assert_eq!(trimmer.step(now).await.unwrap(), Progress::More);
        let place = world.store.walk().await.unwrap().unwrap().place;
        seen = walk.is_some_and(|walk| walk.place == place);
        if seen {
            break;
        }
    }
    assert!(seen);
    trim(&world, &retention, now, Vec::new()).await;
    assert_eq!(world.history(page(1, 1)).await.total, 0);
    assert!(
        world
            .store
            .walk()
            .await
            .unwrap()
            .is_some_and(|walk| walk.place.is_none())
    );
}

/// Random numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        (!from.is_empty()).then(|| from[self.roll(from.len())].clone())
    }
}

/// What must be true of a message.
#[derive(Clone)]
struct Said {
    id: MessageId,
    author: usize,
    text: String,
    reply_to: Option<u64>,
    mentions: Option<usize>,
    liked_by: Vec<usize>,
    deleted: bool,
    rev: u64,
}

/// Where the message with that position stands in a list of all.
fn place(seq: u64) -> usize {
    usize::try_from(seq).unwrap() - 1
}

/// A conversation, and what must be true of it.
struct Truth {
    world: World,
    users: Vec<User>,
    now: u64,
    all: Vec<Said>,
    /// How many of them went.
    base: usize,
    reads: Vec<u64>,
    /// Every revision that there was, and 0.
    revs: Vec<u64>,
}

impl Truth {
    /// The messages that users see.
    fn alive(&self) -> Vec<&Said> {
        self.all[self.base..].iter().filter(|said| !said.deleted).collect()
    }

    fn is_alive(&self, seq: u64) -> bool {
        self.alive().iter().any(|said| said.id.seq == seq)
    }

    async fn step(&mut self, dice: &mut Dice) {
        self.now += dice.roll(6) as u64 * HOUR;
        self.world.clock.set(self.now);
        let who = dice.roll(self.users.len());
        let user = self.users[who].clone();
        let alive: Vec<usize> = self.alive().iter().map(|said| place(said.id.seq)).collect();
        let own: Vec<usize> = alive
            .iter()
            .copied()
            .filter(|place| self.all[*place].author == who)
            .collect();
        let (any, own) = (dice.pick(&alive), dice.pick(&own));
        match (dice.roll(10), any, own) {
            (0, _, Some(place)) => {
                let text = format!("edited {}", self.now);
                let edited = self.world.edit(&user, self.all[place].id, &text).await;
                self.all[place].text = text;
                self.changed(place, edited).await;
            }
            (1, _, Some(place)) => {
                let deleted = self.world.delete(&user, self.all[place].id).await;
                self.all[place].deleted = true;
                self.changed(place, deleted).await;
            }
            (2, Some(place), _) if !self.all[place].liked_by.contains(&who) => {
                let reacted = self.world.react(&user, self.all[place].id, "👍", true).await.unwrap();
                self.all[place].liked_by.push(who);
                self.changed(place, reacted).await;
            }
            (3, Some(place), _) => {
                let id = self.all[place].id;
                let read = self.world.read(&user, Some(id)).await;
                self.reads[who] = self.reads[who].max(id.seq);
                self.revs.push(read.projection.rev);
            }
            _ => self.send(dice, who, any).await,
        }
    }

    async fn send(&mut self, dice: &mut Dice, who: usize, any: Option<usize>) {
        let whom = dice.roll(self.users.len());
        let mentions = (dice.roll(3) == 0 && whom != who).then_some(whom);
        let reply_to = any.filter(|_| dice.roll(2) == 0).map(|place| self.all[place].id);
        let text = format!("text {}", self.all.len());
        let message = Draft {
            reply_to,
            mentions: mentions.iter().map(|whom| self.users[*whom].id.clone()).collect(),
            ..draft(&text)
        };
        let user = self.users[who].clone();
        let sent = self.world.send_draft(&user, &message).await.change;
        self.reads[who] = sent.id.seq;
        self.revs.push(sent.rev);
        self.all.push(Said {
            id: sent.id,
            author: who,
            text,
            reply_to: reply_to.map(|id| id.seq),
            mentions,
            liked_by: Vec::new(),
            deleted: false,
            rev: sent.rev,
        });
    }

    async fn changed(&mut self, place: usize, decision: Decision) {
        self.all[place].rev = decision.change.rev;
        self.revs.push(decision.change.rev);
        self.world.finish(decision).await;
    }

    /// An hour later old messages go. The worker may die before it has told these users.
    async fn trim(&mut self, untold: Vec<User>) {
        self.now += TRIM_EVERY_MS;
        trim(&self.world, &one_day(), self.now, untold).await;
        let before = self.now - DAY;
        self.base = self.all.iter().take_while(|said| said.id.ms < before).count();
    }

    /// What users see of the conversation itself.
    async fn check(&self) {
        let alive = self.alive();
        let seqs: Vec<u64> = alive.iter().map(|said| said.id.seq).collect();
        let pages = seqs.len().div_ceil(3).max(1);
        for number in 1..=pages {
            let shown = self.world.history(page(number as u64, 3)).await;
            let end = seqs.len() - (number - 1) * 3;
            assert_eq!(positions(&shown), seqs[end.saturating_sub(3)..end], "page {number}");
            assert_eq!((shown.total, shown.older), (seqs.len() as u64, end > 3));
            for message in &shown.messages {
                self.check_message(message);
            }
        }
        for said in self.all.iter().rev().step_by(3) {
            let (id, seq) = (said.id, said.id.seq);
            let before = seqs.partition_point(|other| *other < seq);
            let after = seqs.partition_point(|other| *other <= seq);
            let shown = self.world.history(Window::Before(id, 3)).await;
            assert_eq!(
                positions(&shown),
                seqs[before.saturating_sub(3)..before],
                "before {seq}"
            );
            let shown = self.world.history(Window::After(id, 3)).await;
            assert_eq!(
                positions(&shown),
                seqs[after..(after + 3).min(seqs.len())],
                "after {seq}"
            );
            let shown = self.world.history(Window::Around(id, 3)).await;
            let ahead = (seqs.len() - before).min(2.max(3_usize.saturating_sub(before)));
            let from = before.saturating_sub(3 - ahead);
            assert_eq!(positions(&shown), seqs[from..before + ahead], "around {seq}");
            assert_eq!(
                (shown.older, shown.total),
                (from > 0 && !shown.messages.is_empty(), seqs.len() as u64)
            );
        }
        for since in self.revs.iter().rev().step_by(7).chain(&[0]) {
            self.check_changes(*since).await;
        }
    }

    fn check_message(&self, message: &Message) {
        let said = &self.all[place(message.id.seq)];
        assert_eq!(
            (message.id, message.rev, message.body.content()),
            (said.id, said.rev, said.text.as_str())
        );
        let liked = message.reactions.first().map_or(0, |reacted| reacted.count);
        assert_eq!(liked, said.liked_by.len() as u64);
        assert_eq!(message.reply_to.as_ref().map(|quote| quote.id.seq), said.reply_to);
        if let Some(quote) = &message.reply_to {
            assert_eq!(quote.quoted.is_some(), self.is_alive(quote.id.seq));
        }
    }

    /// A client that was away since then gets what is left of the news, and has not to ask again.
    async fn check_changes(&self, since: u64) {
        let reader = open(&self.users[0]);
        let changes = self
            .world
            .store
            .changes(&self.world.chat, &reader, since, PageBounds::BODY)
            .await
            .unwrap();
        assert!(!changes.more && !changes.reset);
        let newest = self.world.history(page(1, 1)).await.rev;
        assert_eq!(changes.rev, newest);
        let mut wanted: Vec<_> = self.all[self.base..].iter().filter(|said| said.rev > since).collect();
        wanted.sort_by_key(|said| said.rev);
        let wanted: Vec<_> = wanted.iter().map(|said| (said.id, said.rev, said.deleted)).collect();
        let told: Vec<_> = changes
            .messages
            .iter()
            .map(|stored| (stored.id, stored.rev, stored.deleted))
            .collect();
        assert_eq!(told, wanted, "since {since}");
    }

    /// What users see in their inboxes, and what is left in the keys of the conversation.
    async fn check_entries(&self) {
        let (alive, is_direct) = (self.alive(), self.world.chat.is_direct());
        for (who, user) in self.users.iter().enumerate() {
            let unread = alive.iter().filter(|said| said.id.seq > self.reads[who]);
            let mentioned = unread.clone().filter(|said| said.mentions == Some(who)).count() as u64;
            let unread = unread.count() as u64;
            let entry = self.world.entry(user).await.unwrap();
            assert_eq!(
                (entry.unread, entry.mentioned, entry.read_seq),
                (unread, mentioned, self.reads[who])
            );
            let newest = entry.latest.as_ref().map(|message| message.id);
            assert_eq!(newest, alive.last().map(|said| said.id));
            if let Some(message) = &entry.latest {
                let quoted = message.reply_to.as_ref().map(|quote| quote.quoted.is_some());
                assert_eq!(
                    quoted,
                    message.reply_to.as_ref().map(|quote| self.is_alive(quote.id.seq))
                );
            }
            let inbox = self.world.inbox(user).await;
            let is_listed = !is_direct || self.base < self.all.len();
            assert_eq!((inbox.total, inbox.unread_total), (u64::from(is_listed), unread));
        }
        let [_, _, _, gone, stamps, mentions, reactions, _] = self.world.chat_keys();
        let left = self.all[self.base..].iter();
        let count = async |command: &str, key: &str| {
            let mut command = redis::cmd(command);
            let counted = self.world.command(command.arg(key)).await;
            redis::from_redis_value::<usize>(counted).unwrap()
        };
        assert_eq!(
            count("ZCARD", &gone).await,
            left.clone().filter(|said| said.deleted).count()
        );
        assert!(count("ZCARD", &stamps).await <= left.clone().count());
        let liked = left.clone().filter(|said| !said.deleted && !said.liked_by.is_empty());
        assert_eq!(count("HLEN", &reactions).await, liked.count());
        let unread = |said: &&Said| said.mentions.is_some_and(|whom| said.id.seq > self.reads[whom]);
        assert_eq!(
            count("ZCARD", &mentions).await,
            left.filter(|said| !said.deleted).filter(unread).count()
        );
    }
}

fn positions(history: &History) -> Vec<u64> {
    history.messages.iter().map(|message| message.id.seq).collect()
}

/// Random histories. Old messages go at random moments, and now and then the worker dies before it has told everyone.
async fn random_histories(mut world: World, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut dice = Dice(seed);
        let is_topic = seed % 2 == 0;
        let name = format!("n{seed}");
        let mut users = vec![user("site", &format!("a{seed}")), user("site", &format!("b{seed}"))];
        world = if is_topic { world.in_topic(&name) } else { world };
        if is_topic {
            users.push(user("site", &format!("c{seed}")));
        } else {
            world.chat = Conversation::of(&users[0], &Target::User(users[1].id.clone()));
        }
        world.clock.set(NOW + seed * DAY * 100);
        for user in users.iter().filter(|_| is_topic) {
            world.join(user).await;
        }
        let mut truth = Truth {
            reads: vec![0; users.len()],
            now: NOW + seed * DAY * 100,
            all: Vec::new(),
            base: 0,
            revs: Vec::new(),
            users,
            world,
        };
        for _ in 0..40 {
            truth.step(&mut dice).await;
            if dice.roll(5) == 0 {
                let untold = (0..dice.roll(3)).map(|number| truth.users[number].clone());
                truth.trim(untold.collect()).await;
                truth.check().await;
            }
            if dice.roll(8) == 0 {
                truth.trim(Vec::new()).await;
                truth.check_entries().await;
            }
            if dice.roll(25) == 0 {
                truth.now += 2 * DAY;
                truth.trim(Vec::new()).await;
                truth.check().await;
                truth.check_entries().await;
            }
        }
        world = truth.world;
    }
}

pub(crate) async fn what_is_left_is_as_if_the_rest_had_never_been_there(world: World) {
    random_histories(world, 1..9).await;
}
