//! `POST /api/{target}/{id}/read`: moves the caller's read position forward.

use shared::app::Writer;
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{ReadAnswer, RequestBody};
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
    rest::serve("read", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let up_to = RequestBody::parse_optional(request.body()?)?.up_to()?;
    let outcome = writer.read(&caller, &target, up_to).await?;
    Ok(Answer::ok(&ReadAnswer::new(&caller.principal.user, &outcome)))
}
