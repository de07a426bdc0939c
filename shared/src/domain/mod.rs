//! What a chat is: pure types and the rules they keep.

mod conversation;
mod event;
mod ids;
pub mod limits;
mod message;
mod page;

pub use conversation::{Conversation, Target, User};
pub use event::{Cursor, Event, EventKind, EventLogBounds, EventRef, InvalidCursor, Place};
pub use ids::{
    ConnectionId, Domain, Id, InvalidConnectionId, InvalidDomain, InvalidId, InvalidRetryKey, MessageId, RetryKey,
};
pub use message::{Body, BodyKind, Edit, InvalidMessage, Message, Metadata, MetadataEdit};
pub use page::{InvalidPage, Page, Window, total_pages};
