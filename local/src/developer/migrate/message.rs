//! One message of the old server, as a message of Senna.

use std::str;

use chrono::DateTime;
use serde_json::{Map, Value};
use shared::{
    domain::{
        Body, BodyKind, Draft, Id, InvalidMessage, Metadata,
        limits::{TEXT_BYTES, TEXT_JSON_BYTES},
    },
    wire,
};

use super::report::Kind;

/// Stands at the end of a text that was cut.
const CUT: char = '…';

/// The fields that the old server writes, and `metadata`, which some of its copies do.
///
/// # Source
/// car-throttle/senna-sockets, `src/api.js`. A deletion removes the data and the id, an edit leaves no trace.
const FIELDS: [&str; 8] = [
    "id",
    "author",
    "timestamp",
    "type",
    "text",
    "image",
    "status",
    "metadata",
];

/// A message, and what was changed to take it over.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) author: Id,
    pub(super) draft: Draft,
    /// When it was sent, in milliseconds since 1970, if its data says so.
    pub(super) sent_ms: Option<u64>,
    /// Somebody has marked it as seen.
    pub(super) seen: bool,
    pub(super) notes: Vec<Kind>,
}

/// Reads the data of the message with that id.
///
/// # Errors
/// Why it cannot be taken over.
pub(super) fn read(id: &str, data: &[u8]) -> Result<Read, Kind> {
    let Ok(Value::Object(data)) = serde_json::from_slice::<Value>(data) else {
        return Err(Kind::NotJson);
    };
    let mut notes = Vec::new();
    match data.get("id") {
        Some(Value::String(own)) if own == id => {}
        Some(Value::String(own)) if !own.is_empty() => notes.push(Kind::IdDiffers),
        _ => return Err(Kind::NoId),
    }
    let author = match data.get("author") {
        Some(Value::Number(number)) => number.as_u64().and_then(|number| Id::from_number(number).ok()),
        Some(Value::String(text)) => Id::parse(text).ok(),
        _ => None,
    };
    let author = author.ok_or(Kind::NoAuthor)?;
    let kind = data.get("type").and_then(Value::as_str).and_then(BodyKind::named);
    let body = body(kind.ok_or(Kind::UnknownType)?, &data, &mut notes)?;
    let metadata = metadata(&data, &mut notes);
    if data.keys().any(|field| !FIELDS.contains(&field.as_str())) {
        notes.push(Kind::FieldLeft);
    }
    Ok(Read {
        author,
        draft: Draft {
            body,
            metadata,
            reply_to: None,
            mentions: Vec::new(),
            retry_key: None,
        },
        sent_ms: data.get("timestamp").and_then(sent_ms),
        seen: data.get("status").and_then(Value::as_str) == Some("seen"),
        notes,
    })
}

fn body(kind: BodyKind, data: &Map<String, Value>, notes: &mut Vec<Kind>) -> Result<Body, Kind> {
    // The old server took any JSON value that JavaScript takes for true.
    let content = match data.get(kind.name()) {
        None | Some(Value::Null | Value::Bool(false)) => return Err(Kind::NoContent),
        Some(Value::String(text)) if text.is_empty() => return Err(Kind::NoContent),
        Some(Value::String(text)) => text.clone(),
        Some(other) => {
            notes.push(Kind::NotText);
            other.to_string()
        }
    };
    if kind == BodyKind::Image {
        match Body::new(kind, content.clone()) {
            Ok(image) => return Ok(image),
            Err(_) => notes.push(Kind::ImageAsText),
        }
    }
    match Body::new(BodyKind::Text, content.clone()) {
        Err(InvalidMessage::TextTooLong(_) | InvalidMessage::TextTooLongInJson(_)) => {
            notes.push(Kind::TextCut);
            Body::new(BodyKind::Text, cut(&content))
        }
        body => body,
    }
    .map_err(|_| Kind::Invisible)
}

/// The beginning of a text that fits both limits together with the mark of a cut.
fn cut(text: &str) -> String {
    let (mut bytes, mut in_json) = (CUT.len_utf8(), CUT.len_utf8());
    let fits = |character: &char| {
        bytes += character.len_utf8();
        in_json += match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            '\0'..' ' => 6,
            other => other.len_utf8(),
        };
        bytes <= TEXT_BYTES && in_json <= TEXT_JSON_BYTES
    };
    text.chars().take_while(fits).chain([CUT]).collect()
}

fn metadata(data: &Map<String, Value>, notes: &mut Vec<Kind>) -> Option<Metadata> {
    let metadata = data.get("metadata").filter(|value| !value.is_null())?;
    let read = wire::metadata(&metadata.to_string()).ok();
    if read.is_none() {
        notes.push(Kind::MetadataLeft);
    }
    read
}

/// A time: what `Date.prototype.toISOString` writes, or a number of milliseconds.
fn sent_ms(timestamp: &Value) -> Option<u64> {
    let ms = match timestamp {
        Value::String(text) => DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis(),
        other => other.as_i64()?,
    };
    u64::try_from(ms).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ID: &str = "215066e1-e4a6-4a67-93b3-372519f7dfff";

    fn message(changes: &Value) -> Value {
        let mut message = json!({
            "id": ID, "author": 388_636, "timestamp": "2016-06-02T21:38:36.342Z", "type": "text", "text": "Hello"
        });
        let fields = message.as_object_mut().unwrap();
        for (name, value) in changes.as_object().unwrap() {
            fields.insert(name.clone(), value.clone());
        }
        message
    }

    fn taken(changes: &Value) -> Result<Read, Kind> {
        read(ID, message(changes).to_string().as_bytes())
    }

    #[test]
    fn a_message_of_the_old_server_is_a_message() {
        let read = taken(&json!({"status": "seen", "metadata": {"a": [1]}})).unwrap();
        assert_eq!(
            (read.author.to_string(), read.sent_ms),
            ("388636".to_owned(), Some(1_464_903_516_342))
        );
        assert_eq!((read.draft.body.content(), read.seen), ("Hello", true));
        assert_eq!(read.draft.metadata.unwrap().as_json(), "{\"a\":[1]}");
        assert_eq!(read.notes, []);
        let image = taken(&json!({"type": "image", "image": "https://img.example/cat.png"})).unwrap();
        assert_eq!(image.draft.body.kind(), BodyKind::Image);
    }

    #[test]
    fn what_is_no_message_is_named() {
        let kinds = [
            (json!({"id": null}), Kind::NoId),
            (json!({"author": null}), Kind::NoAuthor),
            (json!({"author": 1.5}), Kind::NoAuthor),
            (json!({"author": "a b"}), Kind::NoAuthor),
            (json!({"type": "gif"}), Kind::UnknownType),
            (json!({"text": ""}), Kind::NoContent),
            (json!({"type": "image"}), Kind::NoContent),
            (json!({"text": " \n"}), Kind::Invisible),
        ];
        for (changes, kind) in kinds {
            assert_eq!(taken(&changes).unwrap_err(), kind, "{changes}");
        }
        assert_eq!(read(ID, b"{\"id\":").unwrap_err(), Kind::NotJson);
        assert_eq!(read(ID, b"[]").unwrap_err(), Kind::NotJson);
    }

    #[test]
    fn what_is_changed_is_noted() {
        let kinds = [
            (json!({"id": "another"}), Kind::IdDiffers, "Hello"),
            (json!({"text": 5}), Kind::NotText, "5"),
            (json!({"text": {"a": 1}}), Kind::NotText, "{\"a\":1}"),
            (
                json!({"type": "image", "image": "http://a.b/c"}),
                Kind::ImageAsText,
                "http://a.b/c",
            ),
            (json!({"metadata": [1]}), Kind::MetadataLeft, "Hello"),
            (json!({"metadata": {"__proto__": 1}}), Kind::MetadataLeft, "Hello"),
            (json!({"colour": "red"}), Kind::FieldLeft, "Hello"),
        ];
        for (changes, kind, content) in kinds {
            let read = taken(&changes).unwrap();
            assert_eq!(
                (read.notes, read.draft.body.content()),
                (vec![kind], content),
                "{changes}"
            );
        }
    }

    #[test]
    fn a_long_text_is_cut_to_both_limits() {
        for text in ["ä".repeat(1_000_000), "\u{1}x\"".repeat(100_000), "🦀".repeat(5_000)] {
            let read = taken(&json!({ "text": text })).unwrap();
            assert_eq!(read.notes, [Kind::TextCut]);
            let cut = read.draft.body.content().strip_suffix(CUT).unwrap();
            assert!(text.starts_with(cut) && cut.len() > 6_000, "{}", cut.len());
        }
    }

    #[test]
    fn a_time_may_be_missing() {
        for (time, ms) in [
            (json!("yesterday"), None),
            (json!(null), None),
            (json!(-1), None),
            (json!(1_464_903_516_342_u64), Some(1_464_903_516_342)),
        ] {
            assert_eq!(taken(&json!({ "timestamp": time })).unwrap().sent_ms, ms, "{time}");
        }
    }
}
