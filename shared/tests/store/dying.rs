//! What stands between a writer and its store and clients in the model: functions that die, and frames on their way.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use shared::domain::{
    Body, ConnectionId, Conversation, Cursor, Edit, Id, MessageId, Metadata, Page, RetryKey, User, Window,
};
use shared::ports::{
    Change, Delivered, Delivery, EventPage, History, Inbox, Notice, Push, Refusal, Snapshot, Store, Unavailable,
};

/// A participant who is told later, by a function that the client has given up.
pub(crate) struct LateNotice {
    pub(crate) participant: User,
    pub(crate) conversation: Conversation,
    pub(crate) change: Change,
    pub(crate) read_seq: u64,
}

/// The real store, with functions that die in front of it.
pub(crate) struct Dying<'a> {
    pub(crate) store: &'a dyn Store,
    pub(crate) untold: Mutex<Vec<User>>,
    pub(crate) late: Mutex<Option<Vec<LateNotice>>>,
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
    ) -> Result<Change, Unavailable> {
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
    ) -> Result<Result<Change, Refusal>, Unavailable> {
        self.store.update_message(conversation, id, by, edit).await
    }

    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
    ) -> Result<Result<Change, Refusal>, Unavailable> {
        self.store.delete_message(conversation, id, by).await
    }

    async fn deliver(&self, participant: &User, notice: &Notice<'_>) -> Result<Delivered, Unavailable> {
        if !held(&self.untold).contains(participant) {
            return self.store.deliver(participant, notice).await;
        }
        if let Some(late) = held(&self.late).as_mut() {
            late.push(LateNotice {
                participant: participant.clone(),
                conversation: notice.conversation.clone(),
                change: notice.change.clone(),
                read_seq: notice.read_seq,
            });
        }
        Err(Unavailable::new("function", "it died"))
    }

    async fn history(&self, conversation: &Conversation, window: &Window) -> Result<Option<History>, Unavailable> {
        self.store.history(conversation, window).await
    }

    async fn inbox(&self, user: &User, page: Page) -> Result<Inbox, Unavailable> {
        self.store.inbox(user, page).await
    }

    async fn events(&self, user: &User, since: Option<Cursor>, count: u64) -> Result<EventPage, Unavailable> {
        self.store.events(user, since, count).await
    }

    async fn messages(&self, conversation: &Conversation, seqs: &[u64]) -> Result<Snapshot, Unavailable> {
        self.store.messages(conversation, seqs).await
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
