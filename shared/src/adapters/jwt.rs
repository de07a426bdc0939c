//! Who a request comes from: the platform's tokens, and the sites by host. We verify tokens and never sign any.

mod key_set;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde::Deserialize;
use serde_json::Value;

use self::key_set::KeySet;
use crate::config::{ConfigError, IdentityConfig, KeySource};
use crate::domain::{Domain, Id, Principal, TopicClaim, User};
use crate::error::ApiError;
use crate::wire;

/// Tells the user and site of requests.
#[derive(Debug)]
pub struct Identity {
    config: IdentityConfig,
    keys: Keys,
}

#[derive(Debug)]
enum Keys {
    Fixed(DecodingKey),
    Set(KeySet),
}

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    user_id: Value,
    #[serde(default)]
    topics: Value,
}

impl Claims {
    /// The topics that the token names, as strings or numbers; anything else names none.
    fn topics(&self) -> TopicClaim {
        let items = self.topics.as_array().into_iter().flatten();
        TopicClaim::new(items.filter_map(|item| match item {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }))
    }
}

impl Identity {
    /// Prepares the key.
    ///
    /// # Errors
    /// If the public key does not belong to the algorithm, or the HTTP client cannot be built.
    pub fn new(config: IdentityConfig) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        let keys = match &config.key {
            KeySource::Secret(secret) => Keys::Fixed(DecodingKey::from_secret(secret.as_bytes())),
            KeySource::PublicKey(pem) => Keys::Fixed(
                public_key(pem.as_bytes(), config.algorithm).map_err(|_| ConfigError::public_key(config.algorithm))?,
            ),
            KeySource::KeySet(url) => Keys::Set(KeySet::new(url.clone(), config.algorithm)?),
        };
        Ok(Self { config, keys })
    }

    /// Who makes a request with these headers; `None` without a token.
    ///
    /// # Errors
    /// The refusal of a bad token, or [`ApiError::Unavailable`] if the key set cannot be had.
    pub async fn of_headers(&self, headers: &HeaderMap) -> Result<Option<Principal>, ApiError> {
        match self.token_of(headers) {
            Some(token) => self.principal(token, headers).await.map(Some),
            None => Ok(None),
        }
    }

    /// The token in the configured header, or in `Authorization: Bearer` (RFC 6750, section 2.1).
    pub fn token_of<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let own = text(&self.config.header).map(|value| bearer(value).unwrap_or(value));
        own.filter(|token| !token.is_empty())
            .or_else(|| bearer(text(AUTHORIZATION.as_str())?))
            .map(str::trim)
    }

    /// Whose token this is, at the site that the headers' host names.
    ///
    /// # Errors
    /// As [`Identity::of_headers`].
    pub async fn principal(&self, token: &str, headers: &HeaderMap) -> Result<Principal, ApiError> {
        let (id, topics) = self.verify(token).await?;
        let domain = self.domain(headers).clone();
        let user = User { domain, id };
        Ok(Principal { user, topics })
    }

    fn domain(&self, headers: &HeaderMap) -> &Domain {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        self.config.domain_of(host.unwrap_or_default())
    }

    async fn verify(&self, token: &str) -> Result<(Id, TopicClaim), ApiError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| ApiError::TokenMalformed)?;
        if header.alg != self.config.algorithm {
            return Err(ApiError::TokenSignature);
        }
        let claims = match &self.keys {
            Keys::Fixed(key) => self.claims(token, [key]),
            Keys::Set(keys) => self.claims_by_set(token, &header, keys).await,
        }?;
        if claims.user_id.is_null() {
            return Err(ApiError::TokenWithoutUser);
        }
        let id = wire::id_from_json(&claims.user_id).map_err(ApiError::TokenUserId)?;
        Ok((id, claims.topics()))
    }

    /// The claims of a token that one of these keys signed.
    fn claims<'a>(&self, token: &str, keys: impl IntoIterator<Item = &'a DecodingKey>) -> Result<Claims, ApiError> {
        let mut validation = Validation::new(self.config.algorithm);
        validation.required_spec_claims.clear();
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.leeway = 0;
        for key in keys {
            match jsonwebtoken::decode::<Claims>(token, key, &validation) {
                Ok(token) => return Ok(token.claims),
                Err(error) => match refusal(error.kind()) {
                    ApiError::TokenSignature => {}
                    // The signature was good, or no key can make the token good.
                    refusal => return Err(refusal),
                },
            }
        }
        Err(ApiError::TokenSignature)
    }

    /// A token that no key of the set has signed may be signed with a new one, so the set is asked for once more, if that was not a moment ago.
    async fn claims_by_set(&self, token: &str, header: &Header, keys: &KeySet) -> Result<Claims, ApiError> {
        let known = keys.current().await?;
        match self.claims(token, known.fitting(header)) {
            Err(ApiError::TokenSignature) => match keys.newer().await {
                Some(Ok(newer)) => self.claims(token, newer.fitting(header)),
                // A key that we have stays good while the platform does not answer, and a bad signature bad.
                Some(Err(error)) if known.fitting(header).next().is_none() => Err(error.into()),
                Some(Err(_)) | None => Err(ApiError::TokenSignature),
            },
            outcome => outcome,
        }
    }
}

fn bearer(value: &str) -> Option<&str> {
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn refusal(error: &ErrorKind) -> ApiError {
    match error {
        ErrorKind::ExpiredSignature => ApiError::TokenExpired,
        ErrorKind::ImmatureSignature => ApiError::TokenNotActive,
        ErrorKind::InvalidToken
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::Base64(_)
        | ErrorKind::Json(_)
        | ErrorKind::Utf8(_) => ApiError::TokenMalformed,
        _ => ApiError::TokenSignature,
    }
}

fn public_key(pem: &[u8], algorithm: Algorithm) -> jsonwebtoken::errors::Result<DecodingKey> {
    match algorithm {
        Algorithm::ES256 | Algorithm::ES384 => DecodingKey::from_ec_pem(pem),
        Algorithm::EdDSA => DecodingKey::from_ed_pem(pem),
        _ => DecodingKey::from_rsa_pem(pem),
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::json;

    use super::*;
    use crate::config::Environment;

    const RSA: [&str; 2] = [
        include_str!("../../../tests/keys/first.pem"),
        include_str!("../../../tests/keys/first.pub.pem"),
    ];
    const EC: [&str; 2] = [
        include_str!("../../../tests/keys/ec.pem"),
        include_str!("../../../tests/keys/ec.pub.pem"),
    ];
    const ED: [&str; 2] = [
        include_str!("../../../tests/keys/ed.pem"),
        include_str!("../../../tests/keys/ed.pub.pem"),
    ];

    fn identity(variables: &[(&str, &str)]) -> Identity {
        let env: Environment = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        Identity::new(IdentityConfig::from_env(&env).unwrap()).unwrap()
    }

    async fn outcome(identity: &Identity, algorithm: Algorithm, key: &EncodingKey) -> String {
        let token = jsonwebtoken::encode(&Header::new(algorithm), &json!({"user_id": "ann"}), key).unwrap();
        identity
            .verify(&token)
            .await
            .map_or_else(|error| error.to_string(), |(id, _)| id.to_string())
    }

    #[tokio::test]
    async fn each_algorithm_takes_its_own_tokens_and_no_others() {
        let keys = [
            (
                Algorithm::RS256,
                RSA[1],
                EncodingKey::from_rsa_pem(RSA[0].as_bytes()).unwrap(),
            ),
            (
                Algorithm::PS256,
                RSA[1],
                EncodingKey::from_rsa_pem(RSA[0].as_bytes()).unwrap(),
            ),
            (
                Algorithm::ES256,
                EC[1],
                EncodingKey::from_ec_pem(EC[0].as_bytes()).unwrap(),
            ),
            (
                Algorithm::EdDSA,
                ED[1],
                EncodingKey::from_ed_pem(ED[0].as_bytes()).unwrap(),
            ),
        ];
        for (accepted, public, _) in &keys {
            // As a template or a shell writes a PEM on one line.
            let public = public.replace('\n', "\\n");
            let name = format!("{accepted:?}");
            let identity = identity(&[("SOCK_JWT_ALGORITHM", &name), ("SOCK_JWT_PUBLIC_KEY", &public)]);
            for (algorithm, _, private) in &keys {
                let expected = if algorithm == accepted {
                    "ann"
                } else {
                    "invalid signature"
                };
                assert_eq!(
                    outcome(&identity, *algorithm, private).await,
                    expected,
                    "{algorithm:?} to {accepted:?}"
                );
            }
            // Everyone knows the public key: a token "signed" with it as a secret must not pass.
            let forged = EncodingKey::from_secret(public.as_bytes());
            assert_eq!(outcome(&identity, Algorithm::HS256, &forged).await, "invalid signature");
        }
    }

    #[test]
    fn a_key_of_another_kind_is_named_at_the_start() {
        let env: Environment = [("SOCK_JWT_ALGORITHM", "ES256"), ("SOCK_JWT_PUBLIC_KEY", ED[1])]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let error = Identity::new(IdentityConfig::from_env(&env).unwrap()).unwrap_err();
        insta::assert_snapshot!(error, @"SOCK_JWT_PUBLIC_KEY must be a public key for ES256 in PEM; for example SOCK_JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----…");
    }

    #[test]
    fn a_token_is_found_in_any_header_that_may_hold_it() {
        let token_of = |own: &str, headers: &[(&'static str, &str)]| {
            let identity = identity(&[("SOCK_JWT_SECRET", "x"), ("SOCK_JWT_HEADER", own)]);
            let headers: HeaderMap = headers
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
                .collect();
            identity.token_of(&headers).map(str::to_owned)
        };
        let found = Some("a.b.c".to_owned());
        assert_eq!(
            token_of(
                "X-Auth-Token",
                &[("x-auth-token", "a.b.c"), ("authorization", "Bearer d")]
            ),
            found
        );
        assert_eq!(
            token_of(
                "X-Auth-Token",
                &[("x-auth-token", ""), ("authorization", "bearer a.b.c")]
            ),
            found
        );
        assert_eq!(token_of("Authorization", &[("authorization", "Bearer a.b.c")]), found);
        assert_eq!(token_of("Authorization", &[("authorization", "a.b.c")]), found);
        assert_eq!(token_of("X-Auth-Token", &[("authorization", "Basic a.b.c")]), None);
    }
}
