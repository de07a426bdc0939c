//! Conversations, inboxes and connections on Redis.

use async_trait::async_trait;
use futures_util::future::try_join;

use super::answer::Asked;
use super::gate::{issued, with_takings};
use super::keys::{OfConversation, OfUser};
use super::link::Call;
use super::{RedisStore, answer, content_hash, entry, random_bits, record};
use crate::domain::limits::{
    CONNECTION_LIFETIME_MS, FLEETING_BURST_MS, FLEETING_PUSH_MS, HANDSHAKE_MS, OFFLINE_AFTER_MS, REACTION_KINDS,
    REACTIONS_MAX, TOKEN_GRACE_MS,
};
use crate::domain::{
    Actor, Admission, Asker, Body, ConnectionId, Conversation, Cursor, Decision, Draft, Edit, Id, InboxWindow, Member,
    MessageId, MetadataEdit, OldId, Principal, Projection, Reaction, RetryKey, Role, SettingsEdit, Target, TopicMember,
    User, Window,
};
use crate::ports::{
    ChangedEntries, Changes, Clock, Ended, GateError, History, Inbox, Opened, PageBounds, Set, Signals as _, Store,
    StoreError, Terms, Told, Unavailable, Watches,
};

#[async_trait]
impl<C: Clock> Store for RedisStore<C> {
    async fn append_message(
        &self,
        conversation: &Conversation,
        author: &Asker,
        draft: &Draft,
        members_max: u64,
    ) -> Result<Decision, StoreError> {
        let (operation, kept_ms) = self.operation(conversation, &author.id, draft.retry_key.as_ref());
        let mut keys = self.deciding(conversation);
        keys.push(operation);
        let content = record::pack_content(&author.id, draft);
        let call = Call::new(&self.scripts.message_append, keys)
            .arg(self.clock.now_ms())
            .arg(&record::head(draft))
            .arg(&record::random_bytes(random_bits(MessageId::RANDOM_BITS)))
            .arg([&content[..], &record::pack_retry_key(draft)].concat())
            .arg(content_hash(&[b"send", &content]))
            .arg(kept_ms)
            .arg(author.id.to_string())
            .arg(match author.admission {
                _ if author.id.is_system() => "never",
                Admission::Open => "1",
                Admission::Members => "0",
            })
            .arg(members_max)
            .arg(draft.reply_to.map_or(0, |id| id.seq))
            .arg(draft.reply_to.map_or(Vec::new(), record::identity))
            .arg(draft.mentions.len());
        let others = draft.mentions.iter().cloned().chain(conversation.founders());
        let call = others.fold(call, |call, id| call.arg(id.to_string()));
        answer::decision(
            &Asked::Send {
                reply_to: draft.reply_to,
            },
            self.link.script(call).await?,
        )
    }

    async fn update_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Asker,
        edit: &Edit,
        retry_key: Option<&RetryKey>,
    ) -> Result<Decision, StoreError> {
        use OfConversation::{Budget, Edits, Watching};
        let (operation, kept_ms) = self.operation(conversation, &by.id, retry_key);
        let mut keys = self.deciding(conversation);
        keys.push(operation);
        keys.extend(self.keys.conversation(conversation, &[Watching, Budget, Edits]));
        let content = |body: &Option<Body>| body.as_ref().map_or(String::new(), |body| body.content().to_owned());
        let (text, image) = (content(&edit.text), content(&edit.image));
        let metadata = match &edit.metadata {
            MetadataEdit::Keep => "",
            MetadataEdit::Remove => "-",
            MetadataEdit::Replace(metadata) => metadata.as_json(),
        };
        let identity = record::identity(id);
        let hash = content_hash(&[
            b"update",
            &identity,
            text.as_bytes(),
            image.as_bytes(),
            metadata.as_bytes(),
        ]);
        let call = Call::new(&self.scripts.message_update, keys)
            .arg(self.clock.now_ms())
            .arg(id.seq)
            .arg(identity)
            .arg(by.id.to_string())
            .arg(u8::from(by.admission == Admission::Open))
            .arg(hash)
            .arg(kept_ms)
            .arg(u8::from(edit.seen))
            .arg(u8::from(conversation.is_direct()))
            .arg(text)
            .arg(image)
            .arg(metadata)
            .arg(FLEETING_PUSH_MS)
            .arg(FLEETING_BURST_MS)
            .arg(self.versions);
        answer::decision(&Asked::Update { by: &by.id }, self.link.script(call).await?)
    }

    async fn delete_message(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Actor,
    ) -> Result<Decision, StoreError> {
        let mut keys = self.deciding(conversation);
        keys.extend(self.keys.conversation(conversation, &[OfConversation::Edits]));
        let (by, is_open) = words_of(by);
        let call = Call::new(&self.scripts.message_delete, keys)
            .arg(self.clock.now_ms())
            .arg(id.seq)
            .arg(record::identity(id))
            .arg(by)
            .arg(is_open)
            .arg(self.versions);
        answer::decision(&Asked::Delete, self.link.script(call).await?)
    }

    async fn react(
        &self,
        conversation: &Conversation,
        id: MessageId,
        by: &Id,
        reaction: &Reaction,
        give: bool,
    ) -> Result<Decision, StoreError> {
        let call = Call::new(&self.scripts.message_react, self.deciding(conversation))
            .arg(self.clock.now_ms())
            .arg(id.seq)
            .arg(record::identity(id))
            .arg(by.to_string())
            .arg(reaction.as_str())
            .arg(u8::from(give))
            .arg(REACTION_KINDS)
            .arg(REACTIONS_MAX);
        answer::decision(&Asked::React, self.link.script(call).await?)
    }

    async fn read_up_to(
        &self,
        conversation: &Conversation,
        by: &Id,
        up_to: Option<MessageId>,
    ) -> Result<Option<Decision>, StoreError> {
        use OfConversation::{Budget, Watching};
        let mut keys = self.deciding(conversation);
        keys.extend(self.keys.conversation(conversation, &[Watching, Budget]));
        let call = Call::new(&self.scripts.read_move, keys)
            .arg(self.clock.now_ms())
            .arg(by.to_string())
            .arg(up_to.map_or(0, |id| id.seq))
            .arg(up_to.map_or(Vec::new(), record::identity))
            .arg(u8::from(conversation.is_direct()))
            .arg(FLEETING_PUSH_MS)
            .arg(FLEETING_BURST_MS);
        answer::read_position(by, self.link.script(call).await?)
    }

    async fn old_message(&self, conversation: &Conversation, old: OldId) -> Result<Option<MessageId>, Unavailable> {
        self.imported_as(conversation, old).await
    }

    async fn put_member(
        &self,
        topic: &Conversation,
        actor: &Actor,
        member: &Id,
        role: Option<Role>,
        members_max: u64,
    ) -> Result<Decision, StoreError> {
        let role = role.and_then(|role| Role::ALL.into_iter().position(|known| known == role));
        let (by, may_join) = words_of(actor);
        let call = Call::new(&self.scripts.member_put, self.deciding(topic))
            .arg(self.clock.now_ms())
            .arg(member.to_string())
            .arg(role.map_or(String::new(), |place| place.to_string()))
            .arg(by)
            .arg(may_join)
            .arg(members_max);
        answer::decision(&Asked::Join { member }, self.link.script(call).await?)
    }

    async fn remove_member(&self, topic: &Conversation, actor: &Actor, member: &Id) -> Result<Decision, StoreError> {
        let mut keys = self.deciding(topic);
        keys.extend(self.keys.conversation(topic, &[OfConversation::Watching]));
        let call = Call::new(&self.scripts.member_remove, keys)
            .arg(self.clock.now_ms())
            .arg(member.to_string())
            .arg(words_of(actor).0);
        answer::decision(&Asked::Leave { member }, self.link.script(call).await?)
    }

    async fn members(&self, topic: &Conversation, reader: &Asker) -> Result<Vec<TopicMember>, StoreError> {
        let keys = self.keys.conversation(topic, &[OfConversation::Members]);
        let call = Call::new(&self.scripts.members_read, keys)
            .arg(reader.id.to_string())
            .arg(u8::from(reader.admission == Admission::Members));
        answer::members(self.link.script(call).await?)
    }

    async fn tell(
        &self,
        conversation: &Conversation,
        projection: &Projection,
        member: &Member,
    ) -> Result<Told, Unavailable> {
        let now = self.clock.now_ms();
        let user = conversation.user(&member.id);
        let call = self
            .telling(&self.scripts.entry_tell, &user, now)
            .arg(conversation.as_seen_by(&member.id).to_string())
            .arg(entry::pack(conversation, projection, member));
        answer::told(self.link.script(call).await?, now)
    }

    async fn set(&self, user: &User, target: &Target, edit: SettingsEdit) -> Result<Option<Set>, Unavailable> {
        let now = self.clock.now_ms();
        let call = self.telling(&self.scripts.entry_set, user, now).arg(target.to_string());
        let switches = [edit.muted, edit.hidden, edit.pinned].into_iter();
        let call = switches.fold(call, |call, switch| {
            call.arg(switch.map_or(String::new(), |on| u8::from(on).to_string()))
        });
        let Some((told, entry)) = answer::set(target.clone(), self.link.script(call).await?, now)? else {
            return Ok(None);
        };
        let entry = self.complete(user, vec![entry]).await?.into_iter().next();
        Ok(entry.map(|entry| Set { entry, told }))
    }

    async fn history(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        window: &Window,
    ) -> Result<History, StoreError> {
        let (mode, size, place, identity) = match *window {
            Window::Page(page) => ("page", page.per_page, page.skipped(), Vec::new()),
            Window::Before(id, size) => ("before", size, id.seq, record::identity(id)),
            Window::After(id, size) => ("after", size, id.seq, record::identity(id)),
            Window::Around(id, size) => ("around", size, id.seq, record::identity(id)),
        };
        let call = self
            .reading(&self.scripts.history_read, conversation, reader, OfConversation::Gone)
            .arg(mode)
            .arg(size)
            .arg(place)
            .arg(identity);
        answer::history(self.link.script(call).await?)
    }

    async fn changes(
        &self,
        conversation: &Conversation,
        reader: &Asker,
        since: u64,
        bounds: PageBounds,
    ) -> Result<Changes, StoreError> {
        let call = self
            .reading(&self.scripts.changes_read, conversation, reader, OfConversation::Stamps)
            .arg(since)
            .arg(bounds.count)
            .arg(bounds.bytes);
        answer::changes(self.link.script(call).await?)
    }

    async fn inbox(&self, user: &User, window: &InboxWindow) -> Result<Inbox, Unavailable> {
        let of = if window.hidden { OfUser::Hidden } else { OfUser::Inbox };
        let keys = self.keys.user(user, &[of, OfUser::Entries, OfUser::Meta]);
        let call = Call::new(&self.scripts.inbox_read, keys).arg(window.page.per_page);
        let call = match &window.after {
            None => call.arg(window.page.skipped()),
            Some(place) => call.arg("").arg(place.order).arg(place.target.to_string()),
        };
        let page = answer::inbox(self.link.script(call).await?)?;
        Ok(Inbox {
            cursor: page.cursor,
            total: page.total,
            unread_total: page.unread_total,
            entries: self.complete(user, page.entries).await?,
            next: page.next,
        })
    }

    async fn changed_entries(
        &self,
        user: &User,
        since: Option<Cursor>,
        bounds: PageBounds,
    ) -> Result<ChangedEntries, Unavailable> {
        let keys = self.keys.user(user, &[OfUser::Changed, OfUser::Entries, OfUser::Meta]);
        let mut call = Call::new(&self.scripts.entries_read, keys)
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

    async fn open_connection(
        &self,
        principal: &Principal,
        id: &ConnectionId,
        opened_ms: u64,
        terms: Terms<'_>,
    ) -> Result<Opened, GateError> {
        let Principal {
            user,
            topics,
            until_ms,
            issued_ms,
        } = principal;
        let (now, expires_ms) = (self.clock.now_ms(), opened_ms + CONNECTION_LIFETIME_MS);
        // First who owns it: a push that finds it gone, when in truth its handshake is under way, then forgets it whole, and its client is told to
        // connect again. The last release cannot tell where a token ends before the connection. It is noted for as long as the handshake may take; a
        // handshake that is cut off here leaves nothing that lasts.
        let key = self.keys.connection(id);
        let call = Call::new(&self.scripts.connection_name, vec![key.clone()])
            .arg(user.domain.to_string())
            .arg(user.id.to_string())
            .arg(HANDSHAKE_MS)
            .arg(topics.to_string())
            .arg(until_ms.map_or(String::new(), |until_ms| until_ms.to_string()))
            .arg(issued(*issued_ms));
        self.link.script(call).await?;
        let good_until_ms = until_ms.map_or(expires_ms, |until_ms| until_ms.min(expires_ms));
        let handshake = (good_until_ms < expires_ms).then(|| opened_ms + HANDSHAKE_MS);
        let mut keys = self.being(user);
        keys.extend(self.keys.user(user, &[OfUser::Opened, OfUser::Limits]));
        let call = Call::new(&self.scripts.connection_open, keys)
            .arg(now)
            .arg(id.as_str())
            .arg(good_until_ms)
            .arg(terms.connections_max)
            .arg(OFFLINE_AFTER_MS)
            .arg(handshake.map_or(String::new(), |over_ms| over_ms.to_string()))
            .arg(now.saturating_sub(TOKEN_GRACE_MS))
            .arg(opened_ms)
            .arg(CONNECTION_LIFETIME_MS)
            .arg(issued(*issued_ms));
        let call = with_takings(call, terms.takings);
        let mut lasts = redis::cmd("PEXPIREAT");
        lasts.arg(&key).arg(expires_ms);
        let (answer, _) = try_join(self.link.script(call), self.link.command(&lasts)).await?;
        let opened = answer::opened(answer, now);
        if let Err(GateError::Refused(_)) = opened {
            let mut own = redis::cmd("DEL");
            own.arg(key);
            self.link.command(&own).await?;
        }
        let mut opened = opened?;
        opened.ended.retain(|ended| ended != id);
        Ok(opened)
    }

    async fn end_connection(&self, id: &ConnectionId) -> Result<Option<Ended>, Unavailable> {
        let Some((user, watches)) = self.watches(id).await? else {
            return Ok(None);
        };
        let offline = self.forget(&user, id, &watches).await?;
        Ok(Some(Ended { user, offline }))
    }

    async fn close_connection(&self, user: &User, id: &ConnectionId, found_in: &Watches) -> Result<(), Unavailable> {
        self.unwatch(user, id, found_in).await?;
        let offline = match self.watches(id).await? {
            Some((owner, watches)) if owner == *user => self.forget(user, id, &watches).await?,
            // Its own key is gone, or it is another user's.
            _ => self.close(user, id).await?,
        };
        if offline {
            // `$disconnect` was lost. Whoever looks next who is due tells the watchers.
            self.note_offline(user, self.clock.now_ms() + OFFLINE_AFTER_MS, 0)
                .await?;
        }
        Ok(())
    }
}

/// Who acts, '' for the platform; and '1' if non-members may act too.
fn words_of(actor: &Actor) -> (String, u8) {
    match actor {
        Actor::User(asker) => (asker.id.to_string(), u8::from(asker.admission == Admission::Open)),
        Actor::Platform => (String::new(), 1),
    }
}
