//! Pushes through API Gateway's management API.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use aws_sdk_apigatewaymanagement::Client;
use aws_sdk_apigatewaymanagement::config::retry::RetryConfig;
use aws_sdk_apigatewaymanagement::config::timeout::TimeoutConfig;
use aws_sdk_apigatewaymanagement::config::{BehaviorVersion, Config, Region};
use aws_sdk_apigatewaymanagement::error::SdkError;
use aws_sdk_apigatewaymanagement::primitives::Blob;
use bytes::Bytes;
use tracing::Instrument as _;

use super::aws;
use crate::config::PushConfig;
use crate::domain::ConnectionId;
use crate::metrics::{self, Metric};
use crate::ports::{Delivery, Push, Unavailable};
use crate::trace::part;

/// Tries at one post, the first included. Retries wait a random time that doubles from [`FIRST_WAIT`].
const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_millis(400);
/// How long one attempt may take, and how long its TCP and TLS connection may take to stand. A function in a VPC without a way out hangs here. The
/// HTTP client tries the other family of addresses after 300 ms, and a small function needs long for TLS, so less than a second fails at starts.
const ATTEMPT_LIMIT: Duration = Duration::from_millis(1_200);
const CONNECT_LIMIT: Duration = Duration::from_secs(1);

/// Posts frames to `@connections`.
#[derive(Debug)]
pub struct ApiGatewayPush {
    config: PushConfig,
    client: OnceLock<Client>,
}

impl ApiGatewayPush {
    /// Prepares the client when something is pushed for the first time, for a function that mostly pushes nothing: it takes some milliseconds.
    pub fn lazy(config: PushConfig) -> Self {
        Self {
            config,
            client: OnceLock::new(),
        }
    }

    /// Prepares the client at once, for a function that mostly pushes: Lambda gives a start more of the processor than a request.
    pub fn new(config: PushConfig) -> Self {
        let push = Self::lazy(config);
        push.client();
        push
    }

    fn client(&self) -> &Client {
        self.client.get_or_init(|| Self::prepare(self.config.clone()))
    }

    fn prepare(config: PushConfig) -> Client {
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
                    .with_initial_backoff(FIRST_WAIT)
                    .with_max_backoff(LONGEST_WAIT),
            )
            .retry_classifier(retries::TooManyRequests)
            .interceptor(retries::Count)
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(CONNECT_LIMIT)
                    .operation_attempt_timeout(ATTEMPT_LIMIT)
                    .build(),
            )
            .build();
        Client::from_conf(config)
    }
}

#[async_trait]
impl Push for ApiGatewayPush {
    async fn post(&self, connection: &ConnectionId, frame: Bytes) -> Result<Delivery, Unavailable> {
        let begun = Instant::now();
        let part = part!("push");
        let outcome = self.try_to_post(connection, frame).instrument(part.clone()).await;
        metrics::time(Metric::PushLatency, begun);
        metrics::count(match &outcome {
            Ok(Delivery::Sent) => Metric::Deliveries,
            Ok(Delivery::Gone) => Metric::Gone,
            Err(_) => Metric::PushFailures,
        });
        if outcome.is_err() {
            part.record("fault", true);
        }
        outcome
    }

    /// # Source
    /// Amazon API Gateway Developer Guide, "Use @connections commands in your backend service": `DELETE` disconnects the client.
    async fn end(&self, connection: &ConnectionId) -> Result<Delivery, Unavailable> {
        let part = part!("push");
        let request = self.client().delete_connection().connection_id(connection.as_str());
        let outcome = delivery(request.send().instrument(part.clone()).await);
        match &outcome {
            Ok(Delivery::Sent) => {}
            Ok(Delivery::Gone) => metrics::count(Metric::Gone),
            Err(_) => {
                metrics::count(Metric::PushFailures);
                part.record("fault", true);
            }
        }
        outcome
    }
}

impl ApiGatewayPush {
    async fn try_to_post(&self, connection: &ConnectionId, frame: Bytes) -> Result<Delivery, Unavailable> {
        let request = self
            .client()
            .post_to_connection()
            .connection_id(connection.as_str())
            .data(Blob::new(frame));
        delivery(request.send().await)
    }
}

fn delivery<T, E>(outcome: Result<T, SdkError<E>>) -> Result<Delivery, Unavailable>
where
    SdkError<E>: std::error::Error + Send + Sync + 'static,
{
    match outcome {
        Ok(_) => Ok(Delivery::Sent),
        // By status: a 410 whose body is not what the SDK expects is no `GoneException` to it.
        Err(error)
            if error
                .raw_response()
                .is_some_and(|response| response.status().as_u16() == 410) =>
        {
            Ok(Delivery::Gone)
        }
        Err(error) => Err(Unavailable::new("push", error)),
    }
}

mod retries {
    //! What the SDK has to be told of retries.

    use aws_sdk_apigatewaymanagement::config::interceptors::{BeforeTransmitInterceptorContextRef, InterceptorContext};
    use aws_sdk_apigatewaymanagement::config::retry::{ClassifyRetry, RetryAction};
    use aws_sdk_apigatewaymanagement::config::{ConfigBag, Intercept, RuntimeComponents};
    use aws_sdk_apigatewaymanagement::error::BoxError;
    use aws_smithy_runtime_api::client::retries::RequestAttempts;

    use crate::metrics::{self, Metric};

    /// A 429 is worth another try. The SDK's own rules go by the error's name in the body, which not every 429 has.
    #[derive(Debug)]
    pub(super) struct TooManyRequests;

    impl ClassifyRetry for TooManyRequests {
        fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
            match context.response() {
                Some(response) if response.status().as_u16() == 429 => RetryAction::throttling_error(),
                _ => RetryAction::NoActionIndicated,
            }
        }

        fn name(&self) -> &'static str {
            "429 Too Many Requests"
        }
    }

    /// Counts every attempt after the first.
    #[derive(Debug)]
    pub(super) struct Count;

    impl Intercept for Count {
        fn name(&self) -> &'static str {
            "count of retries"
        }

        fn read_before_attempt(
            &self,
            _: &BeforeTransmitInterceptorContextRef<'_>,
            _: &RuntimeComponents,
            config: &mut ConfigBag,
        ) -> Result<(), BoxError> {
            if config
                .load::<RequestAttempts>()
                .is_some_and(|attempts| attempts.attempts() > 1)
            {
                metrics::count(Metric::PushRetries);
            }
            Ok(())
        }
    }
}
