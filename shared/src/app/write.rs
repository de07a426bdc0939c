//! Writing: the conversation decides, its members are told, then come the pushes, then the answer.

use futures_util::stream::{self, StreamExt as _};

use super::conversation;
use super::fan_out::{self, Post};
use crate::domain::{
    Body, ConnectionId, Conversation, Decision, Edit, Member, Message, MessageId, Metadata, Outcome, Projection,
    RetryKey, Target, User,
};
use crate::error::ApiError;
use crate::ports::{Push, Store, Told, Unavailable};
use crate::wire;

/// Members that are told at once.
const CONCURRENT_TELLS: usize = 64;

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
    /// What the client calls it, should it send it again.
    pub retry_key: Option<RetryKey>,
}

/// Changes conversations and tells their members.
///
/// When one of its methods returns without an error, the change stands in the conversation and in the inbox of every member. Pushes have been
/// tried, and nothing is left to do after the answer: a function is frozen as soon as it has answered.
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Where the change is kept.
    pub store: &'a dyn Store,
    /// How live connections hear of it.
    pub push: &'a dyn Push,
}

impl Writer<'_> {
    /// Sends a message. A retry key that has sent it before answers that message, and completes what its sending left undone.
    ///
    /// # Errors
    /// [`ApiError::RetryKeyReused`] if the retry key was used for another content. [`ApiError::Unavailable`]: the message may then be stored or
    /// not, and it is safe to send it again with the same retry key.
    pub async fn send(&self, caller: &Caller, target: &Target, draft: &Draft) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.user, target);
        let Draft {
            body,
            metadata,
            retry_key,
        } = draft;
        let (author, metadata) = (&caller.user.id, metadata.as_ref());
        let sent = self
            .store
            .append_message(&conversation, author, body, metadata, retry_key.as_ref());
        let decision = sent.await?;
        let mut outcome = self.publish(caller, conversation, decision).await?;
        if outcome.change.repeated {
            // The answer of the first time, also if the message was changed or deleted since: the store has compared the contents.
            outcome.change.message = Some(Message {
                id: outcome.change.id,
                author: author.clone(),
                body: body.clone(),
                metadata: metadata.cloned(),
                edited_ms: None,
                rev: outcome.change.rev,
            });
            outcome.reads.0.clear();
        }
        Ok(outcome)
    }

    /// Edits a message as its author, or marks everything up to it as read by anyone else.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`], [`ApiError::NothingToChange`] if nothing applies to the message,
    /// [`ApiError::RetryKeyReused`], [`ApiError::Unavailable`].
    pub async fn update(
        &self,
        caller: &Caller,
        target: &Target,
        message_id: &str,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.user, target);
        let id = MessageId::parse(message_id).ok_or(ApiError::MessageNotFound)?;
        let updated = self
            .store
            .update_message(&conversation, id, &caller.user.id, edit, retry_key);
        let decision = updated.await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// Deletes a message as its author.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`], [`ApiError::Unavailable`].
    pub async fn delete(&self, caller: &Caller, target: &Target, message_id: &str) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.user, target);
        let id = MessageId::parse(message_id).ok_or(ApiError::MessageNotFound)?;
        let decision = self.store.delete_message(&conversation, id, &caller.user.id).await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// Tells every member how the conversation is now, then pushes the change to their connections.
    async fn publish(
        &self,
        caller: &Caller,
        conversation: Conversation,
        decision: Decision,
    ) -> Result<Outcome, Unavailable> {
        let Decision { change, projection } = decision;
        let reads = projection.reads();
        let mut tells = Vec::with_capacity(projection.members.len());
        for member in &projection.members {
            tells.push(self.tell(&conversation, &projection, member));
        }
        let mut tells = stream::iter(tells).buffer_unordered(CONCURRENT_TELLS);
        let (mut failed, mut own_place, mut posts) = (None, None, Vec::new());
        while let Some((member, told)) = tells.next().await {
            // All are seen through, also when one fails: a repetition finds the others told, and does not push to them again.
            let told = match told {
                Ok(told) => told,
                Err(error) => {
                    failed = Some(error);
                    continue;
                }
            };
            // A member who was told before is not told again. A new writer that was overtaken still pushes its own change.
            if change.repeated && told.place.is_none() {
                continue;
            }
            // A client's cursor may only move with a frame that says all that is new there: not if the member had missed something before.
            let says_all = change.rev == projection.rev && change.prev_rev == Some(told.known_rev);
            let place = told.place.filter(|_| says_all);
            if member == caller.user {
                own_place = place;
            }
            let mut connections = told.connections;
            connections.retain(|live| caller.connection.as_ref() != Some(&live.id));
            let frame = wire::event_frame(&member, &caller.user.id, &conversation, &change, &reads, place);
            if let Some(frame) = frame.filter(|_| !connections.is_empty()) {
                posts.push(Post {
                    user: member,
                    connections,
                    frame: frame.into(),
                });
            }
        }
        drop(tells);
        fan_out::fan_out(self.store, self.push, &posts).await;
        match failed {
            Some(error) => Err(error),
            None => Ok(Outcome {
                conversation,
                change,
                reads,
                place: own_place,
            }),
        }
    }

    async fn tell(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &Member,
    ) -> (User, Result<Told, Unavailable>) {
        let told = self.store.tell(conversation, projection, member).await;
        (conversation.user(&member.id), told)
    }
}
