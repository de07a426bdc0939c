//! Who a request comes from: the platform's tokens, and the sites by host. Functions verify tokens and sign none.

pub(crate) mod key_set;
mod public_key;

use std::time::Duration;

use http::HeaderMap;
use http::header::{AUTHORIZATION, HOST};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation};
use serde_json::{Map, Value};

use self::key_set::KeySet;
use self::public_key::public_key;
use crate::config::{ConfigError, IdentityConfig, KeySource};
use crate::domain::{Domain, Id, Principal, TopicClaim, User};
use crate::error::ApiError;
use crate::wire;

/// Tells the user and site of requests.
#[derive(Debug)]
pub struct Identity {
    config: IdentityConfig,
    keys: Keys,
    validation: Validation,
}

#[derive(Debug)]
enum Keys {
    Fixed(Vec<DecodingKey>),
    Set(Box<KeySet>),
}

/// The user of a good token, and what else the token says.
#[derive(Debug)]
struct Bearer {
    id: Id,
    topics: TopicClaim,
    until_ms: Option<u64>,
    issued_ms: Option<u64>,
}

impl Bearer {
    /// The same user at a site.
    fn at(self, domain: Domain) -> Principal {
        let Self {
            id,
            topics,
            until_ms,
            issued_ms,
        } = self;
        Principal {
            user: User { domain, id },
            topics,
            until_ms,
            issued_ms,
        }
    }
}

/// What a good token says.
type Claims = Map<String, Value>;

/// The topics that the token names, as strings or numbers; anything else names none.
fn topics(claims: &Claims) -> TopicClaim {
    let items = claims.get("topics").and_then(Value::as_array).into_iter().flatten();
    TopicClaim::new(items.filter_map(|item| match item {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }))
}

/// A `NumericDate` (RFC 7519, section 2), whose fraction is rounded as the library does where it compares it.
fn seconds(date: &Value) -> Option<u64> {
    let rounded = |seconds: f64| Some(Duration::try_from_secs_f64(seconds.round()).ok()?.as_secs());
    date.as_u64().or_else(|| date.as_f64().and_then(rounded))
}

/// The same in milliseconds, with its fraction: `iat` is compared with a time in milliseconds.
fn milliseconds(date: &Value) -> Option<u64> {
    let precise = |seconds: f64| u64::try_from(Duration::try_from_secs_f64(seconds).ok()?.as_millis()).ok();
    let whole = date.as_u64().map(|seconds| seconds.saturating_mul(1_000));
    whole.or_else(|| date.as_f64().and_then(precise))
}

impl Identity {
    /// Prepares the keys, and warns of weak ones.
    ///
    /// # Errors
    /// If the public key does not belong to the algorithm or is too short, or the key set has no usable address.
    pub fn new(config: IdentityConfig) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        crypto::install();
        let keys = match &config.key {
            KeySource::Secret { current, previous } => {
                warn_of_short("SOCK_JWT_SECRET", Some(current), config.algorithm);
                warn_of_short("SOCK_JWT_SECRET_PREVIOUS", previous.as_ref(), config.algorithm);
                let secrets = std::iter::once(current).chain(previous);
                Keys::Fixed(
                    secrets
                        .map(|secret| DecodingKey::from_secret(secret.as_bytes()))
                        .collect(),
                )
            }
            KeySource::PublicKey(pem) => {
                let key = public_key(pem, config.algorithm);
                Keys::Fixed(vec![key.ok_or_else(|| ConfigError::public_key(config.algorithm))?])
            }
            KeySource::KeySet(url) => Keys::Set(Box::new(KeySet::new(url, config.algorithm)?)),
        };
        let validation = validation(&config);
        Ok(Self {
            config,
            keys,
            validation,
        })
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
        let bearer = self.verify(token).await?;
        let domain = self.domain(headers).clone();
        Ok(bearer.at(domain))
    }

    /// Whose token this is, given for the connection of `owner`; the site stays.
    ///
    /// # Errors
    /// As [`Identity::of_headers`]; [`ApiError::Forbidden`] if it is another user's.
    pub async fn renewed(&self, token: &str, owner: &User) -> Result<Principal, ApiError> {
        let bearer = self.verify(token).await?;
        if bearer.id != owner.id {
            return Err(ApiError::Forbidden("This token is another user's"));
        }
        Ok(bearer.at(owner.domain.clone()))
    }

    fn domain(&self, headers: &HeaderMap) -> &Domain {
        let host = headers.get(HOST).and_then(|host| host.to_str().ok());
        self.config.sites.of_host(host.unwrap_or_default())
    }

    async fn verify(&self, token: &str) -> Result<Bearer, ApiError> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| ApiError::TokenMalformed)?;
        if header.crit.is_some() {
            // Whoever does not understand what is critical must refuse the token, and we understand no extension (RFC 7515, section 4.1.11).
            return Err(ApiError::TokenMalformed);
        }
        if header.alg != self.config.algorithm {
            return Err(ApiError::TokenSignature);
        }
        let claims = match &self.keys {
            Keys::Fixed(keys) => self.claims(token, keys),
            Keys::Set(keys) => self.claims_by_set(token, &header, keys).await,
        }?;
        let name = &self.config.user_claim;
        let user = claims.get(name).filter(|user| !user.is_null());
        let id = wire::id_from_json(user.ok_or(ApiError::TokenWithoutUser)?);
        let id = id.map_err(|reason| ApiError::TokenUserId {
            claim: name.clone(),
            reason,
        })?;
        let seconds = claims.get("exp").and_then(seconds);
        let until_ms = seconds.map(|seconds| seconds.saturating_add(self.config.leeway_s).saturating_mul(1_000));
        Ok(Bearer {
            id,
            topics: topics(&claims),
            until_ms,
            issued_ms: claims.get("iat").and_then(milliseconds),
        })
    }

    /// The claims of a token that one of these keys signed.
    fn claims<'a>(&self, token: &str, keys: impl IntoIterator<Item = &'a DecodingKey>) -> Result<Claims, ApiError> {
        for key in keys {
            match jsonwebtoken::decode::<Claims>(token, key, &self.validation) {
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

/// What a token must say beside its signature (RFC 7519, section 4.1).
fn validation(config: &IdentityConfig) -> Validation {
    let mut validation = Validation::new(config.algorithm);
    validation.required_spec_claims.clear();
    validation.validate_nbf = true;
    validation.leeway = config.leeway_s;
    if !config.issuers.is_empty() {
        validation.set_issuer(&config.issuers);
        validation.required_spec_claims.insert("iss".to_owned());
    }
    // Else a token may be for anyone.
    validation.validate_aud = !config.audiences.is_empty();
    if validation.validate_aud {
        validation.set_audience(&config.audiences);
        validation.required_spec_claims.insert("aud".to_owned());
    }
    validation
}

/// The text after the scheme `Bearer` (RFC 6750, section 2.1).
pub(super) fn bearer(value: &str) -> Option<&str> {
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
        ErrorKind::InvalidIssuer => ApiError::TokenNotForUs("issuer"),
        ErrorKind::MissingRequiredClaim(claim) if claim == "iss" => ApiError::TokenNotForUs("issuer"),
        // We require no other claims than these two.
        ErrorKind::InvalidAudience | ErrorKind::MissingRequiredClaim(_) => ApiError::TokenNotForUs("audience"),
        _ => ApiError::TokenSignature,
    }
}

/// The length of a number, written with the most significant byte first.
fn bits(number: &[u8]) -> usize {
    let mut digits = number.iter().skip_while(|byte| **byte == 0).peekable();
    let unused = digits.peek().map_or(0, |first| first.leading_zeros());
    (digits.count() * 8).saturating_sub(unused.try_into().unwrap_or_default())
}

/// Warns, once in each process, of a secret that is shorter than the hash that it is for (RFC 7518, section 3.2).
fn warn_of_short(variable: &'static str, secret: Option<&String>, algorithm: Algorithm) {
    let bytes = match algorithm {
        Algorithm::HS512 => 64,
        Algorithm::HS384 => 48,
        _ => 32,
    };
    if secret.is_some_and(|secret| secret.len() < bytes) {
        tracing::warn!(
            variable,
            "the secret should have {bytes} bytes, as {algorithm:?} has, or more"
        );
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

    const SECRET: &str = "a secret of thirty-two bytes, or more";

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
            .map_or_else(|error| error.to_string(), |bearer| bearer.id.to_string())
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
    fn a_key_of_another_kind_or_curve_is_named_at_the_start() {
        let refused = |algorithm: &str, key: &str| {
            let env: Environment = [("SOCK_JWT_ALGORITHM", algorithm), ("SOCK_JWT_PUBLIC_KEY", key)]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            Identity::new(IdentityConfig::from_env(&env).unwrap()).unwrap_err()
        };
        insta::assert_snapshot!(refused("ES256", ED[1]), @"SOCK_JWT_PUBLIC_KEY must be a public key for ES256 in PEM; for example SOCK_JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----…");
        insta::assert_snapshot!(refused("ES384", EC[1]), @"SOCK_JWT_PUBLIC_KEY must be a public key for ES384 in PEM; for example SOCK_JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----…");
    }

    #[test]
    fn a_token_is_found_in_any_header_that_may_hold_it() {
        let token_of = |own: &str, headers: &[(&'static str, &str)]| {
            let identity = identity(&[("SOCK_JWT_SECRET", SECRET), ("SOCK_JWT_HEADER", own)]);
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

    /// What becomes of a token with these claims, which this secret signs.
    async fn said(identity: &Identity, secret: &str, claims: &Value) -> String {
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &key).unwrap();
        match identity.verify(&token).await {
            Ok(bearer) => bearer.id.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn a_token_of_elsewhere_is_refused() {
        let identity = identity(&[
            ("SOCK_JWT_SECRET", SECRET),
            ("SOCK_JWT_ISSUER", "https://id.a.com/, https://id.b.com/"),
            ("SOCK_JWT_AUDIENCE", "chat"),
        ]);
        let claims = [
            json!({"iss": "https://id.a.com/", "aud": "chat"}),
            json!({"iss": "https://id.b.com/", "aud": ["shop", "chat"]}),
            json!({"iss": "https://id.c.com/", "aud": "chat"}),
            json!({"iss": "https://id.a.com", "aud": "chat"}),
            json!({"iss": null, "aud": "chat"}),
            json!({"iss": 7, "aud": "chat"}),
            json!({"aud": "chat"}),
            json!({"iss": "https://id.a.com/", "aud": "shop"}),
            json!({"iss": "https://id.a.com/", "aud": ["shop"]}),
            json!({"iss": "https://id.a.com/", "aud": []}),
            json!({"iss": "https://id.a.com/", "aud": {"chat": "chat"}}),
            json!({"iss": "https://id.a.com/"}),
        ];
        let mut lines = Vec::new();
        for claims in claims {
            let mut whole = claims.clone();
            whole["user_id"] = json!("ann");
            lines.push(format!("{claims}: {}", said(&identity, SECRET, &whole).await));
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"aud":"chat","iss":"https://id.a.com/"}: ann
        {"aud":["shop","chat"],"iss":"https://id.b.com/"}: ann
        {"aud":"chat","iss":"https://id.c.com/"}: jwt issuer invalid
        {"aud":"chat","iss":"https://id.a.com"}: jwt issuer invalid
        {"aud":"chat","iss":null}: jwt issuer invalid
        {"aud":"chat","iss":7}: jwt issuer invalid
        {"aud":"chat"}: jwt issuer invalid
        {"aud":"shop","iss":"https://id.a.com/"}: jwt audience invalid
        {"aud":["shop"],"iss":"https://id.a.com/"}: jwt audience invalid
        {"aud":[],"iss":"https://id.a.com/"}: jwt audience invalid
        {"aud":{"chat":"chat"},"iss":"https://id.a.com/"}: jwt audience invalid
        {"iss":"https://id.a.com/"}: jwt audience invalid
        "#);
    }

    #[tokio::test]
    async fn the_secret_before_still_verifies() {
        let before = "another secret, which was used until now";
        let both = identity(&[("SOCK_JWT_SECRET", SECRET), ("SOCK_JWT_SECRET_PREVIOUS", before)]);
        let one = identity(&[("SOCK_JWT_SECRET", SECRET)]);
        let ann = json!({"user_id": "ann"});
        for (identity, secret, expected) in [
            (&both, SECRET, "ann"),
            (&both, before, "ann"),
            (&both, "a third secret, which is nobody's at all", "invalid signature"),
            (&one, before, "invalid signature"),
        ] {
            assert_eq!(said(identity, secret, &ann).await, expected);
        }
        let expired = json!({"user_id": "ann", "exp": 1_000_000_000});
        assert_eq!(said(&both, before, &expired).await, "jwt expired");
    }

    #[tokio::test]
    async fn another_claim_may_name_the_user() {
        let identity = identity(&[("SOCK_JWT_SECRET", SECRET), ("SOCK_JWT_USER_CLAIM", "sub")]);
        let mut lines = Vec::new();
        for claims in [
            json!({"sub": "auth0|7", "user_id": 5}),
            json!({"user_id": 5}),
            json!({"sub": "05"}),
        ] {
            lines.push(format!("{claims}: {}", said(&identity, SECRET, &claims).await));
        }
        insta::assert_snapshot!(lines.join("\n"), @r#"
        {"sub":"auth0|7","user_id":5}: auth0|7
        {"user_id":5}: Incorrect token - please try a different one
        {"sub":"05"}: Incorrect token - its sub must not have leading zeros
        "#);
    }

    #[tokio::test]
    async fn clocks_may_differ_by_the_leeway() {
        let now = jsonwebtoken::get_current_timestamp();
        let wide = identity(&[("SOCK_JWT_SECRET", SECRET), ("SOCK_JWT_LEEWAY", "300")]);
        let none = identity(&[("SOCK_JWT_SECRET", SECRET), ("SOCK_JWT_LEEWAY", "0")]);
        for (claim, at, refusal) in [("exp", now - 150, "jwt expired"), ("nbf", now + 150, "jwt not active")] {
            let claims = json!({"user_id": "ann", claim: at});
            assert_eq!(said(&wide, SECRET, &claims).await, "ann");
            assert_eq!(said(&none, SECRET, &claims).await, refusal);
        }
        let long_ago = json!({"user_id": "ann", "exp": now - 600});
        assert_eq!(said(&wide, SECRET, &long_ago).await, "jwt expired");
    }

    #[tokio::test]
    async fn a_token_that_is_critical_of_something_is_refused() {
        let identity = identity(&[("SOCK_JWT_SECRET", SECRET)]);
        let key = EncodingKey::from_secret(SECRET.as_bytes());
        for crit in [vec![], vec!["exp".to_owned()], vec!["b64".to_owned()]] {
            let mut header = Header::new(Algorithm::HS256);
            header.crit = Some(crit);
            let token = jsonwebtoken::encode(&header, &json!({"user_id": "ann"}), &key).unwrap();
            let refusal = identity.verify(&token).await.unwrap_err();
            assert!(matches!(refusal, ApiError::TokenMalformed), "{refusal}");
        }
    }

    #[test]
    fn an_rsa_key_has_2048_to_8192_bits() {
        for (modulus, expected) in [(vec![0, 0x80], 8), (vec![0x7f, 0], 15), (vec![0, 0], 0), (vec![], 0)] {
            assert_eq!(bits(&modulus), expected);
        }
        let short = include_str!("../../../tests/keys/short.pub.pem");
        let long = include_str!("../../../tests/keys/long.pub.pem");
        for key in [short, long] {
            let env: Environment = [("SOCK_JWT_ALGORITHM", "PS256"), ("SOCK_JWT_PUBLIC_KEY", key)]
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            let error = Identity::new(IdentityConfig::from_env(&env).unwrap()).unwrap_err();
            let expected = "SOCK_JWT_PUBLIC_KEY must be a public key for PS256 in PEM, of 2048 to 8192 bits; \
                            for example SOCK_JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----…";
            assert_eq!(error.to_string(), expected);
        }
    }

    #[tokio::test]
    async fn a_token_tells_until_when_it_is_good() {
        let until = async |leeway: &str, exp: Option<Value>| {
            let identity = identity(&[("SOCK_JWT_SECRET", SECRET), ("SOCK_JWT_LEEWAY", leeway)]);
            let key = EncodingKey::from_secret(SECRET.as_bytes());
            let mut claims = json!({"user_id": 7});
            if let Some(exp) = exp {
                claims["exp"] = exp;
            }
            let token = jsonwebtoken::encode(&Header::default(), &claims, &key).unwrap();
            identity.verify(&token).await.unwrap().until_ms
        };
        assert_eq!(
            until("5", Some(json!(4_102_444_800_u64))).await,
            Some(4_102_444_805_000)
        );
        assert_eq!(until("0", Some(json!(4_102_444_800.5))).await, Some(4_102_444_801_000));
        assert_eq!(until("0", Some(json!(u64::MAX))).await, Some(u64::MAX));
        assert_eq!(until("5", None).await, None);
    }
}
