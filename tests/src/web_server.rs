//! A web server of the harness's own, which outlives the test that first needed it.

use std::{net::SocketAddr, sync::mpsc, thread};

use anyhow::{Context as _, Result};
use axum::Router;
use tokio::net::TcpListener;

/// Serves `router` on a free port until the process ends, and returns its address, as `http://127.0.0.1:41234`.
///
/// # Errors
/// When there is no port or thread left.
pub fn serve(router: Router) -> Result<String> {
    let (sender, receiver) = mpsc::channel::<Result<SocketAddr>>();
    // A thread with a runtime of its own: that of a test ends with the test.
    thread::Builder::new().name("web server".to_owned()).spawn(move || {
        let serving = async {
            let listener = TcpListener::bind("127.0.0.1:0").await?;
            sender.send(Ok(listener.local_addr()?)).ok();
            axum::serve(listener, router).await?;
            anyhow::Ok(())
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        if let Err(error) = runtime
            .context("no runtime")
            .and_then(|runtime| runtime.block_on(serving))
        {
            sender.send(Err(error)).ok();
        }
    })?;
    let address = receiver.recv().context("the server ended")??;
    Ok(format!("http://{address}"))
}

/// An address of this machine where nobody listens.
///
/// # Errors
/// When there is no port left.
pub fn closed_port() -> Result<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
