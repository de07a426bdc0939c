//! Lambda: how functions are started, given their requests, and ended.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;

use crate::{
    bench::{Bench, PLAIN, mark},
    requirement::{Requirement, requirement},
};

/// The page on the Runtime API.
const RUNTIME_API: &str = "Lambda developer guide, Using the Lambda runtime API for custom runtimes";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![requirement(
        "lambda.name.is_the_functions_own",
        RUNTIME_API,
        name_is_the_functions_own,
    )]
}

async fn name_is_the_functions_own() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let request = Bench::request(Method::GET, &format!("/fixed?{mark}"), &json!([]));
    bench.http(request).await?;
    let recorded = bench
        .recorder
        .events(|recorded| recorded.event["rawQueryString"] == mark);
    ensure!(
        recorded.iter().all(|recorded| recorded.function == "Http"),
        "{recorded:?}"
    );
    ensure!(recorded.len() == 1, "{recorded:?}");
    Ok(())
}
