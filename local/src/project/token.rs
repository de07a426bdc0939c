//! Development tokens, as a platform signs them for its users.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::settings::Settings;
use crate::aws::clock;

/// The largest id that is a JSON number: 2^53 - 1.
const MAX_NUMBER: u64 = (1 << 53) - 1;

/// Why no token can be minted.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// Only the platform holds the private key.
    #[error(
        "no token can be minted for {algorithm}: only the platform that holds the private key can; \
         take one from there, or unset SOCK_JWT_ALGORITHM, SOCK_JWT_PUBLIC_KEY and SOCK_JWKS_URL to use a development secret"
    )]
    Asymmetric {
        /// The variable that sets asymmetric keys, such as `SOCK_JWT_ALGORITHM`.
        algorithm: String,
    },
    /// The file of the secret can't be read or written.
    #[error("can't keep a development secret in {path}")]
    Secret {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The library refused.
    #[error("can't sign the token")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

/// How tokens are signed here.
#[derive(Clone)]
pub struct Signer {
    algorithm: Algorithm,
    secret: String,
    user_claim: String,
    issuer: Option<String>,
    audience: Option<String>,
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

impl Signer {
    /// The signer for these settings: with `SOCK_JWT_SECRET`, else with a random secret that is kept in `state`. Its tokens say what the functions
    /// ask for by `SOCK_JWT_USER_CLAIM`, `SOCK_JWT_ISSUER` and `SOCK_JWT_AUDIENCE`.
    ///
    /// # Errors
    /// [`TokenError`], when the keys are asymmetric or the secret can't be kept.
    pub fn new(settings: &Settings, state: &Path) -> Result<Self, TokenError> {
        let algorithm = match settings.get("SOCK_JWT_ALGORITHM") {
            None | Some("HS256") => Algorithm::HS256,
            Some("HS384") => Algorithm::HS384,
            Some("HS512") => Algorithm::HS512,
            Some(other) => {
                return Err(TokenError::Asymmetric {
                    algorithm: other.to_owned(),
                });
            }
        };
        let signer = |secret: String| {
            let first = |name| settings.get(name).and_then(|list| list.split(',').next());
            let first = |name| first(name).map(|part| part.trim().to_owned());
            let user_claim = settings.get("SOCK_JWT_USER_CLAIM").map(str::trim);
            Self {
                algorithm,
                secret,
                user_claim: user_claim.unwrap_or("user_id").to_owned(),
                issuer: first("SOCK_JWT_ISSUER"),
                audience: first("SOCK_JWT_AUDIENCE"),
            }
        };
        if let Some(secret) = settings.get("SOCK_JWT_SECRET") {
            // As the functions take it.
            return Ok(signer(secret.trim().to_owned()));
        }
        for variable in ["SOCK_JWT_PUBLIC_KEY", "SOCK_JWKS_URL"] {
            if settings.get(variable).is_some() {
                return Err(TokenError::Asymmetric {
                    algorithm: format!("the keys of {variable}"),
                });
            }
        }
        let path = state.join("jwt-secret");
        let secret = kept_secret(&path).map_err(|source| TokenError::Secret { path, source })?;
        Ok(signer(secret))
    }

    /// The secret, for the functions.
    pub fn secret(&self) -> &str {
        &self.secret
    }

    /// A token for `user` that expires after `ttl`.
    ///
    /// # Errors
    /// [`TokenError::Sign`], when the library refuses.
    pub fn mint(&self, user: &str, ttl: Duration) -> Result<String, TokenError> {
        let issued = clock::now_ms() / 1000;
        let expires = issued.saturating_add(clock::millis(ttl) / 1000);
        let times = [("iat", json!(issued)), ("exp", json!(expires))];
        let given = [("iss", &self.issuer), ("aud", &self.audience)].into_iter();
        let given = given.filter_map(|(name, value)| Some((name, json!(value.as_ref()?))));
        let user = (self.user_claim.as_str(), user_id(user));
        let claims: Map<String, Value> = (times.into_iter().chain(given).chain([user]))
            .map(|(name, value)| (name.to_owned(), value))
            .collect();
        crypto::install();
        let key = EncodingKey::from_secret(self.secret.as_bytes());
        Ok(jsonwebtoken::encode(&Header::new(self.algorithm), &claims, &key)?)
    }
}

/// Digits without a leading zero become a JSON number, as the platform writes numeric ids. Anything else becomes a string.
fn user_id(user: &str) -> Value {
    match user.parse::<u64>() {
        Ok(number) if number <= MAX_NUMBER && number.to_string() == user => json!(number),
        _ => json!(user),
    }
}

/// A random key that nobody can guess: 64 characters with 244 random bits.
pub fn random_key() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// The secret in `path`; the first use creates it. When two stacks start at once, both use the secret of the one that creates
/// the file first.
fn kept_secret(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(secret) if !secret.trim().is_empty() => return Ok(secret.trim().to_owned()),
        Ok(_) => fs::remove_file(path)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let fresh = random_key();
    // The file is complete before it gets its name, and it never replaces the file of another stack.
    let mut file = tempfile::Builder::new()
        .prefix("jwt-secret-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)?;
    file.write_all(fresh.as_bytes())?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(fresh),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => {
            Ok(fs::read_to_string(path)?.trim().to_owned())
        }
        Err(error) => Err(error.error),
    }
}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;

    #[test]
    fn canonical_digits_are_a_number_and_everything_else_text() {
        assert_eq!(user_id("42"), json!(42));
        assert_eq!(user_id("9007199254740991"), json!(9_007_199_254_740_991_u64));
        for text in ["042", "9007199254740992", "-1", "+1", "ada", ""] {
            assert_eq!(user_id(text), json!(text));
        }
    }

    #[test]
    fn a_secret_is_made_once_and_readable_by_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let first = Signer::new(&Settings::of(&[]), &folder.path().join("state")).unwrap();
        let second = Signer::new(&Settings::of(&[]), &folder.path().join("state")).unwrap();
        assert_eq!(first.secret(), second.secret());
        let mode = fs::metadata(folder.path().join("state/jwt-secret"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_token_carries_the_user_and_the_end() {
        let signer = Signer::new(&Settings::of(&[("SOCK_JWT_SECRET", "s")]), Path::new("/nowhere")).unwrap();
        let token = signer.mint("42", Duration::from_mins(1)).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
        assert_eq!(claims["user_id"], json!(42));
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 60);
    }

    #[test]
    fn a_token_says_what_the_functions_ask_for() {
        let settings = Settings::of(&[
            ("SOCK_JWT_SECRET", " s\n"),
            ("SOCK_JWT_USER_CLAIM", "sub"),
            ("SOCK_JWT_ISSUER", "https://id.a.com/, https://id.b.com/"),
            ("SOCK_JWT_AUDIENCE", "chat"),
        ]);
        let signer = Signer::new(&settings, Path::new("/nowhere")).unwrap();
        assert_eq!(signer.secret(), "s");
        let token = signer.mint("ada", Duration::from_mins(1)).unwrap();
        let claims: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap();
        let said = json!([claims["sub"], claims["iss"], claims["aud"], claims["user_id"]]);
        assert_eq!(said, json!(["ada", "https://id.a.com/", "chat", null]));
    }

    #[test]
    fn asymmetric_keys_are_refused() {
        for pairs in [[("SOCK_JWT_ALGORITHM", "RS256")], [("SOCK_JWKS_URL", "http://x")]] {
            let error = Signer::new(&Settings::of(&pairs), Path::new("/nowhere")).unwrap_err();
            assert!(matches!(error, TokenError::Asymmetric { .. }), "{error}");
        }
    }
}
