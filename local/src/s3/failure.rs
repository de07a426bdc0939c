//! What S3 says of a request that it refuses.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};

use crate::{
    machine::logs,
    server::{Reply, empty},
};

/// An error of the service: its status, its code and its text.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure(pub(super) StatusCode, pub(super) &'static str, pub(super) String);

impl Failure {
    pub(super) fn denied(message: impl Into<String>) -> Self {
        Self(StatusCode::FORBIDDEN, "AccessDenied", message.into())
    }

    pub(super) fn bad(code: &'static str, message: impl Into<String>) -> Self {
        Self(StatusCode::BAD_REQUEST, code, message.into())
    }

    pub(super) fn no_such_key() -> Self {
        let message = "The specified key does not exist.";
        Self(StatusCode::NOT_FOUND, "NoSuchKey", message.to_owned())
    }

    pub(super) fn reply(&self) -> Reply {
        let Self(status, code, message) = self;
        logs::stack(format_args!("S3 refused a request: {code}: {message}"));
        xml(
            *status,
            &format!(
                "<Error><Code>{code}</Code><Message>{}</Message></Error>",
                escaped(message)
            ),
        )
    }
}

/// A text inside an element.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// An answer in XML.
pub(super) fn xml(status: StatusCode, body: &str) -> Reply {
    let mut reply = empty(status);
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    *reply.body_mut() = Bytes::from(format!("{head}{body}")).into();
    let kind = HeaderValue::from_static("application/xml");
    reply.headers_mut().insert(header::CONTENT_TYPE, kind);
    reply
}
