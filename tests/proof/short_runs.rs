//! Both kinds of proof for half a minute.

use std::time::Duration;

use anyhow::Result;

use crate::prove;

async fn holds(seconds: u64, cluster: bool) -> Result<()> {
    let report = prove(1, Duration::from_secs(seconds), cluster).await?;
    assert!(report.is_good(), "{report}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_on_one_node() -> Result<()> {
    holds(30, false).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_on_a_cluster_that_fails_over() -> Result<()> {
    holds(25, true).await
}
