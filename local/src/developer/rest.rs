//! The REST API of a deployment, as the commands ask it.

use std::time::Duration;

use reqwest::{Client, Response, redirect::Policy};
use tokio_rustls::rustls::ClientConfig;

/// How much of an answer is read, in bytes: more than Lambda can give.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// A client for the API at this address, which may end in `/api` or not, and the address without `/api`. `None` if it is not an address of HTTP.
/// `limit` is for a whole answer.
pub(super) fn client(url: &str, tls: &ClientConfig, limit: Duration) -> Option<(Client, String)> {
    let base = url.trim_end_matches('/');
    let uri: http::Uri = base.parse().ok()?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() || uri.query().is_some() {
        return None;
    }
    let client = Client::builder()
        .tls_backend_preconfigured(tls.clone())
        // The token must not go anywhere else.
        .redirect(Policy::none())
        .timeout(limit)
        .build();
    Some((client.ok()?, base.strip_suffix("/api").unwrap_or(base).to_owned()))
}

/// The body of an answer; `None` if it is longer than any answer of ours.
///
/// # Errors
/// If the connection breaks or the time is over.
pub(super) async fn body(mut response: Response) -> reqwest::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}
