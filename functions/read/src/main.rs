//! `POST /api/{target}/{id}/read`: moves the read position in a conversation forward.

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
    rest::serve("read", &identity, async |_| Err(ApiError::RouteNotFound)).await
}
