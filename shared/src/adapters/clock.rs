//! The system's clock.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::ports::Clock;

/// The system's clock, which Lambda keeps synchronised.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_ms(&self) -> u64 {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the port that everything else takes the time from"
        )]
        let now = SystemTime::now();
        let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or_default()
    }
}
