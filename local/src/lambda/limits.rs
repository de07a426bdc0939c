//! Lambda's limits on requests and answers.

/// Lambda's limit on the payload of a synchronous request.
///
/// # Source
/// Lambda quotas: 6 MB; in bytes, "Request must be smaller than 6291456 bytes".
pub const MAX_PAYLOAD_BYTES: usize = 6 * 1024 * 1024;

/// Lambda's limit on an answer: the same, and 100 bytes more.
///
/// # Source
/// Lambda's own error, "Response payload size exceeded maximum allowed payload size (6291556 bytes)".
pub const MAX_ANSWER_BYTES: usize = MAX_PAYLOAD_BYTES + 100;
