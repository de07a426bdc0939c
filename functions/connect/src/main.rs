//! `$connect`: lets a client with a good token in and records its connection, before the handshake is answered.

mod handshake;

use shared::adapters::jwt::Identity;
use shared::error::ApiError;
use shared::ports::Store;
use shared::runtime::StartError;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let store = wiring.store().await?;
    socket::serve("connect", |event| handle(&store, &identity, event)).await
}

async fn handle(store: &dyn Store, identity: &Identity, event: SocketEvent) -> Result<SocketAnswer, ApiError> {
    let token = handshake::token(identity, &event).ok_or(ApiError::NotAuthenticated)?;
    let user = identity.user(token, event.headers()).await?;
    if !store
        .open_connection(&user, &event.connection, event.connected_at_ms)
        .await?
    {
        return Err(ApiError::TooManyConnections);
    }
    Ok(SocketAnswer::accepted(handshake::subprotocol(&event)))
}
