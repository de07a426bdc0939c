//! `PUT` and `DELETE /api/user/{id}/block`: blocks a user, and takes that back. `GET /api/blocks`: whom one has blocked.

use shared::app;
use shared::error::ApiError;
use shared::ports::Blocks;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::{BlockAnswer, BlocksAnswer};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    let store = wiring.store().await?;
    rest::serve("blocks", &identity, |request| handle(&store, request)).await
}

async fn handle(blocks: &dyn Blocks, request: RestRequest) -> Result<Answer, ApiError> {
    let caller = request.caller()?;
    if request.method() == "GET" {
        let window = request.time_window()?;
        let page = app::blocked(blocks, &caller, &window).await?;
        return Ok(Answer::ok(&BlocksAnswer::new(&page)));
    }
    let (other, blocked) = (request.other_user()?, request.method() == "PUT");
    if blocked {
        app::block(blocks, &caller, &other).await?;
    } else {
        app::unblock(blocks, &caller, &other).await?;
    }
    Ok(Answer::ok(&BlockAnswer::new(other, blocked)))
}
