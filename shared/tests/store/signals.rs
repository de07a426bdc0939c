//! Rules of fleeting signals. The server ends their keys by its own clock, so here the world's clock is right.

use async_trait::async_trait;
use bytes::Bytes;
use shared::adapters::clock::SystemClock;
use shared::app::Signaller;
use shared::domain::limits::{
    CONNECTION_LIFETIME_MS, FLEETING_BURST_MS, FLEETING_PUSH_MS, OFFLINE_AFTER_MS, TYPING_EVERY_MS,
};
use shared::domain::{ConnectionId, Conversation, Id, Target, TopicAccess, TopicRules, User, Watcher};
use shared::error::ApiError;
use shared::ports::{
    Clock as _, Delivery, Presence, PresenceReader, Push, Signals, Store as _, StoreError, Unavailable, Watches,
};

use crate::dying::Wires;
use crate::support::{TERMS, World, closed, open, principal, user};

pub(crate) fn id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

pub(crate) fn at_now(world: World) -> (World, u64) {
    let now = SystemClock.now_ms();
    world.clock.set(now);
    (world, now)
}

fn watches(users: &[&User], conversation: Option<&Target>) -> Watches {
    Watches {
        users: users.iter().map(|user| user.id.clone()).collect(),
        conversation: conversation.cloned(),
    }
}

pub(crate) fn watcher(user: &User, connection: &ConnectionId) -> Watcher {
    Watcher {
        user: user.id.clone(),
        connection: connection.clone(),
    }
}

async fn exists(world: &World, key: &str) -> bool {
    world.command(redis::cmd("EXISTS").arg(key)).await == redis::Value::Int(1)
}

pub(crate) fn signaller<'a>(world: &'a World, push: &'a Wires, access: TopicAccess) -> Signaller<'a> {
    Signaller {
        store: &world.store,
        signals: &world.store,
        push,
        clock: &world.clock,
        topics: TopicRules {
            access,
            ..TopicRules::default()
        },
        shows_presence: true,
        usage: world.usage(),
    }
}

pub(crate) async fn a_connection_types_every_two_seconds_at_the_most(world: World) {
    let (world, now) = at_now(world);
    let (phone, desk) = (id("phone="), id("desk="));
    let (to_ben, cats) = (
        Target::User(world.ben.id.clone()),
        Target::Topic(Id::parse("cats").unwrap()),
    );
    assert_eq!(
        world.store.typing(&phone, &to_ben, true, None).await.unwrap(),
        None,
        "an unknown connection"
    );
    for connection in [&phone, &desk] {
        assert!(world.opens(&world.anna, connection, now).await);
    }
    let types = async |connection: &ConnectionId, target: &Target, starts: bool| {
        let typing = world
            .store
            .typing(connection, target, starts, None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(typing.principal, principal(&world.anna));
        (typing.wait_ms, typing.is_news)
    };
    assert_eq!(
        types(&phone, &to_ben, false).await,
        (0, false),
        "a stop without a start"
    );
    assert_eq!(types(&phone, &to_ben, true).await, (0, true));
    assert_eq!(types(&desk, &to_ben, true).await, (0, true), "another connection");
    world.clock.set(now + TYPING_EVERY_MS - 1);
    assert_eq!(types(&phone, &to_ben, true).await, (1, false));
    assert_eq!(types(&phone, &cats, true).await, (1, false), "in whatever conversation");
    assert_eq!(types(&phone, &cats, false).await, (0, false));
    assert_eq!(types(&phone, &to_ben, false).await, (0, true), "a stop always counts");
    assert_eq!(types(&phone, &to_ben, false).await, (0, false));
    world.clock.set(now + TYPING_EVERY_MS);
    assert_eq!(types(&phone, &cats, true).await, (0, true));
    assert_eq!(types(&phone, &to_ben, false).await, (0, false));
    assert_eq!(types(&phone, &cats, false).await, (0, true));
}

pub(crate) async fn a_watch_replaces_the_one_before(world: World) {
    let (world, now) = at_now(world);
    let connection = id("c=");
    let (first, second) = (
        Target::Topic(Id::parse("cats").unwrap()),
        Target::User(world.ben.id.clone()),
    );
    let nothing = Watches::default();
    assert_eq!(
        world.store.watch(&connection, &nothing, None).await.unwrap(),
        None,
        "an unknown connection"
    );
    assert!(world.opens(&world.anna, &connection, now).await);
    let carl = user("site", "carl");
    let mut before = nothing.clone();
    for next in [
        watches(&[&world.ben], Some(&first)),
        watches(&[&world.ben, &carl], None),
        watches(&[], Some(&second)),
        nothing,
    ] {
        let watching = world.store.watch(&connection, &next, None).await.unwrap().unwrap();
        assert_eq!(
            (watching.principal, watching.before.last()),
            (principal(&world.anna), Some(&before))
        );
        assert!(watching.expires_ms.abs_diff(now + CONNECTION_LIFETIME_MS) < 5_000);
        before = next;
    }
}

/// A watch that the next one overtakes is undone before it is carried out.
pub(crate) async fn overlapping_watches_leave_nothing_behind(world: World) {
    let (mut world, now) = at_now(world);
    let (mine, watching) = (id("mine="), world.chat_keys()[7].clone());
    world.send(&world.ben, "a friend").await;
    assert!(world.opens(&world.anna, &mine, now).await);
    let wires = Wires::default();
    let (anna, with_ben) = (open(&world.anna), Target::User(world.ben.id.clone()));
    let overtaken = watches(&[&world.ben], Some(&with_ben));
    let late = async |world: &World| {
        let reader = PresenceReader {
            user: &world.anna,
            topic: None,
            connection: Some((&mine, now + 60_000)),
        };
        world.store.presence(&world.ben.id, reader).await.unwrap();
        let watched = world.store.watch_conversation(&world.chat, &anna, &mine, now + 60_000);
        watched.await.unwrap();
    };
    let watchers = world.user_keys(&world.ben)[6].clone();
    for undoes in ["the next watch", "the end"] {
        world.store.watch(&mine, &overtaken, None).await.unwrap();
        let signals = signaller(&world, &wires, TopicAccess::Open);
        signals.watch(&mine, Watches::default()).await.unwrap();
        late(&world).await;
        assert!(exists(&world, &watching).await && exists(&world, &watchers).await);
        if undoes == "the next watch" {
            signals.watch(&mine, Watches::default()).await.unwrap();
        } else {
            world.store.end_connection(&mine).await.unwrap();
        }
        assert!(
            !exists(&world, &watching).await && !exists(&world, &watchers).await,
            "{undoes}"
        );
    }
    // They are not noted for ever.
    assert!(world.opens(&world.anna, &mine, now).await);
    world.chat = Conversation::of(&world.anna, &with_ben);
    world.store.watch(&mine, &overtaken, None).await.unwrap();
    for (ms, noted) in [(0, 1), (1_000, 2), (31_001, 2), (62_002, 1)] {
        world.clock.set(now + ms);
        let watching = world
            .store
            .watch(&mine, &Watches::default(), None)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(watching.before.len(), noted, "{ms}");
    }
}

/// The conversation that a connection has on the screen, up to its end.
pub(crate) async fn who_watches_a_conversation_is_known_while_it_is_so(world: World) {
    let (world, now) = at_now(world.in_topic("cats"));
    let (phone, desk) = (id("phone="), id("desk="));
    let cats = Target::Topic(Id::parse("cats").unwrap());
    world.join(&world.ben).await;
    let (anna, ben) = (open(&world.anna), open(&world.ben));
    for (connection, of) in [(&phone, &world.anna), (&desk, &world.ben)] {
        assert!(world.opens(of, connection, now).await);
        world
            .store
            .watch(connection, &watches(&[], Some(&cats)), None)
            .await
            .unwrap();
    }
    let watch = async |reader, connection, until| {
        world
            .store
            .watch_conversation(&world.chat, reader, connection, until)
            .await
    };
    let watchers = async || {
        let mut watchers = world.store.watchers(&world.chat, &ben).await.unwrap();
        watchers.sort_by(|one, other| one.connection.cmp(&other.connection));
        watchers
    };
    assert!(
        !watch(&anna, &phone, now + 60_000).await.unwrap(),
        "a reader of an open topic, but no member"
    );
    assert!(watch(&ben, &desk, now + 90_000).await.unwrap());
    assert_eq!(
        watchers().await,
        [watcher(&world.ben, &desk), watcher(&world.anna, &phone)]
    );
    let stranger = closed(&world.anna);
    assert!(matches!(
        watch(&stranger, &phone, now + 60_000).await,
        Err(StoreError::NotAMember)
    ));
    assert!(matches!(
        world.store.watchers(&world.chat, &stranger).await,
        Err(StoreError::NotAMember)
    ));
    world.clock.set(now + 60_000);
    assert_eq!(watchers().await, [watcher(&world.ben, &desk)]);

    let watching = &world.chat_keys()[7];
    let left = world.leave(&world.ben).await;
    assert!(!left.change.repeated);
    assert_eq!(watchers().await, [], "leaving a topic ends it");
    world.join(&world.ben).await;
    assert!(watch(&ben, &desk, now + 90_000).await.unwrap());
    assert!(exists(&world, watching).await);
    let ended = world.store.end_connection(&desk).await.unwrap().unwrap();
    assert_eq!(
        (ended.user, ended.offline),
        (world.ben.clone(), false),
        "nobody watches Ben"
    );
    assert!(watch(&anna, &phone, now + 90_000).await.is_ok());
    world
        .store
        .close_connection(&world.anna, &phone, &Watches::default())
        .await
        .unwrap();
    assert!(
        !exists(&world, watching).await,
        "a connection that ended leaves nothing behind"
    );
    assert_eq!(world.store.end_connection(&desk).await.unwrap(), None);
}

/// Ben's presence, as Anna may know it.
pub(crate) async fn presence_is_shown_to_whom_one_has_written_and_to_fellow_members(world: World) {
    let (world, now) = at_now(world);
    let (connection, until) = (id("c="), now + 60_000);
    assert!(world.opens(&world.anna, &connection, now).await);
    let cats = Id::parse("cats").unwrap();
    let seen = async |world: &World, topic: Option<&Id>| {
        let reader = PresenceReader {
            user: &world.anna,
            topic,
            connection: Some((&connection, until)),
        };
        world.store.presence(&world.ben.id, reader).await.unwrap()
    };
    let watchers = world.user_keys(&world.ben)[6].clone();
    world.send(&world.anna, "who are you?").await;
    assert_eq!(seen(&world, Some(&cats)).await, Presence::default());
    assert!(!exists(&world, &watchers).await, "a stranger watches nobody");
    let world = world.in_topic("cats");
    world.join(&world.ben).await;
    let fellow = seen(&world, Some(&cats)).await;
    assert_eq!(
        (fellow.is_member, fellow.has_written, fellow.online),
        (true, false, false)
    );
    assert!(!seen(&world, Some(&Id::parse("dogs").unwrap())).await.is_member);
    assert!(exists(&world, &watchers).await);
    world.leave(&world.ben).await;
    assert!(!seen(&world, Some(&cats)).await.is_member);
    let world = world.direct();
    world.send(&world.ben, "a friend").await;
    assert!(seen(&world, None).await.has_written);

    // Coming and going.
    let (phone, desk) = (id("phone="), id("desk="));
    let opened = async |connection: &ConnectionId| {
        let opened = world
            .store
            .open_connection(&principal(&world.ben), connection, now, TERMS)
            .await
            .unwrap();
        opened.watchers
    };
    assert_eq!(opened(&phone).await, [watcher(&world.anna, &connection)]);
    assert_eq!(opened(&desk).await, [], "who is there does not come");
    let online = seen(&world, None).await;
    assert_eq!((online.online, online.active_ms), (true, Some(now)));
    let end = async |connection: &ConnectionId| world.store.end_connection(connection).await.unwrap().unwrap();
    assert!(!end(&phone).await.offline);
    world.clock.set(now + 1_000);
    assert!(end(&desk).await.offline, "the last one");
    let told = async || world.store.watchers_of_offline(&world.ben).await.unwrap();
    world.clock.set(now + 1_000 + OFFLINE_AFTER_MS - 1);
    assert!(seen(&world, None).await.online, "a moment ago");
    assert_eq!(told().await, (vec![], None));
    world.clock.set(now + 1_000 + OFFLINE_AFTER_MS);
    let gone = seen(&world, None).await;
    assert_eq!((gone.online, gone.active_ms), (false, Some(now + 1_000)));
    assert_eq!(
        told().await,
        (vec![watcher(&world.anna, &connection)], Some(now + 1_000))
    );
    assert_eq!(opened(&phone).await.len(), 1);
    assert_eq!(told().await, (vec![], None), "Ben came back");
    assert!(end(&phone).await.offline);
    world.clock.set(now + 1_000 + 2 * OFFLINE_AFTER_MS - 1);
    assert_eq!(opened(&desk).await, [], "a reconnect is no flicker");
    world
        .store
        .close_connection(&world.ben, &desk, &Watches::default())
        .await
        .unwrap();
    world.clock.set(now + 60_000);
    assert_eq!(told().await.0, [], "the interest is over");
}

/// Pushes to connections that are gone.
struct Gone;

#[async_trait]
impl Push for Gone {
    async fn post(&self, _: &ConnectionId, _: Bytes) -> Result<Delivery, Unavailable> {
        Ok(Delivery::Gone)
    }

    async fn end(&self, _: &ConnectionId) -> Result<Delivery, Unavailable> {
        Ok(Delivery::Gone)
    }
}

/// A `watch` that was under way when its connection ended can leave the connection where nobody looks for it any more.
pub(crate) async fn a_watcher_that_is_gone_is_taken_off_where_it_was_found(world: World) {
    let (world, now) = at_now(world);
    let (gone, desk) = (id("gone="), id("desk="));
    world.send(&world.ben, "a friend").await;
    let watching = &world.chat_keys()[7];
    let watchers = &world.user_keys(&world.ben)[6];
    let anna = open(&world.anna);
    world
        .store
        .watch_conversation(&world.chat, &anna, &gone, now + 60_000)
        .await
        .unwrap();
    let reader = PresenceReader {
        user: &world.anna,
        topic: None,
        connection: Some((&gone, now + 60_000)),
    };
    world.store.presence(&world.ben.id, reader).await.unwrap();
    assert!(exists(&world, watching).await && exists(&world, watchers).await);

    let told = Wires::default();
    let signals = Signaller {
        push: &Gone,
        ..signaller(&world, &told, TopicAccess::Open)
    };
    signals.connect(&principal(&world.ben), &desk, now).await.unwrap();
    assert!(!exists(&world, watchers).await);
    let to_anna = Target::User(world.anna.id.clone());
    signals.types(&desk, &to_anna, true).await.unwrap();
    assert!(!exists(&world, watching).await);
}

/// Each reader times each watcher would be a push.
pub(crate) async fn what_is_fleeting_in_a_conversation_has_a_budget(world: World) {
    let (world, now) = at_now(world.in_topic("cats"));
    world.join(&world.ben).await;
    world.send(&world.ben, "to read").await;
    world.join(&world.anna).await;
    let (anna, ben) = (open(&world.anna), open(&world.ben));
    let watch = async |number: u64| {
        let connection = id(&format!("c{number}="));
        let watched = world
            .store
            .watch_conversation(&world.chat, &ben, &connection, now + 90_000);
        watched.await.unwrap()
    };
    for number in 0..100 {
        assert!(watch(number).await);
    }
    let told = async || world.store.watchers(&world.chat, &anna).await.unwrap().len();
    let mut pushes = 0;
    loop {
        match told().await {
            0 => break,
            watchers => pushes += watchers,
        }
    }
    assert_eq!(pushes as u64, 100 * (FLEETING_BURST_MS / FLEETING_PUSH_MS / 100 + 1));
    let read = world.read(&world.anna, None).await;
    assert_eq!(read.watchers, [], "read positions use the same budget");
    world.clock.set(now + 100 * FLEETING_PUSH_MS);
    assert_eq!((told().await, told().await), (100, 0));
}

/// What `watch` answers, and what it leaves in the store.
pub(crate) async fn a_watch_answers_what_its_user_may_know(world: World) {
    let (world, now) = at_now(world);
    let wires = Wires::default();
    let (mine, bens, carl) = (id("0"), id("1"), user("site", "carl"));
    let cats = Target::Topic(Id::parse("cats").unwrap());
    let signals = signaller(&world, &wires, TopicAccess::Open);
    signals.connect(&principal(&world.anna), &mine, now).await.unwrap();
    signals.connect(&principal(&world.ben), &bens, now).await.unwrap();
    signals.connect(&principal(&carl), &id("2"), now).await.unwrap();
    let asked = watches(&[&carl, &world.ben, &world.anna], Some(&cats));
    let online = async |world: &World, asked: &Watches, access| {
        let seen = signaller(world, &wires, access).watch(&mine, asked.clone()).await;
        seen.map(|seen| {
            seen.iter()
                .map(|(id, presence)| (id.to_string(), presence.online))
                .collect::<Vec<_>>()
        })
    };
    let expected = |carl: bool, ben: bool, anna: bool| {
        vec![
            ("carl".to_owned(), carl),
            ("ben".to_owned(), ben),
            ("1".to_owned(), anna),
        ]
    };
    assert_eq!(
        online(&world, &asked, TopicAccess::Open).await.unwrap(),
        expected(false, false, true)
    );
    world.send(&world.ben, "hi").await;
    assert_eq!(
        online(&world, &asked, TopicAccess::Open).await.unwrap(),
        expected(false, true, true)
    );
    let world = world.in_topic("cats");
    world.join(&carl).await;
    assert_eq!(
        online(&world, &asked, TopicAccess::Open).await.unwrap(),
        expected(false, true, true),
        "Anna is no member"
    );
    let carls = &world.user_keys(&carl)[6];
    assert!(!exists(&world, carls).await, "and is told nothing of Carl later");
    world.join(&world.anna).await;
    assert_eq!(
        online(&world, &asked, TopicAccess::Open).await.unwrap(),
        expected(true, true, true)
    );
    assert!(exists(&world, carls).await && exists(&world, &world.chat_keys()[7]).await);
    let nothing = watches(&[&world.ben], None);
    online(&world, &nothing, TopicAccess::Open).await.unwrap();
    assert!(!exists(&world, carls).await && !exists(&world, &world.chat_keys()[7]).await);

    world.leave(&world.anna).await;
    let refused = online(&world, &asked, TopicAccess::Platform).await;
    assert!(matches!(refused, Err(ApiError::NotAMember)), "{refused:?}");
    assert!(
        !exists(&world, &world.user_keys(&world.ben)[6]).await,
        "who may not see it watches nothing"
    );
    let world = world.direct();
    online(
        &world,
        &watches(&[&world.ben], Some(&Target::User(world.ben.id.clone()))),
        TopicAccess::Platform,
    )
    .await
    .unwrap();
    let (ben, chat) = (world.user_keys(&world.ben)[6].clone(), world.chat_keys()[7].clone());
    assert!(exists(&world, &ben).await && exists(&world, &chat).await);
    world.store.end_connection(&mine).await.unwrap();
    assert!(!exists(&world, &ben).await && !exists(&world, &chat).await);
    assert!(!exists(&world, &world.connection_key(&mine)).await);
}
