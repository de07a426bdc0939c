//! `GET /api/presence`: who is online of those with whom the caller talks.

use shared::app::{self, Usage};
use shared::domain::limits::WATCHED_PER_FRAME;
use shared::error::ApiError;
use shared::ports::Signals;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::PresenceAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let presence = wiring.presence()?;
    let limits = wiring.limits()?;
    let store = wiring.store().await?;
    let signals = presence.enabled.then_some(&store as &dyn Signals);
    let usage = wiring.usage(&store, &limits);
    rest::serve("presence", &identity, |request| handle(signals, usage, request)).await
}

async fn handle(signals: Option<&dyn Signals>, usage: Usage<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let reader = request.caller()?.principal;
    let ids = request.presence_ids()?;
    // First, because each id is a script in another slot: a refused request must not run a hundred of them.
    usage.admit_reads(&reader, 1 + ids.len() / WATCHED_PER_FRAME).await?;
    let seen = app::presence(signals, &reader.user, &ids).await?;
    Ok(Answer::ok(&PresenceAnswer::new(&seen)))
}
