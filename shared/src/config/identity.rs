//! Who signs tokens, and which site a request belongs to.

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::Algorithm;

use super::{ConfigError, Environment};
use crate::domain::Domain;

/// How a request's user and site are known.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// `SOCK_DOMAIN_HANDLE`: the site of hosts that are not in `SOCK_DOMAINS`, default `myplatform`.
    pub default_domain: Domain,
    /// `SOCK_DOMAINS`: sites by host, as `chat.a.com=a,chat.b.com=b`.
    pub domains: HashMap<String, Domain>,
    /// `SOCK_JWT_HEADER`: the header with the token, default `X-Auth-Token`. In lower case.
    pub header: String,
    /// `SOCK_JWT_ALGORITHM`: the one algorithm that is accepted, default `HS256`.
    pub algorithm: Algorithm,
    /// Where the key of that algorithm comes from.
    pub key: KeySource,
}

/// The key that tokens are verified with.
#[derive(Clone)]
pub enum KeySource {
    /// `SOCK_JWT_SECRET`: the shared secret of the HS algorithms.
    Secret(String),
    /// `SOCK_JWT_PUBLIC_KEY`: the public key of the other algorithms, in PEM.
    PublicKey(String),
    /// `SOCK_JWKS_URL`: the address of a key set (RFC 7517), whose keys may rotate.
    KeySet(String),
}

/// Shown without the key.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
            Self::PublicKey(_) => "PublicKey",
            Self::KeySet(_) => "KeySet",
        })
    }
}

impl IdentityConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the key is missing or does not belong to the algorithm, or anything is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let handle = env.get("SOCK_DOMAIN_HANDLE").unwrap_or("myplatform");
        let default_domain = Domain::parse(handle)
            .map_err(|error| ConfigError::new("SOCK_DOMAIN_HANDLE", error.to_string(), "myplatform"))?;
        let header = env.get("SOCK_JWT_HEADER").unwrap_or("X-Auth-Token");
        let header = http::HeaderName::try_from(header)
            .map_err(|_| ConfigError::new("SOCK_JWT_HEADER", "must be the name of a header", "X-Auth-Token"))?;
        let algorithm = env.get("SOCK_JWT_ALGORITHM").unwrap_or("HS256").parse().map_err(|_| {
            let names = "must be one of HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA";
            ConfigError::new("SOCK_JWT_ALGORITHM", names, "RS256")
        })?;
        Ok(Self {
            default_domain,
            domains: domains(env.get("SOCK_DOMAINS").unwrap_or_default())?,
            header: header.as_str().to_owned(),
            algorithm,
            key: key_source(env, algorithm)?,
        })
    }
}

fn domains(list: &str) -> Result<HashMap<String, Domain>, ConfigError> {
    let problem = || ConfigError::new("SOCK_DOMAINS", "must be hosts and handles", "chat.a.com=a,chat.b.com=b");
    let entry = |entry: &str| {
        let (host, handle) = entry
            .split_once('=')
            .filter(|(host, _)| !host.is_empty())
            .ok_or_else(problem)?;
        Ok((
            host.trim().to_ascii_lowercase(),
            Domain::parse(handle.trim()).map_err(|_| problem())?,
        ))
    };
    list.split(',')
        .filter(|entry| !entry.trim().is_empty())
        .map(entry)
        .collect()
}

fn key_source(env: &Environment, algorithm: Algorithm) -> Result<KeySource, ConfigError> {
    if matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        let secret = env.get("SOCK_JWT_SECRET").ok_or_else(|| {
            ConfigError::new(
                "SOCK_JWT_SECRET",
                "is missing: it is the secret that the platform signs its tokens with",
                "a long random text",
            )
        })?;
        return Ok(KeySource::Secret(secret.to_owned()));
    }
    if let Some(url) = env.url(
        "SOCK_JWKS_URL",
        &["https", "http"],
        "https://id.example.com/.well-known/jwks.json",
    )? {
        return Ok(KeySource::KeySet(url));
    }
    let pem = env.pem("SOCK_JWT_PUBLIC_KEY").ok_or_else(|| {
        ConfigError::new(
            "SOCK_JWT_PUBLIC_KEY",
            "is missing, and SOCK_JWKS_URL too: one of them must give the public key",
            "-----BEGIN PUBLIC KEY-----…",
        )
    })?;
    Ok(KeySource::PublicKey(pem))
}
