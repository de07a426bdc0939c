//! Who signs tokens, and which site a request belongs to.

use std::collections::HashMap;
use std::fmt;

use jsonwebtoken::Algorithm;
use url::Host;

use super::{ConfigError, Environment};
use crate::domain::Domain;

/// How a request's user and site are known.
#[derive(Clone, Debug)]
pub struct IdentityConfig {
    /// `SOCK_DOMAIN_HANDLE`: the site of hosts that are not in `SOCK_DOMAINS`, default `myplatform`.
    pub default_domain: Domain,
    /// `SOCK_DOMAINS`: sites by host, as `chat.a.com=a,chat.b.com=b`.
    domains: HashMap<Host, Domain>,
    /// `SOCK_JWT_HEADER`: the header with the token, default `X-Auth-Token`. In lower case.
    pub header: String,
    /// `SOCK_JWT_ALGORITHM`: the one algorithm that is accepted, default `HS256`.
    pub algorithm: Algorithm,
    /// Where the key of that algorithm comes from.
    pub key: KeySource,
}

/// The key that tokens are verified with.
#[derive(Clone)]
pub enum KeySource {
    /// `SOCK_JWT_SECRET`: the shared secret of the HS algorithms.
    Secret(String),
    /// `SOCK_JWT_PUBLIC_KEY`: the public key of the other algorithms, in PEM.
    PublicKey(String),
    /// `SOCK_JWKS_URL`: the address of a key set (RFC 7517), whose keys may rotate.
    KeySet(String),
}

/// Shown without the key.
impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret(_) => "Secret",
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
        let handle = env.get("SOCK_DOMAIN_HANDLE").unwrap_or("myplatform");
        let default_domain = Domain::parse(handle)
            .map_err(|error| ConfigError::new("SOCK_DOMAIN_HANDLE", error.to_string(), "myplatform"))?;
        let header = env.get("SOCK_JWT_HEADER").unwrap_or("X-Auth-Token");
        let header = http::HeaderName::try_from(header)
            .map_err(|_| ConfigError::new("SOCK_JWT_HEADER", "must be the name of a header", "X-Auth-Token"))?;
        let algorithm = env.get("SOCK_JWT_ALGORITHM").unwrap_or("HS256").parse().map_err(|_| {
            let names = "must be one of HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA";
            ConfigError::new("SOCK_JWT_ALGORITHM", names, "RS256")
        })?;
        Ok(Self {
            default_domain,
            domains: domains(env.get("SOCK_DOMAINS").unwrap_or_default())?,
            header: header.as_str().to_owned(),
            algorithm,
            key: key_source(env, algorithm)?,
        })
    }
}

impl IdentityConfig {
    /// The site of a request with this `Host`.
    pub fn domain_of(&self, host: &str) -> &Domain {
        let known = normalised(host).and_then(|host| self.domains.get(&host));
        known.unwrap_or(&self.default_domain)
    }
}

fn domains(list: &str) -> Result<HashMap<Host, Domain>, ConfigError> {
    let problem = |problem: String| ConfigError::new("SOCK_DOMAINS", problem, "chat.a.com=a,chat.b.com=b");
    let mut domains = HashMap::new();
    for entry in list.split(',').map(str::trim).filter(|entry| !entry.is_empty()) {
        let (host, handle) = entry
            .split_once('=')
            .and_then(|(host, handle)| Some((normalised(host.trim())?, handle.trim())))
            .ok_or_else(|| problem(format!("must be hosts and handles, which {entry:?} is not")))?;
        let handle = Domain::parse(handle)
            .map_err(|error| problem(format!("gives {host} the handle {handle:?}, and a handle {error}")))?;
        if domains
            .insert(host.clone(), handle.clone())
            .is_some_and(|other| other != handle)
        {
            return Err(problem(format!("gives {host} two handles")));
        }
    }
    Ok(domains)
}

/// A host as all its spellings compare: in lower case, without port and final dot, international names in ASCII, IPv6 addresses in their
/// short form.
fn normalised(host: &str) -> Option<Host> {
    let is_port = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    // The colons of an IPv6 address are inside its brackets.
    let name = host.rsplit_once(':').filter(|(_, port)| is_port(port));
    let name = name.map_or(host, |(name, _)| name);
    Host::parse(name.strip_suffix('.').unwrap_or(name)).ok()
}

fn key_source(env: &Environment, algorithm: Algorithm) -> Result<KeySource, ConfigError> {
    if matches!(algorithm, Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) {
        let secret = env.get("SOCK_JWT_SECRET").ok_or_else(|| {
            ConfigError::new(
                "SOCK_JWT_SECRET",
                "is missing: it is the secret that the platform signs its tokens with",
                "a long random text",
            )
        })?;
        return Ok(KeySource::Secret(secret.to_owned()));
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
        let secret = ("SOCK_JWT_SECRET".to_owned(), "secret".to_owned());
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
    fn a_wrong_list_of_sites_is_explained() {
        let domains = |list| identity(&[("SOCK_DOMAINS", list)]).unwrap_err();
        insta::assert_snapshot!(domains("a"), @r#"SOCK_DOMAINS must be hosts and handles, which "a" is not; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("=a"), @r#"SOCK_DOMAINS must be hosts and handles, which "=a" is not; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("https://a.com=a"), @r#"SOCK_DOMAINS must be hosts and handles, which "https://a.com=a" is not; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("a.com=b/c"), @r#"SOCK_DOMAINS gives a.com the handle "b/c", and a handle must be 1 to 32 of A-Z a-z 0-9 . _ -; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b"#);
        insta::assert_snapshot!(domains("a.com=a,A.com.:443=b"), @"SOCK_DOMAINS gives a.com two handles; for example SOCK_DOMAINS=chat.a.com=a,chat.b.com=b");
    }

    #[test]
    fn a_host_is_one_in_all_its_spellings() {
        let list = "Chat.A.com.:443=a, [2001:DB8::1]=six, münchen.example=m,127.0.0.1:3005=four,";
        let identity = identity(&[("SOCK_DOMAINS", list), ("SOCK_DOMAIN_HANDLE", "other")]).unwrap();
        let hosts = [
            (
                "a",
                &[
                    "chat.a.com",
                    "chat.a.com.",
                    "CHAT.a.com:80",
                    "chat.a.com.:3005",
                    "chat.a.com:",
                ][..],
            ),
            ("six", &["[2001:db8::1]", "[2001:db8:0:0::1]:443", "[2001:DB8::1]:"]),
            ("m", &["xn--mnchen-3ya.example", "XN--mnchen-3ya.example.:1"]),
            ("four", &["127.0.0.1", "127.0.0.1:80"]),
            (
                "other",
                &[
                    "",
                    ".",
                    ":",
                    "[",
                    "[]",
                    "[::1",
                    "chat.a.com..",
                    "evil.chat.a.com",
                    "a.com",
                    "1.2.3.4.5",
                    "xn--",
                    "chat.a.com:x",
                    "chat.a.com@b",
                ],
            ),
        ];
        for (site, hosts) in hosts {
            for host in hosts {
                assert_eq!(identity.domain_of(host).to_string(), site, "{host}");
            }
        }
    }

    #[test]
    fn white_space_around_a_value_is_no_part_of_it() {
        let variables = [("SOCK_JWT_SECRET", " hunter2\r\n"), ("SOCK_DOMAIN_HANDLE", "\tsite\n")];
        let identity = identity(&variables).unwrap();
        assert!(matches!(&identity.key, KeySource::Secret(secret) if secret == "hunter2"));
        assert_eq!(identity.default_domain.to_string(), "site");
        let pem = "\\n-----BEGIN PUBLIC KEY-----\\nx\\n-----END PUBLIC KEY-----\\n ";
        let public = self::identity(&[("SOCK_JWT_ALGORITHM", "RS256\n"), ("SOCK_JWT_PUBLIC_KEY", pem)]).unwrap();
        let KeySource::PublicKey(pem) = public.key else {
            panic!("a public key was given")
        };
        assert_eq!(pem, "-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----");
        let url = self::identity(&[
            ("SOCK_JWT_ALGORITHM", "RS256"),
            ("SOCK_JWKS_URL", "https://a.com/keys/\n"),
        ])
        .unwrap();
        assert!(matches!(&url.key, KeySource::KeySet(url) if url == "https://a.com/keys/"));
        assert!(
            self::identity(&[("SOCK_JWT_SECRET", " \n")])
                .unwrap_err()
                .contains("SOCK_JWT_SECRET is missing")
        );
    }
}
