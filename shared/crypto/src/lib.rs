//! The cryptography of tokens: `jsonwebtoken` verifies and signs with ring, which TLS brings along anyway.
//!
//! The providers that `jsonwebtoken` has would bring a second implementation of every algorithm into each function: a quarter of a megabyte, gzipped, and
//! an RSA with a known weakness (RUSTSEC-2023-0071). This is a crate of its own, because the local stack and the tests sign tokens too, and `cargo lambda
//! build` gives functions each feature of a crate that any member of the workspace asks for.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::EllipticCurve;
use jsonwebtoken::signature::{Error as WrongSignature, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    self, EcdsaKeyPair, EcdsaSigningAlgorithm, Ed25519KeyPair, KeyPair as _, RsaEncoding, RsaKeyPair, RsaParameters,
    RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| signer(*algorithm, key),
    verifier_factory: |algorithm, key| verifier(*algorithm, key),
    // They make a key set from private keys, which only tests do.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |der| {
            let pair = RsaKeyPair::from_der(der).map_err(|_| ErrorKind::InvalidKeyFormat)?;
            let public = PublicKeyComponents::<Vec<u8>>::from(pair.public());
            Ok((public.n, public.e))
        },
        ec_pub_components_from_private_key: |der, algorithm| {
            let (signing, curve) = match algorithm {
                Algorithm::ES384 => (&signature::ECDSA_P384_SHA384_FIXED_SIGNING, EllipticCurve::P384),
                _ => (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, EllipticCurve::P256),
            };
            let pair = EcdsaKeyPair::from_pkcs8(signing, der, &SystemRandom::new());
            let pair = pair.map_err(|_| ErrorKind::InvalidEcdsaKey)?;
            // Not compressed (SEC 1, section 2.3.3): 4, x, y.
            let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
            let (x, y) = point.split_at(point.len() / 2);
            Ok((curve, x.to_vec(), y.to_vec()))
        },
        ed_pub_components_from_private_key: |der, _| Ok(ed25519(der)?.public_key().as_ref().to_vec()),
        rsa_pub_components_from_public_key: |_| Err(ErrorKind::InvalidAlgorithm.into()),
        compute_digest: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
    },
};

fn ed25519(der: &[u8]) -> Result<Ed25519KeyPair, Error> {
    // OpenSSL writes no public key beside the private one, and then there is nothing to check.
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| ErrorKind::InvalidEddsaKey.into())
}

/// Makes ring verify and sign all tokens of this process. Must be called before the first token is verified or signed; further calls change nothing.
pub fn install() {
    // Fails only if a provider was chosen before, which is then the same one.
    PROVIDER.install_default().ok();
}

/// How an algorithm verifies and signs (RFC 7518, section 3.1; RFC 8037, section 3.1).
enum Method {
    Hmac(hmac::Algorithm),
    Rsa(&'static RsaParameters, &'static dyn RsaEncoding),
    Ecdsa(&'static dyn VerificationAlgorithm, &'static EcdsaSigningAlgorithm),
    Ed25519,
}

/// `None` if a later release of the library has an algorithm that we do not know.
fn method(algorithm: Algorithm) -> Option<Method> {
    use signature as by;
    Some(match algorithm {
        Algorithm::HS256 => Method::Hmac(hmac::HMAC_SHA256),
        Algorithm::HS384 => Method::Hmac(hmac::HMAC_SHA384),
        Algorithm::HS512 => Method::Hmac(hmac::HMAC_SHA512),
        Algorithm::RS256 => Method::Rsa(&by::RSA_PKCS1_2048_8192_SHA256, &by::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Method::Rsa(&by::RSA_PKCS1_2048_8192_SHA384, &by::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Method::Rsa(&by::RSA_PKCS1_2048_8192_SHA512, &by::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Method::Rsa(&by::RSA_PSS_2048_8192_SHA256, &by::RSA_PSS_SHA256),
        Algorithm::PS384 => Method::Rsa(&by::RSA_PSS_2048_8192_SHA384, &by::RSA_PSS_SHA384),
        Algorithm::PS512 => Method::Rsa(&by::RSA_PSS_2048_8192_SHA512, &by::RSA_PSS_SHA512),
        Algorithm::ES256 => Method::Ecdsa(&by::ECDSA_P256_SHA256_FIXED, &by::ECDSA_P256_SHA256_FIXED_SIGNING),
        Algorithm::ES384 => Method::Ecdsa(&by::ECDSA_P384_SHA384_FIXED, &by::ECDSA_P384_SHA384_FIXED_SIGNING),
        Algorithm::EdDSA => Method::Ed25519,
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
    fn verify(&self, message: &[u8], signed: &Vec<u8>) -> Result<(), WrongSignature> {
        let verified = match (&self.method, self.key.kind()) {
            (Method::Hmac(algorithm), DecodingKeyKind::SecretOrDer(secret)) => {
                hmac::verify(&hmac::Key::new(*algorithm, secret), message, signed)
            }
            (Method::Rsa(parameters, _), DecodingKeyKind::SecretOrDer(der)) => {
                UnparsedPublicKey::new(*parameters, der).verify(message, signed)
            }
            (Method::Rsa(parameters, _), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(parameters, message, signed)
            }
            (Method::Ecdsa(algorithm, _), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(*algorithm, point).verify(message, signed)
            }
            (Method::Ed25519, DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(&signature::ED25519, point).verify(message, signed)
            }
            (_, DecodingKeyKind::RsaModulusExponent { .. }) => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| WrongSignature::new())
    }
}

impl JwtVerifier for RingVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

struct RingSigner {
    algorithm: Algorithm,
    method: Method,
    key: EncodingKey,
}

fn signer(algorithm: Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    Ok(Box::new(RingSigner {
        algorithm,
        method: method_for(algorithm, key.family())?,
        key: key.clone(),
    }))
}

impl RingSigner {
    fn signature(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let (key, random) = (self.key.as_bytes(), SystemRandom::new());
        let failed = |_| ErrorKind::InvalidKeyFormat;
        Ok(match &self.method {
            Method::Hmac(hash) => hmac::sign(&hmac::Key::new(*hash, key), message).as_ref().to_vec(),
            Method::Rsa(_, encoding) => {
                let pair = RsaKeyPair::from_der(key).map_err(|_| ErrorKind::InvalidKeyFormat)?;
                let mut signed = vec![0; pair.public().modulus_len()];
                pair.sign(*encoding, &random, message, &mut signed).map_err(failed)?;
                signed
            }
            Method::Ecdsa(_, signing) => {
                let pair = EcdsaKeyPair::from_pkcs8(signing, key, &random).map_err(|_| ErrorKind::InvalidEcdsaKey)?;
                pair.sign(&random, message).map_err(failed)?.as_ref().to_vec()
            }
            Method::Ed25519 => ed25519(key)?.sign(message).as_ref().to_vec(),
        })
    }
}

impl Signer<Vec<u8>> for RingSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, WrongSignature> {
        self.signature(message).map_err(WrongSignature::from_source)
    }
}

impl JwtSigner for RingSigner {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::crypto::{sign, verify};

    use super::*;

    const RSA: [&[u8]; 2] = [
        include_bytes!("../../../tests/keys/first.pem"),
        include_bytes!("../../../tests/keys/first.pub.pem"),
    ];
    const ED: [&[u8]; 2] = [
        include_bytes!("../../../tests/keys/ed.pem"),
        include_bytes!("../../../tests/keys/ed.pub.pem"),
    ];

    /// `openssl dgst -sha256 -sign tests/keys/first.pem` of "message", and the same with `-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32`.
    const BY_OPENSSL: [&str; 2] = [
        "e0VGiVsxYFGP_7ZNtklHDTkRleI-LgmiQDdPmSFZIHHMw09OvQzeuCf-nGQc5WFbBtOvxSFXg0Cjt3rTeRp5XBaq9QteGE2XbpzYFKA9P1bqJSjk2D4aQKOsDVrt8a0nIHZmLX155EvbZ6laX_MbJLMpGjEjMWTaUKf0bS9ZHeBXUMc8btCnWP-cisKxz1ER9fpd33fstT3EHxjNz8KIottlavKoIitBSPWVJpxlxI0xVEfebT7GTNh39CQxqAM8WeNvZPi9Q27zbxAzLw8nMGFqNCSVGF-2YPLr6S7gg6iTOk9B8qM7akpVLeIhvzlvlji3Zq85J95ooLet8pOs9A",
        "UaW23hemAFIItDiaElCBr64lfyubfCXm5JEUczQLZPv3d5g_UOz6wkSiheeiKKNJEiR6adv-1Oil8h3xgMbJTyINGaxXAedLxJ2SH6FfXr4m5UQKkQj6cG12QyzuiTnsmdh1DDydjCMA-pDmbyy96TaXA31MsOn1K9LY8rsbSD2iK-tj-f37tshLOVN6WuZgO4-vVLHNE56dU2YXk7VfDu1Q3nbjiikJ_VOxNdyi6487Bt5cluaBrRZ2MZxp6g5uTJteYdWgZVJWte-AouUZ_lRo0QF6IYbSXGGS49UlbSib3Og1h5CvuhygDU_TLd6CvHePI1B7l79dJypFpxU75A",
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
    fn what_others_have_signed_is_good() {
        install();
        // RFC 7515, appendices A.1 and A.3; RFC 8037, appendix A.4; the last two signed by OpenSSL with the key in tests/keys.
        let joe = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ+EstJQLr/T+1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow==";
        let point = [
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        ];
        let edwards = DecodingKey::from_ed_components("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
        let rsa = DecodingKey::from_rsa_pem(RSA[1]).unwrap();
        let cases = [
            (
                Algorithm::HS256,
                DecodingKey::from_base64_secret(secret).unwrap(),
                format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{joe}"),
                "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
            ),
            (
                Algorithm::ES256,
                DecodingKey::from_ec_components(point[0], point[1]).unwrap(),
                format!("eyJhbGciOiJFUzI1NiJ9.{joe}"),
                "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
            (
                Algorithm::EdDSA,
                edwards,
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc".to_owned(),
                "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
            (Algorithm::RS256, rsa.clone(), "message".to_owned(), BY_OPENSSL[0]),
            (Algorithm::PS256, rsa, "message".to_owned(), BY_OPENSSL[1]),
        ];
        for (algorithm, key, message, signature) in cases {
            assert!(
                verify(signature, message.as_bytes(), &key, algorithm).unwrap(),
                "{algorithm:?}"
            );
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
