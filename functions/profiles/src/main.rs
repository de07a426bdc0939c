//! `GET /api/profiles`: what the platform says about users and topics, for those whom a client has only met in a push.

use shared::app::{self, Usage};
use shared::error::ApiError;
use shared::ports::Directory;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let directory = wiring.directory()?;
    let limits = wiring.limits()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    rest::serve("profiles", &identity, |request| handle(&directory, usage, request)).await
}

async fn handle(directory: &dyn Directory, usage: Usage<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let reader = request.caller()?.principal;
    let (users, topics) = request.profiles()?;
    // First, so that a refused request does not reach the platform's API.
    usage.admit_read(&reader).await?;
    let listing = app::profiles(directory, &reader.user, &users, &topics).await;
    Ok(Answer::ok(&wire::profiles(&users, &topics, &listing)))
}
