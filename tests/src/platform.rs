//! The platform that the chat is added to: knows some users and not others, remembers what it was asked, and can have troubles.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
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
    users: BTreeMap<String, Value>,
    refused: BTreeSet<String>,
    asked: Vec<Asked>,
    mood: Mood,
}

impl Platform {
    /// Starts a platform without users.
    ///
    /// # Errors
    /// When it can't listen.
    pub fn start() -> Result<Self> {
        let state = Arc::<Mutex<Known>>::default();
        let router = Router::new()
            .route("/v1/users", get(users))
            .route("/elsewhere", get(users_elsewhere))
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
        self.with(|known| known.users.insert(id_text(&user["id"]), user.clone()));
    }

    /// From now on the platform answers 400 to every request for this id.
    pub fn refuse(&self, id: &Value) {
        self.with(|known| known.refused.insert(id_text(id)));
    }

    /// From now on the platform answers like this.
    pub fn is(&self, mood: Mood) {
        self.with(|known| known.mood = mood);
    }

    /// The requests that asked for this id, in their order.
    pub fn asked_for(&self, id: &Value) -> Vec<Asked> {
        let id = id_text(id);
        self.with(|known| {
            known
                .asked
                .iter()
                .filter(|asked| ids(&asked.query).any(|asked| asked == id))
                .cloned()
                .collect()
        })
    }

    fn with<T>(&self, act: impl FnOnce(&mut Known) -> T) -> T {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

async fn users(State(state): State<Arc<Mutex<Known>>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Response {
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
            query: query.clone(),
            user_agent,
        });
        (
            ids(&query)
                .filter_map(|id| known.users.get(id).cloned())
                .collect::<Vec<_>>(),
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
        Mood::Redirecting => Redirect::to(&format!("/elsewhere?{query}")).into_response(),
        Mood::Refusing => StatusCode::FORBIDDEN.into_response(),
    }
}

async fn users_elsewhere(State(state): State<Arc<Mutex<Known>>>, RawQuery(query): RawQuery) -> Response {
    let known = state.lock().unwrap_or_else(PoisonError::into_inner);
    let query = query.unwrap_or_default();
    let entries: Vec<_> = ids(&query).filter_map(|id| known.users.get(id).cloned()).collect();
    Json(json!({"entries": entries})).into_response()
}

fn ids(query: &str) -> impl Iterator<Item = &str> {
    query
        .split('&')
        .filter_map(|pair| pair.strip_prefix("ids="))
        .flat_map(|ids| ids.split(','))
}
