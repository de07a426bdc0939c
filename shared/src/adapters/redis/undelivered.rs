//! Messages that reached no connection of a member, on Redis.

use async_trait::async_trait;

use super::keys::OfUser;
use super::link::Call;
use super::{RedisStore, answer, entry};
use crate::domain::limits::NOTICED_MS;
use crate::domain::{Id, Target, User};
use crate::ports::{Clock, Noticed, Unavailable, Undelivered, Waiting};

#[async_trait]
impl<C: Clock> Undelivered for RedisStore<C> {
    async fn waiting(&self, user: &User, target: &Target) -> Result<Option<Waiting>, Unavailable> {
        use OfUser::{Connections, Entries, Meta, Noticed};
        let keys = self.keys.user(user, &[Entries, Meta, Connections, Noticed]);
        let call = Call::new(&self.scripts.undelivered_read, keys)
            .arg(self.clock.now_ms())
            .arg(target.to_string());
        let Some((packed, unread_total, noticed)) = answer::waiting(self.link.script(call).await?)? else {
            return Ok(None);
        };
        let unpacked = entry::unpack(target.clone(), &packed)?;
        let entry = self.complete(user, vec![unpacked]).await?.pop();
        Ok(entry.map(|entry| Waiting {
            entry,
            unread_total,
            noticed,
        }))
    }

    async fn noticed(&self, user: &User, target: &Target, noticed: Noticed) -> Result<(), Unavailable> {
        let call = Call::new(&self.scripts.undelivered_note, self.keys.user(user, &[OfUser::Noticed]))
            .arg(target.to_string())
            .arg(noticed.seq)
            .arg(noticed.ms)
            .arg(NOTICED_MS);
        self.link.script(call).await.map(drop)
    }

    async fn has_blocked(&self, user: &User, other: &Id) -> Result<bool, Unavailable> {
        let mut command = redis::cmd("ZSCORE");
        command
            .arg(self.keys.user(user, &[OfUser::Blocks]))
            .arg(other.to_string());
        answer::is_there(self.link.command(&command).await?)
    }
}
