//! `GET /api/topic/{id}/members`, `PUT` and `DELETE /api/topic/{id}/members/{user}`: who is in a topic; lets members in and out.

use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let _topics = wiring.topics()?;
    let _push = wiring.push()?;
    let _store = wiring.store().await?;
    rest::serve("members", &identity, async |_| Err(ApiError::RouteNotFound)).await
}
