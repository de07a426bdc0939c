//! Reading: one round trip to the store, and at most one request to the platform.

use tracing::{Span, field};

use super::conversation;
use crate::domain::{Id, Page, Target, User, Window};
use crate::error::ApiError;
use crate::ports::{Directory, Store};
use crate::wire::{self, HistoryAnswer, ListAnswer};

/// A part of the conversation that `user` calls `target`.
///
/// # Errors
/// [`ApiError::MessageNotFound`] if the window hangs on a message that was never there, [`ApiError::Unavailable`].
pub async fn history(
    store: &dyn Store,
    directory: &dyn Directory,
    user: &User,
    target: &Target,
    window: &Window,
) -> Result<HistoryAnswer, ApiError> {
    let conversation = conversation(user, target);
    // Everyone who can have written here is known beforehand, so the platform is asked while the store reads.
    let ids: Vec<Id> = conversation
        .participants()
        .into_iter()
        .map(|participant| participant.id)
        .collect();
    let (history, profiles) = tokio::join!(store.history(&conversation, window), directory.users(&ids));
    let history = history?.ok_or(ApiError::MessageNotFound)?;
    Ok(wire::history(&conversation, target, window, &history, &profiles))
}

/// A part of the user's inbox, plain or with the platform's objects.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn inbox(
    store: &dyn Store,
    directory: Option<&dyn Directory>,
    user: &User,
    page: Page,
) -> Result<ListAnswer, ApiError> {
    Span::current().record("user", field::display(&user.id));
    let inbox = store.inbox(user, page).await?;
    let profiles = match directory {
        Some(directory) => {
            let ids: Vec<Id> = inbox
                .entries
                .iter()
                .map(|entry| match &entry.target {
                    Target::User(id) => id.clone(),
                })
                .collect();
            Some(directory.users(&ids).await)
        }
        None => None,
    };
    Ok(wire::list(user, page, &inbox, profiles.as_ref()))
}
