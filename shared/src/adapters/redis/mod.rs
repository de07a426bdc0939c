//! The store on Redis or Valkey, one node or a cluster.
//!
//! Each port has a file, as `store.rs` and `gate.rs`; here is what they share. `keys.rs` says which keys there are, `record.rs` and `entry.rs` how messages and
//! inbox entries are packed, `scripts/` what happens atomically, `connection.rs` how a connection is opened, and `link.rs` how it is kept.
//! `docs/architecture.md` says why it is so.

mod answer;
mod blocks;
pub(crate) mod bytes;
mod connection;
pub(crate) mod entry;
mod erasures;
mod gate;
pub mod import;
mod keys;
mod link;
mod moderation;
mod oversight;
mod promises;
pub(crate) mod record;
mod scripts;
mod signals;
mod store;
mod trimming;
mod undelivered;

use std::fmt;

use futures_util::future::try_join_all;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use self::bytes::number_bytes;
use self::entry::Unpacked;
use self::keys::{Keys, OfConversation, OfUser};
use self::link::{Call, Edits, Link, Script};
use self::scripts::Scripts;
use crate::config::{ConfigError, RedisConfig};
use crate::domain::limits::{OPERATION_MS, RETRY_KEY_MS};
use crate::domain::{Admission, Asker, ConnectionId, Conversation, Id, RetryKey, User};
use crate::ports::{Clock, InboxEntry, Signals as _, Unavailable, Watches};

/// The store on Redis.
pub struct RedisStore<C> {
    keys: Keys,
    link: Link,
    /// Boxed, because it is large, and futures that make a store would be larger still.
    scripts: Box<Scripts>,
    clock: C,
    /// How many earlier versions of a message are kept.
    versions: u64,
}

impl<C> fmt::Debug for RedisStore<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisStore")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

impl<C: Clock> RedisStore<C> {
    /// Prepares the store and tries to connect. A Redis that does not answer is no reason not to start: it may answer by the first request.
    ///
    /// # Errors
    /// [`ConfigError`] if an address or the CA certificate is invalid.
    pub async fn connect(config: RedisConfig, clock: C) -> Result<Self, ConfigError> {
        Self::connect_as(config, clock, &[]).await
    }

    /// The store as a neighbouring release would be: `edits` are texts in the sources of scripts, and what stands there instead. For tests.
    ///
    /// # Errors
    /// As [`RedisStore::connect`].
    #[doc(hidden)]
    pub async fn connect_as(config: RedisConfig, clock: C, edits: Edits) -> Result<Self, ConfigError> {
        let link = Link::new(&config)?;
        if let Err(error) = link.connect().await {
            tracing::warn!(error = %crate::error::Chain(&error), "starting without redis");
        }
        Ok(Self {
            keys: Keys::new(config.prefix),
            link,
            scripts: Box::new(Scripts::new(edits)),
            clock,
            versions: 0,
        })
    }

    /// The key under which a write is remembered, and for how long. Without a retry key it has an identity of its own, so that what we or the
    /// client library send twice is done once.
    fn operation(&self, conversation: &Conversation, by: &Id, retry_key: Option<&RetryKey>) -> (String, u64) {
        match retry_key {
            Some(key) => (self.keys.retry(conversation, by, key), RETRY_KEY_MS),
            None => (self.keys.operation(conversation, random_bits(64)), OPERATION_MS),
        }
    }

    /// Keys of every script that decides, in the order of `decision_prelude.lua`.
    fn deciding(&self, conversation: &Conversation) -> Vec<String> {
        use OfConversation::{Gone, Members, Mentions, Reactions, Stamps};
        self.keys
            .log(conversation, &[Members, Gone, Stamps, Mentions, Reactions])
    }

    /// Keys of whether a user is there.
    fn being(&self, user: &User) -> Vec<String> {
        self.keys
            .user(user, &[OfUser::Connections, OfUser::Meta, OfUser::Watchers])
    }

    /// Who owns a connection, and what it watches.
    async fn watches(&self, id: &ConnectionId) -> Result<Option<(User, Vec<Watches>)>, Unavailable> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.connection(id));
        command.arg(&["domain", "user", "conversation", "users", "replaced"]);
        answer::watches(self.link.command(&command).await?)
    }

    /// Forgets a connection; true if its user is offline and watched. First what it watches and its own key, so that the next push finds again what
    /// was cut off in between.
    async fn forget(&self, user: &User, id: &ConnectionId, watches: &[Watches]) -> Result<bool, Unavailable> {
        try_join_all(watches.iter().map(|watches| self.unwatch(user, id, watches))).await?;
        let mut own = redis::cmd("DEL");
        own.arg(self.keys.connection(id));
        self.link.command(&own).await?;
        self.close(user, id).await
    }

    /// Takes a connection from those of a user; true if the user is offline and watched.
    async fn close(&self, user: &User, id: &ConnectionId) -> Result<bool, Unavailable> {
        let mut keys = self.being(user);
        keys.extend(self.keys.user(user, &[OfUser::Opened]));
        let call = Call::new(&self.scripts.connection_close, keys)
            .arg(self.clock.now_ms())
            .arg(id.as_str());
        answer::yes(self.link.script(call).await?)
    }

    /// A call that changes an inbox entry, as `entry_prelude.lua` takes it.
    fn telling<'a>(&self, script: &'a Script, user: &User, now_ms: u64) -> Call<'a> {
        use OfUser::{Changed, Connections, Entries, Hidden, Inbox, Meta};
        let parts = [Inbox, Entries, Changed, Meta, Connections, Hidden];
        Call::new(script, self.keys.user(user, &parts))
            .arg(now_ms)
            .arg(random_bits(64))
    }

    /// A call that reads a part of a conversation, as far as its reader may.
    fn reading<'a>(
        &self,
        script: &'a Script,
        conversation: &Conversation,
        reader: &Asker,
        fourth: OfConversation,
    ) -> Call<'a> {
        use OfConversation::{Members, Reactions};
        let keys = self.keys.log(conversation, &[fourth, Reactions, Members]);
        Call::new(script, keys)
            .arg(reader.id.to_string())
            .arg(u8::from(reader.admission == Admission::Members))
            .arg(u8::from(conversation.is_direct()))
    }

    /// Completes entries whose newest message is too long to stand in them, all at once.
    async fn complete(&self, user: &User, entries: Vec<Unpacked>) -> Result<Vec<InboxEntry>, Unavailable> {
        let complete = entries.into_iter().map(
            async |Unpacked {
                       mut entry,
                       latest_elsewhere,
                   }| {
                if let Some(seq) = latest_elsewhere {
                    let conversation = Conversation::of(user, &entry.target);
                    let keys = self.keys.log(&conversation, &[]);
                    let call = Call::new(&self.scripts.messages_read, keys).arg(seq);
                    let stored = answer::message(seq, self.link.script(call).await?)?;
                    entry.latest = stored.and_then(|stored| stored.message);
                }
                Ok(entry)
            },
        );
        try_join_all(complete).await
    }
}

/// Random bits: a version 4 UUID has 122 of them.
fn random_bits(bits: u32) -> u64 {
    Uuid::new_v4().as_u64_pair().1 & (u64::MAX >> (64 - bits))
}

/// Tells one content from another: half of what a retry key promises. Each part is told from the next one by its length.
fn content_hash(parts: &[&[u8]]) -> Vec<u8> {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(number_bytes::<4>(part.len() as u64));
        hash.update(part);
    }
    hash.finalize().into_iter().take(8).collect()
}
