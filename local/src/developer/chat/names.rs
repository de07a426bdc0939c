//! Whom an id means.

use std::collections::BTreeMap;

use serde_json::Value;

use super::state::{field, id_text, text};
use crate::developer::harmless::harmless;

/// The most characters of a name that are shown.
const NAME_CHARS: usize = 40;

/// Names of users, as the platform gave them.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Option<String>>);

impl Names {
    /// Takes a profile: an object with an id, and with a username if the platform knows the user.
    pub(super) fn learn(&mut self, profile: &Value) {
        let name = text(profile, "username").filter(|name| !name.trim().is_empty());
        if profile.is_object() {
            self.0.insert(id_text(field(profile, "id")), name.map(str::to_owned));
        }
    }

    /// Whether it was asked who that is.
    pub(super) fn knows(&self, user: &str) -> bool {
        self.0.contains_key(user)
    }

    /// What to call a user: the name, with the id where two have the same; without a name the id.
    pub(super) fn of(&self, user: &str) -> String {
        let Some(Some(name)) = self.0.get(user) else {
            return format!("user {}", harmless(user));
        };
        let is_shared = self.0.values().flatten().filter(|other| *other == name).count() > 1;
        let shown: String = harmless(name).chars().take(NAME_CHARS).collect();
        if is_shared {
            format!("{shown} ({})", harmless(user))
        } else {
            shown
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_user_is_called_by_a_name_that_is_no_other_users() {
        let mut names = Names::default();
        names.learn(&json!({"id": 1, "username": "ada"}));
        names.learn(&json!({"id": 2, "unknown": true}));
        names.learn(&json!({"id": "x", "username": "eve\u{1b}[2J"}));
        let called = ["1", "2", "3", "x"].map(|id| names.of(id));
        assert_eq!(called, ["ada", "user 2", "user 3", "eve␛[2J"]);
        assert!(names.knows("2") && !names.knows("3"));
        names.learn(&json!({"id": 4, "username": "ada"}));
        assert_eq!([names.of("1"), names.of("4")], ["ada (1)", "ada (4)"]);
    }
}
