//! Rules of inboxes.

use shared::domain::{Conversation, Edit, Page, Target, User};
use shared::ports::{Change, Inbox, Notice, Store as _};

use crate::support::{BOUNDS, NOW, World, text, user};

async fn inbox(world: &World, of: &User) -> Inbox {
    world
        .store
        .inbox(
            of,
            Page {
                number: 1,
                per_page: 10,
            },
        )
        .await
        .unwrap()
}

async fn unread(world: &World, of: &User) -> u64 {
    let inbox = inbox(world, of).await;
    let sum = inbox.entries.iter().map(|entry| entry.unread).sum::<u64>();
    assert_eq!(inbox.unread_total, sum, "the total is kept apart and must agree");
    sum
}

/// Six changes of one conversation, delivered in every rotation of their order, each twice.
pub(crate) async fn the_order_and_the_repetition_of_notices_do_not_matter(world: World) {
    let one = world.say(&world.anna, "one").await;
    let two = world.say(&world.anna, "two").await;
    let three = world.say(&world.ben, "three").await;
    let gone = world.delete(&world.anna, two.id).await;
    let edit = Edit::content(text("three!"));
    let edited = world
        .store
        .update_message(&world.chat, three.id, &world.ben.id, &edit)
        .await
        .unwrap()
        .unwrap();
    let four = world.say(&world.anna, "four").await;
    let last = world.delete(&world.anna, four.id).await;

    // To Ben: his own message moves his read position to 3; what Anna deleted behind it no longer counts.
    let notices: [(&Change, u64); 7] = [
        (&one, 0),
        (&two, 0),
        (&three, 3),
        (&gone, 0),
        (&edited, 0),
        (&four, 0),
        (&last, 0),
    ];
    for rotation in 0..notices.len() {
        let ben = user(&format!("site-{rotation}"), "ben");
        for turn in 0..2 * notices.len() {
            let (change, read_seq) = notices[(turn * 3 + rotation) % notices.len()];
            world.deliver(&ben, change, read_seq).await;
        }
        let shown = inbox(&world, &ben).await;
        let [entry] = &shown.entries[..] else {
            panic!("{shown:?}")
        };
        assert_eq!(
            entry.latest.as_ref().map(|latest| latest.body.content()),
            Some("three!"),
            "rotation {rotation}"
        );
        assert_eq!(
            (entry.unread, shown.unread_total, shown.total),
            (0, 0, 1),
            "rotation {rotation}"
        );
        assert_eq!(entry.target, Target::User(world.anna.id.clone()));
    }
}

pub(crate) async fn unread_is_exact(world: World) {
    let mut ids = Vec::new();
    for content in ["a", "b", "c", "d"] {
        ids.push(world.send(&world.anna, content).await.id);
    }
    assert_eq!(
        (unread(&world, &world.anna).await, unread(&world, &world.ben).await),
        (0, 4)
    );

    let gone = world.delete(&world.anna, ids[1]).await;
    world.deliver(&world.anna, &gone, 0).await;
    world.deliver(&world.ben, &gone, 0).await;
    world.deliver(&world.ben, &gone, 0).await;
    assert_eq!(
        unread(&world, &world.ben).await,
        3,
        "what was deleted unread is not unread"
    );

    let seen = world
        .store
        .update_message(&world.chat, ids[2], &world.ben.id, &Edit::seen())
        .await
        .unwrap()
        .unwrap();
    let delivered = world.deliver(&world.ben, &seen, ids[2].seq).await;
    assert_eq!(
        (delivered.unread, unread(&world, &world.ben).await),
        (1, 1),
        "what is seen is read, and all before it"
    );

    world.send(&world.ben, "e").await;
    assert_eq!(
        (unread(&world, &world.anna).await, unread(&world, &world.ben).await),
        (1, 0)
    );
}

/// One side can send and delete as often as it likes: the other side's inbox stays as it was.
pub(crate) async fn a_flood_of_deleted_messages_stays_small(world: World) {
    for round in 0..1_200 {
        let id = world.say(&world.anna, "now you see me").await.id;
        let gone = world.delete(&world.anna, id).await;
        world.deliver(&world.ben, &gone, 0).await;
        if round == 600 {
            // From here on there is an unread message, behind which nothing can be passed over.
            world.send(&world.anna, "read me").await;
        }
    }
    assert_eq!(unread(&world, &world.ben).await, 1);
    assert_eq!(
        inbox(&world, &world.ben).await.entries[0].latest.as_ref().unwrap().body,
        text("read me")
    );
}

/// A function that dies between the two steps leaves a message that no inbox knows. The next change makes up for it.
pub(crate) async fn a_message_that_was_cut_off_is_never_unread_to_its_author(world: World) {
    let cut_off = world.say(&world.ben, "cut off").await;
    assert_eq!(cut_off.sent_by(&world.anna.id), 0);
    world.send(&world.anna, "hello?").await;
    assert_eq!(
        (unread(&world, &world.anna).await, unread(&world, &world.ben).await),
        (0, 1)
    );
}

pub(crate) async fn the_newest_activity_comes_first(world: World) {
    for (number, ms) in [(10, 30), (11, 10), (12, 20), (13, 40)] {
        let other = user("site", &number.to_string());
        let chat = Conversation::of(&world.anna, &Target::User(other.id.clone()));
        world.clock.set(NOW + ms);
        let change = world
            .store
            .append_message(&chat, &other.id, &text("hi"), None, None)
            .await
            .unwrap();
        let notice = Notice {
            change: &change,
            conversation: &chat,
            read_seq: 0,
            bounds: BOUNDS,
        };
        world.store.deliver(&world.anna, &notice).await.unwrap();
    }
    let names = async |number| {
        let inbox = world
            .store
            .inbox(&world.anna, Page { number, per_page: 3 })
            .await
            .unwrap();
        assert_eq!((inbox.total, inbox.unread_total), (4, 4));
        inbox
            .entries
            .iter()
            .map(|entry| (entry.target.to_string(), entry.activity_ms - NOW))
            .collect::<Vec<_>>()
    };
    let entry = |id: u64, ms: u64| (format!("user-{id}"), ms);
    assert_eq!(names(1).await, [entry(13, 40), entry(10, 30), entry(12, 20)]);
    assert_eq!(names(2).await, [entry(11, 10)]);
    assert_eq!(names(3).await, []);
}
