//! The checker can fail: it is shown a world in order, and that world with one thing wrong each.

use crate::check::{Finding, Fresh, Kind, Seen, Shown, check};
use crate::ledger::Ledger;

const KEY: &str = "dm";

fn shown(seq: u64, text: &str, seen: bool) -> Shown {
    Shown {
        id: format!("m{seq}"),
        seq,
        text: text.to_owned(),
        seen,
    }
}

/// Two users: 1 has sent three messages, edited the first and deleted the second; 2 has seen the first.
fn in_order() -> (Ledger, Seen) {
    let mut ledger = Ledger::default();
    for seq in 1..=3 {
        ledger.sent(&format!("m{seq}"), (KEY, seq), 1, "sent");
    }
    ledger.edited("m1", 4, "edited");
    ledger.deleted("m2");
    ledger.seen(KEY, 1, 2);
    let messages = vec![shown(1, "edited", true), shown(3, "sent", false)];
    let mut seen = Seen::default();
    for (user, unread) in [(1, 0), (2, 1)] {
        let fresh = Fresh {
            total: 2,
            latest: messages.last().cloned(),
            messages: messages.clone(),
            unread: Some(unread),
        };
        seen.fresh.entry(user).or_default().insert(KEY.to_owned(), fresh);
        seen.inboxes.insert(user, (1, unread));
        seen.clients
            .insert(("phone".to_owned(), user, KEY.to_owned()), messages.clone());
    }
    (ledger, seen)
}

/// What is found after something was made wrong.
fn found(spoil: impl FnOnce(&mut Ledger, &mut Seen)) -> Vec<Finding> {
    let (mut ledger, mut seen) = in_order();
    spoil(&mut ledger, &mut seen);
    check(&ledger, &seen)
}

fn kinds(spoil: impl FnOnce(&mut Ledger, &mut Seen)) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = found(spoil).iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Changes what a fresh client of both users sees, and what the clients show.
fn everywhere(seen: &mut Seen, change: impl Fn(&mut Vec<Shown>)) {
    for fresh in seen
        .fresh
        .values_mut()
        .flat_map(|conversations| conversations.values_mut())
    {
        change(&mut fresh.messages);
        fresh.total = fresh.messages.len() as u64;
        fresh.latest = fresh.messages.last().cloned();
    }
    seen.clients.values_mut().for_each(change);
}

fn of_two(seen: &mut Seen) -> &mut Fresh {
    seen.fresh.get_mut(&2).unwrap().get_mut(KEY).unwrap()
}

#[test]
fn a_world_in_order_is_good() {
    assert_eq!(found(|_, _| ()), []);
}

#[test]
fn what_is_lost_is_found() {
    let lost = found(|_, seen| everywhere(seen, |messages| drop(messages.remove(0))));
    let told: Vec<String> = lost.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        ["lost: dm as 1 sees it: m1 at 1", "lost: dm as 2 sees it: m1 at 1"]
    );
    assert_eq!(
        kinds(|_, seen| everywhere(seen, |messages| messages[0].text = "sent".to_owned())),
        [Kind::Lost]
    );
    assert_eq!(
        kinds(|_, seen| everywhere(seen, |messages| messages[0].seen = false)),
        [Kind::Lost]
    );
    let undeleted = |_: &mut Ledger, seen: &mut Seen| {
        everywhere(seen, |messages| messages.insert(1, shown(2, "sent", false)));
        of_two(seen).unread = Some(2);
        seen.inboxes.insert(2, (1, 2));
    };
    assert_eq!(kinds(undeleted), [Kind::Lost]);
    assert_eq!(kinds(|ledger, _| ledger.sent("m1", (KEY, 1), 1, "sent")), [Kind::Lost]);
    assert!(kinds(|_, seen| seen.fresh.clear()).contains(&Kind::Lost));
}

#[test]
fn what_is_doubled_is_found() {
    // What nobody sent counts as unread too.
    let again = kinds(|_, seen| everywhere(seen, |messages| messages.push(shown(4, "sent", false))));
    assert_eq!(again, [Kind::Doubled, Kind::Inbox]);
    let twice = kinds(|_, seen| everywhere(seen, |messages| messages.insert(0, messages[0].clone())));
    assert_eq!(twice, [Kind::Doubled, Kind::Order]);
    assert_eq!(kinds(|ledger, _| ledger.deleted("m4")), [Kind::Doubled]);
}

#[test]
fn a_client_that_shows_something_else_is_found() {
    let spoils: [fn(&mut Vec<Shown>); 5] = [
        |messages| drop(messages.pop()),
        |messages| messages.push(shown(4, "sent", false)),
        |messages| messages[1].text = "other".to_owned(),
        |messages| messages[1].seen = true,
        |messages| messages.swap(0, 1),
    ];
    for spoil in spoils {
        assert_eq!(
            kinds(|_, seen| spoil(seen.clients.values_mut().next().unwrap())),
            [Kind::Differing]
        );
    }
    let told = found(|_, seen| drop(seen.clients.values_mut().next().unwrap().pop()));
    assert_eq!(told[0].to_string(), "differing states: dm at phone: m3 at 3 is missing");
}

#[test]
fn another_order_is_found() {
    // The author has not read what stands behind the own last message.
    let elsewhere = kinds(|_, seen| everywhere(seen, |messages| messages[1].seq = 5));
    assert_eq!(elsewhere, [Kind::Order, Kind::Inbox]);
    let swapped = kinds(|_, seen| everywhere(seen, |messages| messages.swap(0, 1)));
    assert_eq!(swapped, [Kind::Order]);
    let gap = |ledger: &mut Ledger, _: &mut Seen| {
        ledger.sent("m9", (KEY, 9), 1, "sent");
        ledger.deleted("m9");
    };
    assert!(kinds(gap).contains(&Kind::Order));
    let one_side = |_: &mut Ledger, seen: &mut Seen| {
        let messages = &mut of_two(seen).messages;
        messages[1].seen = true;
        let messages = messages.clone();
        of_two(seen).latest = messages.last().cloned();
        seen.clients.insert(("phone".to_owned(), 2, KEY.to_owned()), messages);
    };
    assert_eq!(kinds(one_side), [Kind::Order]);
}

#[test]
fn a_wrong_inbox_is_found() {
    assert_eq!(kinds(|_, seen| of_two(seen).total = 3), [Kind::Inbox]);
    assert_eq!(kinds(|_, seen| of_two(seen).latest = None), [Kind::Inbox]);
    assert_eq!(
        kinds(|_, seen| of_two(seen).latest = Some(shown(3, "sent", true))),
        [Kind::Inbox]
    );
    assert_eq!(kinds(|_, seen| of_two(seen).unread = Some(2)), [Kind::Inbox]);
    assert_eq!(kinds(|_, seen| of_two(seen).unread = None), [Kind::Inbox]);
    assert_eq!(kinds(|_, seen| seen.inboxes.entry(2).or_default().1 = 0), [Kind::Inbox]);
    assert_eq!(
        kinds(|_, seen| seen.inboxes.retain(|user, _| *user != 2)),
        [Kind::Inbox]
    );
}

#[test]
fn what_may_have_been_done_may_be_seen() {
    let perhaps = |ledger: &mut Ledger, seen: &mut Seen| {
        ledger.perhaps_read(KEY, 2, 3);
        of_two(seen).unread = Some(0);
        seen.inboxes.insert(2, (1, 0));
    };
    assert_eq!(kinds(perhaps), []);
}

#[test]
fn a_refusal_without_reason_and_a_dead_connection_are_found() {
    assert_eq!(kinds(|ledger, _| ledger.refused("m2", 404)), []);
    assert_eq!(kinds(|ledger, _| ledger.refused("m1", 404)), [Kind::Refused]);
    assert_eq!(kinds(|ledger, _| ledger.refused("m2", 400)), [Kind::Refused]);
    assert_eq!(
        kinds(|_, seen| seen.dead_connections.push("c".to_owned())),
        [Kind::Connection]
    );
}
