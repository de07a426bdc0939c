//! Request bodies and answers of the platform's own server.

use chrono::DateTime;
use serde::Serialize;
use serde_json::value::RawValue;

use super::message::{ConversationState, IdJson, MessageJson, Reader, Timestamp};
use super::properties::{Properties, string};
use super::request::RequestBody;
use super::to_json;
use crate::domain::limits::BAN_REASON_BYTES;
use crate::domain::{Ban, Conversation, Id, Message, MessageId, Reads, User};
use crate::error::ApiError;
use crate::ports::{Recorded, Stored, Versions};

impl RequestBody<'_> {
    /// Whether the platform itself writes, and not the user.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a boolean.
    pub fn system(&self) -> Result<bool, ApiError> {
        self.switch("system").map(Option::unwrap_or_default)
    }

    /// The end of a ban, and its reason.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`].
    pub fn ban(&self) -> Result<Ban, ApiError> {
        const REASON: &str = "a string of at most 500 bytes";
        let reason = self.properties().optional_text("reason", REASON)?;
        if reason.as_ref().is_some_and(|reason| reason.len() > BAN_REASON_BYTES) {
            return Err(ApiError::InvalidField {
                field: "reason",
                expected: REASON,
            });
        }
        Ok(Ban {
            until_ms: time(self.properties(), "until")?,
            reason: reason.filter(|reason| !reason.is_empty()),
        })
    }
}

/// The last time of the year 9999, in milliseconds since 1970: ISO 8601 has four digits for a year.
const LAST_MS: u64 = 253_402_300_799_999;

/// A time that may be absent or null: in ISO 8601 with its offset, as RFC 3339 has it, or in milliseconds since 1970.
fn time(properties: &Properties<'_>, field: &'static str) -> Result<Option<u64>, ApiError> {
    let Some(raw) = properties.get(field) else {
        return Ok(None);
    };
    let ms = match string(raw) {
        Some(text) => {
            let instant = DateTime::parse_from_rfc3339(&text).ok();
            instant.and_then(|instant| u64::try_from(instant.timestamp_millis()).ok())
        }
        None => raw.get().parse().ok(),
    };
    let ms = ms.filter(|ms| *ms <= LAST_MS).ok_or(ApiError::InvalidField {
        field,
        expected: "a time up to the year 9999, in ISO 8601 as 2030-01-31T12:00:00Z, or in milliseconds since 1970",
    });
    ms.map(Some)
}

/// Whether a user is banned.
#[derive(Debug, Serialize)]
pub struct BanAnswer {
    id: IdJson,
    banned: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl BanAnswer {
    /// Shows the ban of a user, if there is one.
    pub fn new(user: &User, ban: Option<Ban>) -> Self {
        let (banned, until_ms, reason) = match ban {
            Some(Ban { until_ms, reason }) => (true, until_ms, reason),
            None => (false, None, None),
        };
        Self {
            id: IdJson(user.id.clone()),
            banned,
            until: until_ms.map(Timestamp::from_ms),
            reason,
        }
    }
}

/// The time of a revocation: tokens that were issued earlier are refused.
#[derive(Debug, Serialize)]
pub struct RevokedAnswer {
    id: IdJson,
    revoked: Timestamp,
}

impl RevokedAnswer {
    /// `at_ms` is in milliseconds since 1970.
    pub fn new(user: &User, at_ms: u64) -> Self {
        Self {
            id: IdJson(user.id.clone()),
            revoked: Timestamp::from_ms(at_ms),
        }
    }
}

/// How long the old profile of a user may still be shown.
#[derive(Debug, Serialize)]
pub struct ProfileAnswer {
    id: IdJson,
    within_ms: u64,
}

impl ProfileAnswer {
    /// `within_ms` is how long profiles are kept, in milliseconds.
    pub fn new(user: &User, within_ms: u64) -> Self {
        let id = IdJson(user.id.clone());
        Self { id, within_ms }
    }
}

/// A part of a conversation as moderators see it, newest first.
#[derive(Debug, Serialize)]
pub struct RecordedAnswer {
    state: ConversationState,
    entries: Vec<Box<RawValue>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    earlier: Vec<Box<RawValue>>,
    next: Option<String>,
}

/// The earlier versions of a message, the oldest first.
#[derive(Debug, Serialize)]
struct EarlierJson {
    id: String,
    versions: Vec<MessageJson<IdJson>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum RecordedJson {
    Live(Box<MessageJson<IdJson>>),
    /// Deleted; or written by a newer release, in a form that this one cannot show.
    Bare {
        id: String,
        author: IdJson,
        timestamp: Timestamp,
        seq: u64,
        rev: u64,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        deleted: bool,
    },
}

impl RecordedAnswer {
    /// Shows as much of a part as fits into `bytes`, but at least one message with its earlier versions. `next` is the `after` of the next part, with
    /// older messages. `user` is the member from whose side the conversation is named.
    pub fn new(
        user: &User,
        conversation: &Conversation,
        recorded: &Recorded,
        versions: &Versions,
        bytes: usize,
    ) -> Self {
        let (mut length, mut next) = (0, recorded.next);
        let (mut entries, mut earlier) = (Vec::new(), Vec::new());
        let mut last = None;
        for stored in &recorded.messages {
            let entry = to_json(&RecordedJson::from(stored));
            let before = versions.get(&stored.id.seq).map(|versions| {
                to_json(&EarlierJson {
                    id: stored.id.to_string(),
                    versions: versions.iter().map(to_no_user).collect(),
                })
            });
            length += entry.len() + before.as_ref().map_or(0, String::len) + 2;
            if let Some(last) = last
                && length > bytes
            {
                next = Some(last);
                break;
            }
            entries.extend(RawValue::from_string(entry).ok());
            earlier.extend(before.and_then(|before| RawValue::from_string(before).ok()));
            last = Some(stored.id.seq);
        }
        Self {
            state: ConversationState::new(conversation, &user.id).at(recorded.rev, None),
            entries,
            earlier,
            next: next.map(|seq| place(&recorded.messages, seq).to_string()),
        }
    }
}

/// A position in the form of a message id. A message that cannot be read is not in the list; then only the position in the id is real.
fn place(messages: &[Stored], seq: u64) -> MessageId {
    let known = messages.iter().map(|stored| stored.id).find(|id| id.seq == seq);
    known.unwrap_or(MessageId { ms: 0, random: 0, seq })
}

/// A message as the platform sees it: nothing is the reader's own.
fn to_no_user(message: &Message) -> MessageJson<IdJson> {
    MessageJson::new(message, Reader::new(&Id::system(), &Reads::default()))
}

impl From<&Stored> for RecordedJson {
    fn from(stored: &Stored) -> Self {
        match &stored.message {
            Some(message) => Self::Live(Box::new(to_no_user(message))),
            None => Self::Bare {
                id: stored.id.to_string(),
                author: IdJson(stored.author.clone()),
                timestamp: Timestamp::from_ms(stored.id.ms),
                seq: stored.id.seq,
                rev: stored.rev,
                deleted: stored.deleted,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ban_has_an_end_and_a_reason_or_neither() {
        let ban = |json: &str| match RequestBody::parse(json).unwrap().ban() {
            Ok(Ban { until_ms, reason }) => format!("{until_ms:?} {reason:?}"),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(ban("{}"), @"None None");
        insta::assert_snapshot!(ban(r#"{"until":null,"reason":""}"#), @"None None");
        insta::assert_snapshot!(ban(r#"{"until":1893456000000,"reason":"spam"}"#), @r#"Some(1893456000000) Some("spam")"#);
        insta::assert_snapshot!(ban(r#"{"until":253402300799999}"#), @"Some(253402300799999) None");
        insta::assert_snapshot!(ban(r#"{"until":"2030-01-01T01:00:00.5+01:00"}"#), @"Some(1893456000500) None");
        for wrong in [
            "-1",
            "1.5",
            "true",
            "\"tomorrow\"",
            "\"2030-01-01\"",
            "\"1893456000000\"",
            "9007199254740991",
            "253402300800000",
            "\"1969-01-01T00:00:00Z\"",
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(ban(&format!(r#"{{"until":{wrong}}}"#)), @"until must be a time up to the year 9999, in ISO 8601 as 2030-01-31T12:00:00Z, or in milliseconds since 1970");
            }
        }
        let reason = |bytes| ban(&format!(r#"{{"reason":"{}"}}"#, "x".repeat(bytes)));
        assert!(reason(500).contains("xxx"));
        assert_eq!(reason(501), "reason must be a string of at most 500 bytes");
        assert_eq!(ban(r#"{"reason":5}"#), "reason must be a string of at most 500 bytes");
        assert!(reason(501).contains(&BAN_REASON_BYTES.to_string()));
    }
}
