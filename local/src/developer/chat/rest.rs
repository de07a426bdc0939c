//! The REST API, for what a socket can't tell: earlier messages, names, members.

use std::time::Duration;

use reqwest::{Client, StatusCode};
use serde_json::Value;
use tokio_rustls::rustls::ClientConfig;

use super::{explain::Refusal, state::text};
use crate::developer::{harmless::harmless, rest};

/// How long an answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

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
        let found = rest::client(url, tls, ANSWER_LIMIT);
        let (client, base) = found.ok_or_else(|| RestError::Address { url: harmless(url) })?;
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
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let foreign = || RestError::Foreign { url: url(), status };
        let body = rest::body(response).await.map_err(unreachable)?.ok_or_else(foreign)?;
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
