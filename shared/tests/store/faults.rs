//! What a store does when its server fails it.

use local::redis_server::{Options, RedisServer};
use redis::Client;

use crate::support::{World, page, server, texts};

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
