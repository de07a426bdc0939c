//! Ids, timestamps and messages in JSON.

use chrono::{DateTime, SecondsFormat};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use crate::domain::{BodyKind, Change, Conversation, Id, Message, Quote, Reacted, Reads};

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
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<QuoteJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<IdJson>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactedJson>,
    /// The platform itself wrote it.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    system: bool,
}

/// The message that another one replies to.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
enum QuoteJson {
    Quoted {
        id: String,
        seq: u64,
        rev: u64,
        author: IdJson,
        #[serde(rename = "type")]
        kind: &'static str,
        excerpt: String,
    },
    Deleted {
        id: String,
        seq: u64,
        deleted: bool,
    },
}

impl From<&Quote> for QuoteJson {
    fn from(quote: &Quote) -> Self {
        let (id, seq) = (quote.id.to_string(), quote.id.seq);
        match &quote.quoted {
            Some(quoted) => Self::Quoted {
                id,
                seq,
                rev: quoted.rev,
                author: IdJson(quoted.author.clone()),
                kind: quoted.kind.name(),
                excerpt: quoted.excerpt.clone(),
            },
            None => Self::Deleted { id, seq, deleted: true },
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct ReactedJson {
    reaction: String,
    count: u64,
    users: Vec<IdJson>,
    mine: bool,
}

/// Who reads a message, and what the reader knows of it.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    /// The user.
    pub id: &'a Id,
    /// How far members of a direct conversation have read.
    pub reads: &'a Reads,
    /// Which of its reactions are the reader's, one bit for each; `None` where the message says it itself.
    pub reacted: Option<u32>,
}

impl<'a> Reader<'a> {
    /// A reader to whom the message says itself which reactions are the reader's.
    pub fn new(id: &'a Id, reads: &'a Reads) -> Self {
        let reacted = None;
        Self { id, reads, reacted }
    }
}

impl<A> MessageJson<A> {
    /// A message with this in place of its author, as it looks to a reader.
    pub fn by(author: A, message: &Message, reader: Reader<'_>) -> Self {
        let reacted = |(place, given): (usize, &Reacted)| ReactedJson {
            reaction: given.reaction.as_str().to_owned(),
            count: given.count,
            users: given.users.iter().cloned().map(IdJson).collect(),
            mine: reader.reacted.map_or(given.mine, |bits| bits >> place & 1 == 1),
        };
        let own_name = message.retry_key.as_ref().filter(|_| message.author == *reader.id);
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
            status: reader.reads.have_seen(message).then_some("seen"),
            metadata: message
                .metadata
                .as_ref()
                .and_then(|json| RawValue::from_string(json.as_json().to_owned()).ok()),
            client_id: own_name.map(ToString::to_string),
            reply_to: message.reply_to.as_ref().map(QuoteJson::from),
            mentions: message.mentions.iter().cloned().map(IdJson).collect(),
            reactions: message.reactions.iter().enumerate().map(reacted).collect(),
            system: message.author.is_system(),
        }
    }
}

impl MessageJson<IdJson> {
    /// A message as it looks to a reader.
    pub fn new(message: &Message, reader: Reader<'_>) -> Self {
        Self::by(IdJson(message.author.clone()), message, reader)
    }
}

/// Which conversation an answer or event is about.
#[derive(Clone, Debug, Serialize)]
pub struct ConversationState {
    key: String,
    inbox_key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rev: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prev_rev: Option<u64>,
}

impl ConversationState {
    /// The conversation as that user names it, for what does not change it.
    pub fn new(conversation: &Conversation, user: &Id) -> Self {
        Self {
            key: conversation.key(),
            inbox_key: conversation.as_seen_by(user).to_string(),
            rev: None,
            prev_rev: None,
        }
    }

    /// The same as of a revision. `prev_rev` is the one before it, which a client must know to have missed nothing.
    #[must_use]
    pub fn at(mut self, rev: u64, prev_rev: Option<u64>) -> Self {
        (self.rev, self.prev_rev) = (Some(rev), prev_rev);
        self
    }

    /// The read position in a change. A position that only its member sees has no revision.
    pub(super) fn after(conversation: &Conversation, user: &Id, change: &Change) -> Self {
        let state = Self::new(conversation, user);
        if change.private {
            return state;
        }
        state.at(change.rev, change.prev_rev)
    }
}
