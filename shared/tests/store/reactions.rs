//! Rules of reactions.

use futures_util::future::join_all;
use shared::domain::{ChangeKind, Decision, Message, MessageId, RetryKey, User};
use shared::ports::{PageBounds, Store as _, StoreError};

use crate::support::{World, new_text, open, own, page, user};

/// Reactions as clients see them: the reaction, how many have given it, who are named, and whether it is the reader's.
type Seen = Vec<(String, u64, Vec<String>, bool)>;

fn seen(message: &Message) -> Seen {
    let reactions = message.reactions.iter();
    let one = |given: &shared::domain::Reacted| {
        let users = given.users.iter().map(ToString::to_string).collect();
        (given.reaction.as_str().to_owned(), given.count, users, given.mine)
    };
    reactions.map(one).collect()
}

fn entry(reaction: &str, count: u64, users: &[&str], mine: bool) -> (String, u64, Vec<String>, bool) {
    let users = users.iter().map(|user| (*user).to_owned()).collect();
    (reaction.to_owned(), count, users, mine)
}

/// What a reader is shown of a message, which the history and the changes agree on.
async fn shown(world: &World, reader: &User, id: MessageId) -> Seen {
    let history = world.history_for(reader, page(1, 100)).await;
    let message = history.messages.iter().find(|message| message.id == id).unwrap();
    let changes = world
        .store
        .changes(&world.chat, &open(reader), 0, PageBounds::BODY)
        .await
        .unwrap();
    let stored = changes.messages.iter().find(|stored| stored.id == id).unwrap();
    assert_eq!(stored.message.as_ref(), Some(message));
    seen(message)
}

async fn react(world: &World, by: &User, id: MessageId, reaction: &str, give: bool) -> Decision {
    let reacted = world.react(by, id, reaction, give).await.unwrap();
    world.finish(reacted).await
}

pub(crate) async fn a_reaction_is_given_and_taken_back(world: World) {
    let id = world.send(&world.anna, "a").await.change.id;
    let sent = world.send(&world.ben, "b").await.change;
    let thumb = react(&world, &world.ben, id, "👍", true).await;
    assert_eq!((thumb.change.kind, thumb.change.repeated), (ChangeKind::Reacted, false));
    assert_eq!((thumb.change.id, thumb.change.prev_rev), (id, Some(sent.rev)));
    let message = thumb.change.message.as_ref().unwrap();
    assert_eq!((message.rev, message.edited_ms), (thumb.change.rev, None));
    react(&world, &world.anna, id, "👍", true).await;
    let both = react(&world, &world.anna, id, "x:y-z", true).await;
    let expected = |anna: bool, ben: bool| {
        vec![
            entry("👍", 2, &["1", "ben"], anna || ben),
            entry("x:y-z", 1, &["1"], anna),
        ]
    };
    assert_eq!(shown(&world, &world.anna, id).await, expected(true, false));
    assert_eq!(shown(&world, &world.ben, id).await, expected(false, true));
    assert_eq!(
        shown(&world, &user("site", "stranger"), id).await,
        expected(false, false)
    );
    assert_eq!(
        (own(&both, &world.anna).reacted, own(&both, &world.ben).reacted),
        (0b11, 0b01)
    );
    for (by, reaction, give) in [
        (&world.anna, "x:y-z", true),
        (&world.ben, "x:y-z", false),
        (&world.ben, "?", false),
    ] {
        let again = react(&world, by, id, reaction, give).await;
        assert!(again.change.repeated, "{reaction} {give}");
        assert_eq!(again.projection, both.projection);
        assert_eq!(again.change.message, both.change.message);
    }
    // An entry shows no reactions, and is told all the same.
    let inbox = world.entry(&world.ben).await.unwrap();
    assert_eq!((inbox.rev, inbox.latest.unwrap().id), (both.change.rev, sent.id));

    let back = react(&world, &world.ben, id, "👍", false).await;
    assert_eq!(
        (own(&back, &world.anna).reacted, own(&back, &world.ben).reacted),
        (0b11, 0)
    );
    assert_eq!(shown(&world, &world.ben, id).await[0], entry("👍", 1, &["1"], false));
    let back = react(&world, &world.anna, id, "👍", false).await;
    assert_eq!(own(&back, &world.anna).reacted, 0b01, "a place moves up");
    assert_eq!(shown(&world, &world.anna, id).await, [entry("x:y-z", 1, &["1"], true)]);
    let last = react(&world, &world.anna, id, "x:y-z", false).await;
    assert!(!last.change.repeated && own(&last, &world.anna).reacted == 0);
    assert_eq!(shown(&world, &world.anna, id).await, []);
    let field = redis::cmd("HLEN").arg(&world.chat_keys()[6]).clone();
    assert_eq!(
        world.command(&field).await,
        redis::Value::Int(0),
        "nothing is left of them"
    );
    react(&world, &world.ben, id, "again", true).await;
    assert_eq!(shown(&world, &world.ben, id).await, [entry("again", 1, &["ben"], true)]);
}

pub(crate) async fn an_edit_keeps_reactions_and_a_deletion_takes_them(world: World) {
    let id = world.send(&world.anna, "a").await.change.id;
    react(&world, &world.ben, id, "x", true).await;
    let edited = world.edit(&world.anna, id, "b").await;
    assert_eq!(own(&edited, &world.ben).reacted, 1);
    assert_eq!(
        seen(edited.change.message.as_ref().unwrap()),
        [entry("x", 1, &["ben"], false)]
    );
    assert_eq!(shown(&world, &world.ben, id).await, [entry("x", 1, &["ben"], true)]);
    react(&world, &world.anna, id, "y", true).await;
    assert_eq!(shown(&world, &world.anna, id).await.len(), 2);
    let inbox = world.entry(&world.ben).await.unwrap().latest.unwrap();
    assert!(inbox.reactions.is_empty(), "an entry leaves them out");

    world.delete(&world.anna, id).await;
    assert_eq!(
        world.command(redis::cmd("EXISTS").arg(&world.chat_keys()[6])).await,
        redis::Value::Int(0)
    );
    for give in [true, false] {
        assert!(matches!(
            world.react(&world.ben, id, "x", give).await,
            Err(StoreError::NotFound)
        ));
    }
    let next = world.send(&world.anna, "next").await.change.id;
    assert_eq!(shown(&world, &world.anna, next).await, []);
}

pub(crate) async fn the_newest_ten_are_named(world: World) {
    let world = world.in_topic("cats");
    let id = world.send(&world.anna, "a").await.change.id;
    let users: Vec<User> = (0..14).map(|number| user("site", &format!("u{number}"))).collect();
    for user in &users {
        world.put(&shared::domain::Actor::Platform, user, None).await.unwrap();
        world.react(user, id, "x", true).await.unwrap();
    }
    let named = |numbers: &[usize]| numbers.iter().map(|number| format!("u{number}")).collect::<Vec<_>>();
    let newest = shown(&world, &users[0], id).await;
    assert_eq!((newest[0].1, newest[0].3), (14, true), "one who is not named knows it");
    assert_eq!(newest[0].2, named(&[13, 12, 11, 10, 9, 8, 7, 6, 5, 4]));
    world.react(&users[9], id, "x", false).await.unwrap();
    world.react(&users[0], id, "x", false).await.unwrap();
    let back = world.react(&users[9], id, "x", true).await.unwrap();
    let newest = shown(&world, &users[0], id).await;
    assert_eq!(
        newest,
        [("x".to_owned(), 13, named(&[9, 13, 12, 11, 10, 8, 7, 6, 5, 4]), false)]
    );
    let bits: Vec<u32> = users.iter().map(|user| own(&back, user).reacted).collect();
    assert_eq!((bits[0], bits[1], bits[9], bits[13]), (0, 1, 1, 1));
    // One id is the beginning of another.
    world.react(&users[1], id, "x", false).await.unwrap();
    let left = shown(&world, &users[1], id).await;
    assert!(!left[0].3 && left[0].1 == 12 && left[0].2.contains(&"u11".to_owned()));
}

pub(crate) async fn a_message_takes_so_many_kinds_and_no_more(world: World) {
    let id = world.send(&world.anna, "a").await.change.id;
    for kind in 0..20 {
        world.react(&world.ben, id, &format!("k{kind}"), true).await.unwrap();
    }
    let full = world.react(&world.ben, id, "k20", true).await;
    assert!(matches!(full, Err(StoreError::TooManyReactions)));
    let last = world.react(&world.anna, id, "k19", true).await.unwrap();
    assert_eq!(
        (own(&last, &world.ben).reacted, own(&last, &world.anna).reacted),
        (0xf_ffff, 0x8_0000)
    );
    assert!(world.react(&world.ben, id, "k3", true).await.unwrap().change.repeated);
    world.react(&world.ben, id, "k3", false).await.unwrap();
    let moved = world.react(&world.ben, id, "k20", true).await.unwrap();
    assert_eq!(
        (own(&moved, &world.ben).reacted, own(&moved, &world.anna).reacted),
        (0xf_ffff, 0x4_0000)
    );
    let kinds = shown(&world, &world.anna, id).await;
    assert_eq!(
        (kinds.len(), kinds[18].0.as_str(), kinds[19].0.as_str()),
        (20, "k19", "k20")
    );
    assert!(kinds[18].3 && !kinds[17].3);
}

/// 200 members with ten reactions each is what a message takes.
pub(crate) async fn a_message_takes_so_many_reactions_and_no_more(world: World) {
    let world = world.in_topic("cats");
    let id = world.send(&world.anna, "a").await.change.id;
    let users: Vec<User> = (0..200)
        .map(|number| user("site", &format!("user-number-{number}")))
        .collect();
    let (world, users) = (&world, &users);
    for some in users.chunks(50) {
        join_all(some.iter().map(|user| async move {
            world.put(&shared::domain::Actor::Platform, user, None).await.unwrap();
            for kind in 0..10 {
                world.react(user, id, &format!("k{kind}"), true).await.unwrap();
            }
        }))
        .await;
    }
    let full = world.react(&world.anna, id, "k0", true).await;
    assert!(matches!(full, Err(StoreError::TooManyReactions)));
    world.react(&users[7], id, "k5", false).await.unwrap();
    let last = world.react(&world.anna, id, "k0", true).await.unwrap();
    let count: u64 = last
        .change
        .message
        .unwrap()
        .reactions
        .iter()
        .map(|given| given.count)
        .sum();
    assert_eq!(count, 2_000);
    let taken_back = shown(world, &users[7], id).await;
    let mine: Vec<bool> = taken_back.iter().map(|given| given.3).collect();
    assert_eq!(mine.iter().filter(|mine| **mine).count(), 9);
    for member in &last.projection.members {
        let given = match &member.id {
            id if *id == world.anna.id => 1,
            id if *id == users[7].id => 9,
            _ => 10,
        };
        assert_eq!(member.reacted.count_ones(), given, "{}", member.id);
    }
}

/// In an open topic, who has left can still edit an own message.
pub(crate) async fn who_has_left_still_knows_the_own_reaction(world: World) {
    let world = world.in_topic("cats");
    let id = world.send(&world.ben, "mine").await.change.id;
    world.join(&world.anna).await;
    for (user, reaction) in [(&world.ben, "x"), (&world.anna, "x"), (&world.anna, "y")] {
        world.react(user, id, reaction, true).await.unwrap();
    }
    world.leave(&world.ben).await;
    let key = RetryKey::parse("k").unwrap();
    for repeated in [false, true] {
        let (edit, asker) = (new_text("mine!"), open(&world.ben));
        let edited = world.store.update_message(&world.chat, id, &asker, &edit, Some(&key));
        let edited = edited.await.unwrap();
        assert_eq!(edited.change.repeated, repeated);
        let both = vec!["1".to_owned(), "ben".to_owned()];
        let expected = [
            ("x".to_owned(), 2, both, true),
            ("y".to_owned(), 1, vec!["1".to_owned()], false),
        ];
        assert_eq!(seen(&edited.change.message.unwrap()), expected);
    }
}
