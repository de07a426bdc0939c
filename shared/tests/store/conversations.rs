//! Rules of conversations: order, windows, and who may change what.

use futures_util::future::join_all;
use shared::domain::{
    Body, BodyKind, ChangeKind, Decision, Draft, Edit, MessageId, Metadata, MetadataEdit, RetryKey, Window,
};
use shared::ports::{History, PageBounds, Store as _, StoreError, Trimming as _};

use crate::support::{NOW, SEEN, World, acting, draft, new_text, open, page, text, texts, with_key};

pub(crate) async fn positions_are_given_in_order_and_time_never_goes_back(world: World) {
    let first = world.say(&world.anna, "a").await;
    world.clock.set(NOW - 60_000);
    let second = world.say(&world.ben, "b").await;
    world.clock.set(NOW + 5);
    let third = world.say(&world.anna, "c").await;

    let place = |Decision { change, .. }: &Decision| (change.id.seq, change.id.ms, change.rev, change.prev_rev);
    let rev = NOW * 1024;
    assert_eq!(
        [&first, &second, &third].map(place),
        [
            (1, NOW, rev, Some(0)),
            (2, NOW, rev + 1, Some(rev)),
            (3, NOW + 5, rev + 5 * 1024, Some(rev + 1)),
        ]
    );
    assert_eq!((third.projection.last_seq, third.projection.activity_ms), (3, NOW + 5));
    let message = third.change.message.unwrap();
    assert_eq!((message.author, message.rev), (world.anna.id.clone(), third.change.rev));
}

/// Deletes a pseudo-random half of a conversation, runs of it too, and compares every window with the same cut of a plain list.
pub(crate) async fn every_window_shows_what_a_list_would(world: World) {
    let mut all: Vec<(MessageId, String, bool)> = Vec::new();
    for number in 0..48_u64 {
        let content = number.to_string();
        let dead = (20..31).contains(&number) || number * 7 % 5 == 1 || number == 47 || number == 0;
        all.push((world.say(&world.anna, &content).await.change.id, content, !dead));
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
    let unknown = world
        .store
        .history(&world.chat, &open(&world.anna), &Window::Before(foreign, 5))
        .await;
    assert!(matches!(unknown, Err(StoreError::NotFound)));
}

/// The oldest messages were moved away, by a later release that keeps fewer. Nothing does so yet, and every script reckons with it.
pub(crate) async fn a_conversation_goes_on_where_its_oldest_messages_were_moved_away(world: World) {
    let mut ids = Vec::new();
    for number in 1..=12_u64 {
        world.clock.set(NOW + number);
        ids.push(world.send(&world.anna, &number.to_string()).await.change.id);
    }
    let gone = [2, 6, 9];
    for seq in gone {
        let deleted = world.delete(&world.anna, ids[seq - 1]).await;
        world.finish(deleted).await;
    }
    let edited = world.edit(&world.anna, ids[2], "3!").await;
    world.finish(edited).await;
    let reply = Draft {
        reply_to: Some(ids[3]),
        ..draft("13")
    };
    ids.push(world.send_draft(&world.anna, &reply).await.change.id);
    let known = world.history(page(1, 1)).await.rev;

    // Five are moved away.
    world.store.trim(&world.chat, NOW + 6, None).await.unwrap();

    let alive: Vec<u64> = vec![7, 8, 10, 11, 12, 13];
    let seqs = |history: &History| {
        history
            .messages
            .iter()
            .map(|message| message.id.seq)
            .collect::<Vec<_>>()
    };
    for (id, seq) in ids.iter().zip(1_u64..) {
        let before = alive.partition_point(|other| *other < seq);
        let after = alive.partition_point(|other| *other <= seq);
        for size in [1, 3, 20] {
            let shown = world.history(Window::Before(*id, size as u64)).await;
            assert_eq!(
                seqs(&shown),
                alive[before.saturating_sub(size)..before],
                "{size} before {seq}"
            );
            let shown = world.history(Window::After(*id, size as u64)).await;
            assert_eq!(
                seqs(&shown),
                alive[after..(after + size).min(alive.len())],
                "{size} after {seq}"
            );
            let shown = world.history(Window::Around(*id, size as u64)).await;
            let ahead = (alive.len() - before).min(size.div_ceil(2).max(size.saturating_sub(before)));
            let from = before.saturating_sub(size - ahead);
            assert_eq!(seqs(&shown), alive[from..before + ahead], "{size} around {seq}");
            assert_eq!((shown.older, shown.total), (from > 0, 6), "{size} around {seq}");
        }
    }
    assert_eq!(seqs(&world.history(page(2, 4)).await), [7, 8]);
    let changes = world
        .store
        .changes(&world.chat, &open(&world.ben), 0, PageBounds::BODY)
        .await
        .unwrap();
    let told: Vec<_> = changes
        .messages
        .iter()
        .map(|stored| (stored.id.seq, stored.deleted))
        .collect();
    let deleted = |seq| (seq, seq == 6 || seq == 9);
    assert_eq!(told, [7, 8, 10, 11, 12, 6, 9, 13].map(deleted));
    assert_eq!((changes.rev, changes.more), (known, false));
    let messages = world.history(page(1, 1)).await.messages;
    let quote = messages[0].reply_to.clone().unwrap();
    assert_eq!(
        (quote.id, quote.quoted),
        (ids[3], None),
        "what it replied to is not there any more"
    );

    for id in [ids[0], ids[1], ids[4]] {
        assert_eq!(
            refused(world.update(&world.anna, id, &new_text("-")).await),
            "no such message"
        );
        assert_eq!(
            refused(world.react(&world.anna, id, "x", true).await),
            "no such message"
        );
        let deleted = world.store.delete_message(&world.chat, id, &acting(&world.anna)).await;
        assert_eq!(refused(deleted), "no such message");
        let read = world.read(&world.ben, Some(id)).await;
        assert_eq!(read.change.id.seq, id.seq, "one can still read up to its position");
        let reply = Draft {
            reply_to: Some(id),
            ..draft("-")
        };
        assert_eq!(refused(world.append(&world.anna, &reply).await), "a reply to nothing");
    }
    let next = world.send(&world.anna, "14").await;
    assert_eq!(next.change.id.seq, 14);
    assert_eq!(
        world.unread(&world.ben).await,
        7,
        "what is not there any more is not unread"
    );
    world.read(&world.ben, Some(ids[7])).await;
    assert_eq!(world.unread(&world.ben).await, 5);
    let edited = world.edit(&world.anna, ids[10], "11!").await.change;
    assert_eq!(
        (edited.id, world.history(page(1, 10)).await.messages[3].body.content()),
        (ids[10], "11!")
    );
}

/// Why a write was refused.
fn refused(outcome: Result<Decision, StoreError>) -> String {
    outcome.unwrap_err().to_string()
}

pub(crate) async fn only_the_author_edits(world: World) {
    let id = world.say(&world.anna, "mine").await.change.id;
    let by_ben = async |id| refused(world.update(&world.ben, id, &new_text("yours")).await);
    assert_eq!(by_ben(id).await, "not allowed");
    assert_eq!(by_ben(MessageId { seq: 2, ..id }).await, "no such message");
    assert_eq!(by_ben(MessageId { ms: id.ms + 1, ..id }).await, "no such message");
    let deletion = world.store.delete_message(&world.chat, id, &acting(&world.ben)).await;
    assert_eq!(refused(deletion), "not allowed");
    assert_eq!(texts(&world.history(page(1, 10)).await), ["mine"]);
}

pub(crate) async fn an_edit_changes_what_it_names(world: World) {
    let json = |json: &str| Metadata::new(json.to_owned()).unwrap();
    let first = world.say(&world.anna, "first").await.change;
    let id = first.id;
    world.clock.set(NOW + 9);
    let edit = async |edit: Edit| {
        let changed = world.update(&world.anna, id, &edit).await;
        changed.map(|decision| decision.change.message.unwrap())
    };
    let metadata = |metadata| Edit {
        metadata,
        text: None,
        ..new_text("-")
    };
    let changed = world.edit(&world.anna, id, "second").await.change;
    assert_eq!((changed.id, changed.prev_rev), (id, Some(first.rev)));
    let message = changed.message.unwrap();
    assert_eq!((message.body.content(), message.edited_ms), ("second", Some(NOW + 9)));
    assert_eq!((message.metadata, message.rev), (None, changed.rev));

    let message = edit(metadata(MetadataEdit::Replace(json("{\"a\":1}")))).await.unwrap();
    assert_eq!(message.body.content(), "second");
    assert_eq!(message.metadata, Some(json("{\"a\":1}")));
    let message = edit(new_text("-")).await.unwrap();
    assert_eq!(
        (message.body.content(), message.metadata),
        ("-", Some(json("{\"a\":1}")))
    );
    let message = edit(metadata(MetadataEdit::Remove)).await.unwrap();
    assert_eq!((message.body.content(), message.metadata.as_ref()), ("-", None));

    let image = Body::new(BodyKind::Image, "https://a.example/b.png".to_owned()).unwrap();
    let image = Edit {
        image: Some(image),
        text: None,
        ..new_text("-")
    };
    assert_eq!(edit(image.clone()).await.unwrap_err().to_string(), "nothing to change");
    assert_eq!(world.history(page(1, 10)).await.messages, [message]);
    let both = Edit {
        text: Some(text("what applies")),
        ..image
    };
    assert_eq!(edit(both).await.unwrap().body, text("what applies"));
}

pub(crate) async fn seen_is_a_position_that_moves_forward(world: World) {
    let mut ids = Vec::new();
    for content in ["a", "b", "c"] {
        ids.push(world.say(&world.anna, content).await.change.id);
    }
    assert_eq!(refused(world.update(&world.anna, ids[0], &SEEN).await), "not allowed");
    let seen = async || {
        let history = world.history(page(1, 10)).await;
        let seen = |message| history.reads.have_seen(message);
        history.messages.iter().map(seen).collect::<Vec<_>>()
    };
    assert_eq!(seen().await, [false, false, false]);
    let Decision { change, projection, .. } = world.see(&world.ben, ids[1]).await;
    assert_eq!((change.kind, change.repeated), (ChangeKind::Read, false));
    assert_eq!(change.rev, projection.rev);
    assert_eq!(seen().await, [true, true, false], "all up to that message");
    let message = change.message.unwrap();
    assert!(message.rev < change.rev, "the messages themselves have not changed");

    for earlier in [ids[1], ids[0]] {
        let again = world.see(&world.ben, earlier).await;
        assert!(again.change.repeated);
        assert_eq!((again.change.rev, again.projection), (change.rev, projection.clone()));
    }
    world.edit(&world.anna, ids[1], "b!").await;
    assert_eq!(seen().await, [true, true, false], "an edit is not unseen");
    world.say(&world.ben, "d").await;
    assert_eq!(
        seen().await,
        [true, true, true, false],
        "an answer says that all before it was read"
    );
}

pub(crate) async fn a_deletion_can_be_repeated(world: World) {
    let first = world.say(&world.anna, "a").await;
    let second = world.say(&world.ben, "b").await.change;
    let deleted = world.delete(&world.ben, second.id).await;
    assert_eq!((deleted.change.id, deleted.change.message.as_ref()), (second.id, None));
    assert_eq!(
        (&deleted.projection.latest, deleted.projection.last_seq),
        (&first.projection.latest, 2)
    );

    let again = world.delete(&world.ben, second.id).await;
    assert_eq!((again.change.id, again.change.rev), (second.id, deleted.change.rev));
    assert!(again.change.repeated && !deleted.change.repeated);
    assert_eq!(again.projection, deleted.projection);
    let edited = world.update(&world.ben, second.id, &new_text("c")).await;
    assert_eq!(refused(edited), "no such message");

    assert_eq!(world.delete(&world.anna, first.change.id).await.projection.latest, None);
    assert_eq!(world.history(page(1, 10)).await.total, 0);
    assert_eq!(
        world.say(&world.anna, "c").await.change.id.seq,
        3,
        "no position is given twice"
    );
}

pub(crate) async fn a_retry_key_sends_once(world: World) {
    let key = "a: {1}";
    let send = async |author: &shared::domain::User, content: &str, key: &str| {
        world.append(author, &with_key(content, key)).await
    };
    let first = send(&world.anna, "once", key).await.unwrap();
    let second = send(&world.anna, "once", key).await.unwrap();
    assert_eq!(
        (second.change.id, second.change.rev),
        (first.change.id, first.change.rev)
    );
    assert!(second.change.repeated);
    assert_eq!(second.projection, first.projection);
    assert_eq!(
        refused(send(&world.anna, "twice", key).await),
        "the retry key was used for another content"
    );
    assert_eq!(texts(&world.history(page(1, 10)).await), ["once"]);

    let others = [
        send(&world.ben, "once", key).await,
        send(&world.anna, "once", "2").await,
    ];
    let others = others.map(|sent| sent.unwrap().change);
    assert_eq!(
        others.map(|change| (change.id.seq, change.repeated)),
        [(2, false), (3, false)]
    );
    world.delete(&world.anna, first.change.id).await;
    let after = send(&world.anna, "once", key).await.unwrap().change;
    assert_eq!(
        (after.id, after.rev, after.message),
        (first.change.id, first.change.rev, None)
    );
    assert_eq!(after.prev_rev, Some(0), "it is answered like the first time");
}

pub(crate) async fn a_retry_key_edits_once(world: World) {
    let key = RetryKey::parse("edit").unwrap();
    let id = world.say(&world.anna, "0").await.change.id;
    let edit = async |content: &str| {
        let edit = new_text(content);
        let by = open(&world.anna);
        let edited = world.store.update_message(&world.chat, id, &by, &edit, Some(&key));
        edited.await
    };
    let first = edit("1").await.unwrap().change;
    world.edit(&world.anna, id, "2").await;
    let again = edit("1").await.unwrap().change;
    assert!(again.repeated);
    assert_eq!((again.rev, again.message.unwrap().body), (first.rev, text("2")));
    assert_eq!(texts(&world.history(page(1, 10)).await), ["2"], "the later edit stays");
    assert_eq!(refused(edit("3").await), "the retry key was used for another content");
    let send = world.append(&world.anna, &with_key("1", "edit")).await;
    assert_eq!(refused(send), "the retry key was used for another content");
}

pub(crate) async fn many_at_once_get_a_position_each(world: World) {
    let said = join_all((0..200).map(|number| {
        let author = if number % 2 == 0 { &world.anna } else { &world.ben };
        let world = &world;
        async move { world.say(author, &number.to_string()).await.change.id.seq }
    }));
    let mut seqs = said.await;
    seqs.sort_unstable();
    assert_eq!(seqs, (1..=200).collect::<Vec<_>>());
}
