//! `$default`: answers every frame that a WebSocket client sends, over the same connection.

mod actions;

use shared::adapters::jwt::Identity;
use shared::app::{Signaller, Writer};
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent, frame_error};
use shared::wire::{self, ClientFrame};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let (topics, presence) = (wiring.topics()?, wiring.presence()?);
    let limits = wiring.limits()?;
    let push = wiring.push()?;
    let store = wiring.changing_store().await?;
    let (queue, uploads) = (wiring.queue()?, wiring.uploads()?);
    let later = wiring.later(&store, queue.as_ref());
    let writer = wiring.sender(&store, &push, topics, &limits, later);
    let writer = writer.keeping_images(uploads.as_ref());
    let signaller = wiring.signaller(&store, &push, topics, presence, &limits);
    socket::serve("message", |event| answer(&identity, writer, signaller, event)).await
}

/// A frame that cannot be done gets an error frame; the connection stays.
async fn answer(
    identity: &Identity,
    writer: Writer<'_>,
    signaller: Signaller<'_>,
    event: SocketEvent,
) -> Result<SocketAnswer, ApiError> {
    let frame = event.frame().and_then(ClientFrame::parse);
    let id = frame.as_ref().ok().and_then(|frame| frame.id().ok()).flatten();
    let outcome = match frame {
        Ok(frame) => {
            event
                .in_time(actions::run(identity, writer, signaller, &event, &frame))
                .await
        }
        Err(error) => Err(error),
    };
    Ok(SocketAnswer::frame(match outcome {
        Ok((result, place)) => wire::reply_result(id, &result, place),
        Err(error) => wire::reply_error(id, frame_error(&event.request_id, &error)),
    }))
}
