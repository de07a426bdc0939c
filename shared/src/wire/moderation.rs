//! Blocks and reports in JSON.

use serde::Serialize;
use serde_json::value::RawValue;

use super::changes::fitting;
use super::message::{IdJson, MessageJson, Reader, Timestamp};
use super::to_json;
use crate::domain::{Conversation, Id, Message, Reads, Report, Target, TimePlace};
use crate::ports::{BlocksPage, Filed, ReportsPage};

/// The answer to blocking or unblocking a user.
#[derive(Debug, Serialize)]
pub struct BlockAnswer {
    id: IdJson,
    blocked: bool,
}

impl BlockAnswer {
    /// Says whether the caller has blocked that user.
    pub fn new(id: Id, blocked: bool) -> Self {
        Self {
            id: IdJson(id),
            blocked,
        }
    }
}

#[derive(Debug, Serialize)]
struct BlockJson {
    id: IdJson,
    since: Timestamp,
}

/// A part of a list whose newest entries come first; `next` is the `after` of the next part.
#[derive(Debug, Serialize)]
struct PageJson<E> {
    entries: Vec<E>,
    next: Option<String>,
}

impl<E> PageJson<E> {
    fn new(entries: impl Iterator<Item = E>, next: Option<&TimePlace>) -> Self {
        Self {
            entries: entries.collect(),
            next: next.map(ToString::to_string),
        }
    }
}

/// The users whom a user has blocked.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct BlocksAnswer(PageJson<BlockJson>);

impl BlocksAnswer {
    /// Shows them to that user.
    pub fn new(page: &BlocksPage) -> Self {
        let entry = |(id, since): &(Id, u64)| BlockJson {
            id: IdJson(id.clone()),
            since: Timestamp::from_ms(*since),
        };
        Self(PageJson::new(page.blocks.iter().map(entry), page.next.as_ref()))
    }
}

/// The answer to a report.
#[derive(Debug, Serialize)]
pub struct ReportAnswer {
    id: String,
    reported: Timestamp,
}

impl ReportAnswer {
    /// Confirms the report to the user who made it.
    pub fn new(filed: Filed) -> Self {
        Self {
            id: filed.id.to_string(),
            reported: Timestamp::from_ms(filed.reported_ms),
        }
    }
}

/// The conversation of a message, as the platform names it: `b` only in a direct conversation.
#[derive(Debug, Serialize)]
struct PlaceJson {
    target: &'static str,
    a: IdJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    b: Option<IdJson>,
}

impl PlaceJson {
    fn new(conversation: &Conversation, reporter: &Id) -> Self {
        match conversation.as_seen_by(reporter) {
            Target::Topic(id) => Self {
                target: "topic",
                a: IdJson(id),
                b: None,
            },
            Target::User(other) => Self {
                target: "user",
                a: IdJson(reporter.min(&other).clone()),
                b: Some(IdJson(reporter.max(&other).clone())),
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct ResolvedJson {
    #[serde(flatten)]
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
}

/// A report, as the platform sees it.
#[derive(Debug, Serialize)]
pub struct ReportJson {
    id: String,
    reported: Timestamp,
    reporter: IdJson,
    reason: String,
    conversation: PlaceJson,
    message: Option<MessageJson<IdJson>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    deleted: bool,
    earlier: Vec<MessageJson<IdJson>>,
    resolved: Option<ResolvedJson>,
}

impl ReportJson {
    /// Shows a report to the platform, with the message as it was then.
    pub fn new(report: &Report) -> Self {
        let reads = Reads::default();
        let shown = |message: &Message| MessageJson::new(message, Reader::new(&report.reporter, &reads));
        Self {
            id: report.id.to_string(),
            reported: Timestamp::from_ms(report.reported_ms),
            reporter: IdJson(report.reporter.clone()),
            reason: report.reason.clone(),
            conversation: PlaceJson::new(&report.conversation, &report.reporter),
            message: report.message.as_ref().map(shown),
            deleted: report.deleted,
            earlier: report.earlier.iter().map(shown).collect(),
            resolved: report.resolved.as_ref().map(|resolved| ResolvedJson {
                at: Timestamp::from_ms(resolved.ms),
                note: resolved.note.clone(),
            }),
        }
    }
}

/// A part of the reports of a site.
#[derive(Debug, Serialize)]
#[serde(transparent)]
pub struct ReportsAnswer(PageJson<Box<RawValue>>);

impl ReportsAnswer {
    /// Shows the platform as many of them as fit into so many bytes, but at least one.
    pub fn new(page: &ReportsPage, bytes: usize) -> Self {
        let all = page.reports.iter();
        let shown = fitting(all.map(|report| to_json(&ReportJson::new(report))), bytes);
        let last = page.reports.get(shown.len().saturating_sub(1));
        let cut = last.filter(|_| shown.len() < page.reports.len()).map(|last| TimePlace {
            ms: last.reported_ms,
            name: last.id.to_string(),
        });
        Self(PageJson::new(shown.into_iter(), cut.as_ref().or(page.next.as_ref())))
    }
}
