//! The errors of SQS.

use std::borrow::Cow;

use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use crate::server::{Reply, json as json_reply};

/// An error of the service.
///
/// SQS had another protocol before, whose codes are still what the SDKs show: they come in a header beside the new ones.
///
/// # Source
/// The service model, `awsQueryCompatible`; Smithy documentation, "AWS Query Compatible".
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SqsError {
    status: StatusCode,
    /// The name in the service model.
    kind: &'static str,
    /// The code of the earlier protocol.
    code: Cow<'static, str>,
    message: String,
}

impl SqsError {
    fn new(kind: &'static str, code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind,
            code: code.into(),
            message: message.into(),
        }
    }

    /// An error whose earlier code has the prefix that most of them have.
    fn prefixed(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(kind, format!("AWS.SimpleQueueService.{kind}"), message)
    }

    /// There is no such queue.
    pub(super) fn no_queue() -> Self {
        let code = "AWS.SimpleQueueService.NonExistentQueue";
        Self::new("QueueDoesNotExist", code, "The specified queue does not exist.")
    }

    /// A receipt handle that no queue here has given.
    pub(super) fn receipt() -> Self {
        let mut error = Self::same("ReceiptHandleIsInvalid", "The input receipt handle is invalid.");
        error.status = StatusCode::NOT_FOUND;
        error
    }

    /// The message is not hidden by a receive at the moment.
    pub(super) fn not_in_flight() -> Self {
        Self::prefixed("MessageNotInflight", "The message is not in flight.")
    }

    /// An error whose name is also its earlier code.
    fn same(kind: &'static str, message: impl Into<String>) -> Self {
        Self::new(kind, kind, message)
    }

    /// A parameter has a value that is not allowed.
    pub(super) fn value(parameter: &str, value: &Value, reason: &str) -> Self {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let message = format!("Value {value} for parameter {parameter} is invalid. Reason: {reason}.");
        Self::same("InvalidParameterValue", message)
    }

    /// A message is too long.
    pub(super) fn too_long(most: usize) -> Self {
        let message = format!("One or more parameters are invalid. Reason: Message must be shorter than {most} bytes.");
        Self::same("InvalidParameterValue", message)
    }

    /// A parameter is missing.
    pub(super) fn missing(parameter: &str) -> Self {
        let message = format!("The request must contain the parameter {parameter}.");
        Self::same("MissingParameter", message)
    }

    /// A message has a character that SQS does not take.
    pub(super) fn contents() -> Self {
        let message = "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF";
        Self::same("InvalidMessageContents", message)
    }

    /// An attribute that queues do not have.
    pub(super) fn attribute(name: &str) -> Self {
        Self::same("InvalidAttributeName", format!("Unknown Attribute {name}."))
    }

    /// A part of SQS that is not played here.
    pub(super) fn unsupported(what: &str) -> Self {
        Self::prefixed("UnsupportedOperation", format!("The local stack does not play {what}."))
    }

    /// A batch without entries.
    pub(super) fn empty_batch() -> Self {
        Self::prefixed(
            "EmptyBatchRequest",
            "There should be at least one entry in the request.",
        )
    }

    /// A batch with more than ten entries.
    pub(super) fn too_many(given: usize) -> Self {
        let message = format!("Maximum number of entries per request are 10. You have sent {given}.");
        Self::prefixed("TooManyEntriesInBatchRequest", message)
    }

    /// Two entries of a batch with one id.
    pub(super) fn repeated(id: &str) -> Self {
        Self::prefixed("BatchEntryIdsNotDistinct", format!("Id {id} repeated."))
    }

    /// An entry of a batch with an id that is not allowed.
    pub(super) fn entry_id() -> Self {
        let message = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.";
        Self::prefixed("InvalidBatchEntryId", message)
    }

    /// A batch whose messages are too long together.
    pub(super) fn batch_too_long(most: usize, given: usize) -> Self {
        let message = format!("Batch requests cannot be longer than {most} bytes. You have sent {given} bytes.");
        Self::prefixed("BatchRequestTooLong", message)
    }

    /// The request is not signed as it should be.
    pub(super) fn security() -> Self {
        let mut error = Self::same(
            "InvalidSecurity",
            "The request must be signed with the keys of functions.",
        );
        error.status = StatusCode::FORBIDDEN;
        error
    }

    /// SQS itself fails.
    pub(super) fn internal() -> Self {
        let mut error = Self::same("InternalFailure", "The request processing has failed.");
        error.status = StatusCode::INTERNAL_SERVER_ERROR;
        error
    }

    fn fault(&self) -> &'static str {
        if self.status.is_server_error() {
            "Receiver"
        } else {
            "Sender"
        }
    }

    /// The answer that carries it.
    pub(super) fn reply(&self) -> Reply {
        let Self {
            status,
            kind,
            code,
            message,
        } = self;
        let body = json!({"__type": format!("com.amazonaws.sqs#{kind}"), "message": message});
        let mut reply = json_reply(*status, &body);
        if let Ok(header) = HeaderValue::try_from(format!("{code};{}", self.fault())) {
            reply.headers_mut().insert("x-amzn-query-error", header);
        }
        reply
    }

    /// What a batch says of an entry that failed.
    pub(super) fn entry(&self, id: &str) -> Value {
        json!({"Id": id, "Code": self.code, "Message": self.message, "SenderFault": self.fault() == "Sender"})
    }
}
