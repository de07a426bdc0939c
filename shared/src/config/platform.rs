//! The keys of the platform's own server.

use std::fmt;

use super::{ConfigError, Environment};

/// The shortest key that is accepted, in bytes: the length of the hash by which keys are compared.
const KEY_BYTES: usize = 32;
/// The most keys: the present one, and the one before or after it.
const KEYS_MAX: usize = 2;

/// How requests of the platform's own server are recognised.
#[derive(Clone)]
pub struct PlatformConfig {
    /// `SOCK_PLATFORM_KEY`: one key, or two with a comma between them while the platform changes from one to the other. Without it there are no
    /// routes for the platform.
    pub keys: Vec<String>,
}

/// Shown without the keys.
impl fmt::Debug for PlatformConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PlatformConfig")
            .field("keys", &self.keys.len())
            .finish()
    }
}

impl PlatformConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if a key is too short or cannot stand in a header, or if there are more than two.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let Some(list) = env.get("SOCK_PLATFORM_KEY") else {
            return Ok(Self { keys: Vec::new() });
        };
        let keys: Vec<String> = list.split(',').map(|key| key.trim().to_owned()).collect();
        let fits = |key: &String| key.len() >= KEY_BYTES && key.bytes().all(|byte| byte.is_ascii_graphic());
        if keys.len() > KEYS_MAX || !keys.iter().all(fits) {
            let problem = format!(
                "must be one key or two with a comma between them, each of {KEY_BYTES} bytes at least of ASCII without white space"
            );
            return Err(ConfigError::new(
                "SOCK_PLATFORM_KEY",
                problem,
                "what `openssl rand -hex 32` prints",
            ));
        }
        Ok(Self { keys })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(value: &str) -> Result<usize, String> {
        let env = [("SOCK_PLATFORM_KEY".to_owned(), value.to_owned())]
            .into_iter()
            .collect();
        let config = PlatformConfig::from_env(&env).map_err(|error| error.to_string())?;
        Ok(config.keys.len())
    }

    #[test]
    fn one_or_two_long_keys_are_accepted() {
        let (one, two) = ("a".repeat(32), "b".repeat(40));
        assert_eq!(keys(""), Ok(0));
        assert_eq!(keys(&format!(" {one}\n")), Ok(1));
        assert_eq!(keys(&format!("{one}, {two}")), Ok(2));
    }

    #[test]
    fn a_wrong_key_stops_the_start() {
        let good = "a".repeat(32);
        let long = format!("{good} {good}");
        for wrong in [
            "short",
            good.strip_prefix('a').unwrap(),
            ",",
            &format!("{good},"),
            &format!("{good},short"),
            &format!("{good},{good},{good}"),
            &long,
            &format!("ä{good}"),
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(keys(wrong).unwrap_err(), @"SOCK_PLATFORM_KEY must be one key or two with a comma between them, each of 32 bytes at least of ASCII without white space; for example SOCK_PLATFORM_KEY=what `openssl rand -hex 32` prints");
            }
        }
    }

    #[test]
    fn keys_are_never_shown() {
        let key = "a".repeat(32);
        assert!(
            !format!(
                "{:?}",
                PlatformConfig {
                    keys: vec![key.clone()]
                }
            )
            .contains(&key)
        );
    }
}
