//! Rules of read positions: they move forward, and in a topic nobody's history changes by them.

use shared::domain::{Actor, ChangeKind, ConnectionId, Draft};
use shared::ports::{PageBounds, Signals as _, Store as _, StoreError};

use crate::support::{SEEN, World, closed, draft, open, own, page, user};

fn mentioning(world: &World, content: &str) -> Draft {
    Draft {
        mentions: vec![world.ben.id.clone()],
        ..draft(content)
    }
}

/// Anna writes four messages, of which the second and the fourth mention Ben, who reads them bit by bit.
async fn forward_and_up_to_the_newest(world: &World) {
    let mut ids = Vec::new();
    for number in 0..4 {
        let content = number.to_string();
        let draft = if number % 2 == 0 {
            draft(&content)
        } else {
            mentioning(world, &content)
        };
        ids.push(world.send_draft(&world.anna, &draft).await.change.id);
    }
    let left = async || {
        let entry = world.entry(&world.ben).await.unwrap();
        (entry.read_seq, entry.unread, entry.mentioned)
    };
    assert_eq!(left().await, (0, 4, 2));
    let moved = world.read(&world.ben, Some(ids[1])).await;
    assert_eq!(
        (moved.change.kind, moved.change.id, moved.change.repeated),
        (ChangeKind::Read, ids[1], false)
    );
    assert_eq!(own(&moved, &world.ben).read_seq, 2);
    assert_eq!(left().await, (2, 2, 1));
    let clock = moved.projection.clock;
    for earlier in [ids[1], ids[0]] {
        let again = world.read(&world.ben, Some(earlier)).await;
        assert!(again.change.repeated);
        assert_eq!((again.projection.clock, again.change.id.seq), (clock, 2));
        assert_eq!(left().await, (2, 2, 1));
    }
    // A deleted message keeps its place, so it can be read up to.
    let deleted = world.delete(&world.anna, ids[2]).await;
    world.finish(deleted).await;
    assert_eq!(left().await, (2, 1, 1));
    world.read(&world.ben, Some(ids[2])).await;
    assert_eq!(left().await, (3, 1, 1));
    let all = world.read(&world.ben, None).await;
    assert_eq!((all.change.id, all.change.repeated), (ids[3], false));
    assert_eq!(left().await, (4, 0, 0));
    assert!(world.read(&world.ben, None).await.change.repeated);
    assert!(!world.has_mentions().await, "nothing is kept of what was read");
    let foreign = shared::domain::MessageId {
        random: ids[3].random ^ 1,
        ..ids[3]
    };
    let unknown = world.store.read_up_to(&world.chat, &world.ben.id, Some(foreign)).await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
    // What comes later is unread, and a mention in it counts.
    world.send_draft(&world.anna, &mentioning(world, "4")).await;
    assert_eq!(left().await, (4, 1, 1));
    world.send(&world.ben, "an answer reads all").await;
    assert_eq!(left().await, (6, 0, 0));
}

pub(crate) async fn a_position_moves_forward_in_a_direct_conversation(world: World) {
    forward_and_up_to_the_newest(&world).await;
    let before = world.history(page(1, 10)).await;
    world.send(&world.anna, "one more").await;
    let moved = world.read(&world.ben, None).await;
    assert!(moved.change.rev > before.rev, "both sides see it");
    assert_eq!(moved.change.rev, moved.projection.rev);
    let reads = world.history(page(1, 10)).await.reads;
    assert!(reads.0.contains(&(world.ben.id.clone(), 7)));
    assert_eq!(world.entry(&world.anna).await.unwrap().reads, reads);
}

pub(crate) async fn a_position_moves_forward_in_a_topic(world: World) {
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    forward_and_up_to_the_newest(&world).await;
    let sent = world.send(&world.anna, "one more").await.change;
    let annas = world.entry(&world.anna).await;
    let moved = world.read(&world.ben, None).await;
    assert_eq!(
        (moved.change.rev, moved.projection.rev),
        (sent.rev, sent.rev),
        "no revision"
    );
    assert_eq!(moved.projection.members.len(), 1, "it concerns the reader alone");
    assert_eq!(world.entry(&world.anna).await, annas);
    let changes = async |reader| {
        let changes = world
            .store
            .changes(&world.chat, &open(reader), sent.rev, PageBounds::BODY)
            .await;
        let changes = changes.unwrap();
        assert!(changes.messages.is_empty());
        changes.reads.0
    };
    assert_eq!(changes(&world.ben).await, [(world.ben.id.clone(), 7)]);
    assert_eq!(changes(&world.anna).await, [], "nobody else's position");
    let history = world.history_for(&world.ben, page(1, 10)).await;
    assert!(
        history.reads.0.is_empty(),
        "no message of a topic shows that it was seen"
    );
}

/// `{"status":"seen"}` is the old way to say it.
pub(crate) async fn seen_moves_the_position_in_a_topic_too(world: World) {
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    let id = world.send_draft(&world.anna, &mentioning(&world, "a")).await.change.id;
    let sent = world.send(&world.anna, "b").await.change;
    let seen = world.see(&world.ben, id).await;
    assert_eq!((seen.change.kind, seen.projection.rev), (ChangeKind::Read, sent.rev));
    assert_eq!(seen.projection.members.len(), 1);
    world.finish(seen).await;
    let entry = world.entry(&world.ben).await.unwrap();
    assert_eq!((entry.read_seq, entry.unread, entry.mentioned), (1, 1, 0));
}

pub(crate) async fn nothing_can_be_read_where_nobody_has_written(world: World) {
    let read = async |world: &World| world.store.read_up_to(&world.chat, &world.ben.id, None).await;
    assert_eq!(read(&world).await.unwrap(), None);
    assert_eq!(world.entry(&world.ben).await, None);
    let world = world.in_topic("cats");
    assert!(matches!(read(&world).await, Err(StoreError::NotAMember)));
    world.join(&world.ben).await;
    let empty = read(&world).await.unwrap().unwrap();
    assert_eq!((empty.change.repeated, empty.change.id.seq), (true, 0));
    let stranger = user("site", "stranger");
    let read = world.store.read_up_to(&world.chat, &stranger.id, None).await;
    assert!(matches!(read, Err(StoreError::NotAMember)));
}

pub(crate) async fn a_stranger_does_not_learn_which_messages_there_are(world: World) {
    let world = world.in_topic("cats");
    let there = world.send(&world.anna, "a").await.change.id;
    let not_there = shared::domain::MessageId { seq: 2, ..there };
    let stranger = user("site", "stranger");
    for id in [there, not_there] {
        let read = world.store.read_up_to(&world.chat, &stranger.id, Some(id)).await;
        assert!(matches!(read, Err(StoreError::NotAMember)));
        let seen = world
            .store
            .update_message(&world.chat, id, &closed(&stranger), &SEEN, None)
            .await;
        assert!(matches!(seen, Err(StoreError::NotAMember)));
        let deleted = world
            .store
            .delete_message(&world.chat, id, &Actor::User(closed(&stranger)))
            .await;
        assert!(matches!(deleted, Err(StoreError::NotAMember)));
        let reacted = world.react(&stranger, id, "x", true).await;
        assert!(matches!(reacted, Err(StoreError::NotAMember)));
    }
}

/// A topic's readers are shown fleetingly to those who have it on the screen.
pub(crate) async fn watchers_are_told_of_readers_of_a_topic_alone(world: World) {
    let now = shared::ports::Clock::now_ms(&shared::adapters::clock::SystemClock);
    world.clock.set(now);
    let connection = ConnectionId::parse("c=").unwrap();
    let watched_by_anna = async |world: &World| {
        let (reader, until) = (open(&world.anna), now + 60_000);
        let watched = world.store.watch_conversation(&world.chat, &reader, &connection, until);
        watched.await.unwrap();
        world.send(&world.anna, "a").await;
        world.read(&world.ben, None).await
    };
    assert!(watched_by_anna(&world).await.watchers.is_empty());
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    let watchers = watched_by_anna(&world).await.watchers;
    assert_eq!(watchers.len(), 1);
    assert_eq!(
        (&watchers[0].user, &watchers[0].connection),
        (&world.anna.id, &connection)
    );
    let sent = world.send(&world.anna, "seen").await.change.id;
    let seen = world.see(&world.ben, sent).await;
    assert_eq!(seen.watchers, watchers, "seen is told as read is");
    world.clock.set(now + 60_000);
    let later = world.send(&world.anna, "b").await;
    assert_eq!(
        world.read(&world.ben, Some(later.change.id)).await.watchers,
        [],
        "its interest is over"
    );
}

/// Ben has read all, and marks an earlier message seen.
pub(crate) async fn seen_never_says_less_than_what_was_read(world: World) {
    let is_earlier = async |world: &World| {
        let first = world.send(&world.anna, "a").await.change.id;
        world.send(&world.anna, "b").await;
        world.read(&world.ben, None).await;
        let seen = world.see(&world.ben, first).await.change;
        assert_eq!((seen.id, seen.repeated), (first, true));
        assert_eq!(seen.member.unwrap().read_seq, first.seq + 1);
    };
    is_earlier(&world).await;
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    is_earlier(&world).await;
}
