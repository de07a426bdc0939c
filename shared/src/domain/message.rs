//! Messages and what may stand in them.

use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory};
use icu_properties::{CodePointMapData, CodePointSetData};
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
    /// A text without a visible character.
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
    /// More than [`IMAGE_BYTES`] in its normal form.
    #[error("image has {0} bytes, the limit is {IMAGE_BYTES}")]
    ImageTooLong(usize),
    /// Not `https://` with a host, or with a user, white space, a control character, a quote or a backslash in it.
    #[error("image must be an https URL")]
    ImageNotHttps,
    /// More than [`METADATA_BYTES`].
    #[error("metadata has {0} bytes of JSON, the limit is {METADATA_BYTES}")]
    MetadataTooLarge(usize),
}

impl Body {
    /// Checks content that a client sent. An image's address is kept in its normal form, which every reader resolves to the same place.
    ///
    /// # Errors
    /// [`InvalidMessage`] names the limit that it breaks.
    pub fn new(kind: BodyKind, content: String) -> Result<Self, InvalidMessage> {
        if content.is_empty() {
            return Err(InvalidMessage::Missing(kind.name()));
        }
        let content = match kind {
            BodyKind::Text => check_text(&content).map(|()| content)?,
            BodyKind::Image => normal_image(&content)?,
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

/// Whether a reader sees something: no white space, and nothing that Unicode wants shown as nothing.
///
/// # Source
/// Unicode Standard Annex 44: `Cc` and `Cf` of `General_Category`, `White_Space`, `Default_Ignorable_Code_Point`. U+2800 is a Braille cell without
/// dots. A character that is not assigned yet counts as visible: it may be tomorrow's emoji.
fn is_visible(character: char) -> bool {
    let is_format = CodePointMapData::<GeneralCategory>::new().get(character) == GeneralCategory::Format;
    let is_ignorable = CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character);
    !(character.is_whitespace() || character.is_control() || is_format || is_ignorable || character == '\u{2800}')
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
        return Err(InvalidMessage::TextTooLongInJson(length));
    }
    if text.chars().any(is_visible) {
        Ok(())
    } else {
        Err(InvalidMessage::TextInvisible)
    }
}

/// The address as the WHATWG URL standard writes it.
///
/// The parser forgives much: `https:x` and `https:///x` get a host, tabs vanish, backslashes become slashes. A browser resolves some of that
/// against the page that shows it, so the address must say by itself what the parser reads.
fn normal_image(address: &str) -> Result<String, InvalidMessage> {
    let unclean = |c: char| c.is_whitespace() || c.is_control() || c == '"' || c == '\\';
    let authority = address
        .split_at_checked("https://".len())
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("https://"))
        .and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let names_a_host = authority.is_some_and(|authority| !authority.is_empty() && !authority.contains('@'));
    if !names_a_host || address.contains(unclean) {
        return Err(InvalidMessage::ImageNotHttps);
    }
    let url = Url::parse(address).map_err(|_| InvalidMessage::ImageNotHttps)?;
    if url.as_str().len() > IMAGE_BYTES {
        return Err(InvalidMessage::ImageTooLong(url.as_str().len()));
    }
    Ok(url.into())
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
    fn a_text_has_a_visible_character() {
        for seen in [
            "x",
            " . ",
            "\u{200b}ä",
            "👩\u{200d}🔬",
            "\u{301}",
            "\u{e000}",
            "\u{1fbff}",
            "한",
        ] {
            assert!(text(seen).is_ok(), "{seen:?}");
        }
        for unseen in [
            "   \n",
            "\u{200b}",
            "\0",
            "\u{a0}\u{3000}\u{2028}",
            "\u{202e}\u{2066}",
            "\u{ad}",
            "\u{feff}\u{2060}\u{180e}",
            "\u{3164}\u{115f}\u{ffa0}",
            "\u{fe0f}",
            "\u{e0061}",
            "\u{2800}",
            "\u{85}",
        ] {
            assert_eq!(text(unseen), Err(InvalidMessage::TextInvisible), "{unseen:?}");
        }
    }

    #[test]
    fn an_image_is_kept_in_its_normal_form() {
        let kept = |address: &str| image(address).map(|body| body.content().to_owned());
        for (address, normal) in [
            (
                "https://img.example/cat.png?size=2#x",
                "https://img.example/cat.png?size=2#x",
            ),
            ("HTTPS://IMG.Example:443", "https://img.example/"),
            ("https://bücher.example/ä/../b", "https://xn--bcher-kva.example/b"),
            ("https://0x7f.1/a", "https://127.0.0.1/a"),
            ("https://a.b/?u=x@y", "https://a.b/?u=x@y"),
        ] {
            assert_eq!(kept(address).as_deref(), Ok(normal));
            assert_eq!(kept(normal).as_deref(), Ok(normal), "the normal form stays as it is");
        }
        let path = "x".repeat(IMAGE_BYTES - "https://a.b/".len());
        assert!(image(&format!("https://a.b/{path}")).is_ok());
        assert_eq!(
            image(&format!("https://a.b/{path}y")),
            Err(InvalidMessage::ImageTooLong(2_049))
        );
        // Three bytes each in the normal form.
        assert_eq!(
            image(&format!("https://a.b/{}", "ä".repeat(400))),
            Err(InvalidMessage::ImageTooLong(2_412))
        );
    }

    #[test]
    fn an_image_is_an_https_address() {
        for wrong in [
            "https:logout",
            "https:/x",
            "https:\\\\x",
            "https:///x",
            "https://",
            "https://?x",
            "https://#x",
            "https://user@host/x",
            "https://user:password@host",
            "https://@host",
            "https://host:65536",
            "https://a.b/\tc",
            "ht\ttps://a.b",
            "https://a.b/c\nd",
            "https://a.b\\c",
            "https://xn--/",
            "https://1.2.3.4.5",
            "http://img.example/cat.png",
            "//img.example/cat.png",
            "cat.png",
            "javascript:alert(1)",
            " https://a.b/c",
            "https://a.b/\"x",
            "ℎttps://a.b",
        ] {
            assert_eq!(image(wrong), Err(InvalidMessage::ImageNotHttps), "{wrong}");
        }
    }
}
