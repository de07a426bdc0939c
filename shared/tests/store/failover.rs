//! What a store does while a cluster moves a slot, loses a master, or has one that hangs.

use std::time::Duration;

use futures_util::future::join_all;
use shared::domain::ConnectionId;
use shared::ports::{PageBounds, Store as _, StoreError};
use tokio::time::{Instant, sleep, timeout};

use crate::cluster::{Cluster, until};
use crate::support::{NOW, World, open, page, principal, texts, with_key};

/// How long a request may take before it counts as one that never ends. The store's own limit is 3 s; a busy machine adds to it.
const NEVER: Duration = Duration::from_secs(15);
/// How long clients repeat a message before the cluster counts as one that never recovers.
const PATIENCE: Duration = Duration::from_secs(45);

/// People who write, repeat what was not acknowledged, and remember what was.
struct Talk<'a> {
    world: &'a World,
    acknowledged: Vec<(String, u64)>,
}

impl<'a> Talk<'a> {
    fn begin(world: &'a World) -> Self {
        Self {
            world,
            acknowledged: Vec::new(),
        }
    }

    /// Sends some messages at once, each until it is acknowledged. Says how many tries were refused.
    async fn say(&mut self, count: usize) -> usize {
        let first = self.acknowledged.len();
        let said =
            join_all((first..first + count).map(|number| send_until_acknowledged(self.world, number.to_string())));
        let mut refusals = 0;
        for (content, seq, refused) in said.await {
            self.acknowledged.push((content, seq));
            refusals += refused;
        }
        refusals
    }

    /// What is acknowledged stands in the conversation once, and both inboxes know of it.
    async fn is_whole(&self) {
        let history = self.world.history(page(1, 1_000)).await;
        let mut acknowledged = self.acknowledged.clone();
        acknowledged.sort_by_key(|(_, seq)| *seq);
        let (contents, seqs): (Vec<String>, Vec<u64>) = acknowledged.into_iter().unzip();
        assert_eq!(texts(&history), contents);
        let changes = self
            .world
            .store
            .changes(&self.world.chat, &open(&self.world.anna), 0, PageBounds::BODY)
            .await
            .unwrap();
        let told: Vec<u64> = changes.messages.iter().map(|stored| stored.id.seq).collect();
        assert_eq!((told, changes.rev), (seqs.clone(), history.rev));
        for (user, unread) in [(&self.world.anna, 0), (&self.world.ben, seqs.len() as u64)] {
            let inbox = self.world.inbox(user).await;
            let [entry] = &inbox.entries[..] else {
                panic!("{inbox:?}")
            };
            assert_eq!(
                (entry.rev, entry.unread),
                (history.rev, unread),
                "the inbox of {}",
                user.id
            );
            assert_eq!(entry.latest.as_ref(), history.messages.last());
        }
    }
}

/// The whole of a send, as far as it gets.
async fn try_to_send(world: &World, content: &str) -> Result<u64, StoreError> {
    let decision = world.append(&world.anna, &with_key(content, content)).await?;
    for member in &decision.projection.members {
        world.store.tell(&world.chat, &decision.projection, member).await?;
    }
    Ok(decision.change.id.seq)
}

async fn send_until_acknowledged(world: &World, content: String) -> (String, u64, usize) {
    let deadline = Instant::now() + PATIENCE;
    let mut refusals = 0;
    loop {
        let tried = timeout(NEVER, try_to_send(world, &content)).await;
        match tried.expect("a request ends, well or badly") {
            Ok(seq) => return (content, seq, refusals),
            Err(error) => assert!(Instant::now() < deadline, "it never was acknowledged: {error:?}"),
        }
        refusals += 1;
        sleep(Duration::from_millis(50)).await;
    }
}

/// The master that has the conversation.
fn master_of(cluster: &Cluster, world: &World) -> usize {
    cluster.place(&world.chat_keys()[0]).1
}

/// Waits until a hanging node has been asked something.
async fn until_asked(cluster: &Cluster, node: usize, heard_before: u64) {
    let what = "a request waits for the node that hangs";
    until(what, || cluster.nodes[node].relay.heard() > heard_before).await;
}

#[tokio::test]
async fn a_killed_master_loses_nothing_that_its_replica_has() {
    let mut cluster = Cluster::whole().await;
    let world = World::new(&cluster.address(&[0])).await;
    let master = master_of(&cluster, &world);
    let mut talk = Talk::begin(&world);
    talk.say(20).await;
    cluster.replicated(master).await;

    // It hangs first, so that requests are on their way to it when it dies.
    let heard = cluster.nodes[master].relay.heard();
    cluster.hang(master);
    tokio::join!(talk.say(5), async {
        until_asked(&cluster, master, heard).await;
        cluster.kill(master);
    });
    cluster.taken_over(master).await;
    talk.say(5).await;
    talk.is_whole().await;

    // A function that starts now, and whose first address is the dead node's.
    let dead = cluster.address(&[master]);
    assert!(try_to_send(&world.elsewhere(&dead).await, "nowhere").await.is_err());
    let alive = (master + 1) % 3;
    let started = world.elsewhere(&cluster.address(&[master, alive])).await;
    assert_eq!(started.history(page(1, 1_000)).await.total, 30);
}

#[tokio::test]
async fn a_master_that_hangs_is_given_up_and_may_come_back() {
    let cluster = Cluster::whole().await;
    let world = World::new(&cluster.address(&[0, 1, 2])).await;
    let master = master_of(&cluster, &world);
    let mut talk = Talk::begin(&world);
    talk.say(10).await;
    cluster.replicated(master).await;

    cluster.hang(master);
    talk.say(5).await;
    cluster.taken_over(master).await;
    talk.is_whole().await;
    let alive = (master + 1) % 3;
    let started = world.elsewhere(&cluster.address(&[master, alive])).await;
    assert_eq!(
        started.history(page(1, 1_000)).await.total,
        15,
        "a start finds the node that answers"
    );

    cluster.wake(master);
    cluster
        .says(master, "INFO replication", &["role:slave", "master_link_status:up"])
        .await;
    talk.say(5).await;
    talk.is_whole().await;
}

/// A function sleeps, and meanwhile something on the way forgets its connections: what it sends is never answered, and nothing says so.
#[tokio::test]
async fn connections_that_fell_silent_are_replaced_within_the_request() {
    let cluster = Cluster::whole().await;
    let world = World::new(&cluster.address(&[0])).await;
    let mut talk = Talk::begin(&world);
    talk.say(3).await;
    for node in &cluster.nodes[..3] {
        node.relay.silence();
    }
    assert_eq!(talk.say(3).await, 0, "nothing was refused");
    talk.is_whole().await;
}

/// While a slot moves, its keys are at two places: who asks the old one for a key that has gone is sent to the new one (ASK), a script whose keys
/// are not all at one place is told to try again, and in the end the slot has another owner (MOVED).
#[tokio::test]
async fn a_slot_that_moves_is_followed() {
    let cluster = Cluster::of_masters().await;
    let world = World::new(&cluster.address(&[0])).await;

    let id = ConnectionId::parse("PJqB0fHsqRcCHlw=").unwrap();
    let opens = async || world.opens(&world.ben, &id, NOW * 2).await;
    assert!(opens().await);
    let key = world.connection_key(&id);
    let moving = Moving::begin(&cluster, &key);
    moving.carry(&key);
    assert_eq!(world.connection(&id).await, Some(principal(&world.ben)));
    assert!(opens().await);
    cluster.says(moving.from, "INFO errorstats", &["errorstat_ASK:"]).await;
    moving.end();
    assert_eq!(world.connection(&id).await, Some(principal(&world.ben)));

    let mut talk = Talk::begin(&world);
    talk.say(10).await;
    let [log, meta, ..] = world.chat_keys();
    let moving = Moving::begin(&cluster, &log);
    moving.carry(&log);
    tokio::join!(talk.say(10), async {
        cluster
            .says(moving.from, "INFO errorstats", &["errorstat_TRYAGAIN:"])
            .await;
        moving.carry(&meta);
        moving.carry_rest();
        moving.end();
    });
    talk.is_whole().await;
    cluster
        .says(moving.from, "INFO errorstats", &["errorstat_MOVED:"])
        .await;
}

/// A slot on its way from one master to the next.
struct Moving<'a> {
    cluster: &'a Cluster,
    slot: u16,
    from: usize,
    to: usize,
}

impl<'a> Moving<'a> {
    fn begin(cluster: &'a Cluster, key: &str) -> Self {
        let (slot, from) = cluster.place(key);
        let to = (from + 1) % 3;
        cluster.run::<()>(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", cluster.id(from)));
        cluster.run::<()>(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", cluster.id(to)));
        Self {
            cluster,
            slot,
            from,
            to,
        }
    }

    fn carry(&self, key: &str) {
        let port = self.cluster.nodes[self.to].port();
        self.cluster
            .run::<()>(self.from, &format!("MIGRATE 127.0.0.1 {port} {key} 0 5000"));
    }

    fn carry_rest(&self) {
        let keys: Vec<String> = self
            .cluster
            .run(self.from, &format!("CLUSTER GETKEYSINSLOT {} 1000", self.slot));
        for key in keys {
            self.carry(&key);
        }
    }

    fn end(&self) {
        for node in [self.to, self.from] {
            self.cluster.run::<()>(
                node,
                &format!("CLUSTER SETSLOT {} NODE {}", self.slot, self.cluster.id(self.to)),
            );
        }
    }
}
