//! The platform's webhook: remembers every notice that it has confirmed, and can have troubles.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use serde_json::Value;

use crate::web_server;

/// The secret of the webhook: 32 bytes.
const WEBHOOK_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A notice that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// The `webhook-id`.
    pub id: String,
    /// The headers of the signature, by their names.
    pub headers: BTreeMap<String, String>,
    /// The body as it came.
    pub text: String,
    /// The same as JSON.
    pub body: Value,
}

/// How the webhook answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answering {
    /// It confirms.
    #[default]
    Well,
    /// It answers 500.
    Failing,
    /// It takes the request and never answers.
    Hanging,
}

#[derive(Debug, Default)]
struct Known {
    noticed: Vec<Noticed>,
    tries: usize,
    answering: Answering,
}

/// A running webhook. It ends with the test process.
#[derive(Clone, Debug)]
pub struct Webhooks {
    url: String,
    known: Arc<Mutex<Known>>,
}

impl Webhooks {
    /// Starts a webhook.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn start() -> Result<Self> {
        let known = Arc::<Mutex<Known>>::default();
        let router = Router::new()
            .route("/webhook", post(take))
            .with_state(Arc::clone(&known));
        let url = format!("{}/webhook", web_server::serve(router)?);
        Ok(Self { url, known })
    }

    /// The variables with which a stack tells it.
    pub fn variables(&self) -> [(&'static str, &str); 2] {
        [
            ("SOCK_WEBHOOK_URL", self.url.as_str()),
            ("SOCK_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ]
    }

    /// Every notice that was confirmed, in the order in which they came.
    pub fn noticed(&self) -> Vec<Noticed> {
        self.with(|known| known.noticed.clone())
    }

    /// How often somebody has tried to tell it something.
    pub fn tries(&self) -> usize {
        self.with(|known| known.tries)
    }

    /// From now on it answers like this.
    pub fn is(&self, answering: Answering) {
        self.with(|known| known.answering = answering);
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn noticed(headers: &HeaderMap, text: String) -> Noticed {
    let ours = headers.iter().filter(|(name, _)| name.as_str().starts_with("webhook-"));
    let headers: BTreeMap<String, String> = ours
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    Noticed {
        id: headers.get("webhook-id").cloned().unwrap_or_default(),
        headers,
        body: serde_json::from_str(&text).unwrap_or_default(),
        text,
    }
}

async fn take(State(known): State<Arc<Mutex<Known>>>, headers: HeaderMap, text: String) -> StatusCode {
    let answering = {
        let mut known = known.lock().unwrap_or_else(PoisonError::into_inner);
        known.tries += 1;
        if known.answering == Answering::Well {
            known.noticed.push(noticed(&headers, text));
        }
        known.answering
    };
    match answering {
        Answering::Well => StatusCode::NO_CONTENT,
        Answering::Failing => StatusCode::INTERNAL_SERVER_ERROR,
        Answering::Hanging => pending().await,
    }
}
