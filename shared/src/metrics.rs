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

use serde::{Serialize, Serializer};

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
static RECORDED: Mutex<Recorded> = Mutex::new(BTreeMap::new());

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
    let Some(source) = SOURCE.get().filter(|_| !recorded.is_empty()) else {
        return;
    };
    if let Ok(mut line) = serde_json::to_vec(&Line::new(source, now_ms, &recorded)) {
        line.push(b'\n');
        // In one piece, which is one system call. A log that cannot be written is no reason to fail a request.
        std::io::stdout().lock().write_all(&line).ok();
    }
}

type Recorded = BTreeMap<Metric, Vec<f64>>;

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Line<'a> {
    #[serde(rename = "_aws")]
    aws: Directive,
    stack: &'a str,
    release: &'a str,
    function: &'a str,
    #[serde(flatten, serialize_with = "values")]
    values: &'a Recorded,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Directive {
    timestamp: u64,
    cloud_watch_metrics: [Definitions; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definitions {
    namespace: &'static str,
    dimensions: [[&'static str; 1]; 1],
    metrics: Vec<Definition>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Definition {
    name: &'static str,
    unit: &'static str,
}

impl<'a> Line<'a> {
    fn new(source: &'a Source, now_ms: u64, recorded: &'a Recorded) -> Self {
        let definition = |metric: &Metric| Definition {
            name: metric.name(),
            unit: if metric.is_latency() { "Milliseconds" } else { "Count" },
        };
        let definitions = Definitions {
            namespace: NAMESPACE,
            dimensions: [["Stack"]],
            metrics: recorded.keys().map(definition).collect(),
        };
        Self {
            aws: Directive {
                timestamp: now_ms,
                cloud_watch_metrics: [definitions],
            },
            stack: &source.stack,
            release: &source.release,
            function: &source.function,
            values: recorded,
        }
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Value<'a> {
    Each(&'a [f64]),
    Sum(f64),
}

/// Each latency, and the sum of what is counted.
fn values<S: Serializer>(recorded: &Recorded, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(recorded.iter().map(|(metric, values)| {
        let value = if metric.is_latency() {
            Value::Each(values.get(..VALUES_MAX).unwrap_or(values))
        } else {
            Value::Sum(values.iter().sum())
        };
        (metric.name(), value)
    }))
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
        let line = serde_json::to_string(&Line::new(&source, 1_750_000_000_000, &recorded)).unwrap();
        insta::assert_snapshot!(line, @r#"{"_aws":{"Timestamp":1750000000000,"CloudWatchMetrics":[{"Namespace":"Senna","Dimensions":[["Stack"]],"Metrics":[{"Name":"Deliveries","Unit":"Count"},{"Name":"StoreLatency","Unit":"Milliseconds"}]}]},"Stack":"senna","Release":"0123456789ab","Function":"senna-Send-1","Deliveries":2.0,"StoreLatency":[1.5,0.25]}"#);
    }
}
