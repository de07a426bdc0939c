//! Where the probe tells what events it got, and where it waits until a test lets it go on.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use anyhow::{Context as _, Result};
use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::StatusCode,
    routing::{get, post},
};
use serde_json::Value;
use tests::{PATIENCE, web_server};
use tokio::{sync::watch, time::timeout};

/// An event that a function got.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// The function's name.
    pub(crate) function: String,
    /// The event as it came.
    pub(crate) event: Value,
}

/// Everything that came, and the gates that are open.
#[derive(Debug, Default)]
struct Known {
    events: Vec<Recorded>,
    open: BTreeSet<String>,
    /// The stacks of which a probe that fails at its start has started once.
    started: BTreeSet<String>,
}

/// The one recorder of this test process.
#[derive(Clone, Debug)]
pub(crate) struct Recorder {
    url: String,
    known: Arc<watch::Sender<Known>>,
}

/// The recorder, which starts when it is first needed.
///
/// # Errors
/// When it can't listen.
pub(crate) fn recorder() -> Result<&'static Recorder> {
    static RECORDER: LazyLock<Result<Recorder, String>> =
        LazyLock::new(|| Recorder::start().map_err(|error| format!("{error:#}")));
    RECORDER
        .as_ref()
        .map_err(|error| anyhow::anyhow!("no recorder: {error}"))
}

impl Recorder {
    fn start() -> Result<Self> {
        let known = Arc::new(watch::Sender::new(Known::default()));
        let router = Router::new()
            .route("/events/{function}", post(record))
            .route("/gates/{gate}", get(wait))
            .route("/first-starts/{stack}", post(is_first))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&known));
        let url = web_server::serve(router)?;
        Ok(Self { url, known })
    }

    /// Its address, for the probe.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The first event that `fits`, now or later.
    ///
    /// # Errors
    /// When none comes in time.
    pub(crate) async fn event(&self, what: &str, fits: impl Fn(&Recorded) -> bool) -> Result<Recorded> {
        let mut seen = self.known.subscribe();
        let found = timeout(PATIENCE, seen.wait_for(|known| known.events.iter().any(&fits))).await;
        let known = found.with_context(|| format!("no function got {what}"))??;
        let event = known.events.iter().find(|recorded| fits(recorded)).cloned();
        event.context("it was there")
    }

    /// Every event so far that `fits`.
    pub(crate) fn events(&self, fits: impl Fn(&Recorded) -> bool) -> Vec<Recorded> {
        let known = self.known.borrow();
        known.events.iter().filter(|recorded| fits(recorded)).cloned().collect()
    }

    /// Lets every probe go on that waits, or will wait, at this gate.
    pub(crate) fn open(&self, gate: &str) {
        self.known.send_modify(|known| {
            known.open.insert(gate.to_owned());
        });
    }
}

async fn record(
    State(known): State<Arc<watch::Sender<Known>>>,
    Path(function): Path<String>,
    Json(event): Json<Value>,
) {
    known.send_modify(|known| known.events.push(Recorded { function, event }));
}

async fn wait(State(known): State<Arc<watch::Sender<Known>>>, Path(gate): Path<String>) {
    let mut seen = known.subscribe();
    // The sender is held here, so it can't fail.
    drop(seen.wait_for(|known| known.open.contains(&gate)).await);
}

/// Good to the first that asks for a stack, and 409 to all others.
async fn is_first(State(known): State<Arc<watch::Sender<Known>>>, Path(stack): Path<String>) -> StatusCode {
    if known.send_if_modified(|known| known.started.insert(stack)) {
        StatusCode::OK
    } else {
        StatusCode::CONFLICT
    }
}
