//! Reading: conversations, the inbox, and what changed in them.

use tracing::{Span, field};

use super::{asker, conversation, withhold};
use crate::domain::{Conversation, Cursor, Id, InboxWindow, Principal, Target, TopicMember, TopicRules, User, Window};
use crate::error::ApiError;
use crate::ports::{ChangedEntries, Changes, Directory, History, Inbox, Listing, PageBounds, Store};

/// A part of the conversation that `user` calls `target`, and the profiles of the topic and of everyone who wrote there.
///
/// # Errors
/// [`ApiError::MessageNotFound`] if the window hangs on a message that was never there, [`ApiError::NotAMember`],
/// [`ApiError::TopicNotInToken`], [`ApiError::Unavailable`].
pub async fn history(
    store: &dyn Store,
    directory: &dyn Directory,
    topics: TopicRules,
    reader: &Principal,
    target: &Target,
    window: &Window,
) -> Result<(Conversation, History, Listing), ApiError> {
    let asker = asker(topics, reader, target)?;
    let conversation = conversation(&reader.user, target);
    // Everyone who can have written in a direct conversation is known beforehand, so the platform is asked while the store reads.
    let founders = conversation.founders();
    let topic = match target {
        Target::User(_) => Vec::new(),
        Target::Topic(id) => vec![id.clone()],
    };
    let (history, mut listing) = tokio::join!(
        store.history(&conversation, &asker, window),
        look_up(directory, &founders, &topic)
    );
    let history = history?;
    let mut others: Vec<Id> = history.messages.iter().map(|message| message.author.clone()).collect();
    others.retain(|author| !listing.users.contains_key(author));
    if !others.is_empty() {
        listing.users.extend(directory.users(&others).await);
    }
    Ok((conversation, history, listing))
}

/// A part of the owner's inbox; with a directory also the profiles of the other users and of the topics in it.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn inbox(
    store: &dyn Store,
    directory: Option<&dyn Directory>,
    topics: TopicRules,
    owner: &Principal,
    window: &InboxWindow,
) -> Result<(Inbox, Option<Listing>), ApiError> {
    let user = &owner.user;
    Span::current().record("user", field::display(&user.id));
    let mut inbox = store.inbox(user, window).await?;
    for entry in &mut inbox.entries {
        withhold(topics, owner, entry);
    }
    let Some(directory) = directory else {
        return Ok((inbox, None));
    };
    let (mut users, mut groups) = (Vec::new(), Vec::new());
    for entry in &inbox.entries {
        match &entry.target {
            Target::User(id) => users.push(id.clone()),
            Target::Topic(id) => groups.push(id.clone()),
        }
    }
    let listing = look_up(directory, &users, &groups).await;
    Ok((inbox, Some(listing)))
}

/// The profiles of these users and topics.
pub async fn profiles(directory: &dyn Directory, user: &User, users: &[Id], topics: &[Id]) -> Listing {
    Span::current().record("user", field::display(&user.id));
    look_up(directory, users, topics).await
}

/// Asks for users and topics side by side; for either only if there are any.
async fn look_up(directory: &dyn Directory, users: &[Id], topics: &[Id]) -> Listing {
    let (users, topics) = tokio::join!(directory.users(users), directory.topics(topics));
    Listing { users, topics }
}

/// The inbox entries of their owner that changed since a cursor; without a cursor, only how far the owner was told.
///
/// # Errors
/// [`ApiError::Unavailable`].
pub async fn changed_entries(
    store: &dyn Store,
    topics: TopicRules,
    owner: &Principal,
    since: Option<Cursor>,
    bounds: PageBounds,
) -> Result<ChangedEntries, ApiError> {
    Span::current().record("user", field::display(&owner.user.id));
    let mut changed = store.changed_entries(&owner.user, since, bounds).await?;
    for (_, entry) in &mut changed.entries {
        withhold(topics, owner, entry);
    }
    Ok(changed)
}

/// What changed since a revision in the conversation that the reader calls `target`.
///
/// # Errors
/// [`ApiError::NotAMember`], [`ApiError::TopicNotInToken`], [`ApiError::Unavailable`].
pub async fn changes(
    store: &dyn Store,
    topics: TopicRules,
    reader: &Principal,
    target: &Target,
    since: u64,
    bounds: PageBounds,
) -> Result<(Conversation, Changes), ApiError> {
    let asker = asker(topics, reader, target)?;
    let conversation = conversation(&reader.user, target);
    let changes = store.changes(&conversation, &asker, since, bounds).await?;
    Ok((conversation, changes))
}

/// All members of a topic, in the order of their ids.
///
/// # Errors
/// [`ApiError::NotAMember`], [`ApiError::TopicNotInToken`], [`ApiError::Unavailable`].
pub async fn members(
    store: &dyn Store,
    topics: TopicRules,
    reader: &Principal,
    topic: &Target,
) -> Result<Vec<TopicMember>, ApiError> {
    let asker = asker(topics, reader, topic)?;
    let conversation = conversation(&reader.user, topic);
    Ok(store.members(&conversation, &asker).await?)
}
