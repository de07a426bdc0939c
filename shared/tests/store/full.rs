//! What a store does when its server is full and evicts nothing.

use local::redis::{Options, RedisServer};
use shared::domain::{Ban, Bucket, ConnectionId, Cursor};
use shared::ports::{
    Blocks as _, Gate as _, Mode, Oversight as _, PageBounds, PresenceReader, Signals as _, Store as _, Taking,
    Trimming as _, Walk, Watches, Wish,
};

use crate::support::{Address, NOW, SEEN, World, new_text, open, page, principal, texts};

#[tokio::test]
async fn a_full_server_still_serves_every_read_and_lets_go() {
    let server = RedisServer::start(&Options {
        extra_args: ["--maxmemory", "0", "--maxmemory-policy", "noeviction"]
            .map(Into::into)
            .to_vec(),
        ..Options::default()
    })
    .unwrap();
    let world = World::new(&Address::of(&server)).await;
    let id = world.send(&world.anna, "kept").await.change.id;
    let gone = world.send(&world.anna, "too much").await.change.id;
    let reader = PresenceReader {
        user: &world.ben,
        topic: None,
        connection: Some((&ConnectionId::parse("bens=").unwrap(), NOW * 3)),
    };
    assert!(world.store.presence(&world.anna.id, reader).await.unwrap().has_written);
    world
        .command(redis::cmd("CONFIG").arg(&["SET", "maxmemory", "1"]))
        .await;

    assert!(world.try_to_say(&world.anna, "no room").await.is_err());
    assert!(world.update(&world.anna, id, &new_text("no room")).await.is_err());
    assert!(world.update(&world.ben, id, &SEEN).await.is_err());
    let deleted = world.delete(&world.anna, gone).await;
    world.finish(deleted).await;
    // What is too old goes.
    let walk = Walk {
        began_ms: NOW,
        place: None,
    };
    world.store.keep_walk(&walk).await.unwrap();
    world.store.trim(&world.chat, NOW, None).await.unwrap();
    world.store.trim_reports(&world.anna.domain, NOW).await.unwrap();
    world.store.block(&world.anna, &world.ben.id).await.unwrap();
    world.store.unblock(&world.anna, &world.ben.id).await.unwrap();
    assert!(world.report(&open(&world.ben), id, "rude").await.is_err());
    let nothing = Watches::default();
    let annas = ConnectionId::parse("annas=").unwrap();
    assert!(world.opens(&world.anna, &annas, NOW * 2).await);
    let closed = world.store.close_connection(&world.anna, &annas, &nothing);
    closed.await.expect("somebody watches Anna, and is due to be told");
    // Admission still works; otherwise nobody could delete or read.
    let takings = [Taking::own_inbox(Bucket {
        interval_us: 1,
        burst: 1,
    })];
    let wish = Wish {
        by: &principal(&world.anna),
        mode: Mode::Write,
        takings: &takings,
        begins: None,
    };
    world.store.admit(wish).await.unwrap();
    let connection = ConnectionId::parse("PJqB0fHsqRcCHlw=").unwrap();
    assert!(world.opens(&world.ben, &connection, NOW * 2).await);
    let frame = Bucket {
        interval_us: 1,
        burst: 1,
    };
    world.store.frame(&connection, Some(frame)).await.unwrap();
    assert_eq!(world.connection(&connection).await, Some(principal(&world.ben)));

    let ban = Ban {
        until_ms: None,
        reason: None,
    };
    assert_eq!(world.store.ban(&world.ben, &ban).await.unwrap().len(), 1);
    assert_eq!(world.store.revoke(&world.ben, NOW).await.unwrap().len(), 1);
    world.store.unban(&world.ben).await.unwrap();

    assert_eq!(texts(&world.history(page(1, 10)).await), ["kept"]);
    assert_eq!(world.unread(&world.ben).await, 1);
    let since = Some(Cursor::default());
    let entries = world
        .store
        .changed_entries(&world.ben, since, PageBounds::FRAME)
        .await
        .unwrap();
    assert_eq!((entries.recovered, entries.entries.len()), (true, 1));
    let changes = world
        .store
        .changes(&world.chat, &open(&world.ben), 0, PageBounds::FRAME)
        .await
        .unwrap();
    assert_eq!(changes.messages.len(), 2);
    world
        .store
        .close_connection(&world.ben, &connection, &nothing)
        .await
        .unwrap();
}
