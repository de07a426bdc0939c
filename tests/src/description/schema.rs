//! Small pieces of JSON Schema. Only what draft 7 and draft 2020-12 read alike is used, since `AsyncAPI` knows the one and `OpenAPI` the other.

use serde_json::{Map, Value, json};

/// A property: its name and its schema.
pub(super) type Property = (&'static str, Value);

/// An object that has these properties and no other: what we answer.
pub(super) fn closed<const N: usize, const M: usize>(required: [Property; N], optional: [Property; M]) -> Value {
    let mut object = open(required, optional);
    object["additionalProperties"] = json!(false);
    object
}

/// An object that may have more than these properties: what clients send, of which we leave alone what we do not know.
pub(super) fn open<const N: usize, const M: usize>(required: [Property; N], optional: [Property; M]) -> Value {
    let names: Vec<&str> = required.iter().map(|(name, _)| *name).collect();
    let all = required.into_iter().chain(optional);
    let properties: Map<String, Value> = all.map(|(name, schema)| (name.to_owned(), schema)).collect();
    let mut object = json!({"type": "object", "properties": properties});
    if !names.is_empty() {
        object["required"] = json!(names);
    }
    object
}

/// The schema of that name.
pub(super) fn named(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// One of these strings.
pub(super) fn one_of(words: &[&str]) -> Value {
    json!({"type": "string", "enum": words})
}

/// Exactly this.
pub(super) fn exactly(value: impl Into<Value>) -> Value {
    json!({"const": value.into()})
}

/// A list.
pub(super) fn list(items: Value) -> Value {
    json!({"type": "array", "items": items})
}

/// A list of at most so many.
pub(super) fn short_list(items: Value, most: u64) -> Value {
    json!({"type": "array", "items": items, "maxItems": most})
}

/// That, or null.
pub(super) fn or_null(schema: Value) -> Value {
    json!({"anyOf": [schema, {"type": "null"}]})
}

/// A whole number from here on, small enough for JSON.
pub(super) fn whole(from: u64) -> Value {
    json!({"type": "integer", "minimum": from, "maximum": NUMBER_MAX})
}

/// A text of any length.
pub(super) fn text() -> Value {
    json!({"type": "string"})
}

/// Yes or no.
pub(super) fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// A schema with words about it.
pub(super) fn about(words: &str, mut schema: Value) -> Value {
    // Draft 7 looks at nothing beside a reference.
    if !schema["$ref"].is_null() {
        schema = json!({"allOf": [schema]});
    }
    schema["description"] = json!(words);
    schema
}

/// A schema with an example.
pub(super) fn like(example: Value, mut schema: Value) -> Value {
    schema["examples"] = json!([example]);
    schema
}

/// The largest whole number that JSON carries exactly everywhere.
pub(super) const NUMBER_MAX: u64 = (1 << 53) - 1;
