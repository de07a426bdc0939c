//! The two routes of uploads.

use shared::adapters::jwt::Identity;
use shared::adapters::s3::S3Uploads;
use shared::app::{self, Usage};
use shared::domain::{TopicRules, Use};
use shared::error::ApiError;
use shared::ports::Store;
use shared::runtime::rest::{Answer, RestRequest};
use shared::wire::{RequestBody, UploadAnswer};

/// What the routes need.
#[derive(Clone, Copy)]
pub(crate) struct Routes<'a> {
    pub(crate) identity: &'a Identity,
    /// `None` if images cannot be uploaded.
    pub(crate) uploads: Option<&'a S3Uploads>,
    pub(crate) store: &'a dyn Store,
    pub(crate) usage: Usage<'a>,
    pub(crate) topics: TopicRules,
}

impl Routes<'_> {
    pub(crate) async fn handle(self, request: RestRequest) -> Result<Answer, ApiError> {
        match request.method() {
            "GET" => self.show(request).await,
            _ => self.prepare(&request).await,
        }
    }

    async fn prepare(self, request: &RestRequest) -> Result<Answer, ApiError> {
        let caller = request.caller()?;
        let uploads = self.uploads.ok_or(ApiError::UploadsOff)?;
        let (kind, bytes) = RequestBody::parse(request.body()?)?.upload()?;
        let (upload, form) = app::prepare_upload(uploads, &caller.principal.user, kind, bytes)?;
        // Nothing is left to do: the upload is only counted.
        let done = async { Ok::<_, ApiError>(()) };
        self.usage.write(&caller, Use::Uploads, None, done).await?;
        Ok(Answer::created(&UploadAnswer::new(&request.address(), &upload, form)))
    }

    async fn show(self, request: RestRequest) -> Result<Answer, ApiError> {
        // An `<img>` cannot send a header.
        let request = request.or_token_of_query(self.identity).await?;
        let reader = request.caller()?.principal;
        let uploads = self.uploads.ok_or(ApiError::UploadsOff)?;
        let (upload, (target, id)) = (request.upload()?, request.named_message()?);
        let seeking = app::image_address(uploads, self.store, self.topics, &reader, (&target, id), &upload);
        let address = self.usage.read(&reader, seeking).await?;
        Ok(Answer::found(address, S3Uploads::REDIRECT_S))
    }
}
