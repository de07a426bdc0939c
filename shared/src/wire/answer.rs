//! The bodies of answers.

use serde::Serialize;
use serde_json::value::RawValue;

use super::message::{ConversationState, IdJson, MessageJson, Timestamp, target_parts};
use crate::domain::{Conversation, Id, Message, Page, Target, User, Window, total_pages};
use crate::error::ApiError;
use crate::ports::{History, Inbox, InboxEntry, Profile, Profiles};

/// The body of every error, and the `error` of an error frame.
#[derive(Debug, Serialize)]
pub struct ErrorBody {
    error: bool,
    code: Option<&'static str>,
    name: &'static str,
    message: String,
    status: u16,
    request_id: String,
}

/// Writes an error for the client, with the id under which its request stands in the logs.
pub fn error_body(error: &ApiError, request_id: &str) -> ErrorBody {
    ErrorBody {
        error: true,
        code: error.code(),
        name: error.name(),
        message: error.to_string(),
        status: error.status(),
        request_id: request_id.to_owned(),
    }
}

/// The answer of `GET /api`.
#[derive(Debug, Serialize)]
pub struct WelcomeAnswer {
    authenticated: bool,
    message: &'static str,
    success: bool,
}

impl WelcomeAnswer {
    /// Welcomes a client, with a token or without.
    pub fn new(authenticated: bool) -> Self {
        Self {
            authenticated,
            message: "Welcome to a realtime chat API",
            success: true,
        }
    }
}

/// The answer to a send or an update.
#[derive(Debug, Serialize)]
pub struct EntryAnswer {
    state: ConversationState,
    entry: Option<MessageJson<IdJson>>,
}

impl EntryAnswer {
    /// Shows the message to the one who sent or changed it.
    pub fn new(conversation: &Conversation, user: &User, rev: u64, message: Option<&Message>) -> Self {
        Self {
            state: ConversationState::new(conversation, user, rev),
            entry: message.map(MessageJson::from),
        }
    }
}

/// The answer to a deletion.
#[derive(Debug, Serialize)]
pub struct DeletedAnswer {
    state: ConversationState,
    message: &'static str,
    success: bool,
}

impl DeletedAnswer {
    /// Confirms the deletion to the one who asked for it.
    pub fn new(conversation: &Conversation, user: &User, rev: u64) -> Self {
        Self {
            state: ConversationState::new(conversation, user, rev),
            message: "Message deleted",
            success: true,
        }
    }
}

#[derive(Debug, Serialize)]
struct HistoryState {
    key: String,
    page: Option<u64>,
    per_page: u64,
    total: u64,
    total_pages: u64,
    rev: u64,
    next: Option<String>,
    prev: Option<String>,
}

/// The answer of a history.
#[derive(Debug, Serialize)]
pub struct HistoryAnswer {
    state: HistoryState,
    entry: ProfileJson,
    messages: Vec<MessageJson<ProfileJson>>,
}

/// A part of a conversation, with the platform's objects in place of ids.
///
/// `state.prev` is what to give as `before` for older messages and `state.next` as `after` for newer ones; null where there are none.
pub fn history(
    conversation: &Conversation,
    target: &Target,
    window: &Window,
    history: &History,
    profiles: &Profiles,
) -> HistoryAnswer {
    let (page, per_page) = match *window {
        Window::Page(page) => (Some(page.number), page.per_page),
        Window::Before(_, per_page) | Window::After(_, per_page) | Window::Around(_, per_page) => (None, per_page),
    };
    let Target::User(other) = target;
    HistoryAnswer {
        state: HistoryState {
            key: conversation.key(),
            page,
            per_page,
            total: history.total,
            total_pages: total_pages(history.total, per_page),
            rev: history.revision,
            next: history
                .messages
                .last()
                .filter(|_| history.newer)
                .map(|message| message.id.to_string()),
            prev: history
                .messages
                .first()
                .filter(|_| history.older)
                .map(|message| message.id.to_string()),
        },
        entry: ProfileJson::of(other, profiles),
        messages: history
            .messages
            .iter()
            .map(|message| MessageJson::by(ProfileJson::of(&message.author, profiles), message))
            .collect(),
    }
}

/// What the platform says about an id. In its place: the bare id when the platform is silent; also `unknown` for an id that it does not know.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ProfileJson {
    Known(Box<RawValue>),
    Bare { id: IdJson },
    Unknown { id: IdJson, unknown: bool },
}

impl ProfileJson {
    fn of(id: &Id, profiles: &Profiles) -> Self {
        let bare = || Self::Bare { id: IdJson(id.clone()) };
        match profiles.get(id) {
            Some(Profile::Known(json)) => RawValue::from_string(json.to_string()).map_or_else(|_| bare(), Self::Known),
            Some(Profile::Unknown) => Self::Unknown {
                id: IdJson(id.clone()),
                unknown: true,
            },
            Some(Profile::Unavailable) | None => bare(),
        }
    }
}

#[derive(Debug, Serialize)]
struct ListState {
    key: String,
    page: u64,
    per_page: u64,
    total: u64,
    total_pages: u64,
    unread_total: u64,
}

/// The answer of the inbox.
#[derive(Debug, Serialize)]
pub struct ListAnswer {
    state: ListState,
    entries: Vec<ListEntry>,
}

#[derive(Debug, Serialize)]
struct ListEntry {
    #[serde(rename = "type")]
    kind: &'static str,
    id: IdJson,
    latest: Option<MessageJson<IdJson>>,
    timestamp: ListTimestamp,
    unread: u64,
    rev: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<ProfileJson>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum ListTimestamp {
    Full(Timestamp),
    Milliseconds(u64),
}

/// A part of an inbox. Without profiles, entries are plain and their time is in milliseconds.
pub fn list(user: &User, page: Page, inbox: &Inbox, profiles: Option<&Profiles>) -> ListAnswer {
    let entry = |entry: &InboxEntry| {
        let (kind, id) = target_parts(&entry.target);
        ListEntry {
            kind,
            latest: entry.latest.as_ref().map(MessageJson::from),
            timestamp: match profiles {
                Some(_) => ListTimestamp::Full(Timestamp::from_ms(entry.activity_ms)),
                None => ListTimestamp::Milliseconds(entry.activity_ms),
            },
            unread: entry.unread,
            rev: entry.revision,
            user: profiles.map(|profiles| ProfileJson::of(&id.0, profiles)),
            id,
        }
    };
    ListAnswer {
        state: ListState {
            key: user.inbox_key(),
            page: page.number,
            per_page: page.per_page,
            total: inbox.total,
            total_pages: total_pages(inbox.total, page.per_page),
            unread_total: inbox.unread_total,
        },
        entries: inbox.entries.iter().map(entry).collect(),
    }
}
