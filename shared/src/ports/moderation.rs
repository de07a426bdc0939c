//! What moderators look at: reports, and what messages said before they were changed.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{StoreError, Unavailable};
use crate::domain::{Asker, Conversation, Domain, Message, MessageId, Remark, Report, ReportId, TimePlace, TimeWindow};

/// Earlier versions of messages, the oldest first, by the position of the message.
pub type Versions = BTreeMap<u64, Vec<Message>>;

/// A report that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filed {
    /// Its id.
    pub id: ReportId,
    /// When it was made first, in milliseconds since 1970.
    pub reported_ms: u64,
}

/// Which reports are asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReportsOf {
    /// All of them.
    #[default]
    All,
    /// Those that are not resolved.
    Open,
    /// Those that are.
    Resolved,
}

/// A part of the reports of a site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportsPage {
    /// The newest first.
    pub reports: Vec<Report>,
    /// The place behind it, if more follow.
    pub next: Option<TimePlace>,
}

/// Keeps reports, and earlier versions of messages.
#[async_trait]
pub trait Moderation: Send + Sync {
    /// Reports a message that the reporter may read, as it is now and with the earlier versions that are kept. A deleted message can be reported
    /// where its last version is kept. Two round trips. The second call answers the first one, as long as the
    /// message says the same.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NotAMember`], [`StoreError::OwnMessage`], [`StoreError::TooManyReports`],
    /// [`StoreError::Unavailable`].
    async fn report(
        &self,
        conversation: &Conversation,
        reporter: &Asker,
        id: MessageId,
        reason: &Remark,
    ) -> Result<Filed, StoreError>;

    /// Reads a part of the reports of a site. A page of long ones ends early.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn reports(&self, domain: &Domain, of: ReportsOf, window: &TimeWindow) -> Result<ReportsPage, Unavailable>;

    /// Resolves a report; `None` if there is none of that id. The second call changes nothing, and answers what the first one noted.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn resolve(
        &self,
        domain: &Domain,
        id: ReportId,
        note: Option<&Remark>,
    ) -> Result<Option<Report>, Unavailable>;

    /// Reads the earlier versions of the messages at these positions, the oldest first. Positions without any are left out. The last version of
    /// a deleted message is what it said before.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn versions(&self, conversation: &Conversation, seqs: &[u64]) -> Result<Versions, Unavailable>;
}
