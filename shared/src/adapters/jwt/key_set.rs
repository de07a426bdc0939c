//! The platform's key set (RFC 7517), kept between requests.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::Method;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::sync::RwLock;
use tokio::time::Instant;

use super::super::http_client::{Address, HttpClient, InvalidAddress, NoAnswer, OtherForm};
use super::bits;
use crate::config::RSA_BITS;
use crate::ports::Unavailable;

/// How long a key set is believed before it is asked for again.
const AGE: Duration = Duration::from_mins(10);
/// How long we wait between two requests for the key set that tokens with unknown keys cause.
const PAUSE: Duration = Duration::from_secs(10);
/// How long the key set may take to come.
const TIMEOUT: Duration = Duration::from_secs(3);
/// How many keys of a set are used, so that a bad token costs a bounded time. Platforms publish two or three.
const KEYS_MAX: usize = 100;

/// The key set at an address.
#[derive(Debug)]
pub(super) struct KeySet {
    address: Address,
    algorithm: Algorithm,
    client: HttpClient,
    kept: RwLock<Kept>,
}

#[derive(Clone, Debug, Default)]
struct Kept {
    keys: Option<Arc<PublicKeys>>,
    fetched: Option<Instant>,
    tried: Option<Instant>,
}

impl KeySet {
    /// Prepares the client; nothing is asked yet.
    pub(super) fn new(url: &str, algorithm: Algorithm) -> Result<Self, InvalidAddress> {
        Ok(Self {
            address: Address::new(url)?,
            algorithm,
            client: HttpClient::new(TIMEOUT, None),
            kept: RwLock::default(),
        })
    }

    /// The keys. Old ones are asked for again, and stay good while the platform does not answer.
    ///
    /// # Errors
    /// If there are no keys yet and the platform does not give any.
    pub(super) async fn current(&self) -> Result<Arc<PublicKeys>, Unavailable> {
        let Kept { keys, fetched, tried } = self.kept.read().await.clone();
        let Some(keys) = keys else { return self.fetch().await };
        if is_younger(fetched, AGE) || is_younger(tried, PAUSE) {
            return Ok(keys);
        }
        Ok(self.fetch().await.unwrap_or(keys))
    }

    /// The keys as they are now; `None` if the platform was asked a moment ago.
    pub(super) async fn newer(&self) -> Option<Result<Arc<PublicKeys>, Unavailable>> {
        let tried = self.kept.read().await.tried;
        if is_younger(tried, PAUSE) {
            return None;
        }
        Some(self.fetch().await)
    }

    async fn fetch(&self) -> Result<Arc<PublicKeys>, Unavailable> {
        self.kept.write().await.tried = Some(Instant::now());
        let body = self.ask().await.map_err(|error| Unavailable::new("key set", error))?;
        let keys = PublicKeys::parse(&body, self.algorithm).map_err(|error| Unavailable::new("key set", error))?;
        let keys = Arc::new(keys);
        let mut kept = self.kept.write().await;
        kept.fetched = Some(Instant::now());
        kept.keys = Some(Arc::clone(&keys));
        Ok(keys)
    }

    async fn ask(&self) -> Result<Bytes, NoAnswer> {
        let request = self.address.request(Method::GET, "").body(Bytes::new())?;
        self.client.ask(request).await
    }
}

fn is_younger(instant: Option<Instant>, age: Duration) -> bool {
    instant.is_some_and(|instant| instant.elapsed() < age)
}

/// The keys of a set that can have signed a token.
#[derive(Debug)]
pub(crate) struct PublicKeys(Vec<(Option<String>, DecodingKey)>);

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

impl PublicKeys {
    /// Reads a set. An entry that cannot be used is skipped and costs the others nothing.
    pub(crate) fn parse(json: &[u8], algorithm: Algorithm) -> Result<Self, OtherForm> {
        let set: Set<'_> = serde_json::from_slice(json)?;
        let key = |entry: &RawValue| {
            let jwk: Jwk = serde_json::from_str(entry.get()).ok()?;
            if !signs_with(&jwk, algorithm) {
                return None;
            }
            let key = DecodingKey::from_jwk(&jwk).ok()?;
            Some((jwk.common.key_id, key))
        };
        Ok(Self(set.keys.into_iter().filter_map(key).take(KEYS_MAX).collect()))
    }

    /// The keys with the token's `kid`; all keys for a token without one.
    pub(super) fn fitting(&self, header: &Header) -> impl Iterator<Item = &DecodingKey> {
        let kid = header.kid.clone();
        let fits = move |name: &Option<String>| kid.is_none() || *name == kid;
        self.0.iter().filter(move |(name, _)| fits(name)).map(|(_, key)| key)
    }
}

/// Whether the key is there to verify signatures of this algorithm.
fn signs_with(jwk: &Jwk, algorithm: Algorithm) -> bool {
    let common = &jwk.common;
    let may_verify = |operations: &Vec<KeyOperations>| operations.contains(&KeyOperations::Verify);
    common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(may_verify)
        && common
            .key_algorithm
            .is_none_or(|given| given == KeyAlgorithm::from(algorithm))
        && is_key_of(&jwk.algorithm, algorithm)
}

fn is_key_of(parameters: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match (parameters, algorithm) {
        (AlgorithmParameters::RSA(rsa), RS256 | RS384 | RS512 | PS256 | PS384 | PS512) => {
            let modulus = URL_SAFE_NO_PAD.decode(&rsa.n);
            modulus.is_ok_and(|modulus| RSA_BITS.contains(&bits(&modulus)))
        }
        (AlgorithmParameters::EllipticCurve(ec), ES256) => ec.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(ec), ES384) => ec.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(pair), EdDSA) => pair.curve == EllipticCurve::Ed25519,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::EncodingKey;
    use serde_json::{Value, json};

    use super::*;

    const FIRST: &str = include_str!("../../../../tests/keys/first.pem");
    const EC: &str = include_str!("../../../../tests/keys/ec.pem");

    fn rsa() -> Value {
        crypto::install();
        let key = EncodingKey::from_rsa_pem(FIRST.as_bytes()).unwrap();
        let mut jwk = serde_json::to_value(Jwk::from_encoding_key(&key, Algorithm::RS256).unwrap()).unwrap();
        jwk["kid"] = json!("a");
        jwk
    }

    fn changed(field: &str, value: Value) -> Value {
        let mut jwk = rsa();
        jwk[field] = value;
        jwk
    }

    fn usable(entry: &Value) -> usize {
        let set = json!({"keys": [null, entry, 7]}).to_string();
        PublicKeys::parse(set.as_bytes(), Algorithm::RS256).unwrap().0.len()
    }

    #[test]
    fn an_entry_that_cannot_be_used_is_skipped() {
        let short = URL_SAFE_NO_PAD.encode(vec![0xff; RSA_BITS.start() / 8 - 1]);
        let barely_short = URL_SAFE_NO_PAD.encode([vec![0x7f], vec![0xff; RSA_BITS.start() / 8 - 1]].concat());
        let barely_long = URL_SAFE_NO_PAD.encode([vec![1], vec![0xff; RSA_BITS.end() / 8]].concat());
        let ec = EncodingKey::from_ec_pem(EC.as_bytes()).unwrap();
        let ec = serde_json::to_value(Jwk::from_encoding_key(&ec, Algorithm::ES256).unwrap()).unwrap();
        let unusable = [
            changed("kid", json!(7)),
            changed("kty", json!("NEW")),
            changed("use", json!("enc")),
            changed("alg", json!("RS512")),
            changed("alg", json!("RSA-OAEP")),
            changed("alg", json!("NEW")),
            changed("key_ops", json!(["encrypt"])),
            changed("n", json!("!")),
            changed("n", json!(short)),
            changed("n", json!(barely_short)),
            changed("n", json!(barely_long)),
            changed("n", json!(null)),
            ec,
        ];
        for entry in unusable {
            assert_eq!(usable(&entry), 0, "{entry}");
        }
        for entry in [
            rsa(),
            changed("use", json!("sig")),
            changed("key_ops", json!(["verify"])),
        ] {
            assert_eq!(usable(&entry), 1, "{entry}");
        }
        let mut bare = rsa();
        for field in ["kid", "use", "alg", "key_ops"] {
            bare.as_object_mut().unwrap().remove(field);
        }
        assert_eq!(usable(&bare), 1);
    }

    #[test]
    fn a_token_without_a_name_fits_all_keys_and_another_the_keys_of_its_name() {
        let set = json!({"keys": [rsa(), changed("kid", json!("b")), rsa(), changed("kid", json!(null))]}).to_string();
        let keys = PublicKeys::parse(set.as_bytes(), Algorithm::RS256).unwrap();
        let fitting = |kid: Option<&str>| {
            let mut header = Header::new(Algorithm::RS256);
            header.kid = kid.map(str::to_owned);
            keys.fitting(&header).count()
        };
        assert_eq!(
            [
                fitting(None),
                fitting(Some("a")),
                fitting(Some("b")),
                fitting(Some("c"))
            ],
            [4, 2, 1, 0]
        );
    }

    #[test]
    fn a_key_of_any_shape_is_no_panic() {
        crypto::install();
        let odd = |x: &str| json!({"keys": [{"kty": "EC", "crv": "P-256", "x": x, "y": x}]}).to_string();
        for x in ["", "AA", &"A".repeat(43), &"A".repeat(4_000)] {
            let keys = PublicKeys::parse(odd(x).as_bytes(), Algorithm::ES256).unwrap();
            for key in keys.fitting(&Header::new(Algorithm::ES256)) {
                let token = "eyJhbGciOiJFUzI1NiJ9.e30.AA";
                assert!(
                    jsonwebtoken::decode::<Value>(token, key, &jsonwebtoken::Validation::new(Algorithm::ES256))
                        .is_err()
                );
            }
        }
        for json in ["", "[]", r#"{"keys":{}}"#, r#"{"keys":null}"#] {
            assert!(PublicKeys::parse(json.as_bytes(), Algorithm::ES256).is_err(), "{json}");
        }
    }
}
