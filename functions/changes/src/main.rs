//! `GET /api/{target}/{id}/changes`: what changed in a conversation since a revision.

use shared::adapters::clock::SystemClock;
use shared::adapters::jwt::Identity;
use shared::adapters::redis::RedisStore;
use shared::app;
use shared::config::{IdentityConfig, RedisConfig};
use shared::error::ApiError;
use shared::ports::{PageBounds, Store};
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::runtime::{StartError, start};
use shared::wire::ChangesAnswer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let identity = Identity::new(IdentityConfig::from_env(&env)?)?;
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    rest::serve("changes", &identity, |request| handle(&store, request)).await
}

async fn handle(store: &dyn Store, request: RestRequest) -> Result<Answer, ApiError> {
    let user = request.caller()?.user;
    let (target, since) = (request.target()?, request.revision()?);
    let (conversation, changes) = app::changes(store, &user, &target, since, PageBounds::BODY).await?;
    let answer = ChangesAnswer::new(&user, &conversation, &changes, PageBounds::BODY.bytes);
    Ok(Answer::ok(&answer))
}
