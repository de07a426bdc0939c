//! The errors of the contract, and how they look.

use serde_json::{Value, json};

use super::schema::{about, closed, exactly, like, named, text};

/// An error: its code (`null` for the answers that never had one), its status, the names that it has, and when it comes.
pub(super) struct Error {
    pub(super) code: Option<&'static str>,
    pub(super) status: u16,
    names: &'static [&'static str],
    pub(super) when: &'static str,
}

const fn error(status: u16, code: &'static str, names: &'static [&'static str], when: &'static str) -> Error {
    Error {
        code: Some(code),
        status,
        names,
        when,
    }
}

const ARGUMENT: &[&str] = &["ArgumentError"];
const CONFLICT: &[&str] = &["ConflictError"];
const FORBIDDEN: &[&str] = &["ForbiddenError"];
const NO_USER: &[&str] = &["UnauthenticatedError"];
const TOO_LARGE: &[&str] = &["PayloadTooLargeError"];
const TOO_MANY: &[&str] = &["TooManyRequestsError"];
const BAD_TOKEN: &[&str] = &[
    "JsonWebTokenError",
    "TokenExpiredError",
    "NotBeforeError",
    "UnauthenticatedError",
];

/// All of them. A test holds them against the table in `shared/src/error.rs`.
pub(super) const ERRORS: [Error; 42] = [
    Error {
        code: None,
        status: 400,
        names: ARGUMENT,
        when: "the text or image is missing, or nothing that can be changed was given",
    },
    error(
        400,
        "MESSAGES_INVALID_TARGET",
        ARGUMENT,
        "the target is neither `user` nor `topic`",
    ),
    error(
        400,
        "MESSAGES_INVALID_TYPE",
        ARGUMENT,
        "the type is neither `text` nor `image`",
    ),
    error(400, "INVALID_ID", ARGUMENT, "an id is invalid"),
    error(
        400,
        "INVALID_PAGE",
        ARGUMENT,
        "a page number or size is out of range, or a cursor is invalid",
    ),
    error(
        400,
        "INVALID_FIELD",
        ARGUMENT,
        "a property or parameter has the wrong type or value",
    ),
    error(
        400,
        "INVALID_JSON",
        ARGUMENT,
        "the body or frame is not a JSON object in UTF-8",
    ),
    error(400, "DUPLICATE_KEY", ARGUMENT, "an object has the same key twice"),
    error(
        400,
        "FORBIDDEN_KEY",
        ARGUMENT,
        "the metadata has the key `__proto__`, `constructor` or `prototype`",
    ),
    error(400, "INVALID_TEXT", ARGUMENT, "the text has no visible character"),
    error(
        400,
        "INVALID_IMAGE",
        ARGUMENT,
        "the image is not an `https://` address with a host and without a user, or was not uploaded",
    ),
    error(
        400,
        "INVALID_CLIENT_ID",
        ARGUMENT,
        "the retry key is not 1 to 64 printable characters",
    ),
    error(400, "INVALID_REACTION", ARGUMENT, "the reaction is invalid"),
    error(
        400,
        "INVALID_FRAME_ID",
        ARGUMENT,
        "the `id` of a frame is neither a short string nor a number",
    ),
    error(400, "UNKNOWN_ACTION", ARGUMENT, "there is no such action"),
    error(401, "NOT_AUTHENTICATED", NO_USER, "the token is missing"),
    error(401, "INVALID_TOKEN_ERR", BAD_TOKEN, "the token is invalid or expired"),
    error(
        401,
        "INVALID_PLATFORM_KEY",
        NO_USER,
        "the key of the platform's server is missing or wrong",
    ),
    error(
        401,
        "CONNECTION_UNKNOWN",
        NO_USER,
        "the connection is not known any more: connect again",
    ),
    error(
        401,
        "TOKEN_EXPIRED",
        &["TokenExpiredError"],
        "the token of the connection has expired: send `hello` with a fresh one",
    ),
    error(401, "TOKEN_REVOKED", NO_USER, "the token was revoked: log in again"),
    error(403, "BANNED", FORBIDDEN, "you are banned"),
    error(
        403,
        "FORBIDDEN",
        FORBIDDEN,
        "the message belongs to another user, or your role does not allow it",
    ),
    error(
        403,
        "ORIGIN_NOT_ALLOWED",
        FORBIDDEN,
        "a page of this origin may not open a connection",
    ),
    error(403, "NOT_A_MEMBER", FORBIDDEN, "only members of the topic may do that"),
    error(
        403,
        "NOT_ACCEPTED",
        FORBIDDEN,
        "the other side of the direct conversation has blocked you",
    ),
    error(
        404,
        "NOT_FOUND",
        &["NotFound", "RouteNotFoundError"],
        "there is no such message, conversation or route",
    ),
    error(404, "UPLOADS_OFF", &["NotFound"], "images cannot be uploaded here"),
    error(
        409,
        "RETRY_KEY_REUSED",
        CONFLICT,
        "the retry key was used for other content",
    ),
    error(
        409,
        "TOPIC_FULL",
        CONFLICT,
        "the topic has as many members as it can have",
    ),
    error(
        409,
        "TOO_MANY_REACTIONS",
        CONFLICT,
        "the message has as many reactions as it can have",
    ),
    error(
        409,
        "TOO_MANY_EDITS",
        CONFLICT,
        "the message was edited as often as it can be where its versions are kept",
    ),
    error(
        409,
        "TOO_MANY_BLOCKS",
        CONFLICT,
        "you have blocked as many users as you can",
    ),
    error(
        409,
        "TOO_MANY_REPORTS",
        CONFLICT,
        "the site has as many open reports as it can have",
    ),
    error(413, "BODY_TOO_LARGE", TOO_LARGE, "the body is longer than 64 KiB"),
    error(
        413,
        "TEXT_TOO_LARGE",
        TOO_LARGE,
        "the text is longer than 16 KiB of UTF-8, or too long when it is written as JSON",
    ),
    error(
        413,
        "IMAGE_TOO_LARGE",
        TOO_LARGE,
        "the address of the image is longer than 2 KiB",
    ),
    error(
        413,
        "METADATA_TOO_LARGE",
        TOO_LARGE,
        "the metadata is longer than 4 KiB of JSON",
    ),
    error(413, "UPLOAD_TOO_LARGE", TOO_LARGE, "the image is longer than it may be"),
    error(
        415,
        "BODY_COMPRESSED",
        &["UnsupportedMediaTypeError"],
        "the body is compressed",
    ),
    error(
        429,
        "RATE_LIMITED",
        TOO_MANY,
        "too many requests: `retry_after` says when to try again",
    ),
    error(
        503,
        "UNAVAILABLE",
        &["UnavailableError"],
        "the store or the platform's key set did not answer: try again",
    ),
];

/// An error as it is answered, with every code that there is.
pub(super) fn schema() -> Value {
    let codes: Vec<_> = ERRORS.iter().map(|error| error.code).collect();
    let mut names: Vec<_> = ERRORS.iter().flat_map(|error| error.names).collect();
    names.sort_unstable();
    names.dedup();
    let mut statuses: Vec<_> = ERRORS.iter().map(|error| error.status).collect();
    statuses.sort_unstable();
    statuses.dedup();
    let table = ERRORS.iter().map(|error| {
        let (code, status, when) = (error.code.unwrap_or("null"), error.status, error.when);
        format!("- `{code}` ({status}): {when}")
    });
    let words = format!(
        "What went wrong. Go by `code`; `message` is for people and may change.\n\n{}",
        table.collect::<Vec<_>>().join("\n")
    );
    let object = closed(
        [
            ("error", exactly(true)),
            ("code", json!({"enum": codes})),
            ("name", json!({"type": "string", "enum": names})),
            ("message", text()),
            (
                "status",
                about(
                    "The status of the HTTP answer.",
                    json!({"type": "integer", "enum": statuses}),
                ),
            ),
            (
                "request_id",
                about(
                    "The request has this id in the logs.",
                    json!({"type": "string", "minLength": 1}),
                ),
            ),
        ],
        [(
            "retry_after",
            about(
                "With `RATE_LIMITED`: how many seconds to wait before the next try. The header `Retry-After` of the answer says the same.",
                json!({"type": "integer", "minimum": 1}),
            ),
        )],
    );
    let example = json!({
        "error": true, "code": "NOT_FOUND", "name": "NotFound", "message": "Message not found", "status": 404,
        "request_id": "2f0d2f6e-6c7b-4c0e-9a57-0d3f6a4f3a52",
    });
    about(&words, like(example, object))
}

/// An error with this status and one of these codes.
pub(super) fn answered(status: u16, codes: &[Option<&str>]) -> Value {
    json!({"allOf": [
        named("Error"),
        {"type": "object", "properties": {"code": {"enum": codes}, "status": {"const": status}}},
    ]})
}

/// What API Gateway says in our place.
pub(super) fn of_gateway() -> Value {
    let object = closed([("message", text())], []);
    let words = "API Gateway answers this by itself: the request was too large, or a function failed or was too slow.";
    about(words, like(json!({"message": "Service Unavailable"}), object))
}
