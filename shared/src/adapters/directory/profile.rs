//! What of the platform's answer reaches clients.

use std::collections::HashMap;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::http_client::OtherForm;
use crate::domain::Id;
use crate::ports::{Profile, Profiles};
use crate::wire;

/// What a profile is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Users,
    Topics,
}

impl Kind {
    /// The word for it in the platform's addresses.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Users => "users",
            Self::Topics => "topics",
        }
    }

    /// What we ask for. Nothing else of an entry is passed on: a platform that gives more may not know it, and it may be a secret.
    pub(crate) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Users => &["id", "username", "role", "picture_url", "profile_url"],
            Self::Topics => &["id", "title", "status", "cover_image_thumbnail"],
        }
    }
}

/// How large a profile may be, in bytes of JSON. A page has a hundred at the most, and Lambda's answer a limit.
pub(crate) const PROFILE_BYTES: usize = 4 * 1024;
/// How many arrays and objects of a field may be inside each other. Parsers of clients have limits too.
const LEVELS_MAX: usize = 8;

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

/// Reads the profiles. An entry without an id, as null is one, is left out.
///
/// # Errors
/// If the answer is not `{"entries":[…]}`.
pub(crate) fn parse(kind: Kind, body: &[u8]) -> Result<Profiles, OtherForm> {
    let answer: Entries<'_> = serde_json::from_slice(body)?;
    let profiles = answer.entries.into_iter().filter_map(|entry| profile(kind, entry));
    Ok(profiles.collect())
}

/// A profile with the fields that were asked for, or with the id alone if they are too much.
fn profile(kind: Kind, entry: &RawValue) -> Option<(Id, Profile)> {
    // A field that is not asked for is skipped unread, however deep it is nested.
    let given: HashMap<String, &RawValue> = serde_json::from_str(entry.get()).ok()?;
    let id = id(given.get("id")?)?;
    let whole = fields(kind, &id, &given).map(|fields| Value::Object(fields).to_string());
    let json = whole
        .filter(|json| json.len() <= PROFILE_BYTES)
        .unwrap_or_else(|| format!("{{\"id\":{}}}", wire::to_json(&wire::IdJson(id.clone()))));
    Some((id, Profile::Known(Arc::from(json))))
}

/// A platform may write a long number as a number, though not every reader of JSON keeps all its digits.
fn id(raw: &RawValue) -> Option<Id> {
    let text = raw.get();
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Id::parse(text).ok();
    }
    wire::id_from_json(&serde_json::from_str(text).ok()?).ok()
}

fn fields(kind: Kind, id: &Id, given: &HashMap<String, &RawValue>) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    for &name in kind.fields() {
        let Some(raw) = given.get(name) else { continue };
        let value = serde_json::from_str(raw.get()).ok()?;
        if levels(&value) > LEVELS_MAX {
            return None;
        }
        fields.insert(name.to_owned(), value);
    }
    if id.as_number().is_none() {
        fields.insert("id".to_owned(), Value::String(id.to_string()));
    }
    Some(fields)
}

/// The parser has bounded the recursion already.
fn levels(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(levels).max().unwrap_or_default(),
        Value::Object(fields) => 1 + fields.values().map(levels).max().unwrap_or_default(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What clients see of one user, if anything.
    fn shown(entry: &str) -> String {
        shown_of(Kind::Users, entry)
    }

    fn shown_of(kind: Kind, entry: &str) -> String {
        let body = format!("{{\"entries\":[{entry}]}}");
        let profiles = parse(kind, body.as_bytes()).unwrap();
        let shown = profiles.into_iter().map(|(id, profile)| match profile {
            Profile::Known(json) => format!("{id}: {json}"),
            other => format!("{id}: {other:?}"),
        });
        shown.collect()
    }

    #[test]
    fn only_the_fields_that_were_asked_for_pass() {
        insta::assert_snapshot!(shown(r#"{"id":7,"username":"ann","role":["a",{"b":1}],"picture_url":null,"password_hash":"x","more":1}"#), @r#"7: {"id":7,"picture_url":null,"role":["a",{"b":1}],"username":"ann"}"#);
        insta::assert_snapshot!(shown_of(Kind::Topics, r#"{"id":"general","title":"General","status":"open","cover_image_thumbnail":null,"username":"x","owner":7}"#), @r#"general: {"cover_image_thumbnail":null,"id":"general","status":"open","title":"General"}"#);
        insta::assert_snapshot!(shown(r#"{"id":"7","us\u0065rname":"ann"}"#), @r#"7: {"id":"7","username":"ann"}"#);
        let deep = format!(
            r#"{{"id":7,"username":"ann","secret":{}{}}}"#,
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        insta::assert_snapshot!(shown(&deep), @r#"7: {"id":7,"username":"ann"}"#);
    }

    #[test]
    fn a_profile_that_is_too_much_is_its_id() {
        let sized = |length: usize| shown(&format!(r#"{{"id":"a","username":"{}"}}"#, "x".repeat(length)));
        let around = r#"{"id":"a","username":""}"#.len();
        assert_eq!(sized(PROFILE_BYTES - around).len(), PROFILE_BYTES + "a: ".len());
        insta::assert_snapshot!(sized(PROFILE_BYTES - around + 1), @r#"a: {"id":"a"}"#);
        for levels in [LEVELS_MAX + 1, 200, 100_000] {
            let deep = format!(r#"{{"id":7,"role":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
            assert_eq!(shown(&deep), r#"7: {"id":7}"#, "{levels} levels");
        }
        insta::assert_snapshot!(shown(r#"{"id":7,"username":"\ud83d"}"#), @r#"7: {"id":7}"#);
    }

    #[test]
    fn a_long_number_is_a_string_for_clients() {
        insta::assert_snapshot!(shown(r#"{"id":1983516295378495150,"role":1}"#), @r#"1983516295378495150: {"id":"1983516295378495150","role":1}"#);
    }

    #[test]
    fn what_has_no_id_is_left_out() {
        for entry in [
            "null",
            "7",
            "[]",
            "{}",
            r#"{"id":null}"#,
            r#"{"id":4.5}"#,
            r#"{"id":"05"}"#,
        ] {
            assert_eq!(shown(entry), "", "{entry}");
        }
        for body in ["", "null", "[]", r#"{"entries":7}"#, "<html>"] {
            assert!(parse(Kind::Users, body.as_bytes()).is_err(), "{body}");
        }
    }
}
