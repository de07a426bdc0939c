//! The clocks of this machine, of the deployment, and of who signed the token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::DateTime;
use probes::Problem;
use serde_json::Value;

/// How far two clocks may be apart, in seconds. `JwtLeeway` is 5 by default; the header `Date` has whole seconds, and an answer takes a while.
const MOST_SKEW_S: i64 = 7;

/// Compares the header `Date` of an answer with our clock.
///
/// # Errors
/// [`Problem`], if they are too far apart.
pub(super) fn compare(date: Option<&str>, now_ms: i64) -> Result<String, Problem> {
    let Some(date) = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok()) else {
        return Ok("the answer has no date to compare with".to_owned());
    };
    let skew = date.timestamp() - now_ms / 1000;
    if skew.abs() <= MOST_SKEW_S {
        return Ok("this machine and the deployment agree on the time".to_owned());
    }
    let direction = if skew > 0 { "behind" } else { "ahead" };
    Err(Problem::new(
        format!("the clock of this machine is {} s {direction}", skew.abs()),
        "this machine does not set its clock by the network; a token that it signs is good too late or over too early",
        "let the machine set its clock (NTP), also the one where your platform signs tokens",
    ))
}

/// What a token says of its time, without a look at its signature; empty if it says nothing.
pub(super) fn of_token(token: &str, now_ms: i64) -> String {
    let claims = token
        .split('.')
        .nth(1)
        .and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
    let claims: Value = claims
        .and_then(|claims| serde_json::from_slice(&claims).ok())
        .unwrap_or_default();
    let from_now = |name: &str| claims[name].as_i64().map(|time| time - now_ms / 1000);
    match (from_now("nbf"), from_now("exp")) {
        (Some(nbf), _) if nbf > 0 => format!("by this machine's clock it is good in {nbf} s"),
        (_, Some(exp)) if exp <= 0 => format!("by this machine's clock it was over {} s ago", -exp),
        (_, Some(exp)) => format!("it is good for {exp} s"),
        (_, None) => "it has no end (claim exp)".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_wrong_is_told_with_its_direction() {
        let now_ms = 1_700_000_000_000;
        let date = |seconds: i64| {
            DateTime::from_timestamp(1_700_000_000 + seconds, 0)
                .unwrap()
                .to_rfc2822()
        };
        assert!(compare(Some(&date(5)), now_ms).is_ok());
        assert!(compare(None, now_ms).is_ok());
        let said = |seconds| compare(Some(&date(seconds)), now_ms).unwrap_err().said;
        assert_eq!(said(60), "the clock of this machine is 60 s behind");
        assert_eq!(said(-90), "the clock of this machine is 90 s ahead");
    }

    #[test]
    fn a_token_tells_how_long_it_is_good() {
        let now_ms = 1_000_000;
        let token = |claims: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(of_token(&token(r#"{"exp":1060}"#), now_ms), "it is good for 60 s");
        assert!(of_token(&token(r#"{"exp":940}"#), now_ms).ends_with("was over 60 s ago"));
        assert!(of_token(&token(r#"{"nbf":1030,"exp":2000}"#), now_ms).ends_with("good in 30 s"));
        assert_eq!(of_token("no token", now_ms), "it has no end (claim exp)");
    }
}
