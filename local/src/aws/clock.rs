//! Time, read in one place, and the forms in which AWS writes it.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

/// Milliseconds since 1970, now.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where the local stack reads the clock"
)]
pub fn now_ms() -> i64 {
    Utc::now().timestamp_millis()
}

/// `29/Nov/2023:08:04:01 +0000`, as in `requestContext.time` (HTTP API) and `requestContext.requestTime` (WebSocket API).
pub fn log_form(epoch_ms: i64) -> String {
    at(epoch_ms).format("%d/%b/%Y:%H:%M:%S +0000").to_string()
}

/// `2023-11-29T08:04:01.796Z`, as in the answer of `GET @connections/{id}`; the SDKs parse it as `date-time`.
pub fn iso_form(epoch_ms: i64) -> String {
    at(epoch_ms).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A duration in whole milliseconds, as a signed number that can be added to an epoch.
pub fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

fn at(epoch_ms: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(epoch_ms).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_writes_them() {
        assert_eq!(log_form(1_701_245_041_798), "29/Nov/2023:08:04:01 +0000");
        assert_eq!(iso_form(1_701_245_041_798), "2023-11-29T08:04:01.798Z");
    }
}
