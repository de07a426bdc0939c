//! The one error that clients see. Its table is the contract: every code, name, status and text stands here and nowhere else.

use std::error::Error as StdError;
use std::fmt;

use chrono::{DateTime, SecondsFormat};
use thiserror::Error;

use crate::domain::limits::{BLOCKS_MAX, BODY_BYTES, FRAME_ID_BYTES, REPORTS_MAX, TYPING_EVERY_MS, VERSIONS_MAX};
use crate::domain::{
    InvalidId, InvalidMessage, InvalidPage, InvalidReaction, InvalidRetryKey, Refusal, TooManyReactions, Use,
};
use crate::ports::{GateError, StoreError, Unavailable};

/// What went wrong, in the words of the contract. `Display` is the text for the client; `row` is the table.
#[derive(Debug, Error)]
pub enum ApiError {
    /// No token came with the request.
    #[error("You are not authenticated")]
    NotAuthenticated,
    /// The token is no token.
    #[error("Your token is invalid - please check it and try again")]
    TokenMalformed,
    /// The token is signed by someone else, or with another algorithm.
    #[error("invalid signature")]
    TokenSignature,
    /// The token's `exp` has passed.
    #[error("jwt expired")]
    TokenExpired,
    /// The token's `nbf` has not come.
    #[error("jwt not active")]
    TokenNotActive,
    /// The token does not tell a user.
    #[error("Incorrect token - please try a different one")]
    TokenWithoutUser,
    /// The token was issued by another issuer, or for another audience.
    #[error("jwt {0} invalid")]
    TokenNotForUs(&'static str),
    /// The claim that names the token's user holds no id.
    #[error("Incorrect token - its {claim} {reason}")]
    TokenUserId {
        /// The claim.
        claim: String,
        /// What it must hold.
        reason: InvalidId,
    },
    /// A request for the platform's routes without one of the platform's keys.
    #[error("The platform key is missing or wrong")]
    PlatformKey,
    /// The token was issued before all tokens of its user were revoked.
    #[error("Your token was revoked - please log in again")]
    TokenRevoked,
    /// The user is banned, for ever or until this time, in milliseconds since 1970.
    #[error("You are banned{}", banned_until(*.0))]
    Banned(Option<u64>),
    /// A bucket of the user or of the connection is empty.
    #[error("too many {}: please try again in {} s", .kind.name(), whole_seconds(*.wait_ms))]
    RateLimited {
        /// The kind of use.
        kind: Use,
        /// How long to wait until the bucket has the tokens, in milliseconds.
        wait_ms: u64,
    },
    /// A WebSocket connection that the store does not know, as after its loss.
    #[error("This connection is not known any more - please connect again")]
    ConnectionUnknown,
    /// The token of a WebSocket connection is over.
    #[error("Your token has expired - please say hello with a fresh one")]
    ConnectionExpired,
    /// The page that opens a connection has an origin that is not in `SOCK_ALLOWED_ORIGINS`.
    #[error("Pages of the origin \"{0}\" may not connect here")]
    OriginNotAllowed(String),
    /// The target is neither `user` nor `topic`.
    #[error("Invalid target \"{0}\"")]
    InvalidTarget(String),
    /// Only a member of the topic may do that.
    #[error("You are not a member of this topic")]
    NotAMember,
    /// The user's token does not name the topic, and must.
    #[error("Your token does not name this topic")]
    TopicNotInToken,
    /// The topic has as many members as it can have.
    #[error("this topic has {0} members, the limit")]
    TopicFull(u64),
    /// The text is not a reaction.
    #[error("reaction {0}")]
    InvalidReaction(#[from] InvalidReaction),
    /// The message has as many reactions as it can have.
    #[error(transparent)]
    TooManyReactions(#[from] TooManyReactions),
    /// The connection says too often that its user types.
    #[error("typing is taken every {TYPING_EVERY_MS} ms - please try again in {0} ms")]
    TypingTooOften(u64),
    /// The message was edited [`VERSIONS_MAX`] times, and all its versions are kept.
    #[error("this message was edited {VERSIONS_MAX} times, the limit where its versions are kept")]
    TooManyEdits,
    /// The other side of a direct conversation has blocked the user.
    #[error("This user does not accept messages from you")]
    NotAccepted,
    /// The site has [`REPORTS_MAX`] open reports.
    #[error("this site has {REPORTS_MAX} open reports, the limit")]
    TooManyReports,
    /// The user has blocked [`BLOCKS_MAX`] others.
    #[error("you have blocked {BLOCKS_MAX} users, the limit")]
    TooManyBlocks,
    /// The inbox has no such conversation.
    #[error("Conversation not found")]
    ConversationNotFound,
    /// An id of a user or topic.
    #[error("{field} {reason}")]
    InvalidId {
        /// The parameter or property.
        field: &'static str,
        /// What it must be.
        reason: InvalidId,
    },
    /// A page that cannot be.
    #[error(transparent)]
    InvalidPage(#[from] InvalidPage),
    /// The type of a message is neither `text` nor `image`.
    #[error("Invalid type \"{0}\"")]
    InvalidType(String),
    /// The content of a message.
    #[error(transparent)]
    InvalidMessage(#[from] InvalidMessage),
    /// An update without anything that can be changed.
    #[error("No valid data was supplied")]
    NothingToChange,
    /// The name that a client gave a send.
    #[error("{field} {reason}")]
    InvalidRetryKey {
        /// The property or header.
        field: &'static str,
        /// What it must be.
        reason: InvalidRetryKey,
    },
    /// The retry key was used for another content.
    #[error("This client_id or Idempotency-Key was used for another content")]
    RetryKeyReused,
    /// A property of a body or frame has the wrong type or value.
    #[error("{field} must be {expected}")]
    InvalidField {
        /// The property.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A body or frame that is not a JSON object.
    #[error("the {0} must be a JSON object in UTF-8")]
    InvalidJson(&'static str),
    /// A body, a frame or metadata has a key twice, and readers would disagree which one counts.
    #[error("the {what} has the key \"{key}\" twice")]
    DuplicateKey {
        /// `body`, `frame` or `metadata`.
        what: &'static str,
        /// The key.
        key: String,
    },
    /// A key of metadata that JavaScript gives a meaning of its own.
    #[error("the metadata must not have the key \"{0}\", which JavaScript itself uses")]
    PrototypeKey(&'static str),
    /// A compressed body.
    #[error("the {0} is compressed, which is not taken - please send it as it is")]
    Compressed(&'static str),
    /// More than [`BODY_BYTES`].
    #[error("the body has {0} bytes, the limit is {BODY_BYTES}")]
    BodyTooLarge(usize),
    /// The `id` of a frame is no short string or number.
    #[error("id must be a string or a number of at most {FRAME_ID_BYTES} bytes of JSON")]
    InvalidFrameId,
    /// A frame asks for an action that does not exist.
    #[error("Unknown action \"{0}\"")]
    UnknownAction(String),
    /// There is no such message.
    #[error("Message not found")]
    MessageNotFound,
    /// No message that the user may read names the image.
    #[error("Image not found")]
    ImageNotFound,
    /// A message names an image that was not uploaded, or that has waited longer than a day.
    #[error("image was not uploaded, or more than a day ago - please upload it again")]
    ImageNotUploaded,
    /// An image has more bytes than it may have.
    #[error("bytes is {bytes}, the limit is {limit}")]
    UploadTooLarge {
        /// How many the client wants to upload.
        bytes: u64,
        /// How many it may upload.
        limit: u64,
    },
    /// The installation has no bucket.
    #[error("Images cannot be uploaded here: SOCK_UPLOADS_BUCKET is not set")]
    UploadsOff,
    /// There is no such report.
    #[error("Report not found")]
    ReportNotFound,
    /// Nobody has asked for the erasure of the user, or it was done more than 30 days ago.
    #[error("Erasure not found")]
    ErasureNotFound,
    /// There is no such route.
    #[error("Route not found - please check your URL and try again")]
    RouteNotFound,
    /// The caller did not write the message, marks an own message seen, or has a role in the topic that does not allow the request.
    #[error("{0}")]
    Forbidden(&'static str),
    /// Redis or the platform's key set did not answer.
    #[error("The service is unavailable at the moment - please try again")]
    Unavailable(#[from] Unavailable),
}

/// What clients see of an error beside its text.
struct Row {
    /// The stable word for programs; null in the answers that never had one.
    code: Option<&'static str>,
    /// The name of the error's class, as the clients of the first server know it.
    name: &'static str,
    /// The status of the HTTP answer, which error frames repeat.
    status: u16,
}

/// A row with a code.
const fn row(status: u16, code: &'static str, name: &'static str) -> Row {
    Row {
        code: Some(code),
        name,
        status,
    }
}

impl ApiError {
    /// The stable word for programs; null in the answers that never had one.
    pub fn code(&self) -> Option<&'static str> {
        self.row().code
    }

    /// The name of the error's class, as the clients of the first server know it.
    pub fn name(&self) -> &'static str {
        self.row().name
    }

    /// The status of the HTTP answer, which error frames repeat.
    pub fn status(&self) -> u16 {
        self.row().status
    }

    /// How long to wait before the next try, in whole seconds and at least one; `None` if waiting does not help, or if the time is not known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TypingTooOften(wait_ms) | Self::RateLimited { wait_ms, .. } => Some(whole_seconds(*wait_ms)),
            _ => None,
        }
    }

    /// The table of the contract.
    fn row(&self) -> Row {
        const ARGUMENT: &str = "ArgumentError";
        const TOO_LARGE: &str = "PayloadTooLargeError";
        const UNAUTHENTICATED: &str = "UnauthenticatedError";
        const BAD_TOKEN: &str = "INVALID_TOKEN_ERR";
        match self {
            Self::NotAuthenticated => row(401, "NOT_AUTHENTICATED", UNAUTHENTICATED),
            Self::TokenMalformed | Self::TokenSignature | Self::TokenNotForUs(_) => {
                row(401, BAD_TOKEN, "JsonWebTokenError")
            }
            Self::TokenExpired => row(401, BAD_TOKEN, "TokenExpiredError"),
            Self::TokenNotActive => row(401, BAD_TOKEN, "NotBeforeError"),
            Self::TokenWithoutUser | Self::TokenUserId { .. } => row(401, BAD_TOKEN, UNAUTHENTICATED),
            Self::PlatformKey => row(401, "INVALID_PLATFORM_KEY", UNAUTHENTICATED),
            Self::ConnectionUnknown => row(401, "CONNECTION_UNKNOWN", UNAUTHENTICATED),
            Self::ConnectionExpired => row(401, "TOKEN_EXPIRED", "TokenExpiredError"),
            Self::OriginNotAllowed(_) => row(403, "ORIGIN_NOT_ALLOWED", "ForbiddenError"),
            Self::InvalidTarget(_) => row(400, "MESSAGES_INVALID_TARGET", ARGUMENT),
            Self::NotAMember | Self::TopicNotInToken => row(403, "NOT_A_MEMBER", "ForbiddenError"),
            Self::TopicFull(_) => row(409, "TOPIC_FULL", "ConflictError"),
            Self::InvalidReaction(_) => row(400, "INVALID_REACTION", ARGUMENT),
            Self::TooManyReactions(_) => row(409, "TOO_MANY_REACTIONS", "ConflictError"),
            Self::TooManyEdits => row(409, "TOO_MANY_EDITS", "ConflictError"),
            Self::NotAccepted => row(403, "NOT_ACCEPTED", "ForbiddenError"),
            Self::TooManyReports => row(409, "TOO_MANY_REPORTS", "ConflictError"),
            Self::TooManyBlocks => row(409, "TOO_MANY_BLOCKS", "ConflictError"),
            Self::TypingTooOften(_) | Self::RateLimited { .. } => row(429, "RATE_LIMITED", "TooManyRequestsError"),
            Self::InvalidId { .. } => row(400, "INVALID_ID", ARGUMENT),
            Self::InvalidPage(_) => row(400, "INVALID_PAGE", ARGUMENT),
            Self::InvalidType(_) => row(400, "MESSAGES_INVALID_TYPE", ARGUMENT),
            Self::InvalidMessage(InvalidMessage::Missing(_)) | Self::NothingToChange => Row {
                code: None,
                name: ARGUMENT,
                status: 400,
            },
            Self::InvalidMessage(InvalidMessage::TextInvisible) => row(400, "INVALID_TEXT", ARGUMENT),
            Self::InvalidMessage(InvalidMessage::ImageNotHttps) | Self::ImageNotUploaded => {
                row(400, "INVALID_IMAGE", ARGUMENT)
            }
            Self::InvalidMessage(InvalidMessage::TextTooLong(_) | InvalidMessage::TextTooLongInJson(_)) => {
                row(413, "TEXT_TOO_LARGE", TOO_LARGE)
            }
            Self::InvalidMessage(InvalidMessage::ImageTooLong(_)) => row(413, "IMAGE_TOO_LARGE", TOO_LARGE),
            Self::UploadTooLarge { .. } => row(413, "UPLOAD_TOO_LARGE", TOO_LARGE),
            Self::UploadsOff => row(404, "UPLOADS_OFF", "NotFound"),
            Self::InvalidMessage(InvalidMessage::MetadataTooLarge(_)) => row(413, "METADATA_TOO_LARGE", TOO_LARGE),
            Self::InvalidRetryKey { .. } => row(400, "INVALID_CLIENT_ID", ARGUMENT),
            Self::InvalidField { .. } => row(400, "INVALID_FIELD", ARGUMENT),
            Self::InvalidJson(_) => row(400, "INVALID_JSON", ARGUMENT),
            Self::DuplicateKey { .. } => row(400, "DUPLICATE_KEY", ARGUMENT),
            Self::PrototypeKey(_) => row(400, "FORBIDDEN_KEY", ARGUMENT),
            Self::Compressed(_) => row(415, "BODY_COMPRESSED", "UnsupportedMediaTypeError"),
            Self::InvalidFrameId => row(400, "INVALID_FRAME_ID", ARGUMENT),
            Self::UnknownAction(_) => row(400, "UNKNOWN_ACTION", ARGUMENT),
            Self::Forbidden(_) => row(403, "FORBIDDEN", "ForbiddenError"),
            Self::MessageNotFound
            | Self::ConversationNotFound
            | Self::ReportNotFound
            | Self::ErasureNotFound
            | Self::ImageNotFound => row(404, "NOT_FOUND", "NotFound"),
            Self::RouteNotFound => row(404, "NOT_FOUND", "RouteNotFoundError"),
            Self::RetryKeyReused => row(409, "RETRY_KEY_REUSED", "ConflictError"),
            Self::BodyTooLarge(_) => row(413, "BODY_TOO_LARGE", TOO_LARGE),
            Self::TokenRevoked => row(401, "TOKEN_REVOKED", UNAUTHENTICATED),
            Self::Banned(_) => row(403, "BANNED", "ForbiddenError"),
            Self::Unavailable(_) => row(503, "UNAVAILABLE", "UnavailableError"),
        }
    }
}

/// Rounded up, and at least one.
fn whole_seconds(ms: u64) -> u64 {
    ms.div_ceil(1_000).max(1)
}

fn banned_until(until_ms: Option<u64>) -> String {
    let until = until_ms.and_then(|ms| DateTime::from_timestamp_millis(i64::try_from(ms).ok()?));
    until.map_or(String::new(), |until| {
        format!(" until {}", until.to_rfc3339_opts(SecondsFormat::Secs, true))
    })
}

impl From<GateError> for ApiError {
    fn from(error: GateError) -> Self {
        match error {
            GateError::Refused(Refusal::TooMany { kind, wait_ms }) => Self::RateLimited { kind, wait_ms },
            GateError::Refused(Refusal::Banned { until_ms }) => Self::Banned(until_ms),
            GateError::Refused(Refusal::Revoked) => Self::TokenRevoked,
            GateError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::MessageNotFound,
            StoreError::Forbidden => {
                Self::Forbidden("Only the author can change a message, and only others can mark it seen")
            }
            StoreError::NothingToChange => Self::NothingToChange,
            StoreError::RetryKeyReused => Self::RetryKeyReused,
            StoreError::NotAMember => Self::NotAMember,
            StoreError::RoleTooLow => Self::Forbidden("Your role in this topic does not allow that"),
            StoreError::TopicFull(limit) => Self::TopicFull(limit),
            StoreError::InvalidReply => Self::InvalidField {
                field: "reply_to",
                expected: "the id of a message of this conversation that was not deleted",
            },
            StoreError::InvalidMention => Self::InvalidField {
                field: "mentions",
                expected: "ids of participants of this conversation",
            },
            StoreError::TooManyReactions => TooManyReactions.into(),
            StoreError::TooManyEdits => Self::TooManyEdits,
            StoreError::NotAccepted => Self::NotAccepted,
            StoreError::TooManyBlocks => Self::TooManyBlocks,
            StoreError::TooManyReports => Self::TooManyReports,
            StoreError::OwnMessage => Self::Forbidden("You cannot report your own message"),
            StoreError::Unavailable(error) => Self::Unavailable(error),
        }
    }
}

/// An error with all its causes on one line. The JSON log would drop the causes of an error that it is given as such.
pub struct Chain<'a>(pub &'a (dyn StdError + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_shows_every_cause() {
        let error = Unavailable::new("redis", std::io::Error::other("connection refused"));
        assert_eq!(Chain(&error).to_string(), "redis is unavailable: connection refused");
    }
    /// The contract's table of errors: a change here is a change for clients.
    #[test]
    fn every_error_has_its_code_name_status_and_text() {
        let errors = [
            ApiError::NotAuthenticated,
            ApiError::TokenMalformed,
            ApiError::TokenSignature,
            ApiError::TokenExpired,
            ApiError::TokenNotActive,
            ApiError::TokenWithoutUser,
            ApiError::TokenNotForUs("audience"),
            ApiError::TokenUserId {
                claim: "user_id".to_owned(),
                reason: InvalidId::LeadingZeros,
            },
            ApiError::PlatformKey,
            ApiError::ConnectionUnknown,
            ApiError::ConnectionExpired,
            ApiError::OriginNotAllowed("https://evil.example".to_owned()),
            ApiError::TokenRevoked,
            ApiError::Banned(None),
            ApiError::Banned(Some(1_750_000_000_000)),
            ApiError::RateLimited {
                kind: Use::Sends,
                wait_ms: 2_001,
            },
            ApiError::InvalidTarget("villain".to_owned()),
            ApiError::NotAMember,
            ApiError::TopicNotInToken,
            ApiError::TopicFull(1_000),
            ApiError::InvalidReaction(InvalidReaction),
            ApiError::TooManyReactions(TooManyReactions),
            ApiError::TypingTooOften(350),
            ApiError::TooManyEdits,
            ApiError::NotAccepted,
            ApiError::TooManyBlocks,
            ApiError::TooManyReports,
            ApiError::from(StoreError::OwnMessage),
            ApiError::ConversationNotFound,
            ApiError::InvalidId {
                field: "target_id",
                reason: InvalidId::Text,
            },
            ApiError::InvalidPage(InvalidPage::PerPage),
            ApiError::InvalidType("link".to_owned()),
            ApiError::InvalidMessage(InvalidMessage::Missing("text")),
            ApiError::InvalidMessage(InvalidMessage::TextInvisible),
            ApiError::InvalidMessage(InvalidMessage::TextTooLong(20_000)),
            ApiError::InvalidMessage(InvalidMessage::TextTooLongInJson(30_000)),
            ApiError::InvalidMessage(InvalidMessage::ImageTooLong(3_000)),
            ApiError::InvalidMessage(InvalidMessage::ImageNotHttps),
            ApiError::InvalidMessage(InvalidMessage::MetadataTooLarge(5_000)),
            ApiError::NothingToChange,
            ApiError::InvalidRetryKey {
                field: "client_id",
                reason: InvalidRetryKey,
            },
            ApiError::RetryKeyReused,
            ApiError::InvalidField {
                field: "text",
                expected: "a string",
            },
            ApiError::InvalidJson("body"),
            ApiError::DuplicateKey {
                what: "body",
                key: "text".to_owned(),
            },
            ApiError::PrototypeKey("__proto__"),
            ApiError::Compressed("body"),
            ApiError::BodyTooLarge(70_000),
            ApiError::InvalidFrameId,
            ApiError::UnknownAction("dance".to_owned()),
            ApiError::MessageNotFound,
            ApiError::ReportNotFound,
            ApiError::ErasureNotFound,
            ApiError::RouteNotFound,
            ApiError::from(StoreError::Forbidden),
            ApiError::RetryKeyReused,
            ApiError::Unavailable(Unavailable::new("redis", "not for clients")),
        ];
        let line = |error: &ApiError| {
            format!(
                "{} {} {} {error}",
                error.status(),
                error.code().unwrap_or("null"),
                error.name()
            )
        };
        insta::assert_snapshot!(errors.iter().map(line).collect::<Vec<_>>().join("\n"), @r#"
        401 NOT_AUTHENTICATED UnauthenticatedError You are not authenticated
        401 INVALID_TOKEN_ERR JsonWebTokenError Your token is invalid - please check it and try again
        401 INVALID_TOKEN_ERR JsonWebTokenError invalid signature
        401 INVALID_TOKEN_ERR TokenExpiredError jwt expired
        401 INVALID_TOKEN_ERR NotBeforeError jwt not active
        401 INVALID_TOKEN_ERR UnauthenticatedError Incorrect token - please try a different one
        401 INVALID_TOKEN_ERR JsonWebTokenError jwt audience invalid
        401 INVALID_TOKEN_ERR UnauthenticatedError Incorrect token - its user_id must not have leading zeros
        401 INVALID_PLATFORM_KEY UnauthenticatedError The platform key is missing or wrong
        401 CONNECTION_UNKNOWN UnauthenticatedError This connection is not known any more - please connect again
        401 TOKEN_EXPIRED TokenExpiredError Your token has expired - please say hello with a fresh one
        403 ORIGIN_NOT_ALLOWED ForbiddenError Pages of the origin "https://evil.example" may not connect here
        401 TOKEN_REVOKED UnauthenticatedError Your token was revoked - please log in again
        403 BANNED ForbiddenError You are banned
        403 BANNED ForbiddenError You are banned until 2025-06-15T15:06:40Z
        429 RATE_LIMITED TooManyRequestsError too many sends: please try again in 3 s
        400 MESSAGES_INVALID_TARGET ArgumentError Invalid target "villain"
        403 NOT_A_MEMBER ForbiddenError You are not a member of this topic
        403 NOT_A_MEMBER ForbiddenError Your token does not name this topic
        409 TOPIC_FULL ConflictError this topic has 1000 members, the limit
        400 INVALID_REACTION ArgumentError reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
        409 TOO_MANY_REACTIONS ConflictError a message takes 20 different reactions, and 2000 in all
        429 RATE_LIMITED TooManyRequestsError typing is taken every 2000 ms - please try again in 350 ms
        409 TOO_MANY_EDITS ConflictError this message was edited 20 times, the limit where its versions are kept
        403 NOT_ACCEPTED ForbiddenError This user does not accept messages from you
        409 TOO_MANY_BLOCKS ConflictError you have blocked 10000 users, the limit
        409 TOO_MANY_REPORTS ConflictError this site has 100000 open reports, the limit
        403 FORBIDDEN ForbiddenError You cannot report your own message
        404 NOT_FOUND NotFound Conversation not found
        400 INVALID_ID ArgumentError target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
        400 INVALID_PAGE ArgumentError per_page must be an integer from 1 to 100
        400 MESSAGES_INVALID_TYPE ArgumentError Invalid type "link"
        400 null ArgumentError Missing text property for text-message
        400 INVALID_TEXT ArgumentError text must have a visible character
        413 TEXT_TOO_LARGE PayloadTooLargeError text has 20000 bytes of UTF-8, the limit is 16384
        413 TEXT_TOO_LARGE PayloadTooLargeError text takes 30000 bytes in JSON, the limit is 19456 so that a message fits a WebSocket frame of 32768 bytes
        413 IMAGE_TOO_LARGE PayloadTooLargeError image has 3000 bytes, the limit is 2048
        400 INVALID_IMAGE ArgumentError image must be an https:// URL with a host and without a user
        413 METADATA_TOO_LARGE PayloadTooLargeError metadata has 5000 bytes of JSON, the limit is 4096
        400 null ArgumentError No valid data was supplied
        400 INVALID_CLIENT_ID ArgumentError client_id must be 1 to 64 printable characters
        409 RETRY_KEY_REUSED ConflictError This client_id or Idempotency-Key was used for another content
        400 INVALID_FIELD ArgumentError text must be a string
        400 INVALID_JSON ArgumentError the body must be a JSON object in UTF-8
        400 DUPLICATE_KEY ArgumentError the body has the key "text" twice
        400 FORBIDDEN_KEY ArgumentError the metadata must not have the key "__proto__", which JavaScript itself uses
        415 BODY_COMPRESSED UnsupportedMediaTypeError the body is compressed, which is not taken - please send it as it is
        413 BODY_TOO_LARGE PayloadTooLargeError the body has 70000 bytes, the limit is 65536
        400 INVALID_FRAME_ID ArgumentError id must be a string or a number of at most 128 bytes of JSON
        400 UNKNOWN_ACTION ArgumentError Unknown action "dance"
        404 NOT_FOUND NotFound Message not found
        404 NOT_FOUND NotFound Report not found
        404 NOT_FOUND NotFound Erasure not found
        404 NOT_FOUND RouteNotFoundError Route not found - please check your URL and try again
        403 FORBIDDEN ForbiddenError Only the author can change a message, and only others can mark it seen
        409 RETRY_KEY_REUSED ConflictError This client_id or Idempotency-Key was used for another content
        503 UNAVAILABLE UnavailableError The service is unavailable at the moment - please try again
        "#);
    }
}
