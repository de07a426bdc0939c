//! Writing: the conversation first, then everyone in it, then the pushes, then the answer.

use futures_util::future::join_all;

use super::conversation;
use super::fan_out::{self, Post};
use crate::domain::{
    Body, ConnectionId, Conversation, Edit, Event, EventKind, EventLogBounds, Id, Message, MessageId, Metadata, Place,
    RetryKey, Target, User,
};
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

/// A message to send.
#[derive(Clone, Debug)]
pub struct Draft {
    /// What it says.
    pub body: Body,
    /// What the client attached.
    pub metadata: Option<Metadata>,
    /// By what the client will call it should it send it again.
    pub retry_key: Option<RetryKey>,
}

/// What was done.
#[derive(Debug)]
pub struct Done<T> {
    /// The answer.
    pub answer: T,
    /// Where it stands in the caller's own event log; none if a repetition found everything done.
    pub place: Option<Place>,
}

impl<T> Done<T> {
    /// The same with another answer.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Done<U> {
        Done {
            answer: change(self.answer),
            place: self.place,
        }
    }
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
    /// How much the event logs keep.
    pub bounds: EventLogBounds,
}

impl Writer<'_> {
    /// Sends a message. With a retry key that has sent one before, that one is answered, and what its sending left undone is completed.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`]; the message may then be stored or not, and it is safe to send it again with the same retry key.
    pub async fn send(&self, caller: &Caller, target: &Target, draft: &Draft) -> Result<Done<EntryAnswer>, ApiError> {
        let conversation = conversation(&caller.user, target);
        let Draft {
            body,
            metadata,
            retry_key,
        } = draft;
        let change = self
            .store
            .append_message(
                &conversation,
                &caller.user.id,
                body,
                metadata.as_ref(),
                retry_key.as_ref(),
            )
            .await?;
        let place = self.publish(caller, &conversation, &change, 0).await?;
        let message = as_sent(&change, &caller.user.id, draft);
        Ok(Done {
            answer: EntryAnswer::new(&conversation, &caller.user, change.made_revision, Some(&message)),
            place,
        })
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
    ) -> Result<Done<EntryAnswer>, ApiError> {
        let conversation = conversation(&caller.user, target);
        let id = MessageId::parse(message_id).ok_or(ApiError::MessageNotFound)?;
        let change = self
            .store
            .update_message(&conversation, id, &caller.user.id, edit)
            .await??;
        let is_author = |message: &Message| message.author == caller.user.id;
        let marked_seen = edit.seen && !change.message.as_ref().is_some_and(is_author);
        let read_seq = if marked_seen { id.seq } else { 0 };
        let place = self.publish(caller, &conversation, &change, read_seq).await?;
        Ok(Done {
            answer: EntryAnswer::new(
                &conversation,
                &caller.user,
                change.made_revision,
                change.message.as_ref(),
            ),
            place,
        })
    }

    /// Deletes a message as its author.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`], [`ApiError::Unavailable`].
    pub async fn delete(
        &self,
        caller: &Caller,
        target: &Target,
        message_id: &str,
    ) -> Result<Done<DeletedAnswer>, ApiError> {
        let conversation = conversation(&caller.user, target);
        let id = MessageId::parse(message_id).ok_or(ApiError::MessageNotFound)?;
        let change = self.store.delete_message(&conversation, id, &caller.user.id).await??;
        let place = self.publish(caller, &conversation, &change, 0).await?;
        Ok(Done {
            answer: DeletedAnswer::new(&conversation, &caller.user, change.made_revision),
            place,
        })
    }

    /// Writes the change to every participant's inbox and event log, then pushes it to their connections. `read_seq` is up to where the
    /// caller has read by it; 0 if it tells nothing. Returns the event's place in the caller's own log.
    async fn publish(
        &self,
        caller: &Caller,
        conversation: &Conversation,
        change: &Change,
        read_seq: u64,
    ) -> Result<Option<Place>, Unavailable> {
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
                bounds: self.bounds,
            };
            self.store.deliver(participant, &notice).await
        });
        let delivered = join_all(deliveries).await;
        let mut failed = None;
        let mut own_place = None;
        let mut posts = Vec::new();
        for (participant, delivered) in participants.iter().zip(delivered) {
            // All are seen through, also when one fails: a repetition finds the others told, and does not push to them again.
            let delivered = match delivered {
                Ok(delivered) => delivered,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            // Whoever was told before is not told again.
            let Some(place) = delivered.place else { continue };
            if is_caller(&participant.id) {
                own_place = Some(place);
            }
            let mut connections = delivered.connections;
            connections.retain(|live| caller.connection.as_ref() != Some(&live.id));
            let event = Event {
                // A repeated send may find its message deleted.
                kind: match change.message {
                    Some(_) => change.kind,
                    None => EventKind::MessageDeleted,
                },
                conversation: conversation.clone(),
                id: change.id,
                message: change.message.clone(),
                revision: change.revision,
                place,
            };
            posts.push(Post {
                user: participant,
                connections,
                frame: wire::event_frame(participant, &event).into(),
            });
        }
        fan_out::fan_out(self.store, self.push, &posts).await;
        failed.map_or(Ok(own_place), Err)
    }
}

/// The message as it was when it was sent, which is what a repetition answers too. Its record still says so unless it was changed since; then the
/// repeated draft does.
fn as_sent(change: &Change, author: &Id, draft: &Draft) -> Message {
    let unchanged = change.message.as_ref().filter(|message| message.edited_ms.is_none());
    Message {
        id: change.id,
        author: author.clone(),
        body: unchanged.map_or_else(|| draft.body.clone(), |message| message.body.clone()),
        metadata: unchanged.map_or_else(|| draft.metadata.clone(), |message| message.metadata.clone()),
        edited_ms: None,
        // A send that found itself stored is answered as of now, and the other side may have been fast.
        seen: !change.repeated && unchanged.is_some_and(|message| message.seen),
    }
}
