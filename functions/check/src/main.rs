//! Looks at a new version of a function before it gets traffic, and stops the deployment if the version does not work. CodeDeploy calls it for each
//! function, while the alias still leads to the old version.

mod version;

use shared::adapters::clock::SystemClock;
use shared::adapters::deployments::Deployments;
use shared::ports::{Clock as _, Unavailable};
use shared::runtime::StartError;
use shared::runtime::hook::{self, HookEvent};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let deployments = wiring.deployments()?;
    let tokens = wiring.probe_tokens();
    let token = || tokens.as_ref()?.token(probes::USER, SystemClock.now_ms());
    hook::serve("check", async |event| check(&deployments, token(), event).await).await
}

/// Whatever goes wrong, CodeDeploy is told: else it waits for an hour.
async fn check(deployments: &Deployments, token: Option<String>, event: HookEvent) -> Result<(), Unavailable> {
    let is_good = version::works(deployments, token.as_deref(), &event.deployment).await;
    deployments.report(&event.deployment, &event.execution, is_good).await
}
