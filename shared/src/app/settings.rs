//! What a user does to a conversation in the user's own inbox.

use super::fan_out::{self, Post};
use super::{Caller, conversation, withhold};
use crate::domain::{Place, SettingsEdit, Target, TopicRules};
use crate::error::ApiError;
use crate::ports::{InboxEntry, Push, Store};
use crate::wire;

/// Changes how a conversation stands in the caller's inbox, and tells the caller's other connections. Also says where that stands among all that
/// the caller was told.
///
/// # Errors
/// [`ApiError::ConversationNotFound`] if the inbox does not have it, [`ApiError::Unavailable`].
pub async fn set(
    store: &dyn Store,
    push: &dyn Push,
    topics: TopicRules,
    caller: &Caller,
    target: &Target,
    edit: SettingsEdit,
) -> Result<(InboxEntry, Option<Place>), ApiError> {
    let user = &caller.principal.user;
    conversation(user, target);
    let set = store.set(user, target, edit).await?;
    let mut set = set.ok_or(ApiError::ConversationNotFound)?;
    withhold(topics, &caller.principal, &mut set.entry);
    let place = set.told.place;
    let ending = Post::ending(user, set.told.overdue);
    let event = wire::settings_event(user, &set.entry).filter(|_| place.is_some());
    let telling = event.map(|event| {
        let connections = caller.others(set.told.connections);
        Post::new(user.clone(), connections, event, place)
    });
    fan_out::push_all(store, push, ending.into_iter().chain(telling)).await;
    Ok((set.entry, place))
}
