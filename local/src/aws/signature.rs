//! Signature Version 4, checked: what `--sigv4` demands of every request to `@connections` and to the queue.
//!
//! The stack signs the request again, with the keys that the functions have here, and compares the two signatures. Before that it
//! encodes each segment of the path a second time, as every service but S3 does: the `=` of a connection id is `%3D` in the request
//! and `%253D` in what is signed. AWS refuses a client that encodes only once, and so does the stack.
//!
//! # Source
//! IAM user guide, Signature Version 4: the canonical request, the credential scope, and the five minutes within which a
//! request must arrive.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningError, SigningSettings, sign},
    sign::v4::{SigningParams, signing_params::BuildError},
};
use chrono::NaiveDateTime;
use http::{HeaderMap, request::Parts};

use super::{
    clock,
    stand_ins::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN},
};

/// How far a request's time may be from ours.
const MOST_SKEW: Duration = Duration::from_mins(5);

/// Why a request is refused. It goes to the log, for the author of the client: the service's answer says only `Forbidden`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("it carries no AWS4-HMAC-SHA256 signature in a header Authorization")]
    Unsigned,
    #[error("its header {0} is missing or can't be read")]
    Header(&'static str),
    #[error("it is signed with the key {0}, and functions have {ACCESS_KEY_ID}")]
    Key(String),
    #[error("its session token is not the one that functions have")]
    Token,
    #[error("its credential scope is {0}, and should be {1}")]
    Scope(String, String),
    #[error("its X-Amz-Date is {0} seconds from now")]
    Skew(u64),
    #[error("{0} must be signed")]
    NotSigned(&'static str),
    #[error("its signature is another one: was a path encoded once only, or the body changed?")]
    Signature,
    #[error("it can't be signed: {0}")]
    Unsignable(#[from] SigningError),
    #[error("it can't be signed: {0}")]
    Parameters(#[from] BuildError),
}

/// Checks the signature of a request to `service`, the name in its credential scope. `body` is the request's whole body.
///
/// # Errors
/// [`Refused`], with the first thing that is wrong.
pub(crate) fn check(parts: &Parts, body: &[u8], service: &str) -> Result<(), Refused> {
    let authorization = Authorization::parse(&parts.headers).ok_or(Refused::Unsigned)?;
    let (key, scope) = authorization.credential.split_once('/').ok_or(Refused::Unsigned)?;
    if key != ACCESS_KEY_ID {
        return Err(Refused::Key(key.to_owned()));
    }
    let date = text(&parts.headers, "x-amz-date").ok_or(Refused::Header("X-Amz-Date"))?;
    let time = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map_err(|_| Refused::Header("X-Amz-Date"))?;
    let due = format!("{}/{REGION}/{service}/aws4_request", time.format("%Y%m%d"));
    if scope != due {
        return Err(Refused::Scope(scope.to_owned(), due));
    }
    let skew = Duration::from_millis(time.and_utc().timestamp_millis().abs_diff(clock::now_ms()));
    if skew > MOST_SKEW {
        return Err(Refused::Skew(skew.as_secs()));
    }
    if text(&parts.headers, "x-amz-security-token") != Some(SESSION_TOKEN) {
        return Err(Refused::Token);
    }
    for name in ["host", "x-amz-date"] {
        if !authorization.signs(name) {
            return Err(Refused::NotSigned(name));
        }
    }
    if signature(parts, body, &authorization, time.and_utc().into(), service)? == authorization.signature {
        Ok(())
    } else {
        Err(Refused::Signature)
    }
}

/// The signature that the request should have.
fn signature(
    parts: &Parts,
    body: &[u8],
    given: &Authorization<'_>,
    time: SystemTime,
    service: &str,
) -> Result<String, Refused> {
    let mut settings = SigningSettings::default();
    // The request says which headers are signed; the library must not leave any out.
    settings.excluded_headers = None;
    let token = Some(SESSION_TOKEN.to_owned());
    let identity = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, token, None, "the stack").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name(service)
        .time(time)
        .settings(settings)
        .build()?
        .into();
    let headers = parts.headers.iter().filter(|(name, _)| given.signs(name.as_str()));
    let headers = headers.map(|(name, value)| Ok((name.as_str(), value.to_str().map_err(|_| Refused::Signature)?)));
    let headers: Vec<_> = headers.collect::<Result<_, Refused>>()?;
    let uri = parts.uri.to_string();
    let request = SignableRequest::new(
        parts.method.as_str(),
        uri,
        headers.into_iter(),
        SignableBody::Bytes(body),
    )?;
    Ok(sign(request, &params)?.signature().to_owned())
}

/// The parts of a header `Authorization`.
#[derive(Debug)]
struct Authorization<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Authorization<'a> {
    fn parse(headers: &'a HeaderMap) -> Option<Self> {
        let fields = text(headers, "authorization")?.strip_prefix("AWS4-HMAC-SHA256")?;
        let field = |name: &str| {
            let mut fields = fields.split(',').filter_map(|field| field.trim().split_once('='));
            fields.find(|(other, _)| *other == name).map(|(_, value)| value)
        };
        Some(Self {
            credential: field("Credential")?,
            signed_headers: field("SignedHeaders")?,
            signature: field("Signature")?,
        })
    }

    fn signs(&self, name: &str) -> bool {
        self.signed_headers.split(';').any(|signed| signed == name)
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
