//! Every environment variable: name, meaning, default. Read once at start, in this one place.
//!
//! Each concern has its own struct, so that a function asks only for what it uses.

mod check;
mod identity;
mod later;
mod origins;
mod platform;
mod retention;
mod sites;
mod uploads;
mod usage;

use std::collections::HashMap;
use std::fmt;
use std::ops::RangeInclusive;

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use thiserror::Error;
use url::Url;

use crate::domain::limits::TOPIC_MEMBERS_MAX;
use crate::domain::{TopicAccess, TopicRules};

pub use check::{DeploymentsConfig, SigningConfig};
pub use identity::{IdentityConfig, KeySource};
pub use later::{QueueConfig, WebhookConfig};
pub use origins::AllowedOrigins;
pub use platform::PlatformConfig;
pub use sites::Sites;
pub use uploads::{Bucket, UploadsConfig};

/// The lengths of RSA keys with which tokens are verified, in bits: from RFC 7518, section 3.3, to the longest that ring takes.
pub(crate) const RSA_BITS: RangeInclusive<usize> = 2048..=8192;
const EXAMPLE_CA: &str = "-----BEGIN CERTIFICATE-----…";

/// A variable that is missing or wrong. The text says which, what it must be, and gives an example.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{variable} {problem}; for example {variable}={example}")]
pub struct ConfigError {
    variable: &'static str,
    problem: String,
    example: &'static str,
}

impl ConfigError {
    fn new(variable: &'static str, problem: impl Into<String>, example: &'static str) -> Self {
        Self {
            variable,
            problem: problem.into(),
            example,
        }
    }

    /// The address looks right, but the client library refuses it.
    pub(crate) fn redis_url(reason: &dyn fmt::Display) -> Self {
        Self::new(
            "SOCK_REDIS_URL",
            format!("is not an address of a Redis ({reason})"),
            "rediss://user:password@redis.example.com:6379",
        )
    }

    /// The certificate is invalid, or the address is one without TLS.
    pub(crate) fn redis_ca(reason: &dyn fmt::Display) -> Self {
        let problem = format!("does not go with SOCK_REDIS_URL ({reason})");
        Self::new("SOCK_REDIS_CA", problem, EXAMPLE_CA)
    }

    /// The public key does not belong to this algorithm.
    pub(crate) fn public_key(algorithm: Algorithm) -> Self {
        let problem = match algorithm.family() {
            AlgorithmFamily::Rsa => {
                let (shortest, longest) = (RSA_BITS.start(), RSA_BITS.end());
                format!("must be a public key for {algorithm:?} in PEM, of {shortest} to {longest} bits")
            }
            _ => format!("must be a public key for {algorithm:?} in PEM"),
        };
        Self::new("SOCK_JWT_PUBLIC_KEY", problem, "-----BEGIN PUBLIC KEY-----…")
    }
}

/// The variables of the process. White space around a value is no part of it: a secret or a certificate that was read from a file ends in a
/// newline. An empty value counts as absent, because a template cannot leave a variable out.
#[derive(Clone, Default)]
pub struct Environment(HashMap<String, String>);

impl Environment {
    /// Reads the environment of the process.
    pub fn of_process() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that reads the environment"
        )]
        let variables = std::env::vars();
        variables.collect()
    }

    fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    }

    fn url(&self, name: &'static str, schemes: &[&str], example: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let problem = || ConfigError::new(name, format!("must be a URL with {}", schemes.join(" or ")), example);
        valid_url(value, schemes).ok_or_else(problem).map(Some)
    }

    /// A text in PEM. Templates and shells write the ends of its lines as \n.
    fn pem(&self, name: &str) -> Option<String> {
        self.get(name).map(|pem| pem.replace("\\n", "\n").trim().to_owned())
    }
}

fn valid_url(value: &str, schemes: &[&str]) -> Option<String> {
    let url = Url::parse(value).ok()?;
    (schemes.contains(&url.scheme()) && url.has_host()).then(|| value.to_owned())
}

/// An address to which paths are added.
fn without_final_slash(url: &str) -> String {
    url.trim_end_matches('/').to_owned()
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        Self(variables.into_iter().collect())
    }
}

/// Shows no values: some are secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

/// Which log lines are written, and how.
#[derive(Clone, Debug)]
pub struct LogConfig {
    /// `SOCK_LOG`: a tracing filter, default `info`.
    pub filter: tracing_subscriber::filter::Targets,
    /// JSON lines, as CloudWatch wants them; plain lines when `AWS_SAM_LOCAL` says that this is a laptop.
    pub json: bool,
    /// `SOCK_STACK`: the stack that the function belongs to, default `local`. All metrics have it as their dimension.
    pub stack: String,
    /// `SOCK_RELEASE`: which values of parameters the function has, default `local`. `.ci/deploy` writes a hash of them.
    pub release: String,
    /// `AWS_LAMBDA_FUNCTION_NAME`: the function as CloudWatch knows it.
    pub function: String,
    /// `AWS_XRAY_DAEMON_ADDRESS`: where traces go; Lambda sets it where tracing is on.
    pub xray_daemon: Option<String>,
}

impl LogConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the filter is invalid.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let filter = env
            .get("SOCK_LOG")
            .unwrap_or("info")
            .parse()
            .map_err(|_| ConfigError::new("SOCK_LOG", "must be a tracing filter", "info,shared=debug"))?;
        Ok(Self {
            filter,
            json: env.get("AWS_SAM_LOCAL") != Some("true"),
            stack: env.get("SOCK_STACK").unwrap_or("local").to_owned(),
            release: env.get("SOCK_RELEASE").unwrap_or("local").to_owned(),
            function: env.get("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default().to_owned(),
            xray_daemon: env.get("AWS_XRAY_DAEMON_ADDRESS").map(str::to_owned),
        })
    }
}

/// Where messages live.
#[derive(Clone)]
pub struct RedisConfig {
    /// `SOCK_REDIS_URL`: `redis://` or `valkey://`, with TLS `rediss://` or `valkeys://`. Of a cluster any node; several addresses, separated by commas, are several nodes of one cluster,
    /// or a master and its replicas, of which one must be up. A comma in a password is written `%2C`. Required.
    pub urls: Vec<String>,
    /// `SOCK_REDIS_CA`: the certificate of the CA that signed the servers' certificates, in PEM. It replaces the public CAs.
    pub authority: Option<String>,
    /// `SOCK_REDIS_PREFIX`: first part of every key, default `senna-sockets`.
    pub prefix: String,
}

impl RedisConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the address is missing, or a value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        const EXAMPLE: &str = "rediss://user:password@redis.example.com:6379";
        let problem = |problem| ConfigError::new("SOCK_REDIS_URL", problem, EXAMPLE);
        let list = env.get("SOCK_REDIS_URL");
        let list = list.ok_or_else(|| problem("is missing: it says where messages live"))?;
        let urls = list
            .split(',')
            .map(|url| valid_url(url.trim(), &["redis", "rediss", "valkey", "valkeys"]))
            .collect::<Option<_>>()
            .ok_or_else(|| {
                problem("must be a URL with redis, rediss, valkey or valkeys, or several with commas between them")
            })?;
        let authority = env.pem("SOCK_REDIS_CA");
        if authority
            .as_ref()
            .is_some_and(|pem| !pem.contains("-----BEGIN CERTIFICATE-----"))
        {
            return Err(ConfigError::new(
                "SOCK_REDIS_CA",
                "must be a certificate in PEM",
                EXAMPLE_CA,
            ));
        }
        let prefix = env.get("SOCK_REDIS_PREFIX").unwrap_or("senna-sockets");
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._:-".contains(&byte);
        if prefix.len() > 64 || !prefix.bytes().all(allowed) {
            return Err(ConfigError::new(
                "SOCK_REDIS_PREFIX",
                "must be 1 to 64 of A-Z a-z 0-9 . _ : -",
                "senna-sockets",
            ));
        }
        Ok(Self {
            urls,
            authority,
            prefix: prefix.to_owned(),
        })
    }
}

/// An address may hold a password.
impl fmt::Debug for RedisConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

/// The platform's own API.
#[derive(Clone, Debug)]
pub struct DirectoryConfig {
    /// `SOCK_API_URL`: its address. Without it answers have ids only.
    pub url: Option<String>,
    /// `SOCK_API_USER_AGENT`: how we introduce ourselves there, default `Senna`.
    pub user_agent: String,
}

impl DirectoryConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the address is not a URL, or the name cannot stand in a header.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let user_agent = env.get("SOCK_API_USER_AGENT").unwrap_or("Senna");
        if http::HeaderValue::from_str(user_agent).is_err() {
            return Err(ConfigError::new(
                "SOCK_API_USER_AGENT",
                "must be the value of a header",
                "Senna",
            ));
        }
        let url = env.url("SOCK_API_URL", &["https", "http"], "https://api.example.com")?;
        Ok(Self {
            url: url.as_deref().map(without_final_slash),
            user_agent: user_agent.to_owned(),
        })
    }
}

/// `SOCK_TOPIC_ACCESS`: `open`, the default, `claim` or `platform`. `SOCK_TOPIC_MEMBERS_MAX`: the most members of a topic, default
/// [`TOPIC_MEMBERS_MAX`] and never more.
impl TopicRules {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if a value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let access = match env.get("SOCK_TOPIC_ACCESS") {
            None | Some("open") => TopicAccess::Open,
            Some("claim") => TopicAccess::Claim,
            Some("platform") => TopicAccess::Platform,
            Some(_) => {
                let problem = "must be open, claim or platform";
                return Err(ConfigError::new("SOCK_TOPIC_ACCESS", problem, "claim"));
            }
        };
        let members_max = match env.get("SOCK_TOPIC_MEMBERS_MAX").map(str::parse) {
            None => TOPIC_MEMBERS_MAX,
            Some(Ok(number)) if (1..=TOPIC_MEMBERS_MAX).contains(&number) => number,
            Some(_) => {
                let problem = format!("must be a whole number from 1 to {TOPIC_MEMBERS_MAX}");
                return Err(ConfigError::new("SOCK_TOPIC_MEMBERS_MAX", problem, "200"));
            }
        };
        Ok(Self { access, members_max })
    }
}

/// Whether users see who is online.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresenceConfig {
    /// `SOCK_PRESENCE`: `on`, the default, or `off`.
    pub enabled: bool,
}

impl PresenceConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        match env.get("SOCK_PRESENCE") {
            None | Some("on") => Ok(Self { enabled: true }),
            Some("off") => Ok(Self { enabled: false }),
            Some(_) => Err(ConfigError::new("SOCK_PRESENCE", "must be on or off", "off")),
        }
    }
}

/// Whether earlier versions of messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EditsConfig {
    /// `SOCK_KEEP_EDITS`: `yes`, or `no`, the default.
    pub kept: bool,
}

impl EditsConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the value is wrong.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        match env.get("SOCK_KEEP_EDITS") {
            None | Some("no") => Ok(Self { kept: false }),
            Some("yes") => Ok(Self { kept: true }),
            Some(_) => Err(ConfigError::new("SOCK_KEEP_EDITS", "must be yes or no", "yes")),
        }
    }
}

/// Where pushes go, and who signs them.
#[derive(Clone, Debug)]
pub struct PushConfig {
    /// `SOCK_PUSH_ENDPOINT`: where `@connections` lives, stage included. Required.
    pub endpoint: String,
    /// Lambda's own variables.
    pub access: Access,
}

impl PushConfig {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if the endpoint is missing or wrong, or Lambda's own variables are missing.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        const EXAMPLE: &str = "https://abcd1234.execute-api.eu-west-1.amazonaws.com/live";
        let endpoint = env.url("SOCK_PUSH_ENDPOINT", &["https", "http"], EXAMPLE)?;
        Ok(Self {
            endpoint: endpoint.as_deref().map(without_final_slash).ok_or_else(|| {
                ConfigError::new(
                    "SOCK_PUSH_ENDPOINT",
                    "is missing: it says where @connections lives",
                    EXAMPLE,
                )
            })?,
            access: Access::from_env(env)?,
        })
    }
}

/// How a function shows AWS who it is: variables that Lambda sets.
#[derive(Clone)]
pub struct Access {
    /// `AWS_REGION`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID`.
    pub key_id: String,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret_key: String,
    /// `AWS_SESSION_TOKEN`.
    pub session_token: Option<String>,
}

impl Access {
    fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let lambda = |name: &'static str, example| {
            let value = env.get(name).map(str::to_owned);
            value.ok_or_else(|| ConfigError::new(name, "is missing: Lambda sets it", example))
        };
        Ok(Self {
            region: lambda("AWS_REGION", "eu-west-1")?,
            key_id: lambda("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")?,
            secret_key: lambda("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")?,
            session_token: env.get("AWS_SESSION_TOKEN").map(str::to_owned),
        })
    }
}

/// Shown without the credentials.
impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Environment {
        variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn a_missing_or_wrong_variable_is_named_with_an_example() {
        let redis = |variables: &[(&str, &str)]| RedisConfig::from_env(&env(variables)).unwrap_err().to_string();
        insta::assert_snapshot!(redis(&[]), @"SOCK_REDIS_URL is missing: it says where messages live; for example SOCK_REDIS_URL=rediss://user:password@redis.example.com:6379");
        for url in [
            "localhost",
            "http://h",
            "redis://h,",
            "redis://h,rediss://",
            "redis://:a,b@h",
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(redis(&[("SOCK_REDIS_URL", url)]), @"SOCK_REDIS_URL must be a URL with redis, rediss, valkey or valkeys, or several with commas between them; for example SOCK_REDIS_URL=rediss://user:password@redis.example.com:6379");
            }
        }
        insta::assert_snapshot!(redis(&[("SOCK_REDIS_URL", "rediss://h"), ("SOCK_REDIS_CA", "/ca.pem")]), @"SOCK_REDIS_CA must be a certificate in PEM; for example SOCK_REDIS_CA=-----BEGIN CERTIFICATE-----…");
        insta::assert_snapshot!(redis(&[("SOCK_REDIS_URL", "redis://h"), ("SOCK_REDIS_PREFIX", "{x}")]), @"SOCK_REDIS_PREFIX must be 1 to 64 of A-Z a-z 0-9 . _ : -; for example SOCK_REDIS_PREFIX=senna-sockets");

        let identity = |variables: &[(&str, &str)]| IdentityConfig::from_env(&env(variables)).unwrap_err().to_string();
        insta::assert_snapshot!(identity(&[]), @"SOCK_JWT_SECRET is missing: it is the secret that the platform signs its tokens with; for example SOCK_JWT_SECRET=a long random text");
        insta::assert_snapshot!(identity(&[("SOCK_JWT_ALGORITHM", "none")]), @"SOCK_JWT_ALGORITHM must be one of HS256 HS384 HS512 RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 EdDSA; for example SOCK_JWT_ALGORITHM=RS256");
        insta::assert_snapshot!(identity(&[("SOCK_JWT_ALGORITHM", "RS256"), ("SOCK_JWT_SECRET", "x")]), @"SOCK_JWT_PUBLIC_KEY is missing, and SOCK_JWKS_URL too: one of them must give the public key; for example SOCK_JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----…");
    }

    #[test]
    fn an_empty_variable_is_an_absent_one() {
        let directory = DirectoryConfig::from_env(&env(&[("SOCK_API_URL", "")])).unwrap();
        assert_eq!((directory.url, directory.user_agent), (None, "Senna".to_owned()));
        let directory = DirectoryConfig::from_env(&env(&[("SOCK_API_URL", " https://a.com/api/\n")])).unwrap();
        assert_eq!(directory.url.as_deref(), Some("https://a.com/api"));
    }

    #[test]
    fn topics_are_open_and_presence_is_on_unless_said_otherwise() {
        let topics = |variables: &[(&str, &str)]| TopicRules::from_env(&env(variables));
        let config = |access, members_max| Ok(TopicRules { access, members_max });
        assert_eq!(topics(&[]), config(TopicAccess::Open, 1_000));
        let given = [("SOCK_TOPIC_ACCESS", "open"), ("SOCK_TOPIC_MEMBERS_MAX", "1")];
        assert_eq!(topics(&given), config(TopicAccess::Open, 1));
        let given = [("SOCK_TOPIC_ACCESS", "claim"), ("SOCK_TOPIC_MEMBERS_MAX", "1000")];
        assert_eq!(topics(&given), config(TopicAccess::Claim, 1_000));
        assert_eq!(
            topics(&[("SOCK_TOPIC_ACCESS", "platform")]),
            config(TopicAccess::Platform, 1_000)
        );
        let error = |name, value| topics(&[(name, value)]).unwrap_err().to_string();
        insta::assert_snapshot!(error("SOCK_TOPIC_ACCESS", "Open"), @"SOCK_TOPIC_ACCESS must be open, claim or platform; for example SOCK_TOPIC_ACCESS=claim");
        for value in ["0", "1001", "-1", "1.5", "many", "99999999999999999999"] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(error("SOCK_TOPIC_MEMBERS_MAX", value), @"SOCK_TOPIC_MEMBERS_MAX must be a whole number from 1 to 1000; for example SOCK_TOPIC_MEMBERS_MAX=200");
            }
        }

        let presence = |value| PresenceConfig::from_env(&env(&[("SOCK_PRESENCE", value)]));
        assert_eq!(presence(""), Ok(PresenceConfig { enabled: true }));
        assert_eq!(presence("on"), Ok(PresenceConfig { enabled: true }));
        assert_eq!(presence("off"), Ok(PresenceConfig { enabled: false }));
        insta::assert_snapshot!(presence("true").unwrap_err(), @"SOCK_PRESENCE must be on or off; for example SOCK_PRESENCE=off");

        let edits = |value| EditsConfig::from_env(&env(&[("SOCK_KEEP_EDITS", value)]));
        assert_eq!(edits(""), Ok(EditsConfig { kept: false }));
        assert_eq!(edits("no"), Ok(EditsConfig { kept: false }));
        assert_eq!(edits("yes"), Ok(EditsConfig { kept: true }));
        insta::assert_snapshot!(edits("on").unwrap_err(), @"SOCK_KEEP_EDITS must be yes or no; for example SOCK_KEEP_EDITS=yes");
    }

    #[test]
    fn several_addresses_are_separated_by_commas() {
        let list = "rediss://u:a%2Cb@one:1/, valkeys://u:a%2Cb@two:2/3\n";
        let redis = RedisConfig::from_env(&env(&[("SOCK_REDIS_URL", list)])).unwrap();
        assert_eq!(redis.urls, ["rediss://u:a%2Cb@one:1/", "valkeys://u:a%2Cb@two:2/3"]);
    }

    #[test]
    fn no_secret_is_shown() {
        let secret = "hunter2 hunter2 h";
        let variables = env(&[
            ("SOCK_REDIS_URL", "redis://:hunter2@host"),
            ("SOCK_JWT_SECRET", secret),
            ("SOCK_PUSH_ENDPOINT", "https://host/live"),
            ("AWS_REGION", "eu-west-1"),
            ("AWS_ACCESS_KEY_ID", secret),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ]);
        let shown = format!(
            "{:?} {:?} {:?} {variables:?}",
            RedisConfig::from_env(&variables).unwrap(),
            IdentityConfig::from_env(&variables).unwrap(),
            PushConfig::from_env(&variables).unwrap(),
        );
        assert!(!shown.contains(secret), "{shown}");
    }
}
