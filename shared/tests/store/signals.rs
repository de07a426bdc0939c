//! Rules of fleeting signals. The server ends their keys by its own clock, so here the world's clock is right.

use async_trait::async_trait;
use bytes::Bytes;
use shared::adapters::clock::SystemClock;
use shared::app::Signaller;
use shared::domain::limits::{
    CONNECTION_LIFETIME_MS, FLEETING_BURST_MS, FLEETING_PUSH_MS, OFFLINE_AFTER_MS, TYPING_EVERY_MS,
};
use shared::domain::{Asker, ConnectionId, Conversation, Domain, Id, Target, TopicAccess, TopicRules, User, Watcher};
use shared::error::ApiError;
use shared::ports::{
    Clock as _, Delivery, Due, Presence, PresenceReader, Push, Signals, Store as _, StoreError, Typing, Unavailable,
    Watches, Watching,
};

use crate::dying::{Wires, held};
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
    world
        .store
        .close_connection(&world.ben, &desk, &Watches::default())
        .await
        .unwrap();
    world.clock.set(now + 60_000);
    assert_eq!(told().await.0, [], "the interest is over");
}

pub(crate) async fn who_was_watched_by_nobody_is_offline_at_once(world: World) {
    let (mut world, now) = at_now(world);
    let (phone, annas, carls) = (id("phone="), id("annas="), id("carls="));
    let carl = user("site", "carl");
    world.send(&world.ben, "a friend").await;
    world.chat = Conversation::of(&world.ben, &Target::User(carl.id.clone()));
    world.send(&world.ben, "of both").await;
    let is_online = async |reader: &User, connection: &ConnectionId| {
        let reader = PresenceReader {
            user: reader,
            topic: None,
            connection: Some((connection, now + 60_000)),
        };
        world.store.presence(&world.ben.id, reader).await.unwrap().online
    };
    assert!(world.opens(&world.ben, &phone, now).await);
    assert!(!world.store.end_connection(&phone).await.unwrap().unwrap().offline);
    assert!(
        !is_online(&world.anna, &annas).await,
        "nobody is due to tell Anna later that Ben is offline"
    );
    let ben = principal(&world.ben);
    let opened = world.store.open_connection(&ben, &phone, now);
    assert_eq!(opened.await.unwrap().watchers, [watcher(&world.anna, &annas)]);
    assert!(world.store.end_connection(&phone).await.unwrap().unwrap().offline);
    assert!(is_online(&carl, &carls).await, "a moment ago");
    world.clock.set(now + OFFLINE_AFTER_MS);
    let (mut told, _) = world.store.watchers_of_offline(&world.ben).await.unwrap();
    told.sort_by(|one, other| one.connection.cmp(&other.connection));
    assert_eq!(told, [watcher(&world.anna, &annas), watcher(&carl, &carls)]);
}

/// Pushes to connections that are gone.
struct Gone;

#[async_trait]
impl Push for Gone {
    async fn post(&self, _: &ConnectionId, _: Bytes) -> Result<Delivery, Unavailable> {
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

/// Somebody is always due, and each time that is asked takes a second.
struct Busy<'a>(&'a World);

#[async_trait]
impl Signals for Busy<'_> {
    async fn watch(&self, connection: &ConnectionId, watches: &Watches) -> Result<Option<Watching>, Unavailable> {
        self.0.store.watch(connection, watches).await
    }

    async fn watch_conversation(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        connection: &ConnectionId,
        expires_ms: u64,
    ) -> Result<bool, StoreError> {
        let store = &self.0.store;
        store
            .watch_conversation(conversation, reader, connection, expires_ms)
            .await
    }

    async fn unwatch(&self, user: &User, connection: &ConnectionId, watches: &Watches) -> Result<(), Unavailable> {
        self.0.store.unwatch(user, connection, watches).await
    }

    async fn presence(&self, of: &Id, reader: PresenceReader<'_>) -> Result<Presence, Unavailable> {
        self.0.store.presence(of, reader).await
    }

    async fn typing(&self, _: &ConnectionId, _: &Target, _: bool) -> Result<Option<Typing>, Unavailable> {
        Ok(None)
    }

    async fn watchers(&self, conversation: &Conversation, by: &Asker) -> Result<Vec<Watcher>, StoreError> {
        self.0.store.watchers(conversation, by).await
    }

    async fn note_offline(&self, user: &User, due_ms: u64, until_ms: u64) -> Result<bool, Unavailable> {
        self.0.clock.set(due_ms);
        self.0.store.note_offline(user, due_ms, until_ms).await
    }

    async fn take_due(&self, domain: &Domain, until_ms: u64, told: &Due) -> Result<Due, Unavailable> {
        let now = self.0.clock.now_ms();
        let due = self.0.store.take_due(domain, until_ms, told).await?;
        self.0.clock.set(now + 1_000);
        let next = user("site", &format!("u{now}"));
        self.0.store.note_offline(&next, now, until_ms).await?;
        Ok(due)
    }

    async fn watchers_of_offline(&self, user: &User) -> Result<(Vec<Watcher>, Option<u64>), Unavailable> {
        if user.id.to_string() == "dora" {
            return Err(Unavailable::new("redis", "no answer"));
        }
        self.0.store.watchers_of_offline(user).await
    }
}

pub(crate) async fn a_look_ends_by_the_clock_and_loses_nobody(world: World) {
    let (world, now) = at_now(world);
    let (phone, annas) = (id("phone="), id("annas="));
    world.send(&world.ben, "a friend").await;
    let reader = PresenceReader {
        user: &world.anna,
        topic: None,
        connection: Some((&annas, now + 90_000)),
    };
    world.store.presence(&world.ben.id, reader).await.unwrap();
    assert!(world.opens(&world.ben, &phone, now).await);
    let dora = user("site", "dora");
    world.store.note_offline(&dora, now, 0).await.unwrap();
    let wires = Wires::default();
    let signals = Signaller {
        signals: &Busy(&world),
        ..signaller(&world, &wires, TopicAccess::Open)
    };
    signals.disconnect(&phone).await.unwrap();
    let ended = world.clock.now_ms() - now;
    assert!((24_000..27_000).contains(&ended), "{ended}");
    assert_eq!(held(&wires.0)["annas="].len(), 1, "Anna was told once");
    // The next look finds whom this one could not tell.
    world.clock.set(now + 60_000);
    let due = world.store.take_due(&dora.domain, 0, &Due::default()).await.unwrap();
    assert!(due.users.contains(&dora.id), "{due:?}");
    assert!(!due.users.contains(&world.ben.id), "{due:?}");
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
    let due_after = async |until: u64, told: &Due| world.store.take_due(&site, now + until, told).await.unwrap();
    // Takes them, and says that they were told.
    let due = async |until: u64| {
        let taken = due_after(until, &Due::default()).await;
        let after = due_after(until, &taken).await;
        assert_eq!(after.users, []);
        (taken.users, after.next_ms)
    };
    let users = |users: &[&User], next: Option<u64>| {
        let users: Vec<_> = users.iter().map(|user| user.id.clone()).collect();
        (users, next.map(|next| now + next))
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

    // Who has been taken is due again, unless somebody says that the watchers were told, or the user has come and gone.
    let taken = due_after(60_000, &Due::default()).await;
    assert_eq!((taken.users.len(), taken.next_ms), (0, Some(now + 36_000)));
    note(&carl, 36_000, 60_000).await;
    world.clock.set(now + 36_000);
    let taken = due_after(60_000, &Due::default()).await;
    assert_eq!(taken.users, [world.ben.id.clone(), carl.id.clone()]);
    assert_eq!((taken.again_ms, taken.next_ms), (now + 41_000, Some(now + 41_000)));
    note(&carl, 46_000, 60_000).await;
    let after = due_after(60_000, &taken).await;
    assert_eq!((after.users.len(), after.next_ms), (0, Some(now + 46_000)));
    world.clock.set(now + 46_000);
    let lost = due_after(60_000, &Due::default()).await;
    world.clock.set(now + 51_000);
    assert_eq!(due_after(60_000, &Due::default()).await.users, lost.users);
}
