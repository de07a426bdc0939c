//! Writing: the conversation first, then everyone in it, then the pushes, then the answer.

use futures_util::future::join_all;

use super::conversation;
use super::fan_out::{self, Post};
use crate::domain::{Body, ConnectionId, Conversation, Edit, Id, MessageId, Metadata, Target, User};
use crate::error::ApiError;
use crate::ports::{Change, Notice, Push, Store, Unavailable};
use crate::wire::{self, DeletedAnswer, EntryAnswer};

/// Who asks, and over which connection, which is not told of what it asked for itself.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub user: User,
    /// The connection; none over REST.
    pub connection: Option<ConnectionId>,
}

/// Changes conversations and tells their participants.
///
/// When one of its methods returns without an error, the change stands in the conversation, and in the inbox and the event log of every
/// participant. Pushes have been tried, and nothing is left to do after the answer: a function is frozen as soon as it has answered.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Where the change is kept.
    pub store: &'a dyn Store,
    /// How live connections hear of it.
    pub push: &'a dyn Push,
}

impl Writer<'_> {
    /// Sends a message.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`]; the message may then be stored or not.
    pub async fn send(
        &self,
        caller: &Caller,
        target: &Target,
        body: &Body,
        metadata: Option<&Metadata>,
    ) -> Result<EntryAnswer, ApiError> {
        let conversation = conversation(&caller.user, target);
        let change = self
            .store
            .append_message(&conversation, &caller.user.id, body, metadata)
            .await?;
        self.publish(caller, &conversation, &change, 0).await?;
        Ok(EntryAnswer::new(&conversation, &caller.user, &change))
    }

    /// Edits a message as its author, or marks it seen as the other side.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`], [`ApiError::NothingToChange`] if the new content is of another kind than
    /// the message, [`ApiError::Unavailable`].
    pub async fn update(
        &self,
        caller: &Caller,
        target: &Target,
        message_id: &str,
        edit: &Edit,
    ) -> Result<EntryAnswer, ApiError> {
        let conversation = conversation(&caller.user, target);
        let id = MessageId::parse(message_id).ok_or(ApiError::MessageNotFound)?;
        let change = self
            .store
            .update_message(&conversation, id, &caller.user.id, edit)
            .await??;
        let read_seq = if *edit == Edit::Seen { id.seq } else { 0 };
        self.publish(caller, &conversation, &change, read_seq).await?;
        Ok(EntryAnswer::new(&conversation, &caller.user, &change))
    }

    /// Deletes a message as its author.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`], [`ApiError::Unavailable`].
    pub async fn delete(&self, caller: &Caller, target: &Target, message_id: &str) -> Result<DeletedAnswer, ApiError> {
        let conversation = conversation(&caller.user, target);
        let id = MessageId::parse(message_id).ok_or(ApiError::MessageNotFound)?;
        let change = self.store.delete_message(&conversation, id, &caller.user.id).await??;
        self.publish(caller, &conversation, &change, 0).await?;
        Ok(DeletedAnswer::new(&conversation, &caller.user))
    }

    /// Writes the change to every participant's inbox and event log, then pushes it to their connections. `read_seq` is up to where the
    /// caller has read by it; 0 if it tells nothing.
    async fn publish(
        &self,
        caller: &Caller,
        conversation: &Conversation,
        change: &Change,
        read_seq: u64,
    ) -> Result<(), Unavailable> {
        let participants = conversation.participants();
        let is_caller = |id: &Id| *id == caller.user.id;
        let deliveries = participants.iter().map(async |participant| {
            let notice = Notice {
                change,
                conversation,
                // Also for the others: should a function have died before one's own message reached the own inbox, this makes up for it.
                read_seq: change
                    .sent_by(&participant.id)
                    .max(if is_caller(&participant.id) { read_seq } else { 0 }),
                takes_unread: change.message.is_none() && !is_caller(&participant.id),
            };
            self.store.deliver(participant, &notice).await
        });
        // All are seen through, also when one fails: what can be done is done.
        let delivered = join_all(deliveries).await.into_iter().collect::<Result<Vec<_>, _>>()?;
        let posts: Vec<Post<'_>> = participants
            .iter()
            .zip(delivered)
            .map(|(participant, delivered)| {
                let mut connections = delivered.connections;
                connections.retain(|live| caller.connection.as_ref() != Some(&live.id));
                let frame = wire::pushed_frame(conversation, participant, change, delivered.cursor);
                Post {
                    user: participant,
                    connections,
                    frame: frame.into(),
                }
            })
            .collect();
        fan_out::fan_out(self.store, self.push, &posts).await;
        Ok(())
    }
}
