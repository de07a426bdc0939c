//! Rules of fleeting signals. The server ends their keys by its own clock, so here the world's clock is right.

use shared::adapters::clock::SystemClock;
use shared::app::Signaller;
use shared::domain::limits::{CONNECTION_LIFETIME_MS, OFFLINE_AFTER_MS, TYPING_EVERY_MS};
use shared::domain::{ConnectionId, Domain, Id, Target, TopicAccess, TopicRules, User, Watcher};
use shared::error::ApiError;
use shared::ports::{Clock as _, Due, Presence, PresenceReader, Signals as _, Store as _, StoreError, Watches};

use crate::dying::Wires;
use crate::support::{World, closed, open, principal, user};

fn id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

fn at_now(world: World) -> (World, u64) {
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

fn watcher(user: &User, connection: &ConnectionId) -> Watcher {
    Watcher {
        user: user.id.clone(),
        connection: connection.clone(),
    }
}

async fn exists(world: &World, key: &str) -> bool {
    world.command(redis::cmd("EXISTS").arg(key)).await == redis::Value::Int(1)
}

fn signaller<'a>(world: &'a World, push: &'a Wires, access: TopicAccess) -> Signaller<'a> {
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
        world.store.typing(&phone, &to_ben, true).await.unwrap(),
        None,
        "an unknown connection"
    );
    for connection in [&phone, &desk] {
        assert!(world.opens(&world.anna, connection, now).await);
    }
    let types = async |connection: &ConnectionId, target: &Target, starts: bool| {
        let typing = world.store.typing(connection, target, starts).await.unwrap().unwrap();
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
        world.store.watch(&connection, &nothing).await.unwrap(),
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
        let watching = world.store.watch(&connection, &next).await.unwrap().unwrap();
        assert_eq!((watching.principal, watching.before), (principal(&world.anna), before));
        assert!(watching.expires_ms.abs_diff(now + CONNECTION_LIFETIME_MS) < 5_000);
        before = next;
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
        world.store.watch(connection, &watches(&[], Some(&cats))).await.unwrap();
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
    world.store.close_connection(&world.anna, &phone).await.unwrap();
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
            .open_connection(&principal(&world.ben), connection, now)
            .await
            .unwrap();
        assert!(opened.accepted);
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
    world.store.close_connection(&world.ben, &desk).await.unwrap();
    world.clock.set(now + 60_000);
    assert_eq!(told().await.0, [], "the interest is over");
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

pub(crate) async fn one_function_looks_who_is_due(world: World) {
    let (world, now) = at_now(world);
    let site = Domain::parse("site").unwrap();
    let carl = user("site", "carl");
    let note =
        async |user: &User, due: u64, until: u64| world.store.note_offline(user, now + due, now + until).await.unwrap();
    let due = async |until: u64| world.store.take_due(&site, now + until).await.unwrap();
    let users = |users: &[&User], next: Option<u64>| Due {
        users: users.iter().map(|user| user.id.clone()).collect(),
        next_ms: next.map(|next| now + next),
    };
    assert!(note(&world.anna, 10_000, 25_000).await);
    assert!(!note(&world.ben, 11_000, 26_000).await, "somebody looks long enough");
    assert!(!note(&user("site", "dora"), 24_999, 40_000).await);
    assert!(note(&carl, 25_000, 40_000).await, "the first one does not look so long");
    assert!(
        !note(&world.anna, 12_000, 40_000).await,
        "who comes and goes again is due later"
    );
    assert_eq!(due(25_000).await, users(&[], Some(11_000)));
    world.clock.set(now + 12_000);
    assert_eq!(due(25_000).await, users(&[&world.ben, &world.anna], Some(24_999)));
    world.clock.set(now + 24_999);
    assert_eq!(due(25_000).await, users(&[&user("site", "dora")], Some(25_000)));
    world.clock.set(now + 25_000);
    assert_eq!(due(25_000).await, users(&[&carl], None), "whoever looks may take it");
    assert!(!note(&world.ben, 35_000, 50_000).await, "the second one still looks");
    world.clock.set(now + 35_000);
    assert_eq!(due(40_000).await, users(&[&world.ben], None));
    assert!(note(&world.ben, 36_000, 60_000).await, "nobody looks any more");
    let elsewhere = user("elsewhere", "ben");
    assert!(
        world
            .store
            .note_offline(&elsewhere, now + 40_000, now + 60_000)
            .await
            .unwrap(),
        "another site"
    );
}
