//! What a store asks of its server: every rule holds for a user who may do no more than that.

use crate::cluster::Cluster;
use crate::every_rule_holds;
use crate::support::{Address, World, server};

/// Every command that the store sends or its scripts run. `docs/operations.md` tells operators to allow no more.
const NEEDED: &str = "asking cluster|slots del eval evalsha get hdel hello hexists hget hgetall hmget hset lindex llen lrange lset pexpireat \
                      ping pttl rpush set zadd zcard zcount zlexcount zrange zrangebyscore zrem zremrangebylex zremrangebyscore zrevrange \
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

/// Makes the user.
fn grant() -> String {
    let commands: Vec<String> = NEEDED.split(' ').map(|command| format!("+{command}")).collect();
    format!("ACL SETUSER senna on >secret ~{{test-* {}", commands.join(" "))
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
    let operations = include_str!("../../../docs/operations.md");
    let told = grant()
        .replace("ACL SETUSER senna on >secret ~{test-*", "")
        .replace("  ", " ");
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let (_, advice) = operations.split_once("ACL SETUSER senna").unwrap();
    let (advice, _) = advice.split_once("```").unwrap();
    let advised: Vec<String> = words(advice).into_iter().filter(|word| word.starts_with('+')).collect();
    assert_eq!(advised, words(&told), "docs/operations.md");
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
    ask(&grant());
    let address = admin.as_user(USER);
    every_rule_holds(async || World::with_admin(&address, &admin).await).await;
    assert_eq!(denied(&ask("ACL LOG")), [""; 0]);
}

#[tokio::test]
async fn a_cluster_is_asked_for_nothing_more() {
    let cluster = Cluster::of_masters().await;
    let admin = cluster.address(&[0]);
    for node in 0..3 {
        cluster.run::<()>(node, &grant());
    }
    let address = admin.as_user(USER);
    every_rule_holds(async || World::with_admin(&address, &admin).await).await;
    for node in 0..3 {
        let denied = denied(&cluster.run(node, "ACL LOG"));
        assert!(denied.iter().all(|object| object == DISPENSABLE), "{denied:?}");
    }
}
