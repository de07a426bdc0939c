//! The token of the user who asks on behalf of the function `check`. No other function signs tokens.

use std::fmt;

use jsonwebtoken::{EncodingKey, Header, encode};
use serde_json::{Map, Value, json};

use crate::config::SigningConfig;

/// How long a token is good, in seconds: longer than one check.
const TOKEN_S: u64 = 300;

/// Signs tokens that the functions accept.
pub struct ProbeTokens(SigningConfig);

/// Shown without the secret.
impl fmt::Debug for ProbeTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ProbeTokens").finish_non_exhaustive()
    }
}

impl ProbeTokens {
    /// Signs with these settings.
    pub fn new(config: SigningConfig) -> Self {
        crypto::install();
        Self(config)
    }

    /// A token of this user. `None` if the library refuses, which it does for no secret.
    pub fn token(&self, user: &str, now_ms: u64) -> Option<String> {
        let now = now_ms / 1000;
        let given = [("iss", &self.0.issuer), ("aud", &self.0.audience)];
        let given = given
            .into_iter()
            .filter_map(|(name, value)| Some((name, json!(value.as_ref()?))));
        let own = [
            ("iat", json!(now)),
            ("exp", json!(now + TOKEN_S)),
            (self.0.user_claim.as_str(), json!(user)),
        ];
        let claims: Map<String, Value> = own
            .into_iter()
            .chain(given)
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        let key = EncodingKey::from_secret(self.0.secret.as_bytes());
        encode(&Header::new(self.0.algorithm), &claims, &key).ok()
    }
}
