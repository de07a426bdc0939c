//! `$disconnect`: forgets a connection that has ended. API Gateway does its best to call it and never promises to.

use shared::error::ApiError;
use shared::ports::Store;
use shared::runtime::StartError;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let store = wiring.store().await?;
    socket::serve("disconnect", |event| handle(&store, event)).await
}

async fn handle(store: &dyn Store, event: SocketEvent) -> Result<SocketAnswer, ApiError> {
    if let Some(user) = store.connection(&event.connection).await? {
        store.close_connections(&user, &[event.connection]).await?;
    }
    Ok(SocketAnswer::default())
}
