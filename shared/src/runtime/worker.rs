//! The function behind the queue: an event is a batch of jobs, or the schedule's minute.
//!
//! # Source
//! AWS Lambda Developer Guide, "Using Lambda with Amazon SQS" (the event, and `batchItemFailures` of "Implementing partial batch responses");
//! Amazon `EventBridge` User Guide, "Creating a rule that runs on a schedule" (the event of a scheduled rule).

use futures_util::future::join_all;
use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::{StartError, in_time, log};
use crate::adapters::clock::SystemClock;
use crate::error::{ApiError, Chain};
use crate::metrics;
use crate::ports::{Clock as _, Unavailable};

/// A job as the queue delivers it. A queue may deliver a job twice, and jobs in any order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuedJob {
    /// The message's body: the JSON of one job.
    pub body: String,
    /// Names this delivery to the queue.
    pub receipt: String,
    /// How often the queue has delivered this message, this time included.
    pub deliveries: usize,
    /// When Lambda ends the invocation, in milliseconds since 1970.
    pub deadline_ms: u64,
}

/// What an invocation is for.
#[derive(Debug, PartialEq, Eq)]
enum Event {
    /// Jobs, each with the id of its message. SQS never sends none; the function `check` does, to see whether the worker starts.
    Jobs(Vec<(String, QueuedJob)>),
    /// Another minute has passed.
    Minute,
    /// None of the events that `template.yaml` sends to this function.
    Unknown,
}

impl Event {
    /// Reads an event field by field. A field that is missing or of another type counts as empty, so one message that is not as expected does not
    /// keep the others from being done.
    fn new(event: &Value, deadline_ms: u64) -> Self {
        let text = |record: &Value, pointer: &str| -> String {
            let value = record.pointer(pointer).and_then(Value::as_str);
            value.unwrap_or_default().to_owned()
        };
        if text(event, "/source") == "aws.events" && text(event, "/detail-type") == "Scheduled Event" {
            return Self::Minute;
        }
        let Some(records) = event.get("Records").and_then(Value::as_array) else {
            return Self::Unknown;
        };
        let job = |record: &Value| {
            let job = QueuedJob {
                body: text(record, "/body"),
                receipt: text(record, "/receiptHandle"),
                deliveries: text(record, "/attributes/ApproximateReceiveCount").parse().unwrap_or(1),
                deadline_ms,
            };
            (text(record, "/messageId"), job)
        };
        let is_ours = |record: &&Value| text(record, "/eventSource") == "aws:sqs";
        match records.iter().filter(is_ours).map(job).collect::<Vec<_>>() {
            jobs if jobs.is_empty() && !records.is_empty() => Self::Unknown,
            jobs => Self::Jobs(jobs),
        }
    }
}

/// Serves events until Lambda ends the process. `job` is given every job of a batch, all of them at once; `minute` is called each minute with
/// the time when Lambda ends the invocation, in milliseconds since 1970.
///
/// The queue delivers a job again that failed, or that was not done when the time was over. If `minute` fails, the invocation fails.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub async fn serve(
    function: &str,
    job: impl AsyncFn(QueuedJob) -> Result<(), Unavailable>,
    minute: impl AsyncFn(u64) -> Result<(), Unavailable>,
) -> Result<(), StartError> {
    let (job, minute) = (&job, &minute);
    let respond = |LambdaEvent { payload, context }: LambdaEvent<Box<RawValue>>| {
        let span = log::span(function, &context);
        let answering = async move {
            let event = serde_json::from_str(payload.get()).unwrap_or_default();
            let answer = match Event::new(&event, context.deadline) {
                Event::Jobs(jobs) => Ok(do_jobs(jobs, job).await),
                Event::Minute => {
                    let outcome = in_time(context.deadline, async { Ok(minute(context.deadline).await?) }).await;
                    log::log_outcome(outcome.as_ref().map(|()| 200));
                    outcome.map(|()| Value::Null)
                }
                Event::Unknown => {
                    tracing::error!("this event is neither of the queue nor of the schedule");
                    Err(ApiError::RouteNotFound)
                }
            };
            metrics::flush(SystemClock.now_ms());
            answer.map_err(|error| Chain(&error).to_string())
        };
        answering.instrument(span)
    };
    Ok(lambda_runtime::run(service_fn(respond)).await?)
}

/// Does all jobs at once, and returns the answer: which messages the queue has to deliver again.
async fn do_jobs(jobs: Vec<(String, QueuedJob)>, job: impl AsyncFn(QueuedJob) -> Result<(), Unavailable>) -> Value {
    let each = jobs.into_iter().map(|(id, queued)| {
        let job = &job;
        async move {
            let outcome = in_time(queued.deadline_ms, async { Ok(job(queued).await?) }).await;
            log::log_outcome(outcome.as_ref().map(|()| 200));
            outcome.is_err().then_some(id)
        }
    });
    let failed = join_all(each).await.into_iter().flatten();
    json!({"batchItemFailures": failed.map(|id| json!({"itemIdentifier": id})).collect::<Vec<_>>()})
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(bodies: &[&str]) -> Value {
        let record = |(number, body): (usize, &&str)| {
            json!({
                "messageId": format!("id-{number}"), "receiptHandle": "handle", "body": body, "eventSource": "aws:sqs",
                "attributes": {"ApproximateReceiveCount": "3", "SentTimestamp": "1"},
            })
        };
        json!({"Records": bodies.iter().enumerate().map(record).collect::<Vec<_>>()})
    }

    #[test]
    fn the_two_events_of_the_template_are_told_apart() {
        let minute = json!({"version": "0", "detail-type": "Scheduled Event", "source": "aws.events", "detail": {}});
        assert_eq!(Event::new(&minute, 7), Event::Minute);
        let job = QueuedJob {
            body: "{}".to_owned(),
            receipt: "handle".to_owned(),
            deliveries: 3,
            deadline_ms: 7,
        };
        let jobs = Event::new(&batch(&["{}"]), 7);
        assert_eq!(jobs, Event::Jobs(vec![("id-0".to_owned(), job)]));
        assert_eq!(Event::new(&batch(&[]), 7), Event::Jobs(Vec::new()));
        for other in [json!({}), json!({"Records": [{"eventSource": "aws:s3"}]}), json!([7])] {
            assert_eq!(Event::new(&other, 7), Event::Unknown, "{other}");
        }
    }

    #[tokio::test]
    async fn only_failed_and_late_jobs_are_delivered_again() {
        let deadline = SystemClock.now_ms() + 600;
        let Event::Jobs(jobs) = Event::new(&batch(&["good", "bad", "late", "good"]), deadline) else {
            panic!("a batch is jobs")
        };
        let job = async |queued: QueuedJob| match queued.body.as_str() {
            "good" => Ok(()),
            "late" => std::future::pending().await,
            _ => Err(Unavailable::new("test", "it fails")),
        };
        let failures = json!([{"itemIdentifier": "id-1"}, {"itemIdentifier": "id-2"}]);
        assert_eq!(do_jobs(jobs, job).await, json!({"batchItemFailures": failures}));
    }
}
