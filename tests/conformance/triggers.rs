//! What runs functions by itself: the messages of a queue, and a schedule.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::until;
use tokio::task::block_in_place;

use crate::{
    bench::{Bench, PLAIN, mark},
    recorder::Recorded,
    requirement::{Requirement, requirement},
};

const EVENT: &str = "Lambda developer guide, Using Lambda with Amazon SQS";
const ERRORS: &str = "Lambda developer guide, Handling errors for an SQS event source in Lambda";
const SCALING: &str = "Lambda developer guide, Configuring scaling behavior for SQS event source mappings";
const SCHEDULE: &str = "EventBridge user guide, Creating a rule that runs on a schedule";
/// What faults rest on: nothing of AWS, but our own promise.
const OURS: &str = "docs/local.md";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("queue.mapping.event_to_the_field", EVENT, event_to_the_field),
        requirement("queue.mapping.done_is_deleted", EVENT, done_is_deleted),
        requirement("queue.mapping.failed_ones_come_again", ERRORS, failed_ones_come_again),
        requirement("queue.mapping.function_error_keeps_the_batch", ERRORS, function_error),
        requirement("queue.mapping.function_puts_a_message_off", ERRORS, puts_off),
        requirement("queue.mapping.dead_after_the_last_try", ERRORS, dead_after_the_last_try),
        requirement("queue.mapping.concurrency_has_a_maximum", SCALING, concurrency),
        requirement("schedule.event_to_the_field", SCHEDULE, scheduled),
        requirement("fault.queue_failed", OURS, queue_failed),
        requirement("fault.queue_doubled", OURS, queue_doubled),
        requirement("fault.queue_late", OURS, queue_late),
    ]
}

/// Sends a message whose function does these steps, and returns its mark.
async fn send(bench: &Bench, queue: &str, steps: &Value) -> Result<String> {
    let mark = mark();
    let steps = steps.to_string().replace("MARK", &mark);
    let body = format!(r#"{{"mark":"{mark}","probe":{steps}}}"#);
    let reply = sent(bench, queue, &body).await?;
    ensure!(reply == 200, "{reply}");
    Ok(mark)
}

async fn sent(bench: &Bench, queue: &str, body: &str) -> Result<u16> {
    let url = format!("{}/123456789012/{queue}", bench.stack.addresses.queues);
    let reply = bench
        .queues("SendMessage", &json!({"QueueUrl": url, "MessageBody": body}))
        .await?;
    Ok(reply.status)
}

fn has(recorded: &Recorded, mark: &str) -> bool {
    let records = recorded.event["Records"].as_array();
    records.into_iter().flatten().any(|record| body_has(record, mark))
}

fn body_has(record: &Value, mark: &str) -> bool {
    record["body"].as_str().is_some_and(|body| body.contains(mark))
}

/// How often a function got the message of this mark.
fn times(bench: &Bench, mark: &str) -> usize {
    bench.recorder.events(|recorded| has(recorded, mark)).len()
}

async fn came(bench: &Bench, mark: &str, number: usize) -> Result<()> {
    until("the message has come", async || {
        Ok((times(bench, mark) >= number).then_some(()))
    })
    .await
}

/// What is in a queue, visible or not.
async fn left(bench: &Bench, queue: &str) -> Result<u32> {
    let url = format!("{}/123456789012/{queue}", bench.stack.addresses.queues);
    let asked = json!({"QueueUrl": url, "AttributeNames": ["All"]});
    let told = bench.queues("GetQueueAttributes", &asked).await?.json();
    let number = |name: &str| {
        told["Attributes"][name]
            .as_str()
            .and_then(|number| number.parse::<u32>().ok())
    };
    let visible = number("ApproximateNumberOfMessages").context("a number")?;
    Ok(visible + number("ApproximateNumberOfMessagesNotVisible").context("a number")?)
}

async fn event_to_the_field() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = send(bench, "Jobs", &json!([])).await?;
    let recorded = bench
        .recorder
        .event("the batch", |recorded| has(recorded, &mark))
        .await?;
    ensure!(recorded.function == "Jobber", "{recorded:?}");
    let records = recorded.event["Records"].as_array().context("Records")?;
    let record = records
        .iter()
        .find(|record| body_has(record, &mark))
        .context("the record")?;
    let names = names(record)?;
    let due = [
        "attributes",
        "awsRegion",
        "body",
        "eventSource",
        "eventSourceARN",
        "md5OfBody",
        "messageAttributes",
        "messageId",
        "receiptHandle",
    ];
    ensure!(names == due, "{record}");
    ensure!(
        record["eventSource"] == "aws:sqs" && record["awsRegion"] == "us-east-1",
        "{record}"
    );
    ensure!(
        record["eventSourceARN"] == "arn:aws:sqs:us-east-1:123456789012:Jobs",
        "{record}"
    );
    ensure!(record["attributes"]["ApproximateReceiveCount"] == "1", "{record}");
    for time in ["SentTimestamp", "ApproximateFirstReceiveTimestamp"] {
        ensure!(
            record["attributes"][time].as_str().is_some_and(|time| time.len() == 13),
            "{record}"
        );
    }
    Ok(())
}

/// The queue hides for 1 second; then what is not deleted would come again.
async fn done_is_deleted() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = send(bench, "Done", &json!([])).await?;
    came(bench, &mark, 1).await?;
    until("the queue is empty", async || {
        Ok((left(bench, "Done").await? == 0).then_some(()))
    })
    .await?;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    ensure!(times(bench, &mark) == 1);
    Ok(())
}

async fn failed_ones_come_again() -> Result<()> {
    let bench = PLAIN.bench()?;
    let good = mark();
    let bad = send(bench, "Partly", &json!([{"failures": "MARK"}])).await?;
    let status = sent(bench, "Partly", &format!(r#"{{"mark":"{good}"}}"#)).await?;
    ensure!(status == 200);
    came(bench, &bad, 2).await?;
    let events = bench.recorder.events(|recorded| has(recorded, &bad));
    let counts: Vec<_> = events
        .iter()
        .filter_map(|recorded| recorded.event["Records"].as_array())
        .flatten()
        .filter(|record| body_has(record, &bad))
        .map(|record| record["attributes"]["ApproximateReceiveCount"].clone())
        .collect();
    ensure!(counts.starts_with(&["1".into(), "2".into()]), "{counts:?}");
    ensure!(times(bench, &good) == 1, "it was done, and came again");
    Ok(())
}

async fn function_error() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = send(bench, "Erring", &json!([{"throw": "no"}])).await?;
    let begun = Instant::now();
    came(bench, &mark, 2).await?;
    ensure!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    Ok(())
}

/// A function that makes its failed message visible at another time: it comes again then.
async fn puts_off() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = send(bench, "PutOff", &json!([{"gate": "MARK"}, {"failures": "MARK"}])).await?;
    let recorded = bench
        .recorder
        .event("the batch", |recorded| has(recorded, &mark))
        .await?;
    let handle = &recorded.event["Records"][0]["receiptHandle"];
    let url = format!("{}/123456789012/PutOff", bench.stack.addresses.queues);
    let change = json!({"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 1});
    let reply = bench.queues("ChangeMessageVisibility", &change).await?;
    ensure!(reply.status == 200, "{reply:?}");
    bench.recorder.open(&mark);
    // The queue itself hides for 30 s.
    came(bench, &mark, 2).await
}

async fn dead_after_the_last_try() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = send(bench, "Poisoned", &json!([{"failures": "MARK"}])).await?;
    until("it is dead", async || {
        Ok((left(bench, "Graves").await? == 1).then_some(()))
    })
    .await?;
    ensure!(times(bench, &mark) == 2, "{}", times(bench, &mark));
    ensure!(left(bench, "Poisoned").await? == 0);
    Ok(())
}

/// Batches of one, of which two may be in work.
async fn concurrency() -> Result<()> {
    let bench = PLAIN.bench()?;
    let gate = mark();
    let mut marks = Vec::new();
    for _ in 0..4 {
        marks.push(send(bench, "Narrow", &json!([{"gate": gate}])).await?);
    }
    let begun = || marks.iter().filter(|mark| times(bench, mark) > 0).count();
    until("two are in work", async || Ok((begun() == 2).then_some(()))).await?;
    tokio::time::sleep(Duration::from_millis(300)).await;
    ensure!(begun() == 2, "{} are in work", begun());
    bench.recorder.open(&gate);
    until("all are done", async || {
        Ok((left(bench, "Narrow").await? == 0).then_some(()))
    })
    .await?;
    ensure!(begun() == 4);
    Ok(())
}

/// The template says each minute.
async fn scheduled() -> Result<()> {
    let bench = block_in_place(|| Bench::start("template.yaml", &["--schedule", "200"]))?;
    let ticks = until("it has run twice", async || {
        let ticks = bench.recorder.events(|recorded| recorded.function == "Ticker");
        Ok((ticks.len() >= 2).then_some(ticks))
    })
    .await?;
    let event = &ticks.first().context("a run")?.event;
    let names = names(event)?;
    let due = [
        "account",
        "detail",
        "detail-type",
        "id",
        "region",
        "resources",
        "source",
        "time",
        "version",
    ];
    ensure!(names == due, "{event}");
    ensure!(
        event["source"] == "aws.events" && event["detail-type"] == "Scheduled Event",
        "{event}"
    );
    ensure!(event["detail"] == json!({}) && event["version"] == "0", "{event}");
    ensure!(
        event["resources"] == json!(["arn:aws:events:us-east-1:123456789012:rule/TickerTick"]),
        "{event}"
    );
    ensure!(
        event["time"]
            .as_str()
            .is_some_and(|time| time.len() == "2026-01-01T00:00:00Z".len()),
        "{event}"
    );
    Ok(())
}

/// A stack of the test's own, with these faults.
fn with_faults(faults: &[&str]) -> Result<Bench> {
    let flags: Vec<&str> = faults.iter().flat_map(|fault| ["--fault", *fault]).collect();
    block_in_place(|| Bench::start("template.yaml", &flags))
}

/// How often a fault has happened.
async fn injected(bench: &Bench, fault: &str) -> Result<Value> {
    let (_, mut told) = bench.stack.control(Method::GET, "/faults", &json!({})).await?;
    Ok(told["injected"][fault].take())
}

async fn queue_failed() -> Result<()> {
    let bench = with_faults(&["queue-failed=1"])?;
    ensure!(sent(&bench, "Sent", "x").await? == 500);
    ensure!(left(&bench, "Sent").await? == 0);
    ensure!(injected(&bench, "queue-failed").await? == 1);
    bench.stack.control(Method::PUT, "/faults", &json!({})).await?;
    ensure!(sent(&bench, "Sent", "x").await? == 200);
    Ok(())
}

/// It comes once more, though it was done and deleted.
async fn queue_doubled() -> Result<()> {
    let bench = with_faults(&["queue-doubled=1", "queue-late-by=300"])?;
    let mark = send(&bench, "Done", &json!([])).await?;
    came(&bench, &mark, 1).await?;
    bench.stack.control(Method::PUT, "/faults", &json!({})).await?;
    came(&bench, &mark, 2).await?;
    ensure!(injected(&bench, "queue-doubled").await? == 1);
    Ok(())
}

async fn queue_late() -> Result<()> {
    let bench = with_faults(&["queue-late=1", "queue-late-by=700"])?;
    let begun = Instant::now();
    let mark = send(&bench, "Done", &json!([])).await?;
    came(&bench, &mark, 1).await?;
    ensure!(begun.elapsed() >= Duration::from_millis(700), "{:?}", begun.elapsed());
    ensure!(injected(&bench, "queue-late").await? == 1);
    Ok(())
}

/// The names of an object's fields.
fn names(object: &Value) -> Result<Vec<&str>> {
    let fields = object.as_object().context("an object")?;
    Ok(fields.keys().map(String::as_str).collect())
}
