//! The platform's public key, as a text in PEM (RFC 7468).
//!
//! `jsonwebtoken` reads the same texts, with libraries for all of ASN.1 and for times: 30 kB of each function, gzipped.

use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey};
use pkcs1::RsaPublicKey;
use spki::der::Decode as _;
use spki::{ObjectIdentifier, SubjectPublicKeyInfoRef};

use super::bits;
use crate::config::RSA_BITS;

/// RFC 3279, section 2.3.1.
const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
/// RFC 5480, section 2.1.1.
const ELLIPTIC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
/// RFC 5480, section 2.1.1.1: `secp256r1`.
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 5480, section 2.1.1.1: `secp384r1`.
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");
/// RFC 8410, section 3.
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The key in this text, which may also be in PKCS #1; none if it does not belong to the algorithm, or is an RSA key of other
/// lengths than [`RSA_BITS`].
pub(super) fn public_key(text: &str, algorithm: Algorithm) -> Option<DecodingKey> {
    let pem = pem::parse(text).ok()?;
    let info = match pem.tag() {
        "PUBLIC KEY" => SubjectPublicKeyInfoRef::from_der(pem.contents()).ok()?,
        "RSA PUBLIC KEY" if algorithm.family() == AlgorithmFamily::Rsa => return rsa(pem.contents()),
        _ => return None,
    };
    let bytes = info.subject_public_key.as_bytes()?;
    let curve = || info.algorithm.parameters_oid().ok();
    match (algorithm, algorithm.family(), info.algorithm.oid) {
        (_, AlgorithmFamily::Rsa, RSA) => rsa(bytes),
        (Algorithm::ES256, _, ELLIPTIC) if curve() == Some(P256) => point(bytes, 65),
        (Algorithm::ES384, _, ELLIPTIC) if curve() == Some(P384) => point(bytes, 97),
        (Algorithm::EdDSA, _, ED25519) => Some(DecodingKey::from_ed_der(bytes)),
        _ => None,
    }
}

fn rsa(der: &[u8]) -> Option<DecodingKey> {
    let key = RsaPublicKey::from_der(der).ok()?;
    let length = bits(key.modulus.as_bytes());
    RSA_BITS.contains(&length).then(|| DecodingKey::from_rsa_der(der))
}

/// A point that is not compressed (SEC 1, section 2.3.3) has so many bytes.
fn point(bytes: &[u8], length: usize) -> Option<DecodingKey> {
    (bytes.len() == length).then(|| DecodingKey::from_ec_der(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = include_str!("../../../../tests/keys/first.pub.pem");
    const EC: &str = include_str!("../../../../tests/keys/ec.pub.pem");
    const ED: &str = include_str!("../../../../tests/keys/ed.pub.pem");

    fn bytes(text: &str, algorithm: Algorithm) -> Option<Vec<u8>> {
        public_key(text, algorithm).map(|key| key.try_get_as_bytes().unwrap().to_vec())
    }

    #[test]
    fn a_key_is_read_as_the_library_reads_it() {
        let p384 = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
        let p384 = p384.public_key_pem();
        let cases = [
            (FIRST, Algorithm::RS256, DecodingKey::from_rsa_pem(FIRST.as_bytes())),
            (EC, Algorithm::ES256, DecodingKey::from_ec_pem(EC.as_bytes())),
            (&p384, Algorithm::ES384, DecodingKey::from_ec_pem(p384.as_bytes())),
            (ED, Algorithm::EdDSA, DecodingKey::from_ed_pem(ED.as_bytes())),
        ];
        for (text, algorithm, expected) in cases {
            let expected = expected.unwrap().try_get_as_bytes().unwrap().to_vec();
            assert_eq!(bytes(text, algorithm), Some(expected), "{algorithm:?}");
            let others = [
                Algorithm::RS256,
                Algorithm::ES256,
                Algorithm::ES384,
                Algorithm::EdDSA,
                Algorithm::HS256,
            ];
            for other in others.into_iter().filter(|other| *other != algorithm) {
                assert_eq!(bytes(text, other), None, "{algorithm:?} for {other:?}");
            }
        }
    }

    #[test]
    fn an_rsa_key_may_be_in_pkcs_1() {
        let spki = bytes(FIRST, Algorithm::PS256).unwrap();
        let text = pem::encode(&pem::Pem::new("RSA PUBLIC KEY", spki.clone()));
        assert_eq!(bytes(&text, Algorithm::PS256), Some(spki));
        assert_eq!(bytes(&text, Algorithm::ES256), None);
    }

    #[test]
    fn no_text_is_a_panic() {
        let whole = pem::parse(FIRST).unwrap().into_contents();
        for tag in ["PUBLIC KEY", "RSA PUBLIC KEY", "PRIVATE KEY", ""] {
            for length in 0..whole.len() {
                let text = pem::encode(&pem::Pem::new(tag, &whole[..length]));
                assert_eq!(bytes(&text, Algorithm::RS256), None, "{length} bytes of a {tag}");
            }
        }
        assert_eq!(bytes("-----BEGIN PUBLIC KEY-----", Algorithm::RS256), None);
    }
}
