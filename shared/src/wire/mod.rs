//! The JSON of requests, answers and pushed frames, and its conversion from and to the domain. The only serde types of the core.

mod answer;
mod changes;
mod frame;
mod message;
mod properties;
mod request;

pub use answer::{
    DeletedAnswer, EntryAnswer, ErrorBody, HistoryAnswer, ListAnswer, ProfilesAnswer, WelcomeAnswer, error_body,
    history, list, profiles,
};
pub use changes::{ChangesAnswer, SyncAnswer};
pub use frame::{Pong, event_frame, reply_error, reply_result};
pub use message::{ConversationState, IdJson, MessageJson, Timestamp};
pub(crate) use request::id_from_json;
pub use request::{ClientFrame, ContentBody, cursor, retry_key, revision, target};

use serde::Serialize;

/// Writes a value as JSON text. The shapes of this module always can be.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
