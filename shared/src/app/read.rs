//! Reading: conversations, the inbox, and what changed in them.

use tracing::{Span, field};

use super::conversation;
use crate::domain::{Conversation, Cursor, Id, Page, Target, User, Window};
use crate::error::ApiError;
use crate::ports::{ChangedEntries, Changes, Directory, History, Inbox, PageBounds, Profiles, Store};

/// A part of the conversation that `user` calls `target`, and the profiles of everyone who wrote there.
///
/// # Errors
/// [`ApiError::MessageNotFound`] if the window hangs on a message that was never there, [`ApiError::Unavailable`].
pub async fn history(
    store: &dyn Store,
    directory: &dyn Directory,
    user: &User,
    target: &Target,
    window: &Window,
) -> Result<(Conversation, History, Profiles), ApiError> {
    let conversation = conversation(user, target);
    // Everyone who can have written in a direct conversation is known beforehand, so the platform is asked while the store reads.
    let founders = conversation.founders();
    let (history, mut profiles) = tokio::join!(store.history(&conversation, window), directory.users(&founders));
    let history = history?.ok_or(ApiError::MessageNotFound)?;
    let mut others: Vec<Id> = history.messages.iter().map(|message| message.author.clone()).collect();
    others.retain(|author| !profiles.contains_key(author));
    if !others.is_empty() {
        profiles.extend(directory.users(&others).await);
    }
    Ok((conversation, history, profiles))
}

/// A part of the user's inbox; with a directory also the profiles of the other users in it.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn inbox(
    store: &dyn Store,
    directory: Option<&dyn Directory>,
    user: &User,
    page: Page,
) -> Result<(Inbox, Option<Profiles>), ApiError> {
    Span::current().record("user", field::display(&user.id));
    let inbox = store.inbox(user, page).await?;
    let users = inbox.entries.iter().filter_map(|entry| match &entry.target {
        Target::User(id) => Some(id.clone()),
        Target::Topic(_) => None,
    });
    let profiles = match directory {
        Some(directory) => Some(directory.users(&users.collect::<Vec<_>>()).await),
        None => None,
    };
    Ok((inbox, profiles))
}

/// The inbox entries of a user that changed since a cursor; without a cursor, only how far the user was told.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn changed_entries(
    store: &dyn Store,
    user: &User,
    since: Option<Cursor>,
    bounds: PageBounds,
) -> Result<ChangedEntries, ApiError> {
    Span::current().record("user", field::display(&user.id));
    Ok(store.changed_entries(user, since, bounds).await?)
}

/// What changed since a revision in the conversation that `user` calls `target`.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn changes(
    store: &dyn Store,
    user: &User,
    target: &Target,
    since: u64,
    bounds: PageBounds,
) -> Result<(Conversation, Changes), ApiError> {
    let conversation = conversation(user, target);
    let changes = store.changes(&conversation, since, bounds).await?;
    Ok((conversation, changes))
}
