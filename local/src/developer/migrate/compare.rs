//! Compares both sides, message by message. A message that was changed through Senna since then does not count as a difference.

use std::fmt;

use sha2::{Digest as _, Sha256};
use shared::{
    adapters::redis::import::OldMessage,
    domain::{Body, Conversation, Id, MessageId, Metadata, OldId, Target},
    ports::Stored,
};

use super::{
    Chat, Found, Inbox, MigrateError, Migration, is_of_other_type, progress::Progress, report::Kind, walk::Walk,
};

const NO_ENTRY: &str = "not in this user's inbox";

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
        let mut sides = Sides::default();
        let before = self.report.count(Kind::Different);
        loop {
            let page = match walk.page(&mut self.source).await {
                Ok(Some(page)) => page,
                Ok(None) => break,
                Err(error) if is_of_other_type(&error) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            for (first, messages) in page.pieces() {
                for other in self.compare_piece(chat, first, messages, &mut sides).await? {
                    let id = other.map(|old| old.to_string()).unwrap_or_default();
                    self.note(Kind::Different, &chat.list, &id, "another message stands in its place")?;
                }
            }
            progress.messages(page.messages.len() as u64);
        }
        if sides.taken != walk.position {
            let detail = format_args!("{} messages to take over, {} taken over", walk.position, sides.taken);
            self.note(Kind::Different, &chat.list, "", detail)?;
        }
        let founders = if walk.position > 0 {
            chat.conversation.founders()
        } else {
            Vec::new()
        };
        for side in founders {
            let target = chat.conversation.as_seen_by(&side);
            if !self.store.has_entry(&chat.conversation.user(&side), &target).await? {
                self.note(Kind::Different, &chat.list, &side.to_string(), NO_ENTRY)?;
            }
        }
        if self.report.count(Kind::Different) == before {
            self.note(Kind::Same, &chat.list, "", sides)?;
        }
        Ok(())
    }

    /// Compares messages from that position on; returns the old ids of those that are others.
    async fn compare_piece(
        &self,
        chat: &Chat,
        first: u64,
        messages: &[OldMessage],
        sides: &mut Sides,
    ) -> Result<Vec<Option<OldId>>, MigrateError> {
        let olds: Vec<_> = messages.iter().map(|message| message.old).collect();
        let imported = self.store.imported(&chat.conversation, first, &olds).await?;
        sides.taken = imported.taken;
        let mut others = Vec::new();
        for ((seq, old), (stored, named)) in (first..).zip(messages).zip(imported.messages) {
            match stored.as_ref().and_then(|stored| now(stored, old.old, named)) {
                Some(now) if !sides.add(&then(old), &now) => others.push(old.old),
                Some(_) => {}
                // What is missing at the end is counted there.
                None => sides.changed += u64::from(seq <= imported.taken),
            }
        }
        Ok(others)
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
                    self.note(Kind::Different, &inbox.name, &entry, NO_ENTRY)?;
                }
            }
            cursor = next;
            if cursor == 0 {
                return Ok(());
            }
        }
    }
}

/// Both sides of a conversation, as far as they were compared.
#[derive(Default)]
struct Sides {
    /// How many messages were taken over.
    taken: u64,
    /// How many stand as they were taken over, and how many were changed since.
    unchanged: u64,
    changed: u64,
    /// Hashes of the unchanged messages of the old server, and of Senna.
    then: Sha256,
    now: Sha256,
}

impl Sides {
    /// Takes a message of each side; true if they are the same.
    fn add(&mut self, then: &str, now: &str) -> bool {
        self.unchanged += 1;
        self.then.update(then);
        self.now.update(now);
        then == now
    }
}

impl fmt::Display for Sides {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (then, now) = (first_bits(self.then.clone()), first_bits(self.now.clone()));
        let (unchanged, changed) = (self.unchanged, self.changed);
        write!(
            f,
            "{unchanged} messages, {changed} changed since, sha256 {then:016x} and {now:016x}"
        )
    }
}

fn first_bits(hash: Sha256) -> u64 {
    hash.finalize()
        .iter()
        .take(8)
        .fold(0, |bits, byte| bits << 8 | u64::from(*byte))
}

/// What tells a message of Senna from others; `None` if it was edited or deleted, or its author was erased.
fn now(stored: &Stored, old: Option<OldId>, named: Option<MessageId>) -> Option<String> {
    let message = stored.message.as_ref().filter(|message| message.edited_ms.is_none())?;
    let old = old.filter(|_| named == Some(stored.id));
    Some(text(
        old,
        stored.id.ms,
        &message.author,
        &message.body,
        message.metadata.as_ref(),
    ))
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
