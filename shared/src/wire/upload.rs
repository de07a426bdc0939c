//! The JSON of uploads.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Upload;
use crate::ports::UploadForm;

/// How a client uploads an image, and what it then sends.
#[derive(Debug, Serialize)]
pub struct UploadAnswer {
    image: String,
    upload: FormJson,
}

#[derive(Debug, Serialize)]
struct FormJson {
    url: String,
    fields: BTreeMap<&'static str, String>,
}

impl UploadAnswer {
    /// `address` is that of the route.
    pub fn new(address: &str, upload: &Upload, form: UploadForm) -> Self {
        Self {
            image: format!("{address}/{}", upload.as_str()),
            upload: FormJson {
                url: form.url,
                fields: form.fields.into_iter().collect(),
            },
        }
    }
}
