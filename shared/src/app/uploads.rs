//! Images that users upload, and who may see them.

use super::{asker, conversation};
use crate::domain::{Body, ImageType, MessageId, Principal, Target, TopicRules, Upload, User, Window};
use crate::error::ApiError;
use crate::ports::{Store, StoreError, UploadForm, Uploads};

/// Prepares the upload of an image.
///
/// # Errors
/// [`ApiError::UploadTooLarge`], [`ApiError::Unavailable`].
pub fn prepare_upload(
    uploads: &dyn Uploads,
    owner: &User,
    kind: ImageType,
    bytes: u64,
) -> Result<(Upload, UploadForm), ApiError> {
    let limit = uploads.bytes_max();
    if bytes > limit {
        return Err(ApiError::UploadTooLarge { bytes, limit });
    }
    let upload = Upload::new(owner);
    let form = uploads.form(&upload, kind, bytes)?;
    Ok((upload, form))
}

/// Where a reader sees the image that a message names. One round trip to the store. A deleted message names nothing.
///
/// # Errors
/// [`ApiError::ImageNotFound`] if the message does not name the image, or if the reader may not read the message; [`ApiError::Unavailable`].
pub async fn image_address(
    uploads: &dyn Uploads,
    store: &dyn Store,
    topics: TopicRules,
    reader: &Principal,
    (target, id): (&Target, MessageId),
    upload: &Upload,
) -> Result<String, ApiError> {
    let asker = asker(topics, reader, target).map_err(|_| ApiError::ImageNotFound)?;
    let conversation = conversation(&reader.user, target);
    let around = store.history(&conversation, &asker, &Window::Around(id, 1)).await;
    let messages = match around {
        Ok(history) => history.messages,
        Err(StoreError::Unavailable(error)) => return Err(error.into()),
        Err(_) => return Err(ApiError::ImageNotFound),
    };
    let named = messages.iter().find(|message| message.id == id);
    match named.and_then(|message| Upload::of(&message.body)) {
        Some(named) if named == *upload => Ok(uploads.address(upload)?),
        _ => Err(ApiError::ImageNotFound),
    }
}

/// Keeps the image that a message will name, if it is an uploaded one.
///
/// # Errors
/// [`ApiError::ImageNotUploaded`], [`ApiError::Unavailable`].
pub(super) async fn keep(uploads: Option<&dyn Uploads>, body: Option<&Body>) -> Result<(), ApiError> {
    let (Some(uploads), Some(upload)) = (uploads, body.and_then(Upload::of)) else {
        return Ok(());
    };
    if uploads.keep(&upload).await? {
        Ok(())
    } else {
        Err(ApiError::ImageNotUploaded)
    }
}
