//! `$connect`: lets a client with a good token in and records its connection, before the handshake is answered.

mod handshake;

use shared::adapters::jwt::Identity;
use shared::app::Signaller;
use shared::config::AllowedOrigins;
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let (identity, origins) = (wiring.identity()?, wiring.origins()?);
    let (topics, presence) = (wiring.topics()?, wiring.presence()?);
    let limits = wiring.limits()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let signaller = wiring.signaller(&store, &push, topics, presence, &limits);
    socket::serve("connect", |event| handle(signaller, &identity, &origins, event)).await
}

async fn handle(
    signaller: Signaller<'_>,
    identity: &Identity,
    origins: &AllowedOrigins,
    event: SocketEvent,
) -> Result<SocketAnswer, ApiError> {
    origins.check(event.headers())?;
    let token = handshake::token(identity, &event).ok_or(ApiError::NotAuthenticated)?;
    let principal = identity.principal(token, event.headers()).await?;
    signaller
        .connect(&principal, &event.connection, event.connected_at_ms)
        .await?;
    Ok(SocketAnswer::accepted(handshake::subprotocol(&event)))
}
