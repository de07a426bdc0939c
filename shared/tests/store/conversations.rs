//! Rules of conversations: order, windows, and who may change what.

use futures_util::future::join_all;
use shared::domain::{Body, BodyKind, Edit, MessageId, Metadata, MetadataEdit, Window};
use shared::ports::{Refusal, Store as _};

use crate::support::{NOW, World, page, text, texts};

pub(crate) async fn positions_are_given_in_order_and_time_never_goes_back(world: World) {
    let first = world.say(&world.anna, "a").await;
    world.clock.set(NOW - 60_000);
    let second = world.say(&world.ben, "b").await;
    world.clock.set(NOW + 5);
    let third = world.say(&world.anna, "c").await;

    let places = [&first, &second, &third].map(|change| (change.id.seq, change.id.ms, change.revision));
    assert_eq!(places, [(1, NOW, 1), (2, NOW, 2), (3, NOW + 5, 3)]);
    assert_eq!((third.last_seq, third.activity_ms), (3, NOW + 5));
    assert_eq!(third.message.unwrap().author, world.anna.id);
}

/// Deletes a pseudo-random half of a conversation, runs of it too, and compares every window with the same cut of a plain list.
pub(crate) async fn every_window_shows_what_a_list_would(world: World) {
    let mut all: Vec<(MessageId, String, bool)> = Vec::new();
    for number in 0..48_u64 {
        let content = number.to_string();
        let dead = (20..31).contains(&number) || number * 7 % 5 == 1 || number == 47 || number == 0;
        all.push((world.say(&world.anna, &content).await.id, content, !dead));
    }
    for (id, _, _) in all.iter().filter(|(_, _, alive)| !alive) {
        world.delete(&world.anna, *id).await;
    }
    let alive: Vec<(MessageId, &str)> = all
        .iter()
        .filter(|(_, _, alive)| *alive)
        .map(|(id, content, _)| (*id, content.as_str()))
        .collect();
    let contents = |part: &[(MessageId, &str)]| {
        part.iter()
            .map(|(_, content)| (*content).to_owned())
            .collect::<Vec<_>>()
    };

    for per_page in [1, 3, 7, 100] {
        let pages: Vec<_> = alive.rchunks(per_page).collect();
        for number in 1..=pages.len() + 1 {
            let shown = world.history(page(number as u64, per_page as u64)).await;
            let expected = pages.get(number - 1).map_or(Vec::new(), |part| contents(part));
            assert_eq!(texts(&shown), expected, "page {number} of {per_page}");
            assert_eq!(shown.total, alive.len() as u64);
            assert_eq!(
                shown.older,
                number < pages.len(),
                "older than page {number} of {per_page}"
            );
            assert_eq!(
                shown.newer,
                number > 1 && number <= pages.len(),
                "newer than page {number} of {per_page}"
            );
        }
    }
    for (anchor, content, _) in &all {
        let before = alive.partition_point(|(id, _)| id.seq < anchor.seq);
        let after = alive.partition_point(|(id, _)| id.seq <= anchor.seq);
        for size in [1, 4, 9] {
            let shown = world.history(Window::Before(*anchor, size as u64)).await;
            assert_eq!(
                texts(&shown),
                contents(&alive[before.saturating_sub(size)..before]),
                "{size} before {content}"
            );
            let shown = world.history(Window::After(*anchor, size as u64)).await;
            assert_eq!(
                texts(&shown),
                contents(&alive[after..(after + size).min(alive.len())]),
                "{size} after {content}"
            );
            let shown = world.history(Window::Around(*anchor, size as u64)).await;
            let ahead = (alive.len() - before).min(size.div_ceil(2).max(size.saturating_sub(before)));
            let from = before.saturating_sub(size - ahead);
            assert_eq!(
                texts(&shown),
                contents(&alive[from..before + ahead]),
                "{size} around {content}"
            );
        }
    }
    let foreign = MessageId {
        random: all[3].0.random ^ 1,
        ..all[3].0
    };
    assert_eq!(
        world
            .store
            .history(&world.chat, &Window::Before(foreign, 5))
            .await
            .unwrap(),
        None
    );
}

pub(crate) async fn only_the_author_edits(world: World) {
    let id = world.say(&world.anna, "mine").await.id;
    let edit = Edit::content(text("yours"));
    let refused = async |id, edit: &Edit| {
        world
            .store
            .update_message(&world.chat, id, &world.ben.id, edit)
            .await
            .unwrap()
            .unwrap_err()
    };
    assert_eq!(refused(id, &edit).await, Refusal::Forbidden);
    assert_eq!(refused(MessageId { seq: 2, ..id }, &edit).await, Refusal::NotFound);
    assert_eq!(
        refused(MessageId { ms: id.ms + 1, ..id }, &edit).await,
        Refusal::NotFound
    );
    let deletion = world
        .store
        .delete_message(&world.chat, id, &world.ben.id)
        .await
        .unwrap();
    assert_eq!(deletion.unwrap_err(), Refusal::Forbidden);
    assert_eq!(texts(&world.history(page(1, 10)).await), ["mine"]);
}

pub(crate) async fn an_edit_changes_what_it_names(world: World) {
    let json = |json: &str| Metadata::new(json.to_owned()).unwrap();
    let id = world.say(&world.anna, "first").await.id;
    world.clock.set(NOW + 9);
    let edit = async |body: Option<Body>, metadata: MetadataEdit| {
        let edit = Edit {
            metadata,
            ..body.map_or_else(Edit::default, Edit::content)
        };
        world
            .store
            .update_message(&world.chat, id, &world.anna.id, &edit)
            .await
            .unwrap()
    };
    let changed = edit(Some(text("second")), MetadataEdit::Keep).await.unwrap();
    let message = changed.message.unwrap();
    assert_eq!(
        (message.body.content(), message.edited_ms, message.metadata),
        ("second", Some(NOW + 9), None)
    );
    assert_eq!((message.id, changed.revision), (id, 2));

    let message = edit(None, MetadataEdit::Replace(json("{\"a\":1}")))
        .await
        .unwrap()
        .message
        .unwrap();
    assert_eq!(
        (message.body.content(), message.metadata),
        ("second", Some(json("{\"a\":1}")))
    );
    let message = edit(Some(text("third")), MetadataEdit::Keep)
        .await
        .unwrap()
        .message
        .unwrap();
    assert_eq!(message.metadata, Some(json("{\"a\":1}")));
    let message = edit(None, MetadataEdit::Remove).await.unwrap().message.unwrap();
    assert_eq!(message.metadata, None);

    let image = Body::new(BodyKind::Image, "https://a.example/b.png".to_owned()).unwrap();
    assert_eq!(
        edit(Some(image), MetadataEdit::Keep).await.unwrap_err(),
        Refusal::WrongKind
    );
    assert_eq!(world.history(page(1, 10)).await.messages, [message]);
}

pub(crate) async fn the_other_side_marks_seen(world: World) {
    let id = world.say(&world.anna, "look").await.id;
    let seen = async |by| {
        world
            .store
            .update_message(&world.chat, id, by, &Edit::seen())
            .await
            .unwrap()
    };
    assert_eq!(seen(&world.anna.id).await.unwrap_err(), Refusal::Forbidden);
    let message = seen(&world.ben.id).await.unwrap().message.unwrap();
    assert_eq!(
        (message.seen, message.edited_ms, message.body),
        (true, None, text("look"))
    );
    assert!(seen(&world.ben.id).await.is_ok(), "again");

    let edit = Edit::content(text("look!"));
    let edited = world
        .store
        .update_message(&world.chat, id, &world.anna.id, &edit)
        .await
        .unwrap()
        .unwrap();
    assert!(edited.message.unwrap().seen, "an edit doesn't unsee");
}

pub(crate) async fn a_deletion_can_be_repeated(world: World) {
    let first = world.say(&world.anna, "a").await;
    let second = world.say(&world.ben, "b").await;
    let change = world.delete(&world.ben, second.id).await;
    assert_eq!((change.id, change.message.as_ref()), (second.id, None));
    assert_eq!((change.latest, change.last_seq), (first.latest, 2));

    let again = world.delete(&world.ben, second.id).await;
    assert_eq!((again.id, again.last_seq, again.revision), (second.id, 2, 3));
    assert!(again.repeated && !change.repeated);
    let edit = Edit::content(text("c"));
    let refused = world
        .store
        .update_message(&world.chat, second.id, &world.ben.id, &edit)
        .await
        .unwrap();
    assert_eq!(refused.unwrap_err(), Refusal::NotFound);

    assert_eq!(world.delete(&world.anna, first.id).await.latest, None);
    assert_eq!(world.history(page(1, 10)).await.total, 0);
    assert_eq!(
        world.say(&world.anna, "c").await.id.seq,
        3,
        "no position is given twice"
    );
}

pub(crate) async fn many_at_once_get_a_position_each(world: World) {
    let said = join_all((0..200).map(|number| {
        let author = if number % 2 == 0 { &world.anna } else { &world.ben };
        let world = &world;
        async move { world.say(author, &number.to_string()).await.id.seq }
    }));
    let mut seqs = said.await;
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
}
