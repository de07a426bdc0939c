//! `POST /api/{target}/{id}/{message_id}`: edits a message, or marks it seen.

use shared::app::Writer;
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::ContentBody;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let writer = wiring.writer(&store, &push)?;
    rest::serve("update", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let edit = ContentBody::parse(request.body()?)?.to_edit()?;
    let done = writer.update(&caller, &target, &request.message_id(), &edit).await?;
    Ok(Answer::ok(&done.answer))
}
