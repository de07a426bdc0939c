//! The function that CodeDeploy calls before a version gets traffic.
//!
//! # Source
//! CodeDeploy User Guide, "AppSpec 'hooks' section for an AWS Lambda deployment": the event has `DeploymentId` and `LifecycleEventHookExecutionId`.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use lambda_runtime::{LambdaEvent, service_fn};
use serde_json::Value;
use tracing::Instrument as _;

use super::{StartError, log};
use crate::error::Chain;
use crate::ports::Unavailable;

/// A deployment waits for the answer to this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookEvent {
    /// The deployment.
    pub deployment: String,
    /// The execution of the hook that CodeDeploy waits for.
    pub execution: String,
}

/// Serves events until Lambda ends the process. If the handler fails, the invocation fails.
///
/// # Errors
/// [`StartError`] if the runtime cannot be reached.
pub async fn serve(
    function: &str,
    handler: impl AsyncFn(HookEvent) -> Result<(), Unavailable>,
) -> Result<(), StartError> {
    let handler = &handler;
    let respond = |LambdaEvent { payload, context }: LambdaEvent<Value>| {
        let span = log::span(function, &context);
        let answering = async move {
            let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
            let event = HookEvent {
                deployment: text("DeploymentId"),
                execution: text("LifecycleEventHookExecutionId"),
            };
            handler(event).await.map_err(|error| {
                let error = Chain(&error).to_string();
                tracing::error!(error, "failed");
                error
            })
        };
        answering.instrument(span)
    };
    Ok(lambda_runtime::run(service_fn(respond)).await?)
}
