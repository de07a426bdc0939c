//! What the platform was told of messages for users without a connection.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tests::{Noticed, Webhooks};
use tokio::time::{Instant, sleep};

use crate::check::{Finding, Kind};
use crate::sight::Seen;

/// What a user was told of: the user, the conversation, and a position.
type Told = (u64, String, u64);

/// Waits until the platform was told of all that these users have not read, and finds what it was not told of, or told of under two ids. They have
/// no connections, and have muted nothing.
pub(crate) async fn check(webhooks: &Webhooks, users: &[u64], seen: &Seen, patience: Duration) -> Vec<Finding> {
    let until = Instant::now() + patience;
    loop {
        let findings = missing(&webhooks.noticed(), users, seen);
        if findings.is_empty() || Instant::now() >= until {
            return findings.into_iter().chain(doubled(&webhooks.noticed())).collect();
        }
        sleep(Duration::from_secs(1)).await;
    }
}

fn told(notice: &Noticed) -> Option<Told> {
    let data = &notice.body["data"];
    let key = data["state"]["key"].as_str()?;
    Some((data["user"].as_u64()?, key.to_owned(), data["message"]["seq"].as_u64()?))
}

fn missing(notices: &[Noticed], users: &[u64], seen: &Seen) -> Vec<Finding> {
    let mut newest = BTreeMap::new();
    for (user, key, seq) in notices.iter().filter_map(told) {
        let known: &mut u64 = newest.entry((user, key)).or_default();
        *known = seq.max(*known);
    }
    let mut findings = Vec::new();
    for user in users {
        for (key, fresh) in seen.fresh.get(user).into_iter().flatten() {
            let is_member = seen.members.get(key).is_none_or(|members| members.contains(user));
            let waiting = fresh.entry.as_ref().filter(|entry| is_member && entry.unread > 0);
            let Some(latest) = waiting.and_then(|entry| entry.latest.as_ref()) else {
                continue;
            };
            let known = newest.get(&(*user, key.clone())).copied().unwrap_or_default();
            if known < latest.seq {
                let what = format!("of {} in {key}, {user} was told up to {known}", latest.seq);
                findings.push(Finding {
                    kind: Kind::Untold,
                    what,
                });
            }
        }
    }
    findings
}

fn doubled(notices: &[Noticed]) -> Vec<Finding> {
    let mut ids: BTreeMap<Told, BTreeSet<&str>> = BTreeMap::new();
    for notice in notices {
        if let Some(told) = told(notice) {
            ids.entry(told).or_default().insert(&notice.id);
        }
    }
    let doubled = ids.into_iter().filter(|(_, ids)| ids.len() > 1);
    let finding = |((user, key, seq), ids): (Told, BTreeSet<&str>)| Finding {
        kind: Kind::Untold,
        what: format!("{user} was told of {seq} in {key} under {} ids", ids.len()),
    };
    doubled.map(finding).collect()
}

#[cfg(test)]
mod tests_of_notices {
    use serde_json::json;

    use super::*;
    use crate::sight::{Entry, Fresh, Shown};

    const KEY: &str = "site:topic:1";

    fn notice(user: u64, seq: u64, id: &str) -> Noticed {
        Noticed {
            id: id.to_owned(),
            headers: BTreeMap::new(),
            text: String::new(),
            body: json!({"data": {"user": user, "state": {"key": KEY}, "message": {"seq": seq}}}),
        }
    }

    /// User 7 has not read up to 5.
    fn seen() -> Seen {
        let latest = Shown {
            seq: 5,
            ..Shown::default()
        };
        let entry = Entry {
            latest: Some(latest),
            unread: 2,
            ..Entry::default()
        };
        let fresh = Fresh {
            entry: Some(entry),
            ..Fresh::default()
        };
        Seen {
            fresh: [(7, [(KEY.to_owned(), fresh)].into())].into(),
            ..Seen::default()
        }
    }

    #[test]
    fn a_message_that_was_not_told_is_found() {
        let found = |notices: &[Noticed]| missing(notices, &[7], &seen()).len();
        assert_eq!(found(&[]), 1);
        assert_eq!(found(&[notice(7, 4, "a")]), 1, "an older one");
        assert_eq!(found(&[notice(8, 5, "a")]), 1, "somebody else");
        assert_eq!(found(&[notice(7, 5, "a")]), 0);
        assert_eq!(found(&[notice(7, 6, "a")]), 0, "it was deleted since");
    }

    #[test]
    fn a_message_that_was_told_under_two_ids_is_found() {
        assert_eq!(doubled(&[notice(7, 5, "a"), notice(7, 5, "a")]), []);
        assert_eq!(doubled(&[notice(7, 5, "a"), notice(7, 5, "b")]).len(), 1);
    }
}
