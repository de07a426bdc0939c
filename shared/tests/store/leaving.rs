//! Rules of leaving a topic: it is told once, and a leaving that was cut off is completed when it is asked for again.

use shared::domain::{Actor, Cursor, Decision, User};
use shared::ports::{PageBounds, Store as _};

use crate::support::{World, open, own, user};

/// How far a user was told.
async fn place(world: &World, of: &User) -> Cursor {
    let now = world.store.changed_entries(of, None, PageBounds::FRAME).await;
    now.unwrap().cursor
}

/// Tells all members of a decision, and returns who has learned something by it.
async fn told(world: &World, decision: &Decision) -> Vec<String> {
    let mut learned = Vec::new();
    for member in &decision.projection.members {
        let told = world.store.tell(&world.chat, &decision.projection, member).await;
        learned.extend(told.unwrap().place.map(|_| member.id.to_string()));
    }
    learned
}

pub(crate) async fn a_repeated_leaving_tells_nobody(world: World) {
    let world = world.in_topic("cats");
    let carl = user("site", "carl");
    world.send(&world.anna, "a").await;
    for user in [&world.ben, &carl] {
        world.join(user).await;
    }
    let left = world.leave(&world.ben).await.change.rev;
    let entry = world.entry(&world.ben).await;
    world.send(&world.anna, "without ben").await;
    // A value of the clock that the entries of the others do not have.
    world.read(&carl, None).await;
    let before = place(&world, &world.ben).await;
    for who in [&world.ben, &user("site", "stranger")] {
        let again = world.go(who).await;
        assert!(again.change.repeated);
        assert_eq!(told(&world, &again).await, [""; 0], "{}", who.id);
    }
    assert_eq!(place(&world, &world.ben).await, before);
    assert_eq!(world.entry(&world.ben).await, entry, "as it was when he left");
    assert_eq!(entry.unwrap().rev, left);
}

/// Nor is what else is asked for again news to those who know it.
pub(crate) async fn that_somebody_else_has_read_is_no_news(world: World) {
    let world = world.in_topic("cats");
    let first = world.send(&world.anna, "a").await.change.id;
    world.join(&world.ben).await;
    world.react(&world.ben, first, "x", true).await.unwrap();
    world.send(&world.anna, "b").await;
    world.read(&world.ben, None).await;
    let joined = world.put(&Actor::User(open(&world.ben)), &world.ben, None).await;
    assert_eq!(told(&world, &joined.unwrap()).await, [""; 0]);
    let reacted = world.react(&world.ben, first, "x", true).await.unwrap();
    assert_eq!(told(&world, &reacted).await, [""; 0]);
}

/// The function that let Ben go died before it told anybody. Later projections do not contain him.
pub(crate) async fn a_leaving_that_was_cut_off_is_completed_when_it_is_repeated(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "a").await;
    world.join(&world.ben).await;
    world.go(&world.ben).await;
    world.send(&world.anna, "b").await;
    assert!(!world.entry(&world.ben).await.unwrap().left);
    let again = world.go(&world.ben).await;
    assert!(again.change.repeated);
    assert_eq!(told(&world, &again).await, ["ben"]);
    assert!(world.entry(&world.ben).await.unwrap().left);
    assert_eq!(told(&world, &world.go(&world.ben).await).await, [""; 0]);

    // The others are told too if they were not.
    world.join(&world.ben).await;
    world.go(&world.ben).await;
    let again = world.go(&world.ben).await;
    assert_eq!(told(&world, &again).await, ["1", "ben"]);
}

/// Ben has left, came back and left again; both times the function died before it told him. Then the first one wakes up.
pub(crate) async fn a_late_joining_never_undoes_a_leaving_that_was_repeated(world: World) {
    let world = world.in_topic("cats");
    world.send(&world.anna, "a").await;
    world.join(&world.ben).await;
    world.leave(&world.ben).await;
    let joined = world.put(&Actor::User(open(&world.ben)), &world.ben, None).await;
    let joined = joined.unwrap();
    world.go(&world.ben).await;
    let again = world.leave(&world.ben).await;
    assert!(again.change.repeated && own(&again, &world.ben).left);
    assert_eq!(world.tell(&world.ben, &joined).await.place, None);
    assert!(world.entry(&world.ben).await.unwrap().left);
    assert_eq!(world.inbox(&world.ben).await.total, 0);
}
