//! The erasure of users on Redis.

use async_trait::async_trait;
use redis::Cmd;

use super::answer::Asked;
use super::keys::{OfConversation, OfUser};
use super::link::Call;
use super::{RedisStore, answer, moderation, random_bits};
use crate::domain::limits::{
    ERASURE_KEPT_MS, PART_BLOCKS, PART_BYTES, PART_MESSAGES, PART_REPORTS, PLATFORM_PAGE_BYTES,
};
use crate::domain::{ConnectionId, Conversation, Decision, DirectConversations, Erasure, Id, Target, TimePlace, User};
use crate::ports::{Clock, Erasures, Part, StoreError, Stored, Unavailable, Written};

impl<C: Clock> RedisStore<C> {
    /// A command on one key of a user.
    fn of_user(&self, name: &str, user: &User, part: OfUser) -> Cmd {
        let mut command = redis::cmd(name);
        command.arg(self.keys.user(user, &[part]));
        command
    }

    /// Takes keys of one slot away.
    async fn delete(&self, keys: &[String]) -> Result<(), Unavailable> {
        if keys.is_empty() {
            return Ok(());
        }
        let mut command = redis::cmd("DEL");
        command.arg(keys);
        self.link.command(&command).await.map(drop)
    }
}

#[async_trait]
impl<C: Clock> Erasures for RedisStore<C> {
    async fn ask(&self, user: &User, conversations: DirectConversations) -> Result<Erasure, Unavailable> {
        let call = Call::new(&self.scripts.erasure_ask, vec![self.keys.erasure(user)])
            .arg(format!("{:016x}{:016x}", random_bits(62), random_bits(62)))
            .arg(conversations.name())
            .arg(self.clock.now_ms());
        let erasure = answer::erasure(self.link.script(call).await?)?;
        erasure.ok_or_else(|| Unavailable::new("redis", "an erasure without a state"))
    }

    async fn erasure(&self, user: &User) -> Result<Option<Erasure>, Unavailable> {
        let mut command = redis::cmd("HGETALL");
        command.arg(self.keys.erasure(user));
        answer::erasure(self.link.command(&command).await?)
    }

    async fn note(&self, user: &User, erasure: &Erasure) -> Result<(), Unavailable> {
        let mut command = redis::cmd("HSET");
        command.arg(self.keys.erasure(user)).arg("state").arg("running");
        let (at, seq) = erasure
            .at
            .as_ref()
            .map_or((String::new(), 0), |(target, seq)| (target.to_string(), *seq));
        command.arg("at").arg(at).arg("seq").arg(seq);
        let reports = erasure.reports.as_ref().map_or(String::new(), ToString::to_string);
        command.arg("reports").arg(reports);
        self.link.command(&command).await.map(drop)
    }

    async fn finish(&self, user: &User) -> Result<(), Unavailable> {
        self.delete(&self.keys.user(user, &OfUser::ALL)).await?;
        let mut due = redis::cmd("ZREM");
        due.arg(self.keys.offline(&user.domain).swap_remove(0))
            .arg(user.id.to_string());
        self.link.command(&due).await?;
        // First how long it is known: an erasure that is cut off here is done again, and one that is done is never kept for ever.
        let key = self.keys.erasure(user);
        let mut kept = redis::cmd("PEXPIRE");
        kept.arg(&key).arg(ERASURE_KEPT_MS);
        self.link.command(&kept).await?;
        let mut done = redis::cmd("HSET");
        done.arg(&key).arg(&["state", "done", "at", "", "reports", ""]);
        self.link.command(&done).await.map(drop)
    }

    async fn next_conversation(&self, user: &User, aside: bool) -> Result<Option<Target>, Unavailable> {
        let part = if aside { OfUser::Erasing } else { OfUser::Changed };
        let mut command = self.of_user("ZRANGE", user, part);
        command.arg(0).arg(0);
        answer::first_conversation(self.link.command(&command).await?)
    }

    async fn put_aside(&self, user: &User, target: &Target) -> Result<(), Unavailable> {
        use OfUser::{Changed, Entries, Erasing, Hidden, Inbox};
        let keys = self.keys.user(user, &[Inbox, Entries, Changed, Hidden, Erasing]);
        let call = Call::new(&self.scripts.entry_aside, keys)
            .arg(target.to_string())
            .arg(self.clock.now_ms());
        self.link.script(call).await.map(drop)
    }

    async fn release(&self, user: &User, target: &Target) -> Result<(), Unavailable> {
        let mut command = self.of_user("ZREM", user, OfUser::Erasing);
        command.arg(target.to_string());
        self.link.command(&command).await.map(drop)
    }

    async fn is_member(&self, conversation: &Conversation, user: &Id) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("HEXISTS");
        command
            .arg(self.keys.conversation(conversation, &[OfConversation::Members]))
            .arg(user.to_string());
        answer::yes(self.link.command(&command).await?)
    }

    async fn written(&self, conversation: &Conversation, by: Option<&Id>, after: u64) -> Result<Written, Unavailable> {
        let keys = self.keys.log(conversation, &[OfConversation::Reactions]);
        let call = Call::new(&self.scripts.user_records_read, keys)
            .arg(by.map_or(String::new(), ToString::to_string))
            .arg(after)
            .arg(PART_MESSAGES)
            .arg(PART_BYTES);
        answer::written(after, self.link.script(call).await?)
    }

    async fn forget_retry_keys(&self, conversation: &Conversation, messages: &[Stored]) -> Result<(), Unavailable> {
        let messages = messages.iter().filter_map(|stored| stored.message.as_ref());
        let keys = messages.filter_map(|message| {
            let key = message.retry_key.as_ref()?;
            Some(self.keys.retry(conversation, &message.author, key))
        });
        self.delete(&keys.collect::<Vec<_>>()).await
    }

    async fn erase_part(&self, conversation: &Conversation, user: &Id, part: Part) -> Result<Decision, StoreError> {
        use OfConversation::{Edits, Watching};
        let mut keys = self.deciding(conversation);
        keys.extend(self.keys.conversation(conversation, &[Edits, Watching]));
        let call = Call::new(&self.scripts.conversation_erase, keys)
            .arg(self.clock.now_ms())
            .arg(user.to_string())
            .arg(Id::nobody().to_string())
            .arg(part.after + 1)
            .arg(part.up_to);
        // A message that changed and is not deleted has lost a reaction or a mention.
        answer::decision(&Asked::React, self.link.script(call).await?)
    }

    async fn remove_conversation(&self, user: &User, other: &Id) -> Result<(), Unavailable> {
        let conversation = Conversation::of(user, &Target::User(other.clone()));
        self.delete(&self.keys.conversation(&conversation, &OfConversation::ALL))
            .await?;
        if *other == user.id {
            return Ok(());
        }
        let there = conversation.user(other);
        let call = self
            .telling(&self.scripts.entry_drop, &there, self.clock.now_ms())
            .arg(Target::User(user.id.clone()).to_string());
        self.link.script(call).await?;
        let mut noticed = self.of_user("HDEL", &there, OfUser::Noticed);
        noticed.arg(Target::User(user.id.clone()).to_string());
        self.link.command(&noticed).await.map(drop)
    }

    async fn blockers(&self, user: &User) -> Result<Vec<Id>, Unavailable> {
        let mut command = self.of_user("ZRANGE", user, OfUser::Blockers);
        command.arg(0).arg(PART_BLOCKS - 1);
        answer::users(self.link.command(&command).await?)
    }

    async fn erase_in_reports(&self, user: &User, after: Option<&TimePlace>) -> Result<Option<TimePlace>, Unavailable> {
        let keys = self.keys.reports(&user.domain, &["all", "records"]);
        let call = Call::new(&self.scripts.reports_read, keys)
            .arg(PART_REPORTS)
            .arg(PLATFORM_PAGE_BYTES);
        let call = match after {
            Some(place) => call.arg(place.ms).arg(place.name.as_str()),
            None => call,
        };
        let (reports, next) = answer::packed_reports(self.link.script(call).await?)?;
        for (id, packed) in reports {
            let Some(new) = moderation::without_user(&packed, &user.id) else {
                continue;
            };
            let keys = self.keys.reports(&user.domain, &["all", "open", "resolved", "records"]);
            let call = Call::new(&self.scripts.report_erase, keys).arg(id).arg(packed).arg(new);
            if !answer::yes(self.link.script(call).await?)? {
                // It was resolved meanwhile. The job is done again from the same place.
                return Err(Unavailable::new("redis", "a report was changed meanwhile"));
            }
        }
        Ok(next)
    }

    async fn connections(&self, user: &User) -> Result<Vec<ConnectionId>, Unavailable> {
        let mut command = self.of_user("ZRANGE", user, OfUser::Connections);
        command.arg(0).arg(-1);
        answer::connections(self.link.command(&command).await?)
    }
}
