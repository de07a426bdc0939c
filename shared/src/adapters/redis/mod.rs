//! The store on Redis or Valkey, one node or a cluster.
//!
//! `keys.rs` says which keys there are, `record.rs` how messages are packed, `scripts/` what happens atomically, `connection.rs` how a
//! connection is opened, and `link.rs` how it is kept. `docs/architecture.md` says why it is so.

mod answer;
mod connection;
mod keys;
mod link;
mod record;
mod scripts;

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use self::keys::Keys;
use self::link::{Call, Link, Script};
use self::scripts::Scripts;
use crate::config::{ConfigError, RedisConfig};
use crate::domain::limits::{CONNECTION_LIFETIME_MS, CONNECTIONS_MAX, RETRY_KEY_MS};
use crate::domain::{
    Body, ConnectionId, Conversation, Cursor, Edit, EventKind, Id, MessageId, Metadata, MetadataEdit, Page, RetryKey,
    User, Window,
};
use crate::ports::{
    Change, Clock, Delivered, EventPage, History, Inbox, Notice, Refusal, Snapshot, Store, Unavailable,
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
    /// Prepares the store and tries to connect. That Redis does not answer is no reason not to start: it may by the first request.
    ///
    /// # Errors
    /// [`ConfigError`] if an address is none, or the authority's certificate is none.
    pub async fn connect(config: RedisConfig, clock: C) -> Result<Self, ConfigError> {
        let link = Link::new(&config)?;
        if let Err(error) = link.connect().await {
            tracing::warn!(error = %crate::error::Chain(&error), "starting without redis");
        }
        Ok(Self {
            keys: Keys::new(config.prefix),
            link,
            scripts: Scripts::new(),
            clock,
        })
    }
}

/// Random bits: a version 4 UUID has 122 of them.
fn random_bits(bits: u32) -> u64 {
    Uuid::new_v4().as_u64_pair().1 & (u64::MAX >> (64 - bits))
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
    ) -> Result<Change, Unavailable> {
        let record = record::pack(random_bits(MessageId::RANDOM_BITS), author, body, metadata);
        let mut keys = self.keys.conversation(conversation).to_vec();
        keys.extend(retry_key.map(|key| self.keys.retry(conversation, author, key)));
        let now = self.clock.now_ms();
        let call = Call::new(&self.scripts.message_append, &keys)
            .arg(now)
            .arg(&[record.head])
            .arg(record.tail)
            .arg(RETRY_KEY_MS);
        let changed = answer::change(EventKind::MessageNew, now, self.link.script(call).await?)?;
        changed.map_err(|_| Unavailable::new("redis", "a new message was refused"))
    }

    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        edit: &Edit,
    ) -> Result<Result<Change, Refusal>, Unavailable> {
        let keys = self.keys.conversation(conversation);
        let now = self.clock.now_ms();
        let seen = of_message(&self.scripts.message_seen, &keys, id, by);
        if !edit.changes_content() {
            return answer::change(EventKind::MessageUpdated, now, self.link.script(seen).await?);
        }
        let (replaced, new_metadata) = match &edit.metadata {
            MetadataEdit::Keep => (false, ""),
            MetadataEdit::Remove => (true, ""),
            MetadataEdit::Replace(metadata) => (true, metadata.as_json()),
        };
        let change_content = async |body: Option<&Body>| {
            let flag = body.map_or_else(String::new, |body| record::kind_flag(body.kind()).to_string());
            let call = of_message(&self.scripts.message_edit, &keys, id, by)
                .arg(now)
                .arg(flag)
                .arg(body.map_or("", Body::content))
                .arg(u8::from(replaced))
                .arg(new_metadata);
            answer::change(EventKind::MessageUpdated, now, self.link.script(call).await?)
        };
        let mut changed = change_content(edit.text.as_ref().or(edit.image.as_ref())).await?;
        if matches!(changed, Err(Refusal::WrongKind)) && edit.text.is_some() && edit.image.is_some() {
            changed = change_content(edit.image.as_ref()).await?;
        }
        if matches!(changed, Err(Refusal::WrongKind)) && replaced {
            changed = change_content(None).await?;
        }
        if matches!(changed, Err(Refusal::Forbidden)) && edit.seen {
            return answer::change(EventKind::MessageUpdated, now, self.link.script(seen).await?);
        }
        Ok(changed)
    }

    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
    ) -> Result<Result<Change, Refusal>, Unavailable> {
        let keys = self.keys.conversation(conversation);
        let now = self.clock.now_ms();
        let call = of_message(&self.scripts.message_delete, &keys, id, by);
        answer::change(EventKind::MessageDeleted, now, self.link.script(call).await?)
    }

    async fn deliver(&self, participant: &User, notice: &Notice<'_>) -> Result<Delivered, Unavailable> {
        let change = notice.change;
        let (latest_seq, latest) = change
            .latest
            .as_ref()
            .map_or((0, &[][..]), |latest| (latest.seq, &latest.record));
        let keys = [
            self.keys.inbox(participant),
            self.keys.chats(participant),
            self.keys.connections(participant),
            self.keys.events(participant),
            self.keys.meta(participant),
        ];
        let now = self.clock.now_ms();
        let call = Call::new(&self.scripts.event_append, &keys)
            .arg(now)
            .arg(random_bits(64))
            .arg(notice.conversation.as_seen_by(&participant.id).to_string())
            .arg(record::event_code(change.kind))
            .arg(change.id.seq)
            .arg(change.asked_ms)
            .arg(u8::from(change.repeated))
            .arg(change.revision)
            .arg(change.last_seq)
            .arg(change.activity_ms)
            .arg(latest_seq)
            .arg(latest)
            .arg(notice.read_seq)
            .arg(record::pack_others(&change.others, &participant.id))
            .arg(notice.bounds.length)
            .arg(notice.bounds.age_ms);
        answer::delivered(self.link.script(call).await?, now)
    }

    async fn history(&self, conversation: &Conversation, window: &Window) -> Result<Option<History>, Unavailable> {
        let (mode, size, place, identity) = match *window {
            Window::Page(page) => ("page", page.per_page, page.skipped(), Vec::new()),
            Window::Before(id, size) => ("before", size, id.seq, record::identity(id)),
            Window::After(id, size) => ("after", size, id.seq, record::identity(id)),
            Window::Around(id, size) => ("around", size, id.seq, record::identity(id)),
        };
        let keys = self.keys.conversation(conversation);
        let call = Call::new(&self.scripts.history_read, &keys)
            .arg(mode)
            .arg(size)
            .arg(place)
            .arg(identity);
        answer::history(self.link.script(call).await?)
    }

    async fn inbox(&self, user: &User, page: Page) -> Result<Inbox, Unavailable> {
        let keys = [self.keys.inbox(user), self.keys.chats(user), self.keys.meta(user)];
        let first = page.skipped();
        let call = Call::new(&self.scripts.inbox_read, &keys)
            .arg(first)
            .arg(first + page.per_page - 1);
        answer::inbox(self.link.script(call).await?)
    }

    async fn events(&self, user: &User, since: Option<Cursor>, count: u64) -> Result<EventPage, Unavailable> {
        let keys = [self.keys.events(user), self.keys.meta(user)];
        let mut call = Call::new(&self.scripts.events_read, &keys)
            .arg(random_bits(64))
            .arg(count);
        if let Some(Cursor { epoch, position, ms }) = since {
            call = call.arg(epoch).arg(position).arg(ms);
        }
        answer::events(since, self.link.script(call).await?)
    }

    async fn messages(&self, conversation: &Conversation, seqs: &[u64]) -> Result<Snapshot, Unavailable> {
        let keys = self.keys.conversation(conversation);
        let call = seqs
            .iter()
            .fold(Call::new(&self.scripts.messages_read, &keys), |call, seq| {
                call.arg(*seq)
            });
        answer::messages(seqs, self.link.script(call).await?)
    }

    async fn open_connection(&self, user: &User, id: &ConnectionId, opened_ms: u64) -> Result<bool, Unavailable> {
        let expires_ms = opened_ms + CONNECTION_LIFETIME_MS;
        let keys = [self.keys.connections(user)];
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
        futures_util::future::try_join_all(own).await?;
        let mut of_user = redis::cmd("ZREM");
        of_user
            .arg(self.keys.connections(user))
            .arg(ids.iter().map(ConnectionId::as_str).collect::<Vec<_>>());
        self.link.command(&of_user).await?;
        Ok(())
    }
}

/// Begins a call on a message: the scripts take its place, its identity and who asks first.
fn of_message<'a>(script: &'a Script, keys: &'a [String], id: MessageId, by: &Id) -> Call<'a> {
    Call::new(script, keys)
        .arg(id.seq)
        .arg(record::identity(id))
        .arg(by.to_string())
}
