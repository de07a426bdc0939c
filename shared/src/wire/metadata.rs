//! The metadata of a client: an object that is stored as it was written, so it is checked once, before that.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;

use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::properties::shortened;
use crate::domain::Metadata;
use crate::error::ApiError;

/// Keys with a special meaning in JavaScript: with them, code that copies an object key by key may change all objects of the page ("prototype
/// pollution").
///
/// # Source
/// ECMA-262, `Object.prototype.__proto__` (annex B.2.2.1); CWE-1321, which names these three.
const OF_PROTOTYPES: [&str; 3] = ["__proto__", "constructor", "prototype"];

/// Reads the metadata of a message. It is stored as it was written, so every JSON parser must accept it and read the same: no number out of range,
/// no half character, no deep nesting, no key twice, no key of a JavaScript prototype. It walks through the text once and builds nothing.
///
/// # Errors
/// [`ApiError::InvalidMessage`] if it is too large, which is checked first; [`ApiError::DuplicateKey`] and [`ApiError::PrototypeKey`], which name
/// the key; [`ApiError::InvalidField`] for anything but an object that every parser accepts.
pub fn metadata(json: &str) -> Result<Metadata, ApiError> {
    let metadata = Metadata::new(json.to_owned())?;
    let mut wrong_key = None;
    let mut reader = serde_json::Deserializer::from_str(json);
    let walked = Walk(&mut wrong_key).deserialize(&mut reader);
    match (wrong_key, walked) {
        (Some(error), _) => Err(error),
        (None, Ok(())) if json.starts_with('{') => Ok(metadata),
        (None, _) => Err(ApiError::InvalidField {
            field: "metadata",
            expected: "an object that every JSON reader takes",
        }),
    }
}

/// A walk through a value. A wrong key ends it, and is noted here.
struct Walk<'w>(&'w mut Option<ApiError>);

impl<'de> DeserializeSeed<'de> for Walk<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Walk(self.0))?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        /// Borrowed where it has no escapes.
        #[derive(Deserialize)]
        struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

        let mut keys = HashSet::new();
        while let Some(Key(key)) = map.next_key()? {
            let of_prototype = OF_PROTOTYPES.iter().find(|name| **name == key);
            if let Some(error) = of_prototype
                .map(|name| ApiError::PrototypeKey(name))
                .or_else(|| doubled(&keys, &key))
            {
                *self.0 = Some(error);
                return Err(A::Error::custom("a wrong key"));
            }
            keys.insert(key);
            map.next_value_seed(Walk(self.0))?;
        }
        Ok(())
    }
}

fn doubled(keys: &HashSet<Cow<'_, str>>, key: &str) -> Option<ApiError> {
    keys.contains(key).then(|| ApiError::DuplicateKey {
        what: "metadata",
        key: shortened(key),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> String {
        match metadata(json) {
            Ok(metadata) => metadata.as_json().to_owned(),
            Err(error) => format!("{} {} {error}", error.status(), error.code().unwrap_or_default()),
        }
    }

    #[test]
    fn metadata_is_kept_as_it_was_written() {
        for json in [
            "{}",
            r#"{"a": 1e40, "b":[{"a":null}, true,"\u0000"],"":-0.0}"#,
            r#"{"a":{"a":{"a":1}},"A":2,"proto":3,"constructors":4,"Prototype":5,"__proto":6}"#,
            r#"{"a":"__proto__","b":["constructor"]}"#,
            r#"{"big":18446744073709551616,"low":-9223372036854775809}"#,
        ] {
            assert_eq!(read(json), json);
        }
    }

    #[test]
    fn a_key_of_a_prototype_is_refused_at_any_depth_and_named() {
        for (json, key) in [
            (r#"{"__proto__":{"admin":true}}"#, "__proto__"),
            (r#"{"a":[[{"b":{"constructor":1}}]]}"#, "constructor"),
            (r#"{"a":{"\u0070rototype":{}}}"#, "prototype"),
            (r#"{"__pr\u006fto__":1}"#, "__proto__"),
        ] {
            let due =
                format!("400 FORBIDDEN_KEY the metadata must not have the key \"{key}\", which JavaScript itself uses");
            assert_eq!(read(json), due);
        }
    }

    #[test]
    fn a_key_that_occurs_twice_is_refused_at_any_depth_and_named() {
        for json in [
            r#"{"a":1,"a":1}"#,
            r#"{"x":[0,{"y":{"a":1,"b":2,"a":3}}]}"#,
            r#"{"a":1,"\u0061":2}"#,
        ] {
            assert_eq!(
                read(json),
                "400 DUPLICATE_KEY the metadata has the key \"a\" twice",
                "{json}"
            );
        }
        let long = format!(r#"{{"{0}":1,"{0}":2}}"#, "k".repeat(1_000));
        assert!(read(&long).len() < 150, "an error does not repeat a long key");
    }

    #[test]
    fn metadata_that_some_parsers_refuse_is_refused() {
        let deep = |levels: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
        assert_eq!(read(&deep(100)), deep(100));
        for json in [
            deep(200),
            r#"{"a":1e400}"#.to_owned(),
            r#"{"a":"\ud83d"}"#.to_owned(),
            r#"{"\udc00":1}"#.to_owned(),
            "[]".to_owned(),
            "7".to_owned(),
            "\"{\"".to_owned(),
        ] {
            let due = "400 INVALID_FIELD metadata must be an object that every JSON reader takes";
            assert_eq!(read(&json), due);
        }
        // The size is checked first.
        assert!(read(&deep(5_000)).starts_with("413 METADATA_TOO_LARGE"));
    }
}
