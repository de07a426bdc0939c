//! Frames, answers and pages in every order: what is known then, and what is shown of it.

use super::*;
use crate::developer::chat::news::{News, View};

fn message(seq: u64, rev: u64, text: &str) -> Value {
    json!({"id": format!("m{seq}"), "seq": seq, "rev": rev, "author": 1, "type": "text", "text": text})
}

fn own(seq: u64, rev: u64, text: &str) -> Value {
    let mut message = message(seq, rev, text);
    message["author"] = json!(2);
    message
}

fn gone(seq: u64) -> Value {
    json!({"id": format!("m{seq}"), "seq": seq, "deleted": true})
}

fn state(revs: [u64; 2]) -> Value {
    json!({"inbox_key": "user-1", "prev_rev": revs[0], "rev": revs[1]})
}

/// A frame: its places, the revision before and its own, the entry.
fn frame(places: [&str; 2], revs: [u64; 2], entry: &Value) -> Value {
    json!({"event": "message.new", "prev": places[0], "cursor": places[1], "data": {"state": state(revs), "entry": entry}})
}

fn changes(rev: u64, messages: &[Value], deleted: &[Value]) -> Value {
    json!({"state": {"rev": rev}, "messages": messages, "deleted": deleted, "more": false})
}

/// What is on the screen, one line for each change of it.
struct Screen {
    replica: Replica,
    view: View,
}

impl Screen {
    /// That of user 2, who chats with user 1 and has loaded these messages.
    fn of(rev: u64, messages: &[Value]) -> Self {
        let mut replica = Replica::new("2", "user-1");
        replica.caught_up(&json!({"cursor": "c0", "entries": [], "recovered": false}));
        let mut screen = Self {
            replica,
            view: View::default(),
        };
        screen.load(rev, messages);
        screen
    }

    fn load(&mut self, rev: u64, messages: &[Value]) {
        self.replica.loaded(rev, messages);
        self.view.starts_with(messages);
    }

    fn pushed(&mut self, places: [&str; 2], revs: [u64; 2], entry: &Value) {
        self.replica.pushed(&frame(places, revs, entry));
    }

    /// What became new since this was asked last; nothing while something is missing.
    fn news(&mut self) -> String {
        if !self.replica.is_settled() {
            return "not yet".to_owned();
        }
        let line = |news| match news {
            News::Message { message, sent } => {
                let sent = if sent { ", sent" } else { "" };
                format!("#{} {}{sent}", message["seq"], message["text"].as_str().unwrap_or("-"))
            }
            News::Edited(message) => format!("#{} is now {}", message["seq"], message["text"]),
            News::Earlier(message) => format!("earlier #{} is now {}", message["seq"], message["text"]),
            News::Reactions(message) => format!("#{} has {}", message["seq"], message["reactions"]),
            News::Deleted { seq, author } => format!("#{seq} of {author} is gone"),
            News::Seen(seq) => format!("seen #{seq}"),
        };
        let news = self.view.news(&mut self.replica);
        news.into_iter().map(line).collect::<Vec<_>>().join(", ")
    }
}

#[test]
fn frames_that_overtake_each_other_are_shown_in_order_and_once() {
    let mut screen = Screen::of(4, &[message(1, 4, "one")]);
    assert_eq!(screen.news(), "#1 one");
    screen.pushed(["c1", "c2"], [5, 6], &message(3, 6, "three"));
    assert_eq!(screen.news(), "not yet");
    screen.pushed(["c0", "c1"], [4, 5], &message(2, 5, "two"));
    assert_eq!(screen.news(), "#2 two, #3 three");
    assert_eq!((screen.replica.since(), screen.replica.next_gap()), (Some("c2"), None));
    screen.pushed(["c0", "c1"], [4, 5], &message(2, 5, "two"));
    screen.pushed(["c1", "c2"], [5, 6], &message(3, 6, "three"));
    assert_eq!(screen.news(), "", "nothing is doubled");
}

#[test]
fn a_frame_that_never_came_is_a_gap_after_a_second() {
    let mut screen = Screen::of(4, &[]);
    screen.pushed(["c1", "c2"], [5, 6], &message(2, 6, "two"));
    assert!(!screen.replica.has_gap(Instant::now()));
    let later = Instant::now() + LINK_KEPT;
    assert!(screen.replica.has_gap(later), "the cursor owes a sync");
    assert!(!screen.replica.has_gap(later), "it is told once");
    assert_eq!((screen.replica.owed(), screen.news().as_str()), (Some(4), "not yet"));
    screen
        .replica
        .changed(4, &changes(6, &[message(1, 5, "one"), message(2, 6, "two")], &[]));
    assert_eq!(
        (screen.replica.owed(), screen.news().as_str()),
        (None, "#1 one, #2 two")
    );
}

#[test]
fn what_changes_is_a_line_more() {
    let mut screen = Screen::of(4, &[message(1, 3, "one"), message(2, 4, "two")]);
    assert_eq!(screen.news(), "#1 one, #2 two");
    screen.pushed(["c0", "c1"], [4, 5], &message(1, 5, "one!"));
    let mut liked = message(2, 6, "two");
    liked["reactions"] = json!([{"reaction": "👍", "count": 1, "users": [1], "mine": false}]);
    screen.pushed(["c1", "c2"], [5, 6], &liked);
    assert_eq!(
        screen.news(),
        r#"#1 is now "one!", #2 has [{"count":1,"mine":false,"reaction":"👍","users":[1]}]"#
    );
    screen.pushed(["c2", "c3"], [6, 7], &gone(1));
    assert_eq!(screen.news(), "#1 of 1 is gone");
    screen.pushed(["c0", "c1"], [4, 5], &message(1, 5, "one!"));
    assert_eq!(screen.news(), "", "a deleted message stays deleted");
}

#[test]
fn a_message_that_came_and_went_unseen_is_not_shown() {
    let mut screen = Screen::of(4, &[]);
    screen.pushed(["c1", "c2"], [5, 6], &gone(1));
    screen.pushed(["c0", "c1"], [4, 5], &message(1, 5, "never mind"));
    assert_eq!(screen.news(), "");
}

#[test]
fn an_entry_with_a_newer_revision_owes_changes_until_they_are_answered() {
    let mut screen = Screen::of(4, &[message(1, 4, "one")]);
    screen.news();
    let entries = json!([{"type": "user", "id": 3, "rev": 99}, {"type": "user", "id": 1, "rev": 9}]);
    screen
        .replica
        .caught_up(&json!({"cursor": "c9", "entries": entries, "recovered": true}));
    assert_eq!(screen.replica.owed(), Some(4));
    let mut page = changes(5, &[message(2, 5, "two")], &[]);
    page["more"] = json!(true);
    screen.replica.changed(4, &page);
    assert_eq!((screen.replica.owed(), screen.news().as_str()), (Some(5), "not yet"));
    let gone = json!({"id": "m1", "seq": 1, "rev": 9});
    screen.replica.changed(5, &changes(9, &[], &[gone]));
    assert_eq!(
        (screen.replica.owed(), screen.news().as_str()),
        (None, "#1 of 1 is gone, #2 two")
    );
}

#[test]
fn the_answer_to_an_own_send_shows_it_once_however_often_it_is_told() {
    let mut screen = Screen::of(4, &[]);
    screen.view.sends("k");
    let mut sent = own(1, 5, "mine");
    sent["client_id"] = json!("k");
    // The answer was lost with its connection: `changes` tells of the message, and the repetition is answered as before.
    screen.replica.changed(4, &changes(5, &[sent.clone()], &[]));
    assert_eq!(screen.news(), "#1 mine, sent");
    let answer = json!({"cursor": "c1", "prev": "c0", "result": {"state": state([4, 5]), "entry": sent}});
    screen.replica.answered(&answer, Own::Send);
    assert_eq!((screen.news().as_str(), screen.replica.next_gap()), ("", None));
    let answer = json!({"cursor": "c2", "prev": "c1", "result": {"state": state([5, 6]), "success": true}});
    screen.replica.answered(&answer, Own::Delete("m1"));
    assert_eq!(screen.news(), "#1 of 2 is gone");
    assert_eq!(screen.replica.since(), Some("c2"));
}

#[test]
fn seen_is_told_once_and_not_of_what_was_answered() {
    let mut screen = Screen::of(4, &[own(1, 4, "one")]);
    screen.news();
    let read =
        |seq| json!({"event": "message.read", "data": {"state": state([4, 5]), "user": 1, "read": {"seq": seq}}});
    screen.replica.pushed(&read(1));
    assert_eq!(screen.news(), "seen #1");
    screen.replica.pushed(&read(1));
    screen.pushed(["", ""], [5, 6], &own(2, 6, "two"));
    assert_eq!(screen.news(), "#2 two");
    screen.pushed(["", ""], [6, 7], &message(3, 7, "three"));
    assert_eq!(screen.news(), "#3 three");
    assert_eq!(screen.replica.unread(), Some((3, "m3")));
    screen.replica.answered(
        &json!({"result": {"state": state([7, 8]), "read": {"seq": 3}}}),
        Own::Other,
    );
    assert_eq!(screen.replica.unread(), None);
}

#[test]
fn a_conversation_that_was_set_back_is_loaded_anew_and_shows_only_what_differs() {
    let set_back: [fn(&mut Screen); 4] = [
        |screen| {
            let answer = json!({"state": {"rev": 3}, "reset": true, "messages": [], "deleted": []});
            screen.replica.changed(5, &answer);
        },
        |screen| {
            let other = json!({"id": "another", "seq": 1, "rev": 9, "author": 1, "text": "new"});
            screen.pushed(["", ""], [5, 9], &other);
        },
        |screen| screen.pushed(["", ""], [3, 9], &message(7, 9, "new")),
        |screen| {
            let answer = json!({"cursor": "d0", "entries": [], "recovered": false});
            screen.replica.caught_up(&answer);
        },
    ];
    for set_back in set_back {
        let mut screen = Screen::of(5, &[message(1, 4, "lost"), message(2, 5, "kept")]);
        screen.news();
        set_back(&mut screen);
        assert!(!screen.replica.is_loaded());
        assert_eq!((screen.news().as_str(), screen.replica.since()), ("not yet", None));
        let other = json!({"id": "another", "seq": 1, "rev": 9, "author": 1, "text": "in its place"});
        screen.load(9, &[other, message(2, 5, "kept")]);
        assert_eq!(screen.news(), "#1 in its place");
    }
}

#[test]
fn what_is_told_while_the_conversation_is_loaded_is_asked_for_afterwards() {
    let mut replica = Replica::new("2", "user-1");
    replica.pushed(&frame(["c0", "c1"], [5, 6], &message(2, 6, "two")));
    replica.loaded(5, &[message(1, 5, "one")]);
    assert_eq!(replica.owed(), Some(5));
}

#[test]
fn earlier_pages_move_nothing_and_double_nothing() {
    let mut screen = Screen::of(9, &[message(4, 8, "four")]);
    screen.news();
    screen.pushed(["", ""], [9, 10], &message(2, 10, "two!"));
    assert_eq!(screen.news(), r#"earlier #2 is now "two!""#);
    let page = [message(2, 10, "two!"), message(3, 3, "three"), message(4, 8, "four")];
    screen.replica.older(&page);
    let shown = screen.view.earlier(&page, &screen.replica);
    let shown: Vec<_> = shown.iter().map(|news| matches!(news, News::Message { .. })).collect();
    assert_eq!(shown, [true, true]);
    assert_eq!((screen.news().as_str(), screen.replica.owed()), ("", None));
    screen.pushed(["", ""], [10, 11], &gone(2));
    assert_eq!(screen.news(), "#2 of 1 is gone");
}

#[test]
fn who_left_is_a_member_again_by_something_newer_only() {
    let left = |rev| json!({"event": "member.left", "data": {"state": state([0, rev]), "user": 2}});
    let mut replica = Replica::new("2", "user-1");
    replica.loaded(5, &[]);
    assert_eq!(replica.pushed(&left(6)), Membership::Ended);
    assert_eq!(replica.pushed(&left(6)), Membership::Same);
    replica.answered(&json!({"result": {"state": state([6, 8])}}), Own::Send);
    assert_eq!(replica.pushed(&left(7)), Membership::Same, "that was before");
    let entry = json!({"type": "user", "id": 1, "rev": 9, "left": true});
    let told = replica.caught_up(&json!({"cursor": "c", "entries": [entry], "recovered": true}));
    assert_eq!(told, Membership::Ended);
}

#[test]
fn a_reply_shows_what_is_known_of_the_message_that_it_answers() {
    let mut screen = Screen::of(5, &[message(1, 5, "now")]);
    let mut reply = message(2, 6, "yes");
    reply["reply_to"] = json!({"id": "m1", "seq": 1, "rev": 4, "author": 1, "excerpt": "before"});
    screen.pushed(["", ""], [5, 6], &reply);
    let excerpt = |screen: &Screen| screen.replica.message(2).unwrap()["reply_to"].clone();
    assert_eq!(excerpt(&screen)["excerpt"], "now");
    screen.pushed(["", ""], [6, 7], &gone(1));
    assert_eq!(excerpt(&screen)["deleted"], true);
}
