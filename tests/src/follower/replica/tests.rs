//! Frames, answers and entries in every order, and what the client then knows.

use super::*;
use crate::follower::conversation::LINK_KEPT;

fn message(seq: u64, rev: u64, text: &str) -> Value {
    json!({"id": format!("m{seq}"), "seq": seq, "rev": rev, "author": 1, "text": text})
}

fn gone(seq: u64) -> Value {
    json!({"id": format!("m{seq}"), "seq": seq, "deleted": true})
}

/// A frame: its places, the revision before and its own, the entry.
fn frame(places: [&str; 2], revs: [u64; 2], entry: &Value) -> Value {
    let state = json!({"inbox_key": "user-1", "prev_rev": revs[0], "rev": revs[1]});
    json!({"prev": places[0], "cursor": places[1], "data": {"state": state, "entry": entry}})
}

fn changes(rev: u64, messages: &[Value], deleted: &[Value]) -> Value {
    json!({"state": {"rev": rev}, "messages": messages, "deleted": deleted, "more": false})
}

fn texts(replica: &Replica) -> Vec<String> {
    let messages = replica.messages("user-1");
    messages.iter().map(|message| id_text(&message["text"])).collect()
}

fn loaded() -> Replica {
    let mut replica = Replica::of("2");
    replica.forget("c0");
    replica.listed(&[]);
    replica
}

#[test]
fn frames_that_overtake_each_other_close_the_chains_and_the_newest_state_stays() {
    let mut replica = loaded();
    replica.pushed(&frame(["c1", "c2"], [5, 6], &message(1, 6, "edited")));
    assert_eq!(
        (replica.since(), texts(&replica)),
        (Some("c0"), vec!["edited".to_owned()])
    );
    assert!(replica.next_gap().is_some());
    replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "first")));
    assert_eq!(
        (replica.since(), texts(&replica)),
        (Some("c2"), vec!["edited".to_owned()])
    );
    assert_eq!((replica.next_gap(), replica.owed()), (None, None));
    replica.pushed(&frame(["c2", "c3"], [6, 7], &gone(1)));
    replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "first")));
    assert!(texts(&replica).is_empty(), "a deleted message stays deleted");
}

#[test]
fn a_chain_that_does_not_close_is_a_gap_after_a_second() {
    let mut replica = loaded();
    replica.pushed(&frame(["c1", "c2"], [5, 6], &message(2, 6, "two")));
    assert!(!replica.has_gap(Instant::now()));
    let later = Instant::now() + LINK_KEPT;
    assert!(replica.has_gap(later));
    assert!(!replica.has_gap(later), "it is told once");
    let owed = replica.owed().unwrap();
    assert_eq!((owed.key.as_str(), owed.rev), ("user-1", 0));
    replica.changed(&owed, &changes(6, &[message(1, 5, "one")], &[]));
    assert_eq!(
        (replica.owed(), texts(&replica)),
        (None, vec!["one".to_owned(), "two".to_owned()])
    );
}

#[test]
fn a_change_without_a_place_is_a_gap_after_a_second() {
    let mut replica = member();
    replica.pushed(&in_topic("member.joined", [5, 6], &json!({"user": 2})));
    assert!(!replica.has_gap(Instant::now()));
    assert!(replica.has_gap(Instant::now() + LINK_KEPT));
    let typing = json!({"event": "typing.start", "data": {"state": {"inbox_key": "topic-t"}, "user": 3}});
    replica.pushed(&typing);
    assert!(
        !replica.has_gap(Instant::now() + LINK_KEPT),
        "a fleeting event leaves no gap"
    );
}

#[test]
fn an_entry_with_a_newer_revision_owes_changes_until_they_are_answered() {
    let mut replica = loaded();
    let entry = json!({"type": "user", "id": 1, "rev": 9});
    replica.caught_up(&json!({"cursor": "c9", "entries": [entry]}));
    let owed = replica.owed().unwrap();
    let mut page = changes(5, &[message(1, 5, "one")], &[]);
    page["more"] = json!(true);
    replica.changed(&owed, &page);
    let owed = replica.owed().unwrap();
    assert_eq!(owed.rev, 5, "the next page goes on from there");
    replica.pushed(&frame(["", ""], [9, 10], &message(3, 10, "three")));
    replica.changed(
        &owed,
        &changes(9, &[message(2, 8, "two")], &[json!({"id": "m1", "seq": 1, "rev": 9})]),
    );
    assert_eq!(
        (replica.owed(), texts(&replica)),
        (None, vec!["two".to_owned(), "three".to_owned()])
    );
    assert_eq!(replica.conversations["user-1"].rev, 10, "the push links now");
}

#[test]
fn a_late_push_of_a_message_that_was_deleted_before_the_conversation_was_loaded_is_left() {
    let mut replica = loaded();
    replica.caught_up(&json!({"cursor": "c2", "entries": [{"type": "user", "id": 1, "rev": 9}]}));
    let owed = replica.owed().unwrap();
    replica.changed(&owed, &changes(9, &[message(2, 6, "two")], &[]));
    replica.pushed(&frame(["x", "y"], [0, 5], &message(1, 5, "deleted")));
    assert_eq!(texts(&replica), ["two"]);
}

#[test]
fn an_answer_that_was_asked_before_a_set_back_is_not_taken() {
    let mut replica = loaded();
    replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "one")));
    replica.caught_up(&json!({"cursor": "c2", "entries": [{"type": "user", "id": 1, "rev": 9}]}));
    let owed = replica.owed().unwrap();
    replica.pushed(&frame(["c2", "c3"], [4, 8], &message(2, 8, "two")));
    replica.changed(&owed, &changes(9, &[message(3, 9, "three")], &[]));
    assert_eq!(replica.owed().map(|owed| owed.rev), Some(0));
}

#[test]
fn a_conversation_that_was_set_back_is_loaded_anew() {
    let set_back: [fn(&mut Replica); 3] = [
        |replica| {
            let owed = Owed {
                key: "user-1".to_owned(),
                rev: 5,
                heard: 5,
            };
            replica.changed(
                &owed,
                &json!({"state": {"rev": 3}, "reset": true, "messages": [], "deleted": []}),
            );
        },
        |replica| {
            let other = json!({"id": "another", "seq": 1, "rev": 9, "author": 1, "text": "new"});
            replica.pushed(&frame(["", ""], [5, 9], &other));
        },
        |replica| replica.pushed(&frame(["", ""], [3, 9], &message(7, 9, "new"))),
    ];
    for set_back in set_back {
        let mut replica = loaded();
        replica.pushed(&frame(["c0", "c1"], [0, 5], &message(1, 5, "lost")));
        set_back(&mut replica);
        assert!(!texts(&replica).contains(&"lost".to_owned()));
        assert_eq!(replica.owed().map(|owed| owed.rev), Some(0));
    }
}

#[test]
fn seen_follows_from_the_other_sides_position() {
    let mut replica = loaded();
    for seq in 1..=3 {
        replica.pushed(&frame(["", ""], [seq - 1, seq], &message(seq, seq, "x")));
    }
    let seen = |replica: &Replica| {
        let messages = replica.messages("user-1");
        messages
            .iter()
            .map(|message| message["status"] == "seen")
            .collect::<Vec<_>>()
    };
    assert_eq!(seen(&replica), [false; 3]);
    let state = json!({"inbox_key": "user-1", "prev_rev": 3, "rev": 4});
    let read = json!({"state": state, "user": 2, "read": {"up_to": "m2", "seq": 2}});
    replica.pushed(&json!({"event": "message.read", "data": read}));
    assert_eq!(seen(&replica), [true, true, false]);
    let owed = Owed {
        key: "user-1".to_owned(),
        rev: 4,
        heard: 4,
    };
    replica.changed(
        &owed,
        &json!({"state": {"rev": 5}, "messages": [], "deleted": [], "read": {"2": 3}}),
    );
    assert_eq!(seen(&replica), [true; 3]);
}

#[test]
fn ones_own_answers_are_taken_like_frames() {
    let mut replica = loaded();
    let state = |from: u64, to: u64| json!({"inbox_key": "user-1", "prev_rev": from, "rev": to});
    let sent = json!({"state": state(0, 1), "entry": message(1, 1, "mine")});
    replica.answered(&json!({"prev": "c0", "cursor": "c1"}), &sent, Own::Member);
    assert_eq!(
        (replica.cursor(), texts(&replica)),
        (Some("c1"), vec!["mine".to_owned()])
    );
    replica.answered(&Value::Null, &sent, Own::Seen);
    assert_eq!(replica.messages("user-1")[0]["status"], "seen");
    let deleted = json!({"state": state(1, 2)});
    replica.answered(&json!({"prev": "c1", "cursor": "c2"}), &deleted, Own::Deleted("m1"));
    assert_eq!((replica.cursor(), texts(&replica).len()), (Some("c2"), 0));
    assert_eq!(replica.conversations["user-1"].rev, 2);
}

/// A frame about a topic without a place: its event, the revision before and its own, what else it says.
fn in_topic(event: &str, revs: [u64; 2], more: &Value) -> Value {
    let mut data = more.clone();
    data["state"] = json!({"inbox_key": "topic-t", "prev_rev": revs[0], "rev": revs[1]});
    json!({"event": event, "data": data})
}

/// The same with a place.
fn at(places: [&str; 2], mut frame: Value) -> Value {
    (frame["prev"], frame["cursor"]) = (json!(places[0]), json!(places[1]));
    frame
}

fn entry(rev: u64) -> Value {
    json!({"type": "topic", "id": "t", "rev": rev, "read": {"seq": 0}})
}

fn sync(cursor: &str, entry: &Value) -> Value {
    json!({"cursor": cursor, "entries": [entry]})
}

/// A member of a topic with one message.
fn member() -> Replica {
    let mut replica = loaded();
    replica.pushed(&in_topic(
        "message.new",
        [0, 5],
        &json!({"entry": message(1, 5, "one")}),
    ));
    // The frame had no place, and its gap is over.
    replica.has_gap(Instant::now() + LINK_KEPT);
    replica
}

#[test]
fn what_has_no_revision_changes_no_message_and_takes_the_place() {
    let mut replica = member();
    let read = |user: u64, seq: u64| {
        let state = json!({"inbox_key": "topic-t"});
        json!({"event": "message.read", "data": {"state": state, "user": user, "read": {"seq": seq}}})
    };
    replica.pushed(&at(["c0", "c1"], read(2, 1)));
    replica.pushed(&read(3, 1));
    assert_eq!(replica.standing("topic-t"), Some((Settings::default(), 1)));
    assert_eq!(
        (replica.cursor(), replica.owed(), replica.next_gap()),
        (Some("c1"), None, None)
    );
    assert_eq!(
        replica.messages("topic-t")[0]["status"],
        Value::Null,
        "a topic shows nothing as seen"
    );
    let presence = json!({"event": "presence", "data": {"id": 3, "online": true}});
    replica.pushed(&presence);
    assert_eq!(replica.conversations.len(), 1);
}

#[test]
fn settings_count_in_the_order_of_the_cursor() {
    let mut replica = member();
    let settings = |muted: bool, hidden: bool| {
        let entry = json!({"muted": muted, "hidden": hidden});
        json!({"event": "conversation.settings", "data": {"state": {"inbox_key": "topic-t"}, "entry": entry}})
    };
    let shown = |replica: &Replica| {
        let (settings, _) = replica.standing("topic-t").unwrap();
        (settings.muted, settings.hidden)
    };
    replica.pushed(&at(["c1", "c2"], settings(false, true)));
    assert_eq!(shown(&replica), (false, false), "the frame before is missing");
    replica.pushed(&at(["c0", "c1"], settings(true, true)));
    assert_eq!(shown(&replica), (false, true));
    let new = in_topic("message.new", [5, 6], &json!({"entry": message(2, 6, "two")}));
    replica.pushed(&at(["c2", "c3"], new));
    assert_eq!(shown(&replica), (false, false), "a new message brings it back");
    replica.pushed(&at(["c1", "c2"], settings(true, true)));
    assert_eq!(shown(&replica), (false, false), "a late frame says what was before");
    let mut muted = entry(6);
    muted["muted"] = json!(true);
    replica.caught_up(&sync("c4", &muted));
    assert_eq!(shown(&replica), (true, false));
    replica.listed(&[entry(6)]);
    assert_eq!(shown(&replica), (true, false), "a list may be older");
}

#[test]
fn what_is_left_is_dropped_until_something_newer_is_told() {
    let leave: [fn(&mut Replica); 3] = [
        |replica| replica.pushed(&in_topic("member.left", [5, 6], &json!({"user": 2}))),
        |replica| {
            let mut left = entry(6);
            left["left"] = json!(true);
            replica.caught_up(&sync("c2", &left));
        },
        |replica| {
            let state = json!({"inbox_key": "topic-t", "prev_rev": 5, "rev": 6});
            let answer = json!({"state": state, "left": true, "read": {"seq": 0}});
            replica.answered(&Value::Null, &answer, Own::Other);
        },
    ];
    for leave in leave {
        let mut replica = member();
        let asked = Owed {
            key: "topic-t".to_owned(),
            rev: 0,
            heard: 0,
        };
        leave(&mut replica);
        let late = in_topic("message.new", [0, 5], &json!({"entry": message(1, 5, "one")}));
        replica.pushed(&late);
        replica.changed(&asked, &changes(9, &[message(1, 5, "one")], &[]));
        assert_eq!((replica.standing("topic-t"), replica.owed()), (None, None));
        assert!(replica.messages("topic-t").is_empty());
        replica.pushed(&in_topic("member.joined", [8, 9], &json!({"user": 2})));
        leave(&mut replica);
        let owed = replica.owed().unwrap();
        assert_eq!(
            owed.rev, 0,
            "all of it is loaded anew, and a late frame that it was left changes nothing"
        );
        replica.changed(&owed, &changes(9, &[message(1, 5, "one")], &[]));
        assert_eq!(replica.messages("topic-t").len(), 1);
    }
}

#[test]
fn others_members_are_loaded_again_whenever_there_may_be_others() {
    let mut replica = member();
    let load = |replica: &mut Replica, members: &[u64]| {
        let (key, heard) = replica.owed_members().expect("others were heard of");
        let members: Vec<Value> = members.iter().map(|id| json!({"id": id, "role": "member"})).collect();
        replica.loaded_members(&key, heard, &members);
        assert_eq!(replica.owed_members(), None);
    };
    load(&mut replica, &[1, 2]);
    replica.pushed(&in_topic(
        "message.new",
        [5, 6],
        &json!({"entry": message(2, 6, "two")}),
    ));
    assert_eq!(replica.owed_members(), None, "its author was a member before");
    let mut other = message(3, 7, "three");
    other["author"] = json!(3);
    replica.pushed(&in_topic("message.new", [6, 7], &json!({"entry": other})));
    load(&mut replica, &[1, 2, 3]);
    replica.pushed(&in_topic("member.left", [7, 8], &json!({"user": 3})));
    let (key, heard) = replica.owed_members().unwrap();
    replica.pushed(&in_topic("member.joined", [8, 9], &json!({"user": 4})));
    replica.loaded_members(&key, heard, &[]);
    load(&mut replica, &[1, 2, 4]);
    let owed = Owed {
        key: "topic-t".to_owned(),
        rev: 9,
        heard: 9,
    };
    let mut page = changes(10, &[], &[]);
    page["members"] = json!(true);
    replica.changed(&owed, &page);
    load(&mut replica, &[1, 2]);
    assert_eq!(replica.members("topic-t").len(), 2);
}

#[test]
fn a_reply_shows_the_newest_state_that_is_known_of_the_message() {
    let mut replica = member();
    let mut reply = message(2, 6, "reply");
    reply["reply_to"] = json!({"id": "m1", "seq": 1, "rev": 5, "author": 1, "type": "text", "excerpt": "one"});
    replica.pushed(&in_topic("message.new", [5, 6], &json!({"entry": reply})));
    let shown = |replica: &Replica| replica.messages("topic-t").pop().unwrap()["reply_to"].clone();
    assert_eq!(shown(&replica)["excerpt"], "one");
    let long = message(1, 7, &"\u{e4}".repeat(101));
    replica.pushed(&in_topic("message.updated", [6, 7], &json!({"entry": long})));
    assert_eq!(shown(&replica)["excerpt"], "\u{e4}".repeat(100));
    replica.pushed(&in_topic("message.deleted", [7, 8], &json!({"entry": gone(1)})));
    assert_eq!(shown(&replica), json!({"id": "m1", "seq": 1, "deleted": true}));
    // One that was asked for later knows more than the client.
    let mut replica = member();
    reply["reply_to"]["rev"] = json!(9);
    reply["reply_to"]["excerpt"] = json!("newest");
    replica.pushed(&in_topic("message.new", [5, 6], &json!({"entry": reply})));
    assert_eq!(shown(&replica)["excerpt"], "newest");
}

#[test]
fn reactions_are_part_of_the_state_of_a_message() {
    let mut replica = member();
    let reacted = |rev: u64, count: u64| {
        let mut message = message(1, rev, "one");
        message["reactions"] = json!([{"reaction": "+1", "count": count, "users": [], "mine": false}]);
        json!({"entry": message})
    };
    replica.pushed(&in_topic("message.updated", [6, 7], &reacted(7, 2)));
    replica.pushed(&in_topic("message.updated", [5, 6], &reacted(6, 1)));
    assert_eq!(replica.messages("topic-t")[0]["reactions"][0]["count"], 2);
    let mut latest = entry(7);
    latest["latest"] = message(1, 7, "one");
    replica.caught_up(&sync("c1", &latest));
    assert_eq!(
        replica.messages("topic-t")[0]["reactions"][0]["count"],
        2,
        "an entry has none"
    );
}
