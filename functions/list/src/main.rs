//! `GET /api/list`: the inbox, newest activity first.

use shared::adapters::clock::SystemClock;
use shared::adapters::directory::PlatformDirectory;
use shared::adapters::jwt::Identity;
use shared::adapters::redis::RedisStore;
use shared::app;
use shared::config::{DirectoryConfig, IdentityConfig, RedisConfig};
use shared::error::ApiError;
use shared::ports::{Directory, Store};
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::runtime::{StartError, start};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let identity = Identity::new(IdentityConfig::from_env(&env)?)?;
    let directory = PlatformDirectory::new(DirectoryConfig::from_env(&env)?)?;
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    rest::serve("list", &identity, |request| handle(&store, &directory, request)).await
}

async fn handle(store: &dyn Store, directory: &dyn Directory, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.user;
    let directory = (!request.flag("no_format")?).then_some(directory);
    Ok(Answer::ok(&app::inbox(store, directory, &user, request.page()?).await?))
}
