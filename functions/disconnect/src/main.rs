//! `$disconnect`: forgets a connection that has ended. API Gateway does its best to call it and never promises to.

use shared::adapters::clock::SystemClock;
use shared::adapters::redis::RedisStore;
use shared::config::RedisConfig;
use shared::error::ApiError;
use shared::ports::Store;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent};
use shared::runtime::{StartError, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    socket::serve("disconnect", |event| handle(&store, event)).await
}

async fn handle(store: &dyn Store, event: SocketEvent) -> Result<SocketAnswer, ApiError> {
    if let Some(user) = store.connection(&event.connection).await? {
        store.close_connections(&user, &[event.connection]).await?;
    }
    Ok(SocketAnswer::default())
}
