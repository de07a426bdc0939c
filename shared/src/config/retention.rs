//! How long messages are kept.

use super::{ConfigError, Environment, Sites};
use crate::domain::Retention;

/// The longest time, in days: a hundred years.
const DAYS_MAX: u64 = 36_500;

impl Retention {
    /// Reads `SOCK_RETENTION_DAYS`: a number of days for all sites, `site=days` for a site of its own, or both, as `30,a=7`. Without it messages are
    /// kept for ever.
    ///
    /// # Errors
    /// [`ConfigError`] if the value is wrong or names a site that is none of these.
    pub fn from_env(env: &Environment, sites: &Sites) -> Result<Self, ConfigError> {
        let problem = |problem: String| ConfigError::new("SOCK_RETENTION_DAYS", problem, "30,a=7");
        let days = |text: &str| {
            let days = text.trim().parse().ok().filter(|days| (1..=DAYS_MAX).contains(days));
            days.ok_or_else(|| {
                problem(format!(
                    "must be whole days from 1 to {DAYS_MAX}, which {text:?} is not"
                ))
            })
        };
        let mut retention = Self::default();
        let list = env.get("SOCK_RETENTION_DAYS").unwrap_or_default();
        for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
            let is_second = match entry.split_once('=') {
                None => retention.days.replace(days(entry)?).is_some(),
                Some((handle, text)) => {
                    let site = sites.named(handle.trim());
                    let site = site.ok_or_else(|| problem(format!("names {:?}, which is no site", handle.trim())))?;
                    retention.of_sites.insert(site.clone(), days(text)?).is_some()
                }
            };
            if is_second {
                return Err(problem(format!("says twice how long messages are kept: {entry}")));
            }
        }
        Ok(retention)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Domain;

    fn retention(value: &str) -> Result<Retention, String> {
        let variables = [("SOCK_RETENTION_DAYS", value), ("SOCK_DOMAINS", "chat.a.com=a")];
        let env: Environment = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into_iter()
            .collect();
        let sites = Sites::from_env(&env).unwrap();
        Retention::from_env(&env, &sites).map_err(|error| error.to_string())
    }

    #[test]
    fn messages_are_kept_for_ever_or_for_whole_days() {
        assert!(retention("").unwrap().is_off());
        assert_eq!(retention("30").unwrap().days, Some(30));
        let both = retention(" a = 7 , 30,").unwrap();
        assert_eq!((both.days, both.of_sites[&Domain::parse("a").unwrap()]), (Some(30), 7));
        let only = retention("myplatform=1").unwrap();
        assert_eq!((only.days, only.of_sites.len()), (None, 1));
    }

    #[test]
    fn a_wrong_number_of_days_is_explained() {
        let wrong = |value| retention(value).unwrap_err();
        insta::assert_snapshot!(wrong("0"), @r#"SOCK_RETENTION_DAYS must be whole days from 1 to 36500, which "0" is not; for example SOCK_RETENTION_DAYS=30,a=7"#);
        insta::assert_snapshot!(wrong("1.5"), @r#"SOCK_RETENTION_DAYS must be whole days from 1 to 36500, which "1.5" is not; for example SOCK_RETENTION_DAYS=30,a=7"#);
        insta::assert_snapshot!(wrong("a=40000"), @r#"SOCK_RETENTION_DAYS must be whole days from 1 to 36500, which "40000" is not; for example SOCK_RETENTION_DAYS=30,a=7"#);
        insta::assert_snapshot!(wrong("chat.a.com=7"), @r#"SOCK_RETENTION_DAYS names "chat.a.com", which is no site; for example SOCK_RETENTION_DAYS=30,a=7"#);
        insta::assert_snapshot!(wrong("30,7"), @"SOCK_RETENTION_DAYS says twice how long messages are kept: 7; for example SOCK_RETENTION_DAYS=30,a=7");
        insta::assert_snapshot!(wrong("a=7,a=8"), @"SOCK_RETENTION_DAYS says twice how long messages are kept: a=8; for example SOCK_RETENTION_DAYS=30,a=7");
    }
}
