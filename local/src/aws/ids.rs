//! Identifiers in the forms that API Gateway and Lambda hand out.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use uuid::Uuid;

use super::clock;

/// Length of a connection id or gateway request id, its `=` included.
const GATEWAY_ID_LENGTH: usize = 16;

/// A new connection id or gateway request id: 15 base64url characters and `=`, such as `L0SM9cOFvHcCIhw=`.
///
/// # Source
/// Recorded production events. The padding matters: a client has to percent-encode it in an `@connections` path. Code that forgets
/// this works with emulators whose ids have no padding, and fails on AWS.
pub fn gateway_id() -> String {
    // Eleven bytes give fifteen characters. Six of their bits are fixed in every UUID; the other 82 are random, which is enough.
    let random = Uuid::new_v4().into_bytes();
    let bytes = random.last_chunk::<11>().copied().unwrap_or_default();
    format!("{}=", URL_SAFE_NO_PAD.encode(bytes))
}

/// Whether a text has the form of [`gateway_id`]. API Gateway answers 400 to any other, and 410 to an unknown one of this form.
pub fn is_gateway_id(text: &str) -> bool {
    text.len() == GATEWAY_ID_LENGTH
        && text
            .strip_suffix('=')
            .is_some_and(|id| id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)))
}

/// A new Lambda request id, which is a UUID.
pub fn lambda_request_id() -> String {
    Uuid::new_v4().to_string()
}

/// A new X-Ray trace header: `Root=1-{epoch seconds in hex}-{24 hex digits}`.
pub fn trace_id() -> String {
    let random = Uuid::new_v4().simple().to_string();
    format!(
        "Root=1-{:08x}-{}",
        clock::now_ms() / 1000,
        random.get(..24).unwrap_or_default()
    )
}

/// The trace header that a function gets when X-Ray does not sample the request: the trace, and the segment of this request.
pub fn unsampled(trace_id: &str) -> String {
    let segment = Uuid::new_v4().simple().to_string();
    format!("{trace_id};Parent={};Sampled=0", segment.get(..16).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_id_has_fifteen_characters_and_padding() {
        let ids: Vec<String> = (0..200).map(|_| gateway_id()).collect();
        assert!(ids.iter().all(|id| is_gateway_id(id)), "{ids:?}");
        assert_ne!(ids[0], ids[1]);
    }

    #[test]
    fn other_forms_are_malformed() {
        for id in [
            "",
            "L0SM9cOFvHcCIhw",
            "L0SM9cOFvHcCIh==",
            "L0SM9cOFvHcCIhw=test",
            "0b9d4e6e-6c2b-4f36-9d53-1f7a3a8f1d2e",
            "L0SM9cOFvHcCI/w=",
        ] {
            assert!(!is_gateway_id(id), "{id}");
        }
        assert!(is_gateway_id("L0SM-c_FvHcCIhw="));
    }
}
