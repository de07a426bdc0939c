//! `GET /api`: says that the service is there. Every route that does not exist ends here too, and so do the preflights of browsers.

use shared::adapters::jwt::Identity;
use shared::config::IdentityConfig;
use shared::error::ApiError;
use shared::runtime::rest::{self, Answer, RestRequest};
use shared::runtime::{StartError, start};
use shared::wire::WelcomeAnswer;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let env = start()?;
    let identity = Identity::new(IdentityConfig::from_env(&env)?)?;
    rest::serve("welcome", &identity, async |request| handle(&request)).await
}

fn handle(request: &RestRequest) -> Result<Answer, ApiError> {
    if request.is_preflight() {
        return Ok(Answer::nothing());
    }
    if request.is_unrouted() {
        return Err(ApiError::RouteNotFound);
    }
    Ok(Answer::ok(&WelcomeAnswer::new(request.user().is_some())))
}
