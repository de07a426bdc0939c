//! What clients send and are answered over both REST and the WebSocket.

use serde_json::json;

use super::components::{CURSOR, MESSAGE_ID, entry, message, state};
use super::schema::{
    Property, about, boolean, closed, exactly, like, list, named, one_of, open, or_null, short_list, text, whole,
};

/// What clients send. Other properties are left alone, and null is as good as absent.
pub(super) fn requests() -> Vec<Property> {
    let content = || {
        [
            (
                "text",
                about(
                    "At most 16 KiB of UTF-8, with one visible character.",
                    json!({"type": ["string", "null"], "maxLength": 16_384}),
                ),
            ),
            (
                "image",
                about(
                    "An `https://` address with a host and without a user, at most 2 KiB.",
                    json!({"type": ["string", "null"], "maxLength": 2048}),
                ),
            ),
            (
                "metadata",
                about("At most 4 KiB of JSON.", json!({"type": ["object", "null"]})),
            ),
            ("client_id", or_null(named("RetryKey"))),
        ]
    };
    let [text, image, metadata, client_id] = content();
    let mut send = open(
        [("type", one_of(&["text", "image"]))],
        [
            text,
            image,
            metadata,
            client_id,
            (
                "reply_to",
                about("A message of this conversation.", or_null(named("MessageId"))),
            ),
            (
                "mentions",
                about(
                    "Participants of this conversation.",
                    or_null(short_list(named("Id"), 20)),
                ),
            ),
        ],
    );
    let with =
        |kind: &str| json!({"properties": {"type": {"const": kind}, kind: {"type": "string"}}, "required": [kind]});
    send["oneOf"] = json!([with("text"), with("image")]);
    let [text, image, metadata, client_id] = content();
    let update = open(
        [],
        [
            text,
            image,
            metadata,
            client_id,
            (
                "status",
                about(
                    "`seen`: the other side's messages are read up to this one. Beside a change of content anything is taken, and left alone.",
                    json!({}),
                ),
            ),
        ],
    );
    let switch = || json!({"type": ["boolean", "null"]});
    let settings = open([], [("muted", switch()), ("hidden", switch()), ("pinned", switch())]);
    let role = one_of(&["member", "moderator", "owner"]);
    vec![
        (
            "Send",
            about(
                "A message to send: a text or an image.",
                like(json!({"type": "text", "text": "Hello", "client_id": "a1"}), send),
            ),
        ),
        (
            "Update",
            about(
                "What changes of a message.",
                like(json!({"text": "Hello again"}), update),
            ),
        ),
        (
            "MarkRead",
            about(
                "Up to where; without it, up to the newest.",
                like(
                    json!({"up_to": MESSAGE_ID}),
                    open([], [("up_to", or_null(named("MessageId")))]),
                ),
            ),
        ),
        (
            "Settings",
            about(
                "What changes of the conversation in your inbox; at least one of them.",
                like(json!({"muted": true}), settings),
            ),
        ),
        (
            "Report",
            about(
                "The reason of the report.",
                like(
                    json!({"reason": "spam"}),
                    open(
                        [(
                            "reason",
                            about(
                                "1 to 1,000 bytes of UTF-8, with one visible character.",
                                json!({"type": "string", "minLength": 1, "maxLength": 1000}),
                            ),
                        )],
                        [],
                    ),
                ),
            ),
        ),
        ("Role", role),
        (
            "GiveRole",
            about(
                "The role that the member gets.",
                like(
                    json!({"role": "moderator"}),
                    open([], [("role", or_null(named("Role")))]),
                ),
            ),
        ),
    ]
}

/// The answers that REST and the WebSocket have in common.
pub(super) fn answers() -> Vec<Property> {
    let entry_answer = closed([("state", named("State")), ("entry", or_null(named("Message")))], []);
    let deleted = closed(
        [
            ("state", named("State")),
            ("message", text()),
            ("success", exactly(true)),
        ],
        [],
    );
    let read = closed(
        [
            ("up_to", or_null(named("MessageId"))),
            ("seq", named("Position")),
            ("unread", whole(0)),
            ("mentioned", whole(0)),
            (
                "unread_total",
                about("In all conversations that are not muted.", whole(0)),
            ),
        ],
        [],
    );
    let sync = closed(
        [
            ("user", named("Id")),
            ("cursor", named("Cursor")),
            (
                "recovered",
                about("False: the store was lost or set back, so load by REST.", boolean()),
            ),
            ("unread_total", whole(0)),
            ("entries", list(named("InboxEntry"))),
            ("more", about("Ask again from `cursor`.", boolean())),
        ],
        [("connection_id", about("Over the WebSocket alone.", text()))],
    );
    let changes = closed(
        [
            ("state", named("State")),
            ("messages", list(named("Message"))),
            ("deleted", list(named("DeletedAt"))),
            ("more", about("Ask again from `state.rev`.", boolean())),
        ],
        [
            (
                "read",
                about(
                    "How far the two of a direct conversation have read, by their ids.",
                    json!({"type": "object", "additionalProperties": named("Position")}),
                ),
            ),
            (
                "members",
                about("Members have come, left or got another role.", exactly(true)),
            ),
            (
                "reset",
                about("The conversation was set back, so load it anew.", exactly(true)),
            ),
        ],
    );
    let state_of = |rev: u64| json!({"key": "myplatform:dm:1-2", "inbox_key": "user-2", "rev": rev});
    vec![
        (
            "MessageAnswer",
            about(
                "The message as it is now.",
                like(json!({"state": state(), "entry": message()}), entry_answer),
            ),
        ),
        (
            "DeletedAnswer",
            like(
                json!({"state": state(), "message": "Message deleted", "success": true}),
                deleted,
            ),
        ),
        ("OwnRead", about("How far you have read, and what is left.", read)),
        (
            "ReadAnswer",
            like(
                json!({"state": state(), "read": {"up_to": MESSAGE_ID, "seq": 7, "unread": 0, "mentioned": 0, "unread_total": 2}}),
                closed([("state", named("State")), ("read", named("OwnRead"))], []),
            ),
        ),
        (
            "PresenceAnswer",
            like(
                json!({"entries": [{"id": 2, "online": false, "last_active": null}]}),
                closed([("entries", short_list(named("Presence"), 100))], []),
            ),
        ),
        (
            "SyncAnswer",
            about(
                "The inbox entries that changed, in the order of their last change.",
                like(
                    json!({"user": 1, "cursor": CURSOR, "recovered": true, "unread_total": 3, "entries": [entry()], "more": false}),
                    sync,
                ),
            ),
        ),
        (
            "ChangesAnswer",
            about(
                "The present state of every message that is newer than the revision, by `seq`.",
                like(
                    json!({"state": state_of(12), "messages": [message()], "deleted": [], "read": {"1": 7, "2": 4}, "more": false}),
                    changes,
                ),
            ),
        ),
    ]
}
