//! What a chat is: pure types and the rules they keep.

mod access;
mod change;
mod conversation;
mod cursor;
mod ids;
pub mod limits;
mod message;
mod page;

pub use access::TopicAccess;
pub use change::{Change, ChangeKind, Decision, Latest, Member, Outcome, Place, Projection, Reads};
pub use conversation::{Conversation, Target, User};
pub use cursor::{Cursor, InvalidCursor};
pub use ids::{
    ConnectionId, Domain, Id, InvalidConnectionId, InvalidDomain, InvalidId, InvalidRetryKey, MessageId, RetryKey,
};
pub use message::{Body, BodyKind, Edit, InvalidMessage, Message, Metadata, MetadataEdit};
pub use page::{InvalidPage, Page, Window, total_pages};
