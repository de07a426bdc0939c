//! Rules of inboxes: a projection of the conversations, which the newest decision wins.

use shared::domain::limits::TOPIC_MEMBERS_MAX;
use shared::domain::{Conversation, Decision, Page, Target};
use shared::ports::Store as _;

use crate::support::{NOW, World, draft, open, text, user};

/// Seven decisions, told in every rotation of their order, each twice.
pub(crate) async fn the_order_and_the_repetition_of_tellings_do_not_matter(world: World) {
    let one = world.say(&world.anna, "one").await;
    let two = world.say(&world.anna, "two").await;
    let three = world.say(&world.ben, "three").await;
    let gone = world.delete(&world.anna, two.change.id).await;
    let edited = world.edit(&world.ben, three.change.id, "three!").await;
    let four = world.say(&world.anna, "four").await;
    let last = world.delete(&world.anna, four.change.id).await;

    let decisions: [&Decision; 7] = [&one, &two, &three, &gone, &edited, &four, &last];
    for rotation in 0..decisions.len() {
        world.forget(&world.user_keys(&world.ben)).await;
        let mut told = 0;
        for turn in 0..2 * decisions.len() {
            let decision = decisions[(turn * 3 + rotation) % decisions.len()];
            told += usize::from(world.tell(&world.ben, decision).await.place.is_some());
        }
        assert!((1..=decisions.len()).contains(&told), "rotation {rotation}: {told}");
        let shown = world.inbox(&world.ben).await;
        let [entry] = &shown.entries[..] else {
            panic!("{shown:?}")
        };
        assert_eq!(
            entry.latest.as_ref().unwrap().body,
            text("three!"),
            "rotation {rotation}"
        );
        assert_eq!(
            (entry.unread, entry.rev, shown.total),
            (0, last.change.rev, 1),
            "rotation {rotation}"
        );
        assert_eq!(entry.target, Target::User(world.anna.id.clone()));
    }
}

pub(crate) async fn unread_is_exact(world: World) {
    let mut ids = Vec::new();
    for content in ["a", "b", "c", "d"] {
        ids.push(world.send(&world.anna, content).await.change.id);
    }
    let unread = async || (world.unread(&world.anna).await, world.unread(&world.ben).await);
    assert_eq!(unread().await, (0, 4));

    let gone = world.delete(&world.anna, ids[1]).await;
    for _ in 0..2 {
        world.finish(gone.clone()).await;
    }
    assert_eq!(unread().await, (0, 3), "what was deleted unread is not unread");
    let seen = world.see(&world.ben, ids[2]).await;
    world.finish(seen).await;
    assert_eq!(unread().await, (0, 1), "what is seen is read, and all before it");
    world.send(&world.ben, "e").await;
    assert_eq!(unread().await, (1, 0));
}

/// However many messages come and go unread: what is left is counted.
pub(crate) async fn a_flood_of_deleted_messages_is_counted_exactly(world: World) {
    let mut ids = Vec::new();
    for number in 0..1_202 {
        ids.push(world.say(&world.anna, &number.to_string()).await.change.id);
    }
    let mut last = None;
    for id in &ids[1..1_201] {
        last = Some(world.delete(&world.anna, *id).await);
    }
    let last = world.finish(last.unwrap()).await;
    assert_eq!(last.projection.last_seq, 1_202);
    assert_eq!(world.unread(&world.ben).await, 2);
    let inbox = world.inbox(&world.ben).await;
    assert_eq!(inbox.entries[0].latest.as_ref().unwrap().body, text("1201"));
}

/// A function that dies between the two steps leaves a stale entry. The next change makes up for it.
pub(crate) async fn a_message_that_was_cut_off_is_never_unread_to_its_author(world: World) {
    world.say(&world.ben, "cut off").await;
    assert_eq!(world.inbox(&world.ben).await.total, 0);
    world.send(&world.anna, "hello?").await;
    let unread = (world.unread(&world.anna).await, world.unread(&world.ben).await);
    assert_eq!(unread, (0, 1));
}

pub(crate) async fn the_newest_activity_comes_first(world: World) {
    for (number, ms) in [(10, 30), (11, 10), (12, 20), (13, 40)] {
        let other = user("site", &number.to_string());
        let chat = Conversation::of(&world.anna, &Target::User(other.id.clone()));
        world.clock.set(NOW + ms);
        let sent = world
            .store
            .append_message(&chat, &open(&other), &draft("hi"), TOPIC_MEMBERS_MAX)
            .await;
        let Decision { projection, .. } = sent.unwrap();
        let anna = projection
            .members
            .iter()
            .find(|member| member.id == world.anna.id)
            .unwrap();
        world.store.tell(&chat, &projection, anna).await.unwrap();
    }
    let names = async |number| {
        let inbox = world
            .store
            .inbox(&world.anna, &Page { number, per_page: 3 }.into())
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

/// An entry repeats a short message; a long one is fetched from its conversation.
pub(crate) async fn the_newest_message_shows_whatever_its_length(world: World) {
    for length in [1, 450, 600, 16_000] {
        let content = "x".repeat(length);
        world.send(&world.anna, &content).await;
        let inbox = world.inbox(&world.ben).await;
        assert_eq!(
            inbox.entries[0].latest.as_ref().unwrap().body,
            text(&content),
            "{length}"
        );
    }
}
