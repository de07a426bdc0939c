//! Who signs tokens.

use std::fmt;

use jsonwebtoken::Algorithm;

use super::{ConfigError, Environment, Sites};

/// How far the platform's clock may be from ours unless `SOCK_JWT_LEEWAY` says otherwise, in seconds; and the most that it can say.
const LEEWAY_S: u64 = 5;
const LEEWAY_MAX_S: u64 = 300;
/// The shortest secret with which a function starts, in bytes. RFC 7518, section 3.2, wants the size of the hash; less is warned of.
const SECRET_BYTES: usize = 16;
const EXAMPLE_SECRET: &str = "a long random text";

/// How a request's user and site are known.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// The sites of the installation.
    pub sites: Sites,
    /// `SOCK_JWT_HEADER`: the header with the token, default `X-Auth-Token`. In lower case.
    pub header: String,
    /// `SOCK_JWT_ALGORITHM`: the one algorithm that is accepted, default `HS256`.
    pub algorithm: Algorithm,
    /// `SOCK_JWT_ISSUER`: who may have issued a token, separated by commas; anyone who has the key, if there is none.
    pub issuers: Vec<String>,
    /// `SOCK_JWT_AUDIENCE`: for whom a token may be, separated by commas; for anyone, if there is none.
    pub audiences: Vec<String>,
    /// `SOCK_JWT_USER_CLAIM`: the claim that names the user, default `user_id`.
    pub user_claim: String,
    /// `SOCK_JWT_LEEWAY`: how far the platform's clock may be from ours where `exp` and `nbf` are compared, in seconds, default 5.
    pub leeway_s: u64,
    /// Where the key of that algorithm comes from.
    pub key: KeySource,
}

/// The key that tokens are verified with.
#[derive(Clone)]
pub enum KeySource {
    /// `SOCK_JWT_SECRET`: the shared secret of the HS algorithms, of 16 bytes at least.
    Secret {
        /// The secret.
        current: String,
        /// `SOCK_JWT_SECRET_PREVIOUS`: one that still verifies, while the platform changes from it to the other.
        previous: Option<String>,
    },
    /// `SOCK_JWT_PUBLIC_KEY`: the public key of the other algorithms, in PEM.
    PublicKey(String),
    /// `SOCK_JWKS_URL`: the address of a key set (RFC 7517), whose keys may rotate.
    KeySet(String),
}

/// Shown without the key.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret { .. } => "Secret",
            Self::PublicKey(_) => "PublicKey",
            Self::KeySet(_) => "KeySet",
        })
    }
}

impl IdentityConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the key is missing, or a value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let header = env.get("SOCK_JWT_HEADER").unwrap_or("X-Auth-Token");
        let header = http::HeaderName::try_from(header)
            .map_err(|_| ConfigError::new("SOCK_JWT_HEADER", "must be the name of a header", "X-Auth-Token"))?;
        let algorithm = env.get("SOCK_JWT_ALGORITHM").unwrap_or("HS256").parse().map_err(|_| {
            let names = "must be one of HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA";
            ConfigError::new("SOCK_JWT_ALGORITHM", names, "RS256")
        })?;
        let key = key_source(env, algorithm)?;
        let (issuers, audiences) = (list(env, "SOCK_JWT_ISSUER"), list(env, "SOCK_JWT_AUDIENCE"));
        if matches!(key, KeySource::KeySet(_)) && issuers.is_empty() && audiences.is_empty() {
            // An identity service signs the tokens of all its customers with the keys of one set.
            let problem = "or SOCK_JWT_AUDIENCE must be set with SOCK_JWKS_URL, whose keys may sign for others too";
            return Err(ConfigError::new("SOCK_JWT_ISSUER", problem, "https://id.example.com/"));
        }
        Ok(Self {
            sites: Sites::from_env(env)?,
            header: header.as_str().to_owned(),
            algorithm,
            issuers,
            audiences,
            user_claim: env.get("SOCK_JWT_USER_CLAIM").unwrap_or("user_id").to_owned(),
            leeway_s: leeway(env)?,
            key,
        })
    }
}

/// The parts of a list with commas.
fn list(env: &Environment, name: &str) -> Vec<String> {
    let parts = env.get(name).unwrap_or_default().split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn leeway(env: &Environment) -> Result<u64, ConfigError> {
    match env.get("SOCK_JWT_LEEWAY").map(str::parse) {
        None => Ok(LEEWAY_S),
        Some(Ok(seconds)) if seconds <= LEEWAY_MAX_S => Ok(seconds),
        Some(_) => {
            let problem = format!("must be a whole number of seconds from 0 to {LEEWAY_MAX_S}");
            Err(ConfigError::new("SOCK_JWT_LEEWAY", problem, "5"))
        }
    }
}

fn secret(env: &Environment, name: &'static str) -> Result<Option<String>, ConfigError> {
    match env.get(name) {
        Some(secret) if secret.len() < SECRET_BYTES => {
            let problem = format!("must have {SECRET_BYTES} bytes at least, so that nobody can guess it");
            Err(ConfigError::new(name, problem, EXAMPLE_SECRET))
        }
        secret => Ok(secret.map(str::to_owned)),
    }
}

fn key_source(env: &Environment, algorithm: Algorithm) -> Result<KeySource, ConfigError> {
    if matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        let current = secret(env, "SOCK_JWT_SECRET")?.ok_or_else(|| {
            ConfigError::new(
                "SOCK_JWT_SECRET",
                "is missing: it is the secret that the platform signs its tokens with",
                EXAMPLE_SECRET,
            )
        })?;
        let previous = secret(env, "SOCK_JWT_SECRET_PREVIOUS")?;
        return Ok(KeySource::Secret { current, previous });
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

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(variables: &[(&str, &str)]) -> Result<IdentityConfig, String> {
        let given = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let secret = ("SOCK_JWT_SECRET".to_owned(), "sixteen bytes ok".to_owned());
        let env: Environment = std::iter::once(secret).chain(given).collect();
        IdentityConfig::from_env(&env).map_err(|error| error.to_string())
    }

    #[test]
    fn a_wrong_handle_is_named() {
        let handle = identity(&[("SOCK_DOMAIN_HANDLE", "bad/handle")]).unwrap_err();
        insta::assert_snapshot!(handle, @"SOCK_DOMAIN_HANDLE must be 1 to 32 of A-Z a-z 0-9 . _ -; for example SOCK_DOMAIN_HANDLE=myplatform");
        let algorithm = identity(&[("SOCK_JWT_ALGORITHM", "HS999")]).unwrap_err();
        insta::assert_snapshot!(algorithm, @"SOCK_JWT_ALGORITHM must be one of HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA; for example SOCK_JWT_ALGORITHM=RS256");
    }

    #[test]
    fn white_space_around_a_value_is_no_part_of_it() {
        let variables = [
            ("SOCK_JWT_SECRET", " hunter2 hunter2 h\r\n"),
            ("SOCK_DOMAIN_HANDLE", "\tsite\n"),
        ];
        let identity = identity(&variables).unwrap();
        assert!(matches!(&identity.key, KeySource::Secret { current, .. } if current == "hunter2 hunter2 h"));
        assert_eq!(identity.sites.of_host("").to_string(), "site");
        let pem = "\\n-----BEGIN PUBLIC KEY-----\\nx\\n-----END PUBLIC KEY-----\\n ";
        let public = self::identity(&[("SOCK_JWT_ALGORITHM", "RS256\n"), ("SOCK_JWT_PUBLIC_KEY", pem)]).unwrap();
        let KeySource::PublicKey(pem) = public.key else {
            panic!("a public key was given")
        };
        assert_eq!(pem, "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----");
        let url = self::identity(&[
            ("SOCK_JWT_ALGORITHM", "RS256"),
            ("SOCK_JWKS_URL", "https://a.com/keys/\n"),
            ("SOCK_JWT_AUDIENCE", " chat , ,other\n"),
        ])
        .unwrap();
        assert!(matches!(&url.key, KeySource::KeySet(url) if url == "https://a.com/keys/"));
        assert_eq!(url.audiences, ["chat", "other"]);
        assert!(
            self::identity(&[("SOCK_JWT_SECRET", " \n")])
                .unwrap_err()
                .contains("SOCK_JWT_SECRET is missing")
        );
    }

    #[test]
    fn a_short_secret_is_refused() {
        for (name, others) in [("SOCK_JWT_SECRET", None), ("SOCK_JWT_SECRET_PREVIOUS", Some("HS512"))] {
            for secret in ["x", "fifteen bytes !", " fifteen bytes !\n"] {
                let mut variables = vec![(name, secret)];
                variables.extend(others.map(|algorithm| ("SOCK_JWT_ALGORITHM", algorithm)));
                let error = identity(&variables).unwrap_err();
                let expected = "must have 16 bytes at least, so that nobody can guess it";
                assert_eq!(
                    error,
                    format!("{name} {expected}; for example {name}=a long random text")
                );
            }
        }
        let both = identity(&[("SOCK_JWT_SECRET_PREVIOUS", "the secret before")]).unwrap();
        assert!(matches!(&both.key, KeySource::Secret { previous: Some(secret), .. } if secret == "the secret before"));
    }

    #[test]
    fn a_key_set_needs_an_issuer_or_an_audience() {
        let keys = [("SOCK_JWT_ALGORITHM", "ES256"), ("SOCK_JWKS_URL", "https://a.com/keys")];
        let with = |other| identity(&[keys[0], keys[1], other]);
        for nothing in [("SOCK_JWT_ISSUER", ""), ("SOCK_JWT_AUDIENCE", " , ")] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(with(nothing).unwrap_err(), @"SOCK_JWT_ISSUER or SOCK_JWT_AUDIENCE must be set with SOCK_JWKS_URL, whose keys may sign for others too; for example SOCK_JWT_ISSUER=https://id.example.com/");
            }
        }
        assert_eq!(
            with(("SOCK_JWT_ISSUER", "https://a.com/")).unwrap().issuers,
            ["https://a.com/"]
        );
        assert_eq!(with(("SOCK_JWT_AUDIENCE", "chat")).unwrap().audiences, ["chat"]);
        // A key of one's own signs for nobody else.
        let own = [
            ("SOCK_JWT_ALGORITHM", "ES256"),
            ("SOCK_JWT_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----"),
        ];
        assert!(identity(&own).is_ok());
    }

    #[test]
    fn the_claim_of_the_user_and_the_leeway_have_defaults() {
        let given = identity(&[]).unwrap();
        assert_eq!((&*given.user_claim, given.leeway_s), ("user_id", 5));
        let given = identity(&[("SOCK_JWT_USER_CLAIM", "sub"), ("SOCK_JWT_LEEWAY", "0")]).unwrap();
        assert_eq!((&*given.user_claim, given.leeway_s), ("sub", 0));
        for leeway in ["-1", "1.5", "301", "5s", "99999999999999999999"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(identity(&[("SOCK_JWT_LEEWAY", leeway)]).unwrap_err(), @"SOCK_JWT_LEEWAY must be a whole number of seconds from 0 to 300; for example SOCK_JWT_LEEWAY=5");
            }
        }
    }
}
