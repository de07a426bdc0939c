//! `GET /api/{target}/{id}`: a page of a conversation, or what stands around a message.

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
use shared::wire;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let identity = Identity::new(IdentityConfig::from_env(&env)?)?;
    let directory = PlatformDirectory::new(DirectoryConfig::from_env(&env)?)?;
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    rest::serve("history", &identity, |request| handle(&store, &directory, request)).await
}

async fn handle(store: &dyn Store, directory: &dyn Directory, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.user;
    let (target, window) = (request.target()?, request.window()?);
    let (conversation, history, profiles) = app::history(store, directory, &user, &target, &window).await?;
    let answer = wire::history(&conversation, &target, &window, &history, &profiles);
    Ok(Answer::ok(&answer))
}
