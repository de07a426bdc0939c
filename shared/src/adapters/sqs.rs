//! Handing jobs over through SQS.

use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::retry::RetryConfig;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::config::{BehaviorVersion, Config, Region};
use tracing::Instrument as _;

use super::aws;
use crate::config::QueueConfig;
use crate::domain::Job;
use crate::ports::{Queue, Unavailable};
use crate::trace::part;
use crate::wire;

/// Tries at one request, the first included.
const ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(50);
/// How long one attempt may take, and how long its TCP and TLS connection may take to stand.
const ATTEMPT_LIMIT: Duration = Duration::from_millis(1_500);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
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
    config: QueueConfig,
    client: OnceLock<Client>,
}

impl SqsQueue {
    /// Prepares the client when a job is handed over for the first time: most requests need none.
    pub fn new(config: QueueConfig) -> Self {
        Self {
            config,
            client: OnceLock::new(),
        }
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| prepare(self.config.clone()))
    }
}

fn prepare(config: QueueConfig) -> Client {
    let region = Region::new(config.access.region.clone());
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(config.endpoint)
        .region(region)
        .credentials_provider(aws::credentials(config.access))
        .http_client(aws::http_client())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(FIRST_WAIT),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_LIMIT)
                .operation_attempt_timeout(ATTEMPT_LIMIT)
                .build(),
        )
        .build();
    Client::from_conf(config)
}

/// Whole seconds, rounded up, at most as many as SQS takes.
fn seconds(time: Duration, most: u64) -> Option<i32> {
    let whole = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    i32::try_from(whole.min(most)).ok()
}

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> Unavailable {
    Unavailable::new("sqs", error)
}

#[async_trait]
impl Queue for SqsQueue {
    async fn hand_over(&self, job: &Job, after: Duration) -> Result<(), Unavailable> {
        let part = part!("sqs");
        let request = self
            .client()
            .send_message()
            .queue_url(&self.config.url)
            .message_body(wire::job(job))
            .set_delay_seconds(seconds(after, DELAY_MAX_S));
        let sent = request.send().instrument(part.clone()).await;
        if sent.is_err() {
            part.record("fault", true);
        }
        sent.map(drop).map_err(unavailable)
    }

    async fn put_off(&self, receipt: &str, by: Duration) -> Result<(), Unavailable> {
        let request = self
            .client()
            .change_message_visibility()
            .queue_url(&self.config.url)
            .receipt_handle(receipt)
            .set_visibility_timeout(seconds(by, HIDDEN_MAX_S));
        request.send().await.map(drop).map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_whole_seconds_within_the_limit() {
        assert_eq!(seconds(Duration::ZERO, DELAY_MAX_S), Some(0));
        assert_eq!(seconds(Duration::from_millis(1), DELAY_MAX_S), Some(1));
        assert_eq!(seconds(Duration::from_millis(29_001), DELAY_MAX_S), Some(30));
        assert_eq!(seconds(Duration::from_hours(1), DELAY_MAX_S), Some(900));
        assert_eq!(seconds(Duration::MAX, HIDDEN_MAX_S), Some(43_200));
    }
}
