//! Blocks on Redis.

use async_trait::async_trait;
use futures_util::future::try_join;
use redis::Value;

use super::keys::{OfConversation, OfUser};
use super::link::Call;
use super::{RedisStore, answer};
use crate::domain::limits::BLOCKS_MAX;
use crate::domain::{Conversation, Id, Target, TimeWindow, User};
use crate::ports::{Blocks, BlocksPage, Clock, StoreError, Unavailable};

impl<C: Clock> RedisStore<C> {
    /// Notes in a user's slot that the user has blocked another one (`most` of them at the most), or was blocked by one (without a limit).
    async fn note_block(&self, of: &User, part: OfUser, other: &Id, most: Option<u64>) -> Result<Value, Unavailable> {
        let call = Call::new(&self.scripts.block_put, self.keys.user(of, &[part, OfUser::Watchers]))
            .arg(self.clock.now_ms())
            .arg(other.to_string())
            .arg(most.map_or(String::new(), |most| most.to_string()));
        self.link.script(call).await
    }

    async fn forget_block(&self, of: &User, part: OfUser, other: &Id) -> Result<(), Unavailable> {
        let mut removal = redis::cmd("ZREM");
        removal.arg(self.keys.user(of, &[part])).arg(other.to_string());
        self.link.command(&removal).await.map(drop)
    }

    /// Notes in their conversation whether a user has blocked the other one.
    async fn set_block(&self, user: &User, other: &Id, blocked: bool) -> Result<(), Unavailable> {
        let conversation = Conversation::of(user, &Target::User(other.clone()));
        let keys = self.keys.conversation(&conversation, &[OfConversation::Meta]);
        let call = Call::new(&self.scripts.block_set, keys)
            .arg(user.id.to_string())
            .arg(u8::from(blocked));
        self.link.script(call).await.map(drop)
    }

    /// Makes the slots of both users say what their conversation says. A block and its removal may run at once, each slot in another order. Whoever
    /// writes a slot last reads the conversation after that, so all three agree in the end.
    async fn settle_block(&self, user: &User, other: &Id, mut blocked: bool) -> Result<(), Unavailable> {
        let there = beside(user, other);
        let conversation = Conversation::of(user, &Target::User(other.clone()));
        let mut read = redis::cmd("HGET");
        read.arg(self.keys.conversation(&conversation, &[OfConversation::Meta]))
            .arg("blocked");
        loop {
            if blocked {
                try_join(
                    self.note_block(user, OfUser::Blocks, other, None),
                    self.note_block(&there, OfUser::Blockers, &user.id, None),
                )
                .await?;
            } else {
                self.forget_block(&there, OfUser::Blockers, &user.id).await?;
                self.forget_block(user, OfUser::Blocks, other).await?;
            }
            if answer::has_blocked(&user.id, self.link.command(&read).await?)? == blocked {
                return Ok(());
            }
            blocked = !blocked;
        }
    }
}

/// The other user, in the same site.
fn beside(user: &User, other: &Id) -> User {
    User {
        domain: user.domain.clone(),
        id: other.clone(),
    }
}

#[async_trait]
impl<C: Clock> Blocks for RedisStore<C> {
    async fn block(&self, user: &User, other: &Id) -> Result<(), StoreError> {
        answer::done(self.note_block(user, OfUser::Blocks, other, Some(BLOCKS_MAX)).await?)?;
        self.set_block(user, other, true).await?;
        Ok(self.settle_block(user, other, true).await?)
    }

    async fn unblock(&self, user: &User, other: &Id) -> Result<(), Unavailable> {
        self.set_block(user, other, false).await?;
        self.settle_block(user, other, false).await
    }

    async fn blocks(&self, user: &User, window: &TimeWindow) -> Result<BlocksPage, Unavailable> {
        let call = Call::new(&self.scripts.blocks_read, self.keys.user(user, &[OfUser::Blocks])).arg(window.limit);
        let call = match &window.after {
            Some(place) => call.arg(place.ms).arg(place.name.as_str()),
            None => call,
        };
        answer::blocks(self.link.script(call).await?)
    }
}
