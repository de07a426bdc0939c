//! The time.

/// Tells the time. A port, so that rules about time are tested without waiting.
pub trait Clock: Send + Sync {
    /// Milliseconds since 1970.
    fn now_ms(&self) -> u64;
}
