//! Where uploaded images are.

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::{ImageType, Upload, User};

/// The form with which a client uploads an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadForm {
    /// Where to post it.
    pub url: String,
    /// The fields of the form, which stand before the file.
    pub fields: Vec<(&'static str, String)>,
}

/// Keeps images. An image that was uploaded waits for a day until a message names it, and is deleted then; one that was named is kept.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// The most bytes of an image.
    fn bytes_max(&self) -> u64;

    /// The form for an image of this type and of exactly so many bytes. It is good for some minutes.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn form(&self, upload: &Upload, kind: ImageType, bytes: u64) -> Result<UploadForm, Unavailable>;

    /// Keeps an image that a message names. Returns false if nothing was uploaded, or if it has waited too long. Calling it twice changes nothing
    /// more, also if another image was uploaded under that name since.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn keep(&self, upload: &Upload) -> Result<bool, Unavailable>;

    /// An address that shows a kept image for some minutes to everyone who knows it.
    ///
    /// # Errors
    /// [`Unavailable`].
    fn address(&self, upload: &Upload) -> Result<String, Unavailable>;

    /// Deletes some images of a user, whether they wait or are kept: [`PART_IMAGES`](crate::domain::limits::PART_IMAGES) at the most. Returns false
    /// if there are none.
    ///
    /// # Errors
    /// [`Unavailable`]: some may be deleted, and it is safe to call it again.
    async fn delete_some(&self, owner: &User) -> Result<bool, Unavailable>;
}
