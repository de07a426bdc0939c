//! The queue of the worker, and the platform's webhook.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::{Access, ConfigError, Environment};

/// Bytes of a webhook's secret (Standard Webhooks, section "Signature scheme").
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The most secrets: the present one, and the one before or after it.
const SECRETS_MAX: usize = 2;

/// How functions hand jobs to the worker.
#[derive(Clone, Debug)]
pub struct QueueConfig {
    /// `SOCK_QUEUE_URL`: the address of the queue.
    pub url: String,
    /// The part of it that names the server.
    pub endpoint: String,
    /// Lambda's own variables.
    pub access: Access,
}

impl QueueConfig {
    /// Reads the concern; `None` without an address: then there is no worker.
    ///
    /// # Errors
    /// [`ConfigError`] if the address is wrong, or Lambda's own variables are missing.
    pub fn from_env(env: &Environment) -> Result<Option<Self>, ConfigError> {
        const EXAMPLE: &str = "https://sqs.eu-west-1.amazonaws.com/123456789012/senna-work";
        let Some(url) = env.url("SOCK_QUEUE_URL", &["https", "http"], EXAMPLE)? else {
            return Ok(None);
        };
        let endpoint = Url::parse(&url).map(|url| url.origin().ascii_serialization());
        let problem = |_| ConfigError::new("SOCK_QUEUE_URL", "must be a URL", EXAMPLE);
        Ok(Some(Self {
            endpoint: endpoint.map_err(problem)?,
            url,
            access: Access::from_env(env)?,
        }))
    }
}

/// How the platform is told of what happened.
#[derive(Clone)]
pub struct WebhookConfig {
    /// `SOCK_WEBHOOK_URL`: where the platform takes notices.
    pub url: String,
    /// `SOCK_WEBHOOK_SECRET`: one secret, or two with a comma between them while the platform changes from one to the other.
    pub secrets: Vec<Vec<u8>>,
}

/// Shown without the address, which may hold a secret, and without the secrets.
impl fmt::Debug for WebhookConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookConfig")
            .field("secrets", &self.secrets.len())
            .finish_non_exhaustive()
    }
}

impl WebhookConfig {
    /// Reads the concern; `None` without an address: then nobody is told.
    ///
    /// # Errors
    /// [`ConfigError`] if the address or a secret is wrong, or there is one without the other.
    pub fn from_env(env: &Environment) -> Result<Option<Self>, ConfigError> {
        const URL: &str = "https://www.example.com/webhooks/senna";
        const SECRET: &str = "what `echo whsec_$(openssl rand -base64 32)` prints";
        let url = env.url("SOCK_WEBHOOK_URL", &["https", "http"], URL)?;
        let (url, list) = match (url, env.get("SOCK_WEBHOOK_SECRET")) {
            (None, None) => return Ok(None),
            (Some(url), Some(list)) => (url, list),
            (Some(_), None) => {
                let problem = "is missing: the platform recognises by it what SOCK_WEBHOOK_URL is told";
                return Err(ConfigError::new("SOCK_WEBHOOK_SECRET", problem, SECRET));
            }
            (None, Some(_)) => {
                let problem = "is missing: there is a SOCK_WEBHOOK_SECRET for it";
                return Err(ConfigError::new("SOCK_WEBHOOK_URL", problem, URL));
            }
        };
        let secret = |text: &str| {
            let secret = STANDARD.decode(text.trim().strip_prefix("whsec_")?).ok()?;
            SECRET_BYTES.contains(&secret.len()).then_some(secret)
        };
        let secrets: Option<Vec<_>> = list.split(',').map(secret).collect();
        let secrets = secrets.filter(|secrets| secrets.len() <= SECRETS_MAX).ok_or_else(|| {
            let problem = format!(
                "must be one secret or two with a comma between them, each of whsec_ and {} to {} bytes in base64",
                SECRET_BYTES.start(),
                SECRET_BYTES.end()
            );
            ConfigError::new("SOCK_WEBHOOK_SECRET", problem, SECRET)
        })?;
        Ok(Some(Self { url, secrets }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn webhook(url: &str, secret: &str) -> String {
        let variables = [("SOCK_WEBHOOK_URL", url), ("SOCK_WEBHOOK_SECRET", secret)];
        let env = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        match WebhookConfig::from_env(&env.into_iter().collect()) {
            Ok(config) => format!("{config:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_webhook_has_an_address_and_one_secret_or_two() {
        let secret = |bytes: usize| format!("whsec_{}", STANDARD.encode(vec![7; bytes]));
        let url = "https://www.example.com/hook?key=hidden";
        insta::assert_snapshot!(webhook("", ""), @"None");
        insta::assert_snapshot!(webhook(url, &secret(32)), @"Some(WebhookConfig { secrets: 1, .. })");
        insta::assert_snapshot!(webhook(url, &format!("{}, {}", secret(24), secret(64))), @"Some(WebhookConfig { secrets: 2, .. })");
        insta::assert_snapshot!(webhook(url, ""), @"SOCK_WEBHOOK_SECRET is missing: the platform recognises by it what SOCK_WEBHOOK_URL is told; for example SOCK_WEBHOOK_SECRET=what `echo whsec_$(openssl rand -base64 32)` prints");
        insta::assert_snapshot!(webhook("", &secret(32)), @"SOCK_WEBHOOK_URL is missing: there is a SOCK_WEBHOOK_SECRET for it; for example SOCK_WEBHOOK_URL=https://www.example.com/webhooks/senna");
        for wrong in [
            secret(23),
            secret(65),
            STANDARD.encode([7; 32]),
            "whsec_?".to_owned(),
            format!("{},", secret(32)),
            format!("{0},{0},{0}", secret(32)),
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(webhook(url, &wrong), @"SOCK_WEBHOOK_SECRET must be one secret or two with a comma between them, each of whsec_ and 24 to 64 bytes in base64; for example SOCK_WEBHOOK_SECRET=what `echo whsec_$(openssl rand -base64 32)` prints");
            }
        }
    }
}
