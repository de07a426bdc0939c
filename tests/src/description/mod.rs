//! What clients can rely on, for programs: an `OpenAPI` 3.1 description of the REST API and an `AsyncAPI` 3 description of the WebSocket.
//!
//! Both are written here by hand, as JSON, and not derived from the types that the functions answer with: as everywhere in this package, a wrong
//! shape must not agree with itself. What keeps them honest is [`check`]: every exchange of the black-box suite is held against them, and all
//! objects that we answer are closed, so that a property, status or code that is not described fails the test that meets it.
//!
//! `cargo run -p tests --bin describe` writes them to `docs/`; a test compares.

#![expect(
    clippy::needless_pass_by_value,
    reason = "a schema is built of schemas, each of which is used once"
)]

mod bodies;
pub mod check;
mod components;
mod errors;
mod platform;
mod rest;
mod schema;
mod socket;

use serde_json::Value;

/// The files of `docs/`, and what must be in them.
pub fn files() -> [(&'static str, String); 2] {
    [
        ("docs/openapi.json", text(&openapi())),
        ("docs/asyncapi.json", text(&asyncapi())),
    ]
}

/// The REST API, in `OpenAPI` 3.1.
pub fn openapi() -> Value {
    rest::document()
}

/// The WebSocket, in `AsyncAPI` 3.
pub fn asyncapi() -> Value {
    socket::document()
}

fn text(document: &Value) -> String {
    format!("{document:#}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Also what an editor or a viewer shows must be right.
    #[test]
    fn every_example_is_what_its_schema_says() {
        for document in [openapi(), asyncapi()] {
            let schemas = document["components"]["schemas"].as_object().unwrap();
            let mut examples = 0;
            for (name, schema) in schemas {
                for example in schema["examples"].as_array().into_iter().flatten() {
                    check::schema(&document, name, example).unwrap();
                    examples += 1;
                }
            }
            assert!(examples > 20, "{examples} examples");
        }
    }
}
