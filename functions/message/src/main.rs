//! `$default`: answers every frame that a WebSocket client sends, over the same connection.

mod actions;

use shared::adapters::api_gateway::ApiGatewayPush;
use shared::adapters::clock::SystemClock;
use shared::adapters::redis::RedisStore;
use shared::app::Writer;
use shared::config::{EventLogConfig, PushConfig, RedisConfig};
use shared::error::ApiError;
use shared::ports::Clock;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent, frame_error};
use shared::runtime::{StartError, start};
use shared::wire::{self, ClientFrame};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let push = ApiGatewayPush::new(PushConfig::from_env(&env)?);
    let store = RedisStore::connect(RedisConfig::from_env(&env)?, SystemClock).await?;
    let writer = Writer {
        store: &store,
        push: &push,
        bounds: EventLogConfig::from_env(&env)?.bounds,
    };
    socket::serve("message", |event| answer(writer, &SystemClock, event)).await
}

/// A frame that cannot be done gets an error frame; the connection stays.
async fn answer(writer: Writer<'_>, clock: &dyn Clock, event: SocketEvent) -> Result<SocketAnswer, ApiError> {
    let frame = event.frame().and_then(ClientFrame::parse);
    let id = frame.as_ref().ok().and_then(|frame| frame.id().ok()).flatten();
    let outcome = match frame {
        Ok(frame) => event.in_time(actions::run(writer, clock, &event, &frame)).await,
        Err(error) => Err(error),
    };
    Ok(SocketAnswer::frame(match outcome {
        Ok(done) => wire::reply_result(id, &done.answer, done.place),
        Err(error) => wire::reply_error(id, frame_error(&event.request_id, &error)),
    }))
}
