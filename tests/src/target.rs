//! What a message can be sent to: a user or a topic.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::User;
use crate::user::id_text;

/// A conversation as one of its members names it.
pub trait Target {
    /// `user` or `topic`.
    fn kind(&self) -> &'static str;

    /// The id, a number or a string.
    fn id(&self) -> &Value;

    /// The path after `/api`, percent-encoded: `/user/{id}` or `/topic/{id}`.
    fn path(&self) -> String {
        let id = id_text(self.id());
        format!("/{}/{}", self.kind(), utf8_percent_encode(&id, NON_ALPHANUMERIC))
    }

    /// A frame about the conversation: these properties, with `action`, `target` and `target_id`.
    fn frame(&self, action: &str, properties: Value) -> Value {
        let mut frame = properties;
        frame["action"] = json!(action);
        frame["target"] = json!(self.kind());
        frame["target_id"] = self.id().clone();
        frame
    }
}

/// A topic of the platform.
#[derive(Clone, Debug)]
pub struct Topic {
    /// The platform's id: a number or a string.
    pub id: Value,
}

impl Target for Topic {
    fn kind(&self) -> &'static str {
        "topic"
    }

    fn id(&self) -> &Value {
        &self.id
    }
}

impl Target for User {
    fn kind(&self) -> &'static str {
        "user"
    }

    fn id(&self) -> &Value {
        &self.id
    }
}
