//! Route selection: which key a message carries.
//!
//! # Source
//! API Gateway developer guide, route selection expressions: `$request.body.a.b`, `${request.body.a}/${request.body.b}`, or
//! fixed text. A missing path gives the empty text. Other values than text are written as JSON. A body that isn't JSON
//! selects `$default`.
//!
//! The service's own parser is lenient: a recorded event with the broken body `{"action":"sendMessage", body:"hello"}` had
//! reached `sendMessage`. It is not known how lenient it is. We take JSON5, so that a function meets such a body here before it
//! meets one on AWS.

use serde_json::Value;

/// The most opening brackets in a body that is read as JSON5.
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
    ///
    /// # Errors
    /// What can't be understood, in words for the author of the template: a variable other than the body's, or a `$` that
    /// begins none.
    pub fn parse(expression: &str) -> Result<Self, String> {
        if let Some(variable) = expression.strip_prefix('$').filter(|rest| !rest.starts_with('{')) {
            return Ok(Self(vec![Part::variable(variable)?]));
        }
        let mut parts = Vec::new();
        let mut rest = expression;
        while let Some((before, after)) = rest.split_once("${") {
            let (variable, after) = after.split_once('}').ok_or("a ${ has no }")?;
            parts.push(Part::text(before)?);
            parts.push(Part::variable(variable)?);
            rest = after;
        }
        parts.push(Part::text(rest)?);
        Ok(Self(parts))
    }

    /// The key that a message selects; `None` when it isn't JSON.
    pub fn key(&self, message: &str) -> Option<String> {
        let body = serde_json::from_str(message).ok().or_else(|| lenient(message))?;
        Some(self.0.iter().map(|part| part.value(&body)).collect())
    }
}

/// A body as JSON5. The parser recurses once for each bracket, without a limit, and a client must not choose the depth of our
/// stack. So a body with more opening brackets than `serde_json` allows counts as no JSON.
fn lenient(message: &str) -> Option<Value> {
    let brackets = message.bytes().filter(|byte| b"[{".contains(byte)).count();
    (brackets <= LENIENT_BRACKETS).then(|| json5::from_str(message).ok())?
}

impl Part {
    fn text(text: &str) -> Result<Self, String> {
        if text.contains('$') {
            return Err(format!("a $ in {text} begins no variable"));
        }
        Ok(Self::Text(text.to_owned()))
    }

    /// A path into the body. Whether the service takes other variables here, and what they select, is not documented.
    fn variable(name: &str) -> Result<Self, String> {
        let is_key = |key: &str| {
            !key.is_empty()
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let path = name.strip_prefix("request.body.").unwrap_or_default();
        if !path.split('.').all(is_key) {
            return Err(format!(
                "the local stack knows $request.body.KEY and keys below it, and not ${name}"
            ));
        }
        Ok(Self::Body(path.split('.').map(str::to_owned).collect()))
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
                Selection::parse(expression).unwrap().key(message).as_deref(),
                key,
                "{expression} {message}"
            );
        }
    }
}
