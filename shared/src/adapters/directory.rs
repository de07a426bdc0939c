//! The platform's API: one request for all ids of a page, kept for a short time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use moka::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::clock::SystemClock;
use super::http_client;
use crate::config::DirectoryConfig;
use crate::domain::Id;
use crate::error::Chain;
use crate::ports::{Clock as _, Directory, Profile, Profiles, Unavailable};
use crate::wire;

/// How long the platform may take.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a profile is kept.
const KEPT: Duration = Duration::from_secs(30);
/// How many are kept in one process.
const KEPT_PROFILES: u64 = 10_000;
/// How long the platform is left alone after it failed, in milliseconds, so that not every page waits for its timeout.
const PAUSE_MS: u64 = 2_000;

/// Profiles from the platform's API, or none where there is no such API.
#[derive(Debug)]
pub struct PlatformDirectory {
    api: Option<Api>,
    kept: Cache<Id, Profile>,
    silent_until_ms: AtomicU64,
}

#[derive(Debug)]
struct Api {
    url: String,
    client: reqwest::Client,
}

#[derive(Deserialize)]
struct Entries<'a> {
    #[serde(borrow)]
    entries: Vec<Option<&'a RawValue>>,
}

#[derive(Deserialize)]
struct WithId {
    id: Value,
}

impl PlatformDirectory {
    /// Prepares the client; nothing is asked yet.
    ///
    /// # Errors
    /// If the HTTP client cannot be built.
    pub fn new(config: DirectoryConfig) -> reqwest::Result<Self> {
        let api = match config.url {
            Some(url) => {
                let client = http_client::builder(TIMEOUT).user_agent(config.user_agent).build()?;
                Some(Api { url, client })
            }
            None => None,
        };
        let kept = Cache::builder().max_capacity(KEPT_PROFILES).time_to_live(KEPT).build();
        Ok(Self {
            api,
            kept,
            silent_until_ms: AtomicU64::new(0),
        })
    }

    /// Asks for these users and keeps what comes; after a failure not before a pause is over.
    async fn ask(&self, api: &Api, ids: &[Id]) -> Profiles {
        let all = |profile: &Profile| ids.iter().map(|id| (id.clone(), profile.clone())).collect::<Profiles>();
        if SystemClock.now_ms() < self.silent_until_ms.load(Ordering::Relaxed) {
            return all(&Profile::Unavailable);
        }
        match api.users(ids).await {
            Ok(known) => {
                let mut profiles = all(&Profile::Unknown);
                profiles.extend(known);
                for id in ids {
                    if let Some(profile) = profiles.get(id) {
                        self.kept.insert(id.clone(), profile.clone());
                    }
                }
                profiles
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), users = ids.len(), "answering without profiles");
                self.silent_until_ms
                    .store(SystemClock.now_ms() + PAUSE_MS, Ordering::Relaxed);
                all(&Profile::Unavailable)
            }
        }
    }
}

impl Api {
    async fn users(&self, ids: &[Id]) -> Result<Profiles, Unavailable> {
        let unavailable = |error: reqwest::Error| Unavailable::new("platform", error.without_url());
        let ids = ids.iter().map(Id::to_string).collect::<Vec<_>>().join(",");
        // Commas stay as the platform's contract has them; of what an id may hold, only `+` means something else in a query.
        let ids = ids.replace('+', "%2B");
        let url = format!(
            "{}/v1/users?fields=id,username,role,picture_url,profile_url&ids={ids}",
            self.url
        );
        let response = self
            .client
            .get(url)
            .send()
            .await
            .and_then(reqwest::Response::error_for_status);
        let body = response.map_err(unavailable)?.bytes().await.map_err(unavailable)?;
        let answer: Entries<'_> = serde_json::from_slice(&body).map_err(|error| Unavailable::new("platform", error))?;
        let profile = |raw: &RawValue| {
            let id = serde_json::from_str::<WithId>(raw.get()).ok()?.id;
            Some((wire::id_from_json(&id).ok()?, Profile::Known(Arc::from(raw.get()))))
        };
        Ok(answer.entries.into_iter().flatten().filter_map(profile).collect())
    }
}

#[async_trait]
impl Directory for PlatformDirectory {
    async fn users(&self, ids: &[Id]) -> Profiles {
        let Some(api) = &self.api else { return Profiles::new() };
        let mut profiles = Profiles::new();
        let mut missing: Vec<Id> = Vec::new();
        for id in ids {
            match self.kept.get(id) {
                Some(profile) => {
                    profiles.insert(id.clone(), profile);
                }
                None if missing.contains(id) => {}
                None => missing.push(id.clone()),
            }
        }
        if !missing.is_empty() {
            profiles.extend(self.ask(api, &missing).await);
        }
        profiles
    }
}
