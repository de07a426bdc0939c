//! What a store does when its server fails it.

use local::redis::{Options, RedisServer};
use redis::Client;
use shared::adapters::clock::SystemClock;
use shared::adapters::redis::RedisStore;
use shared::config::RedisConfig;
use shared::domain::ConnectionId;
use shared::ports::{Store as _, Watches};

use crate::cluster::{number, until};
use crate::relay::{Authority, Relay};
use crate::support::{Address, NOW, World, page, server, texts};

fn run(url: &str, command: &str) {
    let mut connection = Client::open(url).unwrap().get_connection().unwrap();
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>()).exec(&mut connection).unwrap();
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_again() {
    let server = server();
    let world = World::new(&Address::of(&server)).await;
    world.send(&world.anna, "a").await;
    run(&server.url(), "SCRIPT FLUSH");
    world.send(&world.anna, "b").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b"]);
}

#[tokio::test]
async fn a_killed_server_that_is_back_has_everything_and_serves_the_next_request() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options {
        data_dir: Some(folder.path().to_owned()),
        extra_args: ["--appendfsync", "always"].map(Into::into).to_vec(),
        ..Options::default()
    };
    let mut server = RedisServer::start(&options).unwrap();
    let world = World::new(&Address::of(&server)).await;
    world.send(&world.anna, "before").await;
    server.kill();
    let failed = world.try_to_say(&world.anna, "lost").await;
    assert!(failed.is_err(), "nothing can be acknowledged without a server");
    server.restart().unwrap();
    world.send(&world.anna, "after").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["before", "after"]);
}

/// The server hears the request, and its answer comes too late: the store asks again, and finds that it was heard.
#[tokio::test]
async fn a_late_answer_never_doubles_a_message() {
    let server = server();
    let world = World::new(&Address::of(&server)).await;
    world.send(&world.anna, "a").await;
    run(&server.url(), "CLIENT PAUSE 700 ALL");
    world.send(&world.anna, "b").await;
    world.send(&world.anna, "c").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b", "c"]);
}

/// Two devices edit one message while the server answers late: each store asks again, and neither edit is done twice, so none undoes the other.
#[tokio::test]
async fn late_answers_never_edit_twice() {
    let server = server();
    let address = Address::of(&server);
    let phone = World::new(&address).await;
    let desk = phone.elsewhere(&address).await;
    let sent = phone.send(&phone.anna, "0").await.change;
    // Both have used the script before.
    let before = phone.edit(&phone.anna, sent.id, "1").await.change;
    let before = desk.edit(&desk.anna, sent.id, &format!("{}", before.rev)).await.change;
    run(&server.url(), "CLIENT PAUSE 700 ALL");
    let (one, other) = tokio::join!(
        phone.edit(&phone.anna, sent.id, "phone"),
        desk.edit(&desk.anna, sent.id, "desk")
    );
    let mut changes = [one.change, other.change];
    changes.sort_by_key(|change| change.rev);
    let chain = changes.each_ref().map(|change| change.prev_rev);
    assert_eq!(
        chain,
        [Some(before.rev), Some(changes[0].rev)],
        "two changes, and no third between or after them"
    );
    let history = phone.history(page(1, 10)).await;
    assert_eq!((history.rev, history.messages[0].rev), (changes[1].rev, changes[1].rev));
}

/// The server has done an edit, and the connection breaks before it can say so.
#[tokio::test]
async fn a_lost_answer_never_edits_twice() {
    let server = server();
    let relay = Relay::to(server.port()).await;
    let world = World::new(&Address::from_url(relay.url())).await;
    let sent = world.send(&world.anna, "0").await.change;
    relay.cut_the_next_answer();
    let edited = world.edit(&world.anna, sent.id, "1").await.change;
    assert!(relay.has_cut(), "the answer was lost");
    assert_eq!(edited.prev_rev, Some(sent.rev));
    assert_eq!(world.history(page(1, 10)).await.rev, edited.rev);
}

/// The server has done what it was asked for, and the connection breaks before it can say so.
#[tokio::test]
async fn a_lost_answer_never_doubles_a_message() {
    let server = server();
    let relay = Relay::to(server.port()).await;
    let world = World::new(&Address::from_url(relay.url())).await;
    world.send(&world.anna, "a").await;
    relay.cut_the_next_answer();
    let change = world.say(&world.anna, "b").await;
    assert!(relay.has_cut(), "the answer was lost");
    assert_eq!((change.change.id.seq, change.projection.last_seq), (2, 2));
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b"]);
}

/// A function sleeps, and meanwhile something on the way forgets its connection: what it sends is never answered, and nothing says so.
#[tokio::test]
async fn a_connection_that_fell_silent_is_replaced_within_the_request() {
    let server = server();
    let relay = Relay::to(server.port()).await;
    let world = World::new(&Address::from_url(relay.url())).await;
    world.send(&world.anna, "a").await;
    relay.silence();
    world.send(&world.anna, "b").await;
    world.send(&world.anna, "c").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b", "c"]);
}

/// The two steps of forgetting a connection are on two keys: one that fails must leave what the next push finds.
#[tokio::test]
async fn a_connection_that_was_half_forgotten_is_found_again() {
    let options = Options {
        extra_args: ["--rename-command", "DEL", "NO-DEL"].map(Into::into).to_vec(),
        ..Options::default()
    };
    let server = RedisServer::start(&options).unwrap();
    let world = World::new(&Address::of(&server)).await;
    let id = ConnectionId::parse("PJqB0fHsqRcCHlw=").unwrap();
    assert!(world.opens(&world.ben, &id, NOW * 2).await);
    let closed = world.store.close_connection(&world.ben, &id, &Watches::default()).await;
    assert!(closed.is_err());
    let change = world.say(&world.anna, "hi").await;
    let live = world.tell(&world.ben, &change).await.connections;
    assert_eq!(live.iter().map(|live| &live.id).collect::<Vec<_>>(), [&id]);
}

/// Of a master and its replica, outside of a cluster, the one that takes writes is found, also when they have changed places.
#[tokio::test]
async fn of_several_servers_the_master_is_taken() {
    let mut master = server();
    let replica_of = ["--replicaof", "127.0.0.1", &master.port().to_string()].map(Into::into);
    let replica = RedisServer::start(&Options {
        extra_args: replica_of.to_vec(),
        ..Options::default()
    })
    .unwrap();
    let both = Address {
        urls: vec![replica.url(), master.url()],
        authority: None,
    };
    let only_replica = World::new(&Address::of(&replica)).await;
    assert!(only_replica.try_to_say(&only_replica.anna, "a").await.is_err());

    let world = World::new(&both).await;
    world.send(&world.anna, "a").await;
    let caught_up = || {
        let written = number(&info(&master, "replication"), "master_repl_offset:");
        written == number(&info(&replica, "replication"), "slave_repl_offset:")
    };
    until("the replica has caught up", caught_up).await;
    master.kill();
    assert!(world.try_to_say(&world.anna, "nowhere").await.is_err());
    run(&replica.url(), "REPLICAOF NO ONE");
    world.send(&world.anna, "b").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b"]);
}

fn info(server: &RedisServer, section: &str) -> String {
    let mut connection = Client::open(server.url()).unwrap().get_connection().unwrap();
    redis::cmd("INFO").arg(section).query(&mut connection).unwrap()
}

#[tokio::test]
async fn only_the_given_authority_is_believed() {
    let server = server();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let mut relay = Relay::bind().await;
    relay.serve(server.port(), Some(ours.acceptor()));
    let trusting = async |authority: Option<&Authority>| {
        let address = Address {
            urls: vec![relay.url().replace("redis://", "rediss://")],
            authority: authority.map(Authority::pem),
        };
        let world = World::new(&address).await;
        world
            .try_to_say(&world.anna, "a")
            .await
            .map(|_| ())
            .map_err(|error| format!("{error:?}"))
    };
    assert_eq!(trusting(Some(&ours)).await, Ok(()));
    for wrong in [Some(&theirs), None] {
        let error = trusting(wrong).await.unwrap_err();
        assert!(error.contains("invalid peer certificate"), "{error}");
    }
}

#[tokio::test]
async fn an_authority_that_is_none_or_proves_nothing_is_told_at_start() {
    let start = async |url: &str, authority: String| {
        let config = RedisConfig {
            urls: vec![url.to_owned()],
            authority: Some(authority),
            prefix: "test".to_owned(),
        };
        RedisStore::connect(config, SystemClock).await.unwrap_err().to_string()
    };
    let broken = Authority::new().pem().replace("MII", "!!!");
    for error in [
        start("rediss://127.0.0.1:1", broken).await,
        start("redis://127.0.0.1:1", Authority::new().pem()).await,
    ] {
        assert!(
            error.starts_with("SOCK_REDIS_CA does not go with SOCK_REDIS_URL"),
            "{error}"
        );
    }
}
