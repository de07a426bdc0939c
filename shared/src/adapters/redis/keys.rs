//! Every key: its name, type, expiry and what is in it. `docs/architecture.md` has the table.
//!
//! The part in braces decides the slot in a cluster: all keys of one conversation share a slot, and so do all keys of one user, so that no
//! script ever needs two slots.

use crate::domain::{ConnectionId, Conversation, Domain, Id, RetryKey, User};

/// Builds keys under the configured first part.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// A key of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfConversation {
    /// LIST: one packed record per message; its position gives `seq`.
    Log,
    /// HASH: `state`, packed: the clock, the revision, and what else a decision needs.
    Meta,
    /// HASH: user → packed role and read position.
    Members,
    /// ZSET: the positions of deleted messages.
    Gone,
    /// ZSET: position → revision, of messages that were changed after they were sent.
    Stamps,
    /// ZSET, all of one score: member and position of each unread message that mentions the member.
    Mentions,
    /// HASH: position → packed set of reactions.
    Reactions,
    /// ZSET, expires: connection and its user → when the interest of a connection that has the conversation on the screen ends at the latest, in ms.
    Watching,
    /// STRING, expires: until when fleeting pushes that were allowed before use up what may be pushed, in ms.
    Budget,
}

/// A key of a user.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfUser {
    /// ZSET: conversation, as the user names it → time of its newest message in ms, and more if it is pinned.
    Inbox,
    /// The same of conversations that the inbox does not show.
    Hidden,
    /// HASH: conversation → packed inbox entry.
    Entries,
    /// ZSET: conversation → the user's position when it last changed.
    Changed,
    /// HASH: `epoch` and `position` of the user's cursor, `unread` in the whole inbox; `active` and `left`, when the last connection began or ended;
    /// `opening`, which handshakes may be under way, of connections whose token ends before them; `banned`, until when the user is banned, and
    /// `revoked`, before when tokens must have been issued to be refused, both in ms.
    Meta,
    /// ZSET: connection id → until when it is good, in ms: until it or its user's token expires.
    Connections,
    /// ZSET, expires: connection id → when it began, in ms.
    Opened,
    /// HASH, expires: kind of use → until when all that was used is paid for, in µs.
    Limits,
    /// ZSET, expires: connection and its user → when the interest of a connection in the user's presence ends at the latest, in ms.
    Watchers,
}

impl Keys {
    pub(super) fn new(prefix: String) -> Self {
        Self { prefix }
    }

    /// Keys of a conversation, in the order in which a script takes them.
    pub(super) fn conversation(&self, conversation: &Conversation, parts: &[OfConversation]) -> Vec<String> {
        let tag = self.tag(conversation);
        let part = |part: &OfConversation| match part {
            OfConversation::Log => "log",
            OfConversation::Meta => "meta",
            OfConversation::Members => "members",
            OfConversation::Gone => "gone",
            OfConversation::Stamps => "stamps",
            OfConversation::Mentions => "mentions",
            OfConversation::Reactions => "reactions",
            OfConversation::Watching => "watching",
            OfConversation::Budget => "budget",
        };
        parts.iter().map(|key| format!("{tag}:{}", part(key))).collect()
    }

    /// STRING, expires: what an operation of ours did.
    pub(super) fn operation(&self, conversation: &Conversation, identity: u64) -> String {
        format!("{}:op:{identity:016x}", self.tag(conversation))
    }

    /// The same for an operation that the author's retry key names.
    pub(super) fn retry(&self, conversation: &Conversation, author: &Id, key: &RetryKey) -> String {
        format!("{}:op:{}:{key}", self.tag(conversation), author.in_key())
    }

    fn tag(&self, conversation: &Conversation) -> String {
        format!("{{{}:{}}}", self.prefix, conversation.key())
    }

    /// Keys of a user, in the order in which a script takes them.
    pub(super) fn user(&self, user: &User, parts: &[OfUser]) -> Vec<String> {
        let tag = format!("{{{}:{}:user:{}}}", self.prefix, user.domain, user.id.in_key());
        let part = |part: &OfUser| match part {
            OfUser::Inbox => "inbox",
            OfUser::Hidden => "hidden",
            OfUser::Entries => "entries",
            OfUser::Changed => "changed",
            OfUser::Meta => "meta",
            OfUser::Connections => "connections",
            OfUser::Watchers => "watchers",
            OfUser::Opened => "opened",
            OfUser::Limits => "limits",
        };
        parts.iter().map(|key| format!("{tag}:{}", part(key))).collect()
    }

    /// ZSET `due`: user → when watchers are due to be told that the user is offline, in ms; and STRING `looker`, expires: until when somebody looks.
    pub(super) fn offline(&self, domain: &Domain) -> Vec<String> {
        let tag = format!("{{{}:{domain}:offline}}", self.prefix);
        vec![format!("{tag}:due"), format!("{tag}:looker")]
    }

    /// HASH `domain`, `user`, `topics` of the token, `until` when that is good and when it was `issued`; `frames`, until when those that came are paid for,
    /// in µs; `near`, until when the user is near a limit, in ms; `conversation` and `users` that it watches, `replaced` ones of the last moments, `typed` and `typing`:
    /// who owns the connection. Expires with the connection; nothing that is promised depends on it.
    pub(super) fn connection(&self, id: &ConnectionId) -> String {
        format!("{{{}:connection:{id}}}", self.prefix)
    }
}
