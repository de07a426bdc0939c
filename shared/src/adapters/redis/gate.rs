//! Limits of use on Redis.

use async_trait::async_trait;

use super::keys::OfUser;
use super::link::Call;
use super::{RedisStore, answer};
use crate::domain::limits::FRAMES_UNASKED;
use crate::domain::{Bucket, ConnectionId, Target};
use crate::ports::{Clock, Frame, Gate, GateError, Taking, Unavailable, Wish};

/// Adds buckets to a call, as `wanted` of `usage_prelude.lua` reads them.
pub(super) fn with_takings<'a>(call: Call<'a>, takings: &[Taking]) -> Call<'a> {
    takings.iter().fold(call, |call, taking| {
        call.arg(taking.name)
            .arg(taking.bucket.interval_us)
            .arg(taking.bucket.burst)
            .arg(taking.tokens)
    })
}

/// Adds a bucket of frames to a call, and how many frames it takes, as `take_frame` of `frame_prelude.lua` reads them.
pub(super) fn with_frames(call: Call<'_>, bucket: Option<Bucket>, tokens: usize) -> Call<'_> {
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    // More than the bucket holds would be refused for ever.
    let most = bucket.map_or(u64::MAX, |bucket| bucket.burst);
    let tokens = u64::try_from(tokens).unwrap_or(u64::MAX).min(most);
    call.arg(number(bucket.map(|bucket| bucket.interval_us)))
        .arg(number(bucket.map(|bucket| bucket.burst)))
        .arg(tokens)
        .arg(FRAMES_UNASKED)
}

/// When a token was issued, as scripts take it.
pub(super) fn issued(issued_ms: Option<u64>) -> String {
    issued_ms.map_or(String::new(), |ms| ms.to_string())
}

#[async_trait]
impl<C: Clock> Gate for RedisStore<C> {
    async fn admit(&self, wish: Wish<'_>) -> Result<u64, GateError> {
        let keys = self
            .keys
            .user(&wish.by.user, &[OfUser::Limits, OfUser::Meta, OfUser::Entries]);
        let call = Call::new(&self.scripts.admit, keys)
            .arg(self.clock.now_ms())
            .arg(issued(wish.by.issued_ms))
            .arg(wish.mode.name())
            .arg(wish.begins.map_or(String::new(), Target::to_string));
        answer::admitted(self.link.script(with_takings(call, wish.takings)).await?)
    }

    async fn frame(&self, connection: &ConnectionId, bucket: Option<Bucket>) -> Result<Option<Frame>, Unavailable> {
        let call = Call::new(&self.scripts.connection_frame, vec![self.keys.connection(connection)]);
        let call = with_frames(call.arg(self.clock.now_ms()), bucket, 1);
        answer::frame(self.link.script(call).await?)
    }

    async fn mark(&self, connection: &ConnectionId, until_ms: u64) -> Result<(), Unavailable> {
        let call = Call::new(&self.scripts.connection_mark, vec![self.keys.connection(connection)]).arg(until_ms);
        self.link.script(call).await.map(drop)
    }
}
