//! What the worker does with jobs: it looks at how things are now, and tells the platform.

use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};

use super::{Eraser, Progress};
use crate::domain::limits::NOTICE_EVERY_MS;
use crate::domain::{Admission, Asker, Conversation, Id, Job, Target, User};
use crate::error::Chain;
use crate::ports::{
    Clock, Moderation, Notice, Noticed, Oversight, Promises, Queue, Store, StoreError, Unavailable, Undelivered,
    Waiting, Webhook,
};
use crate::wire;

/// Members of a conversation, or forgotten promises, that are looked after at once.
const AT_ONCE: usize = 16;
/// A promise that is older than this was forgotten: no function works for so long.
const FORGOTTEN_AFTER_MS: u64 = 60_000;
/// How long one invocation erases a user, in milliseconds. A step takes less than the rest of the function's minute.
const ERASE_FOR_MS: u64 = 30_000;
/// How long a job waits before its next attempt, by the number of failed ones. Together they last a day; the queue then gives up, after as many
/// attempts and one more (`maxReceiveCount` in the template).
const WAITS_S: [u64; 13] = [
    5, 30, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 10_800, 14_400, 21_600, 25_200,
];

/// Carries out jobs. Each may be carried out twice, late, and in any order.
#[derive(Clone, Copy)]
pub struct Worker<'a> {
    /// The members of conversations.
    pub store: &'a dyn Store,
    /// The inboxes of members without a connection.
    pub undelivered: &'a dyn Undelivered,
    /// The reports.
    pub moderation: &'a dyn Moderation,
    /// The bans.
    pub oversight: &'a dyn Oversight,
    /// What was promised.
    pub promises: &'a dyn Promises,
    /// Where jobs come from.
    pub queue: &'a dyn Queue,
    /// What erases users.
    pub eraser: Eraser<'a>,
    /// How the platform is told; without it nobody wants to know.
    pub webhook: Option<&'a dyn Webhook>,
    /// The time.
    pub clock: &'a dyn Clock,
}

/// What became of a look at one member.
enum Looked {
    /// There is nothing to tell, or it was told.
    Done,
    /// The platform was told a moment ago. There is more to tell at this time, in milliseconds since 1970.
    TooEarly(u64),
}

impl Worker<'_> {
    /// Carries out a job.
    ///
    /// # Errors
    /// [`Unavailable`]; the job has to be carried out again.
    pub async fn carry_out(&self, job: &Job) -> Result<(), Unavailable> {
        // From now on, whatever happens queues it again: this look may come too early for it.
        self.promises.take(job).await?;
        match (job, self.webhook) {
            (Job::Erase(user), _) => self.erase(job, user).await,
            (_, None) => Ok(()),
            (Job::Undelivered(conversation) | Job::UndeliveredLater(conversation), Some(webhook)) => {
                self.tell_undelivered(webhook, conversation).await
            }
            (Job::Reported { domain, report }, Some(webhook)) => {
                match self.moderation.report_of(domain, *report).await? {
                    Some(report) => webhook.send(&wire::reported(domain, &report)).await,
                    None => Ok(()),
                }
            }
            (Job::Banned { user, at_ms }, Some(webhook)) => match self.oversight.ban_of(user).await? {
                Some(ban) => webhook.send(&wire::banned(user, *at_ms, &ban)).await,
                None => Ok(()),
            },
        }
    }

    /// Erases a user, step by step, for as long as one invocation may take. What is left is a job again.
    async fn erase(&self, job: &Job, user: &User) -> Result<(), Unavailable> {
        let begun_ms = self.clock.now_ms();
        loop {
            let after = match self.eraser.step(user).await? {
                Progress::Done => return Ok(()),
                Progress::Later(after) => after,
                Progress::More if self.clock.now_ms() < begun_ms + ERASE_FOR_MS => continue,
                Progress::More => Duration::ZERO,
            };
            return self.queue.hand_over(job, after).await;
        }
    }

    /// Puts off the next attempt at a job that failed so many times. It never fails: the queue then gives the job again when it does so by itself.
    pub async fn put_off(&self, receipt: &str, failures: usize) {
        let seconds = WAITS_S.get(failures.saturating_sub(1)).or(WAITS_S.last());
        let wait = Duration::from_secs(seconds.copied().unwrap_or_default());
        if let Err(error) = self.queue.put_off(receipt, wait).await {
            tracing::warn!(error = %Chain(&error), "a failed job was not put off");
        }
    }

    /// Hands over jobs that functions promised and did not hand over.
    ///
    /// # Errors
    /// [`Unavailable`]; the rest waits for the next time.
    pub async fn sweep(&self) -> Result<(), Unavailable> {
        let before_ms = self.clock.now_ms().saturating_sub(FORGOTTEN_AFTER_MS);
        let forgotten = self.promises.forgotten(before_ms).await?;
        let found = forgotten.len();
        let mut handing_over = stream::iter(forgotten)
            .map(async |promise| {
                self.queue.hand_over(&promise.job, Duration::ZERO).await?;
                self.promises.drop_promise(&promise).await
            })
            .buffer_unordered(AT_ONCE);
        while let Some(handed_over) = handing_over.next().await {
            handed_over?;
        }
        if found > 0 {
            tracing::warn!(found, "handed over jobs that functions had promised");
        }
        Ok(())
    }

    /// Looks at every member, also when one cannot be told.
    async fn tell_undelivered(&self, webhook: &dyn Webhook, conversation: &Conversation) -> Result<(), Unavailable> {
        let members = self.members(conversation).await?;
        let mut looking = stream::iter(members)
            .map(|member| self.look_at(webhook, conversation, member))
            .buffer_unordered(AT_ONCE);
        let (mut failed, mut again_ms) = (None, Vec::new());
        while let Some(looked) = looking.next().await {
            match looked {
                Ok(Looked::Done) => {}
                Ok(Looked::TooEarly(due_ms)) => again_ms.push(due_ms),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(due_ms) = again_ms.into_iter().min() {
            self.look_again(Job::UndeliveredLater(conversation.clone()), due_ms)
                .await?;
        }
        failed.map_or(Ok(()), Err)
    }

    async fn members(&self, conversation: &Conversation) -> Result<Vec<Id>, Unavailable> {
        if conversation.is_direct() {
            return Ok(conversation.founders());
        }
        let anybody = Asker {
            id: Id::system(),
            admission: Admission::Open,
        };
        match self.store.members(conversation, &anybody).await {
            Ok(members) => Ok(members.into_iter().map(|member| member.id).collect()),
            Err(StoreError::Unavailable(error)) => Err(error),
            Err(error) => Err(Unavailable::new("redis", error)),
        }
    }

    async fn look_again(&self, job: Job, due_ms: u64) -> Result<(), Unavailable> {
        if !self.promises.claim_later(&job, due_ms).await? {
            return Ok(());
        }
        let after = Duration::from_millis(due_ms.saturating_sub(self.clock.now_ms()));
        self.queue.hand_over(&job, after).await
    }

    async fn look_at(
        &self,
        webhook: &dyn Webhook,
        conversation: &Conversation,
        member: Id,
    ) -> Result<Looked, Unavailable> {
        let (user, target) = (conversation.user(&member), conversation.as_seen_by(&member));
        let Some(waiting) = self.undelivered.waiting(&user, &target).await? else {
            return Ok(Looked::Done);
        };
        let Some((noticed, notice)) = self.notice(&user, &target, &waiting).await? else {
            return Ok(Looked::Done);
        };
        let due_ms = waiting.noticed.map_or(0, |before| before.ms + NOTICE_EVERY_MS);
        if due_ms > noticed.ms {
            return Ok(Looked::TooEarly(due_ms));
        }
        webhook.send(&notice).await?;
        self.undelivered.noticed(&user, &target, noticed).await?;
        Ok(Looked::Done)
    }

    /// What the platform has to be told of a conversation, if anything.
    async fn notice(
        &self,
        user: &User,
        target: &Target,
        waiting: &Waiting,
    ) -> Result<Option<(Noticed, Notice)>, Unavailable> {
        let entry = &waiting.entry;
        let Some(newest) = &entry.latest else { return Ok(None) };
        let seq = newest.id.seq;
        let is_told = waiting.noticed.is_some_and(|before| before.seq >= seq);
        if is_told || entry.unread == 0 || entry.settings.muted || entry.left {
            return Ok(None);
        }
        // A direct conversation takes no messages from a blocked user.
        if matches!(target, Target::Topic(_)) && self.undelivered.has_blocked(user, &newest.author).await? {
            return Ok(None);
        }
        let ms = self.clock.now_ms();
        Ok(Some((Noticed { seq, ms }, wire::undelivered(user, waiting, newest))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_job_comes_again_soon_and_then_for_a_day() {
        assert!(WAITS_S.is_sorted());
        assert!(WAITS_S[0] < 10);
        let hours = WAITS_S.iter().sum::<u64>() / 3_600;
        assert_eq!(hours, 24);
    }
}
