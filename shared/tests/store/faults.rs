//! What a store does when its server fails it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use local::redis_server::{Options, RedisServer};
use redis::Client;
use shared::domain::ConnectionId;
use shared::ports::Store as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{NOW, World, page, server, texts};

fn run(url: &str, command: &str) {
    let mut connection = Client::open(url).unwrap().get_connection().unwrap();
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().unwrap());
    command.arg(words.collect::<Vec<_>>()).exec(&mut connection).unwrap();
}

#[tokio::test]
async fn a_server_that_forgot_the_scripts_is_told_again() {
    let server = server();
    let world = World::new(&server.url()).await;
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
    let world = World::new(&server.url()).await;
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
    let world = World::new(&server.url()).await;
    world.send(&world.anna, "a").await;
    run(&server.url(), "CLIENT PAUSE 700 ALL");
    world.send(&world.anna, "b").await;
    world.send(&world.anna, "c").await;
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b", "c"]);
}

/// The server has done what it was asked for, and the connection breaks before it can say so.
#[tokio::test]
async fn a_lost_answer_never_doubles_a_message() {
    let server = server();
    let relay = Relay::start(server.port()).await;
    let world = World::new(&format!("redis://127.0.0.1:{}", relay.port)).await;
    world.send(&world.anna, "a").await;
    relay.cut.store(true, Ordering::SeqCst);
    let change = world.say(&world.anna, "b").await;
    assert!(!relay.cut.load(Ordering::SeqCst), "the answer was lost");
    assert_eq!((change.id.seq, change.last_seq), (2, 2));
    assert_eq!(texts(&world.history(page(1, 10)).await), ["a", "b"]);
}

/// The two steps of forgetting a connection are on two keys: one that fails must leave what the next push finds.
#[tokio::test]
async fn a_connection_that_was_half_forgotten_is_found_again() {
    let options = Options {
        extra_args: ["--rename-command", "DEL", "NO-DEL"].map(Into::into).to_vec(),
        ..Options::default()
    };
    let server = RedisServer::start(&options).unwrap();
    let world = World::new(&server.url()).await;
    let id = ConnectionId::parse("PJqB0fHsqRcCHlw=").unwrap();
    world.store.open_connection(&world.ben, &id, NOW * 2).await.unwrap();
    let closed = world
        .store
        .close_connections(&world.ben, std::slice::from_ref(&id))
        .await;
    assert!(closed.is_err());
    let change = world.say(&world.anna, "hi").await;
    let live = world.deliver(&world.ben, &change, 0).await.connections;
    assert_eq!(live.iter().map(|live| &live.id).collect::<Vec<_>>(), [&id]);
}

/// Stands between a store and its server, and breaks a connection instead of passing an answer on when it is told to.
struct Relay {
    port: u16,
    cut: Arc<AtomicBool>,
}

impl Relay {
    async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let cut = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&cut);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&told)));
            }
        });
        Self { port, cut }
    }
}

async fn pass(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicBool>) {
    let (mut asked, mut answered) = ([0; 4096], [0; 4096]);
    loop {
        tokio::select! {
            length = client.read(&mut asked) => match length {
                Ok(length @ 1..) => server.write_all(&asked[..length]).await.unwrap(),
                _ => break,
            },
            length = server.read(&mut answered) => match length {
                Ok(length @ 1..) if !cut.swap(false, Ordering::SeqCst) => client.write_all(&answered[..length]).await.unwrap(),
                _ => break,
            },
        }
    }
}
