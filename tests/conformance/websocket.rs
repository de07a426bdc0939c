//! The WebSocket API: handshakes, messages and their routes, and how connections end.

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    bench::PLAIN,
    requirement::{Requirement, requirement},
};

/// A recorded experiment: what wscat sees for each answer of `$connect`.
const WSCAT: &str = "recorded experiment with wscat on answers of $connect; agrees with the developer guide";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![requirement(
        "ws.connect.status_passes_through",
        WSCAT,
        status_passes_through,
    )]
}

async fn status_passes_through() -> Result<()> {
    let bench = PLAIN.bench()?;
    for (answered, seen) in [(200, 101), (201, 101), (301, 301), (400, 400), (401, 401), (501, 501)] {
        let steps = json!([{"answer": {"statusCode": answered}}]).to_string();
        let status = bench.handshake("/stage", &[("X-Probe", &steps)]).await?.status;
        ensure!(status == seen, "{answered} gives {status}");
    }
    Ok(())
}
