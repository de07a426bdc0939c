//! Rules of connections and sites.

use shared::domain::{ConnectionId, Target};
use shared::ports::Store as _;

use crate::support::{NOW, World, page, text, texts, user};

fn id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

/// What a push to Ben would be sent to.
async fn live(world: &World) -> Vec<String> {
    let change = world.say(&world.anna, "hi").await;
    let delivered = world.deliver(&world.ben, &change, 0, false).await;
    delivered.connections.iter().map(ConnectionId::to_string).collect()
}

pub(crate) async fn a_connection_is_known_until_it_is_closed(world: World) {
    let (one, two) = (id("PJqB0fHsqRcCHlw="), id("L0SM9cOFv_cC-hw="));
    let ahead = NOW * 2;
    for connection in [&one, &two, &one] {
        world
            .store
            .open_connection(&world.ben, connection, ahead)
            .await
            .unwrap();
    }
    assert_eq!(world.store.connection(&one).await.unwrap().as_ref(), Some(&world.ben));
    assert_eq!(live(&world).await, [two.to_string(), one.to_string()]);

    for _ in 0..2 {
        world
            .store
            .close_connections(&world.ben, std::slice::from_ref(&one))
            .await
            .unwrap();
    }
    assert_eq!(world.store.connection(&one).await.unwrap(), None);
    assert_eq!(world.store.connection(&two).await.unwrap().as_ref(), Some(&world.ben));
    assert_eq!(live(&world).await, [two.to_string()]);
}

pub(crate) async fn what_has_expired_is_forgotten_in_passing(world: World) {
    world
        .store
        .open_connection(&world.ben, &id("old="), NOW + 1_000)
        .await
        .unwrap();
    world
        .store
        .open_connection(&world.ben, &id("new="), NOW + 2_000)
        .await
        .unwrap();
    assert_eq!(live(&world).await, ["old=", "new="]);
    world.clock.set(NOW + 1_000);
    assert_eq!(live(&world).await, ["new="]);
    // The server's own clock is past that moment in 2025, so the key by connection has gone by itself.
    assert_eq!(world.store.connection(&id("new=")).await.unwrap(), None);
}

pub(crate) async fn sites_never_see_each_other(world: World) {
    world.send(&world.anna, "here").await;
    let (anna, ben) = (user("elsewhere", "1"), user("elsewhere", "ben"));
    let chat = shared::domain::Conversation::of(&anna, &Target::User(ben.id));
    assert_eq!(
        world.store.history(&chat, &page(1, 10)).await.unwrap().unwrap().total,
        0
    );
    assert_eq!(
        world
            .store
            .inbox(
                &anna,
                shared::domain::Page {
                    number: 1,
                    per_page: 10
                }
            )
            .await
            .unwrap()
            .total,
        0
    );
    let change = world
        .store
        .append_message(&chat, &anna.id, &text("there"), None)
        .await
        .unwrap();
    assert_eq!(change.id.seq, 1);
    assert_eq!(texts(&world.history(page(1, 10)).await), ["here"]);
}
