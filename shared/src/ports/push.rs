//! Frames to live connections.

use async_trait::async_trait;
use bytes::Bytes;

use super::Unavailable;
use crate::domain::ConnectionId;

/// What became of a frame, or of the wish to end a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// The gateway took it, or has ended the connection.
    Sent,
    /// The connection has ended and will never come back.
    Gone,
}

/// Posts frames to connections.
#[async_trait]
pub trait Push: Send + Sync {
    /// Posts one frame, trying again as far as that helps. Calling it twice sends the frame twice.
    ///
    /// # Errors
    /// [`Unavailable`] if the gateway refused or did not answer; the connection may live on.
    async fn post(&self, connection: &ConnectionId, frame: Bytes) -> Result<Delivery, Unavailable>;

    /// Ends a connection. Calling it twice finds it gone.
    ///
    /// # Errors
    /// As [`Push::post`].
    async fn end(&self, connection: &ConnectionId) -> Result<Delivery, Unavailable>;
}
