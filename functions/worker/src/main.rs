//! Does what has to happen after an answer: the jobs of the queue, and every minute what is due.

use shared::app::Worker;
use shared::domain::{Limits, TopicRules};
use shared::ports::Unavailable;
use shared::runtime::StartError;
use shared::runtime::worker::{self, QueuedJob};
use shared::wire;
use shared::wiring::Wiring;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), StartError> {
    let wiring = Wiring::start()?;
    let (queue, webhook, retention) = (wiring.queue()?, wiring.webhook()?, wiring.retention()?);
    let queue = queue.ok_or("SOCK_QUEUE_URL is missing: it says where jobs come from")?;
    let push = wiring.push()?;
    let (store, uploads) = (wiring.store().await?, wiring.uploads()?);
    let writer = wiring.writer(&store, &push, TopicRules::default(), &Limits::OFF);
    let writer = writer.keeping_images(uploads.as_ref());
    let eraser = wiring.eraser(wiring.platform(writer, &store, &[]), &store);
    let worker = wiring.worker(&store, eraser, &queue, webhook.as_ref());
    let trimmer = wiring.trimmer(&store, &retention);
    let minute = async |deadline_ms| worker.sweep().await.and(trimmer.run(deadline_ms).await);
    worker::serve("worker", |job| carry_out(&worker, job), minute).await
}

/// A job that failed comes again later. One that cannot be read may be of a newer release, which then takes it.
async fn carry_out(worker: &Worker<'_>, queued: QueuedJob) -> Result<(), Unavailable> {
    let outcome = match wire::parse_job(&queued.body) {
        Some(job) => worker.carry_out(&job).await,
        None => Err(Unavailable::new("worker", "it does not know this job")),
    };
    if outcome.is_err() {
        worker.put_off(&queued.receipt, queued.deliveries).await;
    }
    outcome
}
