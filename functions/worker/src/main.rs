//! Does what has to happen after an answer: the jobs of the queue, and every minute what is due.

use shared::ports::Unavailable;
use shared::runtime::StartError;
use shared::runtime::worker::{self, QueuedJob};
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    Wiring::start()?;
    worker::serve("worker", do_job, each_minute).await
}

/// There are no jobs yet, so none is known.
async fn do_job(_: QueuedJob) -> Result<(), Unavailable> {
    Err(Unavailable::new("worker", "it does not know this job"))
}

async fn each_minute(_: u64) -> Result<(), Unavailable> {
    Ok(())
}
