//! The platform that the chat is added to: knows some users and topics and not others, remembers what it was asked, and can have troubles.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Redirect, Response};
use axum::routing::get;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::user::id_text;
use crate::web_server;

/// How the platform answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// As it should.
    #[default]
    Well,
    /// With 500.
    Failing,
    /// With 200 and something that is no answer.
    Babbling,
    /// Not at all, but it takes the request.
    Silent,
    /// With 200 and an answer that never ends.
    Endless,
    /// With 302 to an address that answers as it should.
    Redirecting,
    /// With 403.
    Refusing,
}

/// A request that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// `users` or `topics`.
    pub kind: String,
    /// The query, decoded.
    pub query: String,
    /// The `User-Agent`.
    pub user_agent: String,
}

/// A running platform. It ends with the test process.
#[derive(Clone, Debug)]
pub struct Platform {
    url: String,
    state: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    /// Users and topics, by kind and id.
    entries: BTreeMap<(String, String), Value>,
    refused: BTreeSet<String>,
    asked: Vec<Asked>,
    mood: Mood,
}

impl Known {
    /// The entries of this kind that a query names.
    fn chosen(&self, kind: &str, query: &str) -> Vec<Value> {
        ids(query)
            .filter_map(|id| self.entries.get(&(kind.to_owned(), id.to_owned())).cloned())
            .collect()
    }
}

impl Platform {
    /// Starts a platform without users and topics.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn start() -> Result<Self> {
        let state = Arc::<Mutex<Known>>::default();
        let router = Router::new()
            .route("/v1/{kind}", get(entries))
            .route("/elsewhere/{kind}", get(entries_elsewhere))
            .with_state(Arc::clone(&state));
        Ok(Self {
            url: web_server::serve(router)?,
            state,
        })
    }

    /// The value of `SOCK_API_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Lets the platform know a user, whose object has an `id`.
    pub fn add(&self, user: &Value) {
        self.add_entry("users", user);
    }

    /// Lets the platform know a topic, whose object has an `id`.
    pub fn add_topic(&self, topic: &Value) {
        self.add_entry("topics", topic);
    }

    fn add_entry(&self, kind: &str, entry: &Value) {
        let place = (kind.to_owned(), id_text(&entry["id"]));
        self.with(|known| known.entries.insert(place, entry.clone()));
    }

    /// From now on the platform answers 400 to every request for this id.
    pub fn refuse(&self, id: &Value) {
        self.with(|known| known.refused.insert(id_text(id)));
    }

    /// From now on the platform answers like this.
    pub fn is(&self, mood: Mood) {
        self.with(|known| known.mood = mood);
    }

    /// The requests that asked for the user with this id, in their order.
    pub fn asked_for(&self, id: &Value) -> Vec<Asked> {
        self.asked("users", id)
    }

    /// The requests that asked for the topic with this id, in their order.
    pub fn asked_for_topic(&self, id: &Value) -> Vec<Asked> {
        self.asked("topics", id)
    }

    fn asked(&self, kind: &str, id: &Value) -> Vec<Asked> {
        let id = id_text(id);
        self.with(|known| {
            known
                .asked
                .iter()
                .filter(|asked| asked.kind == kind && ids(&asked.query).any(|asked| asked == id))
                .cloned()
                .collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn entries(
    State(state): State<Arc<Mutex<Known>>>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let query = percent_decode_str(&query.unwrap_or_default())
        .decode_utf8_lossy()
        .into_owned();
    let user_agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let (entries, refused, mood) = {
        let mut known = state.lock().unwrap_or_else(PoisonError::into_inner);
        known.asked.push(Asked {
            kind: kind.clone(),
            query: query.clone(),
            user_agent,
        });
        (
            known.chosen(&kind, &query),
            ids(&query).any(|id| known.refused.contains(id)),
            known.mood,
        )
    };
    match mood {
        Mood::Well if refused => StatusCode::BAD_REQUEST.into_response(),
        Mood::Well => Json(json!({"entries": entries})).into_response(),
        Mood::Failing => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Mood::Babbling => "<html>We'll be back soon</html>".into_response(),
        Mood::Silent => std::future::pending().await,
        Mood::Endless => {
            let spaces = futures_util::stream::repeat(Ok::<_, Infallible>(Bytes::from_static(&[b' '; 16 * 1024])));
            Body::from_stream(spaces).into_response()
        }
        Mood::Redirecting => Redirect::to(&format!("/elsewhere/{kind}?{query}")).into_response(),
        Mood::Refusing => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn entries_elsewhere(
    State(state): State<Arc<Mutex<Known>>>,
    Path(kind): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let known = state.lock().unwrap_or_else(PoisonError::into_inner);
    let entries = known.chosen(&kind, &query.unwrap_or_default());
    Json(json!({"entries": entries})).into_response()
}

fn ids(query: &str) -> impl Iterator<Item = &str> {
    query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("ids="))
        .flat_map(|ids| ids.split(','))
}
