//! `GET /api/presence`: who is online.

use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let _presence = wiring.presence()?;
    let _store = wiring.store().await?;
    rest::serve("presence", &identity, async |_| Err(ApiError::RouteNotFound)).await
}
