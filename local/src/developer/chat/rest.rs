//! The REST API, for what a socket can't tell: earlier messages, names, members.

use std::time::Duration;

use reqwest::{Client, StatusCode, redirect::Policy};
use serde_json::Value;
use tokio_rustls::rustls::ClientConfig;

use super::{explain::Refusal, state::text};
use crate::developer::harmless::harmless;

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// How much of an answer is read, in bytes: more than Lambda can give.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum RestError {
    /// The URL is no address of a REST API.
    #[error("{url} is not an address such as http://localhost:3005/api or https://chat.example.com/api")]
    Address {
        /// The address.
        url: String,
    },
    /// No server answers there.
    #[error("can't reach {url}; is the address right, and the stack running?")]
    Unreachable {
        /// The address.
        url: String,
        /// What went wrong.
        source: reqwest::Error,
    },
    /// Something answers that is not our API.
    #[error("{url} answers {status}, and not as the chat's API does; is the address right?")]
    Foreign {
        /// The address.
        url: String,
        /// The status.
        status: StatusCode,
    },
    /// The API refused.
    #[error("{0}")]
    Refused(Refusal),
}

impl RestError {
    /// Whether the same request may be answered a little later.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Address { .. } => false,
            Self::Unreachable { .. } => true,
            Self::Foreign { status, .. } => status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS,
            Self::Refused(refusal) => refusal.is_passing(),
        }
    }
}

/// The REST API with one user's token.
#[derive(Debug)]
pub(super) struct Rest {
    client: Client,
    base: String,
    token: String,
}

impl Rest {
    /// The API at this address, which may end in `/api` or not.
    ///
    /// # Errors
    /// [`RestError::Address`].
    pub(super) fn new(url: &str, token: &str, tls: &ClientConfig) -> Result<Self, RestError> {
        let bad = || RestError::Address { url: harmless(url) };
        let base = url.trim_end_matches('/');
        let uri: http::Uri = base.parse().map_err(|_| bad())?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() || uri.query().is_some() {
            return Err(bad());
        }
        let base = base.strip_suffix("/api").unwrap_or(base);
        let client = Client::builder()
            .tls_backend_preconfigured(tls.clone())
            // The token must not go anywhere else.
            .redirect(Policy::none())
            .timeout(ANSWER_LIMIT)
            .build()
            .map_err(|_| bad())?;
        Ok(Self {
            client,
            base: format!("{base}/api"),
            token: token.to_owned(),
        })
    }

    /// Asks for what is at this path, which begins after `/api`.
    ///
    /// # Errors
    /// [`RestError`].
    pub(super) async fn get(&self, path: &str) -> Result<Value, RestError> {
        let url = || self.base.clone();
        let unreachable = |source: reqwest::Error| RestError::Unreachable {
            url: url(),
            source: source.without_url(),
        };
        let request = self.client.get(format!("{}{path}", self.base)).bearer_auth(&self.token);
        let mut response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let foreign = || RestError::Foreign { url: url(), status };
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > ANSWER_BYTES {
                return Err(foreign());
            }
            body.extend_from_slice(&chunk);
        }
        let body: Value = serde_json::from_slice(&body).map_err(|_| foreign())?;
        if status.is_success() {
            return Ok(body);
        }
        match text(&body, "message") {
            Some(_) => Err(RestError::Refused(Refusal::of(&body, status.as_u16()))),
            None => Err(foreign()),
        }
    }
}
