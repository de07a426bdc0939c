//! The checker can fail: it is shown a world in order, and that world with one thing wrong each.

use std::collections::BTreeSet;

use crate::check::{Finding, Kind, check, check_inboxes};
use crate::ledger::{Acknowledged, Ledger, Refused, Setting, When};
use crate::sight::{Entry, Fresh, Reacted, Reply, Seen, Shown, Standing, Totals, View};

pub(crate) const KEY: &str = "dm";
pub(crate) const TOPIC: &str = "site:topic:cats";
pub(crate) const ONCE: When = When {
    asked: 1,
    answered: 2,
    attempts: 1,
};

fn shown(seq: u64, text: &str, seen: bool) -> Shown {
    Shown {
        id: format!("m{seq}"),
        seq,
        text: text.to_owned(),
        seen,
        ..Shown::default()
    }
}

fn sent(key: &str, seq: u64, author: u64, text: &str) -> Acknowledged {
    Acknowledged {
        key: key.to_owned(),
        seq,
        author,
        text: text.to_owned(),
        ..Acknowledged::default()
    }
}

/// A message of the topic.
fn in_topic(seq: u64, text: &str) -> Shown {
    Shown {
        id: format!("t{seq}"),
        ..shown(seq, text, false)
    }
}

/// What a user whose client shows members sees of a conversation, and what stands in the inbox.
fn add(seen: &mut Seen, user: u64, key: &str, messages: &[Shown], entry: Option<Entry>) {
    let fresh = Fresh {
        total: messages.len() as u64,
        messages: messages.to_vec(),
        entry: entry.clone(),
    };
    let view = View {
        messages: entry.as_ref().map_or(Vec::new(), |_| messages.to_vec()),
        standing: entry.map(|entry| entry.standing),
        members: seen.members.get(key).cloned(),
        line: None,
    };
    seen.fresh.entry(user).or_default().insert(key.to_owned(), fresh);
    seen.clients.insert(("phone".to_owned(), user, key.to_owned()), view);
}

fn entry(latest: Option<&Shown>, unread: u64, mentioned: u64, read: u64) -> Entry {
    let in_inbox = |latest: &Shown| Shown {
        reactions: Vec::new(),
        mine: BTreeSet::new(),
        ..latest.clone()
    };
    Entry {
        latest: latest.map(in_inbox),
        unread,
        mentioned,
        standing: Standing {
            settings: BTreeSet::new(),
            read,
        },
    }
}

/// Users 1 and 2 talk: 1 has sent three messages, edited the first and deleted the second; 2 has seen the first.
///
/// 1, 2 and 3 were in a topic: 1 has sent a message, which 2 has edited nothing of and reacted to, and a reply to it that mentions 2 and 3. 2 has
/// read the first of them and muted the topic; 3 has left it.
fn in_order() -> (Ledger, Seen) {
    let mut ledger = Ledger::default();
    for seq in 1..=3 {
        ledger.sent(&format!("m{seq}"), sent(KEY, seq, 1, "sent"), ONCE);
    }
    ledger.edited("m1", 4, "edited", ONCE);
    ledger.deleted("m2");
    ledger.seen(KEY, 1, 2, ONCE);
    for user in 1..=3 {
        ledger.joined(TOPIC, user, 0, user, ONCE);
    }
    ledger.sent("t1", sent(TOPIC, 1, 1, "asked"), ONCE);
    let reply = Acknowledged {
        reply_to: Some("t1".to_owned()),
        mentions: vec![2, 3],
        ..sent(TOPIC, 2, 1, "answered")
    };
    ledger.sent("t2", reply, ONCE);
    ledger.reacted("t1", 2, "+1", true, 6, ONCE);
    ledger.reacted("t1", 1, "+1", true, 7, ONCE);
    ledger.reacted("t1", 1, "+1", false, 8, ONCE);
    ledger.read(TOPIC, 1, 2, false, ONCE);
    ledger.leaves(TOPIC, 3);
    ledger.left(TOPIC, 3, Some(9), ONCE);
    ledger.set(TOPIC, 2, Setting::Muted, true, ONCE);

    let mut seen = Seen::default();
    seen.members.insert(TOPIC.to_owned(), [1, 2].into());
    for (user, unread, read) in [(1, 0, 3), (2, 1, 1)] {
        let mut messages = [shown(1, "edited", true), shown(3, "sent", false)];
        for message in &mut messages {
            message.is_named = user == 1;
        }
        add(
            &mut seen,
            user,
            KEY,
            &messages,
            Some(entry(messages.last(), unread, 0, read)),
        );
    }
    for user in 1..=3 {
        let mut messages = [in_topic(1, "asked"), in_topic(2, "answered")];
        for message in &mut messages {
            message.is_named = user == 1;
        }
        messages[0].reactions = vec![Reacted {
            reaction: "+1".to_owned(),
            count: 1,
            users: vec![2],
        }];
        messages[0].mine.extend((user == 2).then(|| "+1".to_owned()));
        messages[1].mentions = vec![2, 3];
        messages[1].reply_to = Some(Reply {
            id: "t1".to_owned(),
            excerpt: Some("asked".to_owned()),
        });
        let mut entry = match user {
            1 => Some(entry(messages.last(), 0, 0, 2)),
            2 => Some(entry(messages.last(), 1, 1, 1)),
            _ => None,
        };
        if let Some(entry) = entry.as_mut().filter(|_| user == 2) {
            entry.standing.settings.insert(Setting::Muted);
        }
        add(&mut seen, user, TOPIC, &messages, entry);
    }
    for (user, total, unread) in [(1, 2, 0), (2, 2, 1), (3, 0, 0)] {
        let hidden = 0;
        seen.inboxes.insert(user, Totals { total, hidden, unread });
    }
    (ledger, seen)
}

/// What is found after something was made wrong.
fn found(spoil: impl FnOnce(&mut Ledger, &mut Seen)) -> Vec<Finding> {
    let (mut ledger, mut seen) = in_order();
    spoil(&mut ledger, &mut seen);
    check(&ledger, &seen)
}

pub(crate) fn kinds(spoil: impl FnOnce(&mut Ledger, &mut Seen)) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = found(spoil).iter().map(|finding| finding.kind).collect();
    kinds.sort();
    kinds.dedup();
    kinds
}

/// Changes what fresh clients of all users see of a conversation, and what the clients show.
pub(crate) fn everywhere_in(key: &str, seen: &mut Seen, change: impl Fn(&mut Vec<Shown>)) {
    for fresh in seen.fresh.values_mut().filter_map(|of| of.get_mut(key)) {
        change(&mut fresh.messages);
        fresh.total = fresh.messages.len() as u64;
        if let Some(entry) = &mut fresh.entry {
            let standing = entry.standing.clone();
            let (unread, mentioned) = (entry.unread, entry.mentioned);
            *entry = self::entry(fresh.messages.last(), unread, mentioned, 0);
            entry.standing = standing;
        }
    }
    let views = seen.clients.iter_mut().filter(|((.., of), _)| of == key);
    views
        .filter(|(_, view)| view.standing.is_some())
        .for_each(|(_, view)| change(&mut view.messages));
}

pub(crate) fn everywhere(seen: &mut Seen, change: impl Fn(&mut Vec<Shown>)) {
    everywhere_in(KEY, seen, change);
}

fn fresh<'a>(seen: &'a mut Seen, user: u64, key: &str) -> &'a mut Fresh {
    seen.fresh.get_mut(&user).unwrap().get_mut(key).unwrap()
}

fn of_two(seen: &mut Seen) -> &mut Fresh {
    fresh(seen, 2, KEY)
}

fn entry_of_two(seen: &mut Seen) -> &mut Entry {
    of_two(seen).entry.as_mut().unwrap()
}

/// The entry of the topic in the inbox of 2.
fn topic_of_two(seen: &mut Seen) -> &mut Entry {
    fresh(seen, 2, TOPIC).entry.as_mut().unwrap()
}

fn totals(seen: &mut Seen, user: u64) -> &mut Totals {
    seen.inboxes.get_mut(&user).unwrap()
}

pub(crate) fn client<'a>(seen: &'a mut Seen, user: u64, key: &str) -> &'a mut View {
    seen.clients
        .get_mut(&("phone".to_owned(), user, key.to_owned()))
        .unwrap()
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
        everywhere(seen, |messages| {
            let is_named = messages[0].is_named;
            messages.insert(
                1,
                Shown {
                    is_named,
                    ..shown(2, "sent", false)
                },
            );
        });
        entry_of_two(seen).unread = 2;
        totals(seen, 2).unread = 2;
    };
    assert_eq!(kinds(undeleted), [Kind::Lost]);
    assert_eq!(
        kinds(|ledger, _| ledger.sent("m1", sent(KEY, 1, 1, "sent"), ONCE)),
        [Kind::Lost]
    );
    assert!(kinds(|_, seen| seen.fresh.clear()).contains(&Kind::Lost));
    assert_eq!(kinds(|ledger, _| ledger.seen(KEY, 2, 2, ONCE)), [Kind::Lost]);
    assert_eq!(kinds(|ledger, _| ledger.read(TOPIC, 2, 2, false, ONCE)), [Kind::Lost]);
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
            kinds(|_, seen| spoil(&mut client(seen, 1, KEY).messages)),
            [Kind::Differing]
        );
    }
    let told = found(|_, seen| drop(client(seen, 1, KEY).messages.pop()));
    assert_eq!(told[0].to_string(), "differing states: dm at phone: m3 at 3 is missing");
    let spoils: [fn(&mut View); 8] = [
        |view| view.messages[0].reactions[0].count = 2,
        |view| view.messages[0].mine.clear(),
        |view| view.messages[1].mentions.clear(),
        |view| view.messages[1].reply_to.as_mut().unwrap().excerpt = None,
        |view| view.standing.as_mut().unwrap().read = 2,
        |view| view.standing.as_mut().unwrap().settings.clear(),
        |view| view.standing = None,
        |view| view.members = Some([1, 2, 3].into()),
    ];
    for spoil in spoils {
        assert_eq!(kinds(|_, seen| spoil(client(seen, 2, TOPIC))), [Kind::Differing]);
    }
}

#[test]
fn a_client_that_still_shows_what_its_user_has_left_is_found() {
    let stays = |_: &mut Ledger, seen: &mut Seen| {
        let view = client(seen, 1, TOPIC).clone();
        *client(seen, 3, TOPIC) = view;
    };
    assert_eq!(kinds(stays), [Kind::Differing]);
}

#[test]
fn another_order_is_found() {
    // The author has not read what stands behind the own last message.
    let elsewhere = kinds(|_, seen| everywhere(seen, |messages| messages[1].seq = 5));
    assert_eq!(elsewhere, [Kind::Order, Kind::Inbox]);
    let swapped = kinds(|_, seen| everywhere(seen, |messages| messages.swap(0, 1)));
    assert_eq!(swapped, [Kind::Order]);
    let gap = |ledger: &mut Ledger, _: &mut Seen| {
        ledger.sent("m9", sent(KEY, 9, 1, "sent"), ONCE);
        ledger.deleted("m9");
    };
    assert!(kinds(gap).contains(&Kind::Order));
    let one_side = |_: &mut Ledger, seen: &mut Seen| {
        of_two(seen).messages[1].seen = true;
        entry_of_two(seen).latest.as_mut().unwrap().seen = true;
        client(seen, 2, KEY).messages[1].seen = true;
    };
    assert_eq!(kinds(one_side), [Kind::Order]);
    // Also for who reads a topic without being a member.
    let outside = kinds(|_, seen| fresh(seen, 3, TOPIC).messages.swap(0, 1));
    assert_eq!(outside, [Kind::Order]);
}

#[test]
fn a_wrong_inbox_is_found() {
    let spoils: [fn(&mut Seen); 13] = [
        |seen| of_two(seen).total = 3,
        |seen| entry_of_two(seen).latest = None,
        |seen| entry_of_two(seen).latest.as_mut().unwrap().seen = true,
        |seen| {
            entry_of_two(seen).unread = 2;
            totals(seen, 2).unread = 2;
        },
        |seen| {
            of_two(seen).entry = None;
            *client(seen, 2, KEY) = View::default();
            *totals(seen, 2) = Totals {
                total: 1,
                ..Totals::default()
            };
        },
        |seen| totals(seen, 2).unread = 0,
        |seen| totals(seen, 2).total = 1,
        |seen| totals(seen, 2).hidden = 1,
        |seen| seen.inboxes.retain(|user, _| *user != 2),
        |seen| topic_of_two(seen).mentioned = 0,
        |seen| topic_of_two(seen).unread = 0,
        |seen| topic_of_two(seen).latest.as_mut().unwrap().reply_to = None,
        |seen| {
            let entry = topic_of_two(seen);
            (entry.unread, entry.mentioned, entry.standing.read) = (0, 0, 2);
            client(seen, 2, TOPIC).standing.as_mut().unwrap().read = 2;
        },
    ];
    for spoil in spoils {
        assert_eq!(kinds(|_, seen| spoil(seen)), [Kind::Inbox]);
    }
}

#[test]
fn inboxes_are_looked_at_before_the_last_messages_too() {
    let (ledger, mut seen) = in_order();
    assert_eq!(check_inboxes(&ledger, &seen), []);
    let hidden = Totals {
        total: 1,
        hidden: 1,
        unread: 1,
    };
    topic_of_two(&mut seen).standing.settings.insert(Setting::Hidden);
    *totals(&mut seen, 2) = hidden;
    assert_eq!(
        check_inboxes(&ledger, &seen),
        [],
        "it may be hidden until the next message"
    );
    topic_of_two(&mut seen).unread = 2;
    let told: Vec<String> = check_inboxes(&ledger, &seen).iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "inboxes: before the last messages, site:topic:cats in the inbox of 2: unread and mentioned are (2, 1) and not (1, 1)"
        ]
    );
}

#[test]
fn a_setting_that_is_not_as_it_was_set_is_found() {
    let mute = |asked| {
        move |ledger: &mut Ledger, _: &mut Seen| {
            let when = When {
                asked,
                answered: 5,
                ..ONCE
            };
            ledger.set(TOPIC, 2, Setting::Muted, false, when);
        }
    };
    assert_eq!(kinds(mute(3)), [Kind::Inbox]);
    assert_eq!(kinds(mute(2)), [], "which of two came last is not known");
    assert_eq!(
        kinds(|ledger, _| ledger.set(KEY, 2, Setting::Pinned, true, ONCE)),
        [Kind::Inbox]
    );
}

#[test]
fn wrong_members_are_found() {
    let members = |seen: &mut Seen, members: &[u64]| {
        seen.members.insert(TOPIC.to_owned(), members.iter().copied().collect());
        for user in 1..=3 {
            client(seen, user, TOPIC).members = seen.members.get(TOPIC).cloned();
        }
    };
    // One who is a member has the topic in the inbox, and nobody else has.
    assert_eq!(kinds(|_, seen| members(seen, &[1])), [Kind::Lost, Kind::Inbox]);
    assert_eq!(kinds(|_, seen| members(seen, &[1, 2, 3])), [Kind::Lost, Kind::Inbox]);
    assert_eq!(kinds(|_, seen| members(seen, &[1, 2, 4])), [Kind::Doubled]);
    let still_there = |_: &mut Ledger, seen: &mut Seen| {
        let messages = fresh(seen, 3, TOPIC).messages.clone();
        add(seen, 3, TOPIC, &messages, Some(entry(messages.last(), 2, 1, 0)));
        *totals(seen, 3) = Totals {
            total: 1,
            hidden: 0,
            unread: 2,
        };
    };
    assert_eq!(kinds(still_there), [Kind::Inbox]);
}

#[test]
fn wrong_reactions_are_found() {
    let reactions = |change: fn(&mut Shown)| move |messages: &mut Vec<Shown>| change(&mut messages[0]);
    let spoils: [fn(&mut Shown); 4] = [
        |message| message.reactions[0].count = 2,
        |message| message.reactions[0].users = vec![1],
        |message| message.reactions[0].users = vec![2, 2],
        |message| message.reactions[0].reaction = "-1".to_owned(),
    ];
    for spoil in spoils {
        assert_eq!(
            kinds(|_, seen| everywhere_in(TOPIC, seen, reactions(spoil))),
            [Kind::Doubled]
        );
    }
    let gone = |message: &mut Shown| {
        message.reactions.clear();
        message.mine.clear();
    };
    assert_eq!(
        kinds(|_, seen| everywhere_in(TOPIC, seen, reactions(gone))),
        [Kind::Lost]
    );
    let not_taken_back = |_: &mut Ledger, seen: &mut Seen| {
        everywhere_in(TOPIC, seen, |messages| {
            messages[0].reactions[0].count = 2;
            messages[0].reactions[0].users.insert(0, 1);
        });
        fresh(seen, 1, TOPIC).messages[0].mine.insert("+1".to_owned());
        client(seen, 1, TOPIC).messages[0].mine.insert("+1".to_owned());
    };
    assert_eq!(kinds(not_taken_back), [Kind::Lost, Kind::Doubled]);
}

#[test]
fn a_reply_that_shows_something_else_is_found() {
    let excerpt = |excerpt: Option<&str>| {
        let excerpt = excerpt.map(str::to_owned);
        move |messages: &mut Vec<Shown>| messages[1].reply_to.as_mut().unwrap().excerpt = excerpt.clone()
    };
    for wrong in [Some("asked before"), None] {
        assert_eq!(
            kinds(|_, seen| everywhere_in(TOPIC, seen, excerpt(wrong))),
            [Kind::Differing]
        );
    }
    let elsewhere = |messages: &mut Vec<Shown>| messages[1].reply_to = None;
    assert_eq!(kinds(|_, seen| everywhere_in(TOPIC, seen, elsewhere)), [Kind::Lost]);
    let others = |messages: &mut Vec<Shown>| messages[1].mentions = vec![3];
    assert!(kinds(|_, seen| everywhere_in(TOPIC, seen, others)).contains(&Kind::Lost));
    let named = |messages: &mut Vec<Shown>| messages.iter_mut().for_each(|message| message.is_named = true);
    assert_eq!(kinds(|_, seen| everywhere_in(TOPIC, seen, named)), [Kind::Differing]);
}

#[test]
fn what_may_have_been_done_may_be_seen() {
    let read = |seen: &mut Seen| {
        let entry = entry_of_two(seen);
        (entry.unread, entry.standing.read) = (0, 3);
        client(seen, 2, KEY).standing.as_mut().unwrap().read = 3;
        totals(seen, 2).unread = 0;
    };
    assert_eq!(kinds(|_, seen| read(seen)), [Kind::Inbox]);
    let perhaps = |ledger: &mut Ledger, seen: &mut Seen| {
        ledger.perhaps_read(KEY, 2, 3);
        read(seen);
    };
    assert_eq!(kinds(perhaps), []);
    let twice = When { attempts: 2, ..ONCE };
    let newest = |ledger: &mut Ledger, seen: &mut Seen| {
        ledger.read(KEY, 1, 2, true, twice);
        read(seen);
    };
    assert_eq!(kinds(newest), []);
    // What was given up before the next one was asked for may come after it, but not for ever.
    let late = |asked| {
        move |ledger: &mut Ledger, _: &mut Seen| {
            ledger.reacted("t1", 2, "+1", true, 10, twice);
            ledger.reacted("t1", 2, "+1", false, 11, When { asked, ..ONCE });
        }
    };
    assert_eq!(kinds(late(3)), []);
    assert_eq!(kinds(late(30_000)), [Kind::Lost, Kind::Doubled]);
    // Who left once more was no member, but perhaps not any more.
    let once = |asked, answered| When {
        asked,
        answered,
        attempts: 1,
    };
    let left_again = |asked| {
        move |ledger: &mut Ledger, _: &mut Seen| {
            ledger.left(TOPIC, 3, None, once(10, 20));
            ledger.joined(TOPIC, 3, 0, 10, once(asked, 30));
        }
    };
    assert_eq!(kinds(left_again(15)), []);
    assert_eq!(kinds(left_again(25)), [Kind::Lost]);
    assert_eq!(
        kinds(|ledger, _| ledger.left(TOPIC, 2, None, once(10, 20))),
        [Kind::Lost, Kind::Inbox]
    );
    let sent_after_all = |ledger: &mut Ledger, seen: &mut Seen| {
        ledger
            .perhaps_sent
            .insert("perhaps".to_owned(), sent(KEY, 0, 2, "perhaps"));
        everywhere(seen, |messages| {
            let is_named = !messages[0].is_named;
            messages.push(Shown {
                is_named,
                ..shown(4, "perhaps", false)
            });
        });
        for (user, read) in [(1, 3), (2, 4)] {
            let entry = fresh(seen, user, KEY).entry.as_mut().unwrap();
            (entry.unread, entry.standing.read) = (4 - read, read);
            client(seen, user, KEY).standing.as_mut().unwrap().read = read;
            totals(seen, user).unread = 4 - read;
        }
        everywhere(seen, |messages| messages[1].seen = true);
    };
    assert_eq!(kinds(sent_after_all), []);
}

#[test]
fn a_refusal_without_reason_and_a_dead_connection_are_found() {
    let refused = |status, key: &str, by, message: Option<&str>| Refused {
        status,
        key: key.to_owned(),
        by,
        message: message.map(str::to_owned),
        mentions: Vec::new(),
    };
    let kinds_of = |refused: Refused| kinds(|ledger, _| ledger.refused(refused));
    assert_eq!(kinds_of(refused(404, KEY, 1, Some("m2"))), []);
    assert_eq!(kinds_of(refused(404, KEY, 1, Some("m1"))), [Kind::Refused]);
    assert_eq!(kinds_of(refused(409, KEY, 1, Some("m2"))), [Kind::Refused]);
    assert_eq!(kinds_of(refused(403, TOPIC, 3, Some("t1"))), []);
    assert_eq!(kinds_of(refused(403, TOPIC, 2, Some("t1"))), [Kind::Refused]);
    assert_eq!(kinds_of(refused(400, KEY, 2, Some("m2"))), []);
    let mentions = |user| Refused {
        mentions: vec![user],
        ..refused(400, TOPIC, 2, Some("t1"))
    };
    assert_eq!(kinds_of(mentions(3)), []);
    assert_eq!(kinds_of(mentions(1)), [Kind::Refused]);
    assert_eq!(
        kinds(|ledger, _| ledger.wrong.push("an answer".to_owned())),
        [Kind::Differing]
    );
    assert_eq!(
        kinds(|_, seen| seen.dead_connections.push("c".to_owned())),
        [Kind::Connection]
    );
}
