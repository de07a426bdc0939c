//! Rules of the limits of use, of bans and of revoked tokens.

use shared::domain::{Bucket, ConnectionId, Id, Principal, Refusal, Target, Use, User};
use shared::ports::{Gate as _, GateError, Mode, Signals as _, Store as _, Taking, Terms, Watches, Wish};

use crate::support::{NOW, TERMS, World, principal};

/// Ten a second, three at once.
const TEN: Bucket = Bucket {
    interval_us: 100_000,
    burst: 3,
};
/// One in 50 seconds, two at once.
const RARE: Bucket = Bucket {
    interval_us: 50_000_000,
    burst: 2,
};

/// The outcome of a wish: until when the user is near a limit, or the refusal.
type Verdict = Result<u64, Refusal>;

fn verdict<T>(outcome: Result<T, GateError>) -> Result<T, Refusal> {
    outcome.map_err(|error| match error {
        GateError::Refused(refusal) => refusal,
        GateError::Unavailable(error) => panic!("{error}"),
    })
}

fn wait(kind: Use, wait_ms: u64) -> Verdict {
    Err(Refusal::TooMany { kind, wait_ms })
}

async fn ask(world: &World, by: &Principal, mode: Mode, takings: &[Taking], begins: Option<&Target>) -> Verdict {
    let wish = Wish {
        by,
        mode,
        takings,
        begins,
    };
    verdict(world.store.admit(wish).await)
}

/// Anna takes one token of each.
async fn take(world: &World, mode: Mode, kinds: &[(Use, Bucket)]) -> Verdict {
    let takings: Vec<_> = kinds
        .iter()
        .map(|(kind, bucket)| Taking::of(*kind, *bucket, 1))
        .collect();
    ask(world, &principal(&world.anna), mode, &takings, None).await
}

pub(crate) async fn a_bucket_holds_its_burst_and_fills_by_its_rate(world: World) {
    let send = async || take(&world, Mode::Write, &[(Use::Sends, TEN)]).await;
    for _ in 0..3 {
        assert!(send().await.is_ok());
    }
    assert_eq!(send().await, wait(Use::Sends, 100));
    world.clock.set(NOW + 1);
    assert_eq!(send().await, wait(Use::Sends, 99));
    world.clock.set(NOW + 100);
    assert!(send().await.is_ok());
    assert!(send().await.is_err());

    let mut taken = 0;
    for at in 0..100 {
        world.clock.set(NOW + 10_000 + at * 37);
        taken += u64::from(send().await.is_ok());
    }
    // Three at once, and ten in each of the 3.663 seconds.
    assert_eq!(taken, 3 + 36);
    let others = [Taking::of(Use::Sends, TEN, 1)];
    assert!(
        ask(&world, &principal(&world.ben), Mode::Write, &others, None)
            .await
            .is_ok()
    );
}

pub(crate) async fn all_buckets_are_taken_from_or_none(world: World) {
    let both = [(Use::Requests, TEN), (Use::Edits, RARE)];
    for _ in 0..2 {
        assert!(take(&world, Mode::Write, &both).await.is_ok());
    }
    for _ in 0..3 {
        assert_eq!(take(&world, Mode::Write, &both).await, wait(Use::Edits, 50_000));
    }
    // Two of three requests are used, and not more.
    assert!(take(&world, Mode::Read, &[(Use::Requests, TEN)]).await.is_ok());
    assert_eq!(
        take(&world, Mode::Read, &[(Use::Requests, TEN)]).await,
        wait(Use::Requests, 100)
    );
}

pub(crate) async fn an_idle_user_leaves_nothing(world: World) {
    let limits = &world.user_keys(&world.anna)[7];
    let left = async || match world.command(redis::cmd("PTTL").arg(limits)).await {
        redis::Value::Int(ms) => ms,
        other => panic!("{other:?}"),
    };
    take(&world, Mode::Write, &[(Use::Conversations, RARE)]).await.unwrap();
    // No conversation was begun, so nothing was taken.
    assert_eq!(left().await, -2);
    take(&world, Mode::Write, &[(Use::Reports, RARE)]).await.unwrap();
    assert!((40_000..=50_001).contains(&left().await));
    take(&world, Mode::Write, &[(Use::Sends, TEN)]).await.unwrap();
    assert!((40_000..=50_001).contains(&left().await), "the longest counts");
    take(&world, Mode::Write, &[(Use::Reports, RARE)]).await.unwrap();
    assert!(
        (90_000..=100_001).contains(&left().await),
        "a longer one counts from now on"
    );
}

pub(crate) async fn a_charge_may_overdraw_a_bucket_and_then_the_user_waits(world: World) {
    let charge = async || take(&world, Mode::Charge, &[(Use::Sends, TEN)]).await.unwrap();
    assert_eq!(charge().await, 0);
    // Less than half is left, until half is there again.
    assert_eq!(charge().await, NOW + 50);
    for _ in 0..8 {
        charge().await;
    }
    assert_eq!(
        take(&world, Mode::Write, &[(Use::Sends, TEN)]).await,
        wait(Use::Sends, 800)
    );
    world.clock.set(NOW + 800);
    assert!(take(&world, Mode::Write, &[(Use::Sends, TEN)]).await.is_ok());
}

pub(crate) async fn only_the_beginning_of_a_conversation_counts_as_one(world: World) {
    world.send(&world.anna, "known").await;
    let known = world.chat.as_seen_by(&world.anna.id);
    let buckets = [
        Taking::of(Use::Sends, Bucket { burst: 100, ..TEN }, 1),
        Taking::of(Use::Conversations, RARE, 1),
    ];
    let anna = principal(&world.anna);
    let send = async |to: &Target| ask(&world, &anna, Mode::Write, &buckets, Some(to)).await;
    for stranger in ["user-7", "topic-7"] {
        assert!(send(&Target::from_inbox_key(stranger).unwrap()).await.is_ok());
    }
    let third = Target::from_inbox_key("user-8").unwrap();
    assert_eq!(send(&third).await, wait(Use::Conversations, 50_000));
    for _ in 0..5 {
        assert!(send(&known).await.is_ok());
    }
}

pub(crate) async fn a_user_reads_the_own_inbox_once_a_second_even_when_requests_are_used_up(world: World) {
    let once_a_second = Bucket {
        interval_us: 1_000_000,
        burst: 1,
    };
    let takings = [Taking::of(Use::Requests, RARE, 1), Taking::own_inbox(once_a_second)];
    let anna = principal(&world.anna);
    let read = async || ask(&world, &anna, Mode::ReadOwn, &takings, None).await;
    for _ in 0..3 {
        assert!(read().await.is_ok());
    }
    assert_eq!(read().await, wait(Use::Requests, 1_000));
    for second in 1..5 {
        world.clock.set(NOW + second * 1_000);
        assert!(read().await.is_ok(), "{second}");
        assert!(read().await.is_err(), "{second}");
    }
}

/// Sets a field of a user, as the platform does.
async fn note(world: &World, of: &User, field: &str, ms: u64) {
    let meta = &world.user_keys(of)[3];
    world.command(redis::cmd("HSET").arg(meta).arg(field).arg(ms)).await;
}

/// Opens a connection of Anna's with a token that was issued then.
async fn opens(world: &World, issued_ms: Option<u64>) -> Result<(), Refusal> {
    let token = Principal {
        issued_ms,
        ..principal(&world.anna)
    };
    let opened = world.store.open_connection(&token, &id("phone="), NOW * 2, TERMS).await;
    verdict(opened).map(drop)
}

fn id(text: &str) -> ConnectionId {
    ConnectionId::parse(text).unwrap()
}

pub(crate) async fn a_banned_user_reads_and_does_nothing_else(world: World) {
    let mine = async |mode| take(&world, mode, &[(Use::Requests, TEN)]).await.map(drop);
    opens(&world, None).await.unwrap();
    note(&world, &world.anna, "banned", NOW + 1_000).await;
    let banned = Err(Refusal::Banned {
        until_ms: Some(NOW + 1_000),
    });
    assert_eq!(mine(Mode::Write).await, banned);
    assert_eq!(mine(Mode::Charge).await, banned);
    assert_eq!(mine(Mode::Read).await, Ok(()));
    assert_eq!(mine(Mode::ReadOwn).await, Ok(()));
    assert_eq!(opens(&world, None).await, banned);
    assert_eq!(world.connection(&id("phone=")).await, None);
    world.clock.set(NOW + 1_000);
    assert_eq!(mine(Mode::Write).await, Ok(()));
    assert_eq!(opens(&world, None).await, Ok(()));
    note(&world, &world.anna, "banned", (1 << 53) - 1).await;
    assert_eq!(mine(Mode::Write).await, Err(Refusal::Banned { until_ms: None }));
}

pub(crate) async fn tokens_issued_before_a_revocation_are_refused(world: World) {
    note(&world, &world.anna, "revoked", NOW).await;
    for (issued_ms, expected) in [
        (None, Err(Refusal::Revoked)),
        (Some(NOW - 1), Err(Refusal::Revoked)),
        (Some(NOW), Ok(())),
    ] {
        let token = Principal {
            issued_ms,
            ..principal(&world.anna)
        };
        for mode in [Mode::Read, Mode::ReadOwn, Mode::Write, Mode::Charge] {
            let asked = ask(&world, &token, mode, &[Taking::own_inbox(TEN)], None).await;
            assert_eq!(asked.map(drop), expected, "{mode:?} {issued_ms:?}");
            world.forget(&[world.user_keys(&world.anna)[7].clone()]).await;
        }
        assert_eq!(opens(&world, issued_ms).await, expected);
    }
    assert_eq!(world.connection(&id("phone=")).await.unwrap().issued_ms, Some(NOW));
}

pub(crate) async fn each_connection_has_frames_of_its_own(world: World) {
    assert_eq!(world.store.frame(&id("phone="), Some(TEN)).await.unwrap(), None);
    let bucket = Some(Bucket { burst: 6, ..TEN });
    for connection in [id("phone="), id("desk=")] {
        world.clock.set(NOW);
        assert!(world.opens(&world.anna, &connection, NOW * 2).await);
        let frame = async || {
            let frame = world.store.frame(&connection, bucket).await.unwrap().unwrap();
            (frame.wait_ms, frame.asks_first)
        };
        // Writes of a fast connection are admitted first.
        for asks_first in [false, false, false, false, true, true] {
            assert_eq!(frame().await, (0, asks_first));
        }
        assert_eq!(frame().await.0, 100);
        world.clock.set(NOW + 1_000);
        assert_eq!(frame().await, (0, false));
        for near_until_ms in [NOW + 2_000, NOW + 1_001] {
            world.store.mark(&connection, near_until_ms).await.unwrap();
        }
        world.clock.set(NOW + 1_002);
        assert_eq!(frame().await, (0, true), "the later time counts");
        world.clock.set(NOW + 2_000);
        assert_eq!(frame().await, (0, false));
    }
    // Eleven frames are more than the bucket holds: the watch takes all of it, and is not refused for ever.
    let watches = Watches {
        users: (0..100)
            .map(|number| Id::parse(&format!("u{number}")).unwrap())
            .collect(),
        conversation: None,
    };
    world.clock.set(NOW + 10_000);
    let watching = world
        .store
        .watch(&id("desk="), &watches, bucket)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(watching.frame_wait_ms, 0);
    world.store.mark(&id("gone="), NOW).await.unwrap();
    assert_eq!(world.connection(&id("gone=")).await, None);
}

pub(crate) async fn a_handshake_takes_a_request_and_learns_who_is_near_a_limit(world: World) {
    let takings = [Taking::of(Use::Requests, TEN, 1), Taking::of(Use::Sends, TEN, 0)];
    let terms = Terms {
        takings: &takings,
        ..TERMS
    };
    let anna = principal(&world.anna);
    let open = async |name: &str| {
        let opened = world.store.open_connection(&anna, &id(name), NOW * 2, terms).await;
        verdict(opened).map(|opened| opened.near_until_ms)
    };
    assert_eq!(open("a=").await, Ok(0));
    for _ in 0..4 {
        take(&world, Mode::Charge, &[(Use::Sends, TEN)]).await.unwrap();
    }
    assert_eq!(open("b=").await, Ok(NOW + 250));
    assert_eq!(open("c=").await, Ok(NOW + 250));
    assert_eq!(open("d=").await, wait(Use::Requests, 100));
    assert_eq!(world.connection(&id("d=")).await, None);
}
