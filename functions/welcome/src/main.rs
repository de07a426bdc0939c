//! `GET /api`: says that the service is there. Every request that fits no other route comes here too: preflights of browsers, the addresses
//! of our routes with slashes too many, and what does not exist.

mod address;

use shared::error::ApiError;
use shared::runtime::StartError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::wire::WelcomeAnswer;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let identity = wiring.identity()?;
    rest::serve("welcome", &identity, async |request| handle(&request)).await
}

fn handle(request: &RestRequest) -> Result<Answer, ApiError> {
    if request.is_preflight() {
        return Ok(Answer::nothing());
    }
    match address::route(request.method(), request.path(), request.stage()) {
        Some(address::Route::Welcome) => Ok(Answer::ok(&WelcomeAnswer::new(request.user().is_some()))),
        Some(address::Route::Elsewhere(path)) => Ok(Answer::moved(address::with_query(path, request.raw_query()))),
        None => Err(ApiError::RouteNotFound),
    }
}
