//! Reports messages to the platform's moderators, and lets moderators list and resolve reports.

use super::{Caller, Later, asker, conversation};
use crate::domain::{Domain, Job, Remark, Report, ReportId, Target, TimeWindow, TopicRules};
use crate::error::ApiError;
use crate::ports::{Filed, Moderation, ReportsOf, ReportsPage};
use crate::wire;

/// Reports a message of somebody else that the caller may read. A repetition returns the first report, unless the message was edited meanwhile. The
/// worker tells the platform, if there is one.
///
/// # Errors
/// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`] for an own message, [`ApiError::NotAMember`], [`ApiError::TopicNotInToken`],
/// [`ApiError::TooManyReports`], [`ApiError::Unavailable`].
pub async fn report(
    moderation: &dyn Moderation,
    topics: TopicRules,
    later: Option<Later<'_>>,
    caller: &Caller,
    target: &Target,
    message_id: &str,
    reason: &Remark,
) -> Result<Filed, ApiError> {
    let reporter = asker(topics, &caller.principal, target)?;
    let conversation = conversation(&caller.principal.user, target);
    let id = wire::message_id(message_id)?;
    let complaint = moderation.complaint(&conversation, &reporter, id, reason).await?;
    let filing = moderation.file(&complaint);
    let Some(later) = later else {
        return Ok(filing.await?);
    };
    let job = Job::Reported {
        domain: complaint.domain.clone(),
        report: complaint.id,
    };
    let (filed, promise) = later.promising(job, filing).await?;
    later.keep(&promise).await;
    Ok(filed)
}

/// A part of the reports of a site, the newest first. For the platform alone.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn reports(
    moderation: &dyn Moderation,
    domain: &Domain,
    of: ReportsOf,
    window: &TimeWindow,
) -> Result<ReportsPage, ApiError> {
    Ok(moderation.reports(domain, of, window).await?)
}

/// Resolves a report. For the platform alone.
///
/// # Errors
/// [`ApiError::ReportNotFound`], [`ApiError::Unavailable`].
pub async fn resolve(
    moderation: &dyn Moderation,
    domain: &Domain,
    id: ReportId,
    note: Option<&Remark>,
) -> Result<Report, ApiError> {
    let resolved = moderation.resolve(domain, id, note).await?;
    resolved.ok_or(ApiError::ReportNotFound)
}
