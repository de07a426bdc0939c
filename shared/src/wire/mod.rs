//! The JSON of requests, answers and pushed frames, and its conversion from and to the domain. The only serde types of the core.

mod answer;
mod changes;
mod client_frame;
mod erasure;
#[cfg(test)]
mod fits;
mod frame;
mod inbox;
mod job;
mod message;
mod metadata;
mod moderation;
mod notice;
mod oversight;
mod properties;
mod request;
mod upload;

pub use answer::{
    DeletedAnswer, EntryAnswer, ErrorBody, HistoryAnswer, MemberAnswer, MembersAnswer, PresenceAnswer, ProfilesAnswer,
    ReadAnswer, WelcomeAnswer, error_body, history, members, profiles,
};
pub use changes::{ChangesAnswer, SyncAnswer};
pub use client_frame::ClientFrame;
pub use erasure::{ErasureAnswer, export_lines};
pub use frame::{
    Event, Pong, Taken, change_event, presence_event, reply_error, reply_result, settings_event, typing_event,
};
pub use inbox::{ListAnswer, SettingsAnswer, list};
pub use job::{job, parse_job};
pub use message::{ConversationState, IdJson, MessageJson, Reader, Timestamp};
pub use metadata::metadata;
pub use moderation::{BlockAnswer, BlocksAnswer, ReportAnswer, ReportJson, ReportsAnswer};
pub use notice::{banned, reported, undelivered};
pub use oversight::{BanAnswer, ProfileAnswer, RecordedAnswer, RevokedAnswer};
pub(crate) use request::id_from_json;
pub use request::{
    MessageName, RequestBody, cursor, inbox_place, message_id, message_name, retry_key, revision, target, time_place,
};
pub use upload::UploadAnswer;

use serde::Serialize;

/// Writes a value as JSON text. The shapes of this module always can be.
pub fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
