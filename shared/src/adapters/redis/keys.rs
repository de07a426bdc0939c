//! Every key: its name, type, expiry and what is in it. `docs/architecture.md` has the table.
//!
//! The part in braces decides the slot in a cluster: all keys of one conversation share a slot, and so do all keys of one user, so that no
//! script ever needs two slots.

use crate::domain::{ConnectionId, Conversation, Id, RetryKey, User};

/// Builds keys under the configured first part.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// The keys of a conversation, in the order in which its scripts take them.
    ///
    /// - `log`, LIST: one record per message, its position gives `seq`
    /// - `gone`, ZSET: the seqs of deleted messages
    /// - `meta`, HASH: `ms` of the last message, `rev` (how many changes there were), `others` (the newest changes but new messages, packed),
    ///   `sent:{author}` (position of the author's newest message), `base` (messages that were moved away before the first)
    pub(super) fn conversation(&self, conversation: &Conversation) -> [String; 3] {
        let tag = format!("{{{}:{}}}", self.prefix, conversation.key());
        ["log", "gone", "meta"].map(|part| format!("{tag}:{part}"))
    }

    /// STRING, expires after a day: position and revision of the message that the author's retry key produced.
    pub(super) fn retry(&self, conversation: &Conversation, author: &Id, key: &RetryKey) -> String {
        format!(
            "{{{}:{}}}:retry:{}:{key}",
            self.prefix,
            conversation.key(),
            author.in_key()
        )
    }

    fn user(&self, user: &User, part: &str) -> String {
        format!("{{{}:{}:user:{}}}:{part}", self.prefix, user.domain, user.id.in_key())
    }

    /// ZSET: conversation, as the user names it → time of its last message in ms.
    pub(super) fn inbox(&self, user: &User) -> String {
        self.user(user, "inbox")
    }

    /// HASH: conversation, as the user names it → packed preview with the read position.
    pub(super) fn chats(&self, user: &User) -> String {
        self.user(user, "chats")
    }

    /// ZSET: connection id → when it expires, in ms.
    pub(super) fn connections(&self, user: &User) -> String {
        self.user(user, "connections")
    }

    /// LIST: one packed reference per event; trimmed by number and age.
    pub(super) fn events(&self, user: &User) -> String {
        self.user(user, "events")
    }

    /// HASH: `epoch` of the event log, `base` (events that were cut off before the first) and `base_ms` (time of the last of them), `unread` in
    /// the whole inbox.
    pub(super) fn meta(&self, user: &User) -> String {
        self.user(user, "meta")
    }

    /// HASH `domain`, `user`: whose connection it is. Expires with the connection; nothing that is promised depends on it.
    pub(super) fn connection(&self, id: &ConnectionId) -> String {
        format!("{{{}:connection:{id}}}", self.prefix)
    }
}
