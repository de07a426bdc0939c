//! How long messages are kept.

use std::collections::HashMap;

use super::Domain;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// For how many days each site keeps messages and reports. Without a number it keeps them for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// The number for sites that have none of their own.
    pub days: Option<u64>,
    /// Sites with a number of their own.
    pub of_sites: HashMap<Domain, u64>,
}

impl Retention {
    /// Whether no site removes anything.
    pub fn is_off(&self) -> bool {
        self.days.is_none() && self.of_sites.is_empty()
    }

    /// The time before which that site's messages have to go, in milliseconds since 1970; `None` if the site keeps them for ever.
    pub fn before_ms(&self, site: &Domain, now_ms: u64) -> Option<u64> {
        let days = self.of_sites.get(site).copied().or(self.days)?;
        Some(now_ms.saturating_sub(days.saturating_mul(DAY_MS)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_has_a_number_of_its_own_or_that_of_all() {
        let site = |handle| Domain::parse(handle).unwrap();
        let mut retention = Retention::default();
        assert!(retention.is_off());
        assert_eq!(retention.before_ms(&site("a"), DAY_MS), None);
        retention.of_sites.insert(site("a"), 7);
        assert!(!retention.is_off());
        assert_eq!(retention.before_ms(&site("a"), 8 * DAY_MS + 1), Some(DAY_MS + 1));
        assert_eq!(retention.before_ms(&site("b"), 8 * DAY_MS), None);
        retention.days = Some(30);
        assert_eq!(retention.before_ms(&site("a"), 8 * DAY_MS), Some(DAY_MS));
        assert_eq!(retention.before_ms(&site("b"), 31 * DAY_MS), Some(DAY_MS));
        assert_eq!(retention.before_ms(&site("b"), 5), Some(0));
    }
}
