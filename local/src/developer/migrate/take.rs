//! Takes over conversations and inboxes.

use shared::{
    adapters::redis::import::{Batch, Import, OldMember},
    domain::{Conversation, SettingsEdit, Target, User},
    ports::Store as _,
};

use super::{
    Chat, Found, Inbox, MigrateError, Migration, is_of_other_type, names,
    progress::Progress,
    report::Kind,
    walk::{Page, Walk},
};

impl Migration<'_> {
    pub(super) async fn take_conversations(&mut self) -> Result<(), MigrateError> {
        let mut progress = Progress::new("conversations", self.keys.conversations);
        let mut cursor = 0;
        loop {
            let (next, found) = self.found(cursor).await?;
            for key in found {
                if let Found::Conversation(chat) = key {
                    self.take_conversation(&chat, &mut progress).await?;
                    progress.key();
                }
            }
            cursor = next;
            if cursor == 0 {
                progress.end();
                return Ok(());
            }
        }
    }

    async fn take_conversation(&mut self, chat: &Chat, progress: &mut Progress) -> Result<(), MigrateError> {
        let known = self.store.imported(&chat.conversation, 1, &[]).await?;
        let mut in_use = false;
        let mut walk = Walk::new(&chat.list, &chat.conversation, self.now_ms);
        loop {
            let page = match walk.page(&mut self.source).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) if is_of_other_type(&error) => return self.note(Kind::OtherType, &chat.list, "", ""),
                Err(error) => return Err(error.into()),
            };
            for (kind, id) in &page.findings {
                self.note(*kind, &chat.list, id, "")?;
            }
            if walk.position > known.taken && !in_use {
                in_use = known.in_use || !self.take_page(chat, &page).await?;
                if in_use {
                    // The walk goes on, so that the report is complete.
                    self.note(Kind::InUse, &chat.list, "", "")?;
                }
            }
            self.messages.all += page.messages.len() as u64;
            progress.messages(page.messages.len() as u64);
        }
        self.messages.before += known.taken.min(walk.position);
        for (kind, id) in walk.not_listed(&mut self.source).await? {
            self.note(kind, &chat.list, &id, "")?;
        }
        if walk.position > 0 && chat.conversation.is_direct() && !self.options.dry_run && !known.in_use && !in_use {
            self.take_sides(chat, &walk).await?;
        }
        Ok(())
    }

    /// Takes over messages, but for a dry run. False if others have changed the conversation, so that it was refused.
    async fn take_page(&self, chat: &Chat, page: &Page) -> Result<bool, MigrateError> {
        for (first, messages) in page.pieces() {
            let batch = Batch {
                before: first - 1,
                messages,
                ..Batch::default()
            };
            if !self.options.dry_run && self.store.import(&chat.conversation, &batch).await? == Import::InUse {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes both sides members, and tells their inboxes.
    async fn take_sides(&mut self, chat: &Chat, walk: &Walk<'_>) -> Result<(), MigrateError> {
        let members = walk.members(self.options.all_read);
        let (mut activity_ms, mut without) = (0, Vec::new());
        for member in &members {
            let inbox = format!("{}:inbox:{}", chat.site, member.id);
            let entry = chat.conversation.as_seen_by(&member.id);
            match self.source.score(&inbox, &entry.to_string()).await? {
                Some(score) => activity_ms = activity_ms.max(self.time(score)),
                None => without.push(member.id.clone()),
            }
        }
        let batch = Batch {
            before: walk.position,
            members: &members,
            activity_ms,
            ..Batch::default()
        };
        let Import::Done(projection) = self.store.import(&chat.conversation, &batch).await? else {
            return self.note(Kind::InUse, &chat.list, "", "");
        };
        for member in &projection.members {
            let told = self.store.tell(&chat.conversation, &projection, member).await?;
            // Somebody has taken it out of that inbox. A new message brings back what is hidden, as it did in the old server.
            if told.place.is_some() && without.contains(&member.id) {
                let hide = SettingsEdit {
                    hidden: Some(true),
                    ..SettingsEdit::default()
                };
                let (owner, target) = (
                    chat.conversation.user(&member.id),
                    chat.conversation.as_seen_by(&member.id),
                );
                self.store.set(&owner, &target, hide).await?;
            }
        }
        Ok(())
    }

    /// A time of an inbox, in milliseconds since 1970; 0 for one that cannot be.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from a float ends at the limits"
    )]
    fn time(&self, score: f64) -> u64 {
        let ms = score as u64;
        if ms <= self.now_ms { ms } else { 0 }
    }

    pub(super) async fn take_inboxes(&mut self) -> Result<(), MigrateError> {
        let mut progress = Progress::new("inboxes", self.keys.inboxes);
        let mut cursor = 0;
        loop {
            let (next, found) = self.found(cursor).await?;
            for key in found {
                if let Found::Inbox(inbox) = key {
                    self.take_inbox(&inbox).await?;
                    progress.key();
                }
            }
            cursor = next;
            if cursor == 0 {
                progress.end();
                return Ok(());
            }
        }
    }

    async fn take_inbox(&mut self, inbox: &Inbox) -> Result<(), MigrateError> {
        let mut cursor = 0;
        loop {
            let (next, entries) = match self.source.entries(&inbox.name, cursor).await {
                Ok(part) => part,
                Err(error) if is_of_other_type(&error) => return self.note(Kind::OtherType, &inbox.name, "", ""),
                Err(error) => return Err(error.into()),
            };
            for (entry, score) in entries {
                let Some(target) = Target::from_inbox_key(&entry) else {
                    self.note(Kind::UnknownEntry, &inbox.name, &entry, "")?;
                    continue;
                };
                let conversation = Conversation::of(&inbox.owner, &target);
                let lists = match &target {
                    Target::User(_) => names::lists(&inbox.site, &conversation).to_vec(),
                    Target::Topic(id) => vec![format!("{}:topic:{id}", inbox.site)],
                };
                if self.source.existing(&lists).await? == 0 {
                    self.note(Kind::NoConversation, &inbox.name, &entry, "")?;
                } else if matches!(target, Target::Topic(_)) && !self.options.dry_run {
                    let joined = self.join(&inbox.owner, &conversation, self.time(score)).await?;
                    if let Some(kind) = joined {
                        self.note(kind, &inbox.name, &entry, "")?;
                    }
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }

    /// Makes the owner of an inbox a member of a topic. The old server does not know what members have read there, so they have read everything.
    async fn join(&self, owner: &User, topic: &Conversation, wrote_ms: u64) -> Result<Option<Kind>, MigrateError> {
        let taken = self.store.imported(topic, 1, &[]).await?.taken;
        let member = OldMember {
            id: owner.id.clone(),
            joined_ms: wrote_ms,
            read_seq: taken,
            has_written: true,
        };
        let batch = Batch {
            before: taken,
            members: &[member],
            ..Batch::default()
        };
        match self.store.import(topic, &batch).await? {
            Import::Done(mut projection) => {
                // The old server moves a topic up in the inbox of the author alone.
                if wrote_ms > 0 {
                    projection.activity_ms = wrote_ms;
                }
                for member in &projection.members {
                    self.store.tell(topic, &projection, member).await?;
                }
                Ok(None)
            }
            // Senna's own members are not overruled. If something is missing, the comparison says so.
            Import::InUse => Ok(None),
            Import::Empty => Ok(Some(Kind::NoConversation)),
            Import::Full => Ok(Some(Kind::TopicFull)),
        }
    }
}
