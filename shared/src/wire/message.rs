//! Ids, timestamps and messages in JSON.

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::{BodyKind, Conversation, Id, Message, Reads, User};

/// An id as clients see it: a number where it is one, else a string.
#[derive(Clone, Debug)]
pub struct IdJson(pub Id);

impl Serialize for IdJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_number() {
            Some(number) => serializer.serialize_u64(number),
            None => serializer.collect_str(&self.0),
        }
    }
}

/// One instant, twice.
#[derive(Clone, Debug, Serialize)]
pub struct Timestamp {
    /// Milliseconds since 1970.
    pub epoch: u64,
    /// The same in ISO 8601, with milliseconds and `Z`.
    pub iso: String,
}

impl Timestamp {
    /// Writes an instant.
    pub fn from_ms(ms: u64) -> Self {
        let instant = i64::try_from(ms)
            .ok()
            .and_then(DateTime::from_timestamp_millis)
            .unwrap_or_default();
        Self {
            epoch: ms,
            iso: instant.to_rfc3339_opts(SecondsFormat::Millis, true),
        }
    }
}

/// A message. `A` is its author: the id, or the platform's object in a history.
#[derive(Clone, Debug, Serialize)]
pub struct MessageJson<A> {
    id: String,
    author: A,
    timestamp: Timestamp,
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
    seq: u64,
    rev: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Box<RawValue>>,
}

impl<A> MessageJson<A> {
    /// A message with this in place of its author, as it looks when members have read so far.
    pub fn by(author: A, message: &Message, reads: &Reads) -> Self {
        let kind = message.body.kind();
        let content = || message.body.content().to_owned();
        Self {
            id: message.id.to_string(),
            author,
            timestamp: Timestamp::from_ms(message.id.ms),
            kind: kind.name(),
            text: (kind == BodyKind::Text).then(content),
            image: (kind == BodyKind::Image).then(content),
            seq: message.id.seq,
            rev: message.rev,
            edited: message.edited_ms.map(Timestamp::from_ms),
            status: reads.have_seen(message).then_some("seen"),
            metadata: message
                .metadata
                .as_ref()
                .and_then(|json| RawValue::from_string(json.as_json().to_owned()).ok()),
        }
    }
}

impl MessageJson<IdJson> {
    /// A message as it looks when members have read so far.
    pub fn new(message: &Message, reads: &Reads) -> Self {
        Self::by(IdJson(message.author.clone()), message, reads)
    }
}

/// Which conversation an answer or event is about.
#[derive(Clone, Debug, Serialize)]
pub struct ConversationState {
    key: String,
    inbox_key: String,
    rev: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_rev: Option<u64>,
}

impl ConversationState {
    /// The conversation as that user names it, as of a revision. `prev_rev` is the one before it, which a client must know to have missed nothing.
    pub fn new(conversation: &Conversation, user: &User, rev: u64, prev_rev: Option<u64>) -> Self {
        Self {
            rev,
            prev_rev,
            key: conversation.key(),
            inbox_key: conversation.as_seen_by(&user.id).to_string(),
        }
    }
}
