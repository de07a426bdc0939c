//! Signature Version 4 as S3 checks it: in the headers of a request, in its query, or in a form.
//!
//! The request is signed again with the keys that functions have here, and the two signatures are compared. Paths are taken as they are, and not
//! encoded a second time, as for other services.
//!
//! # Source
//! Amazon S3 API Reference, "Authenticating Requests (AWS Signature Version 4)": in a header, by query parameters, and with HTTP POST.

use std::{collections::BTreeMap, time::Duration};

use aws_credential_types::Credentials;
use aws_sigv4::{
    http_request::{
        PercentEncodingMode, SignableBody, SignableRequest, SignatureLocation, SigningSettings,
        UriPathNormalizationMode, sign,
    },
    sign::v4::{SigningParams, calculate_signature, generate_signing_key},
};
use chrono::{DateTime, NaiveDateTime, Utc};
use http::{StatusCode, request::Parts};
use reqwest::Url;

use super::failure::Failure;
use crate::aws::{
    clock,
    stand_ins::{ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, SESSION_TOKEN},
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// How far the time of a request with a signature in its headers may be from ours.
const MOST_SKEW_MS: u64 = 15 * 60 * 1000;
/// The longest time for which a query is good, in seconds: seven days.
const EXPIRES_MAX_S: u32 = 7 * 24 * 60 * 60;

fn mismatch() -> Failure {
    let message = "The request signature we calculated does not match the signature you provided.";
    Failure(StatusCode::FORBIDDEN, "SignatureDoesNotMatch", message.to_owned())
}

/// What a client says of its signature.
struct Claim<'a> {
    credential: &'a str,
    date: &'a str,
    token: Option<&'a str>,
}

impl Claim<'_> {
    /// The time of the signature, if the key and the scope are right.
    fn time(&self) -> Result<DateTime<Utc>, Failure> {
        let time = NaiveDateTime::parse_from_str(self.date, "%Y%m%dT%H%M%SZ");
        let time = time.map_err(|_| Failure::denied("X-Amz-Date must be in the form 20261231T235959Z"))?;
        let due = format!("{ACCESS_KEY_ID}/{}/{REGION}/s3/aws4_request", time.format("%Y%m%d"));
        if self.credential != due {
            return Err(Failure::denied(format!(
                "The credential is {}, and should be {due}",
                self.credential
            )));
        }
        if self.token != Some(SESSION_TOKEN) {
            let message = "The provided token is malformed or otherwise invalid.";
            return Err(Failure::bad("InvalidToken", message));
        }
        Ok(time.and_utc())
    }
}

/// Checks the policy of a form. Returns nothing: what the policy says is for the caller to check.
pub(super) fn check_policy(fields: &BTreeMap<String, String>, policy: &str) -> Result<(), Failure> {
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    if field("x-amz-algorithm") != ALGORITHM {
        return Err(Failure::denied("x-amz-algorithm must be AWS4-HMAC-SHA256"));
    }
    let claim = Claim {
        credential: field("x-amz-credential"),
        date: field("x-amz-date"),
        token: fields.get("x-amz-security-token").map(String::as_str),
    };
    let key = generate_signing_key(SECRET_ACCESS_KEY, claim.time()?.into(), REGION, "s3");
    if calculate_signature(key, policy.as_bytes()) == field("x-amz-signature") {
        Ok(())
    } else {
        Err(mismatch())
    }
}

/// Checks a request whose whole body is `body`, and which is signed in its query or in its headers.
pub(super) fn check(parts: &Parts, body: &[u8]) -> Result<(), Failure> {
    if parts
        .uri
        .query()
        .is_some_and(|query| query.contains("X-Amz-Signature="))
    {
        check_query(parts)
    } else {
        check_headers(parts, body)
    }
}

fn check_query(parts: &Parts) -> Result<(), Failure> {
    let url = Url::parse(&format!("http://s3{}", parts.uri)).map_err(|_| mismatch())?;
    let query: BTreeMap<_, _> = url.query_pairs().collect();
    let field = |name: &str| query.get(name).map(AsRef::as_ref);
    let claim = Claim {
        credential: field("X-Amz-Credential").unwrap_or_default(),
        date: field("X-Amz-Date").unwrap_or_default(),
        token: field("X-Amz-Security-Token"),
    };
    let time = claim.time()?;
    let expires = field("X-Amz-Expires").and_then(|text| text.parse().ok());
    let expires: u32 =
        expires.ok_or_else(|| Failure::bad("AuthorizationQueryParametersError", "X-Amz-Expires is missing"))?;
    if !(1..=EXPIRES_MAX_S).contains(&expires) {
        return Err(Failure::bad(
            "AuthorizationQueryParametersError",
            "X-Amz-Expires must be from 1 to 604800",
        ));
    }
    if clock::now_ms() > time.timestamp_millis() + i64::from(expires) * 1000 {
        return Err(Failure::denied("Request has expired"));
    }
    // What the signature adds is no part of what is signed again.
    let added = [
        "Algorithm",
        "Credential",
        "Date",
        "Expires",
        "SignedHeaders",
        "Security-Token",
        "Signature",
    ];
    let is_added = |pair: &&str| {
        let name = pair.split('=').next().and_then(|name| name.strip_prefix("X-Amz-"));
        name.is_some_and(|name| added.contains(&name))
    };
    let rest: Vec<&str> = parts
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !is_added(pair))
        .collect();
    let uri = format!("{}?{}", parts.uri.path(), rest.join("&"));
    let mut settings = SigningSettings::default();
    settings.signature_location = SignatureLocation::QueryParams;
    settings.expires_in = Some(Duration::from_secs(expires.into()));
    let names = field("X-Amz-SignedHeaders").unwrap_or_default();
    let signature = signature(parts, &uri, names, SignableBody::UnsignedPayload, settings, time)?;
    if field("X-Amz-Signature") == Some(&signature) {
        Ok(())
    } else {
        Err(mismatch())
    }
}

fn check_headers(parts: &Parts, body: &[u8]) -> Result<(), Failure> {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let given = text("authorization").and_then(|value| value.strip_prefix(ALGORITHM));
    let given = given.ok_or_else(|| Failure::denied("Access Denied"))?;
    let field = |name: &str| {
        let mut fields = given.split(',').filter_map(|field| field.trim().split_once('='));
        fields.find(|(other, _)| *other == name).map_or("", |(_, value)| value)
    };
    let claim = Claim {
        credential: field("Credential"),
        date: text("x-amz-date").unwrap_or_default(),
        token: text("x-amz-security-token"),
    };
    let time = claim.time()?;
    if clock::now_ms().abs_diff(time.timestamp_millis()) > MOST_SKEW_MS {
        let message = "The difference between the request time and the current time is too large.";
        return Err(Failure(
            StatusCode::FORBIDDEN,
            "RequestTimeTooSkewed",
            message.to_owned(),
        ));
    }
    let payload = match text("x-amz-content-sha256") {
        None => {
            return Err(Failure::bad(
                "InvalidRequest",
                "Missing required header for this request: x-amz-content-sha256",
            ));
        }
        Some("UNSIGNED-PAYLOAD") => SignableBody::UnsignedPayload,
        Some(streaming) if streaming.starts_with("STREAMING-") => {
            let message = "The local stack does not take bodies in chunks with signatures";
            return Err(Failure(
                StatusCode::NOT_IMPLEMENTED,
                "NotImplemented",
                message.to_owned(),
            ));
        }
        Some(_) => SignableBody::Bytes(body),
    };
    let uri = parts.uri.to_string();
    let signature = signature(
        parts,
        &uri,
        field("SignedHeaders"),
        payload,
        SigningSettings::default(),
        time,
    )?;
    if field("Signature") == signature {
        Ok(())
    } else {
        Err(mismatch())
    }
}

/// The signature that the request should have.
fn signature(
    parts: &Parts,
    uri: &str,
    signed_headers: &str,
    payload: SignableBody<'_>,
    mut settings: SigningSettings,
    time: DateTime<Utc>,
) -> Result<String, Failure> {
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    // The request says which headers are signed; the library must not leave any out.
    settings.excluded_headers = None;
    let token = Some(SESSION_TOKEN.to_owned());
    let identity = Credentials::new(ACCESS_KEY_ID, SECRET_ACCESS_KEY, token, None, "the stack").into();
    let params = SigningParams::builder()
        .identity(&identity)
        .region(REGION)
        .name("s3")
        .time(time.into())
        .settings(settings)
        .build()
        .map_err(|_| mismatch())?
        .into();
    let names: Vec<&str> = signed_headers.split(';').collect();
    if !names.contains(&"host") {
        return Err(Failure::denied("The header host must be signed"));
    }
    let headers = parts.headers.iter().filter(|(name, _)| names.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<_> = headers.collect::<Option<_>>().ok_or_else(mismatch)?;
    let request = SignableRequest::new(parts.method.as_str(), uri, headers.into_iter(), payload);
    let signed = request
        .and_then(|request| sign(request, &params))
        .map_err(|_| mismatch())?;
    Ok(signed.signature().to_owned())
}
