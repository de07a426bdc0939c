//! What stands between a writer and its store and clients in the model: functions that die, and frames on their way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use shared::domain::{
    Actor, Asker, ConnectionId, Conversation, Cursor, Decision, Draft, Edit, Id, InboxWindow, Member, MessageId, OldId,
    Principal, Projection, Reaction, RetryKey, Role, SettingsEdit, Target, TopicMember, User, Window,
};
use shared::ports::{
    ChangedEntries, Changes, Delivery, Ended, GateError, History, Inbox, Opened, PageBounds, Push, Set, Store,
    StoreError, Terms, Told, Unavailable, Watches,
};
use tokio::sync::Notify;

/// A member who is told later, by a function that the client has given up.
pub(crate) struct LateTelling {
    pub(crate) conversation: Conversation,
    pub(crate) projection: Projection,
    pub(crate) member: Member,
}

/// The real store, with functions that die in front of it.
pub(crate) struct Dying<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) untold: Mutex<Vec<User>>,
    pub(crate) late: Mutex<Option<Vec<LateTelling>>>,
    /// This user is told only once somebody is notified.
    pub(crate) last: Option<(&'a User, &'a Notify)>,
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for Dying<'_> {
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Asker,
        draft: &Draft,
        members_max: u64,
    ) -> Result<Decision, StoreError> {
        self.store
            .append_message(conversation, author, draft, members_max)
            .await
    }

    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Asker,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, StoreError> {
        self.store.update_message(conversation, id, by, edit, retry_key).await
    }

    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Actor,
    ) -> Result<Decision, StoreError> {
        self.store.delete_message(conversation, id, by).await
    }

    async fn old_message(&self, conversation: &Conversation, old: OldId) -> Result<Option<MessageId>, Unavailable> {
        self.store.old_message(conversation, old).await
    }

    async fn react(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        reaction: &Reaction,
        give: bool,
    ) -> Result<Decision, StoreError> {
        self.store.react(conversation, id, by, reaction, give).await
    }

    async fn read_up_to(
        &self,
        conversation: &Conversation,
        by: &Id,
        up_to: Option<MessageId>,
    ) -> Result<Option<Decision>, StoreError> {
        self.store.read_up_to(conversation, by, up_to).await
    }

    async fn put_member(
        &self,
        topic: &Conversation,
        actor: &Actor,
        member: &Id,
        role: Option<Role>,
        members_max: u64,
    ) -> Result<Decision, StoreError> {
        self.store.put_member(topic, actor, member, role, members_max).await
    }

    async fn remove_member(&self, topic: &Conversation, actor: &Actor, member: &Id) -> Result<Decision, StoreError> {
        self.store.remove_member(topic, actor, member).await
    }

    async fn members(&self, topic: &Conversation, reader: &Asker) -> Result<Vec<TopicMember>, StoreError> {
        self.store.members(topic, reader).await
    }

    async fn tell(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &Member,
    ) -> Result<Told, Unavailable> {
        if let Some((last, told)) = self.last
            && last.id == member.id
        {
            told.notified().await;
        }
        if !held(&self.untold).contains(&conversation.user(&member.id)) {
            return self.store.tell(conversation, projection, member).await;
        }
        if let Some(late) = held(&self.late).as_mut() {
            late.push(LateTelling {
                conversation: conversation.clone(),
                projection: projection.clone(),
                member: member.clone(),
            });
        }
        Err(Unavailable::new("function", "it died"))
    }

    async fn set(&self, user: &User, target: &Target, edit: SettingsEdit) -> Result<Option<Set>, Unavailable> {
        self.store.set(user, target, edit).await
    }

    async fn history(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        window: &Window,
    ) -> Result<History, StoreError> {
        self.store.history(conversation, reader, window).await
    }

    async fn changes(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        since: u64,
        bounds: PageBounds,
    ) -> Result<Changes, StoreError> {
        self.store.changes(conversation, reader, since, bounds).await
    }

    async fn inbox(&self, user: &User, window: &InboxWindow) -> Result<Inbox, Unavailable> {
        self.store.inbox(user, window).await
    }

    async fn changed_entries(
        &self,
        user: &User,
        since: Option<Cursor>,
        bounds: PageBounds,
    ) -> Result<ChangedEntries, Unavailable> {
        self.store.changed_entries(user, since, bounds).await
    }

    async fn open_connection(
        &self,
        principal: &Principal,
        id: &ConnectionId,
        opened_ms: u64,
        terms: Terms<'_>,
    ) -> Result<Opened, GateError> {
        self.store.open_connection(principal, id, opened_ms, terms).await
    }

    async fn end_connection(&self, id: &ConnectionId) -> Result<Option<Ended>, Unavailable> {
        self.store.end_connection(id).await
    }

    async fn close_connection(&self, user: &User, id: &ConnectionId, found_in: &Watches) -> Result<(), Unavailable> {
        self.store.close_connection(user, id, found_in).await
    }
}

/// Frames on their way, by connection.
#[derive(Default)]
pub(crate) struct Wires(pub(crate) Mutex<HashMap<String, Vec<Bytes>>>);

#[async_trait]
impl Push for Wires {
    async fn post(&self, connection: &ConnectionId, frame: Bytes) -> Result<Delivery, Unavailable> {
        held(&self.0).entry(connection.to_string()).or_default().push(frame);
        Ok(Delivery::Sent)
    }

    async fn end(&self, _: &ConnectionId) -> Result<Delivery, Unavailable> {
        Ok(Delivery::Sent)
    }
}
