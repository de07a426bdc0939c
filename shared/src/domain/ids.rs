//! Newtypes for everything that names something.

use std::fmt;

use thiserror::Error;
use uuid::Uuid;

use super::limits::{CONNECTION_ID_BYTES, DOMAIN_BYTES, ID_BYTES, NUMERIC_ID_MAX, RETRY_KEY_CHARS};

/// The platform's id of a user or topic: a number, or a short text.
///
/// Digits are a number up to 2^53 − 1, however they were written: `5` and `"5"` are one id. A longer string of digits, such as a 64-bit
/// snowflake, is a text, because JSON numbers do not carry it exactly.
///
/// Ids have an order: numbers first, by value; then texts by their bytes, long strings of digits among them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id(Repr);

/// The author of the platform's own messages. No user can have this id.
const SYSTEM: &str = "senna:system";

/// Stands for users who were erased. No user can have this id.
const NOBODY: &str = "senna:nobody";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Repr {
    Number(u64),
    Text(Box<str>),
}

/// Why something is not an id. The text says what the id must be.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidId {
    /// A string of digits that begins with 0, which other programs would take for another id.
    #[error("must not have leading zeros")]
    LeadingZeros,
    /// A JSON number that is negative, above 2^53 − 1, or written with a point or an exponent.
    #[error(
        "must be a whole number from 0 to {NUMERIC_ID_MAX}, without point or exponent; a longer one must be a string of digits"
    )]
    Number,
    /// A text that is empty, too long or has other characters; or no text at all.
    #[error("must be a whole number, or a string of 1 to {ID_BYTES} of A-Z a-z 0-9 _ . : @ ~ + = - |")]
    Text,
    /// The id of the platform itself, which is the author of system messages.
    #[error("must not be {SYSTEM}, which is the platform itself")]
    System,
    /// The id that stands for users who were erased.
    #[error("must not be {NOBODY}, which stands for erased users")]
    Nobody,
}

impl Id {
    /// The id that is this number.
    ///
    /// # Errors
    /// [`InvalidId::Number`] above 2^53 − 1.
    pub fn from_number(number: u64) -> Result<Self, InvalidId> {
        if number <= NUMERIC_ID_MAX {
            Ok(Self(Repr::Number(number)))
        } else {
            Err(InvalidId::Number)
        }
    }

    /// Reads an id as it stands in an address, or as a string in a token or in JSON.
    ///
    /// # Errors
    /// [`InvalidId::LeadingZeros`], [`InvalidId::Text`], [`InvalidId::System`], [`InvalidId::Nobody`].
    pub fn parse(text: &str) -> Result<Self, InvalidId> {
        if text == SYSTEM {
            return Err(InvalidId::System);
        }
        if text == NOBODY {
            return Err(InvalidId::Nobody);
        }
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:@~+=-|".contains(&byte);
        if text.is_empty() || text.len() > ID_BYTES || !text.bytes().all(allowed) {
            return Err(InvalidId::Text);
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self(Repr::Text(text.into())));
        }
        if text.len() > 1 && text.starts_with('0') {
            return Err(InvalidId::LeadingZeros);
        }
        let number = text.parse().ok().and_then(|number| Self::from_number(number).ok());
        Ok(number.unwrap_or_else(|| Self(Repr::Text(text.into()))))
    }

    /// The author of system messages: the platform itself.
    pub fn system() -> Self {
        Self(Repr::Text(SYSTEM.into()))
    }

    /// Whether this is the platform itself.
    pub fn is_system(&self) -> bool {
        *self == Self::system()
    }

    /// Stands for users who were erased: the author of their tombstones, and the reporter of their reports.
    pub fn nobody() -> Self {
        Self(Repr::Text(NOBODY.into()))
    }

    /// Reads a stored id, which may be that of the platform itself or stand for an erased user.
    ///
    /// # Errors
    /// [`InvalidId::LeadingZeros`], [`InvalidId::Text`].
    pub(crate) fn stored(text: &str) -> Result<Self, InvalidId> {
        match text {
            SYSTEM => Ok(Self::system()),
            NOBODY => Ok(Self::nobody()),
            text => Self::parse(text),
        }
    }

    /// The number, if the id is one.
    pub fn as_number(&self) -> Option<u64> {
        match self.0 {
            Repr::Number(number) => Some(number),
            Repr::Text(_) => None,
        }
    }

    /// The id as part of a key. `:`, `~` and `-` are percent-encoded, because keys use them between ids. Two ids never give the same part.
    pub fn in_key(&self) -> String {
        match &self.0 {
            Repr::Number(number) => number.to_string(),
            Repr::Text(text) if !text.contains(['%', ':', '~', '-']) => text.to_string(),
            Repr::Text(text) => text
                .replace('%', "%25")
                .replace(':', "%3A")
                .replace('~', "%7E")
                .replace('-', "%2D"),
        }
    }

    /// Reads what [`Id::in_key`] wrote; `None` for any other text.
    pub(super) fn from_key(part: &str) -> Option<Self> {
        let text = part.replace("%2D", "-").replace("%7E", "~").replace("%3A", ":");
        let id = Self::parse(&text.replace("%25", "%")).ok()?;
        (id.in_key() == part).then_some(id)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => number.fmt(f),
            Repr::Text(text) => text.fmt(f),
        }
    }
}

/// The handle of a site. Several sites share one Redis and never see each other.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain(Box<str>);

/// The text is not a domain handle.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {DOMAIN_BYTES} of A-Z a-z 0-9 . _ -")]
pub struct InvalidDomain;

impl Domain {
    /// Reads a handle.
    ///
    /// # Errors
    /// [`InvalidDomain`] for an empty or long text, or one with other characters.
    pub fn parse(text: &str) -> Result<Self, InvalidDomain> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if text.is_empty() || text.len() > DOMAIN_BYTES || !text.bytes().all(allowed) {
            return Err(InvalidDomain);
        }
        Ok(Self(text.into()))
    }

    /// The handle.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// API Gateway's name of one WebSocket connection, as `L0SM9cOFvHcCIhw=`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(Box<str>);

/// The text is not a connection id.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {CONNECTION_ID_BYTES} of A-Z a-z 0-9 _ = -")]
pub struct InvalidConnectionId;

impl ConnectionId {
    /// Reads an id that API Gateway sent.
    ///
    /// # Errors
    /// [`InvalidConnectionId`] for a text that a key cannot hold.
    pub fn parse(text: &str) -> Result<Self, InvalidConnectionId> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_=-".contains(&byte);
        if text.is_empty() || text.len() > CONNECTION_ID_BYTES || !text.bytes().all(allowed) {
            return Err(InvalidConnectionId);
        }
        Ok(Self(text.into()))
    }

    /// The id as API Gateway wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A client's own name for a send. A second send with the same name is a retry and not another message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetryKey(Box<str>);

/// The text is not a retry key.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {RETRY_KEY_CHARS} printable characters")]
pub struct InvalidRetryKey;

impl RetryKey {
    /// Reads a key that a client chose.
    ///
    /// # Errors
    /// [`InvalidRetryKey`] for an empty or long text, or one with control characters.
    pub fn parse(text: &str) -> Result<Self, InvalidRetryKey> {
        let length = text.chars().count();
        if !(1..=RETRY_KEY_CHARS).contains(&length) || text.chars().any(char::is_control) {
            return Err(InvalidRetryKey);
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for RetryKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A message's id: a UUIDv7 that also tells where in its conversation the message stands.
///
/// # Shape
/// 48 bits of time in milliseconds, 34 random bits, and the `seq` in the 40 lowest bits. So we find the record by its position and then
/// compare the ids: if they differ, there is no such message.
///
/// # Source
/// RFC 9562, section 5.7; section 6.2 lets an implementation use the random bits for a counter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct MessageId {
    /// When the message was stored, in milliseconds since 1970.
    pub ms: u64,
    /// 34 random bits.
    pub random: u64,
    /// Position in the conversation, from 1.
    pub seq: u64,
}

impl MessageId {
    /// Bits of `random`.
    pub const RANDOM_BITS: u32 = 34;
    const SEQ_BITS: u32 = 40;

    /// Reads an id as clients write it. `None` if we cannot have made it; then the message does not exist.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
        let (high, low) = uuid.as_u64_pair();
        let id = Self {
            ms: high >> 16,
            random: (high & 0xfff) << 22 | (low >> Self::SEQ_BITS & 0x3f_ffff),
            seq: low & ((1 << Self::SEQ_BITS) - 1),
        };
        (id.seq > 0 && id.uuid() == uuid).then_some(id)
    }

    fn uuid(self) -> Uuid {
        let version = 0x7 << 12;
        let variant = 0b10 << 62;
        let high = self.ms << 16 | version | (self.random >> 22 & 0xfff);
        let low = variant | (self.random & 0x3f_ffff) << Self::SEQ_BITS | self.seq;
        Uuid::from_u64_pair(high, low)
    }
}

/// The id that the Node.js server before Senna gave to a message. Its clients may still name the message by it.
///
/// # Source
/// car-throttle/senna-sockets, `src/api.js`: a version 4 UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OldId(Uuid);

impl OldId {
    /// Reads an id as clients write it. `None` for a text that is no UUID, and for one of our own ids.
    pub fn parse(text: &str) -> Option<Self> {
        let uuid = Uuid::try_parse(text).ok().filter(|_| text.len() == 36)?;
        MessageId::parse(text).is_none().then_some(Self(uuid))
    }

    /// The bits of the UUID.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for OldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.uuid().hyphenated().encode_lower(&mut Uuid::encode_buffer()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn digits_are_one_id_however_they_are_written() {
        assert_eq!(Id::parse("5"), Id::from_number(5));
        assert_eq!(Id::parse("5").unwrap().as_number(), Some(5));
        assert_eq!(Id::parse("0"), Id::from_number(0));
        assert_eq!(Id::parse("9007199254740991"), Id::from_number(NUMERIC_ID_MAX));
    }

    #[test]
    fn a_longer_string_of_digits_is_a_text() {
        for text in ["9007199254740992", "1983516295378495150", &"9".repeat(64)] {
            let id = Id::parse(text).unwrap();
            assert_eq!((id.as_number(), id.to_string()), (None, text.to_owned()));
        }
        assert_eq!(Id::from_number(NUMERIC_ID_MAX + 1), Err(InvalidId::Number));
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for text in ["05", "00", "01983516295378495150"] {
            assert_eq!(Id::parse(text), Err(InvalidId::LeadingZeros), "{text}");
        }
        for text in ["", "a b", "a/b", "ä", "%41", "{x}", &"x".repeat(65), &"9".repeat(65)] {
            assert_eq!(Id::parse(text), Err(InvalidId::Text), "{text}");
        }
        assert!(Id::parse(&"x".repeat(64)).is_ok());
        assert!(Id::parse("auth0|7:@x.y~z+=-_").is_ok());
        assert_eq!(Id::parse("senna:system"), Err(InvalidId::System));
        assert!(Id::stored("senna:system").unwrap().is_system());
    }

    #[test]
    fn numbers_come_before_texts_and_go_by_value() {
        let texts = [
            "b",
            "10",
            "9",
            "a-b",
            "B",
            "9007199254740992",
            "10000000000000000000",
            "9007199254740991",
        ];
        let mut ids = texts.map(|text| Id::parse(text).unwrap());
        ids.sort();
        assert_eq!(
            ids.map(|id| id.to_string()),
            [
                "9",
                "10",
                "9007199254740991",
                "10000000000000000000",
                "9007199254740992",
                "B",
                "a-b",
                "b"
            ]
        );
    }

    #[test]
    fn a_retry_key_is_short_and_printable() {
        for text in ["1", "a b", "größe 👋", &"x".repeat(64)] {
            assert!(RetryKey::parse(text).is_ok(), "{text}");
        }
        for text in ["", "a\nb", "\u{7f}", &"x".repeat(65)] {
            assert_eq!(RetryKey::parse(text), Err(InvalidRetryKey), "{text}");
        }
    }

    #[test]
    fn a_foreign_uuid_is_no_message() {
        assert_eq!(MessageId::parse("215066e1-e4a6-4a67-93b3-372519f7dfff"), None);
        assert_eq!(MessageId::parse("magical-not-found-message-id"), None);
        assert_eq!(
            MessageId::parse("0192f0e4-7d00-7000-8000-000000000000"),
            None,
            "seq begins at 1"
        );
    }

    #[test]
    fn an_old_id_is_a_uuid_that_is_not_ours() {
        let text = "215066e1-e4a6-4a67-93b3-372519f7dfff";
        assert_eq!(OldId::parse(text).unwrap().to_string(), text);
        assert_eq!(OldId::parse(&text.to_uppercase()), OldId::parse(text));
        let ours = MessageId {
            ms: 1,
            random: 2,
            seq: 3,
        };
        for text in [&*ours.to_string(), "215066e1e4a64a6793b3372519f7dfff", "7", ""] {
            assert_eq!(OldId::parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_message_id_survives_its_text(ms in 0..1u64 << 48, random in 0..1u64 << 34, seq in 1..1u64 << 40) {
            let id = MessageId { ms, random, seq };
            prop_assert_eq!(MessageId::parse(&id.to_string()), Some(id));
            let uuid = Uuid::parse_str(&id.to_string()).unwrap();
            prop_assert_eq!(uuid.get_version_num(), 7);
            prop_assert_eq!(uuid.get_variant(), uuid::Variant::RFC4122);
        }

        #[test]
        fn two_ids_never_share_a_place_in_a_key(a in "[a-b:~.@|-]{1,6}|[1-9][0-9]{14,20}", b in "[a-b:~.@|-]{1,6}|[1-9][0-9]{14,20}") {
            let (a, b) = (Id::parse(&a).unwrap(), Id::parse(&b).unwrap());
            prop_assert_eq!(a == b, a.in_key() == b.in_key());
            let encoded = a.in_key();
            prop_assert!(!encoded.contains([':', '~', '-']));
        }
    }
}
