//! Pushes through API Gateway's management API.
//!
//! # Source
//! Amazon API Gateway Developer Guide, "Use @connections commands in your backend service".

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use http::{Method, Request, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tracing::Instrument as _;

use super::aws::{Service, Tries};
use crate::config::PushConfig;
use crate::domain::ConnectionId;
use crate::metrics::{self, Metric};
use crate::ports::{Delivery, Push, Unavailable};
use crate::trace::part;

/// A post that API Gateway throttles is worth another try. A function in a VPC without a way out hangs in each.
const TRIES: Tries = Tries {
    most: 4,
    first_wait: Duration::from_millis(50),
    limit: Duration::from_millis(1_200),
};

/// All but the unreserved characters (RFC 3986, section 2.3): the id of a connection may have an `=`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Posts frames to `@connections`.
#[derive(Debug)]
pub struct ApiGatewayPush {
    endpoint: String,
    service: Service,
}

impl ApiGatewayPush {
    /// Makes no HTTP client yet, because a function may have nobody to push to.
    pub fn new(config: PushConfig) -> Self {
        Self {
            service: Service::new("execute-api", &config.access, TRIES),
            endpoint: config.endpoint,
        }
    }

    async fn ask(&self, method: Method, connection: &ConnectionId, body: Bytes) -> Result<Delivery, Unavailable> {
        let connection = utf8_percent_encode(connection.as_str(), RESERVED);
        let request = Request::builder()
            .method(method)
            .uri(format!("{}/@connections/{connection}", self.endpoint))
            .body(body)
            .map_err(|error| Unavailable::new("push", error))?;
        let again = || metrics::count(Metric::PushRetries);
        match self.service.send(&request, again).await {
            Ok(StatusCode::GONE) => Ok(Delivery::Gone),
            Ok(status) if status.is_success() => Ok(Delivery::Sent),
            Ok(status) => Err(Unavailable::new("push", format!("the answer has the status {status}"))),
            Err(error) => Err(Unavailable::new("push", error)),
        }
    }
}

#[async_trait]
impl Push for ApiGatewayPush {
    async fn post(&self, connection: &ConnectionId, frame: Bytes) -> Result<Delivery, Unavailable> {
        let begun = Instant::now();
        let part = part!("push");
        let outcome = self.ask(Method::POST, connection, frame).instrument(part.clone()).await;
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
        let asking = self.ask(Method::DELETE, connection, Bytes::new());
        let outcome = asking.instrument(part.clone()).await;
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
