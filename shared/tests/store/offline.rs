//! Rules of users who go offline.

use async_trait::async_trait;
use shared::app::Signaller;
use shared::domain::limits::OFFLINE_AFTER_MS;
use shared::domain::{Asker, Bucket, ConnectionId, Conversation, Domain, Id, Target, TopicAccess, User, Watcher};
use shared::ports::{
    Clock as _, Due, Presence, PresenceReader, Signals, Store as _, StoreError, Typing, Unavailable, Watches, Watching,
};

use crate::dying::{Wires, held};
use crate::signals::{at_now, id, signaller, watcher};
use crate::support::{TERMS, World, principal, user};

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
    let opened = world.store.open_connection(&ben, &phone, now, TERMS);
    assert_eq!(opened.await.unwrap().watchers, [watcher(&world.anna, &annas)]);
    assert!(world.store.end_connection(&phone).await.unwrap().unwrap().offline);
    assert!(is_online(&carl, &carls).await, "a moment ago");
    world.clock.set(now + OFFLINE_AFTER_MS);
    let (mut told, _) = world.store.watchers_of_offline(&world.ben).await.unwrap();
    told.sort_by(|one, other| one.connection.cmp(&other.connection));
    assert_eq!(told, [watcher(&world.anna, &annas), watcher(&carl, &carls)]);
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

/// Somebody is always due, and each time that is asked takes a second.
struct Busy<'a>(&'a World);

#[async_trait]
impl Signals for Busy<'_> {
    async fn watch(
        &self,
        connection: &ConnectionId,
        watches: &Watches,
        frames: Option<Bucket>,
    ) -> Result<Option<Watching>, Unavailable> {
        self.0.store.watch(connection, watches, frames).await
    }

    async fn watched(&self, connection: &ConnectionId) -> Result<Watches, Unavailable> {
        self.0.store.watched(connection).await
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

    async fn typing(
        &self,
        _: &ConnectionId,
        _: &Target,
        _: bool,
        _: Option<Bucket>,
    ) -> Result<Option<Typing>, Unavailable> {
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
