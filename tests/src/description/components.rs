//! The schemas that both descriptions share: what a conversation, a message, an inbox and a member look like.

use serde_json::{Map, Value, json};

use super::schema::{
    NUMBER_MAX, Property, about, boolean, closed, exactly, like, named, one_of, or_null, short_list, whole,
};
use super::{bodies, errors};

/// Every shared schema, by name.
pub(super) fn schemas() -> Map<String, Value> {
    let parts = [
        basics(),
        messages(),
        inboxes(),
        people(),
        bodies::requests(),
        bodies::answers(),
    ];
    let all = parts.into_iter().flatten();
    all.map(|(name, schema)| (name.to_owned(), schema)).collect()
}

/// The examples.
pub(super) const MESSAGE_ID: &str = "0192f0e4-7d00-7abc-8def-000000000007";
pub(super) const CURSOR: &str = "AAAAAGcX3uMAAAAAAAAF";

pub(super) fn timestamp() -> Value {
    json!({"epoch": 1_730_000_000_000_u64, "iso": "2024-10-27T03:33:20.000Z"})
}

pub(super) fn message() -> Value {
    json!({
        "id": MESSAGE_ID, "author": 1, "timestamp": timestamp(), "type": "text", "text": "Hello", "seq": 7, "rev": 12,
        "client_id": "a1", "metadata": {"draft": 3}, "mentions": [2],
        "reactions": [{"reaction": "+1", "count": 1, "users": [2], "mine": false}],
    })
}

pub(super) fn state() -> Value {
    json!({"key": "myplatform:dm:1-2", "inbox_key": "user-2", "rev": 12, "prev_rev": 11})
}

pub(super) fn entry() -> Value {
    json!({
        "type": "user", "id": 2, "latest": message(), "timestamp": timestamp(), "unread": 3, "mentioned": 0,
        "read": {"seq": 4}, "rev": 12, "pinned": true,
    })
}

fn basics() -> Vec<Property> {
    let id = json!({
        "description": "The platform's id of a user or topic: a whole number, or a string. `5` and `\"5\"` are one id, which is answered as a \
            number; a longer string of digits stays a string. No leading zeros.",
        "oneOf": [
            {"type": "integer", "minimum": 0, "maximum": NUMBER_MAX},
            {"type": "string", "pattern": "^[A-Za-z0-9_.:@~+=|-]{1,64}$"},
        ],
    });
    let message_id = json!({
        "type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
        "description": "The id of a message.",
    });
    let message_name = json!({
        "type": "string", "format": "uuid", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        "description": "The id of a message. Updates, deletions and reactions also take the id that the message had in the Node.js server before \
            Senna, if it was taken over from there.",
    });
    let cursor = json!({
        "type": "string", "pattern": "^[A-Za-z0-9_-]{1,64}$",
        "description": "A place in all that a user was told. Opaque: compare for equality, keep, give back.",
    });
    let instant = closed(
        [
            ("epoch", about("Milliseconds since 1970.", whole(0))),
            (
                "iso",
                json!({"type": "string", "format": "date-time", "pattern": "^\\d{4,}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$"}),
            ),
        ],
        [],
    );
    let state_schema = closed(
        [
            (
                "key",
                about(
                    "The conversation, the same for all its participants.",
                    json!({"type": "string", "pattern": "^[^:]+:(dm|topic):.+$"}),
                ),
            ),
            (
                "inbox_key",
                about(
                    "The conversation as this user names it.",
                    json!({"type": "string", "pattern": "^(user|topic)-.+$"}),
                ),
            ),
        ],
        [
            (
                "rev",
                about(
                    "The conversation's revision. Absent where nothing of the conversation changed.",
                    named("Revision"),
                ),
            ),
            (
                "prev_rev",
                about(
                    "The revision before it: who does not know it has missed something.",
                    named("Revision"),
                ),
            ),
        ],
    );
    vec![
        ("Id", like(json!(5), id)),
        (
            "Target",
            about(
                "A direct conversation with a user, or a topic.",
                one_of(&["user", "topic"]),
            ),
        ),
        ("MessageId", like(json!(MESSAGE_ID), message_id)),
        ("MessageName", like(json!(MESSAGE_ID), message_name)),
        ("Cursor", like(json!(CURSOR), cursor)),
        (
            "Revision",
            about("A number that grows with every change of a conversation.", whole(0)),
        ),
        (
            "Position",
            about(
                "The place of a message in its conversation: 1, 2, 3 …; 0 is before the first.",
                whole(0),
            ),
        ),
        ("Timestamp", about("One instant, twice.", like(timestamp(), instant))),
        (
            "State",
            about("Which conversation, and as of when.", like(state(), state_schema)),
        ),
        ("Error", errors::schema()),
        ("GatewayError", errors::of_gateway()),
    ]
}

/// A message with this in place of its author. It has a text or an image, as its type says.
fn message_by(author: Value) -> Value {
    let mut message = closed(
        [
            ("id", named("MessageId")),
            ("author", author),
            ("timestamp", named("Timestamp")),
            ("type", one_of(&["text", "image"])),
            ("seq", named("Position")),
            (
                "rev",
                about(
                    "The revision that last changed it: of two states of one message the higher is the newer.",
                    named("Revision"),
                ),
            ),
        ],
        [
            ("text", json!({"type": "string", "minLength": 1})),
            ("image", json!({"type": "string", "pattern": "^https://"})),
            ("edited", named("Timestamp")),
            (
                "status",
                about(
                    "The other side of a direct conversation has read up to here.",
                    exactly("seen"),
                ),
            ),
            (
                "metadata",
                about("What the author added for programs.", json!({"type": "object"})),
            ),
            (
                "client_id",
                about(
                    "The author's own name for it, shown to the author alone.",
                    named("RetryKey"),
                ),
            ),
            ("reply_to", named("Quote")),
            ("mentions", short_list(named("Id"), 20)),
            ("reactions", short_list(named("Reaction"), 20)),
            (
                "system",
                about(
                    "The platform itself wrote it: its author `senna:system` is not a user, and has no profile.",
                    exactly(true),
                ),
            ),
        ],
    );
    let with = |kind: &str, other: &str| json!({"properties": {"type": {"const": kind}, kind: {}, other: false}, "required": [kind]});
    message["oneOf"] = json!([with("text", "image"), with("image", "text")]);
    message
}

fn messages() -> Vec<Property> {
    let quoted = closed(
        [
            ("id", named("MessageId")),
            ("seq", named("Position")),
            ("rev", named("Revision")),
            ("author", named("Id")),
            ("type", one_of(&["text", "image"])),
            (
                "excerpt",
                about("The first 100 characters of a text.", json!({"type": "string"})),
            ),
        ],
        [],
    );
    let deleted = closed(
        [
            ("id", named("MessageId")),
            ("seq", named("Position")),
            ("deleted", exactly(true)),
        ],
        [],
    );
    let deleted_at = closed(
        [
            ("id", named("MessageId")),
            ("seq", named("Position")),
            ("rev", named("Revision")),
        ],
        [],
    );
    let reaction = closed(
        [
            ("reaction", named("ReactionText")),
            ("count", whole(1)),
            ("users", about("The newest ten.", short_list(named("Id"), 10))),
            ("mine", boolean()),
        ],
        [],
    );
    let reaction_text = json!({
        "type": "string", "minLength": 1, "maxLength": 32,
        "description": "1 to 32 bytes of printable characters other than `/`, and neither `.` nor `..`.",
    });
    let retry_key = json!({
        "type": "string", "minLength": 1, "maxLength": 64,
        "description": "1 to 64 printable characters. Within a day a write with a key is done once, however often it is sent.",
    });
    let gone = json!({"id": MESSAGE_ID, "seq": 7, "deleted": true});
    vec![
        (
            "Message",
            about(
                "A message, with the id of its author.",
                like(message(), message_by(named("Id"))),
            ),
        ),
        (
            "MessageOfProfile",
            about(
                "A message, with what the platform says about its author.",
                message_by(named("UserProfile")),
            ),
        ),
        ("DeletedMessage", like(gone.clone(), deleted)),
        (
            "DeletedAt",
            about("A message that is deleted, and since which revision.", deleted_at),
        ),
        (
            "Quote",
            json!({
                "description": "The message that this one replies to, as of `rev`; or that it was deleted.",
                "anyOf": [quoted, named("DeletedMessage")],
                "examples": [gone],
            }),
        ),
        ("Reaction", about("One kind of reaction to a message.", reaction)),
        ("ReactionText", like(json!("+1"), reaction_text)),
        ("RetryKey", like(json!("a1"), retry_key)),
    ]
}

/// An inbox entry with such a timestamp; `enriched` with what the platform says of the other side.
fn entry_with(timestamp: Value, enriched: bool) -> Value {
    let settled = || exactly(true);
    let mut entry = closed(
        [
            ("type", named("Target")),
            ("id", named("Id")),
            (
                "latest",
                about("The newest message, without its reactions.", or_null(named("Message"))),
            ),
            ("timestamp", about("Of the last activity.", timestamp)),
            ("unread", whole(0)),
            (
                "mentioned",
                about("The number of unread messages that mention you.", whole(0)),
            ),
            ("read", named("ReadSeq")),
            ("rev", named("Revision")),
        ],
        [
            ("muted", settled()),
            ("hidden", settled()),
            ("pinned", settled()),
            (
                "left",
                about(
                    "One is no member any more, or all messages of the direct conversation were too old and were removed.",
                    settled(),
                ),
            ),
        ],
    );
    if enriched {
        entry["properties"]["user"] = named("UserProfile");
        entry["properties"]["topic"] = named("TopicProfile");
        let with = |kind: &str, other: &str| json!({"properties": {"type": {"const": kind}, kind: {}, other: false}, "required": [kind]});
        entry["oneOf"] = json!([with("user", "topic"), with("topic", "user")]);
    }
    entry
}

fn inboxes() -> Vec<Property> {
    let mut enriched = entry();
    enriched["user"] = json!({"id": 2, "username": "bob"});
    let mut plain = entry();
    plain["timestamp"] = json!(1_730_000_000_000_u64);
    vec![
        (
            "InboxEntry",
            about(
                "A conversation in an inbox.",
                like(entry(), entry_with(named("Timestamp"), false)),
            ),
        ),
        (
            "ListedEntry",
            about(
                "A conversation in an inbox, with what the platform says of the other side.",
                like(enriched, entry_with(named("Timestamp"), true)),
            ),
        ),
        (
            "PlainEntry",
            about(
                "A conversation in an inbox, with its time in milliseconds.",
                like(plain, entry_with(whole(0), false)),
            ),
        ),
    ]
}

fn people() -> Vec<Property> {
    let anything = || json!({});
    let unknown = || about("The platform does not know this id.", exactly(true));
    let user = closed(
        [("id", named("Id"))],
        [
            ("username", anything()),
            ("role", anything()),
            ("picture_url", anything()),
            ("profile_url", anything()),
            ("unknown", unknown()),
        ],
    );
    let topic = closed(
        [("id", named("Id"))],
        [
            ("title", anything()),
            ("status", anything()),
            ("cover_image_thumbnail", anything()),
            ("unknown", unknown()),
        ],
    );
    let presence = closed(
        [
            ("id", named("Id")),
            ("online", boolean()),
            ("last_active", or_null(named("Timestamp"))),
        ],
        [],
    );
    let member = closed(
        [("id", named("Id")), ("role", named("Role")), ("read", named("ReadSeq"))],
        [("joined", about("Absent of who was no member.", named("Timestamp")))],
    );
    let words = "as the platform gives it. In its place `{\"id\"}` when the platform is silent, with `unknown` for an id that it does not know.";
    let seq = closed([("seq", named("Position"))], []);
    vec![
        (
            "UserProfile",
            about(
                &format!("A user {words}"),
                like(json!({"id": 2, "username": "bob"}), user),
            ),
        ),
        (
            "TopicProfile",
            about(
                &format!("A topic {words}"),
                like(json!({"id": 10, "title": "Cats"}), topic),
            ),
        ),
        (
            "Presence",
            about(
                "Whether a user is there. Of users whom you may not see, `online` is false and `last_active` null.",
                like(json!({"id": 2, "online": true, "last_active": timestamp()}), presence),
            ),
        ),
        (
            "Member",
            about(
                "A member of a topic.",
                like(
                    json!({"id": 2, "role": "member", "joined": timestamp(), "read": {"seq": 4}}),
                    member,
                ),
            ),
        ),
        (
            "ReadSeq",
            about("How far somebody has read.", like(json!({"seq": 4}), seq)),
        ),
    ]
}
