//! How long an integration may take.

use std::time::Duration;

use super::{intrinsics::Scope, wrong::Wrong, yaml::Node};

/// The shortest limit that an integration can be given.
const SHORTEST_TIMEOUT: Duration = Duration::from_millis(50);

/// How long an integration may take: the number of milliseconds that is `written`, or without one `limit`, the longest that API
/// Gateway waits.
///
/// # Errors
/// [`Wrong`], when API Gateway does not allow this value.
pub(super) fn timeout(scope: &Scope<'_>, written: Option<&Node>, limit: Duration) -> Result<Duration, Wrong> {
    let Some(node) = written else { return Ok(limit) };
    let Some(text) = scope.text(node)? else {
        return Ok(limit);
    };
    let timeout = text.parse().map(Duration::from_millis).ok();
    timeout
        .filter(|timeout| (SHORTEST_TIMEOUT..=limit).contains(timeout))
        .ok_or_else(|| {
            let (from, to) = (SHORTEST_TIMEOUT.as_millis(), limit.as_millis());
            node.wrong(format!("a timeout is {from} to {to} milliseconds, and {text} is not"))
        })
}
