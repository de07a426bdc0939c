//! What the chat needs from outside, as traits. The adapters fulfil them; everything above sees only these.

mod blocks;
mod clock;
mod directory;
mod erasures;
mod gate;
mod jobs;
mod moderation;
mod oversight;
mod push;
mod signals;
mod store;
mod trimming;
mod undelivered;
mod uploads;
mod webhook;

use std::error::Error as StdError;

use thiserror::Error;

pub use blocks::{Blocks, BlocksPage};
pub use clock::Clock;
pub use directory::{Directory, Listing, Profile, Profiles};
pub use erasures::{Erasures, ExportLine, ExportPage, Part, Written};
pub use gate::{Frame, Gate, GateError, Mode, Taking, Wish};
pub use jobs::{Promise, Promises, Queue};
pub use moderation::{Complaint, Filed, Moderation, ReportsOf, ReportsPage, Versions};
pub use oversight::{Oversight, Recorded};
pub use push::{Delivery, Push};
pub use signals::{Due, Presence, PresenceReader, Signals, Typing, Watches, Watching};
pub use store::{
    ChangedEntries, Changes, Ended, History, Inbox, InboxEntry, Live, Opened, PageBounds, Set, Store, StoreError,
    Stored, Terms, Told,
};
pub use trimming::{Stretch, Trimmed, Trimming, Walk};
pub use undelivered::{Noticed, Undelivered, Waiting};
pub use uploads::{UploadForm, Uploads};
pub use webhook::{Notice, Webhook};

/// Something that we depend on did not do its part in time. The client may try again.
#[derive(Debug, Error)]
#[error("{what} is unavailable")]
pub struct Unavailable {
    /// What did not answer, as a word for a log: `redis`, `platform`.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: Box<dyn StdError + Send + Sync>,
}

impl Unavailable {
    /// Wraps the reason.
    pub fn new(what: &'static str, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self {
            what,
            source: source.into(),
        }
    }
}
