//! The service: what functions and SDKs ask of queues, in the AWS JSON protocol 1.0.
//!
//! Played are the calls that handing over and working off need. Message attributes, FIFO queues and long-running tasks are refused by their name.
//!
//! # Source
//! SQS API reference; the service model in the SDKs; Smithy documentation, "AWS JSON 1.0 protocol".

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use http::{HeaderValue, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use md5::{Digest as _, Md5};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use super::{error::SqsError, messages::Received, queues::Queues};
use crate::{
    aws::{
        ids, signature,
        stand_ins::{ACCOUNT, queue_arn, queue_path},
    },
    faults::{Fault, Faults},
    machine::logs,
    server::{BODY_TIMEOUT, Listeners, Reply, Server, empty, is_from_a_page, json as json_reply, read_body, serve},
};

/// The service's name in a credential scope.
const SERVICE: &str = "sqs";
/// The longest message, and the longest messages of a batch together.
///
/// # Source
/// SQS API reference, `SendMessage` and `SendMessageBatch`: 1 MiB.
const MESSAGE_BYTES: usize = 1024 * 1024;
/// The longest request: JSON writes a byte of a message in up to six.
const REQUEST_BYTES: usize = 8 * MESSAGE_BYTES;
/// The most entries of a batch, and the most messages of a receive.
const BATCH_MAX: usize = 10;
/// The characters of the id of a batch's entry.
const ENTRY_ID_CHARS: usize = 80;
/// The longest delay of a message, in seconds.
const DELAY_MAX: u64 = 900;
/// The longest time for which a message is hidden, in seconds.
const HIDDEN_MAX: u64 = 43_200;
/// The longest wait of a receive, in seconds.
const WAIT_MAX: u64 = 20;

/// The API, served until it is dropped.
#[derive(Debug)]
pub struct Sqs {
    _server: Server,
}

/// What every request needs.
#[derive(Debug)]
struct Service {
    queues: Arc<Queues>,
    faults: Arc<Faults>,
    /// Whether requests must be signed.
    signed: bool,
    /// What the URLs of queues begin with.
    address: String,
}

impl Sqs {
    /// Serves `queues` on `listeners`. `address` is where they are reached, as `http://127.0.0.1:41234`.
    pub fn start(
        listeners: Listeners,
        address: String,
        queues: Arc<Queues>,
        faults: Arc<Faults>,
        signed: bool,
    ) -> Self {
        let service = Arc::new(Service {
            queues,
            faults,
            signed,
            address,
        });
        let server = serve(listeners, move |request, _| {
            let service = Arc::clone(&service);
            async move { service.answer(request).await }
        });
        Self { _server: server }
    }
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Reply {
        let (parts, body) = request.into_parts();
        let Ok(body) = read_body(body, REQUEST_BYTES, BODY_TIMEOUT).await else {
            return empty(StatusCode::BAD_REQUEST);
        };
        let answered = match self.admit(&parts, &body) {
            Ok(()) => self.call(&parts, &body).await,
            Err(error) => Err(error),
        };
        let mut reply = match answered {
            Ok(answer) => json_reply(StatusCode::OK, &answer),
            Err(error) => error.reply(),
        };
        let headers = reply.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/x-amz-json-1.0"),
        );
        if let Ok(id) = HeaderValue::try_from(ids::lambda_request_id()) {
            headers.insert("x-amzn-requestid", id);
        }
        reply
    }

    /// On AWS a request needs a signature, and a page has no keys. Here a signature is needed only with `--sigv4`.
    fn admit(&self, parts: &Parts, body: &[u8]) -> Result<(), SqsError> {
        if !self.signed {
            return if is_from_a_page(&parts.headers) {
                logs::stack("the queue refused a request of a browser's page");
                Err(SqsError::security())
            } else {
                Ok(())
            };
        }
        signature::check(parts, body, SERVICE).map_err(|refused| {
            logs::stack(format_args!("the queue refused a request: {refused}"));
            SqsError::security()
        })
    }

    async fn call(&self, parts: &Parts, body: &[u8]) -> Result<Value, SqsError> {
        let target = parts
            .headers
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok());
        let action = target.and_then(|target| target.strip_prefix("AmazonSQS."));
        let Some(action) = action.filter(|_| parts.method == Method::POST) else {
            return Err(SqsError::unsupported(
                "requests without a header X-Amz-Target: AmazonSQS.…",
            ));
        };
        let asked = Asked(serde_json::from_slice(body).unwrap_or_default());
        if action == "GetQueueUrl" {
            let name = asked.text("QueueName")?;
            self.queues.settings(name)?;
            return Ok(json!({"QueueUrl": format!("{}{}", self.address, queue_path(name))}));
        }
        let queue = queue_name(asked.text("QueueUrl")?)?;
        self.queues.settings(queue)?;
        match action {
            "SendMessage" => self.send(queue, &asked),
            "SendMessageBatch" => self.send_batch(queue, &asked),
            "ReceiveMessage" => self.receive(queue, &asked).await,
            "DeleteMessage" => self.delete(queue, &asked),
            "DeleteMessageBatch" => batch(&asked, "DeleteMessageBatchRequestEntry", |entry| {
                self.delete(queue, entry)
            }),
            "ChangeMessageVisibility" => {
                let time = asked.seconds("VisibilityTimeout", HIDDEN_MAX)?;
                let time = time.ok_or_else(|| SqsError::missing("VisibilityTimeout"))?;
                self.queues.hide(queue, asked.handle()?, time)?;
                Ok(json!({}))
            }
            "GetQueueAttributes" => self.attributes(queue, &asked),
            other => Err(SqsError::unsupported(other)),
        }
    }

    fn send(&self, queue: &str, asked: &Asked) -> Result<Value, SqsError> {
        if self.faults.happens(Fault::QueueFailed) {
            return Err(SqsError::internal());
        }
        for part in [
            "MessageAttributes",
            "MessageSystemAttributes",
            "MessageGroupId",
            "MessageDeduplicationId",
        ] {
            if asked
                .0
                .get(part)
                .is_some_and(|part| !part.is_null() && *part != json!({}))
            {
                return Err(SqsError::unsupported(part));
            }
        }
        let body = asked.text("MessageBody")?;
        if body.len() > MESSAGE_BYTES {
            return Err(SqsError::too_long(MESSAGE_BYTES));
        }
        if !body.chars().all(is_allowed) {
            return Err(SqsError::contents());
        }
        let delay = asked.seconds("DelaySeconds", DELAY_MAX)?;
        let id = self.queues.send(queue, body.to_owned(), delay)?;
        Ok(json!({"MessageId": id, "MD5OfMessageBody": md5(body)}))
    }

    fn send_batch(&self, queue: &str, asked: &Asked) -> Result<Value, SqsError> {
        let lengths = asked
            .entries()
            .map(|entry| entry.text("MessageBody").map_or(0, str::len));
        let together = lengths.sum();
        if together > MESSAGE_BYTES {
            return Err(SqsError::batch_too_long(MESSAGE_BYTES, together));
        }
        batch(asked, "SendMessageBatchRequestEntry", |entry| self.send(queue, entry))
    }

    async fn receive(&self, queue: &str, asked: &Asked) -> Result<Value, SqsError> {
        let most = asked.number("MaxNumberOfMessages", 1..=10)?.unwrap_or(1);
        let hidden = asked.seconds("VisibilityTimeout", HIDDEN_MAX)?;
        let (settings, _) = self.queues.settings(queue)?;
        let wait = asked.seconds("WaitTimeSeconds", WAIT_MAX)?.unwrap_or(settings.wait);
        let until = Instant::now() + wait;
        let most = usize::try_from(most).unwrap_or(BATCH_MAX);
        let received = self.queues.receive(queue, most, hidden, Some(until)).await?;
        let names = asked
            .texts("MessageSystemAttributeNames")
            .chain(asked.texts("AttributeNames"));
        let names: BTreeSet<&str> = names.collect();
        let messages: Vec<Value> = received.iter().map(|message| shown(message, &names)).collect();
        Ok(if messages.is_empty() {
            json!({})
        } else {
            json!({"Messages": messages})
        })
    }

    fn delete(&self, queue: &str, asked: &Asked) -> Result<Value, SqsError> {
        self.queues.delete(queue, asked.handle()?)?;
        Ok(json!({}))
    }

    fn attributes(&self, queue: &str, asked: &Asked) -> Result<Value, SqsError> {
        let (settings, created_ms) = self.queues.settings(queue)?;
        let counts = self.queues.counts(queue)?;
        let seconds = |time: Duration| time.as_secs().to_string();
        let created = (created_ms / 1000).to_string();
        let mut all = vec![
            ("ApproximateNumberOfMessages", counts.visible.to_string()),
            ("ApproximateNumberOfMessagesDelayed", counts.delayed.to_string()),
            ("ApproximateNumberOfMessagesNotVisible", counts.hidden.to_string()),
            ("CreatedTimestamp", created.clone()),
            ("DelaySeconds", seconds(settings.delay)),
            ("LastModifiedTimestamp", created),
            ("MaximumMessageSize", MESSAGE_BYTES.to_string()),
            ("MessageRetentionPeriod", seconds(settings.retention)),
            ("QueueArn", queue_arn(queue)),
            ("ReceiveMessageWaitTimeSeconds", seconds(settings.wait)),
            ("SqsManagedSseEnabled", "true".to_owned()),
            ("VisibilityTimeout", seconds(settings.visibility)),
        ];
        if let Some(redrive) = &settings.redrive {
            let target = queue_arn(&redrive.dead_letters);
            let policy = json!({"deadLetterTargetArn": target, "maxReceiveCount": redrive.receives});
            all.push(("RedrivePolicy", policy.to_string()));
        }
        let names: BTreeSet<&str> = asked.texts("AttributeNames").collect();
        let optional = ["All", "RedrivePolicy", "KmsMasterKeyId", "Policy", "RedriveAllowPolicy"];
        let unknown = |name: &&&str| !all.iter().any(|(known, _)| *known == **name) && !optional.contains(*name);
        if let Some(name) = names.iter().find(unknown) {
            return Err(SqsError::attribute(name));
        }
        let asked_for = all
            .into_iter()
            .filter(|(name, _)| names.contains("All") || names.contains(name));
        let shown: Map<String, Value> = asked_for.map(|(name, value)| (name.to_owned(), value.into())).collect();
        Ok(json!({"Attributes": shown}))
    }
}

/// A request's parameters, or those of a batch's entry.
#[derive(Debug)]
struct Asked(Value);

impl Asked {
    /// A text that must be there.
    fn text(&self, parameter: &str) -> Result<&str, SqsError> {
        let text = self.0.get(parameter).and_then(Value::as_str);
        text.filter(|text| !text.is_empty())
            .ok_or_else(|| SqsError::missing(parameter))
    }

    /// A receipt handle, which has the form of those that queues here give.
    fn handle(&self) -> Result<&str, SqsError> {
        let handle = self.text("ReceiptHandle")?;
        match uuid::Uuid::parse_str(handle) {
            Ok(_) => Ok(handle),
            Err(_) => Err(SqsError::receipt()),
        }
    }

    fn number(&self, parameter: &str, range: std::ops::RangeInclusive<u64>) -> Result<Option<u64>, SqsError> {
        let Some(value) = self.0.get(parameter).filter(|value| !value.is_null()) else {
            return Ok(None);
        };
        let number = value.as_u64().filter(|number| range.contains(number));
        let (least, most) = (range.start(), range.end());
        number.map(Some).ok_or_else(|| {
            let reason = format!("Must be between {least} and {most}, if provided");
            SqsError::value(parameter, value, &reason)
        })
    }

    fn seconds(&self, parameter: &str, most: u64) -> Result<Option<Duration>, SqsError> {
        Ok(self.number(parameter, 0..=most)?.map(Duration::from_secs))
    }

    fn texts(&self, parameter: &str) -> impl Iterator<Item = &str> {
        let list = self.0.get(parameter).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str)
    }

    fn entries(&self) -> impl Iterator<Item = Self> {
        let list = self.0.get("Entries").and_then(Value::as_array);
        list.into_iter().flatten().cloned().map(Self)
    }
}

/// Does each entry of a batch. One that fails does not keep the others from being done.
fn batch(asked: &Asked, kind: &str, act: impl Fn(&Asked) -> Result<Value, SqsError>) -> Result<Value, SqsError> {
    let entries: Vec<Asked> = asked.entries().collect();
    match entries.len() {
        0 => return Err(SqsError::empty_batch()),
        1..=BATCH_MAX => {}
        given => return Err(SqsError::too_many(given)),
    }
    let mut seen = BTreeSet::new();
    for entry in &entries {
        let id = entry.text("Id").map_err(|_| SqsError::missing(&format!("{kind}.Id")))?;
        let is_good = |char: char| char.is_ascii_alphanumeric() || "-_".contains(char);
        if id.len() > ENTRY_ID_CHARS || !id.chars().all(is_good) {
            return Err(SqsError::entry_id());
        }
        if !seen.insert(id) {
            return Err(SqsError::repeated(id));
        }
    }
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for entry in &entries {
        let id = entry.text("Id").unwrap_or_default();
        match act(entry) {
            Ok(mut done) => {
                if let Some(done) = done.as_object_mut() {
                    done.insert("Id".to_owned(), id.into());
                }
                successful.push(done);
            }
            Err(error) => failed.push(error.entry(id)),
        }
    }
    Ok(json!({"Successful": successful, "Failed": failed}))
}

/// The name of the queue with this URL. Its host may be another one: AWS takes the queue's URL at each of its endpoints.
fn queue_name(url: &str) -> Result<&str, SqsError> {
    let (owner, name) = url.rsplit_once('/').ok_or_else(SqsError::no_queue)?;
    if owner.ends_with(&format!("/{ACCOUNT}")) {
        Ok(name)
    } else {
        Err(SqsError::no_queue())
    }
}

/// A message with the attributes that were asked for.
pub(super) fn shown(message: &Received, names: &BTreeSet<&str>) -> Value {
    let mut shown = json!({
        "MessageId": message.id, "ReceiptHandle": message.receipt, "MD5OfBody": md5(&message.body), "Body": message.body,
    });
    let attributes = system_attributes(message).into_iter();
    let asked_for = attributes.filter(|(name, _)| names.contains("All") || names.contains(name));
    let asked_for: Map<String, Value> = asked_for.map(|(name, value)| (name.to_owned(), value.into())).collect();
    if let Some(object) = shown.as_object_mut().filter(|_| !asked_for.is_empty()) {
        object.insert("Attributes".to_owned(), asked_for.into());
    }
    shown
}

/// What SQS knows of a message, as text.
pub(crate) fn system_attributes(message: &Received) -> [(&'static str, String); 4] {
    [
        ("ApproximateReceiveCount", message.receives.to_string()),
        (
            "ApproximateFirstReceiveTimestamp",
            message.first_received_ms.to_string(),
        ),
        ("SenderId", ACCOUNT.to_owned()),
        ("SentTimestamp", message.sent_ms.to_string()),
    ]
}

/// The MD5 of a text, by which SDKs check that it came as it was sent.
pub(crate) fn md5(text: &str) -> String {
    use std::fmt::Write as _;
    let digest = Md5::digest(text.as_bytes());
    digest.iter().fold(String::new(), |mut hex, byte| {
        // It can't fail on a text.
        write!(hex, "{byte:02x}").ok();
        hex
    })
}

/// # Source
/// SQS developer guide, "Amazon SQS message quotas": the characters of XML.
fn is_allowed(char: char) -> bool {
    matches!(char, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_named_by_its_account_and_name_at_any_host() {
        let named = |url: &str| queue_name(url).unwrap_or("none").to_owned();
        assert_eq!(named("https://sqs.us-east-1.amazonaws.com/123456789012/Jobs"), "Jobs");
        assert_eq!(named("http://127.0.0.1:1/123456789012/Jobs"), "Jobs");
        assert_eq!(named("http://127.0.0.1:1/999/Jobs"), "none");
        assert_eq!(named("Jobs"), "none");
    }

    /// RFC 1321, appendix A.5.
    #[test]
    fn md5_is_that_of_the_standard() {
        assert_eq!(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
        assert_eq!(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
    }
}
