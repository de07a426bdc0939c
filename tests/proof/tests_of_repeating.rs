//! What the checker makes of clients that ask more than once, and of what they count.

use crate::check::Kind;
use crate::ledger::{Ledger, When};
use crate::sight::{Line, Seen, Shown};
use crate::tests_of_the_checker::{KEY, ONCE, TOPIC, client, everywhere, everywhere_in, kinds};

const TWICE: When = When { attempts: 2, ..ONCE };

#[test]
fn a_client_whose_inbox_says_something_else_is_found() {
    let line = |unread, mentioned, id: &str, text: &str| {
        let latest = Some((id.to_owned(), text.to_owned()));
        let line = Line {
            unread,
            mentioned,
            latest,
        };
        kinds(|_, seen| client(seen, 2, TOPIC).line = Some(line))
    };
    assert_eq!(line(1, 1, "t2", "answered"), []);
    assert_eq!(line(0, 1, "t2", "answered"), [Kind::Differing]);
    assert_eq!(line(1, 0, "t2", "answered"), [Kind::Differing]);
    assert_eq!(line(1, 1, "t1", "answered"), [Kind::Differing]);
    assert_eq!(line(1, 1, "t2", "asked"), [Kind::Differing]);
}

fn says_other(seen: &mut Seen) {
    everywhere(seen, |messages| messages[0].text = "other".to_owned());
}

#[test]
fn an_edit_that_was_refused_may_have_been_done_before() {
    let edited = |when| {
        move |ledger: &mut Ledger, seen: &mut Seen| {
            ledger.perhaps_edited("m1", "other", when);
            says_other(seen);
        }
    };
    assert_eq!(kinds(edited(TWICE)), []);
    assert_eq!(kinds(edited(ONCE)), [Kind::Lost]);
    assert_eq!(kinds(|ledger, _| ledger.perhaps_edited("m1", "other", TWICE)), []);
    let asked = 100_000;
    let later = When {
        asked,
        answered: asked + 1,
        attempts: 1,
    };
    let overwritten = |ledger: &mut Ledger, seen: &mut Seen| {
        ledger.perhaps_edited("m1", "other", TWICE);
        ledger.edited("m1", 9, "last", later);
        says_other(seen);
    };
    assert_eq!(kinds(overwritten), [Kind::Lost]);
}

#[test]
fn a_deletion_that_was_refused_may_have_been_done_before() {
    let deleted = |when| {
        move |ledger: &mut Ledger, seen: &mut Seen| {
            ledger.perhaps_deleted("m1", when);
            everywhere(seen, |messages| drop(messages.remove(0)));
        }
    };
    assert_eq!(kinds(deleted(TWICE)), []);
    assert_eq!(kinds(deleted(ONCE)), [Kind::Lost]);
    assert_eq!(kinds(|ledger, _| ledger.perhaps_deleted("m1", TWICE)), []);
}

#[test]
fn a_reaction_that_was_refused_may_have_been_given_before() {
    let taken_back = |messages: &mut Vec<Shown>| {
        messages[0].reactions.clear();
        messages[0].mine.clear();
    };
    let reacted = |when| {
        move |ledger: &mut Ledger, seen: &mut Seen| {
            ledger.perhaps_reacted("t1", 2, "+1", false, when);
            everywhere_in(TOPIC, seen, taken_back);
        }
    };
    assert_eq!(kinds(reacted(TWICE)), []);
    assert!(kinds(reacted(ONCE)).contains(&Kind::Lost));
}

#[test]
fn who_is_let_in_at_an_unknown_time_may_have_left_before_or_after() {
    let let_in = |when| {
        move |ledger: &mut Ledger, seen: &mut Seen| {
            ledger.was_member(TOPIC, 3, when);
            if let Some(members) = seen.members.get_mut(TOPIC) {
                members.insert(3);
            }
            for user in [1, 2] {
                client(seen, user, TOPIC).members = Some([1, 2, 3].into());
            }
        }
    };
    let after = When { answered: 3, ..ONCE };
    assert!(!kinds(let_in(after)).contains(&Kind::Lost));
    let before = When { answered: 1, ..ONCE };
    assert!(kinds(let_in(before)).contains(&Kind::Lost));
    assert_eq!(kinds(|ledger, _| ledger.was_member(KEY, 3, after)), []);
}
