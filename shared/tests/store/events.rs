//! Rules of event logs and of retries.

use shared::domain::{Cursor, Edit, EventKind, MessageId, Page, RetryKey, User};
use shared::ports::{Change, Delivered, EventPage, Store as _};

use crate::support::{BOUNDS, NOW, World, page, text, texts};

use EventKind::{MessageDeleted as Deleted, MessageNew as New, MessageUpdated as Updated};

async fn events(world: &World, since: Cursor) -> EventPage {
    world.store.events(&world.ben, Some(since), 100).await.unwrap()
}

async fn start(world: &World) -> Cursor {
    world.store.events(&world.ben, None, 100).await.unwrap().end
}

/// What stands in Ben's log after a cursor.
async fn logged(world: &World, since: Cursor) -> Vec<(EventKind, u64)> {
    let page = events(world, since).await;
    assert!(page.recovered);
    page.events.iter().map(|event| (event.kind, event.seq)).collect()
}

async fn edit(world: &World, author: &User, id: MessageId, content: &str) -> Change {
    let edit = Edit::content(text(content));
    let changed = world.store.update_message(&world.chat, id, &author.id, &edit).await;
    changed.unwrap().unwrap()
}

async fn unread(world: &World) -> u64 {
    let page = Page {
        number: 1,
        per_page: 10,
    };
    world.store.inbox(&world.ben, page).await.unwrap().unread_total
}

pub(crate) async fn a_log_is_read_from_any_of_its_cursors(world: World) {
    let mut cursors = vec![start(&world).await];
    for number in 0..12 {
        let change = world.say(&world.anna, &number.to_string()).await;
        let place = world.deliver(&world.ben, &change, 0).await.place.unwrap();
        assert_eq!(
            place.prev,
            cursors.last().copied(),
            "each event names the one before it"
        );
        cursors.push(place.cursor);
        world.clock.set(NOW + number);
    }
    for (read, since) in cursors.iter().enumerate() {
        let page = events(&world, *since).await;
        assert!(page.recovered);
        let read_now: Vec<Cursor> = page.events.iter().map(|event| event.cursor).collect();
        assert_eq!(read_now, cursors[read + 1..]);
        assert_eq!(page.end, cursors[12]);
    }
    let two = world.store.events(&world.ben, Some(cursors[3]), 2).await.unwrap();
    assert_eq!(two.events.iter().map(|event| event.seq).collect::<Vec<_>>(), [4, 5]);
}

pub(crate) async fn a_cursor_that_the_log_does_not_reach_is_told(world: World) {
    let first = start(&world).await;
    let mut cursors = vec![first];
    for number in 0..BOUNDS.length + 20 {
        world.clock.set(NOW + number);
        let change = world.say(&world.anna, "a").await;
        cursors.push(world.deliver(&world.ben, &change, 0).await.place.unwrap().cursor);
    }
    let recovered = async |cursor: Cursor| events(&world, cursor).await.recovered;
    assert!(
        !recovered(first).await && !recovered(cursors[19]).await,
        "cut off by number"
    );
    assert!(recovered(cursors[20]).await && recovered(cursors[21]).await);
    let last = cursors[cursors.len() - 1];
    assert!(recovered(last).await);
    for wrong in [
        Cursor {
            epoch: last.epoch ^ 1,
            ..last
        },
        Cursor {
            position: last.position + 1,
            ..last
        },
        Cursor {
            ms: last.ms + 1,
            ..last
        },
        Cursor {
            ms: cursors[20].ms + 1,
            ..cursors[20]
        },
    ] {
        let page = events(&world, wrong).await;
        assert_eq!((page.recovered, page.events.len(), page.end), (false, 0, last));
    }

    world.clock.set(NOW + BOUNDS.age_ms * 2);
    for _ in 0..30 {
        world.send(&world.anna, "later").await;
    }
    let before_last = cursors[cursors.len() - 2];
    assert!(!recovered(before_last).await, "cut off by age");
    assert!(recovered(last).await, "nothing after it was");
    let anna = world.store.events(&world.anna, None, 1).await.unwrap();
    assert_ne!(anna.end.epoch, first.epoch, "each log has an epoch of its own");
}

pub(crate) async fn every_change_is_in_the_log_once(world: World) {
    let start = start(&world).await;
    let one = world.say(&world.anna, "one").await;
    let two = world.say(&world.anna, "two").await;
    let edited = edit(&world, &world.anna, one.id, "one!").await;
    let gone = world.delete(&world.anna, two.id).await;
    // The last one first: it brings the others along, and each of them finds itself there.
    let mut places: Vec<Cursor> = Vec::new();
    for change in [&gone, &one, &edited, &two, &gone, &one] {
        places.push(world.deliver(&world.ben, change, 0).await.place.unwrap().cursor);
    }
    assert_eq!(
        places.iter().map(|place| place.position).collect::<Vec<_>>(),
        [4, 1, 3, 2, 4, 1]
    );
    assert_eq!(
        logged(&world, start).await,
        [(New, 1), (New, 2), (Updated, 1), (Deleted, 2)]
    );

    let dead_writers = edit(&world, &world.anna, one.id, "one!!").await;
    let edited = edit(&world, &world.anna, one.id, "one!!!").await;
    for change in [&edited, &dead_writers, &edited] {
        world.deliver(&world.ben, change, 0).await;
    }
    assert_eq!(
        logged(&world, start).await[4..],
        [(Updated, 1), (Updated, 1)],
        "also if both are about one message"
    );

    let again = world.delete(&world.anna, two.id).await;
    assert_eq!(
        world.deliver(&world.ben, &again, 0).await.place,
        None,
        "a repetition is no news"
    );
    assert_eq!(logged(&world, start).await.len(), 6);
}

pub(crate) async fn what_a_dead_writer_left_out_comes_with_the_next_change(world: World) {
    let start = start(&world).await;
    let ids = [
        world.send(&world.anna, "kept").await.id,
        world.say(&world.anna, "cut off").await.id,
        world.say(&world.anna, "cut off and deleted").await.id,
    ];
    edit(&world, &world.anna, ids[0], "edited").await;
    world.delete(&world.anna, ids[2]).await;
    assert_eq!(logged(&world, start).await, [(New, 1)]);

    let next = world.say(&world.anna, "next").await;
    let place = world.deliver(&world.ben, &next, 0).await.place.unwrap();
    assert_eq!(
        logged(&world, start).await,
        [(New, 1), (New, 2), (New, 3), (Updated, 1), (Deleted, 3), (New, 4)]
    );
    assert_eq!((place.cursor.position, place.prev.unwrap().position), (6, 5));
    assert_eq!(unread(&world).await, 3);
}

pub(crate) async fn a_log_that_misses_too_much_breaks(world: World) {
    let start = start(&world).await;
    let id = world.send(&world.anna, "first").await.id;
    for number in 0..40 {
        edit(&world, &world.anna, id, &number.to_string()).await;
    }
    let next = world.say(&world.anna, "next").await;
    let place = world.deliver(&world.ben, &next, 0).await.place.unwrap();
    assert!(
        !events(&world, start).await.recovered,
        "whoever stood before the break loads anew"
    );
    assert_ne!(place.prev.unwrap().epoch, start.epoch);
    world.send(&world.anna, "after").await;
    assert_eq!(logged(&world, place.cursor).await, [(New, 3)], "and the log goes on");
}

/// Ben's server is away while 40 messages are deleted; then each deletion is asked for again.
pub(crate) async fn unread_is_exact_after_a_break(world: World) {
    let mut ids = Vec::new();
    for number in 0..41 {
        ids.push(world.send(&world.anna, &number.to_string()).await.id);
    }
    for id in &ids[1..] {
        world.delete(&world.anna, *id).await;
    }
    for id in &ids[1..] {
        let again = world.delete(&world.anna, *id).await;
        world.deliver(&world.ben, &again, 0).await;
    }
    assert_eq!(unread(&world).await, 1);
}

pub(crate) async fn a_retry_key_sends_once_and_completes_what_was_cut_off(world: World) {
    let key = RetryKey::parse("a: {1}").unwrap();
    let once = text("once");
    let send = async |author: &User, key: &RetryKey| {
        let sent = world
            .store
            .append_message(&world.chat, &author.id, &once, None, Some(key));
        sent.await.unwrap()
    };
    let start = start(&world).await;
    let first = send(&world.anna, &key).await;
    let second = send(&world.anna, &key).await;
    assert_eq!((second.id, second.repeated, second.made_revision), (first.id, true, 1));
    assert_eq!(texts(&world.history(page(1, 10)).await), ["once"]);

    // The first try died before it came to the inboxes.
    let told: Delivered = world.deliver(&world.ben, &second, 0).await;
    assert!(told.place.is_some());
    let third = send(&world.anna, &key).await;
    assert_eq!(
        world.deliver(&world.ben, &third, 0).await.place,
        None,
        "nothing was left to do"
    );
    assert_eq!(logged(&world, start).await, [(New, 1)]);

    let others = [
        send(&world.ben, &key).await,
        send(&world.anna, &RetryKey::parse("2").unwrap()).await,
    ];
    assert_eq!(
        others.map(|change| (change.id.seq, change.repeated)),
        [(2, false), (3, false)]
    );
    world.delete(&world.anna, first.id).await;
    let after = send(&world.anna, &key).await;
    assert_eq!(
        (after.id, after.message),
        (first.id, None),
        "it is remembered when it is gone"
    );
}

/// A failover may lose the last moments of a conversation, whose participants live in other slots and remember them.
pub(crate) async fn a_conversation_that_was_set_back_goes_on(world: World) {
    for content in ["a", "b", "c"] {
        world.send(&world.anna, content).await;
    }
    assert_eq!(unread(&world).await, 3);
    let before = start(&world).await;
    world.forget_conversation().await;
    world.clock.set(NOW + 5);
    let change = world.say(&world.anna, "new").await;
    let place = world.deliver(&world.ben, &change, 0).await.place.unwrap();
    // Revision and position were given before: whoever knows that has to load everything anew.
    assert!(!events(&world, before).await.recovered);
    assert_eq!(logged(&world, place.prev.unwrap()).await, [(New, 1)]);
    assert_eq!(unread(&world).await, 1);
    let inbox = world
        .store
        .inbox(
            &world.ben,
            Page {
                number: 1,
                per_page: 10,
            },
        )
        .await
        .unwrap();
    assert_eq!(inbox.entries[0].latest.as_ref().unwrap().body, text("new"));
    assert_eq!(inbox.entries[0].revision, 1);
}
