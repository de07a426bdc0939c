//! Shows JSON with stable names in place of what is new in every run, so that it can be compared with a snapshot.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use chrono::DateTime;
use serde_json::{Map, Value};

/// Lines are broken beyond this width.
const WIDTH: usize = 110;
/// Between these a number is an instant in milliseconds: 2020 and 2100.
const INSTANTS: std::ops::Range<u64> = 1_577_836_800_000..4_102_444_800_000;
/// Opaque texts, by the name of their property.
const OPAQUE: [(&str, &str); 5] = [
    ("cursor", "cursor"),
    ("prev", "cursor"),
    ("next", "place"),
    ("connection_id", "connection"),
    ("request_id", "request"),
];

/// What stands for what. Placeholders are numbered by first appearance, so that equality stays visible.
#[derive(Debug, Default)]
pub(crate) struct Mask {
    users: BTreeMap<u64, String>,
    seen: BTreeMap<String, String>,
    counts: BTreeMap<&'static str, usize>,
}

impl Mask {
    /// Shows this number as `[name]`, wherever it stands.
    pub(crate) fn name(&mut self, number: u64, name: &str) {
        self.users.insert(number, format!("[{name}]"));
    }

    /// The value as JSON with placeholders, broken into lines where it is wide.
    pub(crate) fn shown(&mut self, value: &Value) -> String {
        let mut text = String::new();
        self.write(&mut text, "", value, 0);
        text
    }

    /// A text with placeholders.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let mut shown = String::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if let Some((uuid, after)) = rest.split_at_checked(36).filter(|(head, _)| is_uuid(head)) {
                shown.push_str(&self.placeholder("id", uuid));
                rest = after;
                continue;
            }
            let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (head, after) = rest.split_at(if digits > 0 { digits } else { first.len_utf8() });
            let user = head.parse().ok().and_then(|number: u64| self.users.get(&number));
            shown.push_str(user.map_or(head, String::as_str));
            rest = after;
        }
        shown
    }

    fn placeholder(&mut self, kind: &'static str, value: &str) -> String {
        if let Some(known) = self.seen.get(value) {
            return known.clone();
        }
        let count = self.counts.entry(kind).or_default();
        *count += 1;
        let placeholder = format!("[{kind} {count}]");
        self.seen.insert(value.to_owned(), placeholder.clone());
        placeholder
    }

    fn write(&mut self, out: &mut String, key: &str, value: &Value, indent: usize) {
        let line = self.one_line(key, value);
        if indent + key.len() + line.len() <= WIDTH {
            out.push_str(&line);
            return;
        }
        let inner = indent + 2;
        match value {
            Value::Object(object) => {
                out.push('{');
                for (index, (name, value)) in object.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    let shown = self.text(name);
                    write!(out, "{comma}\n{:inner$}\"{shown}\": ", "").ok();
                    self.write(out, name, value, inner);
                }
                write!(out, "\n{:indent$}}}", "").ok();
            }
            Value::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    let comma = if index == 0 { "" } else { "," };
                    write!(out, "{comma}\n{:inner$}", "").ok();
                    self.write(out, "", item, inner);
                }
                write!(out, "\n{:indent$}]", "").ok();
            }
            _ => out.push_str(&line),
        }
    }

    fn one_line(&mut self, key: &str, value: &Value) -> String {
        match value {
            Value::Object(object) => {
                let entry = |(name, value): (&String, &Value)| {
                    let shown = self.text(name);
                    format!("\"{shown}\": {}", self.one_line(name, value))
                };
                let entries = || object.iter().map(entry).collect::<Vec<_>>().join(", ");
                instant(object).map_or_else(|| format!("{{{}}}", entries()), str::to_owned)
            }
            Value::Array(items) => {
                let items: Vec<String> = items.iter().map(|item| self.one_line("", item)).collect();
                format!("[{}]", items.join(", "))
            }
            Value::Number(number) => match number.as_u64() {
                Some(rev @ 1..) if ["rev", "prev_rev"].contains(&key) => self.placeholder("rev", &rev.to_string()),
                Some(ms) if INSTANTS.contains(&ms) => "[ms]".to_owned(),
                Some(user) => self.users.get(&user).cloned().unwrap_or_else(|| user.to_string()),
                None => number.to_string(),
            },
            Value::String(text) => match opaque(key, text) {
                Some(kind) => format!("\"{}\"", self.placeholder(kind, text)),
                None => Value::String(self.text(text)).to_string(),
            },
            Value::Null | Value::Bool(_) => value.to_string(),
        }
    }
}

/// What kind of text nobody looks into it is, if so.
fn opaque(key: &str, text: &str) -> Option<&'static str> {
    // The `prev` and `next` of a page of messages are ids of messages.
    let is_id = ["prev", "next"].contains(&key) && is_uuid(text);
    let kind = OPAQUE.iter().find(|(name, _)| *name == key)?.1;
    (!text.is_empty() && !is_id).then_some(kind)
}

/// `{epoch, iso}`, and whether both are one instant, in the form that the contract shows.
fn instant(object: &Map<String, Value>) -> Option<&'static str> {
    let (epoch, iso) = (object.get("epoch")?, object.get("iso")?);
    let parsed = iso.as_str().and_then(|iso| DateTime::parse_from_rfc3339(iso).ok());
    let has_form = iso.as_str().is_some_and(|iso| iso.len() == 24 && iso.ends_with('Z'));
    let agree =
        has_form && object.len() == 2 && parsed.is_some_and(|iso| epoch.as_i64() == Some(iso.timestamp_millis()));
    Some(if agree {
        "{epoch, iso}"
    } else {
        "{epoch and iso disagree}"
    })
}

fn is_uuid(text: &str) -> bool {
    let fits = |(index, byte): (usize, u8)| match index {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_changes_has_a_stable_name() {
        let mut mask = Mask::default();
        mask.name(1_000_007, "ann");
        let shown = mask.shown(&json!({
            "entry": {
                "author": 1_000_007, "id": "0192f0e4-7d00-7000-8000-000000000001",
                "timestamp": {"epoch": 1_464_903_516_342_u64, "iso": "2016-06-02T21:38:36.342Z"},
                "edited": {"epoch": 1_464_903_516_343_u64, "iso": "2016-06-02T21:38:36.342Z"},
            },
            "state": {"rev": 1_838_745_127_106_560_u64, "prev_rev": 0}, "rev": 1_838_745_127_106_560_u64,
            "cursor": "abc", "same": "0192f0e4-7d00-7000-8000-000000000001", "ms": 1_764_000_000_000_u64,
            "other": "0192f0e4-7d00-7000-8000-000000000002", "key": "myplatform:dm:7-1000007", "text": "10000071",
        }));
        insta::assert_snapshot!(shown, @r#"
        {
          "cursor": "[cursor 1]",
          "entry": {"author": [ann], "edited": {epoch and iso disagree}, "id": "[id 1]", "timestamp": {epoch, iso}},
          "key": "myplatform:dm:7-[ann]",
          "ms": [ms],
          "other": "[id 2]",
          "rev": [rev 1],
          "same": "[id 1]",
          "state": {"prev_rev": 0, "rev": [rev 1]},
          "text": "10000071"
        }
        "#);
    }
}
