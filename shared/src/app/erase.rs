//! Erases users: everything of a user goes, in bounded steps.

use std::time::Duration;

use super::Platform;
use super::platform::caller;
use crate::domain::limits::{ERASURE_LOOKS_AGAIN_MS, PART_BLOCKS};
use crate::domain::{
    Actor, Conversation, Decision, DirectConversations, Erasure, ErasureState, Job, Target, TimeWindow, User,
};
use crate::error::ApiError;
use crate::ports::{Blocks, Erasures, StoreError, Unavailable};

/// How far a step has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Nothing is left to do.
    Done,
    /// More is left: do the next step at once.
    More,
    /// More is left: do the next step after this time. Requests that were admitted before the erasure may still write.
    Later(Duration),
}

/// Erases users.
#[derive(Clone, Copy)]
pub struct Eraser<'a> {
    /// Revokes tokens, ends connections, changes conversations and tells their members. Its writer has the place of the images, if there is one.
    pub platform: Platform<'a>,
    /// What is erased, and how far it is.
    pub erasures: &'a dyn Erasures,
    /// The blocks of users.
    pub blocks: &'a dyn Blocks,
}

impl Eraser<'_> {
    /// Notes that a user shall be erased, revokes the user's tokens on this site, and ends the user's connections there. While that erasure is under
    /// way, it is returned again, with the choice of the first request.
    ///
    /// # Errors
    /// [`ApiError::RouteNotFound`] where no worker could do it; [`ApiError::Unavailable`]: it is safe to ask again.
    pub async fn ask(&self, user: &User, conversations: DirectConversations) -> Result<Erasure, ApiError> {
        let later = self.platform.writer.later.ok_or(ApiError::RouteNotFound)?;
        self.platform.revoke_on_site(user).await?;
        let asking = self.erasures.ask(user, conversations);
        let (erasure, promise) = later.promising(Job::Erase(user.clone()), asking).await?;
        later.keep(&promise).await;
        Ok(erasure)
    }

    /// The newest erasure of a user. One that is done is forgotten after 30 days.
    ///
    /// # Errors
    /// [`ApiError::ErasureNotFound`], [`ApiError::Unavailable`].
    pub async fn erasure(&self, user: &User) -> Result<Erasure, ApiError> {
        self.erasures.erasure(user).await?.ok_or(ApiError::ErasureNotFound)
    }

    /// Does the next step of an erasure. A step is bounded, and may be cut off anywhere and done again. Steps of one erasure may run at once.
    ///
    /// # Errors
    /// [`Unavailable`]: do the step again.
    pub async fn step(&self, user: &User) -> Result<Progress, Unavailable> {
        let erasure = self.erasures.erasure(user).await?;
        let Some(mut erasure) = erasure.filter(|erasure| erasure.state != ErasureState::Done) else {
            return Ok(Progress::Done);
        };
        if let Some(target) = self.erasures.next_conversation(user, false).await? {
            self.erase_in(user, &mut erasure, &target).await?;
            return Ok(Progress::More);
        }
        if self.unblock_some(user).await? {
            return Ok(Progress::More);
        }
        let waited_ms = self.platform.clock.now_ms().saturating_sub(erasure.asked_ms);
        if waited_ms < ERASURE_LOOKS_AGAIN_MS {
            if self.delete_images(user).await? {
                return Ok(Progress::More);
            }
            return Ok(Progress::Later(Duration::from_millis(
                ERASURE_LOOKS_AGAIN_MS - waited_ms,
            )));
        }
        if let Some(target) = self.erasures.next_conversation(user, true).await? {
            self.look_again(user, &mut erasure, &target).await?;
            return Ok(Progress::More);
        }
        // After the messages: a message can be reported as long as it is there.
        let next = self.erasures.erase_in_reports(user, erasure.reports.as_ref()).await?;
        if next.is_some() {
            erasure.reports = next;
            self.erasures.note(user, &erasure).await?;
            return Ok(Progress::More);
        }
        // Once more: a message that was under way may have kept an image since.
        if self.delete_images(user).await? {
            return Ok(Progress::More);
        }
        let connections = self.erasures.connections(user).await?;
        self.platform.end(user, &connections).await?;
        self.erasures.finish(user).await?;
        Ok(Progress::Done)
    }

    /// Erases the user in the next part of a conversation. After the last part the conversation leaves the user's inbox.
    async fn erase_in(&self, user: &User, erasure: &mut Erasure, target: &Target) -> Result<(), Unavailable> {
        let conversation = Conversation::of(user, target);
        let after = match &erasure.at {
            Some((at, seq)) if at == target => *seq,
            _ => 0,
        };
        let goes = removed_as_a_whole(user, erasure, target);
        // Of a conversation that goes, the retry keys of both sides go: their names have the user's id.
        let by = (!goes).then_some(&user.id);
        let written = self.erasures.written(&conversation, by, after).await?;
        self.erasures
            .forget_retry_keys(&conversation, &written.messages)
            .await?;
        let mut is_empty = goes;
        if !goes {
            if after == 0 && !conversation.is_direct() {
                let removed = self
                    .platform
                    .writer
                    .store
                    .remove_member(&conversation, &Actor::Platform, &user.id);
                let decision = removed.await.map_err(unavailable)?;
                self.publish(user, &conversation, decision, true).await?;
            }
            let decision = self
                .erasures
                .erase_part(&conversation, &user.id, written.part)
                .await
                .map_err(unavailable)?;
            is_empty = conversation.is_direct() && decision.projection.members.is_empty();
            // The last part tells all of it again: an earlier step may have been cut off before the members knew.
            self.publish(user, &conversation, decision, !written.part.more).await?;
        }
        if written.part.more {
            erasure.at = Some((target.clone(), written.part.up_to));
            return self.erasures.note(user, erasure).await;
        }
        // Where the other side was erased before, nobody is left to whom the conversation belongs.
        if let Target::User(other) = target
            && is_empty
        {
            self.erasures.remove_conversation(user, other).await?;
        }
        self.erasures.put_aside(user, target).await?;
        erasure.at = None;
        self.erasures.note(user, erasure).await
    }

    /// Tells the members, all of whom are others. What was done before is told only if `again`.
    async fn publish(
        &self,
        user: &User,
        conversation: &Conversation,
        mut decision: Decision,
        again: bool,
    ) -> Result<(), Unavailable> {
        if decision.change.repeated && !again {
            return Ok(());
        }
        decision.projection.members.retain(|member| member.id != user.id);
        let caller = caller(user);
        let published = self.platform.writer.publish(&caller, conversation.clone(), decision);
        published.await.map(drop)
    }

    /// Looks once more at a conversation that is done. A request of the user that was under way makes the user a member again.
    async fn look_again(&self, user: &User, erasure: &mut Erasure, target: &Target) -> Result<(), Unavailable> {
        let conversation = Conversation::of(user, target);
        if self.erasures.is_member(&conversation, &user.id).await? {
            // The first part takes the membership away, and the other parts must follow then.
            erasure.at = Some((target.clone(), 0));
            self.erasures.note(user, erasure).await?;
        }
        let goes_on = erasure.at.as_ref().is_some_and(|(at, _)| at == target);
        if goes_on || removed_as_a_whole(user, erasure, target) {
            self.erase_in(user, erasure, target).await?;
            if erasure.at.is_some() {
                return Ok(());
            }
        }
        self.erasures.release(user, target).await
    }

    /// Deletes some images of the user; false if there are none, or if nothing can be uploaded.
    async fn delete_images(&self, user: &User) -> Result<bool, Unavailable> {
        match self.platform.writer.uploads {
            Some(uploads) => uploads.delete_some(user).await,
            None => Ok(false),
        }
    }

    /// Takes back some blocks, of the user and against the user; false if there are none.
    async fn unblock_some(&self, user: &User) -> Result<bool, Unavailable> {
        let window = TimeWindow {
            after: None,
            limit: PART_BLOCKS as u64,
        };
        let blocks = self.blocks.blocks(user, &window).await?.blocks;
        for (other, _) in &blocks {
            self.blocks.unblock(user, other).await?;
        }
        let blockers = self.erasures.blockers(user).await?;
        for other in &blockers {
            let other = User {
                domain: user.domain.clone(),
                id: other.clone(),
            };
            self.blocks.unblock(&other, &user.id).await?;
        }
        Ok(!blocks.is_empty() || !blockers.is_empty())
    }
}

/// Whether nothing of a conversation stays: the platform wants it so, or it is the user's own notes.
fn removed_as_a_whole(user: &User, erasure: &Erasure, target: &Target) -> bool {
    match target {
        Target::User(other) => erasure.conversations == DirectConversations::Remove || *other == user.id,
        Target::Topic(_) => false,
    }
}

/// The platform may do everything, so nothing else can stop it.
fn unavailable(error: StoreError) -> Unavailable {
    match error {
        StoreError::Unavailable(error) => error,
        other => Unavailable::new("redis", other),
    }
}
