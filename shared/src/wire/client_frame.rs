//! Frames that clients send over the WebSocket: the parts around a body.

use serde_json::value::RawValue;

use super::properties::{Properties, string};
use super::request::{cursor, id_in, named_target, revision};
use crate::domain::limits::{FRAME_ID_BYTES, IDS_MAX};
use crate::domain::{Cursor, Id, InvalidId, Reaction, Target};
use crate::error::ApiError;

/// The envelope of a frame that a client sent over the WebSocket.
#[derive(Debug)]
pub struct ClientFrame<'a>(Properties<'a>);

impl<'a> ClientFrame<'a> {
    /// Reads a frame.
    ///
    /// # Errors
    /// [`ApiError::InvalidJson`] for anything but a JSON object, [`ApiError::DuplicateKey`].
    pub fn parse(json: &'a str) -> Result<Self, ApiError> {
        Properties::parse(json, "frame").map(Self)
    }

    /// The id that the client gave the frame, as JSON: the answer repeats it.
    ///
    /// # Errors
    /// [`ApiError::InvalidFrameId`] for anything but a short string or a number.
    pub fn id(&self) -> Result<Option<&'a RawValue>, ApiError> {
        let fits = |raw: &&RawValue| {
            raw.get().len() <= FRAME_ID_BYTES
                && raw
                    .get()
                    .starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit())
        };
        match self.0.get("id") {
            Some(raw) => Some(raw).filter(fits).map(Some).ok_or(ApiError::InvalidFrameId),
            None => Ok(None),
        }
    }

    /// The action; empty if the frame has none.
    pub fn action(&self) -> String {
        self.0.get("action").and_then(string).unwrap_or_default()
    }

    /// The conversation that the frame is about.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`].
    pub fn target(&self) -> Result<Target, ApiError> {
        target_in(&self.0)
    }

    /// The conversation that the client shows on its screen, if any.
    ///
    /// # Errors
    /// [`ApiError::InvalidTarget`], [`ApiError::InvalidId`]; [`ApiError::InvalidField`] if it is no object.
    pub fn conversation(&self) -> Result<Option<Target>, ApiError> {
        let Some(raw) = self.0.get("conversation") else {
            return Ok(None);
        };
        let inner = Properties::parse(raw.get(), "conversation").map_err(|error| match error {
            ApiError::InvalidJson(field) => ApiError::InvalidField {
                field,
                expected: "an object with target and target_id",
            },
            other => other,
        })?;
        target_in(&inner).map(Some)
    }

    /// The users whose presence the client asks for, each once.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if they are no list of ids, or too many.
    pub fn users(&self) -> Result<Vec<Id>, ApiError> {
        self.0.ids("users", IDS_MAX, "a list of at most 100 ids")
    }

    /// Whether the user begins to type; false if the user stops.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but `start` or `stop`.
    pub fn types(&self) -> Result<bool, ApiError> {
        match self.0.name("state").as_str() {
            "start" => Ok(true),
            "stop" => Ok(false),
            _ => Err(ApiError::InvalidField {
                field: "state",
                expected: "start or stop",
            }),
        }
    }

    /// A reaction, and whether it is given; if not, it is taken back.
    ///
    /// # Errors
    /// [`ApiError::InvalidReaction`]; [`ApiError::InvalidField`] if `remove` is no boolean.
    pub fn reaction(&self) -> Result<(Reaction, bool), ApiError> {
        let text = self.0.get("reaction").and_then(string).unwrap_or_default();
        let give = match self.0.get("remove").map(RawValue::get) {
            None | Some("false") => true,
            Some("true") => false,
            Some(_) => {
                return Err(ApiError::InvalidField {
                    field: "remove",
                    expected: "true or false",
                });
            }
        };
        Ok((Reaction::parse(&text)?, give))
    }

    /// The cursor since which the client asks for changes, if it gives one.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a cursor.
    pub fn since(&self) -> Result<Option<Cursor>, ApiError> {
        let since = self.0.get("since");
        since.map(|raw| cursor(&string(raw).unwrap_or_default())).transpose()
    }

    /// A fresh token of the user who owns the connection; `None` if the client does not renew it.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] for anything but a string.
    pub fn token(&self) -> Result<Option<String>, ApiError> {
        let token = self.0.get("token");
        let token = token.map(|raw| {
            string(raw).ok_or(ApiError::InvalidField {
                field: "token",
                expected: "a string",
            })
        });
        token.transpose()
    }

    /// The revision of the conversation that the client knows.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it is absent, or not a whole number.
    pub fn revision(&self) -> Result<u64, ApiError> {
        revision(self.0.get("since").map_or("-", RawValue::get))
    }

    /// The message that the frame is about.
    ///
    /// # Errors
    /// [`ApiError::InvalidField`] if it names none.
    pub fn message_id(&self) -> Result<String, ApiError> {
        self.0.get("message_id").and_then(string).ok_or(ApiError::InvalidField {
            field: "message_id",
            expected: "a string",
        })
    }
}

/// The conversation that `target` and `target_id` name.
fn target_in(properties: &Properties<'_>) -> Result<Target, ApiError> {
    let id = || properties.get("target_id").map_or(Err(InvalidId::Text), id_in);
    named_target(&properties.name("target"), "target_id", id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_names_its_target() {
        let target = |json: &str| match ClientFrame::parse(json).unwrap().target() {
            Ok(target) => target.to_string(),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":5}"#), @"user-5");
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":"5"}"#), @"user-5");
        insta::assert_snapshot!(target(r#"{"target":"user","target_id":5.0}"#), @"target_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits");
        insta::assert_snapshot!(target(r#"{"target":"user"}"#), @"target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |");
        for other in [
            "[5]",
            "true",
            "{}",
            r#"{"$serde_json::private::RawValue":"5"}"#,
            r#""\ud83d""#,
        ] {
            let frame = format!(r#"{{"target":"user","target_id":{other}}}"#);
            assert!(
                target(&frame).starts_with("target_id must be a whole number, or a string"),
                "{other}"
            );
        }
        for number in ["-5", "-0", "1e0", "99999999999999999999999"] {
            let frame = format!(r#"{{"target":"user","target_id":{number}}}"#);
            assert!(
                target(&frame).starts_with("target_id must be a whole number from 0 to"),
                "{number}"
            );
        }
        insta::assert_snapshot!(target(r#"{"target":"villain","target_id":5}"#), @r#"Invalid target "villain""#);
    }

    #[test]
    fn an_answer_can_only_repeat_a_short_id() {
        let id = |json: &str| {
            ClientFrame::parse(json)
                .unwrap()
                .id()
                .map(|id| id.map(|raw| raw.get().to_owned()))
                .ok()
        };
        assert_eq!(id(r#"{"id":"a"}"#), Some(Some("\"a\"".to_owned())));
        assert_eq!(id(r#"{"id":-7}"#), Some(Some("-7".to_owned())));
        assert_eq!(id("{}"), Some(None));
        assert_eq!(id(r#"{"id":{}}"#), None);
        assert_eq!(id(&format!(r#"{{"id":"{}"}}"#, "x".repeat(127))), None);
    }
}
