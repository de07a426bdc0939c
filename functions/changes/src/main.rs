//! `GET /api/{target}/{id}/changes`: what changed in a conversation since a revision.

use shared::app;
use shared::error::ApiError;
use shared::ports::{PageBounds, Store};
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::ChangesAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let store = wiring.store().await?;
    rest::serve("changes", &identity, |request| handle(&store, request)).await
}

async fn handle(store: &dyn Store, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.user;
    let (target, since) = (request.target()?, request.revision()?);
    let (conversation, changes) = app::changes(store, &user, &target, since, PageBounds::BODY).await?;
    let answer = ChangesAnswer::new(&user, &conversation, &changes, PageBounds::BODY.bytes);
    Ok(Answer::ok(&answer))
}
