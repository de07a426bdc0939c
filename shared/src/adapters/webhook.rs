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
use http::Method;
use http::header::CONTENT_TYPE;
use sha2::Sha256;

use super::clock::SystemClock;
use super::http_client::{Address, HttpClient, InvalidAddress};
use crate::config::WebhookConfig;
use crate::ports::{Clock as _, Notice, Unavailable, Webhook};

/// How long the platform may take to confirm a notice.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The platform's webhook.
#[derive(Debug)]
pub struct PlatformWebhook {
    address: Address,
    secrets: Vec<Vec<u8>>,
    client: HttpClient,
}

impl PlatformWebhook {
    /// Prepares the client.
    ///
    /// # Errors
    /// If the address cannot be used.
    pub fn new(config: WebhookConfig) -> Result<Self, InvalidAddress> {
        Ok(Self {
            address: Address::new(&config.url)?,
            secrets: config.secrets,
            client: HttpClient::new(TIMEOUT, None),
        })
    }

    fn signatures(&self, notice: &Notice, seconds: u64) -> String {
        let signed = format!("{}.{seconds}.{}", notice.id, notice.body);
        let signature = |secret: &Vec<u8>| {
            let mut mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
            mac.update(signed.as_bytes());
            Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
        };
        let all: Vec<_> = self.secrets.iter().filter_map(signature).collect();
        all.join(" ")
    }
}

#[async_trait]
impl Webhook for PlatformWebhook {
    async fn send(&self, notice: &Notice) -> Result<(), Unavailable> {
        let seconds = SystemClock.now_ms() / 1000;
        let request = self
            .address
            .request(Method::POST, "")
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", &notice.id)
            .header("webhook-timestamp", seconds)
            .header("webhook-signature", self.signatures(notice, seconds))
            .body(notice.body.clone().into());
        let asking = async { self.client.ask(request?).await };
        let confirmed = asking.await.map(drop);
        confirmed.map_err(|error| Unavailable::new("webhook", error))
    }
}
