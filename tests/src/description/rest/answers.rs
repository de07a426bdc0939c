//! What only the REST API answers.

use serde_json::{Value, json};

use super::super::schema::{about, boolean, closed, exactly, like, list, named, or_null, text, whole};

/// The answers that the WebSocket does not have.
pub(super) fn schemas() -> [(&'static str, Value); 8] {
    let welcome = closed(
        [
            ("authenticated", boolean()),
            ("message", text()),
            ("success", exactly(true)),
        ],
        [],
    );
    let page = || {
        about(
            "The number of the page; null if the page was asked for by a cursor.",
            or_null(whole(1)),
        )
    };
    let list_state = closed(
        [
            ("key", text()),
            ("page", page()),
            ("per_page", whole(1)),
            ("total", whole(0)),
            ("total_pages", whole(1)),
            ("unread_total", whole(0)),
            (
                "cursor",
                about(
                    "Your place: `sync` from there tells what moved meanwhile.",
                    named("Cursor"),
                ),
            ),
            (
                "next",
                about("Give it as `before`; null at the end.", or_null(named("Place"))),
            ),
        ],
        [],
    );
    let listed = list(json!({"anyOf": [named("ListedEntry"), named("PlainEntry")]}));
    let history_state = closed(
        [
            ("key", text()),
            ("page", page()),
            ("per_page", whole(1)),
            ("total", whole(0)),
            ("total_pages", whole(1)),
            ("rev", named("Revision")),
            (
                "next",
                about("Give it as `after`; null at the newest.", or_null(named("MessageId"))),
            ),
            (
                "prev",
                about("Give it as `before`; null at the oldest.", or_null(named("MessageId"))),
            ),
        ],
        [],
    );
    let profile = json!({"anyOf": [named("UserProfile"), named("TopicProfile")]});
    let history = closed(
        [
            ("state", history_state),
            ("entry", about("The other side, or the topic.", profile)),
            ("messages", list(named("MessageOfProfile"))),
        ],
        [],
    );
    let member = closed(
        [("state", named("State"))],
        [
            ("id", named("Id")),
            ("role", named("Role")),
            ("read", named("ReadSeq")),
            ("joined", named("Timestamp")),
            ("left", exactly(true)),
        ],
    );
    let members = closed(
        [
            ("members", list(named("Member"))),
            ("total", whole(0)),
            (
                "next",
                about("Give it as `after`; null at the end.", or_null(named("Id"))),
            ),
        ],
        [],
    );
    let profiles = closed(
        [
            ("users", list(named("UserProfile"))),
            ("topics", list(named("TopicProfile"))),
        ],
        [],
    );
    let settings = closed([("state", named("State")), ("entry", named("InboxEntry"))], []);
    let place = json!({
        "type": "string", "pattern": "^[A-Za-z0-9_-]+$", "description": "A place in a list. Opaque.",
    });
    [
        (
            "Welcome",
            like(
                json!({"authenticated": false, "message": "Welcome to a realtime chat API", "success": true}),
                welcome,
            ),
        ),
        ("Place", place),
        ("ListAnswer", closed([("state", list_state), ("entries", listed)], [])),
        ("HistoryAnswer", history),
        ("MemberAnswer", about("The member, in one object with `state`.", member)),
        ("MembersAnswer", members),
        (
            "ProfilesAnswer",
            about("In the order in which they were asked for.", profiles),
        ),
        ("SettingsAnswer", settings),
    ]
}
