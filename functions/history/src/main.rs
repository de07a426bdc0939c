//! `GET /api/{target}/{id}`: a page of a conversation, or what stands around a message.

use shared::app;
use shared::error::ApiError;
use shared::ports::{Directory, Store};
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let directory = wiring.directory()?;
    let store = wiring.store().await?;
    rest::serve("history", &identity, |request| handle(&store, &directory, request)).await
}

async fn handle(store: &dyn Store, directory: &dyn Directory, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.user;
    let (target, window) = (request.target()?, request.window()?);
    let (conversation, history, profiles) = app::history(store, directory, &user, &target, &window).await?;
    let answer = wire::history(&conversation, &target, &window, &history, &profiles);
    Ok(Answer::ok(&answer))
}
