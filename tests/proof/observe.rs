//! What can be seen when all is quiet: by fresh clients over REST, by those that went through it all, and in Redis.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use serde_json::Value;
use tests::{Follower, User};

use crate::check::{Fresh, Seen, Shown};
use crate::servers::{Servers, run};
use crate::traffic::{key, number_of, text_of};

/// Looks at everything. `talks` are the pairs that talk.
pub(crate) async fn look(users: &[User], talks: &[(User, User)], clients: &[(String, &Follower)]) -> Result<Seen> {
    let mut seen = Seen::default();
    for user in users {
        let inbox = user.list("?per_page=100").await?.ok(200)?;
        let state = &inbox["state"];
        let id = number_of(&user.id)?;
        seen.inboxes
            .insert(id, (number_of(&state["total"])?, number_of(&state["unread_total"])?));
        let mut conversations = BTreeMap::new();
        for (one, other) in talks {
            let other = match (one.id == user.id, other.id == user.id) {
                (true, _) => other,
                (_, true) => one,
                _ => continue,
            };
            let key = key(user, other)?;
            conversations.insert(key.clone(), fresh(user, other, &inbox).await?);
            for (name, follower) in clients.iter().filter(|(_, follower)| follower.user().id == user.id) {
                let messages = follower.messages(other);
                let messages = messages.iter().map(shown).collect::<Result<_>>()?;
                seen.clients.insert((name.clone(), id, key.clone()), messages);
            }
        }
        seen.fresh.insert(id, conversations);
    }
    Ok(seen)
}

async fn fresh(user: &User, other: &User, inbox: &Value) -> Result<Fresh> {
    let history = user.history(other, "?per_page=1").await?.ok(200)?;
    let messages = user.whole_history(other).await?;
    let entries = inbox["entries"].as_array().into_iter().flatten();
    let entry = entries.into_iter().find(|entry| entry["id"] == other.id);
    let latest = entry.map(|entry| &entry["latest"]).filter(|latest| latest.is_object());
    Ok(Fresh {
        total: number_of(&history["state"]["total"])?,
        messages: messages.iter().map(shown).collect::<Result<_>>()?,
        latest: latest.map(shown).transpose()?,
        unread: entry.map(|entry| number_of(&entry["unread"])).transpose()?,
    })
}

fn shown(message: &Value) -> Result<Shown> {
    Ok(Shown {
        id: text_of(&message["id"])?.to_owned(),
        seq: number_of(&message["seq"])?,
        text: text_of(&message["text"])?.to_owned(),
        seen: message["status"] == "seen",
    })
}

/// The connection ids in Redis: in the users' sets, and under keys of their own.
pub(crate) async fn connections(servers: &Servers) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for port in servers.masters().await? {
        let mut from = 0;
        loop {
            let (next, keys): (u64, Vec<String>) =
                run(port, &format!("SCAN {from} MATCH *connection* COUNT 1000")).await?;
            for key in keys {
                if key.ends_with(":connections") {
                    found.extend(run::<Vec<String>>(port, &format!("ZRANGE {key} 0 -1")).await?);
                } else {
                    let id = key.rsplit(':').next().context("a key has parts")?;
                    found.insert(id.trim_end_matches('}').to_owned());
                }
            }
            if next == 0 {
                break;
            }
            from = next;
        }
    }
    Ok(found)
}
