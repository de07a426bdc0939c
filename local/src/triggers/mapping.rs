//! An event source mapping: it receives from a queue, runs a function on each batch, and deletes what was done.
//!
//! What failed stays in the queue and becomes visible when its time is over, as after every receive. While nothing is queued the mapping
//! sleeps.
//!
//! # Source
//! Lambda developer guide, "Using Lambda with Amazon SQS", and "Handling errors for an SQS event source in Lambda" with its partial batch responses.

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    aws::stand_ins::{REGION, queue_arn},
    lambda::Lambda,
    machine::logs,
    sqs::{
        Queues, Received,
        api::{md5, system_attributes},
    },
    template::QueueMapping,
};

/// Runs a mapping for ever. At most `concurrency` batches are in work at a time, if the template says no other number.
pub(super) async fn run(mapping: QueueMapping, lambda: Arc<Lambda>, queues: Arc<Queues>, concurrency: usize) {
    let slots = Arc::new(Semaphore::new(mapping.concurrency.unwrap_or(concurrency)));
    let mapping = Arc::new(mapping);
    let mut batches = JoinSet::new();
    loop {
        while batches.try_join_next().is_some() {}
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let Some(batch) = queues.next_batch(&mapping.queue, mapping.batch).await else {
            return;
        };
        let (mapping, lambda, queues) = (Arc::clone(&mapping), Arc::clone(&lambda), Arc::clone(&queues));
        batches.spawn(async move {
            // A failure of the function is in its log.
            let answer = lambda.invoke(&mapping.function, event(&mapping.queue, &batch)).await;
            let failed = match answer {
                Ok(answer) if mapping.reports_failures => failures(&answer, &batch),
                Ok(_) => Some(BTreeSet::new()),
                Err(_) => None,
            };
            let Some(failed) = failed else {
                return logs::line(&mapping.function, "[failed] the whole batch stays in the queue");
            };
            let done = batch.iter().filter(|message| !failed.contains(&message.id));
            queues.done(&mapping.queue, done.map(|message| message.receipt.as_str()));
            drop(slot);
        });
    }
}

/// The event of a batch.
fn event(queue: &str, batch: &[Received]) -> Bytes {
    let records = batch.iter().map(|message| {
        let attributes = system_attributes(message).into_iter();
        let attributes: Map<String, Value> = attributes
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect();
        json!({
            "messageId": message.id,
            "receiptHandle": message.receipt,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": {},
            "md5OfBody": md5(&message.body),
            "eventSource": "aws:sqs",
            "eventSourceARN": queue_arn(queue),
            "awsRegion": REGION,
        })
    });
    json!({"Records": records.collect::<Vec<_>>()}).to_string().into()
}

/// The messages that an answer names as failed. `None` means that the whole batch failed: the answer is no JSON, or has a null or empty id, one
/// that the batch has not, or another key in the place of `itemIdentifier`.
fn failures(answer: &[u8], batch: &[Received]) -> Option<BTreeSet<String>> {
    if answer.is_empty() {
        return Some(BTreeSet::new());
    }
    let answer: Value = serde_json::from_slice(answer).ok()?;
    let listed = match answer.get("batchItemFailures") {
        None | Some(Value::Null) => return Some(BTreeSet::new()),
        Some(listed) => listed.as_array()?,
    };
    let id = |item: &Value| {
        let id = item.get("itemIdentifier")?.as_str()?;
        let known = batch.iter().any(|message| message.id == id);
        known.then(|| id.to_owned())
    };
    listed.iter().map(id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_names_no_known_message_fails_the_whole_batch() {
        let message = |id: &str| Received {
            id: id.to_owned(),
            body: String::new(),
            receipt: String::new(),
            receives: 1,
            sent_ms: 0,
            first_received_ms: 0,
        };
        let batch = [message("a"), message("b")];
        let failed = |answer: &str| failures(answer.as_bytes(), &batch).map(|ids| ids.into_iter().collect::<Vec<_>>());
        for answer in [
            "",
            "null",
            "{}",
            r#"{"batchItemFailures":null}"#,
            r#"{"batchItemFailures":[]}"#,
        ] {
            assert_eq!(failed(answer), Some(Vec::new()), "{answer}");
        }
        let one = r#"{"batchItemFailures":[{"itemIdentifier":"b"}]}"#;
        assert_eq!(failed(one), Some(vec!["b".to_owned()]));
        for answer in [
            "no JSON",
            r#"{"batchItemFailures":[{"itemIdentifier":""}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":null}]}"#,
            r#"{"batchItemFailures":[{"itemIdentifier":"c"}]}"#,
            r#"{"batchItemFailures":[{"id":"b"}]}"#,
        ] {
            assert_eq!(failed(answer), None, "{answer}");
        }
    }
}
