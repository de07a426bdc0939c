//! Rules of settings, and of the order in which an inbox is read while it moves.

use std::collections::BTreeMap;

use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{Actor, Conversation, Cursor, Id, InboxWindow, Page, Settings, SettingsEdit, Target, User};
use shared::ports::{InboxEntry, PageBounds, Store as _};

use crate::support::{NOW, World, draft, open, user};

const MUTE: SettingsEdit = edit(Some(true), None, None);
const UNMUTE: SettingsEdit = edit(Some(false), None, None);
const HIDE: SettingsEdit = edit(None, Some(true), None);
const SHOW: SettingsEdit = edit(None, Some(false), None);
const PIN: SettingsEdit = edit(None, None, Some(true));
const UNPIN: SettingsEdit = edit(None, None, Some(false));

const fn edit(muted: Option<bool>, hidden: Option<bool>, pinned: Option<bool>) -> SettingsEdit {
    SettingsEdit { muted, hidden, pinned }
}

async fn set(world: &World, user: &User, edit: SettingsEdit) -> InboxEntry {
    world.set(user, edit).await.unwrap().entry
}

pub(crate) async fn what_is_muted_is_left_out_of_the_total(world: World) {
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    for content in ["a", "b"] {
        world.send(&world.anna, content).await;
    }
    let direct = world.direct();
    direct.send(&direct.anna, "direct").await;
    let world = direct.in_topic("cats");
    assert_eq!(world.unread(&world.ben).await, 3);
    let muted = world.set(&world.ben, MUTE).await.unwrap();
    assert!(muted.entry.settings.muted && !muted.entry.settings.hidden);
    assert_eq!((muted.entry.unread, muted.told.unread_total), (2, 1));
    let last = world.send(&world.anna, "c").await.change.id;
    let entry = world.entry(&world.ben).await.unwrap();
    assert!(entry.settings.muted, "a message leaves it so");
    assert_eq!((entry.unread, world.unread(&world.ben).await), (3, 1));
    world.read(&world.ben, Some(last)).await;
    world.send(&world.anna, "d").await;
    assert_eq!(world.unread(&world.ben).await, 1);
    set(&world, &world.ben, UNMUTE).await;
    assert_eq!(world.unread(&world.ben).await, 2);
    set(&world, &world.ben, MUTE).await;
    world.leave(&world.ben).await;
    assert_eq!(world.unread(&world.ben).await, 1);
    world.join(&world.ben).await;
    world.send(&world.anna, "e").await;
    assert_eq!(world.unread(&world.ben).await, 2, "a rejoin begins without settings");
}

pub(crate) async fn what_is_hidden_comes_back_with_a_new_message_only(world: World) {
    let first = world.send(&world.anna, "a").await.change.id;
    let second = world.send(&world.anna, "b").await.change.id;
    let hidden = set(&world, &world.ben, HIDE).await;
    assert!(hidden.settings.hidden);
    let is_hidden = async |what: &str| {
        assert_eq!(world.inbox(&world.ben).await.total, 0, "{what}");
        let hidden = world.hidden(&world.ben).await;
        assert_eq!(hidden.len(), 1, "{what}");
        hidden[0].clone()
    };
    assert_eq!(is_hidden("hidden").await, hidden);
    assert_eq!(world.unread(&world.ben).await, 2, "it is still unread");
    let edited = world.edit(&world.anna, second, "b!").await;
    world.finish(edited).await;
    assert_eq!(is_hidden("an edit").await.latest.unwrap().body.content(), "b!");
    let reacted = world.react(&world.anna, first, "x", true).await.unwrap();
    world.finish(reacted).await;
    is_hidden("a reaction").await;
    world.read(&world.ben, Some(first)).await;
    assert_eq!(is_hidden("a read").await.unread, 1);
    let deleted = world.delete(&world.anna, second).await;
    world.finish(deleted).await;
    assert_eq!(is_hidden("a deletion").await.unread, 0);
    let late = world.edit(&world.anna, first, "late").await;
    world.send(&world.anna, "c").await;
    world.finish(late).await;
    let inbox = world.inbox(&world.ben).await;
    assert_eq!((inbox.total, inbox.unread_total), (1, 1));
    assert!(world.hidden(&world.ben).await.is_empty());

    set(&world, &world.ben, HIDE).await;
    world.send(&world.ben, "from another device").await;
    assert_eq!(world.inbox(&world.ben).await.total, 1, "a message of one's own too");
    set(&world, &world.ben, edit(None, Some(true), Some(true))).await;
    let shown = set(&world, &world.ben, SHOW).await;
    assert_eq!(
        shown.settings,
        Settings {
            pinned: true,
            ..Settings::default()
        }
    );
    assert_eq!(world.inbox(&world.ben).await.total, 1);
    assert_eq!(world.inbox(&world.anna).await.total, 1, "the other side never knew");
}

/// Ben hides the topic, and leaves; it stands nowhere, and comes back with his next message.
pub(crate) async fn who_leaves_a_hidden_topic_finds_it_nowhere(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "a").await;
    world.join(&world.ben).await;
    set(&world, &world.ben, HIDE).await;
    world.leave(&world.ben).await;
    assert!(world.hidden(&world.ben).await.is_empty() && world.inbox(&world.ben).await.total == 0);
    for edit in [HIDE, SHOW, MUTE, PIN] {
        assert_eq!(world.set(&world.ben, edit).await, None, "what was left has no settings");
    }
    world.send(&world.ben, "back").await;
    assert_eq!(world.inbox(&world.ben).await.entries[0].settings, Settings::default());
}

pub(crate) async fn pinned_conversations_come_first(world: World) {
    let mut world = world;
    for (number, name) in ["a", "b", "c", "d"].into_iter().enumerate() {
        world = world.in_topic(name);
        world.clock.set(NOW + number as u64);
        world.join(&world.ben).await;
        world.send(&world.anna, "hi").await;
    }
    let order = async |world: &World| {
        let entries = world.inbox(&world.ben).await.entries;
        entries
            .iter()
            .map(|entry| entry.target.parts().1.to_string())
            .collect::<String>()
    };
    assert_eq!(order(&world).await, "dcba");
    world = world.in_topic("a");
    set(&world, &world.ben, PIN).await;
    assert_eq!(order(&world).await, "adcb");
    world = world.in_topic("c");
    set(&world, &world.ben, PIN).await;
    assert_eq!(order(&world).await, "cadb");
    world = world.in_topic("b");
    world.clock.set(NOW + 9);
    world.send(&world.anna, "new").await;
    assert_eq!(order(&world).await, "cabd");
    world = world.in_topic("a");
    world.send(&world.anna, "new").await;
    assert_eq!(order(&world).await, "acbd", "a pinned one moves among the pinned ones");
    assert_eq!(
        world.inbox(&world.ben).await.entries[0].activity_ms,
        NOW + 9,
        "its time is told as it is"
    );
    world = world.in_topic("c");
    set(&world, &world.ben, UNPIN).await;
    assert_eq!(order(&world).await, "abdc");
}

pub(crate) async fn repeated_settings_change_nothing(world: World) {
    assert_eq!(world.set(&world.ben, PIN).await, None, "nothing stands in the inbox");
    world.send(&world.anna, "a").await;
    let place = async || {
        let now = world
            .store
            .changed_entries(&world.ben, None, PageBounds::FRAME)
            .await
            .unwrap();
        now.cursor
    };
    let before = place().await;
    for edit in [edit(None, None, None), UNMUTE, SHOW, UNPIN] {
        let same = world.set(&world.ben, edit).await.unwrap();
        assert_eq!((same.told.place, same.entry.settings), (None, Settings::default()));
    }
    assert_eq!(place().await, before);
    let all = edit(Some(true), Some(true), Some(true));
    let changed = world.set(&world.ben, all).await.unwrap();
    let told = changed.told.place.unwrap();
    assert_eq!((told.prev, told.cursor), (before, place().await));
    let sync = world
        .store
        .changed_entries(&world.ben, Some(before), PageBounds::FRAME)
        .await
        .unwrap();
    assert_eq!(
        sync.entries,
        [(told.cursor, changed.entry.clone())],
        "other devices learn of it"
    );
    let again = world.set(&world.ben, all).await.unwrap();
    assert_eq!((again.told.place, again.entry), (None, changed.entry.clone()));
    assert_eq!(place().await, told.cursor);
    assert_eq!(
        changed.entry.settings,
        Settings {
            muted: true,
            hidden: true,
            pinned: true
        }
    );
}

/// The store of a newer release may keep more flags beside these three.
pub(crate) async fn settings_of_a_newer_release_stay(world: World) {
    world.send(&world.anna, "a").await;
    let (entries, chat) = (world.user_keys(&world.ben)[1].clone(), "user-1");
    let packed = async || {
        let packed = world.command(redis::cmd("HGET").arg(&entries).arg(chat)).await;
        redis::from_redis_value::<Vec<u8>>(packed).unwrap()
    };
    let mut newer = packed().await;
    newer[1] |= 8 | 16 | 32;
    world
        .command(redis::cmd("HSET").arg(&entries).arg(chat).arg(newer))
        .await;
    for (edit, own) in [(MUTE, 1), (PIN, 5), (HIDE, 7), (UNMUTE, 6), (SHOW, 4), (UNPIN, 0)] {
        set(&world, &world.ben, edit).await;
        assert_eq!(packed().await[1] % 64, 8 + 16 + 32 + own, "{edit:?}");
    }
}

/// What one reader's inbox is made of in the next rule.
struct Moving<'a> {
    world: &'a World,
    owner: User,
    random: u64,
    ms: u64,
}

impl Moving<'_> {
    fn roll(&mut self, below: u64) -> u64 {
        self.random = self
            .random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    fn topic(&self, number: u64) -> (Target, Conversation) {
        let target = Target::Topic(Id::parse(&format!("{}-{number}", self.owner.id)).unwrap());
        (target.clone(), Conversation::of(&self.owner, &target))
    }

    /// Somebody writes. Often many write within one millisecond.
    async fn write(&mut self, number: u64) {
        self.ms += self.roll(2);
        self.world.clock.set(NOW + self.ms);
        let (_, chat) = self.topic(number);
        let sent = self
            .world
            .store
            .append_message(&chat, &open(&self.world.anna), &draft("hi"), TOPIC_MEMBERS_MAX)
            .await;
        self.tell(&chat, sent.unwrap()).await;
    }

    async fn tell(&self, chat: &Conversation, decision: shared::domain::Decision) {
        let own = decision
            .projection
            .members
            .iter()
            .find(|member| member.id == self.owner.id);
        if let Some(own) = own {
            self.world.store.tell(chat, &decision.projection, own).await.unwrap();
        }
    }

    async fn join(&self, number: u64) {
        let (_, chat) = self.topic(number);
        let joined = self
            .world
            .store
            .put_member(&chat, &Actor::Platform, &self.owner.id, None, 9)
            .await;
        self.tell(&chat, joined.unwrap()).await;
    }

    /// Moves something; a conversation that is not pinned any more goes towards the end, and its name is returned.
    async fn moves(&mut self, count: u64) -> Option<String> {
        let number = self.roll(count);
        let (target, chat) = self.topic(number);
        let edit = match self.roll(14) {
            0..=6 => {
                self.write(number).await;
                return None;
            }
            7 => {
                let left = self
                    .world
                    .store
                    .remove_member(&chat, &Actor::Platform, &self.owner.id)
                    .await;
                self.tell(&chat, left.unwrap()).await;
                return None;
            }
            8 => {
                self.join(number).await;
                return None;
            }
            9 => HIDE,
            10 => SHOW,
            11 => PIN,
            12 => UNPIN,
            _ => MUTE,
        };
        self.world.store.set(&self.owner, &target, edit).await.unwrap();
        (edit == UNPIN).then(|| target.to_string())
    }
}

/// A reader pages through an inbox by places while it moves: nothing is shown twice, and whatever no page has shown as it is now has moved since
/// the first page.
pub(crate) async fn a_place_pages_an_inbox_that_moves(world: World) {
    const TOPICS: u64 = 13;
    let mut moved = 0;
    for case in 0..40_u64 {
        let owner = user("site", &format!("owner{case}"));
        let mut moving = Moving {
            world: &world,
            owner,
            random: case,
            ms: 0,
        };
        for number in 0..TOPICS {
            moving.join(number).await;
            moving.write(number).await;
        }
        for _ in 0..8 {
            moving.moves(TOPICS).await;
        }
        let (mut shown, mut unpinned) = (BTreeMap::<String, InboxEntry>::new(), Vec::new());
        let (mut after, mut since) = (None, None::<Cursor>);
        let per_page = 1 + case % 4;
        loop {
            let window = InboxWindow {
                page: Page { number: 1, per_page },
                after,
                hidden: false,
            };
            let page = world.store.inbox(&moving.owner, &window).await.unwrap();
            assert!(page.entries.len() as u64 <= per_page);
            since.get_or_insert(page.cursor);
            for entry in page.entries {
                let name = entry.target.to_string();
                let twice = shown.insert(name.clone(), entry);
                assert!(
                    twice.is_none() || unpinned.contains(&name),
                    "case {case}: {name} is shown twice"
                );
            }
            after = page.next;
            if after.is_none() {
                break;
            }
            for _ in 0..moving.roll(4) {
                unpinned.extend(moving.moves(TOPICS).await);
                moved += 1;
            }
        }
        let changed = world
            .store
            .changed_entries(&moving.owner, since, PageBounds::BODY)
            .await
            .unwrap();
        for (_, entry) in changed.entries {
            shown.insert(entry.target.to_string(), entry);
        }
        shown.retain(|_, entry| !entry.left && !entry.settings.hidden);
        let whole = InboxWindow::from(Page {
            number: 1,
            per_page: 100,
        });
        let whole = world.store.inbox(&moving.owner, &whole).await.unwrap();
        let fresh: BTreeMap<_, _> = whole
            .entries
            .into_iter()
            .map(|entry| (entry.target.to_string(), entry))
            .collect();
        assert_eq!(shown, fresh, "case {case}");
    }
    assert!(moved > 150, "{moved}");
}
