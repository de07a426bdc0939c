//! Bans: banned users may read but not write.

/// The ban of a user, who may read but not write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// When it ends, in milliseconds since 1970; `None` if it does not.
    pub until_ms: Option<u64>,
    /// The reason, which only the platform sees: at most [`BAN_REASON_BYTES`](super::limits::BAN_REASON_BYTES) bytes.
    pub reason: Option<String>,
}
