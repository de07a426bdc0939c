//! `PUT` and `DELETE /api/user/{id}/block`: blocks and unblocks a user. `GET /api/blocks`: the users whom the caller has blocked.

use shared::app::{self, Usage};
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
    let limits = wiring.limits()?;
    let store = wiring.store().await?;
    let usage = wiring.usage(&store, &limits);
    rest::serve("blocks", &identity, |request| handle(&store, usage, request)).await
}

async fn handle(blocks: &dyn Blocks, usage: Usage<'_>, request: RestRequest) -> Result<Answer, ApiError> {
    let caller = request.caller()?;
    if request.method() == "GET" {
        let window = request.time_window()?;
        let reading = app::blocked(blocks, &caller, &window);
        let page = usage.read(&caller.principal, reading).await?;
        return Ok(Answer::ok(&BlocksAnswer::new(&page)));
    }
    let (other, blocked) = (request.other_user()?, request.method() == "PUT");
    app::set_block(blocks, usage, &caller, &other, blocked).await?;
    Ok(Answer::ok(&BlockAnswer::new(other, blocked)))
}
