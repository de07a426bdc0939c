//! Every key: its name, type, expiry and what is in it. `docs/architecture.md` has the table.
//!
//! The part in braces decides the slot in a cluster: all keys of one conversation share a slot, and so do all keys of one user, so that no
//! script ever needs two slots.

use sha2::{Digest as _, Sha256};

use crate::domain::{ConnectionId, Conversation, Domain, Id, RetryKey, User};

/// Builds keys under the configured first part.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
}

/// A key of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) enum OfConversation {
    /// LIST: the newest messages, one packed record for each.
    Log,
    /// HASH: number → the records of 32 positions in a row, before those of the list.
    Segments,
    /// HASH: `state`, packed: the clock, the revision, and everything else that a decision needs; `members`: the revision since which others are
    /// members; `blocked`, packed: who has blocked the other side.
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
    /// HASH: position → packed earlier versions of a message, if the site keeps them.
    Edits,
    /// ZSET, expires: connection and its user → when the interest of a connection that has the conversation on the screen ends at the latest, in ms.
    Watching,
    /// STRING, expires: until when fleeting pushes that were allowed before use up what may be pushed, in ms.
    Budget,
    /// HASH: id in the server before ours → packed position and identity; `''` → packed number of messages that were taken over from there, and the
    /// clock after that.
    Old,
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
    /// `revoked`, the time before which issued tokens are refused, both in ms; `ban_reason`.
    Meta,
    /// ZSET: connection id → until when it is good, in ms: until it or its user's token expires.
    Connections,
    /// ZSET, expires: connection id → when it began, in ms.
    Opened,
    /// HASH, expires: kind of use → when its bucket is full again, in µs.
    Limits,
    /// ZSET, expires: connection and its user → when the interest of a connection in the user's presence ends at the latest, in ms.
    Watchers,
    /// ZSET: another user whom the user has blocked → since when, in ms.
    Blocks,
    /// ZSET: another user who has blocked the user → since when, in ms.
    Blockers,
    /// ZSET: conversation from which the user was erased, and which has to be looked at once more → since when, in ms.
    Erasing,
    /// HASH, expires: conversation → position of the newest message of which the platform was told while the user had no connection, and when, in ms.
    Noticed,
}

impl OfUser {
    /// All of them.
    pub(super) const ALL: [Self; 13] = [
        Self::Inbox,
        Self::Hidden,
        Self::Entries,
        Self::Changed,
        Self::Meta,
        Self::Connections,
        Self::Opened,
        Self::Limits,
        Self::Watchers,
        Self::Blocks,
        Self::Blockers,
        Self::Erasing,
        Self::Noticed,
    ];
}

impl OfConversation {
    /// All of them.
    pub(super) const ALL: [Self; 12] = [
        Self::Log,
        Self::Segments,
        Self::Meta,
        Self::Members,
        Self::Gone,
        Self::Stamps,
        Self::Mentions,
        Self::Reactions,
        Self::Edits,
        Self::Watching,
        Self::Budget,
        Self::Old,
    ];
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
            OfConversation::Segments => "segments",
            OfConversation::Meta => "meta",
            OfConversation::Members => "members",
            OfConversation::Gone => "gone",
            OfConversation::Stamps => "stamps",
            OfConversation::Mentions => "mentions",
            OfConversation::Reactions => "reactions",
            OfConversation::Edits => "edits",
            OfConversation::Watching => "watching",
            OfConversation::Budget => "budget",
            OfConversation::Old => "old",
        };
        tagged(&tag, parts.iter().map(part))
    }

    /// Keys of a script that looks into the log of a conversation, in the order of `log_prelude.lua`; then more of the conversation.
    pub(super) fn log(&self, conversation: &Conversation, more: &[OfConversation]) -> Vec<String> {
        use OfConversation::{Log, Meta, Segments};
        self.conversation(conversation, &[&[Log, Meta, Segments], more].concat())
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
        ["{", &self.prefix, ":", &conversation.key(), "}"].concat()
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
            OfUser::Blocks => "blocks",
            OfUser::Blockers => "blockers",
            OfUser::Erasing => "erasing",
            OfUser::Noticed => "noticed",
        };
        tagged(&tag, parts.iter().map(part))
    }

    /// ZSETs `all`, `open` and `resolved`: report → when it was made, in ms; HASH `records`: report → packed report.
    pub(super) fn reports(&self, domain: &Domain, parts: &[&str]) -> Vec<String> {
        let tag = format!("{{{}:{domain}:reports}}", self.prefix);
        tagged(&tag, parts.iter().copied())
    }

    /// ZSET `due`: user → when watchers are due to be told that the user is offline, in ms; and STRING `looker`, expires: until when somebody looks.
    pub(super) fn offline(&self, domain: &Domain) -> Vec<String> {
        let tag = format!("{{{}:{domain}:offline}}", self.prefix);
        vec![format!("{tag}:due"), format!("{tag}:looker")]
    }

    /// HASH, expires once the erasure is done: `job`, `state`, `conversations` ('keep' or 'remove') and `asked`, when it was asked for in ms; `at` and
    /// `seq`, the conversation in which it goes on and the position; `reports`, the place in the list of reports. The name has no id, but a hash.
    pub(super) fn erasure(&self, user: &User) -> String {
        let hash = Sha256::digest(format!("{}\n{}", user.domain, user.id));
        let bits = hash.iter().take(16).fold(0, |bits, byte| bits << 8 | u128::from(*byte));
        format!("{{{}:{}:erasure:{bits:032x}}}", self.prefix, user.domain)
    }

    /// ZSET `promised`: identity and job → when it was promised, in ms; and ZSET `queued`: job → until when functions rely on the queue, in ms.
    pub(super) fn jobs(&self, shard: u8) -> [String; 2] {
        ["promised", "queued"].map(|part| format!("{{{}:jobs:{shard}}}:{part}", self.prefix))
    }

    /// STRING: how far the last walk through all conversations has come: when it began in ms, and the place where it goes on.
    pub(super) fn walk(&self) -> String {
        format!("{{{}:retention}}:walk", self.prefix)
    }

    /// A pattern for the names of the `meta` of all conversations. It may fit others too: [`Keys::conversation_of`] tells them apart.
    pub(super) fn pattern_of_conversations(&self) -> String {
        // `dm` and `topic`, and not `user`.
        format!("{{{}:*[mc]:*}}:meta", self.prefix)
    }

    /// The conversation whose `meta` has that name; `None` if no conversation has it.
    pub(super) fn conversation_of(&self, name: &str) -> Option<Conversation> {
        let rest = name.strip_prefix('{')?.strip_prefix(&self.prefix)?.strip_prefix(':')?;
        Conversation::from_key(rest.strip_suffix("}:meta")?)
    }

    /// HASH: the user who owns the connection. `domain`, `user`; `topics` of the token, `until` when it is good and when it was `issued`; `frames`,
    /// when the bucket of its frames is full again, in µs; `near`, until when the user is near a limit, in ms; `conversation` and `users` that it
    /// watches, `replaced` ones of a moment ago; `typed` and `typing`. Expires with the connection; no promise depends on it.
    pub(super) fn connection(&self, id: &ConnectionId) -> String {
        format!("{{{}:connection:{id}}}", self.prefix)
    }
}

/// The keys with that tag. They are joined, because a send makes some 30 of them and formatting takes twice as long.
fn tagged<'a>(tag: &str, parts: impl Iterator<Item = &'a str>) -> Vec<String> {
    parts.map(|part| [tag, ":", part].concat()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::Target;

    const PREFIX: &str = "senna-sockets";

    /// Everything that a client, a token, an address or API Gateway names.
    #[derive(Clone, Debug)]
    struct Names {
        domain: Domain,
        user: Id,
        other: Id,
        retry: RetryKey,
        connection: ConnectionId,
        identity: u64,
    }

    impl Names {
        /// Every key that these names make, and its owner: two keys may be equal only if their owners are equal.
        fn keys(&self) -> Vec<(String, String)> {
            let keys = Keys::new(PREFIX.to_owned());
            let user = User {
                domain: self.domain.clone(),
                id: self.user.clone(),
            };
            let targets = [Target::User(self.other.clone()), Target::Topic(self.other.clone())];
            let mut all = Vec::new();
            for conversation in targets.map(|target| Conversation::of(&user, &target)) {
                let parts = OfConversation::ALL;
                for (part, key) in parts.iter().zip(keys.conversation(&conversation, &parts)) {
                    all.push((key, format!("{conversation:?} {part:?}")));
                }
                let meta = keys.conversation(&conversation, &[OfConversation::Meta]).remove(0);
                assert_eq!(keys.conversation_of(&meta), Some(conversation.clone()));
                let retry = keys.retry(&conversation, &self.user, &self.retry);
                all.push((retry, format!("{conversation:?} {:?} {:?}", self.user, self.retry)));
                let operation = keys.operation(&conversation, self.identity);
                all.push((operation, format!("{conversation:?} {}", self.identity)));
            }
            all.push((keys.erasure(&user), format!("{user:?} erasure")));
            let parts = OfUser::ALL;
            for (part, key) in parts.iter().zip(keys.user(&user, &parts)) {
                assert_eq!(keys.conversation_of(&key), None);
                all.push((key, format!("{user:?} {part:?}")));
            }
            let parts = ["all", "open", "resolved", "records"];
            for (part, key) in parts.iter().zip(keys.reports(&self.domain, &parts)) {
                all.push((key, format!("{:?} reports {part}", self.domain)));
            }
            for (part, key) in ["due", "looker"].iter().zip(keys.offline(&self.domain)) {
                all.push((key, format!("{:?} {part}", self.domain)));
            }
            all
        }
    }

    /// A name, or a text that looks like a part of our own keys.
    fn any_id() -> impl Strategy<Value = Id> {
        let texts = prop_oneof![
            "[a-b0-1:~.@|+=_-]{1,5}",
            "(user|dm|topic|connection|offline|reports|op|log|meta)(:|-|~)?[a-b0-9:-]{0,4}",
            "(%3A|%7E|%2D|3A|7E|2D|:|~|-){1,4}",
            "[1-9][0-9]{0,20}",
            ".{1,6}",
        ];
        texts.prop_filter_map("an id", |text| Id::parse(&text).ok())
    }

    fn any_names() -> impl Strategy<Value = Names> {
        let domain = prop_oneof![
            "[ab._-]{1,3}",
            "user|dm|topic|connection|offline|reports|op|jobs",
            "[a-zA-Z0-9._-]{1,32}"
        ];
        let domain = domain.prop_map(|text| Domain::parse(&text).unwrap());
        let retry = prop_oneof!["[a-b:{}*]{1,5}", "[0-9a-f]{16}", ".{1,64}", "(log|meta|:|\\{|\\}){1,4}"];
        let retry = retry.prop_filter_map("a retry key", |text| RetryKey::parse(&text).ok());
        let connection = prop_oneof!["[A-Za-z0-9_=-]{1,16}", "user|dm|topic|offline"];
        let connection = connection.prop_map(|text| ConnectionId::parse(&text).unwrap());
        (domain, any_id(), any_id(), retry, connection, 0..3_u64).prop_map(
            |(domain, user, other, retry, connection, identity)| Names {
                domain,
                user,
                other,
                retry,
                connection,
                identity,
            },
        )
    }

    /// The part of a key that decides its slot.
    ///
    /// # Source
    /// Redis cluster specification, "Hash tags": from the first `{` to the first `}` behind it.
    fn tag(key: &str) -> &str {
        let behind = key.split_once('{').unwrap().1;
        behind.split_once('}').unwrap().0
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn a_key_belongs_to_its_own_site(names in any_names()) {
            let own = format!("{PREFIX}:{}:", names.domain);
            for (key, owner) in names.keys() {
                prop_assert!(key.starts_with(&format!("{{{own}")), "{key} of {owner}");
                // No part of it names another slot, or is a pattern.
                let rest = tag(&key).strip_prefix(&own);
                prop_assert!(rest.is_some_and(|rest| !rest.contains(['{', '}', '*', '?', '[', ' ', '\n'])), "{key}");
            }
            let connection = Keys::new(PREFIX.to_owned()).connection(&names.connection);
            let own = format!("{PREFIX}:connection:{}", names.connection);
            prop_assert_eq!(connection, format!("{{{own}}}"));
        }

        #[test]
        fn two_owners_never_share_a_key(one in any_names(), other in any_names()) {
            let mut owners = HashMap::new();
            let keys = Keys::new(PREFIX.to_owned());
            let connections = [&one, &other].map(|names| (keys.connection(&names.connection), names.connection.to_string()));
            let jobs = (0..=u8::MAX).flat_map(|shard| keys.jobs(shard).map(|key| (key, format!("jobs {shard}"))));
            for (key, owner) in one.keys().into_iter().chain(other.keys()).chain(connections).chain(jobs) {
                let before = owners.insert(key.clone(), owner.clone());
                prop_assert!(before.as_ref().is_none_or(|before| *before == owner), "{key}: {before:?} and {owner}");
            }
        }

        #[test]
        fn an_invalid_name_is_refused_before_it_is_part_of_a_key(text in ".*") {
            let fits = |part: &str| !part.contains(['{', '}', ':', ' ', '\n', '\r', '\0', '*']) && part.is_ascii();
            prop_assert!(Id::parse(&text).map_or(true, |id| fits(&id.in_key())), "{text:?}");
            prop_assert!(Domain::parse(&text).map_or(true, |domain| fits(&domain.to_string())), "{text:?}");
            prop_assert!(ConnectionId::parse(&text).map_or(true, |id| fits(id.as_str())), "{text:?}");
        }
    }
}
