//! The official SDKs against the queue.

use anyhow::{Context as _, Result, ensure};
use aws_credential_types::Credentials;
use aws_sdk_sqs::{
    Client,
    config::{BehaviorVersion, Config, Region, retry::RetryConfig},
    error::{ProvideErrorMetadata, SdkError},
    types::{MessageSystemAttributeName, QueueAttributeName, SendMessageBatchRequestEntry},
};
use aws_smithy_http_client::Builder;
use aws_smithy_runtime_api::http::Response;
use serde_json::{Map, Value, json};

use super::{KEY, Sdk};
use crate::bench::{Bench, PLAIN, SIGNED};

/// An operation and its input.
type Call = (&'static str, Value);

/// An order with good keys.
fn order(bench: &Bench, calls: &[Call]) -> Value {
    json!({
        "endpoint": bench.stack.addresses.queues, "region": "us-east-1", "key": KEY, "secret": KEY, "token": KEY, "calls": calls,
    })
}

async fn made(sdk: Sdk, order: &Value) -> Result<Vec<Value>> {
    match sdk {
        Sdk::Rust => make(order).await,
        Sdk::JavaScript | Sdk::Python => sdk.run("queue_calls", order).await,
    }
}

fn url(bench: &Bench, sdk: Sdk) -> String {
    let queue = match sdk {
        Sdk::Rust => "SdkRust",
        Sdk::JavaScript => "SdkJavaScript",
        Sdk::Python => "SdkPython",
    };
    format!("{}/123456789012/{queue}", bench.stack.addresses.queues)
}

/// A message is sent, received, put off, received again and deleted; every error comes out as the SDK's own.
pub(super) async fn works(sdk: Sdk, signed: bool) -> Result<()> {
    let bench = if signed { &SIGNED } else { &PLAIN }.bench()?;
    let url = url(bench, sdk);
    let receive = json!({"QueueUrl": url, "WaitTimeSeconds": 5, "MessageSystemAttributeNames": ["All"]});
    let outcomes = made(
        sdk,
        &order(
            bench,
            &[
                ("SendMessage", json!({"QueueUrl": url, "MessageBody": "Grüße"})),
                ("ReceiveMessage", receive.clone()),
                (
                    "ChangeMessageVisibility",
                    json!({"QueueUrl": url, "ReceiptHandle": "$", "VisibilityTimeout": 0}),
                ),
                ("ReceiveMessage", receive),
                ("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": "$"})),
                (
                    "SendMessageBatch",
                    json!({"QueueUrl": url, "Entries": [
                        {"Id": "good", "MessageBody": "x", "DelaySeconds": 900}, {"Id": "bad", "MessageBody": "\u{1}"},
                    ]}),
                ),
                (
                    "GetQueueAttributes",
                    json!({"QueueUrl": url, "AttributeNames": ["ApproximateNumberOfMessages"]}),
                ),
                ("DeleteMessage", json!({"QueueUrl": url, "ReceiptHandle": "no handle"})),
                (
                    "SendMessage",
                    json!({"QueueUrl": format!("{url}s"), "MessageBody": "x"}),
                ),
                (
                    "SendMessage",
                    json!({"QueueUrl": url, "MessageBody": "x", "DelaySeconds": 901}),
                ),
            ],
        ),
    )
    .await?;
    let output = |place: usize| -> Result<&Value> {
        let outcome = outcomes.get(place).context("an outcome")?;
        ensure!(outcome["status"] == 200, "{place}: {outcome}");
        Ok(&outcome["output"])
    };
    let sent = output(0)?;
    ensure!(sent["MD5OfMessageBody"] == "49c5f675b49037b6044b803ac9d1a6d7", "{sent}");
    for (place, count) in [(1, "1"), (3, "2")] {
        let message = &output(place)?["Messages"][0];
        ensure!(
            message["MessageId"] == sent["MessageId"] && message["Body"] == "Grüße",
            "{message}"
        );
        ensure!(message["Attributes"]["ApproximateReceiveCount"] == count, "{message}");
    }
    let batch = output(5)?;
    ensure!(batch["Successful"][0]["Id"] == "good", "{batch}");
    ensure!(batch["Failed"][0]["Code"] == "InvalidMessageContents", "{batch}");
    let attributes = output(6)?;
    ensure!(
        attributes["Attributes"] == json!({"ApproximateNumberOfMessages": "0"}),
        "{attributes}"
    );
    let errors: Vec<_> = outcomes
        .iter()
        .skip(7)
        .map(|outcome| (&outcome["status"], &outcome["error"]))
        .collect();
    let due = [
        (&json!(404), &json!("ReceiptHandleIsInvalid")),
        (&json!(400), &json!("AWS.SimpleQueueService.NonExistentQueue")),
        (&json!(400), &json!("InvalidParameterValue")),
    ];
    ensure!(errors == due, "{errors:?}");
    Ok(())
}

/// Another secret, another key, another token, another region.
pub(super) async fn is_refused(sdk: Sdk) -> Result<()> {
    let bench = SIGNED.bench()?;
    let send = (
        "SendMessage",
        json!({"QueueUrl": url(bench, sdk), "MessageBody": "x", "DelaySeconds": 900}),
    );
    for (field, value) in [
        ("secret", "other"),
        ("key", "other"),
        ("token", "other"),
        ("region", "eu-west-1"),
    ] {
        let mut order = order(bench, std::slice::from_ref(&send));
        order[field] = value.into();
        let outcomes = made(sdk, &order).await?;
        ensure!(
            outcomes == [json!({"status": 403, "error": "InvalidSecurity"})],
            "{field}: {outcomes:?}"
        );
    }
    Ok(())
}

/// Makes the calls with the SDK for Rust, and returns what came of each, as the scripts do.
async fn make(order: &Value) -> Result<Vec<Value>> {
    let text = |name: &str| order[name].as_str().unwrap_or_default().to_owned();
    let credentials = Credentials::new(text("key"), text("secret"), Some(text("token")), None, "the test");
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(text("endpoint"))
        .region(Region::new(text("region")))
        .credentials_provider(credentials)
        .http_client(Builder::new().build_http())
        .retry_config(RetryConfig::disabled())
        .build();
    let client = Client::from_conf(config);
    let (mut outcomes, mut handle) = (Vec::new(), String::new());
    for call in order["calls"].as_array().into_iter().flatten() {
        let operation = call[0].as_str().unwrap_or_default();
        let mut input = call[1].clone();
        if input["ReceiptHandle"] == "$" {
            input["ReceiptHandle"] = handle.clone().into();
        }
        let outcome = make_one(&client, operation, &input).await?;
        if let Some(received) = outcome["output"]["Messages"][0]["ReceiptHandle"].as_str() {
            received.clone_into(&mut handle);
        }
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

async fn make_one(client: &Client, operation: &str, input: &Value) -> Result<Value> {
    let text = |name: &str| input[name].as_str().unwrap_or_default();
    let number = |name: &str| input[name].as_i64().and_then(|number| i32::try_from(number).ok());
    let url = text("QueueUrl");
    Ok(match operation {
        "SendMessage" => {
            let request = client.send_message().queue_url(url).message_body(text("MessageBody"));
            told(
                request.set_delay_seconds(number("DelaySeconds")).send().await,
                |sent| json!({"MessageId": sent.message_id(), "MD5OfMessageBody": sent.md5_of_message_body()}),
            )
        }
        "ReceiveMessage" => {
            let request = client.receive_message().queue_url(url);
            let request = request.message_system_attribute_names(MessageSystemAttributeName::All);
            told(
                request.set_wait_time_seconds(number("WaitTimeSeconds")).send().await,
                |received| {
                    let messages = received.messages().iter().map(|message| {
                    let attributes = message.attributes().into_iter().flatten();
                    let attributes: Map<String, Value> = attributes
                        .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
                        .collect();
                    json!({
                        "MessageId": message.message_id(), "Body": message.body(), "ReceiptHandle": message.receipt_handle(),
                        "Attributes": attributes,
                    })
                });
                    json!({"Messages": messages.collect::<Vec<_>>()})
                },
            )
        }
        "ChangeMessageVisibility" => {
            let request = client.change_message_visibility().queue_url(url);
            let request = request.receipt_handle(text("ReceiptHandle"));
            let request = request.set_visibility_timeout(number("VisibilityTimeout"));
            told(request.send().await, |_| json!({}))
        }
        "DeleteMessage" => {
            let request = client.delete_message().queue_url(url);
            told(
                request.receipt_handle(text("ReceiptHandle")).send().await,
                |_| json!({}),
            )
        }
        "SendMessageBatch" => {
            let mut request = client.send_message_batch().queue_url(url);
            for entry in input["Entries"].as_array().into_iter().flatten() {
                let field = |name: &str| entry[name].as_str().map(str::to_owned);
                let delay = entry["DelaySeconds"]
                    .as_i64()
                    .and_then(|delay| i32::try_from(delay).ok());
                let entry = SendMessageBatchRequestEntry::builder()
                    .set_id(field("Id"))
                    .set_message_body(field("MessageBody"))
                    .set_delay_seconds(delay);
                request = request.entries(entry.build()?);
            }
            told(request.send().await, |sent| {
                let successful = sent.successful().iter().map(|entry| json!({"Id": entry.id()}));
                let failed = sent.failed().iter().map(|entry| json!({"Code": entry.code()}));
                json!({"Successful": successful.collect::<Vec<_>>(), "Failed": failed.collect::<Vec<_>>()})
            })
        }
        _ => {
            let request = client.get_queue_attributes().queue_url(url);
            let request = request.attribute_names(QueueAttributeName::ApproximateNumberOfMessages);
            told(request.send().await, |told| {
                let attributes = told.attributes().into_iter().flatten();
                let attributes: Map<String, Value> = attributes
                    .map(|(name, value)| (name.as_str().to_owned(), value.as_str().into()))
                    .collect();
                json!({"Attributes": attributes})
            })
        }
    })
}

fn told<T, E: ProvideErrorMetadata>(outcome: Result<T, SdkError<E, Response>>, show: impl Fn(&T) -> Value) -> Value {
    match outcome {
        Ok(output) => json!({"status": 200, "output": show(&output)}),
        Err(error) => {
            let status = error.raw_response().map(|response| response.status().as_u16());
            json!({"status": status, "error": error.code()})
        }
    }
}
