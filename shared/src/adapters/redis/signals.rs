//! Fleeting signals on Redis.

use async_trait::async_trait;
use futures_util::future::try_join_all;

use super::gate::with_frames;
use super::keys::{OfConversation, OfUser};
use super::link::Call;
use super::{RedisStore, answer};
use crate::domain::limits::{
    FLEETING_BURST_MS, FLEETING_PUSH_MS, OFFLINE_AFTER_MS, TYPING_EVERY_MS, WATCHED_PER_FRAME, WATCHERS_MAX,
};
use crate::domain::{Admission, Asker, Bucket, ConnectionId, Conversation, Domain, Id, Target, User, Watcher};
use crate::ports::{Clock, Due, Presence, PresenceReader, Signals, StoreError, Typing, Unavailable, Watches, Watching};

/// How long a `watch` may be under way, in milliseconds: API Gateway gives a frame 29 s.
const WATCH_MS: u64 = 30_000;
/// Watches that are noted for so long, at the most. A client that waits for each answer has none.
const REPLACED_WATCHES: u64 = 8;

/// Users who are taken at once of those who are due.
const DUE_AT_ONCE: u64 = 100;
/// How long the function that has taken them may need to tell their watchers, in milliseconds: the longest fan-out, and a lookup. After that
/// somebody else may take them.
const DUE_AGAIN_MS: u64 = 5_000;

/// A watching connection and its user, as one member of a set.
fn watcher(connection: &ConnectionId, user: &Id) -> String {
    format!("{connection}:{user}")
}

#[async_trait]
impl<C: Clock> Signals for RedisStore<C> {
    async fn watch(
        &self,
        connection: &ConnectionId,
        watches: &Watches,
        frames: Option<Bucket>,
    ) -> Result<Option<Watching>, Unavailable> {
        let users: Vec<_> = watches.users.iter().map(Id::to_string).collect();
        let target = watches.conversation.as_ref();
        let call = Call::new(&self.scripts.connection_watch, vec![self.keys.connection(connection)])
            .arg(self.clock.now_ms())
            .arg(target.map_or(String::new(), Target::to_string))
            .arg(users.join(","))
            .arg(WATCH_MS)
            .arg(REPLACED_WATCHES);
        let call = with_frames(call, frames, 1 + watches.users.len() / WATCHED_PER_FRAME);
        answer::watching(self.link.script(call).await?)
    }

    async fn watched(&self, connection: &ConnectionId) -> Result<Watches, Unavailable> {
        let known = self.watches(connection).await?;
        Ok(known
            .and_then(|(_, watches)| watches.into_iter().next())
            .unwrap_or_default())
    }

    async fn watch_conversation(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        connection: &ConnectionId,
        expires_ms: u64,
    ) -> Result<bool, StoreError> {
        use OfConversation::{Members, Watching};
        let keys = self.keys.conversation(conversation, &[Watching, Members]);
        let call = Call::new(&self.scripts.conversation_watch, keys)
            .arg(self.clock.now_ms())
            .arg(reader.id.to_string())
            .arg(u8::from(reader.admission == Admission::Members))
            .arg(watcher(connection, &reader.id))
            .arg(expires_ms)
            .arg(WATCHERS_MAX);
        answer::is_member(self.link.script(call).await?)
    }

    async fn unwatch(&self, user: &User, connection: &ConnectionId, watches: &Watches) -> Result<(), Unavailable> {
        let of_conversation = watches.conversation.iter().flat_map(|target| {
            let conversation = Conversation::of(user, target);
            self.keys.conversation(&conversation, &[OfConversation::Watching])
        });
        let of_users = watches.users.iter().flat_map(|id| {
            let id = id.clone();
            let domain = user.domain.clone();
            self.keys.user(&User { domain, id }, &[OfUser::Watchers])
        });
        let removals = of_conversation.chain(of_users).map(async |key| {
            let mut removal = redis::cmd("ZREM");
            removal.arg(key).arg(watcher(connection, &user.id));
            self.link.command(&removal).await
        });
        try_join_all(removals).await.map(drop)
    }

    async fn presence(&self, of: &Id, reader: PresenceReader<'_>) -> Result<Presence, Unavailable> {
        use OfUser::{Blockers, Blocks, Connections, Entries, Meta, Watchers};
        let (domain, id) = (reader.user.domain.clone(), of.clone());
        let parts = [Connections, Meta, Entries, Watchers, Blocks, Blockers];
        let keys = self.keys.user(&User { domain, id }, &parts);
        let (connection, expires_ms) = match reader.connection {
            Some((connection, expires_ms)) => (watcher(connection, &reader.user.id), expires_ms),
            None => (String::new(), 0),
        };
        let topic = reader.topic.map(|id| Target::Topic(id.clone()).to_string());
        let call = Call::new(&self.scripts.presence_read, keys)
            .arg(self.clock.now_ms())
            .arg(Target::User(reader.user.id.clone()).to_string())
            .arg(topic.unwrap_or_default())
            .arg(connection)
            .arg(expires_ms)
            .arg(WATCHERS_MAX)
            .arg(OFFLINE_AFTER_MS)
            .arg(reader.user.id.to_string());
        answer::presence(self.link.script(call).await?)
    }

    async fn typing(
        &self,
        connection: &ConnectionId,
        target: &Target,
        starts: bool,
        frames: Option<Bucket>,
    ) -> Result<Option<Typing>, Unavailable> {
        let call = Call::new(&self.scripts.connection_type, vec![self.keys.connection(connection)])
            .arg(self.clock.now_ms())
            .arg(target.to_string())
            .arg(u8::from(starts))
            .arg(TYPING_EVERY_MS);
        answer::typing(self.link.script(with_frames(call, frames, 1)).await?)
    }

    async fn watchers(&self, conversation: &Conversation, by: &Asker) -> Result<Vec<Watcher>, StoreError> {
        use OfConversation::{Budget, Members, Meta, Watching};
        let keys = self.keys.conversation(conversation, &[Watching, Members, Budget, Meta]);
        let call = Call::new(&self.scripts.conversation_watchers, keys)
            .arg(self.clock.now_ms())
            .arg(by.id.to_string())
            .arg(u8::from(by.admission == Admission::Members))
            .arg(FLEETING_PUSH_MS)
            .arg(FLEETING_BURST_MS);
        answer::watchers(self.link.script(call).await?)
    }

    async fn note_offline(&self, user: &User, due_ms: u64, until_ms: u64) -> Result<bool, Unavailable> {
        let call = Call::new(&self.scripts.offline_note, self.keys.offline(&user.domain))
            .arg(user.id.to_string())
            .arg(due_ms)
            .arg(until_ms);
        answer::yes(self.link.script(call).await?)
    }

    async fn take_due(&self, domain: &Domain, until_ms: u64, told: &Due) -> Result<Due, Unavailable> {
        let now = self.clock.now_ms();
        let again_ms = now + DUE_AGAIN_MS;
        let call = Call::new(&self.scripts.offline_take, self.keys.offline(domain))
            .arg(now)
            .arg(until_ms)
            .arg(DUE_AT_ONCE)
            .arg(again_ms)
            .arg(told.again_ms);
        let call = told.users.iter().fold(call, |call, id| call.arg(id.to_string()));
        answer::due(self.link.script(call).await?, again_ms)
    }

    async fn watchers_of_offline(&self, user: &User) -> Result<(Vec<Watcher>, Option<u64>), Unavailable> {
        let call = Call::new(&self.scripts.offline_watchers, self.being(user))
            .arg(self.clock.now_ms())
            .arg(OFFLINE_AFTER_MS);
        let (active_ms, watchers) = answer::numbered_watchers(self.link.script(call).await?)?;
        Ok((watchers, (active_ms > 0).then_some(active_ms)))
    }
}
