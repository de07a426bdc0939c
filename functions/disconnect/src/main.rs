//! `$disconnect`: forgets a connection that has ended. API Gateway does its best to call it and never promises to.

use shared::app::Signaller;
use shared::domain::{Limits, TopicRules};
use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::socket::{self, SocketAnswer, SocketEvent};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let presence = wiring.presence()?;
    let push = wiring.push()?;
    let store = wiring.store().await?;
    let signaller = wiring.signaller(&store, &push, TopicRules::default(), presence, &Limits::OFF);
    socket::serve("disconnect", |event| handle(signaller, event)).await
}

async fn handle(signaller: Signaller<'_>, event: SocketEvent) -> Result<SocketAnswer, ApiError> {
    signaller.disconnect(&event.connection).await?;
    Ok(SocketAnswer::default())
}
