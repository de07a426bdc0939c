//! What clients send: bodies over REST, frames over the WebSocket. A body is read in two steps, so that each wrong property has its own error.

use serde_json::Value;
use serde_json::value::RawValue;

use super::metadata::metadata;
use super::properties::{Properties, shortened, string};
use crate::domain::limits::{FRAME_ID_BYTES, IDS_MAX, MENTIONS_MAX, NUMERIC_ID_MAX};
use crate::domain::{
    Body, BodyKind, Cursor, Draft, Edit, Id, InboxPlace, InvalidId, InvalidMessage, MessageId, Metadata, MetadataEdit,
    Reaction, Remark, RetryKey, Role, SettingsEdit, Target, TimePlace,
};
use crate::error::ApiError;

/// What a remark must be.
const REMARK: &str = "a text of 1 to 1000 bytes of UTF-8 with a visible character";

/// Reads a target as it stands in an address or frame.
///
/// # Errors
/// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
pub fn target(kind: &str, id: &str) -> Result<Target, ApiError> {
    named_target(kind, "the target's id", || Id::parse(id))
}

/// The target of that kind, whose id stands in `field`.
fn named_target(
    kind: &str,
    field: &'static str,
    id: impl FnOnce() -> Result<Id, InvalidId>,
) -> Result<Target, ApiError> {
    let named = match kind {
        "user" => Target::User,
        "topic" => Target::Topic,
        _ => return Err(ApiError::InvalidTarget(shortened(kind))),
    };
    id().map(named).map_err(|reason| ApiError::InvalidId { field, reason })
}

/// Reads the id of a message. One that we cannot have given is no message's.
///
/// # Errors
/// [`ApiError::MessageNotFound`].
pub fn message_id(text: &str) -> Result<MessageId, ApiError> {
    MessageId::parse(text).ok_or(ApiError::MessageNotFound)
}

/// Reads a place in an inbox that a client kept.
///
/// # Errors
/// [`ApiError::InvalidField`] for anything but the `state.next` of a list.
pub fn inbox_place(text: &str) -> Result<InboxPlace, ApiError> {
    InboxPlace::parse(text).map_err(|_| ApiError::InvalidField {
        field: "before",
        expected: "the state.next of a list",
    })
}

/// Reads a place in a list by time that a client kept.
///
/// # Errors
/// [`ApiError::InvalidField`] for anything but the `next` of a page.
pub fn time_place(text: &str) -> Result<TimePlace, ApiError> {
    TimePlace::parse(text).map_err(|_| ApiError::InvalidField {
        field: "after",
        expected: "the next of a page",
    })
}

/// Reads a cursor that a client kept.
///
/// # Errors
/// [`ApiError::InvalidField`] for anything but one of ours; a cursor of a store that was lost is no error.
pub fn cursor(text: &str) -> Result<Cursor, ApiError> {
    Cursor::parse(text).map_err(|_| ApiError::InvalidField {
        field: "since",
        expected: "the cursor of a frame, of a hello, of a sync or of a list",
    })
}

/// Reads a revision that a client kept.
///
/// # Errors
/// [`ApiError::InvalidField`] for anything but a whole number that JSON carries exactly.
pub fn revision(text: &str) -> Result<u64, ApiError> {
    let number = text
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok());
    let exact = number.flatten().filter(|number| *number <= NUMERIC_ID_MAX);
    exact.ok_or(ApiError::InvalidField {
        field: "since",
        expected: "the rev of a conversation, or 0",
    })
}

/// Reads a client's own name for a send; `field` says where it stands.
///
/// # Errors
/// [`ApiError::InvalidRetryKey`].
pub fn retry_key(field: &'static str, text: &str) -> Result<RetryKey, ApiError> {
    RetryKey::parse(text).map_err(|reason| ApiError::InvalidRetryKey { field, reason })
}

/// The properties of the body of a request: of a message to send, of an update, of a read position, a role or settings.
#[derive(Debug)]
pub struct RequestBody<'a>(Properties<'a>);

impl<'a> RequestBody<'a> {
    /// Reads a body; properties that it doesn't know are left alone.
    ///
    /// # Errors
    /// [`ApiError::InvalidJson`] for anything but a JSON object, [`ApiError::DuplicateKey`].
    pub fn parse(json: &'a str) -> Result<Self, ApiError> {
        Properties::parse(json, "body").map(Self)
    }

    /// Reads a body that may be absent: then it has no properties.
    ///
    /// # Errors
    /// As [`RequestBody::parse`].
    pub fn parse_optional(json: &'a str) -> Result<Self, ApiError> {
        Self::parse(if json.trim_ascii().is_empty() { "{}" } else { json })
    }

    /// What it asks to send. `retry_key` is for a body without a `client_id`.
    ///
    /// # Errors
    /// The error of the first property that is wrong.
    pub fn to_draft(&self, retry_key: Option<RetryKey>) -> Result<Draft, ApiError> {
        let (body, metadata) = self.to_send()?;
        Ok(Draft {
            body,
            metadata,
            reply_to: self.reply_to()?,
            mentions: self.mentions()?,
            retry_key: self.client_id()?.or(retry_key),
        })
    }

    /// The message up to which the caller has read; `None` for the newest.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`], [`ApiError::MessageNotFound`].
    pub fn up_to(&self) -> Result<Option<MessageId>, ApiError> {
        let id = self.0.optional_text("up_to", "the id of a message")?;
        id.map(|id| message_id(&id)).transpose()
    }

    /// Why a message is reported.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, too long, or shows nothing.
    pub fn reason(&self) -> Result<Remark, ApiError> {
        self.remark("reason")?.ok_or(ApiError::InvalidField {
            field: "reason",
            expected: REMARK,
        })
    }

    /// What the platform says about a report, if it says something.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is too long, or shows nothing.
    pub fn note(&self) -> Result<Option<Remark>, ApiError> {
        self.remark("note")
    }

    fn remark(&self, field: &'static str) -> Result<Option<Remark>, ApiError> {
        let text = self.0.optional_text(field, REMARK)?;
        let remark = text.map(|text| Remark::parse(&text)).transpose();
        remark.map_err(|_| ApiError::InvalidField {
            field,
            expected: REMARK,
        })
    }

    /// The role that a member is given, if it is named.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a role.
    pub fn role(&self) -> Result<Option<Role>, ApiError> {
        const EXPECTED: &str = "member, moderator or owner";
        let Some(name) = self.0.optional_text("role", EXPECTED)? else {
            return Ok(None);
        };
        let role = Role::named(&name).ok_or(ApiError::InvalidField {
            field: "role",
            expected: EXPECTED,
        });
        role.map(Some)
    }

    /// What changes of a conversation's settings.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but booleans, [`ApiError::NothingToChange`] if there are none.
    pub fn settings(&self) -> Result<SettingsEdit, ApiError> {
        let edit = SettingsEdit {
            muted: self.switch("muted")?,
            hidden: self.switch("hidden")?,
            pinned: self.switch("pinned")?,
        };
        if edit == SettingsEdit::default() {
            return Err(ApiError::NothingToChange);
        }
        Ok(edit)
    }

    pub(super) fn properties(&self) -> &Properties<'a> {
        &self.0
    }

    /// A property that is on or off, if it is there.
    pub(super) fn switch(&self, field: &'static str) -> Result<Option<bool>, ApiError> {
        match self.0.get(field).map(RawValue::get) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(ApiError::InvalidField {
                field,
                expected: "true or false",
            }),
        }
    }

    fn reply_to(&self) -> Result<Option<MessageId>, ApiError> {
        const EXPECTED: &str = "the id of a message of this conversation that was not deleted";
        let Some(id) = self.0.optional_text("reply_to", EXPECTED)? else {
            return Ok(None);
        };
        MessageId::parse(&id).map(Some).ok_or(ApiError::InvalidField {
            field: "reply_to",
            expected: EXPECTED,
        })
    }

    /// Each id once.
    fn mentions(&self) -> Result<Vec<Id>, ApiError> {
        self.0.ids("mentions", MENTIONS_MAX, "a list of at most 20 ids")
    }

    /// The content and metadata that it asks to send.
    fn to_send(&self) -> Result<(Body, Option<Metadata>), ApiError> {
        let name = self.0.name("type");
        let kind = BodyKind::named(&name).ok_or_else(|| ApiError::InvalidType(shortened(&name)))?;
        let body = self.content(kind)?.ok_or(InvalidMessage::Missing(kind.name()))?;
        let metadata = match self.metadata()? {
            MetadataEdit::Replace(metadata) => Some(metadata),
            MetadataEdit::Keep | MetadataEdit::Remove => None,
        };
        Ok((body, metadata))
    }

    /// What it asks to change. A full message is taken too: what cannot be changed in it is left alone.
    ///
    /// # Errors
    /// The error of the first property that is wrong; [`ApiError::NothingToChange`] if there is none.
    pub fn to_edit(&self) -> Result<Edit, ApiError> {
        // A whole message may have an empty text beside its image, and the other way round.
        let is_empty = |kind: BodyKind| self.0.get(kind.name()).is_some_and(|raw| raw.get() == "\"\"");
        let content = |kind, other: BodyKind| match self.0.get(other.name()) {
            Some(_) if is_empty(kind) && !is_empty(other) => Ok(None),
            _ => self.content(kind),
        };
        let text = content(BodyKind::Text, BodyKind::Image)?;
        let image = content(BodyKind::Image, BodyKind::Text)?;
        let metadata = self.metadata()?;
        let status = self.0.get("status");
        let seen = status.and_then(string).is_some_and(|status| status == "seen");
        let changes_content = text.is_some() || image.is_some() || metadata != MetadataEdit::Keep;
        match status {
            Some(_) if !seen && !changes_content => Err(ApiError::InvalidField {
                field: "status",
                expected: "\"seen\"",
            }),
            None if !changes_content => Err(ApiError::NothingToChange),
            _ => Ok(Edit {
                text,
                image,
                metadata,
                seen,
            }),
        }
    }

    /// `client_id`, if there is one.
    ///
    /// # Errors
    /// [`ApiError::InvalidRetryKey`].
    pub fn client_id(&self) -> Result<Option<RetryKey>, ApiError> {
        // A number or an object is no key, and its text would be a wrong one.
        let key = |raw| retry_key("client_id", &string(raw).unwrap_or_default());
        self.0.get("client_id").map(key).transpose()
    }

    fn content(&self, kind: BodyKind) -> Result<Option<Body>, ApiError> {
        let Some(raw) = self.0.get(kind.name()) else {
            return Ok(None);
        };
        let content = string(raw).ok_or(ApiError::InvalidField {
            field: kind.name(),
            expected: if raw.get().starts_with('"') {
                "whole characters: an escape in it is half of a surrogate pair"
            } else {
                "a string"
            },
        })?;
        Ok(Some(Body::new(kind, content)?))
    }

    fn metadata(&self) -> Result<MetadataEdit, ApiError> {
        let Some(raw) = self.0.with_null("metadata").map(RawValue::get) else {
            return Ok(MetadataEdit::Keep);
        };
        match raw.as_bytes().first() {
            Some(b'n') => Ok(MetadataEdit::Remove),
            _ => metadata(raw).map(MetadataEdit::Replace),
        }
    }
}

/// The envelope of a frame that a client sent over the WebSocket.
#[derive(Debug)]
pub struct ClientFrame<'a>(Properties<'a>);

impl<'a> ClientFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`ApiError::InvalidJson`] for anything but a JSON object, [`ApiError::DuplicateKey`].
    pub fn parse(json: &'a str) -> Result<Self, ApiError> {
        Properties::parse(json, "frame").map(Self)
    }

    /// What the client calls the frame, as JSON: its answer repeats it.
    ///
    /// # Errors
    /// [`ApiError::InvalidFrameId`] for anything but a short string or a number.
    pub fn id(&self) -> Result<Option<&'a RawValue>, ApiError> {
        let fits = |raw: &&RawValue| {
            raw.get().len() <= FRAME_ID_BYTES
                && raw
                    .get()
                    .starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit())
        };
        match self.0.get("id") {
            Some(raw) => Some(raw).filter(fits).map(Some).ok_or(ApiError::InvalidFrameId),
            None => Ok(None),
        }
    }

    /// What the client wants done; empty if it doesn't say.
    pub fn action(&self) -> String {
        self.0.get("action").and_then(string).unwrap_or_default()
    }

    /// The conversation that the frame is about.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
    pub fn target(&self) -> Result<Target, ApiError> {
        target_in(&self.0)
    }

    /// The conversation that the client has on the screen, if any.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`]; [`ApiError::InvalidField`] if it is no object.
    pub fn conversation(&self) -> Result<Option<Target>, ApiError> {
        let Some(raw) = self.0.get("conversation") else {
            return Ok(None);
        };
        let inner = Properties::parse(raw.get(), "conversation").map_err(|error| match error {
            ApiError::InvalidJson(field) => ApiError::InvalidField {
                field,
                expected: "an object with target and target_id",
            },
            other => other,
        })?;
        target_in(&inner).map(Some)
    }

    /// The users whose presence the client wants, each once.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if they are no list of ids, or too many.
    pub fn users(&self) -> Result<Vec<Id>, ApiError> {
        self.0.ids("users", IDS_MAX, "a list of at most 100 ids")
    }

    /// Whether the user begins to type, or stops.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but `start` or `stop`.
    pub fn types(&self) -> Result<bool, ApiError> {
        match self.0.name("state").as_str() {
            "start" => Ok(true),
            "stop" => Ok(false),
            _ => Err(ApiError::InvalidField {
                field: "state",
                expected: "start or stop",
            }),
        }
    }

    /// A reaction, and whether it is given; else it is taken back.
    ///
    /// # Errors
    /// [`ApiError::InvalidReaction`]; [`ApiError::InvalidField`] if `remove` is no boolean.
    pub fn reaction(&self) -> Result<(Reaction, bool), ApiError> {
        let text = self.0.get("reaction").and_then(string).unwrap_or_default();
        let give = match self.0.get("remove").map(RawValue::get) {
            None | Some("false") => true,
            Some("true") => false,
            Some(_) => {
                return Err(ApiError::InvalidField {
                    field: "remove",
                    expected: "true or false",
                });
            }
        };
        Ok((Reaction::parse(&text)?, give))
    }

    /// The cursor from which on the client asks what changed, if it gives one.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a cursor.
    pub fn since(&self) -> Result<Option<Cursor>, ApiError> {
        let since = self.0.get("since");
        since.map(|raw| cursor(&string(raw).unwrap_or_default())).transpose()
    }

    /// A fresh token of the connection's user; none, if the connection stays good as long as it is.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a string.
    pub fn token(&self) -> Result<Option<String>, ApiError> {
        let token = self.0.get("token");
        let token = token.map(|raw| {
            string(raw).ok_or(ApiError::InvalidField {
                field: "token",
                expected: "a string",
            })
        });
        token.transpose()
    }

    /// The revision of the conversation that the client knows.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, or not a whole number.
    pub fn revision(&self) -> Result<u64, ApiError> {
        revision(self.0.get("since").map_or("-", RawValue::get))
    }

    /// The message that the frame is about.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it names none.
    pub fn message_id(&self) -> Result<String, ApiError> {
        self.0.get("message_id").and_then(string).ok_or(ApiError::InvalidField {
            field: "message_id",
            expected: "a string",
        })
    }
}

/// The conversation that `target` and `target_id` name.
fn target_in(properties: &Properties<'_>) -> Result<Target, ApiError> {
    let id = || properties.get("target_id").map_or(Err(InvalidId::Text), id_in);
    named_target(&properties.name("target"), "target_id", id)
}

/// An id as a client wrote it in JSON. What is neither a number nor a string is not read.
pub(super) fn id_in(raw: &RawValue) -> Result<Id, InvalidId> {
    match raw.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => {
            let number = raw.get().parse().map_err(|_| InvalidId::Number)?;
            Id::from_number(number)
        }
        _ => Id::parse(&string(raw).ok_or(InvalidId::Text)?),
    }
}

/// An id in JSON that was read before: a number or a string.
pub(crate) fn id_from_json(value: &Value) -> Result<Id, InvalidId> {
    match value {
        Value::Number(number) => number.as_u64().ok_or(InvalidId::Number).and_then(Id::from_number),
        Value::String(text) => Id::parse(text),
        _ => Err(InvalidId::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(json: &str) -> String {
        RequestBody::parse(json).and_then(|body| body.to_send()).map_or_else(
            |error| format!("{:?} {error}", error.code()),
            |(body, metadata)| format!("{} {} {metadata:?}", body.kind().name(), body.content()),
        )
    }

    fn edit(json: &str) -> String {
        match RequestBody::parse(json).and_then(|body| body.to_edit()) {
            Ok(edit) => format!("{edit:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn what_can_be_sent() {
        insta::assert_snapshot!(send(r#"{"type":"text","text":"hi"}"#), @"text hi None");
        insta::assert_snapshot!(send(r#"{"type":"text","text":"hi","metadata":{"a": 1e40}}"#), @r#"text hi Some(Metadata("{\"a\": 1e40}"))"#);
        insta::assert_snapshot!(send(r#"{"type":"text","text":"hi","metadata":null,"text2":7}"#), @"text hi None");
        insta::assert_snapshot!(send(r#"{"type":"image","image":"https://a.example/b.png"}"#), @"image https://a.example/b.png None");
    }

    #[test]
    fn what_cannot_be_sent() {
        insta::assert_snapshot!(send("[1]"), @r#"Some("INVALID_JSON") the body must be a JSON object in UTF-8"#);
        insta::assert_snapshot!(send("{"), @r#"Some("INVALID_JSON") the body must be a JSON object in UTF-8"#);
        insta::assert_snapshot!(send("{}"), @r#"Some("MESSAGES_INVALID_TYPE") Invalid type """#);
        insta::assert_snapshot!(send(r#"{"type":7}"#), @r#"Some("MESSAGES_INVALID_TYPE") Invalid type "7""#);
        insta::assert_snapshot!(send(r#"{"type":"link"}"#), @r#"Some("MESSAGES_INVALID_TYPE") Invalid type "link""#);
        insta::assert_snapshot!(send(r#"{"type":"text","image":"x"}"#), @"None Missing text property for text-message");
        insta::assert_snapshot!(send(r#"{"type":"text","text":7}"#), @r#"Some("INVALID_FIELD") text must be a string"#);
        insta::assert_snapshot!(send(r#"{"type":"text","text":"x","metadata":[]}"#), @r#"Some("INVALID_FIELD") metadata must be an object that every JSON reader takes"#);
    }

    #[test]
    fn what_an_update_changes() {
        insta::assert_snapshot!(edit(r#"{"status":"seen"}"#), @"Edit { text: None, image: None, metadata: Keep, seen: true }");
        insta::assert_snapshot!(edit(r#"{"text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"metadata":null}"#), @"Edit { text: None, image: None, metadata: Remove, seen: false }");
        insta::assert_snapshot!(edit("{}"), @"No valid data was supplied");
        insta::assert_snapshot!(edit(r#"{"status":"lost"}"#), @r#"status must be "seen""#);
        insta::assert_snapshot!(edit(r#"{"text":""}"#), @"Missing text property for text-message");
    }

    #[test]
    fn a_full_message_is_an_update_too() {
        insta::assert_snapshot!(edit(r#"{"text":"x","status":"seen"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: true }"#);
        insta::assert_snapshot!(edit(r#"{"text":"x","status":7,"id":"…","image":null}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"image":"https://a.b/c","text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: Some(Body { kind: Image, content: "https://a.b/c" }), metadata: Keep, seen: false }"#);
    }

    #[test]
    fn what_is_wrong_with_a_body_is_said() {
        insta::assert_snapshot!(send(r#"{"type":"text","text":"\ud83d"}"#), @r#"Some("INVALID_FIELD") text must be whole characters: an escape in it is half of a surrogate pair"#);
        insta::assert_snapshot!(send(r#"{"type":"text","text":"a","text":"b"}"#), @r#"Some("DUPLICATE_KEY") the body has the key "text" twice"#);
        insta::assert_snapshot!(send(r#"{"type":"text","te\u0078t":"a","text":"b"}"#), @r#"Some("DUPLICATE_KEY") the body has the key "text" twice"#);
        insta::assert_snapshot!(send("\u{feff}{\"type\":\"text\",\"text\":\"a\"}"), @"text a None");
        insta::assert_snapshot!(send(r#"{"type":"text","text":"\u200b"}"#), @r#"Some("INVALID_TEXT") text must have a visible character"#);
    }

    #[test]
    fn a_frame_names_its_target() {
        let target = |json: &str| match ClientFrame::parse(json).unwrap().target() {
            Ok(target) => target.to_string(),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":5}"#), @"user-5");
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":"5"}"#), @"user-5");
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":5.0}"#), @"target_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits");
        insta::assert_snapshot!(target(r#"{"target":"user"}"#), @"target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |");
        for other in [
            "[5]",
            "true",
            "{}",
            r#"{"$serde_json::private::RawValue":"5"}"#,
            r#""\ud83d""#,
        ] {
            let frame = format!(r#"{{"target":"user","target_id":{other}}}"#);
            assert!(
                target(&frame).starts_with("target_id must be a whole number, or a string"),
                "{other}"
            );
        }
        for number in ["-5", "-0", "1e0", "99999999999999999999999"] {
            let frame = format!(r#"{{"target":"user","target_id":{number}}}"#);
            assert!(
                target(&frame).starts_with("target_id must be a whole number from 0 to"),
                "{number}"
            );
        }
        insta::assert_snapshot!(target(r#"{"target":"villain","target_id":5}"#), @r#"Invalid target "villain""#);
    }

    #[test]
    fn an_answer_can_only_repeat_a_short_id() {
        let id = |json: &str| {
            ClientFrame::parse(json)
                .unwrap()
                .id()
                .map(|id| id.map(|raw| raw.get().to_owned()))
                .ok()
        };
        assert_eq!(id(r#"{"id":"a"}"#), Some(Some("\"a\"".to_owned())));
        assert_eq!(id(r#"{"id":-7}"#), Some(Some("-7".to_owned())));
        assert_eq!(id("{}"), Some(None));
        assert_eq!(id(r#"{"id":{}}"#), None);
        assert_eq!(id(&format!(r#"{{"id":"{}"}}"#, "x".repeat(127))), None);
    }
}
