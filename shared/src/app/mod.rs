//! What the routes do, the same over REST and over the WebSocket.

mod fan_out;
mod read;
mod write;

pub use read::{changed_entries, changes, history, inbox, profiles};
pub use write::{Caller, Draft, Writer};

use tracing::{Span, field};

use crate::domain::{Conversation, Target, User};

/// The conversation that `user` calls `target`, noted for the lines of the log.
fn conversation(user: &User, target: &Target) -> Conversation {
    let conversation = Conversation::of(user, target);
    Span::current()
        .record("user", field::display(&user.id))
        .record("conversation", conversation.key());
    conversation
}
