//! Route selection: which key a message carries.
//!
//! # Source
//! API Gateway developer guide, route selection expressions: `$request.body.a.b`, `${request.body.a}/${request.body.b}`, or
//! fixed text. A missing path is the empty text, other values than text are written as JSON, and a body that isn't JSON
//! selects `$default`.
//!
//! The service's own parser is lenient: a recorded event with `{"action":"sendMessage", body:"hello"}` had reached
//! `sendMessage`, broken as it is. How lenient is not known. JSON5 is what we take, so that a function meets such a body here
//! before it does there.

use serde_json::Value;

/// The most opening brackets of a body that is read as JSON5.
const LENIENT_BRACKETS: usize = 128;

/// A parsed `RouteSelectionExpression`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selection(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    /// Keys from the body's root.
    Body(Vec<String>),
}

impl Selection {
    /// Parses an expression.
    pub fn parse(expression: &str) -> Self {
        if let Some(variable) = expression.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
            return Self(vec![Part::variable(variable)]);
        }
        let mut parts = Vec::new();
        let mut rest = expression;
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}').unwrap_or((after, ""));
            parts.push(Part::Text(before.to_owned()));
            parts.push(Part::variable(variable));
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        Self(parts)
    }

    /// The key that a message selects; `None` when it isn't JSON.
    pub fn key(&self, message: &str) -> Option<String> {
        let body = serde_json::from_str(message).ok().or_else(|| lenient(message))?;
        Some(self.0.iter().map(|part| part.value(&body)).collect())
    }
}

/// A body as JSON5. Its parser descends once for each bracket without a limit, and a client must not choose the depth of our
/// stack: what has more opening brackets than `serde_json` descends isn't JSON.
fn lenient(message: &str) -> Option<Value> {
    let brackets = message.bytes().filter(|byte| b"[{".contains(byte)).count();
    (brackets <= LENIENT_BRACKETS).then(|| json5::from_str(message).ok())?
}

impl Part {
    fn variable(name: &str) -> Self {
        match name.strip_prefix("request.body") {
            Some(path) => Self::Body(path.split('.').skip(1).map(str::to_owned).collect()),
            // A message has no headers and no query, so whatever else is named is empty.
            None => Self::Text(String::new()),
        }
    }

    fn value(&self, body: &Value) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Body(path) => match path.iter().try_fold(body, |value, key| value.get(key)) {
                None => String::new(),
                Some(Value::String(text)) => text.clone(),
                Some(other) => other.to_string(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_select_as_documented() {
        for (expression, message, key) in [
            ("$request.body.action", r#"{"action":"send"}"#, Some("send")),
            ("$request.body.a.b", r#"{"a":{"b":7}}"#, Some("7")),
            ("$request.body.action", r#"{"other":1}"#, Some("")),
            ("$request.body.action", "[1]", Some("")),
            ("$request.body.action", "not json", None),
            (
                "$request.body.action",
                r#"{"action":"sendMessage", body:"hello"}"#,
                Some("sendMessage"),
            ),
            (
                "${request.body.a}/${request.body.b}",
                r#"{"a":"x","b":true}"#,
                Some("x/true"),
            ),
            ("fixed", "{}", Some("fixed")),
            ("$request.body.action", &"[".repeat(32 * 1024), None),
        ] {
            assert_eq!(
                Selection::parse(expression).key(message).as_deref(),
                key,
                "{expression} {message}"
            );
        }
    }
}
