//! Uploads of images.

use serde_json::{Value, json};

use super::super::schema::{about, closed, like, one_of, open, text};
use super::{FOUND, Route, TARGET, needed, query};

/// The operation that answers with a redirect.
pub(super) const SHOW: &str = "seeImage";
/// The token in a query, which only that operation takes.
pub(super) const TOKEN: &str = "query";

const OFF: &[Option<&str>] = &[Some("UPLOADS_OFF")];

pub(super) fn routes() -> [Route; 2] {
    [
        Route::new(
            ("post", "/api/uploads"),
            ("upload", "Messages"),
            "Prepares the upload of an image. Post `upload.fields` and then the file, as the field `file`, to `upload.url` as `multipart/form-data` \
                within ten minutes. Then send a message with this `image`; an image that no message names is deleted after a day.",
            "UploadAnswer",
            vec![OFF, &[Some("UPLOAD_TOO_LARGE")]],
        )
        .with_body("Upload", true),
        Route::new(
            ("get", "/api/uploads/{upload}"),
            (SHOW, "Messages"),
            "Leads to an uploaded image, for those who may read the message that names it.",
            "",
            vec![OFF, FOUND, TARGET, &[Some("INVALID_FIELD")]],
        )
        .taking([
            needed(
                "message",
                "The message that names the image: target, id and message id, as in the other routes.",
                like(
                    json!("user/5/018f3c2e-7a10-7000-8000-000000000001"),
                    json!({"type": "string", "pattern": "^(user|topic)/[^/]+/[^/]+$"}),
                ),
            ),
            query("token", "The token, since an `<img>` cannot send a header.", text()),
        ]),
    ]
}

pub(super) fn schemas() -> [(&'static str, Value); 2] {
    let types = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/avif"];
    let bytes = about(
        "The length of the image; the file must have exactly as many bytes.",
        json!({"type": "integer", "minimum": 1, "maximum": 5_000_000_000_u64}),
    );
    let wish = open([("type", one_of(&types)), ("bytes", bytes)], []);
    let fields = json!({"type": "object", "additionalProperties": {"type": "string"}});
    let form = closed([("url", text()), ("fields", fields)], []);
    let image = about("The address to send in a message.", text());
    [
        ("Upload", like(json!({"type": "image/png", "bytes": 40_000}), wish)),
        ("UploadAnswer", closed([("image", image), ("upload", form)], [])),
    ]
}
