//! What stands between a writer and its store and clients in the model: functions that die, and frames on their way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use shared::domain::{
    Body, ConnectionId, Conversation, Cursor, Decision, Edit, Id, Member, MessageId, Metadata, Page, Projection,
    RetryKey, User, Window,
};
use shared::ports::{
    ChangedEntries, Changes, Delivery, History, Inbox, PageBounds, Push, Store, Told, Unavailable, WriteError,
};

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
}

pub(crate) fn held<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl Store for Dying<'_> {
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Id,
        body: &Body,
        metadata: Option<&Metadata>,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, WriteError> {
        self.store
            .append_message(conversation, author, body, metadata, retry_key)
            .await
    }

    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, WriteError> {
        self.store.update_message(conversation, id, by, edit, retry_key).await
    }

    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
    ) -> Result<Decision, WriteError> {
        self.store.delete_message(conversation, id, by).await
    }

    async fn tell(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &Member,
    ) -> Result<Told, Unavailable> {
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

    async fn changes(
        &self,
        conversation: &Conversation,
        since: u64,
        bounds: PageBounds,
    ) -> Result<Changes, Unavailable> {
        self.store.changes(conversation, since, bounds).await
    }

    async fn changed_entries(
        &self,
        user: &User,
        since: Option<Cursor>,
        bounds: PageBounds,
    ) -> Result<ChangedEntries, Unavailable> {
        self.store.changed_entries(user, since, bounds).await
    }

    async fn history(&self, conversation: &Conversation, window: &Window) -> Result<Option<History>, Unavailable> {
        self.store.history(conversation, window).await
    }

    async fn inbox(&self, user: &User, page: Page) -> Result<Inbox, Unavailable> {
        self.store.inbox(user, page).await
    }

    async fn open_connection(&self, user: &User, id: &ConnectionId, opened_ms: u64) -> Result<bool, Unavailable> {
        self.store.open_connection(user, id, opened_ms).await
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<User>, Unavailable> {
        self.store.connection(id).await
    }

    async fn close_connections(&self, user: &User, ids: &[ConnectionId]) -> Result<(), Unavailable> {
        self.store.close_connections(user, ids).await
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
}
