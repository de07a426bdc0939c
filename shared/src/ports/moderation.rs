//! Reports and earlier versions of messages, for moderators.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::{StoreError, Unavailable};
use crate::domain::{Asker, Conversation, Domain, Message, MessageId, Remark, Report, ReportId, TimePlace, TimeWindow};

/// Earlier versions of messages, the oldest first, by the position of the message.
pub type Versions = BTreeMap<u64, Vec<Message>>;

/// A report that is not filed yet. The same reporter, message and content give the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Complaint {
    /// The site.
    pub domain: Domain,
    /// The id of the report.
    pub id: ReportId,
    /// The report as the store packs it.
    pub packed: Vec<u8>,
}

/// A report that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filed {
    /// Its id.
    pub id: ReportId,
    /// When it was made first, in milliseconds since 1970.
    pub reported_ms: u64,
}

/// The state of the requested reports.
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
    /// Takes a copy of a message that the reporter may read, as it is now, with its kept versions. A deleted message can be reported if its last
    /// version is kept. One round trip.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::NotAMember`], [`StoreError::OwnMessage`], [`StoreError::Unavailable`].
    async fn complaint(
        &self,
        conversation: &Conversation,
        reporter: &Asker,
        id: MessageId,
        reason: &Remark,
    ) -> Result<Complaint, StoreError>;

    /// Files a report. The second call returns the first report. One round trip.
    ///
    /// # Errors
    /// [`StoreError::TooManyReports`], [`StoreError::Unavailable`].
    async fn file(&self, complaint: &Complaint) -> Result<Filed, StoreError>;

    /// Reads a report; `None` if no report has that id. One round trip.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn report_of(&self, domain: &Domain, id: ReportId) -> Result<Option<Report>, Unavailable>;

    /// Reads a part of the reports of a site. A page of long reports ends early.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn reports(&self, domain: &Domain, of: ReportsOf, window: &TimeWindow) -> Result<ReportsPage, Unavailable>;

    /// Resolves a report; `None` if no report has that id. The second call changes nothing, and returns the resolution of the first one.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn resolve(
        &self,
        domain: &Domain,
        id: ReportId,
        note: Option<&Remark>,
    ) -> Result<Option<Report>, Unavailable>;

    /// Reads the kept versions of the messages at these positions, the oldest first. Positions without any are left out. The last version of a
    /// deleted message is its text before the deletion.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn versions(&self, conversation: &Conversation, seqs: &[u64]) -> Result<Versions, Unavailable>;
}
