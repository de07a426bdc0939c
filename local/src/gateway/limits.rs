//! API Gateway's quotas, as values, so that a test can scale them.

use std::time::Duration;

use crate::server::BODY_TIMEOUT;

/// The limits of both gateways.
///
/// # Source
/// API Gateway developer guide, quotas of WebSocket APIs and of HTTP APIs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Longest body of an HTTP request; beyond it 413.
    pub http_body_bytes: usize,
    /// How long the body of a request to either API may take; beyond it 408. AWS documents no limit.
    pub body: Duration,
    /// Longest URL of a handshake: its path and query. Beyond it 414; the service doesn't document what it answers.
    pub url_bytes: usize,
    /// Longest WebSocket message in either direction; beyond it close 1009, or 413 on `@connections`.
    pub message_bytes: usize,
    /// Longest WebSocket frame; beyond it close 1009. Longer messages to the client are split.
    pub frame_bytes: usize,
    /// A connection without a message in either direction for this long is closed with 1001. Whether a protocol-level ping
    /// counts is not documented; here it doesn't.
    pub idle: Duration,
    /// A connection of this age is closed with 1001.
    pub lifetime: Duration,
    /// Messages that wait for a slow client; beyond it `@connections` answers 429. AWS documents the answer and not the size.
    pub outgoing_messages: usize,
    /// Messages of one connection that are worked on at a time. The next one waits until one of them is done, and nothing is read
    /// behind it. AWS closes with 1008 at a rate that it doesn't document.
    pub concurrent_messages: usize,
    /// How long the gateway waits for the client when it closes a connection.
    pub closing: Duration,
}

impl Limits {
    /// The limits when a connection's clock runs `scale` times as fast: two hours pass in 7.2 seconds at 1000.
    ///
    /// Only the times that a connection or a body may take are scaled. The limit of an integration is not scaled: functions
    /// don't run faster, so it would cut them off. A template can set that limit (`IntegrationTimeout`).
    #[must_use]
    pub fn scaled(self, scale: u32) -> Self {
        Self {
            idle: self.idle / scale.max(1),
            lifetime: self.lifetime / scale.max(1),
            body: self.body / scale.max(1),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            http_body_bytes: 10 * 1024 * 1024,
            body: BODY_TIMEOUT,
            url_bytes: 4096,
            message_bytes: 128 * 1024,
            frame_bytes: 32 * 1024,
            idle: Duration::from_mins(10),
            lifetime: Duration::from_hours(2),
            outgoing_messages: 128,
            concurrent_messages: 64,
            closing: Duration::from_secs(1),
        }
    }
}
