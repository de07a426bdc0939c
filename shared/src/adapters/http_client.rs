//! The HTTP client for the platform: its API and its key set.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

/// How much of an answer is read, in bytes. The largest that we ask for, a hundred profiles, takes a tenth of it.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Why there is no answer to read.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// Any status but 2xx. A redirect is one too: it could lead anywhere, also into our own network.
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    /// More than [`ANSWER_BYTES`].
    #[error("the answer has more than {ANSWER_BYTES} bytes")]
    TooLarge,
    /// No connection, or it broke, or the time was over.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

/// Begins a client with the program's crypto provider and the roots that are compiled in: reading the system's costs milliseconds of every
/// cold start. `timeout` is for a whole exchange, the answer's body included.
pub(super) fn builder(timeout: Duration) -> ClientBuilder {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .redirect(Policy::none())
        .timeout(timeout)
}

/// Reads the body at this address. It stops at the limit, whatever length the server names.
///
/// # Errors
/// [`NoAnswer`], which never shows the address: it may hold a secret.
pub(super) async fn get(client: &Client, url: &str) -> Result<Vec<u8>, NoAnswer> {
    let mut response = client.get(url).send().await.map_err(reqwest::Error::without_url)?;
    if !response.status().is_success() {
        return Err(NoAnswer::Status(response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}
