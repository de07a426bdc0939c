//! Rules of connections and sites.

use shared::domain::limits::{CONNECTION_LIFETIME_MS, CONNECTIONS_MAX, HANDSHAKE_MS, TOPIC_MEMBERS_MAX};
use shared::domain::{ConnectionId, Target};
use shared::ports::{Store as _, Watches};

use crate::support::{NOW, World, draft, open, page, principal, texts, user};

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
    assert_eq!(world.store.connection(&one).await.unwrap(), Some(principal(&world.ben)));
    assert_eq!(live(&world).await, [two.to_string(), one.to_string()]);

    for _ in 0..2 {
        world
            .store
            .close_connection(&world.ben, &one, &Watches::default())
            .await
            .unwrap();
    }
    assert_eq!(world.store.connection(&one).await.unwrap(), None);
    assert_eq!(world.store.connection(&two).await.unwrap(), Some(principal(&world.ben)));
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
    assert_eq!(world.store.connection(&id("new=")).await.unwrap(), None);
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
    assert_eq!(
        world.store.connection(&connection).await.unwrap(),
        Some(principal(&world.ben))
    );
    assert_eq!(live(&world).await, ["bens="]);
}

pub(crate) async fn no_user_has_connections_without_end(world: World) {
    let open = async |number: u64| world.opens(&world.ben, &id(&format!("c{number}=")), NOW * 2).await;
    for number in 0..CONNECTIONS_MAX {
        assert!(open(number).await);
    }
    assert!(!open(CONNECTIONS_MAX).await);
    assert!(open(0).await, "again");
    assert_eq!(
        world
            .store
            .connection(&id(&format!("c{CONNECTIONS_MAX}=")))
            .await
            .unwrap(),
        None
    );
    world
        .store
        .close_connection(&world.ben, &id("c7="), &Watches::default())
        .await
        .unwrap();
    assert!(open(CONNECTIONS_MAX).await);
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
