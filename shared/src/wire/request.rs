//! What clients send: bodies over REST, frames over the WebSocket. A body is read in two steps, so that each wrong property has its own error.

use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::domain::limits::FRAME_ID_BYTES;
use crate::domain::{
    Body, BodyKind, Cursor, Edit, Id, InvalidId, InvalidMessage, Metadata, MetadataEdit, RetryKey, Target,
};
use crate::error::ApiError;

/// Reads a target as it stands in an address or frame.
///
/// # Errors
/// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
pub fn target(kind: &str, id: &str) -> Result<Target, ApiError> {
    match kind {
        "user" => Id::parse(id).map(Target::User).map_err(|reason| ApiError::InvalidId {
            field: "the target's id",
            reason,
        }),
        "topic" => Err(ApiError::TopicsUnavailable),
        _ => Err(ApiError::InvalidTarget(shortened(kind))),
    }
}

/// Reads a cursor that a client kept.
///
/// # Errors
/// [`ApiError::InvalidField`] for anything but one of ours; that it belongs to a log that was lost is no error.
pub fn cursor(text: &str) -> Result<Cursor, ApiError> {
    Cursor::parse(text).map_err(|_| ApiError::InvalidField {
        field: "since",
        expected: "the cursor of a frame, of a hello or of a sync",
    })
}

/// Reads a client's own name for a send; `field` says where it stands.
///
/// # Errors
/// [`ApiError::InvalidRetryKey`].
pub fn retry_key(field: &'static str, text: &str) -> Result<RetryKey, ApiError> {
    RetryKey::parse(text).map_err(|reason| ApiError::InvalidRetryKey { field, reason })
}

/// The properties of a message to send, or of an update.
#[derive(Debug, Deserialize)]
pub struct ContentBody<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    text: Option<&'a RawValue>,
    #[serde(borrow)]
    image: Option<&'a RawValue>,
    #[serde(borrow, default, deserialize_with = "present")]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    #[serde(borrow)]
    client_id: Option<&'a RawValue>,
}

/// Keeps the difference between `null` and nothing.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> ContentBody<'a> {
    /// Reads a body; properties that it doesn't know are left alone.
    ///
    /// # Errors
    /// [`ApiError::InvalidJson`] for anything but a JSON object.
    pub fn parse(json: &'a str) -> Result<Self, ApiError> {
        object(json, "body")
    }

    /// What it asks to send.
    ///
    /// # Errors
    /// The error of the first property that is wrong.
    pub fn to_send(&self) -> Result<(Body, Option<Metadata>), ApiError> {
        let name = self
            .kind
            .map_or_else(String::new, |raw| string(raw).unwrap_or_else(|| raw.get().to_owned()));
        let kind = BodyKind::named(&name).ok_or_else(|| ApiError::InvalidType(shortened(&name)))?;
        let raw = match kind {
            BodyKind::Text => self.text,
            BodyKind::Image => self.image,
        };
        let body = content(kind, raw)?.ok_or(InvalidMessage::Missing(kind.name()))?;
        let metadata = match self.metadata()? {
            MetadataEdit::Replace(metadata) => Some(metadata),
            MetadataEdit::Keep | MetadataEdit::Remove => None,
        };
        Ok((body, metadata))
    }

    /// What it asks to change. A `status` beside content, and an empty `text` or `image` beside the other, stand in a whole message that a
    /// client sends back: they ask for nothing.
    ///
    /// # Errors
    /// The error of the first property that is wrong; [`ApiError::NothingToChange`] if there is none.
    pub fn to_edit(&self) -> Result<Edit, ApiError> {
        let is_empty = |raw: Option<&RawValue>| raw.is_some_and(|raw| raw.get() == "\"\"");
        let (text, image) = match (self.text, self.image) {
            (Some(_), image @ Some(_)) if is_empty(self.text) => (None, image),
            (text @ Some(_), Some(_)) if is_empty(self.image) => (text, None),
            both => both,
        };
        let mut edit = Edit {
            text: content(BodyKind::Text, text)?,
            image: content(BodyKind::Image, image)?,
            metadata: self.metadata()?,
            seen: false,
        };
        let status = self.status.map(|raw| string(raw).unwrap_or_default());
        edit.seen = status.as_deref() == Some("seen");
        match status {
            _ if edit.seen || edit.changes_content() => Ok(edit),
            Some(_) => Err(ApiError::InvalidField {
                field: "status",
                expected: "\"seen\"",
            }),
            None => Err(ApiError::NothingToChange),
        }
    }

    /// `client_id`, if there is one.
    ///
    /// # Errors
    /// [`ApiError::InvalidRetryKey`].
    pub fn client_id(&self) -> Result<Option<RetryKey>, ApiError> {
        // A number or an object is no key, and its text would be a wrong one.
        let key = |raw| retry_key("client_id", &string(raw).unwrap_or_default());
        self.client_id.map(key).transpose()
    }

    fn metadata(&self) -> Result<MetadataEdit, ApiError> {
        let Some(raw) = self.metadata.map(RawValue::get) else {
            return Ok(MetadataEdit::Keep);
        };
        match raw.as_bytes().first() {
            Some(b'n') => Ok(MetadataEdit::Remove),
            // Kept as it was written, so it must be JSON that every reader takes: numbers in range, whole characters, no endless nesting.
            Some(b'{') if serde_json::from_str::<Value>(raw).is_ok() => {
                Ok(MetadataEdit::Replace(Metadata::new(raw.to_owned())?))
            }
            _ => Err(ApiError::InvalidField {
                field: "metadata",
                expected: "an object that every JSON reader takes",
            }),
        }
    }
}

/// The envelope of a frame that a client sent over the WebSocket.
#[derive(Debug, Deserialize)]
pub struct ClientFrame<'a> {
    #[serde(borrow)]
    action: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow)]
    target: Option<&'a RawValue>,
    #[serde(borrow)]
    target_id: Option<&'a RawValue>,
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    since: Option<&'a RawValue>,
}

impl<'a> ClientFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`ApiError::InvalidJson`] for anything but a JSON object.
    pub fn parse(json: &'a str) -> Result<Self, ApiError> {
        object(json, "frame")
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
        match self.id {
            Some(raw) => Some(raw).filter(fits).map(Some).ok_or(ApiError::InvalidFrameId),
            None => Ok(None),
        }
    }

    /// What the client wants done; empty if it doesn't say.
    pub fn action(&self) -> String {
        self.action.and_then(string).unwrap_or_default()
    }

    /// The conversation that the frame is about.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
    pub fn target(&self) -> Result<Target, ApiError> {
        let kind = self
            .target
            .map_or_else(String::new, |raw| string(raw).unwrap_or_else(|| raw.get().to_owned()));
        match kind.as_str() {
            "user" => id_from_json(&self.target_id.map(value).unwrap_or_default())
                .map(Target::User)
                .map_err(|reason| ApiError::InvalidId {
                    field: "target_id",
                    reason,
                }),
            other => target(other, ""),
        }
    }

    /// From where on the client wants events, if it says.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a cursor.
    pub fn since(&self) -> Result<Option<Cursor>, ApiError> {
        self.since
            .map(|raw| cursor(&string(raw).unwrap_or_default()))
            .transpose()
    }

    /// The message that the frame is about.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it names none.
    pub fn message_id(&self) -> Result<String, ApiError> {
        const FIELD: &str = "message_id";
        let missing = ApiError::InvalidField {
            field: FIELD,
            expected: "a string",
        };
        self.message_id.ok_or(missing).and_then(|raw| whole_string(FIELD, raw))
    }
}

/// An id in JSON: a number or a string.
pub(crate) fn id_from_json(value: &Value) -> Result<Id, InvalidId> {
    match value {
        Value::Number(number) => number.as_u64().ok_or(InvalidId::Number).and_then(Id::from_number),
        Value::String(text) => Id::parse(text),
        _ => Err(InvalidId::Text),
    }
}

fn content(kind: BodyKind, raw: Option<&RawValue>) -> Result<Option<Body>, ApiError> {
    let Some(raw) = raw else { return Ok(None) };
    Ok(Some(Body::new(kind, whole_string(kind.name(), raw)?)?))
}

fn object<'a, T: Deserialize<'a>>(json: &'a str, what: &'static str) -> Result<T, ApiError> {
    // A sequence would deserialize into a struct as well.
    if !json.trim_start().starts_with('{') {
        return Err(ApiError::InvalidJson(what));
    }
    serde_json::from_str(json)
        .map_err(|error| duplicate(&error).map_or(ApiError::InvalidJson(what), ApiError::DuplicateProperty))
}

/// The property that stands there twice, if that is the error: serde tells it in words only. A property that we do not know may repeat.
fn duplicate(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (property, _) = text.strip_prefix("duplicate field ")?.split_once(" at line ")?;
    Some(property.to_owned())
}

/// Null for what no value can hold.
fn value(raw: &RawValue) -> Value {
    serde_json::from_str(raw.get()).unwrap_or_default()
}

fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// A string in which every character is whole: an escape such as `\ud83d` is one half of a character beyond U+FFFF.
fn whole_string(field: &'static str, raw: &RawValue) -> Result<String, ApiError> {
    string(raw).ok_or(ApiError::InvalidField {
        field,
        expected: if raw.get().starts_with('"') {
            "a string of whole characters: one of its \\u escapes is half of a surrogate pair"
        } else {
            "a string"
        },
    })
}

/// What an error repeats of a client's text: enough to recognise it.
fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn send(json: &str) -> String {
        ContentBody::parse(json).and_then(|body| body.to_send()).map_or_else(
            |error| format!("{:?} {error}", error.code()),
            |(body, metadata)| format!("{} {} {metadata:?}", body.kind().name(), body.content()),
        )
    }

    fn edit(json: &str) -> String {
        match ContentBody::parse(json).and_then(|body| body.to_edit()) {
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
        insta::assert_snapshot!(send(r#"{"type":"text","text":"a","te\u0078t":"b"}"#), @r#"Some("DUPLICATE_PROPERTY") the property `text` is there more than once"#);
        insta::assert_snapshot!(send(r#"{"type":"text","text":"\ud83d"}"#), @r#"Some("INVALID_FIELD") text must be a string of whole characters: one of its \u escapes is half of a surrogate pair"#);
        insta::assert_snapshot!(send(r#"{"type":"text","text":"\udc4b\ud83d"}"#), @r#"Some("INVALID_FIELD") text must be a string of whole characters: one of its \u escapes is half of a surrogate pair"#);
        insta::assert_snapshot!(send(r#"{"type":"\ud83d"}"#), @r#"Some("MESSAGES_INVALID_TYPE") Invalid type ""\ud83d"""#);
        insta::assert_snapshot!(send(r#"{"type":"text","text":" "}"#), @r#"Some("INVALID_TEXT") text must have a visible character"#);
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
        insta::assert_snapshot!(edit(r#"{"status":7}"#), @r#"status must be "seen""#);
        insta::assert_snapshot!(edit(r#"{"text":""}"#), @"Missing text property for text-message");
        insta::assert_snapshot!(edit(r#"{"text":"","image":""}"#), @"Missing image property for image-message");
    }

    #[test]
    fn an_update_may_be_a_whole_message() {
        insta::assert_snapshot!(edit(r#"{"status":"seen","text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: true }"#);
        insta::assert_snapshot!(edit(r#"{"status":null,"id":7,"text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"status":"delivered","text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"image":"https://a.b/c","text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: Some(Body { kind: Image, content: "https://a.b/c" }), metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"image":"https://a.b/c","text":""}"#), @r#"Edit { text: None, image: Some(Body { kind: Image, content: "https://a.b/c" }), metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"image":"","text":"x"}"#), @r#"Edit { text: Some(Body { kind: Text, content: "x" }), image: None, metadata: Keep, seen: false }"#);
        insta::assert_snapshot!(edit(r#"{"image":"cat","text":"x"}"#), @"image must be an https URL");
    }

    #[test]
    fn a_frame_names_its_target() {
        let target = |json: &str| match ClientFrame::parse(json).unwrap().target() {
            Ok(target) => target.to_string(),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":5}"#), @"user-5");
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":"5"}"#), @"user-5");
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":5.0}"#), @"target_id must be an integer from 0 to 9007199254740991 without leading zeros, or a string that is not digits alone");
        insta::assert_snapshot!(target(r#"{"target":"user"}"#), @"target_id must be an integer, or 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = -");
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
