//! Requests to AWS, signed, and repeated where that helps.
//!
//! AWS's own SDKs would do the same. But with them, a function that pushes is half as large again and takes nearly twice as long to start, and Senna
//! calls a handful of operations.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use tokio::time::sleep;
use uuid::Uuid;

use super::clock::SystemClock;
use super::http_client::HttpClient;
use crate::config::Access;
use crate::ports::Clock as _;

/// Why a request failed.
pub(super) type Reason = Box<dyn std::error::Error + Send + Sync>;

/// How long the TCP connection may take to stand. The HTTP client tries the other family of addresses after 300 ms.
const CONNECT_LIMIT: Duration = Duration::from_secs(1);
/// The longest time between two attempts.
const LONGEST_WAIT: Duration = Duration::from_millis(400);

/// The identity of the process. Lambda never changes it while the process lives.
pub(super) fn identity(access: &Access) -> Identity {
    let session_token = access.session_token.clone();
    Credentials::new(&access.key_id, &access.secret_key, session_token, None, "environment").into()
}

/// How often a request is tried.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tries {
    /// Attempts, the first included.
    pub(super) most: u32,
    /// A random time passes before each further attempt: at most this before the second one, and up to twice as much before each later one.
    pub(super) first_wait: Duration,
    /// For one attempt, its connection included.
    pub(super) limit: Duration,
}

/// A service of AWS. The client is made when something is asked for the first time.
#[derive(Debug)]
pub(super) struct Service {
    name: &'static str,
    region: String,
    identity: Identity,
    tries: Tries,
    client: OnceLock<HttpClient>,
}

impl Service {
    /// `name` is that of the signature's scope, as `execute-api`.
    pub(super) fn new(name: &'static str, access: &Access, tries: Tries) -> Self {
        Self {
            name,
            region: access.region.clone(),
            identity: identity(access),
            tries,
            client: OnceLock::new(),
        }
    }

    /// Sends the request as [`Service::exchange`] does, and returns the status of the answer.
    ///
    /// # Errors
    /// As [`Service::exchange`].
    pub(super) async fn send(&self, request: &Request<Bytes>, again: impl Fn()) -> Result<StatusCode, Reason> {
        Ok(self.exchange(request, again).await?.status())
    }

    /// Sends the request, and again if no answer came, or 429 or 5xx. Calls `again` before each further attempt. Returns the answer of
    /// the last attempt.
    ///
    /// # Errors
    /// Those of the last attempt; or the request cannot be signed.
    pub(super) async fn exchange(&self, request: &Request<Bytes>, again: impl Fn()) -> Result<Response<Bytes>, Reason> {
        let mut wait = self.tries.first_wait;
        let mut left = self.tries.most;
        loop {
            left = left.saturating_sub(1);
            let outcome = self.attempt(request).await;
            let final_one = match &outcome {
                Ok(answer) => answer.status() != StatusCode::TOO_MANY_REQUESTS && !answer.status().is_server_error(),
                Err(_) => false,
            };
            if final_one || left == 0 {
                return outcome;
            }
            sleep(random_part(wait)).await;
            wait = (wait * 2).min(LONGEST_WAIT);
            again();
        }
    }

    async fn attempt(&self, request: &Request<Bytes>) -> Result<Response<Bytes>, Reason> {
        let client = self
            .client
            .get_or_init(|| HttpClient::new(self.tries.limit, Some(CONNECT_LIMIT)));
        Ok(client.exchange(self.signed(request)?).await?)
    }

    /// # Source
    /// AWS IAM user guide, "Create a signed AWS API request".
    fn signed(&self, request: &Request<Bytes>) -> Result<Request<Bytes>, Reason> {
        let mut request = request.clone();
        let params = SigningParams::builder()
            .identity(&self.identity)
            .region(&self.region)
            .name(self.name)
            .time(now())
            .settings(SigningSettings::default())
            .build()?
            .into();
        let headers = request.headers().iter();
        let headers = headers.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let uri = request.uri().to_string();
        let body = SignableBody::Bytes(request.body());
        let signable = SignableRequest::new(request.method().as_str(), uri, headers, body)?;
        let (instructions, _) = sign(signable, &params)?.into_parts();
        instructions.apply_to_request_http1x(&mut request);
        Ok(request)
    }
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(SystemClock.now_ms())
}

/// A random time up to this one, so that callers who failed together do not come back together.
fn random_part(time: Duration) -> Duration {
    let (random, ..) = Uuid::new_v4().as_fields();
    time.mul_f64(f64::from(random) / f64::from(u32::MAX))
}
