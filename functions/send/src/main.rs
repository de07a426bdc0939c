//! `POST /api/{target}/{id}`: stores a message and tells everyone in the conversation.

use shared::adapters::api_gateway::ApiGatewayPush;
use shared::adapters::clock::SystemClock;
use shared::adapters::jwt::Identity;
use shared::adapters::redis::RedisStore;
use shared::app::{Draft, Writer};
use shared::config::{IdentityConfig, PushConfig, RedisConfig};
use shared::error::ApiError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::runtime::{StartError, start};
use shared::wire::{ContentBody, EntryAnswer};

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
    rest::serve("send", &identity, |request| handle(writer, request)).await
}

async fn handle(writer: Writer<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let (caller, target) = (request.caller()?, request.target()?);
    let content = ContentBody::parse(request.body()?)?;
    let (body, metadata) = content.to_send()?;
    let draft = Draft {
        body,
        metadata,
        retry_key: content.client_id()?.or(request.idempotency_key()?),
    };
    let outcome = writer.send(&caller, &target, &draft).await?;
    Ok(Answer::created(&EntryAnswer::new(&caller.user, &outcome)))
}
