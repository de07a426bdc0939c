//! Bodies and query parameters of clients. A body is read in two steps, so that each wrong property has its own error.

use serde_json::Value;
use serde_json::value::RawValue;

use super::metadata::metadata;
use super::properties::{Properties, shortened, string};
use crate::domain::limits::{MENTIONS_MAX, NUMERIC_ID_MAX};
use crate::domain::{
    Body, BodyKind, Cursor, Draft, Edit, Id, ImageType, InboxPlace, InvalidId, InvalidMessage, MessageId, Metadata,
    MetadataEdit, OldId, Remark, RetryKey, Role, SettingsEdit, Target, TimePlace,
};
use crate::error::ApiError;

/// The expected form of a remark.
const REMARK: &str = "a text of 1 to 1000 bytes of UTF-8 with a visible character";

/// Reads a target as it stands in an address or frame.
///
/// # Errors
/// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
pub fn target(kind: &str, id: &str) -> Result<Target, ApiError> {
    named_target(kind, "the target's id", || Id::parse(id))
}

/// The target of that kind, whose id stands in `field`.
pub(super) fn named_target(
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

/// How a client names a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageName {
    /// By the id that we gave it.
    Ours(MessageId),
    /// By the id that it had in the server before ours.
    Old(OldId),
}

/// Reads the name of a message that is to be changed, as clients of the server before ours may write it too.
///
/// # Errors
/// [`ApiError::MessageNotFound`] for a text that cannot be an id.
pub fn message_name(text: &str) -> Result<MessageName, ApiError> {
    match OldId::parse(text) {
        Some(old) => Ok(MessageName::Old(old)),
        None => message_id(text).map(MessageName::Ours),
    }
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

    /// The reason of a report.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, too long, or shows nothing.
    pub fn reason(&self) -> Result<Remark, ApiError> {
        self.remark("reason")?.ok_or(ApiError::InvalidField {
            field: "reason",
            expected: REMARK,
        })
    }

    /// The platform's note about a report, if there is one.
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

    /// The type of an image to upload, and its length in bytes.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`].
    pub fn upload(&self) -> Result<(ImageType, u64), ApiError> {
        let invalid = |field, expected| ApiError::InvalidField { field, expected };
        let kind = ImageType::named(&self.0.name("type")).ok_or(invalid(
            "type",
            "image/png, image/jpeg, image/gif, image/webp or image/avif",
        ))?;
        let bytes = self.0.get("bytes").and_then(|raw| raw.get().parse().ok());
        let bytes = bytes.filter(|bytes| *bytes > 0);
        Ok((kind, bytes.ok_or(invalid("bytes", "the length of the image in bytes"))?))
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

/// An id as a client wrote it in JSON. Only a number or a string is read.
pub(super) fn id_in(raw: &RawValue) -> Result<Id, InvalidId> {
    match raw.get().as_bytes().first() {
        Some(b'-' | b'0'..=b'9') => {
            let number = raw.get().parse().map_err(|_| InvalidId::Number)?;
            Id::from_number(number)
        }
        _ => Id::parse(&string(raw).ok_or(InvalidId::Text)?),
    }
}

/// An id in JSON that has been read: a number or a string.
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
}
