//! Images that users upload.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};
use url::Url;
use uuid::Uuid;

use super::{Body, BodyKind, User};

/// The path of images, from which an address of ours is told. It is the route's.
const PATH: &str = "/api/uploads/";
/// Digits that say who uploaded an image, and as many random ones.
const HALF: usize = 32;

/// An uploaded image. Its name has 32 hexadecimal digits that say who uploaded it, and 32 random ones. The first half is a hash, so that a name shows
/// no id of a user, and so that all images of a user can be found by how their names begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload(String);

impl Upload {
    /// A new one of this user.
    pub fn new(owner: &User) -> Self {
        Self(format!("{}{}", Self::beginning(owner), Uuid::new_v4().simple()))
    }

    /// How the names of all images of this user begin.
    pub fn beginning(owner: &User) -> String {
        // A domain has no line break, so no two users give one text.
        let hash = Sha256::digest(format!("{}\n{}", owner.domain, owner.id));
        let digits = hash.iter().fold(String::new(), |mut digits, byte| {
            // Writing to a text cannot fail.
            write!(digits, "{byte:02x}").ok();
            digits
        });
        digits.chars().take(HALF).collect()
    }

    /// Reads a name; `None` if it is none.
    pub fn parse(name: &str) -> Option<Self> {
        let is_name = name.len() == 2 * HALF && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_name.then(|| Self(name.to_owned()))
    }

    /// The uploaded image that a message shows; `None` for a text, and for an image of another address. The host does not count: a chat can have
    /// several, and can get another one.
    pub fn of(body: &Body) -> Option<Self> {
        if body.kind() != BodyKind::Image {
            return None;
        }
        let url = Url::parse(body.content()).ok()?;
        let (_, name) = url.path().rsplit_once(PATH)?;
        Self::parse(name)
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The two halves of its name: who uploaded it, and which one it is.
    pub fn halves(&self) -> (&str, &str) {
        self.0.split_at_checked(HALF).unwrap_or_default()
    }
}

/// The types of images that can be uploaded. SVG is none of them: it can hold scripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageType {
    /// `image/png`.
    Png,
    /// `image/jpeg`.
    Jpeg,
    /// `image/gif`.
    Gif,
    /// `image/webp`.
    Webp,
    /// `image/avif`.
    Avif,
}

impl ImageType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Png, Self::Jpeg, Self::Gif, Self::Webp, Self::Avif];

    /// Its name in the registry of media types.
    pub fn name(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Gif => "image/gif",
            Self::Webp => "image/webp",
            Self::Avif => "image/avif",
        }
    }

    /// The type of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Domain, Id};

    fn user(domain: &str, id: &str) -> User {
        User {
            id: Id::parse(id).unwrap(),
            domain: Domain::parse(domain).unwrap(),
        }
    }

    fn in_message(address: &str) -> Option<Upload> {
        Upload::of(&Body::new(BodyKind::Image, address.to_owned()).unwrap())
    }

    #[test]
    fn an_image_is_found_again_by_its_address() {
        let upload = Upload::new(&user("site", "5"));
        let name = upload.as_str();
        for before in ["https://chat.example.com", "https://other.example.com:8443/live"] {
            assert_eq!(
                in_message(&format!("{before}/api/uploads/{name}")),
                Some(upload.clone())
            );
        }
        for other in [
            format!("/api/uploads/{name}0"),
            format!("/api/uploads/{name}/"),
            format!("/api/uploads/{}", name.to_uppercase()),
            format!("/uploads/{name}"),
            format!("/?/api/uploads/{name}"),
        ] {
            assert_eq!(in_message(&format!("https://chat.example.com{other}")), None, "{other}");
        }
        let text = Body::new(BodyKind::Text, format!("https://chat.example.com/api/uploads/{name}")).unwrap();
        assert_eq!(Upload::of(&text), None);
    }

    #[test]
    fn names_of_one_user_begin_alike_and_no_two_are_the_same() {
        let ann = user("site", "5");
        let (first, second) = (Upload::new(&ann), Upload::new(&ann));
        assert_ne!(first, second);
        assert_eq!(first.halves().0, second.halves().0);
        assert_eq!(first.halves().0, Upload::beginning(&ann));
        for other in [user("other", "5"), user("site", "6")] {
            assert_ne!(Upload::beginning(&other), Upload::beginning(&ann));
        }
    }
}
