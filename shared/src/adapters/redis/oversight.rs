//! Bans and revocations on Redis, and the history for moderators.

use async_trait::async_trait;

use super::keys::{OfConversation, OfUser};
use super::link::Call;
use super::{RedisStore, answer};
use crate::domain::limits::NUMERIC_ID_MAX;
use crate::domain::{Ban, ConnectionId, Conversation, User};
use crate::ports::{Clock, Oversight, Recorded, Unavailable};

/// The end of a ban for ever: the largest number that scripts compare exactly.
const FOR_EVER: u64 = NUMERIC_ID_MAX;

#[async_trait]
impl<C: Clock> Oversight for RedisStore<C> {
    async fn ban(&self, user: &User, ban: &Ban) -> Result<Vec<ConnectionId>, Unavailable> {
        let keys = self.keys.user(user, &[OfUser::Meta, OfUser::Connections]);
        let call = Call::new(&self.scripts.user_ban, keys)
            .arg(ban.until_ms.unwrap_or(FOR_EVER))
            .arg(ban.reason.as_deref().unwrap_or_default());
        answer::connections(self.link.script(call).await?)
    }

    async fn unban(&self, user: &User) -> Result<(), Unavailable> {
        let mut command = redis::cmd("HDEL");
        command.arg(self.keys.user(user, &[OfUser::Meta]));
        command.arg(&["banned", "ban_reason"]);
        self.link.command(&command).await.map(drop)
    }

    async fn ban_of(&self, user: &User) -> Result<Option<Ban>, Unavailable> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.user(user, &[OfUser::Meta]));
        command.arg(&["banned", "ban_reason"]);
        let (until_ms, reason) = answer::ban(self.link.command(&command).await?)?;
        Ok(until_ms.map(|until_ms| Ban {
            until_ms: Some(until_ms).filter(|until_ms| *until_ms < FOR_EVER),
            reason,
        }))
    }

    async fn revoke(&self, user: &User, at_ms: u64) -> Result<Vec<ConnectionId>, Unavailable> {
        let keys = self.keys.user(user, &[OfUser::Meta, OfUser::Connections]);
        let call = Call::new(&self.scripts.user_revoke, keys).arg(at_ms);
        answer::connections(self.link.script(call).await?)
    }

    async fn recorded(
        &self,
        conversation: &Conversation,
        below: Option<u64>,
        count: u64,
    ) -> Result<Recorded, Unavailable> {
        let keys = self.keys.log(conversation, &[OfConversation::Reactions]);
        let call = Call::new(&self.scripts.records_read, keys)
            .arg(below.unwrap_or(0))
            .arg(count);
        answer::recorded(self.link.script(call).await?)
    }
}
