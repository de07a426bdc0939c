//! Users who may not write any more.

/// A user who is banned: reads, and writes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// When it ends, in milliseconds since 1970; `None` if it does not.
    pub until_ms: Option<u64>,
    /// Why, for the platform alone: at most [`BAN_REASON_BYTES`](super::limits::BAN_REASON_BYTES) bytes.
    pub reason: Option<String>,
}
