//! What a chat is: pure types and the rules they keep.

mod access;
mod ban;
mod change;
mod conversation;
mod cursor;
mod erasure;
mod export;
mod ids;
mod job;
pub mod limits;
mod message;
mod page;
mod report;
mod retention;
mod settings;
mod upload;
mod usage;

pub use access::{Actor, Admission, Asker, Principal, Role, TopicAccess, TopicClaim, TopicRules};
pub use ban::Ban;
pub use change::{
    Change, ChangeKind, Decision, Latest, Member, Outcome, Place, Projection, Reads, TopicMember, Watcher,
};
pub use conversation::{Conversation, Target, User};
pub use cursor::{Cursor, InvalidCursor};
pub use erasure::{DirectConversations, Erasure, ErasureState};
pub use export::{ExportPlace, InvalidExportPlace};
pub use ids::{
    ConnectionId, Domain, Id, InvalidConnectionId, InvalidDomain, InvalidId, InvalidRetryKey, MessageId, OldId,
    RetryKey,
};
pub use job::Job;
pub use message::{
    Body, BodyKind, Draft, Edit, InvalidMessage, InvalidReaction, Message, Metadata, MetadataEdit, Quote, Quoted,
    Reacted, Reaction, TooManyReactions,
};
pub use page::{
    InboxPlace, InboxWindow, InvalidInboxPlace, InvalidPage, InvalidTimePlace, MembersPage, Page, TimePlace,
    TimeWindow, Window, total_pages,
};
pub use report::{InvalidRemark, Remark, Report, ReportId, Resolution};
pub use retention::Retention;
pub use settings::{Settings, SettingsEdit};
pub use upload::{ImageType, Upload};
pub use usage::{Bucket, InvalidLimits, Limits, Refusal, Use};
