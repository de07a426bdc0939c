//! `@connections`: how functions push to clients, ask about them, and close them.

use anyhow::{Result, ensure};
use http::Method;

use crate::{
    bench::PLAIN,
    requirement::{Requirement, requirement},
};

/// The page on pushes.
const CONNECTIONS: &str = "API Gateway developer guide, Use @connections commands in your backend service";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![requirement(
        "conn.post.reaches_the_client_as_text",
        CONNECTIONS,
        reaches_the_client_as_text,
    )]
}

async fn reaches_the_client_as_text() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mut connected = bench.connect().await?;
    let reply = bench.connections(Method::POST, &connected.id, "hello").await?;
    ensure!((reply.status, reply.text()) == (200, String::new()), "{reply:?}");
    ensure!(connected.client.text().await? == "hello");
    Ok(())
}
