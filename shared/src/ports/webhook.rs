//! Telling the platform of what happened.

use async_trait::async_trait;

use super::Unavailable;

/// A message for the platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The same for every repetition, so that the platform recognises one.
    pub id: String,
    /// The JSON that is sent.
    pub body: String,
}

/// The address at which the platform takes notices.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// Sends a notice. Calling it twice sends it twice.
    ///
    /// # Errors
    /// [`Unavailable`] if the platform did not confirm it in time.
    async fn send(&self, notice: &Notice) -> Result<(), Unavailable>;
}
