//! Rules of a fan-out: telling members and pushing to their connections go on side by side.

use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use shared::app::{Caller, Counted, Writer};
use shared::domain::{ConnectionId, Id, Target, TopicRules, User};
use shared::ports::{Delivery, Push, Store, Unavailable};
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};

use crate::dying::{Dying, held};
use crate::support::{NOW, World, draft, principal, user};

/// More than are told, or pushed to, at once.
const MEMBERS: usize = 70;

/// A topic whose members have a connection each.
async fn crowd(world: World) -> (World, Vec<User>) {
    let world = world.in_topic("cats");
    let members: Vec<User> = (0..MEMBERS).map(|number| user("site", &format!("m{number}"))).collect();
    for (number, member) in members.iter().enumerate() {
        world.join(member).await;
        let connection = ConnectionId::parse(&format!("c{number}=")).unwrap();
        assert!(world.opens(member, &connection, NOW).await);
    }
    (world, members)
}

async fn say(world: &World, store: &dyn Store, push: &dyn Push) {
    let writer = Writer {
        uploads: None,
        store,
        push,
        topics: TopicRules::default(),
        usage: world.usage(),
        later: None,
    };
    let caller = Caller {
        principal: principal(&world.anna),
        connection: None,
        counted: Counted::Never,
    };
    let topic = Target::Topic(Id::parse("cats").unwrap());
    let said = draft("hello");
    let sending = timeout(Duration::from_secs(10), writer.send(&caller, &topic, &said)).await;
    sending.expect("tells and pushes wait for each other").unwrap();
}

/// Notifies somebody at each push.
struct Telltale<'a>(&'a Notify, Mutex<usize>);

#[async_trait]
impl Push for Telltale<'_> {
    async fn post(&self, _: &ConnectionId, _: Bytes) -> Result<Delivery, Unavailable> {
        self.0.notify_one();
        *held(&self.1) += 1;
        Ok(Delivery::Sent)
    }

    async fn end(&self, _: &ConnectionId) -> Result<Delivery, Unavailable> {
        Ok(Delivery::Sent)
    }
}

pub(crate) async fn a_member_is_pushed_to_while_others_are_told(world: World) {
    let (world, members) = crowd(world).await;
    let pushed = Notify::new();
    // The last member is told only after somebody was pushed to.
    let store = Dying {
        store: &world.store,
        untold: Mutex::default(),
        late: Mutex::default(),
        last: members.last().map(|member| (member, &pushed)),
    };
    let push = Telltale(&pushed, Mutex::default());
    say(&world, &store, &push).await;
    assert_eq!(*held(&push.1), MEMBERS);
}

/// Ends a push only when all members know the message.
struct Patient<'a> {
    world: &'a World,
    members: &'a [User],
    delivered: Mutex<usize>,
}

#[async_trait]
impl Push for Patient<'_> {
    async fn post(&self, _: &ConnectionId, _: Bytes) -> Result<Delivery, Unavailable> {
        for member in self.members {
            while self.world.unread(member).await == 0 {
                sleep(Duration::from_millis(5)).await;
            }
        }
        *held(&self.delivered) += 1;
        Ok(Delivery::Sent)
    }

    async fn end(&self, _: &ConnectionId) -> Result<Delivery, Unavailable> {
        Ok(Delivery::Sent)
    }
}

pub(crate) async fn no_member_is_told_later_because_of_a_push(world: World) {
    let (world, members) = crowd(world).await;
    let push = Patient {
        world: &world,
        // The last ones tell enough, and are asked quickly.
        members: &members[MEMBERS - 2..],
        delivered: Mutex::default(),
    };
    say(&world, &world.store, &push).await;
    assert_eq!(*held(&push.delivered), MEMBERS);
}
