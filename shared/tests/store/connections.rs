//! Rules of connections and sites.

use shared::domain::limits::{CONNECTION_LIFETIME_MS, HANDSHAKE_MS, TOPIC_MEMBERS_MAX};
use shared::domain::{Ban, ConnectionId, Principal, Target, User};
use shared::ports::{Oversight as _, Signals as _, Store as _, Terms, Watches};

use crate::signals::at_now;
use crate::support::{NOW, TERMS, World, draft, open, page, principal, texts, user};

fn id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

/// What a push to Ben would be sent to.
async fn live(world: &World) -> Vec<String> {
    let change = world.say(&world.anna, "hi").await;
    let delivered = world.tell(&world.ben, &change).await;
    delivered.connections.iter().map(|live| live.id.to_string()).collect()
}

pub(crate) async fn a_connection_is_known_until_it_is_closed(world: World) {
    let (one, two) = (id("PJqB0fHsqRcCHlw="), id("L0SM9cOFv_cC-hw="));
    // Far ahead, because the server's own clock ends the key by connection.
    let ahead = NOW * 2;
    for connection in [&one, &two, &one] {
        assert!(world.opens(&world.ben, connection, ahead).await);
    }
    assert_eq!(world.connection(&one).await, Some(principal(&world.ben)));
    assert_eq!(live(&world).await, [two.to_string(), one.to_string()]);

    for _ in 0..2 {
        world
            .store
            .close_connection(&world.ben, &one, &Watches::default())
            .await
            .unwrap();
    }
    assert_eq!(world.connection(&one).await, None);
    assert_eq!(world.connection(&two).await, Some(principal(&world.ben)));
    assert_eq!(live(&world).await, [two.to_string()]);
}

pub(crate) async fn what_has_expired_is_forgotten_in_passing(world: World) {
    for (name, opened_ms) in [("old=", NOW), ("new=", NOW + 1_000)] {
        assert!(world.opens(&world.ben, &id(name), opened_ms).await);
    }
    assert_eq!(live(&world).await, ["old=", "new="]);
    world.clock.set(NOW + CONNECTION_LIFETIME_MS);
    assert_eq!(live(&world).await, ["new="]);
    // The server's own clock is past that moment in 2025, so the key by connection has gone by itself.
    assert_eq!(world.connection(&id("new=")).await, None);
}

/// API Gateway says that a connection is gone while its handshake is under way. A writer must know that this may mean: not yet there.
pub(crate) async fn a_young_connection_is_told_from_an_old_one(world: World) {
    assert!(world.opens(&world.ben, &id("young="), NOW).await);
    let change = world.say(&world.anna, "hi").await;
    let opening = async || world.tell(&world.ben, &change).await.connections.remove(0).opening;
    assert!(opening().await);
    world.clock.set(NOW + HANDSHAKE_MS);
    assert!(!opening().await);
}

pub(crate) async fn nobody_forgets_the_connection_of_another(world: World) {
    let connection = id("bens=");
    assert!(world.opens(&world.ben, &connection, NOW * 2).await);
    world
        .store
        .close_connection(&world.anna, &connection, &Watches::default())
        .await
        .unwrap();
    assert_eq!(world.connection(&connection).await, Some(principal(&world.ben)));
    assert_eq!(live(&world).await, ["bens="]);
}

pub(crate) async fn one_connection_too_many_ends_the_oldest(world: World) {
    let (world, now) = at_now(world);
    // All tokens end at one time, so the end of a connection does not tell its age.
    let token = until(&world.ben, now + 600_000);
    let terms = Terms {
        connections_max: 3,
        takings: &[],
    };
    let open = async |name: &str, opened_ms: u64| {
        let opened = world.store.open_connection(&token, &id(name), opened_ms, terms).await;
        opened.unwrap().ended
    };
    for (name, opened_ms) in [("b=", now), ("a=", now + 1), ("c=", now + 2)] {
        assert_eq!(open(name, opened_ms).await, []);
    }
    assert_eq!(open("c=", now + 2).await, [], "it is known");
    assert_eq!(open("d=", now + 3).await, [id("b=")]);
    assert_eq!(live(&world).await, ["a=", "c=", "d="]);
    // Whoever was to end it may have died, or its answer was lost: the next ones end it, and a ban finds it.
    assert_eq!(open("d=", now + 3).await, [id("b=")]);
    let change = world.say(&world.anna, "hi").await;
    assert_eq!(world.tell(&world.ben, &change).await.overdue, [id("b=")]);
    let ban = Ban {
        until_ms: None,
        reason: None,
    };
    assert!(world.store.ban(&world.ben, &ban).await.unwrap().contains(&id("b=")));
    world.store.unban(&world.ben).await.unwrap();
    let close = async |name: &str| {
        let (closed, watches) = (id(name), Watches::default());
        world
            .store
            .close_connection(&world.ben, &closed, &watches)
            .await
            .unwrap();
    };
    close("b=").await;
    close("a=").await;
    assert_eq!(open("e=", now + 4).await, []);
    let fewer = Terms {
        connections_max: 1,
        takings: &[],
    };
    let opened = world.store.open_connection(&token, &id("f="), now + 5, fewer).await;
    assert_eq!(opened.unwrap().ended, [id("c="), id("d="), id("e=")]);
    assert_eq!(live(&world).await, ["f="]);
}

pub(crate) async fn sites_never_see_each_other(world: World) {
    world.send(&world.anna, "here").await;
    let (anna, ben) = (user("elsewhere", "1"), user("elsewhere", "ben"));
    let chat = shared::domain::Conversation::of(&anna, &Target::User(ben.id));
    let history = world.store.history(&chat, &open(&anna), &page(1, 10)).await.unwrap();
    assert_eq!(history.total, 0);
    assert_eq!(world.inbox(&anna).await.total, 0);
    let change = world
        .store
        .append_message(&chat, &open(&anna), &draft("there"), TOPIC_MEMBERS_MAX)
        .await
        .unwrap();
    assert_eq!(change.change.id.seq, 1);
    assert_eq!(texts(&world.history(page(1, 10)).await), ["here"]);
}

/// A token of that user, good until then.
fn until(user: &User, until_ms: u64) -> Principal {
    Principal {
        until_ms: Some(until_ms),
        ..principal(user)
    }
}

pub(crate) async fn a_connection_is_good_as_long_as_its_token(world: World) {
    let (world, now) = at_now(world);
    let (phone, desk) = (id("phone="), id("desk="));
    let token = until(&world.ben, now + 10_000);
    world.store.open_connection(&token, &phone, now, TERMS).await.unwrap();
    assert!(world.opens(&world.ben, &desk, now).await);
    assert_eq!(world.connection(&phone).await, Some(token));
    let change = world.say(&world.anna, "hi").await;
    let told = async |at: u64| {
        world.clock.set(at);
        let told = world.tell(&world.ben, &change).await;
        let names = |ids: Vec<&ConnectionId>| {
            ids.into_iter()
                .map(ConnectionId::to_string)
                .collect::<Vec<_>>()
                .join(" ")
        };
        let live = names(told.connections.iter().map(|live| &live.id).collect());
        format!("{live}, {}", names(told.overdue.iter().collect()))
    };
    assert_eq!(told(now + 9_999).await, "phone= desk=, ");
    assert_eq!(told(now + 10_000).await, "desk=, ");
    assert_eq!(told(now + 69_999).await, "desk=, ");
    assert_eq!(told(now + 70_000).await, "desk=, phone=");

    // A fresh token, which is not for ever either; then one that is.
    let fresh = until(&world.ben, now + 100_000);
    let renewed = world.store.open_connection(&fresh, &phone, now, TERMS).await.unwrap();
    assert_eq!(renewed.ended, []);
    assert_eq!(world.connection(&phone).await, Some(fresh));
    assert_eq!(told(now + 99_999).await, "phone= desk=, ");
    assert_eq!(told(now + 100_000).await, "desk=, ");
    assert!(world.opens(&world.ben, &phone, now).await);
    assert_eq!(world.connection(&phone).await, Some(principal(&world.ben)));
    assert_eq!(told(now + 3_600_000).await, "desk= phone=, ");

    // No token is good for longer than its connection.
    let endless = until(&world.ben, u64::MAX);
    world.store.open_connection(&endless, &phone, now, TERMS).await.unwrap();
    assert_eq!(told(now + CONNECTION_LIFETIME_MS - 1).await, "desk= phone=, ");
    assert_eq!(told(now + CONNECTION_LIFETIME_MS).await, ", ");
}

/// Its end does not tell when such a connection began.
pub(crate) async fn the_handshake_of_a_connection_with_a_short_token_is_known(world: World) {
    let (world, now) = at_now(world);
    let (phone, desk) = (id("phone="), id("desk="));
    for (connection, opened_ms) in [(&phone, now), (&desk, now + 5_000)] {
        let token = until(&world.ben, now + 600_000);
        world.clock.set(opened_ms);
        world
            .store
            .open_connection(&token, connection, opened_ms, TERMS)
            .await
            .unwrap();
    }
    let change = world.say(&world.anna, "hi").await;
    let opening = async |at: u64| {
        world.clock.set(at);
        let told = world.tell(&world.ben, &change).await;
        told.connections.iter().map(|live| live.opening).collect::<Vec<_>>()
    };
    // In the order of their names, because both are good equally long.
    assert_eq!(opening(now + 6_000).await, [true, true]);
    assert_eq!(opening(now + HANDSHAKE_MS).await, [true, false]);
    assert_eq!(opening(now + HANDSHAKE_MS + 5_000).await, [false, false]);
    // What is over is not kept.
    world.opens(&world.ben, &desk, now).await;
    let meta = &world.user_keys(&world.ben)[3];
    let kept = world.command(redis::cmd("HEXISTS").arg(meta).arg("opening")).await;
    assert_eq!(kept, redis::Value::Int(0));
}

pub(crate) async fn who_connects_learns_which_tokens_were_over_long_ago(world: World) {
    let (world, now) = at_now(world);
    for (name, until_ms) in [("old=", now - 60_000), ("grace=", now - 59_999), ("good=", now + 1)] {
        let token = until(&world.ben, until_ms);
        world.clock.set(now - 70_000);
        world
            .store
            .open_connection(&token, &id(name), now - 70_000, TERMS)
            .await
            .unwrap();
    }
    world.clock.set(now);
    let opened = world
        .store
        .open_connection(&principal(&world.ben), &id("new="), now, TERMS)
        .await
        .unwrap();
    assert_eq!(opened.ended, [id("old=")]);
    let again = world
        .store
        .open_connection(&principal(&world.ben), &id("new="), now, TERMS)
        .await
        .unwrap();
    assert_eq!(again.ended, [id("old=")], "nobody has ended it yet");
    assert_eq!(live(&world).await, ["good=", "new="]);
}

pub(crate) async fn nothing_fleeting_is_told_after_the_token(world: World) {
    let (world, now) = at_now(world);
    let phone = id("phone=");
    let token = |until_ms| until(&world.ben, until_ms);
    world
        .store
        .open_connection(&token(now + 10_000), &phone, now, TERMS)
        .await
        .unwrap();
    world.send(&world.anna, "a friend").await;
    let target = world.chat.as_seen_by(&world.ben.id);
    let watches = Watches {
        users: vec![world.anna.id.clone()],
        conversation: Some(target.clone()),
    };
    let noted = world.store.watch(&phone, &watches, None).await.unwrap().unwrap();
    assert_eq!(noted.expires_ms, now + 10_000);
    assert_eq!(noted.principal, token(now + 10_000));
    assert_eq!(world.store.watched(&phone).await.unwrap(), watches);
    let reader = open(&world.ben);
    let watch = async |expires_ms| {
        let begun = world.store.watch_conversation(&world.chat, &reader, &phone, expires_ms);
        begun.await.unwrap();
    };
    watch(noted.expires_ms).await;
    let told = async || {
        world
            .store
            .watchers(&world.chat, &open(&world.anna))
            .await
            .unwrap()
            .len()
    };
    assert_eq!(told().await, 1);

    world.clock.set(now + 10_000);
    assert_eq!(told().await, 0);
    // It does not begin to watch something else, nor to type.
    let refused = world
        .store
        .watch(&phone, &Watches::default(), None)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(refused.principal.until_ms, Some(now + 10_000));
    assert_eq!(world.store.watched(&phone).await.unwrap(), watches);
    let typing = world.store.typing(&phone, &target, true, None).await.unwrap().unwrap();
    assert_eq!((typing.is_news, typing.principal.until_ms), (false, Some(now + 10_000)));

    world
        .store
        .open_connection(&token(now + 20_000), &phone, now, TERMS)
        .await
        .unwrap();
    let noted = world.store.watch(&phone, &watches, None).await.unwrap().unwrap();
    assert_eq!((noted.expires_ms, noted.before.last()), (now + 20_000, Some(&watches)));
    watch(noted.expires_ms).await;
    assert_eq!(told().await, 1);
    assert!(
        world
            .store
            .typing(&phone, &target, true, None)
            .await
            .unwrap()
            .unwrap()
            .is_news
    );
}
