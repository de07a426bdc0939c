//! Messages and what may stand in them.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
use thiserror::Error;
use url::Url;

use super::limits::{
    EXCERPT_CHARS, FRAME_BYTES, IMAGE_BYTES, METADATA_BYTES, REACTION_BYTES, REACTION_KINDS, REACTIONS_MAX, TEXT_BYTES,
    TEXT_JSON_BYTES,
};
use super::{Id, MessageId, RetryKey};

/// A stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its id, which holds its position and its time.
    pub id: MessageId,
    /// Who wrote it.
    pub author: Id,
    /// What it says.
    pub body: Body,
    /// What the client attached to it.
    pub metadata: Option<Metadata>,
    /// What the author's client called it.
    pub retry_key: Option<RetryKey>,
    /// The message that it replies to.
    pub reply_to: Option<Quote>,
    /// Participants whom it mentions.
    pub mentions: Vec<Id>,
    /// Reactions to it, in the order in which each was first given.
    pub reactions: Vec<Reacted>,
    /// When it was last edited, in milliseconds since 1970.
    pub edited_ms: Option<u64>,
    /// The revision of the conversation that last changed the message.
    pub rev: u64,
}

/// A message to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What it says.
    pub body: Body,
    /// What the client attaches.
    pub metadata: Option<Metadata>,
    /// The message of the same conversation that it replies to.
    pub reply_to: Option<MessageId>,
    /// Participants whom it mentions, each once.
    pub mentions: Vec<Id>,
    /// What the client calls it, should it send it again.
    pub retry_key: Option<RetryKey>,
}

/// The message that another one replies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Its id.
    pub id: MessageId,
    /// How it is now; `None` if it was deleted.
    pub quoted: Option<Quoted>,
}

/// How a message looks in a reply to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quoted {
    /// Who wrote it.
    pub author: Id,
    /// Text or image.
    pub kind: BodyKind,
    /// The first [`EXCERPT_CHARS`] characters of its text; empty for an image.
    pub excerpt: String,
    /// The revision that last changed it, by which a client tells a newer excerpt from an older one.
    pub rev: u64,
}

impl Quoted {
    /// Cuts a text to what a reply shows of it.
    pub fn excerpt(text: &str) -> String {
        text.chars().take(EXCERPT_CHARS).collect()
    }
}

/// A reaction that members gave to a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reacted {
    /// The reaction.
    pub reaction: Reaction,
    /// How many members gave it.
    pub count: u64,
    /// Who of them gave it last, the newest first.
    pub users: Vec<Id>,
    /// Whether the reader is one of them.
    pub mine: bool,
}

/// A short sign, mostly an emoji.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction(Box<str>);

/// A text that is no reaction.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("must be 1 to {REACTION_BYTES} bytes of printable characters other than /, and neither . nor ..")]
pub struct InvalidReaction;

impl Reaction {
    /// Reads a reaction. `.`, `..` and `/` change what an address means (RFC 3986, section 5.2.4).
    ///
    /// # Errors
    /// [`InvalidReaction`].
    pub fn parse(text: &str) -> Result<Self, InvalidReaction> {
        let fits = (1..=REACTION_BYTES).contains(&text.len()) && !matches!(text, "." | "..");
        // The replacement character stands for what was no UTF-8 in an address.
        let is_space = |c: char| c.is_whitespace() && c != ' ';
        let forbidden = |c: char| c.is_control() || is_space(c) || matches!(c, '/' | char::REPLACEMENT_CHARACTER);
        if !fits || text.contains(forbidden) || !text.chars().any(is_visible) {
            return Err(InvalidReaction);
        }
        Ok(Self(text.into()))
    }

    /// The reaction as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// More reactions than a message takes.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a message takes {REACTION_KINDS} different reactions, and {REACTIONS_MAX} in all")]
pub struct TooManyReactions;

/// The kind of a message, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// Plain text.
    Text,
    /// The address of an image.
    Image,
}

impl BodyKind {
    /// The kind as clients write it, which is also the name of the property with the content.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        [Self::Text, Self::Image].into_iter().find(|kind| kind.name() == name)
    }
}

/// What a message says, within its limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    kind: BodyKind,
    content: String,
}

/// Content that no message can have. The text says which limit, and its value.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum InvalidMessage {
    /// No text or image, or an empty one.
    #[error("Missing {0} property for {0}-message")]
    Missing(&'static str),
    /// A text without anything to see.
    #[error("text must have a visible character")]
    TextInvisible,
    /// More UTF-8 than [`TEXT_BYTES`].
    #[error("text has {0} bytes of UTF-8, the limit is {TEXT_BYTES}")]
    TextTooLong(usize),
    /// Escapes make the JSON too long for a frame.
    #[error(
        "text takes {0} bytes in JSON, the limit is {TEXT_JSON_BYTES} so that a message fits a WebSocket frame of {FRAME_BYTES} bytes"
    )]
    TextTooLongInJson(usize),
    /// More than [`IMAGE_BYTES`].
    #[error("image has {0} bytes, the limit is {IMAGE_BYTES}")]
    ImageTooLong(usize),
    /// Not an absolute `https` address with a host, or one with a user or password.
    #[error("image must be an https:// URL with a host and without a user")]
    ImageNotHttps,
    /// More than [`METADATA_BYTES`].
    #[error("metadata has {0} bytes of JSON, the limit is {METADATA_BYTES}")]
    MetadataTooLarge(usize),
}

impl Body {
    /// Checks content that a client sent.
    ///
    /// # Errors
    /// [`InvalidMessage`] names the limit that it breaks.
    pub fn new(kind: BodyKind, content: String) -> Result<Self, InvalidMessage> {
        if content.is_empty() {
            return Err(InvalidMessage::Missing(kind.name()));
        }
        let content = match kind {
            BodyKind::Text => check_text(content)?,
            BodyKind::Image => normalised_image(&content)?,
        };
        Ok(Self { kind, content })
    }

    /// Content that was checked when it was stored.
    pub(crate) fn stored(kind: BodyKind, content: String) -> Self {
        Self { kind, content }
    }

    /// Text or image.
    pub fn kind(&self) -> BodyKind {
        self.kind
    }

    /// The text, or the image's address.
    pub fn content(&self) -> &str {
        &self.content
    }
}

fn check_text(text: String) -> Result<String, InvalidMessage> {
    if !text.chars().any(is_visible) {
        return Err(InvalidMessage::TextInvisible);
    }
    if text.len() > TEXT_BYTES {
        return Err(InvalidMessage::TextTooLong(text.len()));
    }
    // What JSON must escape (RFC 8259, section 7): two bytes for those with a short form, six for the other control characters.
    let in_json = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
        0x00..0x20 => 6,
        _ => 1,
    };
    let length = text.bytes().map(in_json).sum();
    if length > TEXT_JSON_BYTES {
        Err(InvalidMessage::TextTooLongInJson(length))
    } else {
        Ok(text)
    }
}

/// Whether a reader sees something: not white space, and nothing that Unicode wants shown as nothing.
///
/// # Source
/// Unicode Standard Annex 44: `Cc` and `Cf` of `General_Category`, `White_Space`, `Default_Ignorable_Code_Point`. U+2800 is a Braille cell without
/// dots. A character that is not assigned yet counts as visible: it may be tomorrow's emoji.
pub(super) fn is_visible(character: char) -> bool {
    let is_format = CodePointMapData::<GeneralCategory>::new().get(character) == GeneralCategory::Format;
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character);
    !(character.is_whitespace() || character.is_control() || is_format || is_ignorable || character == '\u{2800}')
}

/// An address as it is stored and shown. The parser forgives much that a browser would resolve against the page's own address, as
/// `https:logout`, or that hides where an address leads.
fn normalised_image(address: &str) -> Result<String, InvalidMessage> {
    let is_absolute = address
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    let after_scheme = address.get(8..).unwrap_or_default();
    let authority = after_scheme.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    // Also `https://@host/`, whose empty user the parser drops.
    let has_host = !authority.is_empty() && !authority.contains('@');
    let clean = !address.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\\');
    let url = Url::parse(address)
        .ok()
        .filter(|url| is_absolute && has_host && clean && url.has_host());
    let normalised = String::from(url.ok_or(InvalidMessage::ImageNotHttps)?);
    if normalised.len() > IMAGE_BYTES {
        return Err(InvalidMessage::ImageTooLong(normalised.len()));
    }
    Ok(normalised)
}

/// A JSON object that a client attached to a message, exactly as it wrote it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata(String);

impl Metadata {
    /// Checks the size. That the text is a JSON object is the caller's knowledge: it comes from a JSON parser.
    ///
    /// # Errors
    /// [`InvalidMessage::MetadataTooLarge`].
    pub fn new(json: String) -> Result<Self, InvalidMessage> {
        if json.len() > METADATA_BYTES {
            Err(InvalidMessage::MetadataTooLarge(json.len()))
        } else {
            Ok(Self(json))
        }
    }

    /// Metadata that was checked when it was stored.
    pub(crate) fn stored(json: String) -> Self {
        Self(json)
    }

    /// The object's JSON.
    pub fn as_json(&self) -> &str {
        &self.0
    }
}

/// What an update asks for. The store does what applies: to the author its content, of the message's own kind; to anyone else that it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// New text, for a message with text.
    pub text: Option<Body>,
    /// New image, for a message with an image.
    pub image: Option<Body>,
    /// What becomes of the metadata.
    pub metadata: MetadataEdit,
    /// Someone else has read up to the message.
    pub seen: bool,
}

/// What an edit does to the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataEdit {
    /// It stays as it is.
    Keep,
    /// It is taken away.
    Remove,
    /// It is replaced as a whole.
    Replace(Metadata),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> Result<Body, InvalidMessage> {
        Body::new(BodyKind::Text, content.to_owned())
    }

    fn image(content: &str) -> Result<Body, InvalidMessage> {
        Body::new(BodyKind::Image, content.to_owned())
    }

    #[test]
    fn a_text_has_two_limits() {
        assert!(text(&"x".repeat(16_384)).is_ok());
        assert_eq!(text(&"x".repeat(16_385)), Err(InvalidMessage::TextTooLong(16_385)));
        assert_eq!(
            text(&format!("x{}", "\u{1}".repeat(5_000))),
            Err(InvalidMessage::TextTooLongInJson(30_001))
        );
        assert_eq!(text(""), Err(InvalidMessage::Missing("text")));
    }

    #[test]
    fn the_length_in_json_is_what_the_serializer_writes() {
        let all: String = (0..0x250).filter_map(char::from_u32).collect();
        let counted = (0..64).map(|_| all.as_str()).collect::<String>();
        match text(&counted.chars().take(9_000).collect::<String>()) {
            Ok(body) => assert!(serde_json::to_string(body.content()).unwrap().len() <= TEXT_JSON_BYTES + 2),
            Err(InvalidMessage::TextTooLongInJson(length)) => {
                let content: String = counted.chars().take(9_000).collect();
                assert_eq!(length, serde_json::to_string(&content).unwrap().len() - 2);
            }
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn a_text_has_something_to_see() {
        for blank in [
            "   \n",
            "\u{200b}",
            "\0",
            "\u{feff}\u{2800}",
            "\u{3164}",
            "\u{fe0f}\u{200d}",
        ] {
            assert_eq!(text(blank), Err(InvalidMessage::TextInvisible), "{blank:?}");
        }
        for visible in [
            ".",
            " x ",
            "👍\u{fe0f}",
            "\u{200f}ש",
            "한",
            "é",
            "\u{1fadf}",
            "\u{e000}",
        ] {
            assert_eq!(text(visible).unwrap().content(), visible);
        }
    }

    #[test]
    fn an_image_is_an_https_address_and_stored_in_its_normal_form() {
        let stored = |address: &str| image(address).map(|body| body.content().to_owned());
        let normal = "https://img.example/cat.png?size=2";
        assert_eq!(stored(normal).unwrap(), normal);
        assert_eq!(stored("HTTPS://IMG.example:443/a/../cat.png?size=2").unwrap(), normal);
        assert_eq!(stored("https://a.example/ä").unwrap(), "https://a.example/%C3%A4");
        // A host that looks like another one is shown in ASCII, and each address has one form.
        assert_eq!(
            stored("https://p\u{430}ypal.example/").unwrap(),
            "https://xn--pypal-4ve.example/"
        );
        assert_eq!(stored("https://a\u{3002}b/").unwrap(), "https://a.b/");
        assert_eq!(stored("https://%61.b/").unwrap(), "https://a.b/");
        assert_eq!(stored("https://0x7f.1/").unwrap(), "https://127.0.0.1/");
        assert_eq!(stored("https://a.b/\u{202e}gnp").unwrap(), "https://a.b/%E2%80%AEgnp");
        for wrong in [
            "http://img.example/cat.png",
            "https://a.b\u{202e}/c",
            "https://a\u{2028}b/c",
            "https://a.b/\u{0}",
            "https://a.b/\u{85}c",
            "https://a.b/\u{a0}c",
            "https://a%2fb/",
            "https://a%00b/",
            "https://a b/",
            "https://[::1/",
            "https://a.b:65536/",
            "https://%40/",
            "https:\t//a.b/",
            "data:image/png;base64,AAAA",
            "blob:https://a.b/c",
            "file:///etc/passwd",
            "cat.png",
            "https://",
            "https:///a.b/c",
            "https:logout",
            "https:/a.b/c",
            "https:\\\\a.b/c",
            "https://\\a.b/c",
            "javascript:alert(1)",
            " https://a.b/c",
            "https://a.b/\"x",
            "https://a.b/x\ty",
            "htt\nps://a.b/x",
            "https://user@a.b/c",
            "https://:secret@a.b/c",
            "https://@a.b/c",
            "https://:@a.b",
            "https://a%40b@c/d",
        ] {
            assert_eq!(image(wrong), Err(InvalidMessage::ImageNotHttps), "{wrong}");
        }
        let long = |letter: &str| image(&format!("https://a.b/{}", letter.repeat(2_048)));
        assert_eq!(long("x"), Err(InvalidMessage::ImageTooLong(2_060)));
        assert_eq!(
            image(&format!("https://a.b/{}", "ä".repeat(400))),
            Err(InvalidMessage::ImageTooLong(2_412))
        );
    }
}
