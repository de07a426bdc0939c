//! The HTTP API: which route a request takes, what its function is told, and what becomes of the answer.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::json;

use crate::{
    bench::{Bench, PLAIN},
    requirement::{Requirement, requirement},
};

/// The page on events and answers of a Lambda integration.
const INTEGRATION: &str = "API Gateway developer guide, Create AWS Lambda proxy integrations for HTTP APIs";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![requirement("http.event.path_parameters", INTEGRATION, path_parameters)]
}

async fn path_parameters() -> Result<()> {
    let request = Bench::request(Method::GET, "/items/a%20b/parts/7", &json!([{"echo": 200}]));
    let event = PLAIN.bench()?.http(request).await?.json();
    ensure!(event["pathParameters"] == json!({"id": "a b", "part": "7"}), "{event}");
    ensure!(event["routeKey"] == "ANY /items/{id}/parts/{part}", "{event}");
    Ok(())
}
