//! The events of a template's functions: routes of the HTTP API, messages of queues, schedules.

use std::time::Duration;

use super::{
    http::{self, HttpRoute},
    intrinsics::Scope,
    known, queue,
    wrong::Wrong,
    yaml::{Node, scalar},
};

/// The most messages of a batch without a batching window, which the local stack does not play.
///
/// # Source
/// Lambda developer guide, "Lambda parameters for Amazon SQS event source mappings".
const BATCH_MAX: usize = 10;
/// How many batches a mapping may be given as its maximum.
///
/// # Source
/// Lambda developer guide, "Configuring scaling behavior for SQS event source mappings": 2 to 1,000.
const CONCURRENCY: std::ops::RangeInclusive<usize> = 2..=1000;

/// A function gets the messages of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueMapping {
    /// Logical id of the function.
    pub function: String,
    /// Logical id of the queue.
    pub queue: String,
    /// `BatchSize`: the most messages of one event.
    pub batch: usize,
    /// Whether the function's answer says which messages failed (`ReportBatchItemFailures`). Without it, no answer is read.
    pub reports_failures: bool,
    /// `MaximumConcurrency`: the most batches that are in work at a time.
    pub concurrency: Option<usize>,
}

/// A function runs on a schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// Logical id of the function.
    pub function: String,
    /// The event's name, of which the rule's name is made.
    pub name: String,
    /// The time from one run to the next.
    pub every: Duration,
}

/// The events of all functions.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// Routes of HTTP APIs, each with the id of its API.
    pub(super) http_routes: Vec<(String, HttpRoute)>,
    pub(super) mappings: Vec<QueueMapping>,
    pub(super) schedules: Vec<Schedule>,
}

impl Events {
    /// Adds the events of a function.
    ///
    /// # Errors
    /// [`Wrong`], at the first event that the local stack can't serve.
    pub(super) fn read(&mut self, scope: &Scope<'_>, function: &str, properties: Option<&Node>) -> Result<(), Wrong> {
        let Some(events) = properties.and_then(|properties| properties.get("Events")) else {
            return Ok(());
        };
        for (name, event) in events.entries("Events")? {
            let kind = event
                .get("Type")
                .ok_or_else(|| event.wrong(format!("the event {name} has no Type")))?;
            match scalar(kind, "Type")? {
                "HttpApi" => http::route(scope, function, (name, event), &mut self.http_routes)?,
                "SQS" => self.mappings.push(mapping(scope, function, (name, event))?),
                "Schedule" => self.schedules.push(schedule(scope, function, (name, event))?),
                _ => {
                    return Err(kind.wrong(format!(
                        "the local stack serves events of the types HttpApi, SQS and Schedule, and {name} is another"
                    )));
                }
            }
        }
        Ok(())
    }
}

fn mapping(scope: &Scope<'_>, function: &str, (name, event): (&str, &Node)) -> Result<QueueMapping, Wrong> {
    let properties = event.get("Properties");
    known::only(known::SQS_EVENT, properties, &format!("the event {name}"))?;
    let property = |key: &str| properties.and_then(|all| all.get(key));
    let arn = property("Queue").ok_or_else(|| event.wrong(format!("the event {name} needs Queue")))?;
    let batch = queue::number(scope, property("BatchSize"), "BatchSize", 1..=BATCH_MAX)?;
    let types = property("FunctionResponseTypes").map_or(Ok(Vec::new()), |list| scope.texts(list))?;
    let scaling = property("ScalingConfig");
    known::only(&["MaximumConcurrency"], scaling, "ScalingConfig")?;
    let most = scaling.and_then(|scaling| scaling.get("MaximumConcurrency"));
    Ok(QueueMapping {
        function: function.to_owned(),
        queue: queue::of_arn(scope, arn)?,
        batch: batch.unwrap_or(BATCH_MAX),
        reports_failures: types.iter().any(|kind| kind == "ReportBatchItemFailures"),
        concurrency: queue::number(scope, most, "MaximumConcurrency", CONCURRENCY)?,
    })
}

/// # Source
/// Amazon `EventBridge` user guide, "Rate expressions reference": `rate(1 minute)`, and in the plural for more than one.
fn schedule(scope: &Scope<'_>, function: &str, (name, event): (&str, &Node)) -> Result<Schedule, Wrong> {
    let properties = event.get("Properties");
    known::only(known::SCHEDULE_EVENT, properties, &format!("the event {name}"))?;
    let written = properties.and_then(|all| all.get("Schedule"));
    let written = written.ok_or_else(|| event.wrong(format!("the event {name} needs Schedule")))?;
    let text = scope.required(written)?;
    let rate = text.strip_prefix("rate(").and_then(|rest| rest.strip_suffix(')'));
    let parts = rate.and_then(|rate| rate.split_once(' '));
    let every = parts.and_then(|(value, unit)| {
        let value: u32 = value.parse().ok().filter(|value| *value > 0)?;
        let seconds = match (value, unit) {
            (1, "minute") | (2.., "minutes") => 60,
            (1, "hour") | (2.., "hours") => 3600,
            (1, "day") | (2.., "days") => 86_400,
            _ => return None,
        };
        Some(Duration::from_secs(seconds) * value)
    });
    Ok(Schedule {
        function: function.to_owned(),
        name: name.to_owned(),
        every: every.ok_or_else(|| {
            written.wrong(format!(
                "the local stack knows rates as rate(1 minute) and rate(5 minutes), and no {text}"
            ))
        })?,
    })
}
