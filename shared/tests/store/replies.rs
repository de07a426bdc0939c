//! Rules of replies and mentions.

use shared::domain::{Body, BodyKind, Draft, Message, MessageId, Quote, Quoted, RetryKey, User};
use shared::ports::{PageBounds, Store as _, StoreError};

use crate::support::{NOW, World, closed, draft, new_text, open, page, text, user};

fn reply(to: MessageId, content: &str) -> Draft {
    Draft {
        reply_to: Some(to),
        ..draft(content)
    }
}

/// What a reply shows, wherever it is shown.
async fn quote(world: &World, id: MessageId) -> Quote {
    let history = world.history_for(&world.ben, page(1, 100)).await;
    let in_history = history.messages.iter().find(|message| message.id == id).unwrap();
    let changes = world
        .store
        .changes(&world.chat, &open(&world.ben), 0, PageBounds::BODY)
        .await
        .unwrap();
    let stored = changes.messages.iter().find(|stored| stored.id == id).unwrap();
    assert_eq!(stored.message.as_ref(), Some(in_history));
    let entry = world.entry(&world.ben).await.unwrap().latest.unwrap();
    if entry.id == id {
        assert_eq!(entry.reply_to, in_history.reply_to, "the inbox");
    }
    in_history.reply_to.clone().unwrap()
}

fn quoted(author: &User, kind: BodyKind, excerpt: &str, rev: u64) -> Quoted {
    Quoted {
        author: author.id.clone(),
        kind,
        excerpt: excerpt.to_owned(),
        rev,
    }
}

pub(crate) async fn a_reply_shows_what_it_replies_to_as_it_is_now(world: World) {
    let first = world.send(&world.anna, "first").await.change;
    let replied = world.send_draft(&world.ben, &reply(first.id, "yes")).await;
    let decided = |message: &Option<Message>| message.as_ref().unwrap().reply_to.clone().unwrap();
    let id = replied.change.id;
    let expected = Quote {
        id: first.id,
        quoted: Some(quoted(&world.anna, BodyKind::Text, "first", first.rev)),
    };
    assert_eq!(decided(&replied.change.message), expected);
    assert_eq!(quote(&world, id).await, expected);

    world.clock.set(NOW + 9);
    let edited = world.edit(&world.anna, first.id, "second").await;
    let rev = edited.change.rev;
    world.finish(edited).await;
    let expected = Quote {
        id: first.id,
        quoted: Some(quoted(&world.anna, BodyKind::Text, "second", rev)),
    };
    assert_eq!(quote(&world, id).await, expected);
    let reacted = world.react(&world.anna, id, "x", true).await.unwrap();
    assert_eq!(
        decided(&reacted.change.message),
        expected,
        "a later change of the reply itself"
    );
    world.finish(reacted).await;
    let edited = world.edit(&world.ben, id, "yes!").await;
    assert_eq!(decided(&edited.change.message), expected);
    world.finish(edited).await;
    let message = world.entry(&world.ben).await.unwrap().latest.unwrap();
    assert_eq!((message.body, message.reactions.len()), (text("yes!"), 0));

    let deleted = world.delete(&world.anna, first.id).await;
    world.finish(deleted).await;
    let gone = Quote {
        id: first.id,
        quoted: None,
    };
    assert_eq!(quote(&world, id).await, gone);
    let edited = world.edit(&world.ben, id, "yes?").await;
    assert_eq!(decided(&edited.change.message), gone);
    // Longer than an entry keeps: the reader of the inbox fetches it.
    let long = world.send_draft(&world.ben, &reply(id, &"x".repeat(900))).await.change;
    let shown = quote(&world, long.id).await;
    assert_eq!(shown.quoted.unwrap().excerpt, "yes?");
}

/// The store cuts bytes, and readers are shown whole characters.
pub(crate) async fn an_excerpt_is_the_first_hundred_characters(world: World) {
    let texts = [
        "a".repeat(100),
        "a".repeat(101),
        "ä".repeat(300),
        "👋".repeat(99),
        "👋".repeat(101),
        format!("a{}", "👋".repeat(120)),
        format!("ab{}", "👋".repeat(120)),
        format!("abc{}", "☕".repeat(200)),
        format!("{}ä", "a".repeat(399)),
        "👩‍👩‍👧‍👦".repeat(30),
    ];
    for content in texts {
        let first = world.send(&world.anna, &content).await.change;
        let id = world.send_draft(&world.ben, &reply(first.id, "re")).await.change.id;
        let expected: String = content.chars().take(100).collect();
        let shown = quote(&world, id).await.quoted.unwrap();
        assert_eq!(shown.excerpt, expected, "{content}");
    }
    let image = Draft {
        body: Body::new(BodyKind::Image, "https://a.example/b.png".to_owned()).unwrap(),
        ..draft("-")
    };
    let image = world.send_draft(&world.anna, &image).await.change;
    let id = world.send_draft(&world.ben, &reply(image.id, "nice")).await.change.id;
    assert_eq!(
        quote(&world, id).await.quoted,
        Some(quoted(&world.anna, BodyKind::Image, "", image.rev))
    );
}

pub(crate) async fn a_reply_to_nothing_is_refused(world: World) {
    let first = world.send(&world.anna, "a").await.change.id;
    let before = world.history(page(1, 10)).await;
    let refused = async |to: MessageId| {
        let refused = world.append(&world.ben, &reply(to, "re")).await;
        assert!(matches!(refused, Err(StoreError::InvalidReply)), "{to:?}");
        assert_eq!(world.history(page(1, 10)).await, before);
    };
    for unknown in [
        MessageId { seq: 2, ..first },
        MessageId {
            ms: first.ms + 1,
            ..first
        },
        MessageId {
            random: first.random ^ 1,
            ..first
        },
    ] {
        refused(unknown).await;
    }
    world.delete(&world.anna, first).await;
    let refused = world.append(&world.ben, &reply(first, "re")).await;
    assert!(matches!(refused, Err(StoreError::InvalidReply)));
    assert_eq!(world.history(page(1, 10)).await.total, 0);
    assert!(world.members().await.len() == 2);
}

fn mentioning(users: &[&User]) -> Draft {
    Draft {
        mentions: users.iter().map(|user| user.id.clone()).collect(),
        ..draft("hello")
    }
}

pub(crate) async fn only_participants_can_be_mentioned(world: World) {
    let carl = user("site", "carl");
    // The other side is a participant before the first message.
    let first = world
        .send_draft(&world.anna, &mentioning(&[&world.ben, &world.anna]))
        .await
        .change;
    assert_eq!(
        first.message.unwrap().mentions,
        [world.ben.id.clone(), world.anna.id.clone()]
    );
    assert_eq!(world.entry(&world.ben).await.unwrap().mentioned, 1);
    assert_eq!(
        world.entry(&world.anna).await.unwrap().mentioned,
        0,
        "nobody mentions oneself"
    );
    let refused = world.append(&world.anna, &mentioning(&[&world.ben, &carl])).await;
    assert!(matches!(refused, Err(StoreError::InvalidMention)));

    let world = world.in_topic("cats");
    world.join(&carl).await;
    let refused = world.append(&world.anna, &mentioning(&[&world.ben])).await;
    assert!(matches!(refused, Err(StoreError::InvalidMention)));
    assert_eq!(world.members().await.len(), 1, "who was refused has not joined");
    let sent = world
        .send_draft(&world.anna, &mentioning(&[&world.anna, &carl]))
        .await
        .change;
    assert_eq!(world.entry(&carl).await.unwrap().mentioned, 1);
    world.leave(&carl).await;
    assert!(!world.has_mentions().await, "nothing is kept for who has left");
    assert!(matches!(
        world.append(&world.anna, &mentioning(&[&carl])).await,
        Err(StoreError::InvalidMention)
    ));
    world.join(&carl).await;
    let entry = world.entry(&carl).await.unwrap();
    assert_eq!(
        (entry.unread, entry.mentioned),
        (0, 0),
        "what came before is not unread"
    );
    world.edit(&world.anna, sent.id, "again").await;
    let messages = world.history(page(1, 10)).await.messages;
    assert_eq!(
        messages[0].mentions,
        [world.anna.id.clone(), carl.id.clone()],
        "an edit keeps them"
    );
}

pub(crate) async fn a_retry_key_covers_replies_and_mentions(world: World) {
    let first = world.send(&world.anna, "a").await.change.id;
    let other = world.send(&world.anna, "b").await.change.id;
    let keyed = |reply_to: Option<MessageId>, mentions: &[&User]| Draft {
        reply_to,
        retry_key: Some(RetryKey::parse("k").unwrap()),
        ..mentioning(mentions)
    };
    let draft = keyed(Some(first), &[&world.anna]);
    let sent = world.send_draft(&world.ben, &draft).await.change;
    assert_eq!(sent.message.as_ref().unwrap().retry_key, draft.retry_key);
    let again = world.send_draft(&world.ben, &draft).await.change;
    assert!(again.repeated && again.id == sent.id && again.message == sent.message);
    assert_eq!(world.entry(&world.anna).await.unwrap().mentioned, 1);
    for another in [
        keyed(Some(other), &[&world.anna]),
        keyed(None, &[&world.anna]),
        keyed(Some(first), &[]),
        keyed(Some(first), &[&world.anna, &world.ben]),
    ] {
        assert!(matches!(
            world.append(&world.ben, &another).await,
            Err(StoreError::RetryKeyReused)
        ));
    }
    world.delete(&world.anna, first).await;
    let after = world.append(&world.ben, &draft).await.unwrap().change;
    assert!(after.repeated, "also after the quoted message was deleted");
    let edited = world
        .update(&world.ben, sent.id, &new_text("c"))
        .await
        .unwrap()
        .change
        .message
        .unwrap();
    assert_eq!(
        edited.retry_key, draft.retry_key,
        "an edit keeps the author's name for it"
    );
}

pub(crate) async fn a_repeated_send_shows_what_it_replies_to_as_far_as_its_author_may_see_it(world: World) {
    let world = world.in_topic("cats");
    let first = world.send(&world.anna, "a").await.change;
    let draft = Draft {
        retry_key: Some(RetryKey::parse("k").unwrap()),
        ..reply(first.id, "re")
    };
    let sent = world.send_draft(&world.ben, &draft).await;
    assert_eq!(sent.reply_to, None, "the message says it itself");
    let by = async |asker| {
        let again = world.store.append_message(&world.chat, &asker, &draft, 9).await;
        let again = again.unwrap();
        assert!(again.change.repeated && again.change.id == sent.change.id);
        again.reply_to
    };
    let expected = Some(Quote {
        id: first.id,
        quoted: Some(quoted(&world.anna, BodyKind::Text, "a", first.rev)),
    });
    assert_eq!(by(closed(&world.ben)).await, expected);
    world.delete(&world.ben, sent.change.id).await;
    assert_eq!(
        by(closed(&world.ben)).await,
        expected,
        "also when the reply was deleted"
    );
    world.leave(&world.ben).await;
    assert_eq!(
        by(closed(&world.ben)).await,
        None,
        "nothing to who may not read any more"
    );
    assert_eq!(by(open(&world.ben)).await, expected);
    world.delete(&world.anna, first.id).await;
    let gone = Quote {
        id: first.id,
        quoted: None,
    };
    assert_eq!(by(open(&world.ben)).await, Some(gone));
    assert_eq!(by(closed(&world.ben)).await, None);
}
