//! `GET /api/topic/{id}/members`, `PUT` and `DELETE /api/topic/{id}/members/{user}`: who is in a topic; lets members in and out.

use shared::app::{self, Writer};
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{self, MemberAnswer, RequestBody};
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
    rest::serve("members", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, topic) = (request.caller()?, request.topic()?);
    if request.method() == "GET" {
        let page = request.members_page()?;
        let reading = app::members(writer.store, writer.topics, &caller.principal, &topic);
        let members = writer.usage.read(&caller.principal, reading).await?;
        return Ok(Answer::ok(&wire::members(&members, &page)));
    }
    let member = request.member(&caller)?;
    let outcome = if request.method() == "PUT" {
        let role = RequestBody::parse_optional(request.body()?)?.role()?;
        writer.put_member(&caller, &topic, &member, role).await?
    } else {
        writer.remove_member(&caller, &topic, &member).await?
    };
    Ok(Answer::ok(&MemberAnswer::new(&caller.principal.user, &outcome)))
}
