//! `PUT /api/{target}/{id}/settings`: mutes, hides or pins a conversation in the inbox.

use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let _push = wiring.push()?;
    let _store = wiring.store().await?;
    rest::serve("settings", &identity, async |_| Err(ApiError::RouteNotFound)).await
}
