//! Messages and what may stand in them.

use thiserror::Error;
use url::Url;

use super::limits::{FRAME_BYTES, IMAGE_BYTES, METADATA_BYTES, TEXT_BYTES, TEXT_JSON_BYTES};
use super::{Id, MessageId};

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
    /// When it was last edited, in milliseconds since 1970.
    pub edited_ms: Option<u64>,
    /// Whether the other side has marked it seen.
    pub seen: bool,
}

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
    /// Not an absolute address with `https`.
    #[error("image must be an https URL")]
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
        match kind {
            BodyKind::Text => check_text(&content)?,
            BodyKind::Image => check_image(&content)?,
        }
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

fn check_text(text: &str) -> Result<(), InvalidMessage> {
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
        Ok(())
    }
}

fn check_image(address: &str) -> Result<(), InvalidMessage> {
    if address.len() > IMAGE_BYTES {
        return Err(InvalidMessage::ImageTooLong(address.len()));
    }
    // The parser forgives white space and control characters around and inside an address; what is stored and shown must be clean.
    let clean = !address.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\\');
    match Url::parse(address) {
        Ok(url) if clean && url.scheme() == "https" && url.has_host() => Ok(()),
        _ => Err(InvalidMessage::ImageNotHttps),
    }
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

/// What an update asks for. Who asks, and the kind of the message, decide what of it is done; the rest is ignored, so that a client can send
/// a whole message back.
///
/// The author changes the content of the message's own kind and the metadata; nobody else can. Everybody but the author marks it seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edit {
    /// New content for a text message.
    pub text: Option<Body>,
    /// New content for an image message.
    pub image: Option<Body>,
    /// What becomes of the metadata.
    pub metadata: MetadataEdit,
    /// Whether the message has been seen.
    pub seen: bool,
}

impl Edit {
    /// An update that only marks a message seen.
    pub fn seen() -> Self {
        Self {
            seen: true,
            ..Self::default()
        }
    }

    /// An update with this content, and nothing else.
    pub fn content(body: Body) -> Self {
        let mut edit = Self::default();
        match body.kind() {
            BodyKind::Text => edit.text = Some(body),
            BodyKind::Image => edit.image = Some(body),
        }
        edit
    }

    /// The new content for a message of this kind.
    pub fn content_of(&self, kind: BodyKind) -> Option<&Body> {
        match kind {
            BodyKind::Text => self.text.as_ref(),
            BodyKind::Image => self.image.as_ref(),
        }
    }

    /// Whether it asks for more than to mark the message seen.
    pub fn changes_content(&self) -> bool {
        self.text.is_some() || self.image.is_some() || self.metadata != MetadataEdit::Keep
    }
}

/// What an edit does to the metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum MetadataEdit {
    /// It stays as it is.
    #[default]
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
            text(&"\u{1}".repeat(5_000)),
            Err(InvalidMessage::TextTooLongInJson(30_000))
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
    fn an_image_is_an_https_address() {
        assert!(image("https://img.example/cat.png?size=2").is_ok());
        for wrong in [
            "http://img.example/cat.png",
            "cat.png",
            "https://",
            "javascript:alert(1)",
            " https://a.b/c",
            "https://a.b/\"x",
        ] {
            assert_eq!(image(wrong), Err(InvalidMessage::ImageNotHttps), "{wrong}");
        }
        assert_eq!(
            image(&format!("https://a.b/{}", "x".repeat(2_048))),
            Err(InvalidMessage::ImageTooLong(2_060))
        );
    }
}
