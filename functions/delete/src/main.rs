//! `DELETE /api/{target}/{id}/{message_id}`: deletes a message.

use shared::app::Writer;
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::DeletedAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let topics = wiring.topics()?;
    let limits = wiring.limits()?;
    let push = wiring.push()?;
    let store = wiring.changing_store().await?;
    let writer = wiring.writer(&store, &push, topics, &limits);
    rest::serve("delete", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let outcome = writer.delete(&caller, &target, &request.message_id()).await?;
    Ok(Answer::ok(&DeletedAnswer::new(&caller.principal.user, &outcome)))
}
