//! Notices to the platform's webhook, signed as Standard Webhooks has it.
//!
//! # Source
//! Standard Webhooks specification, sections "Webhook headers" and "Signature scheme": HMAC-SHA256 over `id.timestamp.body`, in base64 behind `v1,`;
//! a signature for each secret, with a blank between them.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use sha2::Sha256;

use super::clock::SystemClock;
use super::http_client::{self, NoAnswer};
use crate::config::WebhookConfig;
use crate::ports::{Clock as _, Notice, Unavailable, Webhook};

/// How long the platform may take to confirm a notice.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The platform's webhook.
#[derive(Debug)]
pub struct PlatformWebhook {
    config: WebhookConfig,
    client: Client,
}

impl PlatformWebhook {
    /// Prepares the client.
    ///
    /// # Errors
    /// If the HTTP client cannot be built.
    pub fn new(config: WebhookConfig) -> reqwest::Result<Self> {
        let client = http_client::builder(TIMEOUT).build()?;
        Ok(Self { config, client })
    }

    fn signatures(&self, notice: &Notice, seconds: u64) -> String {
        let signed = format!("{}.{seconds}.{}", notice.id, notice.body);
        let signature = |secret: &Vec<u8>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(signed.as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        let all: Vec<_> = self.config.secrets.iter().filter_map(signature).collect();
        all.join(" ")
    }
}

#[async_trait]
impl Webhook for PlatformWebhook {
    async fn send(&self, notice: &Notice) -> Result<(), Unavailable> {
        let seconds = SystemClock.now_ms() / 1000;
        let request = self
            .client
            .post(&self.config.url)
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.signatures(notice, seconds))
            .body(notice.body.clone());
        // The address may hold a secret.
        let answer = request.send().await.map_err(reqwest::Error::without_url);
        let answer = answer.map_err(|error| Unavailable::new("webhook", error))?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(Unavailable::new("webhook", NoAnswer::Status(answer.status())))
    }
}
