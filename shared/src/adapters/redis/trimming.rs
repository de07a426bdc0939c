//! Removing what is older than a site keeps, on Redis.
//!
//! Conversations are found by SCAN over the names of their `meta`, which is there as long as the conversation. So nothing has to be written when a
//! conversation begins, and no conversation can be forgotten.

use async_trait::async_trait;

use super::keys::OfConversation;
use super::link::Call;
use super::{RedisStore, answer};
use crate::domain::{Conversation, Domain};
use crate::ports::{Clock, Stretch, Trimmed, Trimming, Unavailable, Walk};

/// Keys that one SCAN looks at, about: a millisecond of the server.
const KEYS_AT_ONCE: u64 = 1_000;
/// Messages that are removed in one step.
const MESSAGES_AT_ONCE: u64 = 250;
/// Reports that are removed in one step.
const REPORTS_AT_ONCE: u64 = 500;

/// A place in a walk: a server, and the cursor of its SCAN. Servers come in the order of their names.
fn place(cursor: u64, node: &str) -> String {
    format!("{cursor} {node}")
}

fn read_place(place: &str) -> (u64, &str) {
    let (cursor, node) = place.split_once(' ').unwrap_or_default();
    (cursor.parse().unwrap_or_default(), node)
}

#[async_trait]
impl<C: Clock> Trimming for RedisStore<C> {
    async fn walk(&self) -> Result<Option<Walk>, Unavailable> {
        let mut command = redis::cmd("GET");
        command.arg(self.keys.walk());
        let Some(text) = answer::optional_text(self.link.command(&command).await?)? else {
            return Ok(None);
        };
        let (began, place) = match text.split_once(' ') {
            Some((began, place)) => (began, Some(place.to_owned())),
            None => (text.as_str(), None),
        };
        Ok(began.parse().ok().map(|began_ms| Walk { began_ms, place }))
    }

    async fn keep_walk(&self, walk: &Walk) -> Result<(), Unavailable> {
        let mut note = walk.began_ms.to_string();
        if let Some(place) = &walk.place {
            note.extend([" ", place]);
        }
        let call = Call::new(&self.scripts.walk_keep, [self.keys.walk()]).arg(note);
        self.link.script(call).await.map(drop)
    }

    async fn stretch(&self, at: &str) -> Result<Stretch, Unavailable> {
        let nodes = self.link.nodes().await?;
        let (cursor, node) = read_place(at);
        // A server that left the cluster gave its data to others. A walk that has passed these finds it the next time.
        let Some(present) = nodes.iter().find(|known| known.as_str() >= node) else {
            return Ok(Stretch {
                conversations: Vec::new(),
                next: None,
            });
        };
        let cursor = if present == node { cursor } else { 0 };
        let mut command = redis::cmd("SCAN");
        command
            .arg(cursor)
            .arg("MATCH")
            .arg(self.keys.pattern_of_conversations());
        command.arg("COUNT").arg(KEYS_AT_ONCE);
        let (cursor, names) = answer::scanned(self.link.command_at(present, &command).await?)?;
        let next = match cursor {
            0 => nodes.iter().find(|known| *known > present).map(|node| place(0, node)),
            cursor => Some(place(cursor, present)),
        };
        let conversations = names.iter().filter_map(|name| self.keys.conversation_of(name));
        Ok(Stretch {
            conversations: conversations.collect(),
            next,
        })
    }

    async fn trim(
        &self,
        conversation: &Conversation,
        before_ms: u64,
        told: Option<&str>,
    ) -> Result<Trimmed, Unavailable> {
        let mut keys = self.deciding(conversation);
        let parts = [OfConversation::Edits, OfConversation::Old];
        keys.extend(self.keys.conversation(conversation, &parts));
        let call = Call::new(&self.scripts.conversation_trim, keys)
            .arg(self.clock.now_ms())
            .arg(before_ms)
            .arg(MESSAGES_AT_ONCE)
            .arg(told.unwrap_or_default());
        answer::trimmed(self.link.script(call).await?)
    }

    async fn trim_reports(&self, site: &Domain, before_ms: u64) -> Result<bool, Unavailable> {
        let keys = self.keys.reports(site, &["all", "open", "resolved", "records"]);
        let call = Call::new(&self.scripts.reports_trim, keys)
            .arg(before_ms)
            .arg(REPORTS_AT_ONCE);
        answer::yes(self.link.script(call).await?)
    }
}
