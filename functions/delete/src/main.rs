//! `DELETE /api/{target}/{id}/{message_id}`: deletes a message.

use shared::adapters::api_gateway::ApiGatewayPush;
use shared::adapters::clock::SystemClock;
use shared::adapters::jwt::Identity;
use shared::adapters::redis::RedisStore;
use shared::app::Writer;
use shared::config::{IdentityConfig, PushConfig, RedisConfig};
use shared::error::ApiError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::runtime::{StartError, start};
use shared::wire::DeletedAnswer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let identity = Identity::new(IdentityConfig::from_env(&env)?)?;
    let push = ApiGatewayPush::new(PushConfig::from_env(&env)?);
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    let writer = Writer {
        store: &store,
        push: &push,
    };
    rest::serve("delete", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let outcome = writer.delete(&caller, &target, &request.message_id()).await?;
    Ok(Answer::ok(&DeletedAnswer::new(&caller.user, &outcome)))
}
