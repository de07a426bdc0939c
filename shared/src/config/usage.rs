//! The limits of use.

use super::{ConfigError, Environment};
use crate::domain::Limits;

/// The most that `SOCK_CONNECTIONS_MAX` can be. Each connection adds one push to every message to its user.
const CONNECTIONS_MOST: u64 = 1_000;

/// `SOCK_LIMITS`: names and rates, default [`Limits::DEFAULT`]. `SOCK_CONNECTIONS_MAX`: the most connections of a user, default
/// [`crate::domain::limits::CONNECTIONS_MAX`].
impl Limits {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if a value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let text = env.get("SOCK_LIMITS").unwrap_or(Self::DEFAULT);
        let limits = Self::parse(text);
        let mut limits =
            limits.map_err(|reason| ConfigError::new("SOCK_LIMITS", reason.to_string(), "sends=10:30,edits=5:15"))?;
        match env.get("SOCK_CONNECTIONS_MAX").map(str::parse) {
            None => {}
            Some(Ok(number)) if (1..=CONNECTIONS_MOST).contains(&number) => limits.connections_max = number,
            Some(_) => {
                let problem = format!("must be a whole number from 1 to {CONNECTIONS_MOST}");
                return Err(ConfigError::new("SOCK_CONNECTIONS_MAX", problem, "20"));
            }
        }
        Ok(limits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::limits::CONNECTIONS_MAX;

    fn limits(variables: &[(&str, &str)]) -> Result<Limits, ConfigError> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Limits::from_env(&variables.collect())
    }

    #[test]
    fn limits_are_the_default_ones_unless_said_otherwise() {
        let default = limits(&[]).unwrap();
        assert_eq!(default, Limits::parse(Limits::DEFAULT).unwrap());
        assert_eq!(default.connections_max, CONNECTIONS_MAX);
        let given = limits(&[("SOCK_LIMITS", "off"), ("SOCK_CONNECTIONS_MAX", "3")]).unwrap();
        let mut off = Limits::OFF;
        off.connections_max = 3;
        assert_eq!(given, off);
    }

    #[test]
    fn a_wrong_limit_is_named_with_an_example() {
        insta::assert_snapshot!(limits(&[("SOCK_LIMITS", "sends=fast")]).unwrap_err(), @"SOCK_LIMITS must be off, or pairs as sends=10:30,edits=off: tokens per second (0.0000116 to 1000000) and at once (1 to 1000000), of sends, edits, conversations, requests, frames, reports and uploads, each once; for example SOCK_LIMITS=sends=10:30,edits=5:15");
        for value in ["0", "1001", "-1", "many"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(limits(&[("SOCK_CONNECTIONS_MAX", value)]).unwrap_err(), @"SOCK_CONNECTIONS_MAX must be a whole number from 1 to 1000; for example SOCK_CONNECTIONS_MAX=20");
            }
        }
    }
}
