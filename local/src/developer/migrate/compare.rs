//! Compares both sides, message by message. What was changed through Senna since is no difference.

use sha2::{Digest as _, Sha256};
use shared::{
    adapters::redis::import::OldMessage,
    domain::{Body, Conversation, Id, MessageId, Metadata, OldId, Target},
    ports::Stored,
};

use super::{
    Chat, Found, Inbox, MigrateError, Migration, is_of_other_type, progress::Progress, report::Kind, walk::Walk,
};

impl Migration<'_> {
    pub(super) async fn compare(&mut self) -> Result<(), MigrateError> {
        let mut progress = Progress::new("compared", self.keys.conversations + self.keys.inboxes);
        let mut cursor = 0;
        loop {
            let (next, found) = self.found(cursor).await?;
            for key in found {
                match key {
                    Found::Conversation(chat) => self.compare_conversation(&chat, &mut progress).await?,
                    Found::Inbox(inbox) => self.compare_inbox(&inbox).await?,
                    Found::Data(_) => continue,
                }
                progress.key();
            }
            cursor = next;
            if cursor == 0 {
                progress.end();
                return Ok(());
            }
        }
    }

    async fn compare_conversation(&mut self, chat: &Chat, progress: &mut Progress) -> Result<(), MigrateError> {
        let mut walk = Walk::new(&chat.list, &chat.conversation, self.now_ms);
        let (mut here, mut there) = (Sha256::new(), Sha256::new());
        let (mut same, mut changed, mut taken) = (0_u64, 0_u64, 0);
        let before = self.report.count(Kind::Different);
        loop {
            let page = match walk.page(&mut self.source).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) if is_of_other_type(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let olds: Vec<_> = page.messages.iter().map(|message| message.old).collect();
            let imported = self.store.imported(&chat.conversation, page.first, &olds).await?;
            taken = imported.taken;
            for (old, (stored, named)) in page.messages.iter().zip(imported.messages) {
                let known = old.old.map(|old| old.to_string()).unwrap_or_default();
                match stored.as_ref().map(|stored| now(stored, old.old, named)) {
                    // Its position is free: it became too old, or was never there.
                    None if taken < walk.position => {}
                    None | Some(Now::Changed) => changed += 1,
                    Some(Now::As(text)) => {
                        let expected = then(old);
                        if text != expected {
                            self.note(
                                Kind::Different,
                                &chat.list,
                                &known,
                                "another message stands in its place",
                            )?;
                        }
                        same += 1;
                        there.update(expected);
                        here.update(text);
                    }
                }
            }
            progress.messages(page.messages.len() as u64);
        }
        if taken != walk.position {
            let detail = format_args!("{} messages to take over, {taken} taken over", walk.position);
            self.note(Kind::Different, &chat.list, "", detail)?;
        }
        if walk.position > 0 {
            for side in chat.conversation.founders() {
                let target = chat.conversation.as_seen_by(&side);
                if !self.store.has_entry(&chat.conversation.user(&side), &target).await? {
                    self.note(
                        Kind::Different,
                        &chat.list,
                        &side.to_string(),
                        "not in this user's inbox",
                    )?;
                }
            }
        }
        if self.report.count(Kind::Different) == before {
            let (here, there) = (hex(here), hex(there));
            let detail = format_args!("{same} messages, {changed} changed since, sha256 {there} and {here}");
            self.note(Kind::Same, &chat.list, "", detail)?;
        }
        Ok(())
    }

    /// Every topic of an inbox is there. Direct conversations are looked at with their messages.
    async fn compare_inbox(&mut self, inbox: &Inbox) -> Result<(), MigrateError> {
        let mut cursor = 0;
        loop {
            let (next, entries) = match self.source.entries(&inbox.name, cursor).await {
                Ok(part) => part,
                Err(error) if is_of_other_type(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for (entry, _) in entries {
                let Some(target @ Target::Topic(_)) = Target::from_inbox_key(&entry) else {
                    continue;
                };
                let topic = Conversation::of(&inbox.owner, &target);
                let taken = self.store.imported(&topic, 1, &[]).await?.taken;
                if taken > 0 && !self.store.has_entry(&inbox.owner, &target).await? {
                    self.note(Kind::Different, &inbox.name, &entry, "not in this user's inbox")?;
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}

/// How a message stands in Senna's Redis.
enum Now {
    /// It was edited or deleted, or its author was erased.
    Changed,
    /// As it was taken over: what tells it from others.
    As(String),
}

fn now(stored: &Stored, old: Option<OldId>, named: Option<MessageId>) -> Now {
    match &stored.message {
        Some(message) if message.edited_ms.is_none() => {
            let old = old.filter(|_| named == Some(stored.id));
            Now::As(text(
                old,
                stored.id.ms,
                &message.author,
                &message.body,
                message.metadata.as_ref(),
            ))
        }
        _ => Now::Changed,
    }
}

/// What tells a message of the old server from others.
fn then(message: &OldMessage) -> String {
    let draft = &message.draft;
    text(
        message.old,
        message.ms,
        &message.author,
        &draft.body,
        draft.metadata.as_ref(),
    )
}

fn text(old: Option<OldId>, ms: u64, author: &Id, body: &Body, metadata: Option<&Metadata>) -> String {
    let old = old.map(|old| old.to_string()).unwrap_or_default();
    let (kind, content) = (body.kind().name(), body.content());
    let metadata = metadata.map(Metadata::as_json).unwrap_or_default();
    format!("{old} {ms} {author} {kind} {} {content} {metadata}\n", content.len())
}

/// The first bits of a hash.
fn hex(hash: Sha256) -> String {
    let first = hash
        .finalize()
        .iter()
        .take(8)
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte));
    format!("{first:016x}")
}
