//! The routes of the platform's own server.

use serde_json::{Value, json};

use super::components::{MESSAGE_ID, timestamp};
use super::rest::{ACCEPTED, BODY, CONTENT, Codes, FOUND, Route, TARGET, TOPIC, limit, query, retry_key};
use super::schema::{Property, about, boolean, closed, exactly, like, list, named, one_of, open, or_null, text, whole};

/// The tag of these routes.
pub(super) const TAG: &str = "Platform";
/// The security scheme of these routes.
pub(super) const SECURITY: &str = "platform";
/// Errors of all of these routes.
pub(super) const ALWAYS: Codes = &[
    Some("INVALID_PLATFORM_KEY"),
    Some("NOT_FOUND"),
    Some("INVALID_FIELD"),
    Some("UNAVAILABLE"),
];

/// The header that names another site.
pub(super) fn domain() -> Value {
    json!({
        "name": "X-Senna-Domain", "in": "header", "description": "The handle of a site, in place of the host's.",
        "schema": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,32}$"},
    })
}

/// A part of a path.
pub(super) fn path_parameter(name: &str) -> Option<(&'static str, Value)> {
    match name {
        "user" => Some(("The user.", named("Id"))),
        "a" => Some(("One of the two users, or the topic.", named("Id"))),
        "b" => Some(("The other user; `-` for a topic.", named("Id"))),
        _ => None,
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(
            ("post", "/platform/users/{user}/messages/{target}/{id}"),
            ("sendAs", TAG),
            "Sends a message as a user, who thereby joins a topic; with `system` as the platform itself, in that user's conversation.",
            "MessageAnswer",
            vec![
                TARGET,
                CONTENT,
                ACCEPTED,
                &[Some("MESSAGES_INVALID_TYPE"), Some("TOPIC_FULL")],
            ],
        )
        .taking([retry_key()])
        .with_body("SendAs", true),
        Route::new(
            ("get", "/platform/conversations/{target}/{a}/{b}"),
            ("record", TAG),
            "A page of a conversation, newest first; deleted messages keep their place.",
            "RecordAnswer",
            vec![TARGET, &[Some("INVALID_PAGE")]],
        )
        .taking([limit()])
        .taking([query("after", "The `next` of a page.", named("MessageId"))]),
        Route::new(
            ("delete", "/platform/messages/{target}/{a}/{b}/{message_id}"),
            ("removeMessage", TAG),
            "Deletes any message. A repetition gets the same answer.",
            "DeletedAnswer",
            vec![TARGET, FOUND],
        ),
        Route::new(
            ("put", "/platform/topics/{id}/members/{user}"),
            ("putMember", TAG),
            "Adds a member to a topic with any role, or changes a member's role.",
            "MemberAnswer",
            vec![TOPIC, &[Some("TOPIC_FULL")]],
        )
        .with_body("GiveRole", false),
        Route::new(
            ("delete", "/platform/topics/{id}/members/{user}"),
            ("dropMember", TAG),
            "Removes any member from a topic.",
            "MemberAnswer",
            vec![TOPIC],
        ),
        Route::new(
            ("get", "/platform/users/{user}/ban"),
            ("seeBan", TAG),
            "Says whether a user is banned, until when and why.",
            "BanAnswer",
            vec![TOPIC],
        ),
        Route::new(
            ("put", "/platform/users/{user}/ban"),
            ("ban", TAG),
            "Bans a user, and ends the user's connections. It replaces an earlier ban. Without `until` the ban has no end.",
            "BanAnswer",
            vec![TOPIC, BODY],
        )
        .with_body("Ban", false),
        Route::new(
            ("delete", "/platform/users/{user}/ban"),
            ("unban", TAG),
            "Ends the ban of a user.",
            "BanAnswer",
            vec![TOPIC],
        ),
        Route::new(
            ("post", "/platform/users/{user}/revoke"),
            ("revoke", TAG),
            "Revokes the user's tokens on all sites, and ends the user's connections there. A token is accepted if its `iat` is not before `revoked`, \
                which is the next whole second: issue the next token then.",
            "Revoked",
            vec![TOPIC],
        ),
        Route::new(
            ("get", "/platform/users/{user}/export"),
            ("export", TAG),
            "Everything of a user, one JSON object in a line. While there is a next page, the header `Link` has its address with `rel=\"next\"`. A \
                conversation in which something happens meanwhile can come twice.",
            "ExportLine",
            vec![TOPIC],
        )
        .taking([query("after", "The place that `Link` gives.", text())]),
        Route::new(
            ("post", "/platform/users/{user}/erase"),
            ("erase", TAG),
            "Begins to remove a user from this site, revokes the user's tokens there and ends the user's connections. Repeated while it is under way, it \
                answers the same job. Delete the user on your platform first: a new token begins a new user.",
            "Erasure",
            vec![TOPIC, BODY],
        )
        .with_body("Erase", false),
        Route::new(
            ("get", "/platform/users/{user}/erase"),
            ("seeErasure", TAG),
            "How far the erasure of a user is. It is known for 30 days after its end.",
            "Erasure",
            vec![TOPIC],
        ),
        Route::new(
            ("get", "/platform/reports"),
            ("reports", TAG),
            "Lists reports, the newest first, each with the message as it was then.",
            "ReportsAnswer",
            vec![&[Some("INVALID_PAGE")]],
        )
        .taking([limit()])
        .taking([
            query("state", "Only reports in this state; all without it.", one_of(&["open", "resolved"])),
            query("after", "The `next` of a page.", named("Place")),
        ]),
        Route::new(
            ("post", "/platform/reports/{id}/resolve"),
            ("resolve", TAG),
            "Resolves a report. A repetition changes nothing, and gets the first resolution.",
            "ReportOfUser",
            vec![BODY],
        )
        .with_body("Resolve", false),
        Route::new(
            ("post", "/platform/users/{user}/profile-changed"),
            ("profileChanged", TAG),
            "Says that the user's profile has changed. After `within_ms` nobody sees the old one.",
            "ProfileChanged",
            vec![TOPIC],
        ),
    ]
}

pub(super) fn schemas() -> [Property; 13] {
    let send = json!({"allOf": [
        named("Send"),
        {"properties": {"system": {"type": ["boolean", "null"], "description": "The platform itself is the author, not the user."}}},
    ]});
    let time = json!({"type": ["integer", "string", "null"], "minimum": 0});
    let ban = open(
        [],
        [
            (
                "until",
                about("When it ends: ISO 8601 with its offset, or ms since 1970.", time),
            ),
            (
                "reason",
                about(
                    "Only the platform sees it. At most 500 bytes.",
                    json!({"type": ["string", "null"], "maxLength": 500}),
                ),
            ),
        ],
    );
    let banned = closed(
        [("id", named("Id")), ("banned", boolean())],
        [
            ("until", about("Absent if the ban has no end.", named("Timestamp"))),
            ("reason", text()),
        ],
    );
    let revoked = closed(
        [
            ("id", named("Id")),
            (
                "revoked",
                about("Tokens that were issued earlier are refused.", named("Timestamp")),
            ),
        ],
        [],
    );
    let changed = closed([("id", named("Id")), ("within_ms", whole(0))], []);
    let mode = || {
        about(
            "`keep` leaves direct conversations to the other side, with the user's id in their name only; `remove` takes them away for both.",
            one_of(&["keep", "remove"]),
        )
    };
    let erase = open([], [("conversations", mode())]);
    let erasure = closed(
        [
            ("job", text()),
            ("state", one_of(&["queued", "running", "done"])),
            ("conversations", mode()),
        ],
        [],
    );
    let key = || ("key", about("The conversation.", text()));
    let kind = |name: &'static str| ("type", exactly(name));
    let banned_user = [
        ("until", about("Absent if the ban has no end.", named("Timestamp"))),
        ("reason", text()),
    ];
    let line = json!({"anyOf": [
        closed([kind("user"), ("id", named("Id")), ("banned", boolean())], banned_user),
        closed([kind("block"), ("id", named("Id")), ("since", named("Timestamp"))], []),
        closed([kind("conversation"), key(), ("entry", named("InboxEntry"))], []),
        closed([kind("message"), key(), ("entry", named("Message"))], []),
        closed([kind("reaction"), key(), ("message_id", named("MessageId")), ("reaction", text())], []),
        closed(
            [
                kind("report"),
                key(),
                ("id", text()),
                ("reported", named("Timestamp")),
                ("reason", text()),
                ("message_id", or_null(named("MessageId"))),
            ],
            [],
        ),
    ]});
    let bare = closed(
        [
            ("id", named("MessageId")),
            ("author", named("Id")),
            ("timestamp", named("Timestamp")),
            ("seq", named("Position")),
            ("rev", named("Revision")),
        ],
        [("deleted", exactly(true))],
    );
    let record = closed(
        [
            ("state", named("State")),
            (
                "entries",
                list(json!({"anyOf": [named("Message"), named("BareMessage")]})),
            ),
            (
                "next",
                about("Give it as `after`; null at the oldest.", or_null(named("MessageId"))),
            ),
        ],
        [(
            "earlier",
            about(
                "Earlier versions of these messages, the oldest first, if the site keeps them.",
                list(closed(
                    [("id", named("MessageId")), ("versions", list(named("Message")))],
                    [],
                )),
            ),
        )],
    );
    let resolved = closed(
        [
            ("epoch", whole(0)),
            ("iso", json!({"type": "string", "format": "date-time"})),
        ],
        [("note", text())],
    );
    let place = closed(
        [("target", one_of(&["user", "topic"])), ("a", named("Id"))],
        [("b", named("Id"))],
    );
    let report = closed(
        [
            ("id", text()),
            ("reported", named("Timestamp")),
            ("reporter", named("Id")),
            ("reason", text()),
            ("conversation", about("`b` only in a direct conversation.", place)),
            (
                "message",
                about("As it was when the user reported it.", or_null(named("Message"))),
            ),
            (
                "earlier",
                about("Its earlier versions, if the site keeps them.", list(named("Message"))),
            ),
            ("resolved", about("Null while the report is open.", or_null(resolved))),
        ],
        [(
            "deleted",
            about("The message was deleted before the report.", exactly(true)),
        )],
    );
    let next = about("Give it as `after`; null at the end.", or_null(named("Place")));
    let reports = closed([("entries", list(named("ReportOfUser"))), ("next", next)], []);
    let note = about(
        "1 to 1,000 bytes of UTF-8, with one visible character.",
        json!({"type": ["string", "null"], "maxLength": 1000}),
    );
    let example =
        json!({"id": MESSAGE_ID, "author": 1, "timestamp": timestamp(), "seq": 7, "rev": 12, "deleted": true});
    [
        (
            "SendAs",
            like(json!({"type": "text", "text": "Your parcel is on its way"}), send),
        ),
        (
            "Ban",
            like(json!({"until": "2030-01-31T12:00:00Z", "reason": "spam"}), ban),
        ),
        (
            "BanAnswer",
            like(
                json!({"id": 7, "banned": true, "until": timestamp(), "reason": "spam"}),
                banned,
            ),
        ),
        ("Revoked", like(json!({"id": 7, "revoked": timestamp()}), revoked)),
        ("Erase", like(json!({"conversations": "remove"}), erase)),
        (
            "Erasure",
            like(
                json!({"job": "0192f0e47d00407abc800192f0e47d00", "state": "queued", "conversations": "keep"}),
                erasure,
            ),
        ),
        ("ExportLine", line),
        ("ProfileChanged", like(json!({"id": 7, "within_ms": 10_000}), changed)),
        (
            "BareMessage",
            about(
                "A message that was deleted, or that a newer release has written.",
                like(example, bare),
            ),
        ),
        ("RecordAnswer", record),
        ("ReportOfUser", report),
        ("ReportsAnswer", reports),
        ("Resolve", like(json!({"note": "warned"}), open([], [("note", note)]))),
    ]
}
