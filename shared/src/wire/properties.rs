//! JSON objects of clients, read property by property.

use std::borrow::Cow;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::request::id_in;
use crate::domain::Id;
use crate::error::ApiError;

/// The properties of a JSON object, each as it was written.
#[derive(Debug)]
pub(super) struct Properties<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Properties<'a> {
    /// Reads a body or frame. A byte order mark before it is no harm (RFC 8259, section 8.1).
    pub(super) fn parse(json: &'a str, what: &'static str) -> Result<Self, ApiError> {
        let json = json.strip_prefix('\u{feff}').unwrap_or(json);
        let Self(mut properties) = serde_json::from_str(json).map_err(|_| ApiError::InvalidJson(what))?;
        properties.sort_by(|(one, _), (other, _)| one.cmp(other));
        match properties
            .windows(2)
            .find(|pair| matches!(pair, [one, other] if one.0 == other.0))
        {
            Some([(key, _), ..]) => Err(ApiError::DuplicateKey {
                what,
                key: shortened(key),
            }),
            _ => Ok(Self(properties)),
        }
    }

    /// A property that is there, and may be null.
    pub(super) fn with_null(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| *value)
    }

    /// A property that is there and not null.
    pub(super) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.with_null(name).filter(|value| value.get() != "null")
    }

    /// A property that should be one of some names: anything but a string as it was written, so that an error can repeat it; empty if it is absent.
    pub(super) fn name(&self, name: &str) -> String {
        let raw = self.get(name);
        raw.map_or_else(String::new, |raw| string(raw).unwrap_or_else(|| raw.get().to_owned()))
    }
}

impl Properties<'_> {
    /// A string that may be absent or null.
    pub(super) fn optional_text(
        &self,
        field: &'static str,
        expected: &'static str,
    ) -> Result<Option<String>, ApiError> {
        let Some(raw) = self.get(field) else { return Ok(None) };
        string(raw).map(Some).ok_or(ApiError::InvalidField { field, expected })
    }

    /// A list of ids that may be absent or null; each id once.
    pub(super) fn ids(&self, field: &'static str, most: usize, expected: &'static str) -> Result<Vec<Id>, ApiError> {
        let Some(raw) = self.get(field) else {
            return Ok(Vec::new());
        };
        let values: Vec<&RawValue> =
            serde_json::from_str(raw.get()).map_err(|_| ApiError::InvalidField { field, expected })?;
        if values.len() > most {
            return Err(ApiError::InvalidField { field, expected });
        }
        let mut ids: Vec<Id> = Vec::with_capacity(values.len());
        for value in values {
            let id = id_in(value).map_err(|reason| ApiError::InvalidId { field, reason })?;
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        Ok(ids)
    }
}

impl<'de> Deserialize<'de> for Properties<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Properties<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut properties = Vec::new();
                while let Some(Key(key)) = map.next_key()? {
                    properties.push((key, map.next_value()?));
                }
                Ok(Properties(properties))
            }
        }

        /// Borrowed where it has no escapes.
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        deserializer.deserialize_map(Object)
    }
}

/// The text of a JSON string; nothing for any other value, or if an escape is half of a surrogate pair.
pub(super) fn string(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

/// What an error repeats of a client's text: enough to recognise it.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(64).collect()
}
