//! `PUT` and `DELETE /api/{target}/{id}/{message_id}/reactions/{reaction}`: gives a reaction, or takes it back.

use shared::app::Writer;
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::EntryAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let writer = wiring.writer(&store, &push, topics, &limits);
    rest::serve("reactions", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let (message_id, reaction) = (request.message_id(), request.reaction()?);
    let give = request.method() == "PUT";
    let reacted = writer.react(&caller, &target, &message_id, &reaction, give);
    Ok(Answer::ok(&EntryAnswer::new(&caller.principal.user, &reacted.await?)))
}
