//! Writing: the conversation decides, then `publish.rs` tells the members and their connections, then comes the answer.

use super::{Counted, Later, Usage, asker, conversation, uploads};
use crate::domain::{
    Actor, Asker, Change, ChangeKind, ConnectionId, Conversation, Draft, Edit, Id, Job, Message, MessageId, Outcome,
    Principal, Reaction, Reads, RetryKey, Role, Target, TopicRules, Use,
};
use crate::error::ApiError;
use crate::ports::{Live, PageBounds, Push, Store, StoreError, Unavailable, Uploads};
use crate::wire::{self, MessageName};

/// Who asks, and over which connection, which is not told of what it asked for itself.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The user.
    pub principal: Principal,
    /// The connection; none over REST.
    pub connection: Option<ConnectionId>,
    /// When a write is counted.
    pub counted: Counted,
}

impl Caller {
    /// These connections without the one that asks.
    pub(super) fn others(&self, mut connections: Vec<Live>) -> Vec<Live> {
        connections.retain(|live| self.connection.as_ref() != Some(&live.id));
        connections
    }
}

/// Changes conversations and tells their members.
///
/// When one of its methods returns without an error, the change stands in the conversation and in the inbox of every member. Pushes have been
/// tried, and nothing is left to do after the answer: a function is frozen as soon as it has answered.
///
/// # Errors
/// Besides those of each method: [`ApiError::TopicNotInToken`], [`ApiError::RateLimited`], [`ApiError::Banned`], [`ApiError::TokenRevoked`].
#[derive(Clone, Copy)]
pub struct Writer<'a> {
    /// Where the change is kept.
    pub store: &'a dyn Store,
    /// How live connections hear of it.
    pub push: &'a dyn Push,
    /// Who may do what in topics.
    pub topics: TopicRules,
    /// How much users may do.
    pub usage: Usage<'a>,
    /// How the worker learns of messages that reach nobody; `None` if nobody wants to know.
    pub later: Option<Later<'a>>,
    /// Where uploaded images are, which are kept when messages name them; `None` if nothing can be uploaded.
    pub uploads: Option<&'a dyn Uploads>,
}

impl<'a> Writer<'a> {
    /// The same, but the images that messages name are kept here.
    #[must_use]
    pub fn keeping_images<U: Uploads>(mut self, uploads: Option<&'a U>) -> Self {
        self.uploads = uploads.map(|uploads| uploads as &dyn Uploads);
        self
    }
}

impl Writer<'_> {
    /// Sends a message. A retry key that has sent it before answers that message, and completes what its sending left undone.
    ///
    /// # Errors
    /// [`ApiError::RetryKeyReused`] if the retry key was used for another content; [`ApiError::NotAMember`], [`ApiError::TopicFull`];
    /// [`ApiError::InvalidField`] if it replies to no message or mentions no participant; [`ApiError::ImageNotUploaded`].
    /// [`ApiError::Unavailable`]: the message may then be stored or not, and it is safe to send it again with the same retry key.
    pub async fn send(&self, caller: &Caller, target: &Target, draft: &Draft) -> Result<Outcome, ApiError> {
        let author = asker(self.topics, &caller.principal, target)?;
        self.send_by(author, caller, target, draft).await
    }

    /// The same for any author. `caller` is the user whose view names the conversation and who gets the answer.
    pub(super) async fn send_by(
        &self,
        author: Asker,
        caller: &Caller,
        target: &Target,
        draft: &Draft,
    ) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.principal.user, target);
        let sent = async {
            // First, so that no message is stored whose image is deleted after a day.
            uploads::keep(self.uploads, Some(&draft.body)).await?;
            let append = self
                .store
                .append_message(&conversation, &author, draft, self.topics.members_max);
            let Some(later) = self.later else {
                return Ok::<_, ApiError>((append.await?, None));
            };
            let job = Job::Undelivered(conversation.clone());
            let (decision, promise) = later.promising(job, append).await?;
            Ok((decision, Some((later, promise))))
        };
        let (mut decision, promised) = self.usage.write(caller, Use::Sends, Some(target), sent).await?;
        let reply_to = decision.reply_to.take();
        let mut outcome = self.publish_promised(caller, conversation, decision, promised).await?;
        if outcome.change.repeated {
            // The answer of the first time, also if the message was changed or deleted since: the store has compared the contents.
            outcome.change.message = Some(Message {
                id: outcome.change.id,
                author: author.id,
                body: draft.body.clone(),
                metadata: draft.metadata.clone(),
                retry_key: draft.retry_key.clone(),
                reply_to,
                mentions: draft.mentions.clone(),
                reactions: Vec::new(),
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
    /// [`ApiError::TooManyEdits`], [`ApiError::ImageNotUploaded`],
    /// [`ApiError::RetryKeyReused`], [`ApiError::NotAMember`], [`ApiError::Unavailable`].
    pub async fn update(
        &self,
        caller: &Caller,
        target: &Target,
        message_id: &str,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Outcome, ApiError> {
        let by = asker(self.topics, &caller.principal, target)?;
        let conversation = conversation(&caller.principal.user, target);
        let name = wire::message_name(message_id)?;
        let updated = async {
            let id = self.named(&conversation, name).await?;
            uploads::keep(self.uploads, edit.image.as_ref()).await?;
            let update = self.store.update_message(&conversation, id, &by, edit, retry_key);
            Ok::<_, ApiError>(update.await?)
        };
        let decision = self.usage.write(caller, Use::Edits, None, updated).await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// Deletes a message as its author, or as a moderator of the topic.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::Forbidden`], [`ApiError::NotAMember`], [`ApiError::Unavailable`].
    pub async fn delete(&self, caller: &Caller, target: &Target, message_id: &str) -> Result<Outcome, ApiError> {
        let by = Actor::User(asker(self.topics, &caller.principal, target)?);
        self.delete_by(&by, caller, target, message_id).await
    }

    /// The same for any actor.
    pub(super) async fn delete_by(
        &self,
        by: &Actor,
        caller: &Caller,
        target: &Target,
        message_id: &str,
    ) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.principal.user, target);
        let name = wire::message_name(message_id)?;
        let deleted = async {
            let id = self.named(&conversation, name).await?;
            let deleted = self.store.delete_message(&conversation, id, by).await;
            deleted.map_err(|error| match error {
                StoreError::Forbidden if conversation.is_direct() => {
                    ApiError::Forbidden("Only the author can delete a message")
                }
                StoreError::Forbidden => {
                    ApiError::Forbidden("Only the author, or a moderator or owner of the topic, can delete a message")
                }
                other => other.into(),
            })
        };
        let decision = self.usage.write(caller, Use::Edits, None, deleted).await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// Gives a reaction to a message, or takes it back.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::NotAMember`], [`ApiError::TooManyReactions`], [`ApiError::Unavailable`].
    pub async fn react(
        &self,
        caller: &Caller,
        target: &Target,
        message_id: &str,
        reaction: &Reaction,
        give: bool,
    ) -> Result<Outcome, ApiError> {
        let by = asker(self.topics, &caller.principal, target)?;
        let conversation = conversation(&caller.principal.user, target);
        let name = wire::message_name(message_id)?;
        let reacted = async {
            let id = self.named(&conversation, name).await?;
            let reacted = self.store.react(&conversation, id, &by.id, reaction, give).await;
            reacted.map_err(|error| match error {
                // Both sides of a direct conversation are its members as soon as there is a message.
                StoreError::NotAMember if conversation.is_direct() => StoreError::NotFound,
                other => other,
            })
        };
        let decision = self.usage.write(caller, Use::Edits, None, reacted).await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// Moves the caller's read position forward, up to a message or to the newest one.
    ///
    /// # Errors
    /// [`ApiError::MessageNotFound`], [`ApiError::NotAMember`], [`ApiError::Unavailable`].
    pub async fn read(&self, caller: &Caller, target: &Target, up_to: Option<MessageId>) -> Result<Outcome, ApiError> {
        let by = asker(self.topics, &caller.principal, target)?;
        let conversation = conversation(&caller.principal.user, target);
        let moved = self.store.read_up_to(&conversation, &by.id, up_to);
        match self.usage.write(caller, Use::Edits, None, moved).await? {
            Some(decision) => Ok(self.publish(caller, conversation, decision).await?),
            None => self.nothing_to_read(caller, conversation).await,
        }
    }

    /// Adds a member to a topic, oneself among them, or gives one another role.
    ///
    /// # Errors
    /// [`ApiError::Forbidden`], [`ApiError::NotAMember`], [`ApiError::TopicFull`], [`ApiError::Unavailable`].
    pub async fn put_member(
        &self,
        caller: &Caller,
        topic: &Target,
        member: &Id,
        role: Option<Role>,
    ) -> Result<Outcome, ApiError> {
        let actor = Actor::User(asker(self.topics, &caller.principal, topic)?);
        self.put_member_by(&actor, caller, topic, member, role).await
    }

    /// The same for any actor.
    pub(super) async fn put_member_by(
        &self,
        actor: &Actor,
        caller: &Caller,
        topic: &Target,
        member: &Id,
        role: Option<Role>,
    ) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.principal.user, topic);
        let put = self
            .store
            .put_member(&conversation, actor, member, role, self.topics.members_max);
        // A user who joins begins a conversation; a user who adds others begins none.
        let begins = (*member == caller.principal.user.id).then_some(topic);
        let decision = self.usage.write(caller, Use::Edits, begins, put).await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// Removes a member from a topic. Anyone may leave.
    ///
    /// # Errors
    /// [`ApiError::Forbidden`], [`ApiError::NotAMember`], [`ApiError::Unavailable`].
    pub async fn remove_member(&self, caller: &Caller, topic: &Target, member: &Id) -> Result<Outcome, ApiError> {
        let actor = if *member == caller.principal.user.id {
            // Also who may not read any more may leave.
            Actor::Platform
        } else {
            Actor::User(asker(self.topics, &caller.principal, topic)?)
        };
        self.remove_member_by(&actor, caller, topic, member).await
    }

    /// The same for any actor.
    pub(super) async fn remove_member_by(
        &self,
        actor: &Actor,
        caller: &Caller,
        topic: &Target,
        member: &Id,
    ) -> Result<Outcome, ApiError> {
        let conversation = conversation(&caller.principal.user, topic);
        let removed = self.store.remove_member(&conversation, actor, member);
        let decision = self.usage.write(caller, Use::Edits, None, removed).await?;
        Ok(self.publish(caller, conversation, decision).await?)
    }

    /// The message that a client names. An old id that means no message becomes the zero id, which no message has. So the store refuses it like
    /// any wrong id, and strangers do not learn which messages there are.
    async fn named(&self, conversation: &Conversation, name: MessageName) -> Result<MessageId, Unavailable> {
        match name {
            MessageName::Ours(id) => Ok(id),
            MessageName::Old(old) => Ok(self.store.old_message(conversation, old).await?.unwrap_or_default()),
        }
    }

    /// A direct conversation in which nobody has written: nothing changes, and nobody is told.
    async fn nothing_to_read(&self, caller: &Caller, conversation: Conversation) -> Result<Outcome, ApiError> {
        let user = &caller.principal.user;
        let inbox = self.store.changed_entries(user, None, PageBounds::FRAME).await?;
        Ok(Outcome {
            conversation,
            change: Change {
                kind: ChangeKind::Read,
                id: MessageId::default(),
                message: None,
                member: None,
                rev: 0,
                prev_rev: None,
                repeated: true,
                private: false,
            },
            reads: Reads::default(),
            own: None,
            unread_total: inbox.unread_total,
            place: None,
        })
    }
}
