//! `GET /api/sync`: the inbox entries that changed since a cursor.

use shared::adapters::clock::SystemClock;
use shared::adapters::jwt::Identity;
use shared::adapters::redis::RedisStore;
use shared::app;
use shared::config::{IdentityConfig, RedisConfig};
use shared::error::ApiError;
use shared::ports::{PageBounds, Store};
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::runtime::{StartError, start};
use shared::wire::SyncAnswer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let identity = Identity::new(IdentityConfig::from_env(&env)?)?;
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    rest::serve("sync", &identity, |request| handle(&store, request)).await
}

async fn handle(store: &dyn Store, request: RestRequest) -> Result<Answer, ApiError> {
    let (user, since) = (request.caller()?.user, request.since()?);
    let changed = app::changed_entries(store, &user, since, PageBounds::BODY).await?;
    Ok(Answer::ok(&SyncAnswer::new(&user, &changed, PageBounds::BODY.bytes)))
}
