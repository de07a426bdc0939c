//! Verifies tokens with ring, which TLS brings along anyway.
//!
//! The providers that `jsonwebtoken` has would bring a second implementation of every algorithm into each function: half a megabyte, and an RSA with
//! a known weakness (RUSTSEC-2023-0071).

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as WrongSignature, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| signer(*algorithm, key),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    #[cfg(not(test))]
    key_utils: KeyUtils::new_unimplemented(),
    // They make a key set from private keys, which only tests do.
    #[cfg(test)]
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: OTHER.key_utils.rsa_pub_components_from_private_key,
        rsa_pub_components_from_public_key: OTHER.key_utils.rsa_pub_components_from_public_key,
        ec_pub_components_from_private_key: OTHER.key_utils.ec_pub_components_from_private_key,
        ed_pub_components_from_private_key: OTHER.key_utils.ed_pub_components_from_private_key,
        compute_digest: OTHER.key_utils.compute_digest,
    },
};

/// Another implementation, with which tests sign, so that ring does not agree with itself alone.
#[cfg(test)]
static OTHER: &CryptoProvider = &jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER;

/// Makes ring verify all tokens of this process. Must be called before the first token is verified or signed; further calls change nothing.
pub(crate) fn install() {
    // Fails only if a provider was chosen before, which is then the same one.
    PROVIDER.install_default().ok();
}

/// How an algorithm verifies (RFC 7518, section 3.1; RFC 8037, section 3.1).
enum Method {
    Hmac(hmac::Algorithm),
    Rsa(&'static RsaParameters),
    /// On a curve; the signature has a fixed length.
    Curve(&'static dyn VerificationAlgorithm),
}

/// `None` if a later release of the library has an algorithm that we do not know.
fn method(algorithm: Algorithm) -> Option<Method> {
    Some(match algorithm {
        Algorithm::HS256 => Method::Hmac(hmac::HMAC_SHA256),
        Algorithm::HS384 => Method::Hmac(hmac::HMAC_SHA384),
        Algorithm::HS512 => Method::Hmac(hmac::HMAC_SHA512),
        Algorithm::RS256 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Method::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Method::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
        Algorithm::ES256 => Method::Curve(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Method::Curve(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::EdDSA => Method::Curve(&signature::ED25519),
        _ => return None,
    })
}

struct RingVerifier {
    algorithm: Algorithm,
    method: Method,
    key: DecodingKey,
}

/// Refuses a key of another family: a public key must never verify as a secret.
fn verifier(algorithm: Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    Ok(Box::new(RingVerifier {
        algorithm,
        method: method_for(algorithm, key.family())?,
        key: key.clone(),
    }))
}

fn method_for(algorithm: Algorithm, key: AlgorithmFamily) -> Result<Method, Error> {
    if algorithm.family() != key {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    method(algorithm).ok_or_else(|| ErrorKind::InvalidAlgorithm.into())
}

impl Verifier<Vec<u8>> for RingVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), WrongSignature> {
        let verified = match (&self.method, self.key.kind()) {
            (Method::Hmac(algorithm), DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(*algorithm, secret), message, signature)
            }
            (Method::Rsa(parameters), DecodingKeyKind::SecretOrDer(der)) => {
                UnparsedPublicKey::new(*parameters, der).verify(message, signature)
            }
            (Method::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Method::Curve(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            (Method::Hmac(_) | Method::Curve(_), DecodingKeyKind::RsaModulusExponent { .. }) => {
                Err(ring::error::Unspecified)
            }
        };
        verified.map_err(|_| WrongSignature::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct HmacSigner {
    algorithm: Algorithm,
    key: hmac::Key,
}

/// Signs with a secret, as the function `check` does.
fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    match method_for(algorithm, key.family())? {
        Method::Hmac(hash) => Ok(Box::new(HmacSigner {
            algorithm,
            key: hmac::Key::new(hash, key.as_bytes()),
        })),
        #[cfg(test)]
        _ => (OTHER.signer_factory)(&algorithm, key),
        #[cfg(not(test))]
        _ => Err(ErrorKind::InvalidAlgorithm.into()),
    }
}

impl Signer<Vec<u8>> for HmacSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, WrongSignature> {
        Ok(hmac::sign(&self.key, message).as_ref().to_vec())
    }
}

impl JwtSigner for HmacSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::{sign, verify};

    use super::*;

    const RSA: [&[u8]; 2] = [
        include_bytes!("../../../../tests/keys/first.pem"),
        include_bytes!("../../../../tests/keys/first.pub.pem"),
    ];
    const ED: [&[u8]; 2] = [
        include_bytes!("../../../../tests/keys/ed.pem"),
        include_bytes!("../../../../tests/keys/ed.pub.pem"),
    ];

    fn secret() -> (EncodingKey, DecodingKey) {
        (EncodingKey::from_secret(b"secret"), DecodingKey::from_secret(b"secret"))
    }

    fn curve(algorithm: &'static rcgen::SignatureAlgorithm) -> (EncodingKey, DecodingKey) {
        let pair = rcgen::KeyPair::generate_for(algorithm).unwrap();
        (
            EncodingKey::from_ec_pem(pair.serialize_pem().as_bytes()).unwrap(),
            DecodingKey::from_ec_pem(pair.public_key_pem().as_bytes()).unwrap(),
        )
    }

    fn keys(algorithm: Algorithm) -> (EncodingKey, DecodingKey) {
        match algorithm {
            Algorithm::ES256 => curve(&rcgen::PKCS_ECDSA_P256_SHA256),
            Algorithm::ES384 => curve(&rcgen::PKCS_ECDSA_P384_SHA384),
            Algorithm::EdDSA => (
                EncodingKey::from_ed_pem(ED[0]).unwrap(),
                DecodingKey::from_ed_pem(ED[1]).unwrap(),
            ),
            _ if algorithm.family() == AlgorithmFamily::Hmac => secret(),
            _ => (
                EncodingKey::from_rsa_pem(RSA[0]).unwrap(),
                DecodingKey::from_rsa_pem(RSA[1]).unwrap(),
            ),
        }
    }

    #[test]
    fn every_algorithm_takes_what_it_signed_and_nothing_else() {
        use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512, PS256, PS384, PS512, RS256, RS384, RS512};
        install();
        for algorithm in [
            HS256, HS384, HS512, RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA,
        ] {
            let (private, public) = keys(algorithm);
            let signature = sign(b"message", &private, algorithm).unwrap();
            assert!(
                verify(&signature, b"message", &public, algorithm).unwrap(),
                "{algorithm:?}"
            );
            for (other, message) in [
                (signature.as_str(), &b"massage"[..]),
                ("", b"message"),
                ("AAAA", b"message"),
            ] {
                assert!(!verify(other, message, &public, algorithm).unwrap(), "{algorithm:?}");
            }
            let wrong = if algorithm.family() == AlgorithmFamily::Hmac {
                keys(EdDSA).1
            } else {
                secret().1
            };
            assert!(
                verify(&signature, b"message", &wrong, algorithm).is_err(),
                "{algorithm:?}"
            );
        }
    }
}
