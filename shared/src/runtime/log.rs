//! Log lines: JSON in Lambda, plain on a laptop. They carry ids, sizes and codes, never a text or token.

use lambda_runtime::Context;
use tracing::Span;
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Layer as _, fmt as lines};

use super::StartError;
use crate::adapters::clock::SystemClock;
use crate::config::{Environment, LogConfig};
use crate::error::{ApiError, Chain};
use crate::metrics;
use crate::trace::{self, XRay};

/// What every function does first: reads the environment, starts the log and chooses the one crypto provider of the program.
///
/// # Errors
/// [`StartError`] if the log's configuration is wrong.
pub fn start() -> Result<Environment, StartError> {
    let env = Environment::of_process();
    let config = LogConfig::from_env(&env)?;
    let layer = lines::layer().with_target(false);
    // CloudWatch stamps every line itself.
    let layer = if config.json {
        metrics::enable(metrics::Source {
            stack: config.stack,
            release: config.release,
            function: config.function,
        });
        layer
            .json()
            .flatten_event(true)
            .with_current_span(true)
            .with_span_list(false)
            .without_time()
            .boxed()
    } else {
        layer.without_time().with_ansi(false).boxed()
    };
    let traces = config.xray_daemon.as_deref();
    let traces = traces.and_then(|daemon| XRay::layer(daemon, SystemClock));
    tracing_subscriber::registry()
        .with(traces)
        // The runtime's own span tells nothing that ours does not.
        .with(layer.with_filter(config.filter.with_target("lambda_runtime", LevelFilter::WARN)))
        .try_init()?;
    // Fails only if a provider was chosen before, which is then the same one.
    rustls::crypto::ring::default_provider().install_default().ok();
    Ok(env)
}

/// Begins the span of an invocation.
pub(super) fn span(function: &str, context: &Context) -> Span {
    trace::invocation(function, &context.request_id, context.xray_trace_id.as_deref())
}

/// Logs how a request ended. Refusals are the client's business; a failure is ours, with all its causes.
pub(super) fn log_outcome(outcome: Result<u16, &ApiError>) {
    match outcome {
        Ok(status) => tracing::info!(status, "answered"),
        Err(error @ ApiError::Unavailable(_)) => {
            tracing::error!(status = error.status(), error = %Chain(error), "failed");
        }
        Err(error) => {
            tracing::info!(
                status = error.status(),
                code = error.code(),
                name = error.name(),
                "refused"
            );
        }
    }
}
