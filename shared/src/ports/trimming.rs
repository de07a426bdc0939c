//! Removing what is older than a site keeps.

use async_trait::async_trait;

use super::Unavailable;
use crate::domain::{Conversation, Domain, Projection};

/// How far a walk through all conversations has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Walk {
    /// When it began, in milliseconds since 1970.
    pub began_ms: u64,
    /// The place where it goes on, as the store names it; `None` if it is done.
    pub place: Option<String>,
}

/// A part of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Some conversations. One may come twice in a walk; one that is there from beginning to end comes at least once, as long as no data moves
    /// between the servers.
    pub conversations: Vec<Conversation>,
    /// The place behind them; `None` if there are no more.
    pub next: Option<String>,
}

/// What became of the old messages of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trimmed {
    /// There were none, and all members know it.
    Nothing,
    /// Some were removed, and more may be there.
    More,
    /// All were removed, now or before. The members have to be told of the projection. The next call is given the note as a sign that they were.
    ToTell(Projection, String),
}

/// Removes old messages and reports. Each method is one round trip and may be repeated.
#[async_trait]
pub trait Trimming: Send + Sync {
    /// The last walk, done or not; `None` if there was none.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn walk(&self) -> Result<Option<Walk>, Unavailable>;

    /// Notes how far a walk has come.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn keep_walk(&self, walk: &Walk) -> Result<(), Unavailable>;

    /// The conversations of all sites at a place of a walk, a bounded part of them; an empty place is the beginning. In a cluster this takes two
    /// round trips.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn stretch(&self, place: &str) -> Result<Stretch, Unavailable>;

    /// Removes a bounded number of the oldest messages of a conversation that were stored before a time, in milliseconds since 1970, with all that
    /// belongs to them. `told` is the note of the call before, if all members were told since.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn trim(
        &self,
        conversation: &Conversation,
        before_ms: u64,
        told: Option<&str>,
    ) -> Result<Trimmed, Unavailable>;

    /// Removes a bounded number of the oldest reports of a site that were made before a time, in milliseconds since 1970. True if more may be there.
    ///
    /// # Errors
    /// [`Unavailable`].
    async fn trim_reports(&self, site: &Domain, before_ms: u64) -> Result<bool, Unavailable>;
}
