//! What is counted and timed, written as one line per invocation in CloudWatch's embedded metric format.
//!
//! A process serves one request at a time, so what is recorded between two answers belongs to the second one.
//!
//! # Source
//! Amazon CloudWatch User Guide, "Specification: Embedded metric format".

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The namespace of all metrics. Their one dimension is `Stack`, so that one alarm with one metric watches all functions of a deployment, and a new
/// function costs no new metric. `Function` and `Release` are fields of each line that CloudWatch Logs Insights finds, and no dimensions.
const NAMESPACE: &str = "Senna";
/// Values of one metric that a line may hold.
const VALUES_MAX: usize = 100;

/// What can be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// A frame that API Gateway took.
    Deliveries,
    /// A connection that API Gateway says is gone.
    Gone,
    /// An attempt at a post after the first one.
    PushRetries,
    /// A post that was given up.
    PushFailures,
    /// A request that the store failed.
    StoreErrors,
    /// How long a request to the store took.
    StoreLatency,
    /// How long a post took, its retries included.
    PushLatency,
}

impl Metric {
    fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "Deliveries",
            Self::Gone => "Gone",
            Self::PushRetries => "PushRetries",
            Self::PushFailures => "PushFailures",
            Self::StoreErrors => "StoreErrors",
            Self::StoreLatency => "StoreLatency",
            Self::PushLatency => "PushLatency",
        }
    }

    fn is_latency(self) -> bool {
        matches!(self, Self::StoreLatency | Self::PushLatency)
    }
}

/// The stack and the function that write the metrics.
pub(crate) struct Source {
    pub(crate) stack: String,
    pub(crate) release: String,
    pub(crate) function: String,
}

static SOURCE: OnceLock<Source> = OnceLock::new();
static RECORDED: Mutex<BTreeMap<Metric, Vec<f64>>> = Mutex::new(BTreeMap::new());

fn record(metric: Metric, value: f64) {
    let mut recorded = RECORDED.lock().unwrap_or_else(PoisonError::into_inner);
    recorded.entry(metric).or_default().push(value);
}

/// Counts one.
pub fn count(metric: Metric) {
    add(metric, 1);
}

/// Counts several.
pub fn add(metric: Metric, number: usize) {
    record(metric, f64::from(u32::try_from(number).unwrap_or(u32::MAX)));
}

/// Records the time since `begun`, in milliseconds.
pub fn time(metric: Metric, begun: Instant) {
    record(metric, begun.elapsed().div_duration_f64(Duration::from_millis(1)));
}

/// Begins to write what is recorded, with the names that the stack and the function have on AWS. On a laptop nobody collects it.
pub(crate) fn enable(source: Source) {
    // A process is one function: a second source could only be the same.
    SOURCE.set(source).ok();
}

/// Takes what was recorded since the last time, and writes it as one line on standard output.
pub(crate) fn flush(now_ms: u64) {
    let recorded = std::mem::take(&mut *RECORDED.lock().unwrap_or_else(PoisonError::into_inner));
    if let Some(source) = SOURCE.get().filter(|_| !recorded.is_empty()) {
        // A log that cannot be written is no reason to fail a request.
        writeln!(std::io::stdout().lock(), "{}", line(source, now_ms, &recorded)).ok();
    }
}

fn line(source: &Source, now_ms: u64, recorded: &BTreeMap<Metric, Vec<f64>>) -> Value {
    let definition = |metric: &Metric| {
        let unit = if metric.is_latency() { "Milliseconds" } else { "Count" };
        json!({"Name": metric.name(), "Unit": unit})
    };
    let mut line = json!({
        "_aws": {
            "Timestamp": now_ms,
            "CloudWatchMetrics": [{
                "Namespace": NAMESPACE,
                "Dimensions": [["Stack"]],
                "Metrics": recorded.keys().map(definition).collect::<Vec<_>>(),
            }],
        },
        "Stack": source.stack,
        "Release": source.release,
        "Function": source.function,
    });
    if let Some(fields) = line.as_object_mut() {
        fields.extend(recorded.iter().map(|(metric, values)| {
            let value = if metric.is_latency() {
                json!(values.iter().take(VALUES_MAX).collect::<Vec<_>>())
            } else {
                json!(values.iter().sum::<f64>())
            };
            (metric.name().to_owned(), value)
        }));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_what_cloudwatch_reads() {
        let recorded = BTreeMap::from([
            (Metric::Deliveries, vec![1.0, 1.0]),
            (Metric::StoreLatency, vec![1.5, 0.25]),
        ]);
        let source = Source {
            stack: "senna".to_owned(),
            release: "0123456789ab".to_owned(),
            function: "senna-Send-1".to_owned(),
        };
        insta::assert_snapshot!(line(&source, 1_750_000_000_000, &recorded), @r#"{"Deliveries":2.0,"Function":"senna-Send-1","Release":"0123456789ab","Stack":"senna","StoreLatency":[1.5,0.25],"_aws":{"CloudWatchMetrics":[{"Dimensions":[["Stack"]],"Metrics":[{"Name":"Deliveries","Unit":"Count"},{"Name":"StoreLatency","Unit":"Milliseconds"}],"Namespace":"Senna"}],"Timestamp":1750000000000}}"#);
    }
}
