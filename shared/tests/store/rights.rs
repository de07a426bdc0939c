//! What a store asks of its server: every rule holds for a user who may do no more than that.

use crate::cluster::Cluster;
use crate::every_rule_holds;
use crate::support::{Address, World, server};

/// Every command that the store sends or its scripts run. `docs/deploy.md` tells operators to allow no more, and `functions/store.yaml` allows no
/// more.
const NEEDED: &str = "asking cluster|slots del eval evalsha get hdel hello hexists hget hgetall hmget hset lindex llen lrange lset ltrim pexpire pexpireat \
                      ping pttl rpush scan set zadd zcard zcount zlexcount zrange zrangebyscore zrem zremrangebylex zremrangebyscore zrevrange \
                      zrevrangebyscore zrevrank zscore";

/// What ElastiCache Serverless refuses, and subcommands of which it refuses some.
///
/// # Source
/// <https://docs.aws.amazon.com/AmazonElastiCache/latest/dg/SupportedCommands.html>
const REFUSED: &str =
    "client config fcall function keys latency memory monitor move object psubscribe script slowlog swapdb wait";

/// What the client library asks on its own when it connects to a node of a cluster, and then does without. ElastiCache Serverless documents neither
/// that it takes it nor that it doesn't.
const DISPENSABLE: &str = "client|setinfo";

const USER: &str = "senna:secret";

/// What operators of a Redis of their own are told, and what the data stack gives the users of the stores that it makes.
const DEPLOY: &str = include_str!("../../../docs/deploy.md");
const TEMPLATE: &str = include_str!("../../../functions/store.yaml");

/// The rights of the users of ElastiCache and MemoryDB, as words.
fn in_template() -> Vec<Vec<&'static str>> {
    let users = TEMPLATE.split("AccessString: !Sub >-\n").skip(1);
    let words = users.map(|user| {
        let lines = user.lines().take_while(|line| line.starts_with("        "));
        lines.flat_map(str::split_whitespace).collect()
    });
    words.collect()
}

/// Makes a user as the stack makes them, whose keys begin with this.
fn grant(prefix: &str) -> String {
    let users = in_template();
    let rights = users[0].join(" ").replace("${RedisPrefix}", prefix);
    format!("ACL SETUSER senna >secret {rights}")
}

/// What the user was denied.
fn denied(log: &redis::Value) -> Vec<String> {
    let entries: Vec<std::collections::HashMap<String, redis::Value>> = redis::from_redis_value_ref(log).unwrap();
    let of_user = |entry: &std::collections::HashMap<String, redis::Value>| {
        let text = |name: &str| redis::from_redis_value_ref::<String>(&entry[name]).unwrap();
        (text("username") == "senna").then(|| text("object"))
    };
    let mut objects: Vec<String> = entries.iter().filter_map(of_user).collect();
    objects.sort();
    objects.dedup();
    objects
}

#[test]
fn nothing_is_needed_that_elasticache_serverless_refuses() {
    let refused: Vec<&str> = REFUSED.split(' ').collect();
    for needed in NEEDED.split(' ') {
        let command = needed.split('|').next().unwrap();
        assert!(!refused.contains(&command), "{needed}");
    }
}

#[test]
fn the_template_and_the_documents_give_what_is_needed_and_no_more() {
    let needed: Vec<String> = NEEDED.split_whitespace().map(|command| format!("+{command}")).collect();
    let commands = |rights: &[&str]| rights.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let users = in_template();
    assert_eq!(users.len(), TEMPLATE.matches("AccessString:").count());
    assert_eq!(users.len(), 2, "one of ElastiCache, one of MemoryDB");
    for rights in users {
        assert_eq!(
            rights[..3],
            ["on", "~{${RedisPrefix}:*", "-@all"],
            "functions/store.yaml"
        );
        assert_eq!(commands(&rights[3..]), needed, "functions/store.yaml");
    }
    let (_, advice) = DEPLOY.split_once("ACL SETUSER senna").unwrap();
    let (advice, _) = advice.split_once("```").unwrap();
    let advice: Vec<&str> = advice.split_whitespace().collect();
    assert_eq!(
        advice[..4],
        ["on", ">the-password", "~{senna-sockets:*", "-@all"],
        "docs/deploy.md"
    );
    assert_eq!(commands(&advice[4..]), needed, "docs/deploy.md");
}

/// What a user of the store may not do, whoever got hold of its password.
#[tokio::test]
async fn everything_else_is_refused() {
    let server = server();
    let mut admin = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let run = |connection: &mut redis::Connection, words: &[&str]| {
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query::<redis::Value>(connection)
    };
    let grant = grant("test-1");
    run(&mut admin, &grant.split(' ').collect::<Vec<_>>()).unwrap();
    let mut user = redis::Client::open(Address::of(&server).as_user(USER).urls.remove(0))
        .unwrap()
        .get_connection()
        .unwrap();
    assert!(run(&mut user, &["SET", "{test-1:a:user:1}:meta", "x"]).is_ok());
    let refused: &[&[&str]] = &[
        &["FLUSHALL"],
        &["FLUSHDB"],
        &["KEYS", "*"],
        &["RANDOMKEY"],
        &["DBSIZE"],
        &["CONFIG", "GET", "*"],
        &["CONFIG", "SET", "maxmemory", "1"],
        &["ACL", "LIST"],
        &["ACL", "SETUSER", "senna", "+@all"],
        &["INFO"],
        &["MONITOR"],
        &["CLIENT", "LIST"],
        &["CLUSTER", "RESET"],
        &["REPLICAOF", "NO", "ONE"],
        &["SHUTDOWN", "NOSAVE"],
        &["SCRIPT", "FLUSH"],
        &["FUNCTION", "FLUSH"],
        &["RENAME", "{test-1:a:user:1}:meta", "{test-1:a:user:1}:x"],
        &["DUMP", "{test-1:a:user:1}:meta"],
        &["PUBLISH", "x", "y"],
        // Keys of others, by a script too, which names them or does not.
        &["GET", "x"],
        &["GET", "{test-2:a:user:1}:meta"],
        &["GET", "test-1:a:user:1:meta"],
        &["EVAL", "return redis.call('GET', KEYS[1])", "1", "x"],
        &["EVAL", "return redis.call('GET', 'x')", "0"],
        &["EVAL", "return redis.call('FLUSHALL')", "0"],
        &["EVAL", "return redis.call('KEYS', '*')", "0"],
    ];
    for words in refused {
        let error = run(&mut user, words).unwrap_err().to_string();
        // A script is told in other words.
        assert!(
            error.contains("NoPerm") || error.contains("permission"),
            "{words:?}: {error}"
        );
    }
    let kept = run(&mut admin, &["GET", "{test-1:a:user:1}:meta"]).unwrap();
    assert_eq!(kept, redis::Value::BulkString(b"x".to_vec()));
}

#[tokio::test]
async fn one_server_is_asked_for_nothing_more() {
    let server = server();
    let admin = Address::of(&server);
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let mut ask = |command: &str| {
        let mut words = command.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command
            .arg(words.collect::<Vec<_>>())
            .query::<redis::Value>(&mut connection)
            .unwrap()
    };
    ask(&grant("test-*"));
    let address = admin.as_user(USER);
    every_rule_holds(async || World::with_admin(&address, &admin).await).await;
    assert_eq!(denied(&ask("ACL LOG")), [""; 0]);
}

#[tokio::test]
async fn a_cluster_is_asked_for_nothing_more() {
    let cluster = Cluster::of_masters().await;
    let admin = cluster.address(&[0]);
    for node in 0..3 {
        cluster.run::<()>(node, &grant("test-*"));
    }
    let address = admin.as_user(USER);
    every_rule_holds(async || World::with_admin(&address, &admin).await).await;
    for node in 0..3 {
        let denied = denied(&cluster.run(node, "ACL LOG"));
        assert!(denied.iter().all(|object| object == DISPENSABLE), "{denied:?}");
    }
}

/// Every cold start waits for the greeting: a command of its own for the password would be one round trip more.
#[tokio::test]
async fn a_greeting_logs_in_and_chooses_the_database_in_one_round_trip() {
    let server = server();
    let mut admin = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let run = |connection: &mut redis::Connection, words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        let mut command = redis::cmd(words[0]);
        command.arg(&words[1..]).query::<redis::Value>(connection).unwrap()
    };
    run(&mut admin, "CONFIG SET requirepass the-password");
    let asked = redis::cmd("INFO")
        .arg("commandstats")
        .query::<String>(&mut admin)
        .unwrap();
    assert!(!asked.contains("cmdstat_auth") && !asked.contains("cmdstat_hello"));
    for login in [":the-password", "default:the-password"] {
        let mut address = Address::of(&server).as_user(login);
        for url in &mut address.urls {
            url.push_str("/5");
        }
        let world = World::new(&address).await;
        world.send(&world.anna, "Hello").await;
    }
    let asked = redis::cmd("INFO")
        .arg("commandstats")
        .query::<String>(&mut admin)
        .unwrap();
    let keyspace = redis::cmd("INFO").arg("keyspace").query::<String>(&mut admin).unwrap();
    assert!(!asked.contains("cmdstat_auth"), "{asked}");
    assert!(asked.contains("cmdstat_hello:calls=2,"), "{asked}");
    assert!(keyspace.contains("db5:") && !keyspace.contains("db0:"), "{keyspace}");
}
