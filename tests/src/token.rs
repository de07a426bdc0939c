//! Tokens, as the platform signs them.

use anyhow::Result;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};

/// An instant that is over, in seconds since 1970.
pub const LONG_AGO: u64 = 1_000_000_000;
/// An instant that no test will see, in seconds since 1970.
pub const FAR_AWAY: u64 = 4_102_444_800;

/// Who signs.
#[derive(Clone)]
pub struct Signer {
    header: Header,
    key: EncodingKey,
    issuer: Option<String>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Signer")
            .field("header", &self.header)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// Signs with a shared secret and one of the HS algorithms.
    pub fn secret(algorithm: Algorithm, secret: &str) -> Self {
        crypto::install();
        Self {
            header: Header::new(algorithm),
            key: EncodingKey::from_secret(secret.as_bytes()),
            issuer: None,
        }
    }

    /// Signs with a private RSA key in PEM.
    ///
    /// # Errors
    /// When it is none.
    pub fn rsa(pem: &str) -> Result<Self> {
        crypto::install();
        Ok(Self {
            header: Header::new(Algorithm::RS256),
            key: EncodingKey::from_rsa_pem(pem.as_bytes())?,
            issuer: None,
        })
    }

    /// The same key, named in the tokens.
    #[must_use]
    pub fn named(mut self, kid: &str) -> Self {
        self.header.kid = Some(kid.to_owned());
        self
    }

    /// The same key, whose tokens of users name this issuer.
    #[must_use]
    pub fn issuing_as(mut self, issuer: &str) -> Self {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// The same key, whose tokens say that these extensions must be understood.
    #[must_use]
    pub fn critical_of(mut self, extensions: &[&str]) -> Self {
        self.header.crit = Some(extensions.iter().map(|&name| name.to_owned()).collect());
        self
    }

    /// The public key as it stands in a key set, under its name.
    ///
    /// # Errors
    /// When the key has no public half.
    pub fn public_jwk(&self) -> Result<Value> {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.header.alg)?;
        jwk.common.key_id.clone_from(&self.header.kid);
        Ok(serde_json::to_value(jwk)?)
    }

    /// A token with these claims.
    ///
    /// # Errors
    /// When the library refuses.
    pub fn sign(&self, claims: &Value) -> Result<String> {
        Ok(jsonwebtoken::encode(&self.header, claims, &self.key)?)
    }

    /// A token of a user.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn user(&self, id: &Value) -> Result<String> {
        let mut claims = json!({"user_id": id});
        if let Some(issuer) = &self.issuer {
            claims["iss"] = json!(issuer);
        }
        self.sign(&claims)
    }
}
