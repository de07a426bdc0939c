//! Handing jobs over through SQS.

use std::time::Duration;

use async_trait::async_trait;
use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use tracing::Instrument as _;

use super::aws::{Reason, Service, Tries};
use crate::config::QueueConfig;
use crate::domain::Job;
use crate::ports::{Queue, Unavailable};
use crate::trace::part;
use crate::wire;

const TRIES: Tries = Tries {
    most: 3,
    first_wait: Duration::from_millis(50),
    limit: Duration::from_millis(1_500),
};
/// The longest delay of a message, in seconds.
///
/// # Source
/// Amazon SQS API Reference, `SendMessage`, `DelaySeconds`.
const DELAY_MAX_S: u64 = 900;
/// The longest time for which a message is hidden, in seconds.
///
/// # Source
/// Amazon SQS API Reference, `ChangeMessageVisibility`, `VisibilityTimeout`.
const HIDDEN_MAX_S: u64 = 43_200;

/// The queue of the worker.
#[derive(Debug)]
pub struct SqsQueue {
    endpoint: String,
    url: String,
    service: Service,
}

impl SqsQueue {
    /// Makes no HTTP client yet, because most requests hand over no job.
    pub fn new(config: QueueConfig) -> Self {
        Self {
            service: Service::new("sqs", &config.access, TRIES),
            endpoint: config.endpoint,
            url: config.url,
        }
    }

    /// # Source
    /// Amazon SQS developer guide, "Making Query API requests using AWS JSON protocol".
    async fn ask(&self, operation: &str, input: &Value) -> Result<(), Reason> {
        let request = Request::post(format!("{}/", self.endpoint))
            .header(CONTENT_TYPE, "application/x-amz-json-1.0")
            .header("x-amz-target", format!("AmazonSQS.{operation}"))
            .body(input.to_string().into())?;
        match self.service.send(&request, || ()).await? {
            status if status.is_success() => Ok(()),
            status => Err(format!("the answer has the status {status}").into()),
        }
    }
}

/// Whole seconds, rounded up, at most as many as SQS takes.
fn seconds(time: Duration, most: u64) -> u64 {
    let whole = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    whole.min(most)
}

fn unavailable(error: Reason) -> Unavailable {
    Unavailable::new("sqs", error)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn hand_over(&self, job: &Job, after: Duration) -> Result<(), Unavailable> {
        let part = part!("sqs");
        let input = json!({
            "QueueUrl": self.url, "MessageBody": wire::job(job), "DelaySeconds": seconds(after, DELAY_MAX_S),
        });
        let sent = self.ask("SendMessage", &input).instrument(part.clone()).await;
        if sent.is_err() {
            part.record("fault", true);
        }
        sent.map_err(unavailable)
    }

    async fn put_off(&self, receipt: &str, by: Duration) -> Result<(), Unavailable> {
        let input = json!({
            "QueueUrl": self.url, "ReceiptHandle": receipt, "VisibilityTimeout": seconds(by, HIDDEN_MAX_S),
        });
        self.ask("ChangeMessageVisibility", &input).await.map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_within_the_limit() {
        assert_eq!(seconds(Duration::ZERO, DELAY_MAX_S), 0);
        assert_eq!(seconds(Duration::from_millis(1), DELAY_MAX_S), 1);
        assert_eq!(seconds(Duration::from_millis(29_001), DELAY_MAX_S), 30);
        assert_eq!(seconds(Duration::from_hours(1), DELAY_MAX_S), 900);
        assert_eq!(seconds(Duration::MAX, HIDDEN_MAX_S), 43_200);
    }
}
