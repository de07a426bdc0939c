//! Rules of the platform's own server: bans, revocations, its own messages, and the history for moderators.

use shared::app::{Platform, Writer};
use shared::domain::limits::{TEXT_BYTES, TOPIC_MEMBERS_MAX};
use shared::domain::{Actor, Admission, Asker, Ban, ConnectionId, Decision, Draft, Id, Target, TopicRules, User};
use shared::ports::{Oversight as _, PageBounds, Recorded, Store as _, StoreError};

use crate::dying::Wires;
use crate::signals::{at_now, id};
use crate::support::{World, acting, draft, new_text, open, own, page, principal, with_key};

/// The ban, its reason and the revocation in a user's slot.
async fn fields(world: &World, of: &User) -> String {
    let key = &world.user_keys(of)[3];
    let mut read = redis::cmd("HMGET");
    read.arg(key).arg(&["banned", "ban_reason", "revoked"]);
    let fields: [Option<String>; 3] = redis::from_redis_value(world.command(&read).await).unwrap();
    fields.map(|field| field.unwrap_or_else(|| "-".to_owned())).join(" ")
}

/// Two connections of Ben and one of Anna.
async fn connected(world: &World, now: u64) -> [ConnectionId; 3] {
    let all = [id("phone="), id("desk="), id("annas=")];
    for (connection, owner) in all.iter().zip([&world.ben, &world.ben, &world.anna]) {
        assert!(world.opens(owner, connection, now).await);
    }
    all
}

pub(crate) async fn a_ban_is_kept_in_the_slot_of_its_user(world: World) {
    let (world, now) = at_now(world);
    let [phone, desk, _] = connected(&world, now).await;
    let store = &world.store;
    assert_eq!(store.ban_of(&world.ben).await.unwrap(), None);
    let short = Ban {
        until_ms: Some(now + 1_000),
        reason: Some("spam".to_owned()),
    };
    for _ in 0..2 {
        let mut ended = store.ban(&world.ben, &short).await.unwrap();
        ended.sort();
        assert_eq!(ended, [desk.clone(), phone.clone()]);
    }
    assert_eq!(fields(&world, &world.ben).await, format!("{} spam -", now + 1_000));
    assert_eq!(store.ban_of(&world.ben).await.unwrap(), Some(short));

    let endless = Ban {
        until_ms: None,
        reason: None,
    };
    store.ban(&world.ben, &endless).await.unwrap();
    assert_eq!(fields(&world, &world.ben).await, "9007199254740991 - -");
    assert_eq!(store.ban_of(&world.ben).await.unwrap(), Some(endless));
    assert_eq!(fields(&world, &world.anna).await, "- - -");
    for _ in 0..2 {
        store.unban(&world.ben).await.unwrap();
    }
    assert_eq!(fields(&world, &world.ben).await, "- - -");
    assert_eq!(
        world.connection(&phone).await,
        Some(principal(&world.ben)),
        "the caller ends it"
    );
}

pub(crate) async fn a_revocation_only_moves_forward(world: World) {
    let (world, now) = at_now(world);
    connected(&world, now).await;
    for (at_ms, noted) in [(now, now), (now + 5, now + 5), (now, now + 5)] {
        assert_eq!(world.store.revoke(&world.ben, at_ms).await.unwrap().len(), 2);
        assert_eq!(fields(&world, &world.ben).await, format!("- - {noted}"));
    }
    assert_eq!(fields(&world, &world.anna).await, "- - -");
}

async fn announce(world: &World, draft: &Draft) -> Result<Decision, StoreError> {
    let author = Asker {
        id: Id::system(),
        admission: Admission::Open,
    };
    world
        .store
        .append_message(&world.chat, &author, draft, TOPIC_MEMBERS_MAX)
        .await
}

pub(crate) async fn messages_of_the_platform_are_unread_for_everyone(world: World) {
    // The platform may begin a conversation.
    let first = announce(&world, &with_key("welcome", "1")).await.unwrap();
    for reader in [&world.anna, &world.ben] {
        let member = own(&first, reader);
        assert_eq!((member.unread, member.read_seq, member.has_written), (1, 0, false));
    }
    assert_eq!(first.projection.members.len(), 2);
    let rev = first.change.rev;
    world.finish(first).await;
    assert_eq!(
        (world.unread(&world.anna).await, world.unread(&world.ben).await),
        (1, 1)
    );

    let again = announce(&world, &with_key("welcome", "1")).await.unwrap();
    assert_eq!((again.change.repeated, again.change.rev), (true, rev));
    assert!(matches!(
        announce(&world, &with_key("other", "1")).await,
        Err(StoreError::RetryKeyReused)
    ));

    // A user's own message moves that user's read position; a message of the platform moves nobody's.
    world.send(&world.anna, "hi").await;
    let second = announce(&world, &draft("news")).await.unwrap();
    let reads = [&world.anna, &world.ben].map(|reader| own(&second, reader).read_seq);
    assert_eq!(reads, [2, 0]);
    let id = second.change.id;
    world.finish(second).await;
    let history = world.history(page(1, 10)).await;
    let authors = history.messages.iter().map(|message| message.author.is_system());
    assert_eq!(authors.collect::<Vec<_>>(), [true, false, true]);
    assert!(
        world
            .entry(&world.ben)
            .await
            .unwrap()
            .latest
            .unwrap()
            .author
            .is_system()
    );
    let reads = world.read(&world.ben, None).await.projection.reads(&world.ben.id);
    assert!(!reads.have_seen(&history.messages[2]), "it tells nobody's position");

    let edited = world.update(&world.anna, id, &new_text("mine")).await;
    assert!(matches!(edited, Err(StoreError::Forbidden)));
    let deleted = world.store.delete_message(&world.chat, id, &acting(&world.anna)).await;
    assert!(matches!(deleted, Err(StoreError::Forbidden)));
    for repeated in [false, true] {
        let deleted = world.store.delete_message(&world.chat, id, &Actor::Platform).await;
        assert_eq!(deleted.unwrap().change.repeated, repeated);
    }
}

pub(crate) async fn the_platform_never_becomes_a_member_of_a_topic(world: World) {
    let world = world.in_topic("cats");
    let nobody = announce(&world, &draft("opened")).await.unwrap();
    assert_eq!(nobody.projection.members.len(), 0);
    world.join(&world.ben).await;
    let mentioning = Draft {
        mentions: vec![world.ben.id.clone()],
        ..draft("hello")
    };
    let told = announce(&world, &mentioning).await.unwrap();
    let ben = own(&told, &world.ben);
    assert_eq!((told.projection.members.len(), ben.unread, ben.mentioned), (1, 1, 1));
    let (ben, since) = (open(&world.ben), told.change.prev_rev.unwrap());
    let changes = world.store.changes(&world.chat, &ben, since, PageBounds::BODY).await;
    assert!(!changes.unwrap().members, "nobody came");
    assert_eq!(world.members().await.len(), 1);
}

/// The part as seq and text; `-` for a deleted message.
fn shown(recorded: &Recorded) -> String {
    let messages = recorded.messages.iter().map(|stored| {
        let text = stored.message.as_ref().map_or("-", |message| message.body.content());
        assert_eq!(stored.deleted, text == "-");
        format!("{}{text}", stored.id.seq)
    });
    let next = recorded.next.map(|next| format!("next {next}"));
    messages.chain(next).collect::<Vec<_>>().join(" ")
}

pub(crate) async fn deleted_messages_keep_their_place_in_the_history_for_moderators(world: World) {
    let record = async |below, count| {
        let part = world.store.recorded(&world.chat, below, count).await.unwrap();
        shown(&part)
    };
    assert_eq!(record(None, 10).await, "");
    let mut rev = 0;
    for content in ["a", "b", "c", "d"] {
        let sent = world.send(&world.anna, content).await;
        rev = sent.change.rev;
        if content == "b" {
            let id = sent.change.id;
            let gone = world.delete(&world.anna, id).await;
            world.finish(gone).await;
        }
    }
    world
        .react(&world.ben, world.history(page(1, 1)).await.messages[0].id, "x", true)
        .await
        .unwrap();
    assert_eq!(record(None, 10).await, "4d 3c 2- 1a");
    assert_eq!(record(None, 4).await, "4d 3c 2- 1a");
    assert_eq!(record(None, 2).await, "4d 3c next 3");
    assert_eq!(record(Some(3), 2).await, "2- 1a");
    assert_eq!(record(Some(1), 2).await, "");
    assert_eq!(record(Some(99), 1).await, "4d next 4");
    let part = world.store.recorded(&world.chat, None, 1).await.unwrap();
    assert!(part.rev > rev);
    let newest = part.messages[0].message.clone().unwrap();
    assert_eq!((newest.reactions.len(), newest.reactions[0].mine), (1, false));
}

pub(crate) async fn a_part_of_the_record_ends_where_it_is_full(mut world: World) {
    world.store = world.as_release(&[]).await.store.keeping_versions();
    let long = "x".repeat(TEXT_BYTES);
    for number in 1..=40 {
        let sent = world.send(&world.anna, &long).await;
        if number % 20 == 0 {
            world.edit(&world.anna, sent.change.id, &number.to_string()).await;
        }
    }
    let wires = Wires::default();
    let writer = Writer {
        uploads: None,
        store: &world.store,
        push: &wires,
        topics: TopicRules::default(),
        usage: world.usage(),
        later: None,
    };
    let platform = Platform {
        sites: &[],
        writer,
        oversight: &world.store,
        moderation: &world.store,
        clock: &world.clock,
    };
    let target = Target::User(world.ben.id.clone());
    let mut parts = Vec::new();
    let mut below = None;
    loop {
        let part = platform.recorded(&world.anna, &target, below, 100).await.unwrap();
        let (_, recorded, versions) = part;
        let [newest, oldest] =
            [recorded.messages.first(), recorded.messages.last()].map(|stored| stored.unwrap().id.seq);
        parts.push((newest, oldest, versions.into_keys().collect::<Vec<_>>()));
        below = recorded.next;
        if below.is_none() {
            break;
        }
    }
    assert_eq!(parts, [(40, 6, vec![20, 40]), (5, 1, vec![])]);
}
