//! What the routes do, the same over REST and over the WebSocket.

mod blocks;
mod erase;
mod export;
mod fan_out;
mod later;
mod platform;
mod publish;
mod read;
mod reports;
mod settings;
mod signals;
mod speaker;
mod trimmer;
mod uploads;
mod usage;
mod worker;
mod write;

pub use blocks::{blocked, set_block};
pub use erase::{Eraser, Progress};
pub use export::export;
pub use later::Later;
pub use platform::Platform;
pub use read::{changed_entries, changes, history, inbox, members, profiles};
pub use reports::{report, reports, resolve};
pub use settings::set;
pub use signals::{Seen, Signaller, presence};
pub use speaker::{owner, speaker};
pub use trimmer::Trimmer;
pub use uploads::{image_address, prepare_upload};
pub use usage::{Counted, Usage};
pub use worker::Worker;
pub use write::{Caller, Writer};

use tracing::{Span, field};

use crate::domain::{Asker, Conversation, Principal, Target, TopicRules, User};
use crate::error::ApiError;
use crate::ports::InboxEntry;

/// The conversation that `user` calls `target`, noted for the lines of the log.
fn conversation(user: &User, target: &Target) -> Conversation {
    let conversation = Conversation::of(user, target);
    Span::current()
        .record("user", field::display(&user.id))
        .record("conversation", conversation.key());
    conversation
}

/// What a user may ask for at `target`.
///
/// # Errors
/// [`ApiError::TopicNotInToken`] if the user's token does not name the topic.
fn asker(topics: TopicRules, principal: &Principal, target: &Target) -> Result<Asker, ApiError> {
    let admission = topics.admission(&principal.topics, target);
    Ok(Asker {
        id: principal.user.id.clone(),
        admission: admission.ok_or(ApiError::TopicNotInToken)?,
    })
}

/// Takes the newest message from an entry if its owner's token has to name the topic, and does not.
fn withhold(topics: TopicRules, owner: &Principal, entry: &mut InboxEntry) {
    if topics.admission(&owner.topics, &entry.target).is_none() {
        entry.latest = None;
    }
}
