//! The store on Redis or Valkey, one node or a cluster.
//!
//! `keys.rs` says which keys there are, `record.rs` and `entry.rs` how messages and inbox entries are packed, `scripts/` what happens atomically, `connection.rs` how a
//! connection is opened, and `link.rs` how it is kept. `docs/architecture.md` says why it is so.

mod answer;
mod bytes;
mod connection;
mod entry;
mod keys;
mod link;
mod record;
mod scripts;

use std::fmt;

use async_trait::async_trait;
use futures_util::future::try_join_all;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use self::answer::Asked;
use self::bytes::number_bytes;
use self::entry::Unpacked;
use self::keys::{Keys, OfConversation, OfUser};
use self::link::{Call, Link};
use self::scripts::Scripts;
use crate::config::{ConfigError, RedisConfig};
use crate::domain::limits::{CONNECTION_LIFETIME_MS, CONNECTIONS_MAX, OPERATION_MS, RETRY_KEY_MS};
use crate::domain::{
    Body, ConnectionId, Conversation, Cursor, Decision, Edit, Id, Member, MessageId, Metadata, MetadataEdit, Page,
    Projection, RetryKey, User, Window,
};
use crate::ports::{
    ChangedEntries, Changes, Clock, History, Inbox, InboxEntry, PageBounds, Store, Told, Unavailable, WriteError,
};

/// The store on Redis.
pub struct RedisStore<C> {
    keys: Keys,
    link: Link,
    scripts: Scripts,
    clock: C,
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
        Self::connect_as(config, clock, str::to_owned).await
    }

    /// The store as a neighbouring release would be: `edit` changes the source of every script. For tests.
    ///
    /// # Errors
    /// As [`RedisStore::connect`].
    #[doc(hidden)]
    pub async fn connect_as(config: RedisConfig, clock: C, edit: impl Fn(&str) -> String) -> Result<Self, ConfigError> {
        let link = Link::new(&config)?;
        if let Err(error) = link.connect().await {
            tracing::warn!(error = %crate::error::Chain(&error), "starting without redis");
        }
        Ok(Self {
            keys: Keys::new(config.prefix),
            link,
            scripts: Scripts::new(edit),
            clock,
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

    /// Keys of a part of a conversation that is read; the last one only where all members see how far each has read.
    fn reading(&self, conversation: &Conversation, third: OfConversation) -> Vec<String> {
        let mut parts = vec![OfConversation::Log, OfConversation::Meta, third];
        parts.extend(conversation.is_direct().then_some(OfConversation::Members));
        self.keys.conversation(conversation, &parts)
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
                    let parts = [OfConversation::Log, OfConversation::Meta];
                    let keys = self.keys.conversation(&conversation, &parts);
                    let call = Call::new(&self.scripts.messages_read, &keys).arg(seq);
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

#[async_trait]
impl<C: Clock> Store for RedisStore<C> {
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Id,
        body: &Body,
        metadata: Option<&Metadata>,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, WriteError> {
        use OfConversation::{Gone, Log, Members, Meta};
        let (operation, kept_ms) = self.operation(conversation, author, retry_key);
        let mut keys = self.keys.conversation(conversation, &[Log, Meta, Members, Gone]);
        keys.push(operation);
        let tail = record::pack_tail(author, body, metadata);
        let call = Call::new(&self.scripts.message_append, &keys)
            .arg(self.clock.now_ms())
            .arg(&[record::HEAD])
            .arg(&record::random_bytes(random_bits(MessageId::RANDOM_BITS)))
            .arg(&tail)
            .arg(content_hash(&[b"send", &tail]))
            .arg(kept_ms)
            .arg(author.to_string());
        let founders = conversation.founders().into_iter();
        let call = founders.fold(call, |call, id| call.arg(id.to_string()));
        answer::decision(&Asked::Send, self.link.script(call).await?)
    }

    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, WriteError> {
        use OfConversation::{Gone, Log, Members, Meta, Stamps};
        let (operation, kept_ms) = self.operation(conversation, by, retry_key);
        let mut keys = self.keys.conversation(conversation, &[Log, Meta, Members, Gone]);
        keys.push(operation);
        keys.extend(self.keys.conversation(conversation, &[Stamps]));
        let content = |body: &Option<Body>| body.as_ref().map_or(String::new(), |body| body.content().to_owned());
        let (text, image) = (content(&edit.text), content(&edit.image));
        let metadata = match &edit.metadata {
            MetadataEdit::Keep => "",
            MetadataEdit::Remove => "-",
            MetadataEdit::Replace(metadata) => metadata.as_json(),
        };
        let identity = record::identity(id);
        let seen = u8::from(edit.seen);
        let hash = content_hash(&[
            b"update",
            &identity,
            text.as_bytes(),
            image.as_bytes(),
            metadata.as_bytes(),
        ]);
        let call = Call::new(&self.scripts.message_update, &keys)
            .arg(self.clock.now_ms())
            .arg(id.seq)
            .arg(identity)
            .arg(by.to_string())
            .arg(hash)
            .arg(kept_ms)
            .arg(seen)
            .arg(text)
            .arg(image)
            .arg(metadata);
        answer::decision(&Asked::Update { by }, self.link.script(call).await?)
    }

    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
    ) -> Result<Decision, WriteError> {
        use OfConversation::{Gone, Log, Members, Meta, Stamps};
        let keys = self
            .keys
            .conversation(conversation, &[Log, Meta, Members, Gone, Stamps]);
        let call = Call::new(&self.scripts.message_delete, &keys)
            .arg(self.clock.now_ms())
            .arg(id.seq)
            .arg(record::identity(id))
            .arg(by.to_string());
        answer::decision(&Asked::Delete, self.link.script(call).await?)
    }

    async fn tell(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &Member,
    ) -> Result<Told, Unavailable> {
        use OfUser::{Changed, Connections, Entries, Inbox, Meta};
        let user = conversation.user(&member.id);
        let keys = self.keys.user(&user, &[Inbox, Entries, Changed, Meta, Connections]);
        let now = self.clock.now_ms();
        let call = Call::new(&self.scripts.entry_tell, &keys)
            .arg(now)
            .arg(random_bits(64))
            .arg(conversation.as_seen_by(&member.id).to_string())
            .arg(projection.activity_ms)
            .arg(entry::pack(conversation, projection, member));
        answer::told(self.link.script(call).await?, now)
    }

    async fn history(&self, conversation: &Conversation, window: &Window) -> Result<Option<History>, Unavailable> {
        let (mode, size, place, identity) = match *window {
            Window::Page(page) => ("page", page.per_page, page.skipped(), Vec::new()),
            Window::Before(id, size) => ("before", size, id.seq, record::identity(id)),
            Window::After(id, size) => ("after", size, id.seq, record::identity(id)),
            Window::Around(id, size) => ("around", size, id.seq, record::identity(id)),
        };
        let keys = self.reading(conversation, OfConversation::Gone);
        let call = Call::new(&self.scripts.history_read, &keys)
            .arg(mode)
            .arg(size)
            .arg(place)
            .arg(identity);
        answer::history(self.link.script(call).await?)
    }

    async fn changes(
        &self,
        conversation: &Conversation,
        since: u64,
        bounds: PageBounds,
    ) -> Result<Changes, Unavailable> {
        let keys = self.reading(conversation, OfConversation::Stamps);
        let call = Call::new(&self.scripts.changes_read, &keys)
            .arg(since)
            .arg(bounds.count)
            .arg(bounds.bytes);
        answer::changes(self.link.script(call).await?)
    }

    async fn inbox(&self, user: &User, page: Page) -> Result<Inbox, Unavailable> {
        let keys = self.keys.user(user, &[OfUser::Inbox, OfUser::Entries, OfUser::Meta]);
        let first = page.skipped();
        let call = Call::new(&self.scripts.inbox_read, &keys)
            .arg(first)
            .arg(first + page.per_page - 1);
        let page = answer::inbox(self.link.script(call).await?)?;
        Ok(Inbox {
            cursor: page.cursor,
            total: page.total,
            unread_total: page.unread_total,
            entries: self.complete(user, page.entries).await?,
        })
    }

    async fn changed_entries(
        &self,
        user: &User,
        since: Option<Cursor>,
        bounds: PageBounds,
    ) -> Result<ChangedEntries, Unavailable> {
        let keys = self.keys.user(user, &[OfUser::Changed, OfUser::Entries, OfUser::Meta]);
        let mut call = Call::new(&self.scripts.entries_read, &keys)
            .arg(bounds.count)
            .arg(bounds.bytes);
        if let Some(Cursor { epoch, position }) = since {
            call = call.arg(epoch).arg(position);
        }
        let page = answer::entries(self.link.script(call).await?)?.with_few_long_messages(bounds.bytes);
        let (cursors, entries): (Vec<_>, Vec<_>) = page.entries.into_iter().unzip();
        let entries = self.complete(user, entries).await?;
        Ok(ChangedEntries {
            cursor: page.cursor,
            recovered: page.recovered,
            more: page.more,
            unread_total: page.unread_total,
            entries: cursors.into_iter().zip(entries).collect(),
        })
    }

    async fn open_connection(&self, user: &User, id: &ConnectionId, opened_ms: u64) -> Result<bool, Unavailable> {
        let expires_ms = opened_ms + CONNECTION_LIFETIME_MS;
        let keys = self.keys.user(user, &[OfUser::Connections]);
        let call = Call::new(&self.scripts.connection_open, &keys)
            .arg(self.clock.now_ms())
            .arg(id.as_str())
            .arg(expires_ms)
            .arg(CONNECTIONS_MAX);
        if !answer::yes(self.link.script(call).await?)? {
            return Ok(false);
        }
        let keys = [self.keys.connection(id)];
        let call = Call::new(&self.scripts.connection_name, &keys)
            .arg(user.domain.to_string())
            .arg(user.id.to_string())
            .arg(expires_ms);
        self.link.script(call).await?;
        Ok(true)
    }

    async fn connection(&self, id: &ConnectionId) -> Result<Option<User>, Unavailable> {
        let mut command = redis::cmd("HMGET");
        command.arg(self.keys.connection(id)).arg("domain").arg("user");
        answer::user(self.link.command(&command).await?)
    }

    async fn close_connections(&self, user: &User, ids: &[ConnectionId]) -> Result<(), Unavailable> {
        // The reverse of opening one: as long as a key by id stands, the set of its user has the id too, so that the next push finds again what
        // was cut off between the two.
        let own = ids.iter().map(async |id| {
            let mut own = redis::cmd("DEL");
            own.arg(self.keys.connection(id));
            self.link.command(&own).await
        });
        try_join_all(own).await?;
        let mut of_user = redis::cmd("ZREM");
        of_user
            .arg(self.keys.user(user, &[OfUser::Connections]))
            .arg(ids.iter().map(ConnectionId::as_str).collect::<Vec<_>>());
        self.link.command(&of_user).await?;
        Ok(())
    }
}
