//! The export and the erasure of a user in JSON.

use serde::Serialize;

use super::inbox::EntryJson;
use super::message::{IdJson, MessageJson, Reader, Timestamp};
use super::oversight::BanAnswer;
use super::request::RequestBody;
use super::to_json;
use crate::domain::{Conversation, DirectConversations, Erasure, Reads, Target, User};
use crate::error::ApiError;
use crate::ports::{ExportLine, ExportPage};

impl RequestBody<'_> {
    /// What becomes of direct conversations; absent, they are kept.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but `keep` or `remove`.
    pub fn conversations(&self) -> Result<DirectConversations, ApiError> {
        const EXPECTED: &str = "keep or remove";
        let word = self.properties().optional_text("conversations", EXPECTED)?;
        let word = word.map(|word| DirectConversations::parse(&word));
        word.map_or(Ok(DirectConversations::default()), |word| {
            word.ok_or(ApiError::InvalidField {
                field: "conversations",
                expected: EXPECTED,
            })
        })
    }
}

/// How far an erasure is.
#[derive(Debug, Serialize)]
pub struct ErasureAnswer {
    job: String,
    state: &'static str,
    conversations: &'static str,
}

impl ErasureAnswer {
    /// Shows an erasure to the platform.
    pub fn new(erasure: &Erasure) -> Self {
        Self {
            job: erasure.job.clone(),
            state: erasure.state.name(),
            conversations: erasure.conversations.name(),
        }
    }
}

/// A line of an export.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum LineJson {
    User(BanAnswer),
    Block {
        id: IdJson,
        since: Timestamp,
    },
    Conversation {
        key: String,
        entry: Box<EntryJson>,
    },
    Message {
        key: String,
        entry: Box<MessageJson<IdJson>>,
    },
    Reaction {
        key: String,
        message_id: String,
        reaction: String,
    },
    Report {
        id: String,
        reported: Timestamp,
        reason: String,
        key: String,
        message_id: Option<String>,
    },
}

/// The lines of a page of an export, one JSON object in each. `key` is the conversation, as clients know it.
pub fn export_lines(user: &User, page: &ExportPage) -> String {
    let key = |target: &Target| Conversation::of(user, target).key();
    let line = |line: &ExportLine| match line {
        ExportLine::User(ban) => LineJson::User(BanAnswer::new(user, ban.clone())),
        ExportLine::Block(id, since) => LineJson::Block {
            id: IdJson(id.clone()),
            since: Timestamp::from_ms(*since),
        },
        ExportLine::Conversation(entry) => LineJson::Conversation {
            key: key(&entry.target),
            entry: Box::new(EntryJson::new(entry, &user.id)),
        },
        ExportLine::Message(target, message) => LineJson::Message {
            key: key(target),
            entry: Box::new(MessageJson::new(message, Reader::new(&user.id, &Reads::default()))),
        },
        ExportLine::Reaction(target, id, reaction) => LineJson::Reaction {
            key: key(target),
            message_id: id.to_string(),
            reaction: reaction.as_str().to_owned(),
        },
        ExportLine::Report(report) => LineJson::Report {
            id: report.id.to_string(),
            reported: Timestamp::from_ms(report.reported_ms),
            reason: report.reason.clone(),
            key: report.conversation.key(),
            message_id: report.message.as_ref().map(|message| message.id.to_string()),
        },
    };
    let mut lines = String::new();
    for one in &page.lines {
        lines.push_str(&to_json(&line(one)));
        lines.push('\n');
    }
    lines
}
