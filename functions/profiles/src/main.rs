//! `GET /api/profiles`: what the platform says about users and topics, for those whom a client has only met in a push.

use shared::app;
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
    rest::serve("profiles", &identity, |request| handle(&directory, request)).await
}

async fn handle(directory: &dyn Directory, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.principal.user;
    let (users, topics) = request.profiles()?;
    let listing = app::profiles(directory, &user, &users, &topics).await;
    Ok(Answer::ok(&wire::profiles(&users, &topics, &listing)))
}
