//! SQS: what is sent is delivered at least once, in any order, until it is deleted or dead.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use crate::{
    bench::{Bench, PLAIN, Reply, SIGNED},
    requirement::{Requirement, requirement},
};

/// The pages on single calls.
const SEND: &str = "SQS API reference, SendMessage";
const BATCH: &str = "SQS API reference, SendMessageBatch";
const RECEIVE: &str = "SQS API reference, ReceiveMessage";
const DELETE: &str = "SQS API reference, DeleteMessage";
const HIDE: &str = "SQS API reference, ChangeMessageVisibility";
const ATTRIBUTES: &str = "SQS API reference, GetQueueAttributes";
const URLS: &str = "SQS API reference, GetQueueUrl";
/// The pages on what queues promise.
const STANDARD: &str = "SQS developer guide, Amazon SQS standard queues";
const DEAD: &str = "SQS developer guide, Using dead-letter queues in Amazon SQS";
const MODEL: &str = "the service model of SQS in the SDKs, InvalidSecurity";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("queue.send.answers_with_id_and_md5", SEND, id_and_md5),
        requirement("queue.send.one_mebibyte_is_the_most", SEND, one_mebibyte),
        requirement("queue.send.takes_the_characters_of_xml", SEND, characters),
        requirement("queue.send.waits_for_its_delay", SEND, delayed),
        requirement("queue.send.delay_is_900_seconds_at_most", SEND, longest_delay),
        requirement("queue.batch.entries_fail_alone", BATCH, entries_fail_alone),
        requirement("queue.batch.whole_ones_are_refused", BATCH, whole_batches),
        requirement("queue.receive.hides_a_message", RECEIVE, hides),
        requirement(
            "queue.receive.has_attributes_that_are_asked_for",
            RECEIVE,
            asked_attributes,
        ),
        requirement("queue.receive.waits_for_a_message", RECEIVE, waits),
        requirement("queue.receive.order_is_not_promised", STANDARD, no_order),
        requirement("queue.receive.limits", RECEIVE, receive_limits),
        requirement("queue.delete.an_old_handle_does_nothing", DELETE, old_handle),
        requirement("queue.delete.an_unknown_handle_is_refused", DELETE, unknown_handle),
        requirement("queue.visibility.changes", HIDE, visibility),
        requirement("queue.redrive.moves_dead_letters", DEAD, redrive),
        requirement("queue.attributes.are_those_of_the_template", ATTRIBUTES, attributes),
        requirement("queue.url.names_a_queue", URLS, urls),
        requirement("queue.signature.missing_is_403", MODEL, unsigned),
    ]
}

/// Asks for something of a queue of the template.
async fn ask(bench: &Bench, action: &str, queue: &str, more: Value) -> Result<Reply> {
    let mut body = more;
    body["QueueUrl"] = format!("{}/123456789012/{queue}", bench.stack.addresses.queues).into();
    bench.queues(action, &body).await
}

/// The same of something that must succeed.
async fn done(bench: &Bench, action: &str, queue: &str, more: Value) -> Result<Value> {
    let reply = ask(bench, action, queue, more).await?;
    ensure!(reply.status == 200, "{action}: {reply:?}");
    ensure!(
        reply.header("content-type") == "application/x-amz-json-1.0",
        "{reply:?}"
    );
    Ok(reply.json())
}

async fn sent(bench: &Bench, queue: &str, body: &str) -> Result<Value> {
    done(bench, "SendMessage", queue, json!({"MessageBody": body})).await
}

/// The messages that one receive gets.
async fn received(bench: &Bench, queue: &str, more: Value) -> Result<Vec<Value>> {
    let answer = done(bench, "ReceiveMessage", queue, more).await?;
    ensure!(
        answer["Messages"] != json!([]),
        "an empty answer has no Messages: {answer}"
    );
    Ok(answer["Messages"].as_array().cloned().unwrap_or_default())
}

/// One message, waited for.
async fn one(bench: &Bench, queue: &str, more: Value) -> Result<Value> {
    let mut more = more;
    more["WaitTimeSeconds"] = json!(10);
    let received = received(bench, queue, more).await?;
    received.into_iter().next().context("a message")
}

/// A refusal: its status, and its code as the earlier protocol has it.
async fn refused(bench: &Bench, action: &str, queue: &str, more: Value, status: u16, code: &str) -> Result<()> {
    let reply = ask(bench, action, queue, more).await?;
    ensure!(reply.status == status, "{action}: {reply:?}");
    let shown = reply.header("x-amzn-query-error");
    ensure!(shown == format!("{code};Sender"), "{action}: {shown} and not {code}");
    ensure!(reply.json()["message"].is_string(), "{reply:?}");
    Ok(())
}

async fn id_and_md5() -> Result<()> {
    let bench = PLAIN.bench()?;
    let answer = sent(bench, "Sent", "message digest").await?;
    // RFC 1321 has this one.
    ensure!(
        answer["MD5OfMessageBody"] == "f96b697d7cb7938d525a2f31aaf161d0",
        "{answer}"
    );
    let message = one(bench, "Sent", json!({})).await?;
    ensure!(message["MessageId"] == answer["MessageId"], "{message}");
    ensure!(
        message["MD5OfBody"] == answer["MD5OfMessageBody"] && message["Body"] == "message digest",
        "{message}"
    );
    Ok(())
}

async fn one_mebibyte() -> Result<()> {
    let bench = PLAIN.bench()?;
    sent(bench, "Large", &"x".repeat(1024 * 1024)).await?;
    let more = json!({"MessageBody": "x".repeat(1024 * 1024 + 1)});
    refused(bench, "SendMessage", "Large", more, 400, "InvalidParameterValue").await?;
    refused(
        bench,
        "SendMessage",
        "Large",
        json!({"MessageBody": ""}),
        400,
        "MissingParameter",
    )
    .await
}

async fn characters() -> Result<()> {
    let bench = PLAIN.bench()?;
    sent(bench, "Large", "tab \t, lines \r\n, Grüße, 🙂").await?;
    for char in ["\u{0}", "\u{8}", "\u{b}", "\u{1f}", "\u{fffe}", "\u{ffff}"] {
        refused(
            bench,
            "SendMessage",
            "Large",
            json!({"MessageBody": char}),
            400,
            "InvalidMessageContents",
        )
        .await?;
    }
    Ok(())
}

async fn delayed() -> Result<()> {
    let bench = PLAIN.bench()?;
    let begun = Instant::now();
    done(
        bench,
        "SendMessage",
        "Delayed",
        json!({"MessageBody": "x", "DelaySeconds": 1}),
    )
    .await?;
    ensure!(received(bench, "Delayed", json!({})).await?.is_empty());
    let counts = done(
        bench,
        "GetQueueAttributes",
        "Delayed",
        json!({"AttributeNames": ["All"]}),
    )
    .await?;
    ensure!(
        counts["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1",
        "{counts}"
    );
    one(bench, "Delayed", json!({})).await?;
    ensure!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    Ok(())
}

async fn longest_delay() -> Result<()> {
    let bench = PLAIN.bench()?;
    let send = |delay: i64| json!({"MessageBody": "x", "DelaySeconds": delay});
    done(bench, "SendMessage", "Large", send(900)).await?;
    for delay in [-1, 901] {
        refused(bench, "SendMessage", "Large", send(delay), 400, "InvalidParameterValue").await?;
    }
    Ok(())
}

fn entries(bodies: &[(&str, &str)]) -> Value {
    let entry = |(id, body): &(&str, &str)| json!({"Id": id, "MessageBody": body});
    json!({"Entries": bodies.iter().map(entry).collect::<Vec<_>>()})
}

async fn entries_fail_alone() -> Result<()> {
    let bench = PLAIN.bench()?;
    let both = entries(&[("good", "a"), ("bad", "\u{1}")]);
    let answer = done(bench, "SendMessageBatch", "Batched", both).await?;
    ensure!(answer["Successful"][0]["Id"] == "good", "{answer}");
    ensure!(
        answer["Successful"][0]["MD5OfMessageBody"] == "0cc175b9c0f1b6a831c399e269772661",
        "{answer}"
    );
    let failed = &answer["Failed"][0];
    ensure!(
        failed["Id"] == "bad" && failed["Code"] == "InvalidMessageContents" && failed["SenderFault"] == true,
        "{answer}"
    );
    let message = one(bench, "Batched", json!({})).await?;
    let delete = json!({"Entries": [
        {"Id": "1", "ReceiptHandle": message["ReceiptHandle"]}, {"Id": "2", "ReceiptHandle": "no handle"},
    ]});
    let answer = done(bench, "DeleteMessageBatch", "Batched", delete).await?;
    ensure!(answer["Successful"] == json!([{"Id": "1"}]), "{answer}");
    ensure!(answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid", "{answer}");
    Ok(())
}

async fn whole_batches() -> Result<()> {
    let bench = PLAIN.bench()?;
    let ids: Vec<String> = (0..11).map(|id| id.to_string()).collect();
    let eleven: Vec<_> = ids.iter().map(|id| (id.as_str(), "x")).collect();
    let half = "x".repeat(600 * 1024);
    for (batch, code) in [
        (entries(&[]), "EmptyBatchRequest"),
        (entries(&eleven), "TooManyEntriesInBatchRequest"),
        (entries(&[("a", "x"), ("a", "y")]), "BatchEntryIdsNotDistinct"),
        (entries(&[("a b", "x")]), "InvalidBatchEntryId"),
        (entries(&[(&"a".repeat(81), "x")]), "InvalidBatchEntryId"),
        (entries(&[("a", &half), ("b", &half)]), "BatchRequestTooLong"),
    ] {
        let code = format!("AWS.SimpleQueueService.{code}");
        refused(bench, "SendMessageBatch", "Refused", batch, 400, &code).await?;
    }
    let counts = done(
        bench,
        "GetQueueAttributes",
        "Refused",
        json!({"AttributeNames": ["All"]}),
    )
    .await?;
    ensure!(counts["Attributes"]["ApproximateNumberOfMessages"] == "0", "{counts}");
    Ok(())
}

/// The queue hides for 1 second.
async fn hides() -> Result<()> {
    let bench = PLAIN.bench()?;
    sent(bench, "Hidden", "x").await?;
    let count = json!({"MessageSystemAttributeNames": ["ApproximateReceiveCount"]});
    let first = one(bench, "Hidden", count.clone()).await?;
    let begun = Instant::now();
    ensure!(
        first["Attributes"] == json!({"ApproximateReceiveCount": "1"}),
        "{first}"
    );
    ensure!(received(bench, "Hidden", json!({})).await?.is_empty(), "it is hidden");
    let second = one(bench, "Hidden", count).await?;
    ensure!(begun.elapsed() >= Duration::from_millis(900), "{:?}", begun.elapsed());
    ensure!(second["Attributes"]["ApproximateReceiveCount"] == "2", "{second}");
    ensure!(second["MessageId"] == first["MessageId"] && second["ReceiptHandle"] != first["ReceiptHandle"]);
    Ok(())
}

async fn asked_attributes() -> Result<()> {
    let bench = PLAIN.bench()?;
    sent(bench, "Asked", "x").await?;
    let nothing = one(bench, "Asked", json!({"VisibilityTimeout": 0})).await?;
    ensure!(nothing.get("Attributes").is_none(), "{nothing}");
    // The earlier name of the parameter.
    for parameter in ["MessageSystemAttributeNames", "AttributeNames"] {
        let all = one(bench, "Asked", json!({parameter: ["All"], "VisibilityTimeout": 0})).await?;
        let names: Vec<_> = all["Attributes"].as_object().context("attributes")?.keys().collect();
        let due = [
            "ApproximateFirstReceiveTimestamp",
            "ApproximateReceiveCount",
            "SenderId",
            "SentTimestamp",
        ];
        ensure!(names == due, "{all}");
    }
    Ok(())
}

async fn waits() -> Result<()> {
    let bench = PLAIN.bench()?;
    let begun = Instant::now();
    ensure!(
        received(bench, "Awaited", json!({"WaitTimeSeconds": 1}))
            .await?
            .is_empty()
    );
    ensure!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    let begun = Instant::now();
    let later = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        sent(bench, "Awaited", "x").await
    };
    let (message, _) = tokio::try_join!(one(bench, "Awaited", json!({})), later)?;
    ensure!(
        message["Body"] == "x" && begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    Ok(())
}

async fn no_order() -> Result<()> {
    let bench = PLAIN.bench()?;
    let bodies: Vec<String> = (0..10).map(|body| body.to_string()).collect();
    let in_order: Vec<&str> = bodies.iter().map(String::as_str).collect();
    for body in &bodies {
        sent(bench, "Unordered", body).await?;
    }
    let more = json!({"MaxNumberOfMessages": 10, "VisibilityTimeout": 0});
    for _ in 0..20 {
        let messages = received(bench, "Unordered", more.clone()).await?;
        let order: Vec<&str> = messages.iter().filter_map(|message| message["Body"].as_str()).collect();
        if order != in_order {
            return Ok(());
        }
    }
    anyhow::bail!("twenty times in the order of sending: somebody will rely on it")
}

async fn receive_limits() -> Result<()> {
    let bench = PLAIN.bench()?;
    for more in [
        json!({"MaxNumberOfMessages": 0}),
        json!({"MaxNumberOfMessages": 11}),
        json!({"WaitTimeSeconds": 21}),
        json!({"VisibilityTimeout": 43201}),
    ] {
        refused(bench, "ReceiveMessage", "Refused", more, 400, "InvalidParameterValue").await?;
    }
    Ok(())
}

async fn old_handle() -> Result<()> {
    let bench = PLAIN.bench()?;
    sent(bench, "Deleted", "x").await?;
    let first = one(bench, "Deleted", json!({"VisibilityTimeout": 0})).await?;
    let second = one(bench, "Deleted", json!({"VisibilityTimeout": 0})).await?;
    let delete = |message: &Value| json!({"ReceiptHandle": message["ReceiptHandle"]});
    done(bench, "DeleteMessage", "Deleted", delete(&first)).await?;
    let third = one(bench, "Deleted", json!({"VisibilityTimeout": 0})).await?;
    ensure!(third["MessageId"] == second["MessageId"], "the old handle deleted it");
    // Also when it is visible again, and a second time.
    for _ in 0..2 {
        done(bench, "DeleteMessage", "Deleted", delete(&third)).await?;
    }
    ensure!(received(bench, "Deleted", json!({})).await?.is_empty());
    Ok(())
}

async fn unknown_handle() -> Result<()> {
    let bench = PLAIN.bench()?;
    let handle = json!({"ReceiptHandle": "no handle", "VisibilityTimeout": 1});
    for action in ["DeleteMessage", "ChangeMessageVisibility"] {
        refused(bench, action, "Refused", handle.clone(), 404, "ReceiptHandleIsInvalid").await?;
    }
    Ok(())
}

async fn visibility() -> Result<()> {
    let bench = PLAIN.bench()?;
    sent(bench, "Changed", "x").await?;
    let message = one(bench, "Changed", json!({"VisibilityTimeout": 1})).await?;
    let change = |seconds: u32| json!({"ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": seconds});
    done(bench, "ChangeMessageVisibility", "Changed", change(40)).await?;
    ensure!(
        received(bench, "Changed", json!({"WaitTimeSeconds": 2}))
            .await?
            .is_empty(),
        "40 s are not over"
    );
    let code = "InvalidParameterValue";
    refused(bench, "ChangeMessageVisibility", "Changed", change(43_200), 400, code).await?;
    done(bench, "ChangeMessageVisibility", "Changed", change(0)).await?;
    let code = "AWS.SimpleQueueService.MessageNotInflight";
    refused(bench, "ChangeMessageVisibility", "Changed", change(5), 400, code).await?;
    ensure!(one(bench, "Changed", json!({})).await?["MessageId"] == message["MessageId"]);
    Ok(())
}

/// After two receives.
async fn redrive() -> Result<()> {
    let bench = PLAIN.bench()?;
    let id = sent(bench, "Redriven", "poison").await?["MessageId"].clone();
    for _ in 0..2 {
        ensure!(one(bench, "Redriven", json!({"VisibilityTimeout": 0})).await?["MessageId"] == id);
    }
    ensure!(received(bench, "Redriven", json!({})).await?.is_empty(), "it is dead");
    let dead = one(bench, "Buried", json!({})).await?;
    ensure!(dead["MessageId"] == id && dead["Body"] == "poison", "{dead}");
    Ok(())
}

async fn attributes() -> Result<()> {
    let bench = PLAIN.bench()?;
    let all = done(
        bench,
        "GetQueueAttributes",
        "Redriven",
        json!({"AttributeNames": ["All"]}),
    )
    .await?;
    for (name, value) in [
        ("VisibilityTimeout", "30"),
        ("MessageRetentionPeriod", "345600"),
        ("DelaySeconds", "0"),
        ("MaximumMessageSize", "1048576"),
        ("ReceiveMessageWaitTimeSeconds", "0"),
        ("QueueArn", "arn:aws:sqs:us-east-1:123456789012:Redriven"),
    ] {
        ensure!(all["Attributes"][name] == value, "{name}: {all}");
    }
    let policy: Value = serde_json::from_str(all["Attributes"]["RedrivePolicy"].as_str().unwrap_or_default())?;
    let target = "arn:aws:sqs:us-east-1:123456789012:Buried";
    ensure!(
        policy == json!({"deadLetterTargetArn": target, "maxReceiveCount": 2}),
        "{policy}"
    );
    let one = done(
        bench,
        "GetQueueAttributes",
        "Redriven",
        json!({"AttributeNames": ["DelaySeconds"]}),
    )
    .await?;
    ensure!(one["Attributes"] == json!({"DelaySeconds": "0"}), "{one}");
    let unknown = json!({"AttributeNames": ["Colour"]});
    refused(
        bench,
        "GetQueueAttributes",
        "Redriven",
        unknown,
        400,
        "InvalidAttributeName",
    )
    .await
}

async fn urls() -> Result<()> {
    let bench = PLAIN.bench()?;
    let reply = bench.queues("GetQueueUrl", &json!({"QueueName": "Sent"})).await?;
    let url = format!("{}/123456789012/Sent", bench.stack.addresses.queues);
    ensure!(reply.json() == json!({"QueueUrl": url}), "{reply:?}");
    let code = "AWS.SimpleQueueService.NonExistentQueue";
    let unknown = bench.queues("GetQueueUrl", &json!({"QueueName": "Nobody"})).await?;
    ensure!(
        unknown.status == 400 && unknown.header("x-amzn-query-error") == format!("{code};Sender"),
        "{unknown:?}"
    );
    refused(bench, "SendMessage", "Nobody", json!({"MessageBody": "x"}), 400, code).await?;
    // A call that is not played says so.
    let code = "AWS.SimpleQueueService.UnsupportedOperation";
    refused(bench, "PurgeQueue", "Sent", json!({}), 400, code).await
}

async fn unsigned() -> Result<()> {
    let bench = SIGNED.bench()?;
    refused(
        bench,
        "SendMessage",
        "Sent",
        json!({"MessageBody": "x"}),
        403,
        "InvalidSecurity",
    )
    .await
}
