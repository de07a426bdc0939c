//! `PUT` and `DELETE /api/{target}/{id}/{message_id}/reactions/{reaction}`: adds a reaction to a message, or takes it back.

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
    rest::serve("reactions", &identity, async |_| Err(ApiError::RouteNotFound)).await
}
