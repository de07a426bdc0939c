//! Rules of blocks: the rights of a blocked user, the view of each side, and crashes in between.

use std::time::Duration;

use futures_util::future::join_all;
use shared::app::{self, Caller, Counted, Usage, Writer};
use shared::domain::limits::BLOCKS_MAX;
use shared::domain::{ChangeKind, Decision, Id, Limits, Target, TimeWindow, TopicRules, User, Window};
use shared::error::ApiError;
use shared::ports::{Blocks as _, Presence, PresenceReader, Signals as _, Store as _, StoreError};

use crate::dying::{Wires, held};
use crate::signals::{at_now, id, watcher};
use crate::support::{SEEN, TERMS, World, new_text, open, own, page, principal, texts, user, with_key};

async fn block(world: &World) {
    world.store.block(&world.anna, &world.ben.id).await.unwrap();
}

async fn unblock(world: &World) {
    world.store.unblock(&world.anna, &world.ben.id).await.unwrap();
}

fn is_refused(answer: &Result<Decision, StoreError>) -> bool {
    matches!(answer, Err(StoreError::NotAccepted))
}

/// The users whom a user has blocked, the newest block first.
async fn blocked(world: &World, user: &User) -> Vec<String> {
    let window = TimeWindow {
        after: None,
        limit: 100,
    };
    let page = world.store.blocks(user, &window).await.unwrap();
    page.blocks.into_iter().map(|(id, _)| id.to_string()).collect()
}

pub(crate) async fn a_blocked_user_cannot_write_but_can_delete(world: World) {
    let theirs = world.send(&world.anna, "from Anna").await.change.id;
    let kept = world.send(&world.ben, "kept").await.change.id;
    let gone = world.send(&world.ben, "gone").await.change.id;
    let known = with_key("sent before", "k");
    world.send_draft(&world.ben, &known).await;
    let reacted = world.react(&world.ben, theirs, "x", true).await.unwrap().change;
    let before = world.entry(&world.ben).await.unwrap();
    block(&world).await;
    block(&world).await;

    assert!(is_refused(&world.try_to_say(&world.ben, "more").await));
    assert!(is_refused(&world.append(&world.ben, &with_key("more", "k2")).await));
    assert!(is_refused(&world.update(&world.ben, kept, &new_text("other")).await));
    assert!(is_refused(&world.react(&world.ben, theirs, "y", true).await));
    assert!(is_refused(&world.react(&world.ben, theirs, "x", false).await));
    // A repetition of an earlier send gets its first answer.
    assert!(world.append(&world.ben, &known).await.unwrap().change.repeated);
    let again = world.react(&world.ben, theirs, "x", true).await.unwrap().change;
    assert_eq!((again.repeated, again.rev), (true, reacted.rev));
    // No answer reveals the block to the blocked user.
    assert_eq!(world.entry(&world.ben).await.unwrap(), before);
    let deleted = world.delete(&world.ben, gone).await;
    world.finish(deleted).await;
    world.send(&world.anna, "still from Anna").await;
    assert_eq!(
        texts(&world.history(page(1, 10)).await),
        ["from Anna", "kept", "sent before", "still from Anna"]
    );
    unblock(&world).await;
    world.send(&world.ben, "again").await;
    let edited = world.edit(&world.ben, kept, "other").await;
    world.finish(edited).await;
    // In a topic of both nothing changes.
    block(&world).await;
    let topic = world.in_topic("cats");
    topic.send(&topic.anna, "hello").await;
    topic.send(&topic.ben, "hello Anna").await;
}

pub(crate) async fn each_side_blocks_for_itself(world: World) {
    world.send(&world.ben, "hello").await;
    world.store.block(&world.ben, &world.anna.id).await.unwrap();
    block(&world).await;
    assert!(is_refused(&world.try_to_say(&world.anna, "a").await));
    assert!(is_refused(&world.try_to_say(&world.ben, "b").await));
    unblock(&world).await;
    world.send(&world.ben, "b").await;
    assert!(is_refused(&world.try_to_say(&world.anna, "a").await));
    assert_eq!(blocked(&world, &world.ben).await, ["1"]);
    assert_eq!(blocked(&world, &world.anna).await, [""; 0]);
}

/// The other side goes on seeing the old read position of the blocked user.
pub(crate) async fn only_a_blocked_user_sees_the_own_reading(world: World) {
    let first = world.send(&world.anna, "first").await.change.id;
    world.read(&world.ben, Some(first)).await;
    let second = world.send(&world.anna, "second").await.change.id;
    block(&world).await;
    let (anna, history) = (world.entry(&world.anna).await, world.history(page(1, 10)).await);
    let moved = world.read(&world.ben, None).await;
    assert_eq!(
        (moved.change.kind, moved.change.private, moved.change.repeated),
        (ChangeKind::Read, true, false)
    );
    assert_eq!(own(&moved, &world.ben).unread, 0);
    assert!(world.read(&world.ben, None).await.change.repeated);
    let entry = world.entry(&world.ben).await.unwrap();
    assert_eq!((entry.read_seq, entry.unread, entry.rev), (2, 0, history.rev));
    // Anna sees no move anywhere.
    assert_eq!(world.entry(&world.anna).await, anna);
    assert_eq!(world.history(page(1, 10)).await, history);
    let changes = async |reader: &User, since| {
        let bounds = shared::ports::PageBounds::BODY;
        let changes = world.store.changes(&world.chat, &open(reader), since, bounds).await;
        changes.unwrap().reads.0
    };
    assert_eq!(changes(&world.anna, history.rev).await, []);
    assert_eq!(changes(&world.ben, history.rev).await, [(world.ben.id.clone(), 2)]);
    let seen = async |reader: &User| {
        let history = world.history_for(reader, Window::Around(second, 1)).await;
        history.reads.have_seen(&history.messages[0])
    };
    assert!(!seen(&world.anna).await && seen(&world.ben).await);
    // `seen` of a message is the same.
    let third = world.send(&world.anna, "third").await.change.id;
    assert_eq!(world.entry(&world.ben).await.unwrap().unread, 1);
    let by_update = world.update(&world.ben, third, &SEEN).await.unwrap();
    assert!(by_update.change.private);
    world.finish(by_update).await;
    assert_eq!(world.entry(&world.ben).await.unwrap().unread, 0);
    let edited = world.edit(&world.anna, third, "third!").await;
    world.finish(edited).await;
    assert_eq!(world.entry(&world.ben).await.unwrap().unread, 0);
    assert!(!seen(&world.anna).await);

    unblock(&world).await;
    assert!(
        !seen(&world.anna).await,
        "what was read meanwhile is told by the next move"
    );
    let shown = world.read(&world.ben, Some(first)).await;
    assert_eq!((shown.change.private, shown.change.repeated), (false, false));
    assert!(seen(&world.anna).await);
    let entry = world.entry(&world.anna).await.unwrap();
    assert!(entry.reads.0.contains(&(world.ben.id.clone(), 3)), "{:?}", entry.reads);
}

/// When the blocked user reads, nothing is pushed to the other side.
pub(crate) async fn nobody_is_told_that_a_blocked_user_reads(world: World) {
    let (world, now) = at_now(world);
    for (user, name) in [(&world.anna, "anna="), (&world.ben, "ben=")] {
        assert!(world.opens(user, &id(name), now).await);
    }
    world.send(&world.anna, "first").await;
    block(&world).await;
    let wires = Wires::default();
    let writer = Writer {
        uploads: None,
        store: &world.store,
        push: &wires,
        topics: TopicRules::default(),
        usage: world.usage(),
        later: None,
    };
    let caller = Caller {
        principal: principal(&world.ben),
        connection: None,
        counted: Counted::First,
    };
    let target = Target::User(world.anna.id.clone());
    let read = writer.read(&caller, &target, None).await.unwrap();
    assert_eq!((read.own.unwrap().unread, read.unread_total), (0, 0));
    let told = held(&wires.0);
    assert_eq!(told.keys().collect::<Vec<_>>(), ["ben="], "the own other device");
    let frame = String::from_utf8(told["ben="][0].to_vec()).unwrap();
    assert!(
        frame.contains("message.read") && frame.contains("cursor") && !frame.contains("\"rev\""),
        "{frame}"
    );
}

pub(crate) async fn neither_side_sees_the_presence_of_the_other(world: World) {
    let (world, now) = at_now(world);
    world.send(&world.anna, "hello").await;
    world.send(&world.ben, "hello").await;
    let (phone, desk) = (id("phone="), id("desk="));
    for (user, connection) in [(&world.anna, &phone), (&world.ben, &desk)] {
        assert!(world.opens(user, connection, now).await);
    }
    let seen = async |of: &User, by: &User, connection| {
        let reader = PresenceReader {
            user: by,
            topic: None,
            connection: Some((connection, now + 60_000)),
        };
        world.store.presence(&of.id, reader).await.unwrap()
    };
    let back = async |user: &User| {
        let (principal, other) = (principal(user), id(&format!("other-{}=", user.id)));
        let opened = world.store.open_connection(&principal, &other, now, TERMS).await;
        opened.unwrap().watchers
    };
    assert!(seen(&world.ben, &world.anna, &phone).await.online);
    assert!(seen(&world.anna, &world.ben, &desk).await.online);
    block(&world).await;
    for (of, by, connection) in [(&world.anna, &world.ben, &desk), (&world.ben, &world.anna, &phone)] {
        let watchers = world.user_keys(of)[6].clone();
        let count = world.command(redis::cmd("ZCARD").arg(watchers)).await;
        assert_eq!(count, redis::Value::Int(0), "watches are undone");
        assert_eq!(seen(of, by, connection).await, Presence::default());
    }
    for (user, connection) in [(&world.anna, &phone), (&world.ben, &desk)] {
        world.store.end_connection(connection).await.unwrap();
        assert_eq!(back(user).await, []);
    }
    unblock(&world).await;
    assert!(seen(&world.anna, &world.ben, &desk).await.online);
    assert!(seen(&world.ben, &world.anna, &phone).await.has_written);
}

pub(crate) async fn nobody_is_told_that_a_blocked_user_types(world: World) {
    let (world, now) = at_now(world);
    world.send(&world.anna, "hello").await;
    let (phone, desk) = (id("phone="), id("desk="));
    for (user, connection) in [(&world.anna, &phone), (&world.ben, &desk)] {
        let (reader, until) = (open(user), now + 60_000);
        let watched = world.store.watch_conversation(&world.chat, &reader, connection, until);
        assert!(watched.await.unwrap());
    }
    let told = async |by: &User| world.store.watchers(&world.chat, &open(by)).await.unwrap();
    assert_eq!(told(&world.ben).await.len(), 2);
    block(&world).await;
    assert_eq!(told(&world.ben).await, []);
    assert!(told(&world.anna).await.contains(&watcher(&world.ben, &desk)));
    unblock(&world).await;
    assert_eq!(told(&world.ben).await.len(), 2);
}

/// If a function dies, any of the three slots may miss the block; the blocker's list is written first and cleared last.
pub(crate) async fn a_block_that_was_cut_off_is_completed_when_it_is_repeated(world: World) {
    let meta = world.chat_keys()[1].clone();
    let blockers = world.user_keys(&world.ben)[0].replace(":inbox", ":blockers");
    block(&world).await;
    world.forget(&[meta.clone(), blockers.clone()]).await;
    assert_eq!(
        blocked(&world, &world.anna).await,
        ["ben"],
        "the user sees it, and can ask again"
    );
    world.send(&world.ben, "meanwhile").await;
    block(&world).await;
    assert!(is_refused(&world.try_to_say(&world.ben, "more").await));
    assert_eq!(
        world.command(redis::cmd("EXISTS").arg(&blockers)).await,
        redis::Value::Int(1)
    );
    // A removal that was cut off, and its repetition.
    world.command(redis::cmd("HDEL").arg(&meta).arg("blocked")).await;
    unblock(&world).await;
    unblock(&world).await;
    assert_eq!(
        world.command(redis::cmd("EXISTS").arg(&blockers)).await,
        redis::Value::Int(0)
    );
    assert_eq!(blocked(&world, &world.anna).await, [""; 0]);
    world.send(&world.ben, "again").await;
}

pub(crate) async fn a_block_and_sends_at_once_agree(world: World) {
    world.send(&world.anna, "hello").await;
    let sends = (0..30).map(|number| {
        let world = &world;
        async move { world.try_to_say(&world.ben, &number.to_string()).await }
    });
    let (sent, ()) = tokio::join!(join_all(sends), block(&world));
    let taken = sent.into_iter().filter(|answer| match answer {
        Ok(_) => true,
        Err(StoreError::NotAccepted) => false,
        Err(error) => panic!("{error}"),
    });
    assert_eq!(world.history(page(1, 100)).await.total, 1 + taken.count() as u64);
    assert!(is_refused(&world.try_to_say(&world.ben, "more").await));
}

/// Every order of five: what stands in the three slots agrees in the end.
pub(crate) async fn blocks_and_removals_at_once_leave_no_block_that_is_not_listed(world: World) {
    world.send(&world.anna, "hello").await;
    let other_process = world.as_release(&[]).await;
    let meta = world.chat_keys()[1].clone();
    let blocks = world.user_keys(&world.anna)[0].replace(":inbox", ":blocks");
    let blockers = world.user_keys(&world.ben)[0].replace(":inbox", ":blockers");
    for round in 0..64_u64 {
        let acts = (0..5).map(|act| {
            let store = if act % 2 == 0 {
                &world.store
            } else {
                &other_process.store
            };
            let (anna, ben) = (&world.anna, &world.ben.id);
            async move {
                tokio::time::sleep(Duration::from_micros((round * 7 + act * 13) % 5 * 150)).await;
                if round >> act & 1 == 0 {
                    store.block(anna, ben).await.unwrap();
                } else {
                    store.unblock(anna, ben).await.unwrap();
                }
            }
        });
        join_all(acts).await;
        let in_force = world.command(redis::cmd("HEXISTS").arg(&meta).arg("blocked")).await;
        let stands = async |slot: &str, name: &Id| {
            let score = world
                .command(redis::cmd("ZSCORE").arg(slot).arg(name.to_string()))
                .await;
            redis::Value::Int((score != redis::Value::Nil).into())
        };
        assert_eq!(stands(&blocks, &world.ben.id).await, in_force, "round {round}");
        assert_eq!(stands(&blockers, &world.anna.id).await, in_force, "round {round}");
    }
}

pub(crate) async fn strangers_are_blocked_too_and_listed_in_pages(world: World) {
    let now = crate::support::NOW;
    for number in 0..7 {
        // Three blocks with the same time.
        world.clock.set(now + [0, 1, 1, 1, 2, 3, 4][number]);
        let other = user("site", &format!("u{number}")).id;
        world.store.block(&world.anna, &other).await.unwrap();
        world.clock.set(now + 100);
        world.store.block(&world.anna, &other).await.unwrap();
    }
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let window = TimeWindow { after, limit: 2 };
        let page = world.store.blocks(&world.anna, &window).await.unwrap();
        assert!(page.blocks.len() == 2 || page.next.is_none());
        all.extend(
            page.blocks
                .into_iter()
                .map(|(id, since)| format!("{id} {}", since - now)),
        );
        let Some(next) = page.next else { break };
        after = Some(next);
        // A later block shifts nothing.
        let other = user("site", &format!("late{}", all.len())).id;
        world.store.block(&world.anna, &other).await.unwrap();
    }
    assert_eq!(all, ["u6 4", "u5 3", "u4 2", "u3 1", "u2 1", "u1 1", "u0 0"]);
    // Nothing but the block is kept of them.
    assert_eq!(world.inbox(&world.anna).await.total, 0);
    let stranger = user("site", "u0");
    assert_eq!(world.inbox(&stranger).await.total, 0);
    world.store.unblock(&world.anna, &stranger.id).await.unwrap();
    assert_eq!(blocked(&world, &world.anna).await.len(), 9);
}

pub(crate) async fn a_block_of_a_stranger_counts_as_the_beginning_of_a_conversation(world: World) {
    world.send(&world.ben, "hello").await;
    let limits = Limits::parse("conversations=0.001:1").unwrap();
    let usage = Usage {
        limits: &limits,
        ..world.usage()
    };
    let caller = Caller {
        principal: principal(&world.anna),
        connection: None,
        counted: Counted::First,
    };
    let set = async |other: &str, blocked| {
        let other = user("site", other).id;
        app::set_block(&world.store, usage, &caller, &other, blocked).await
    };
    for (other, blocked) in [
        ("ben", true),
        ("ben", false),
        ("first", false),
        ("first", true),
        ("ben", true),
    ] {
        set(other, blocked).await.unwrap();
    }
    let refused = set("second", true).await.unwrap_err();
    assert!(matches!(refused, ApiError::RateLimited { .. }), "{refused}");
    let mut all = blocked(&world, &world.anna).await;
    all.sort();
    assert_eq!(all, ["ben", "first"]);
}

pub(crate) async fn a_user_cannot_block_more_than_the_limit(world: World) {
    let blocks = world.user_keys(&world.anna)[0].replace(":inbox", ":blocks");
    let mut fill = redis::cmd("ZADD");
    fill.arg(&blocks);
    for number in 0..BLOCKS_MAX - 1 {
        fill.arg(number).arg(format!("u{number}"));
    }
    world.command(&fill).await;
    block(&world).await;
    block(&world).await;
    let caller = Caller {
        principal: principal(&world.anna),
        connection: None,
        counted: Counted::First,
    };
    let other = user("site", "other").id;
    let refused = app::set_block(&world.store, world.usage(), &caller, &other, true)
        .await
        .unwrap_err();
    assert!(matches!(refused, ApiError::TooManyBlocks), "{refused}");
    let itself = app::set_block(&world.store, world.usage(), &caller, &world.anna.id, true)
        .await
        .unwrap_err();
    assert!(matches!(itself, ApiError::InvalidField { .. }), "{itself}");
    // The refused block left nothing anywhere.
    let stranger = user("site", "other");
    let blockers = world.user_keys(&stranger)[0].replace(":inbox", ":blockers");
    assert_eq!(
        world.command(redis::cmd("EXISTS").arg(&blockers)).await,
        redis::Value::Int(0)
    );
}
