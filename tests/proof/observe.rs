//! What can be seen when all is quiet: by fresh clients over REST, by those that went through it all, and in Redis.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::Value;
use tests::follower::Talk;
use tests::{Follower, User};

use crate::client::Client;
use crate::ledger::Setting;
use crate::servers::{Servers, run};
use crate::sight::{Entry, Fresh, Reacted, Reply, Seen, Shown, Standing, Totals, View};
use crate::traffic::{key, number_of, text_of};

/// Looks at everything: all users with what they may have in their inboxes, and the clients of some of them.
pub(crate) async fn look(users: &[(User, Vec<Talk>)], clients: &[(String, &Client)]) -> Result<Seen> {
    let mut seen = Seen::default();
    for (user, talks) in users {
        let id = number_of(&user.id)?;
        let (inbox, hidden) = (
            get(user, "/list?per_page=100").await?,
            get(user, "/list?per_page=100&hidden=1").await?,
        );
        let (state, of_hidden) = (&inbox["state"], &hidden["state"]);
        let totals = Totals {
            total: number_of(&state["total"])?,
            hidden: number_of(&of_hidden["total"])?,
            unread: number_of(&state["unread_total"])?,
        };
        seen.inboxes.insert(id, totals);
        let entries: Vec<&Value> = [&inbox, &hidden]
            .iter()
            .filter_map(|page| page["entries"].as_array())
            .flatten()
            .collect();
        let mut conversations = BTreeMap::new();
        for talk in talks {
            let key = key(user, talk)?;
            if talk.is_topic() && !seen.members.contains_key(&key) {
                seen.members.insert(key.clone(), members(user, talk).await?);
            }
            let entry = entries.iter().find(|entry| entry["id"] == *talk.id());
            conversations.insert(key.clone(), fresh(user, talk, entry.copied()).await?);
            for (name, client) in clients.iter().filter(|(_, client)| client.user().id == user.id) {
                let view = client.view(talk).await?;
                seen.clients.insert((name.clone(), id, key.clone()), view);
            }
        }
        seen.fresh.insert(id, conversations);
    }
    Ok(seen)
}

async fn get(user: &User, path: &str) -> Result<Value> {
    user.call(Method::GET, path, None).await?.ok(200)
}

async fn members(user: &User, topic: &Talk) -> Result<BTreeSet<u64>> {
    let answer = get(user, &format!("{}/members?limit=100", topic.path())).await?;
    let members = answer["members"].as_array().into_iter().flatten();
    members.map(|member| number_of(&member["id"])).collect()
}

async fn fresh(user: &User, talk: &Talk, entry: Option<&Value>) -> Result<Fresh> {
    let mut messages = Vec::new();
    let mut page = get(user, &format!("{}?per_page=100", talk.path())).await?;
    let total = number_of(&page["state"]["total"])?;
    loop {
        let older = page["messages"].as_array().into_iter().flatten();
        let older: Vec<Shown> = older.map(shown).collect::<Result<_>>()?;
        messages.splice(0..0, older);
        let Some(before) = page["state"]["prev"].as_str() else {
            break;
        };
        page = get(user, &format!("{}?per_page=100&before={before}", talk.path())).await?;
    }
    let entry = entry.map(|entry| {
        let latest = Some(&entry["latest"]).filter(|latest| latest.is_object());
        let settings = Setting::ALL.into_iter().filter(|setting| entry[setting.name()] == true);
        anyhow::Ok(Entry {
            latest: latest.map(shown).transpose()?,
            unread: number_of(&entry["unread"])?,
            mentioned: number_of(&entry["mentioned"])?,
            standing: Standing {
                settings: settings.collect(),
                read: number_of(&entry["read"]["seq"])?,
            },
        })
    });
    Ok(Fresh {
        total,
        messages,
        entry: entry.transpose()?,
    })
}

/// What a follower shows of a conversation. It keeps no inbox.
pub(crate) fn view(follower: &Follower, talk: &Talk) -> Result<View> {
    let messages = follower.messages(talk);
    let standing = follower.standing(talk).map(|(settings, read)| {
        let on = [
            (settings.muted, Setting::Muted),
            (settings.hidden, Setting::Hidden),
            (settings.pinned, Setting::Pinned),
        ];
        let settings = on
            .into_iter()
            .filter_map(|(is_on, setting)| is_on.then_some(setting))
            .collect();
        Standing { settings, read }
    });
    let members = follower.members(talk).filter(|_| talk.is_topic());
    let members = members.map(|members| members.keys().map(|id| Ok(id.parse()?)).collect::<Result<_>>());
    Ok(View {
        messages: messages.iter().map(shown).collect::<Result<_>>()?,
        standing,
        members: members.transpose()?,
        line: None,
    })
}

/// A message as the API has it.
pub(crate) fn shown(message: &Value) -> Result<Shown> {
    let ids = |list: &Value| {
        list.as_array()
            .into_iter()
            .flatten()
            .map(number_of)
            .collect::<Result<Vec<_>>>()
    };
    let reply_to = Some(&message["reply_to"])
        .filter(|reply| reply.is_object())
        .map(|reply| {
            anyhow::Ok(Reply {
                id: text_of(&reply["id"])?.to_owned(),
                excerpt: if reply["deleted"] == true {
                    None
                } else {
                    Some(text_of(&reply["excerpt"])?.to_owned())
                },
            })
        });
    let (mut reactions, mut mine) = (Vec::new(), BTreeSet::new());
    for reacted in message["reactions"].as_array().into_iter().flatten() {
        let reaction = text_of(&reacted["reaction"])?.to_owned();
        if reacted["mine"] == true {
            mine.insert(reaction.clone());
        }
        reactions.push(Reacted {
            reaction,
            count: number_of(&reacted["count"])?,
            users: ids(&reacted["users"])?,
        });
    }
    Ok(Shown {
        id: text_of(&message["id"])?.to_owned(),
        seq: number_of(&message["seq"])?,
        text: text_of(&message["text"])?.to_owned(),
        seen: message["status"] == "seen",
        reply_to: reply_to.transpose()?,
        mentions: ids(&message["mentions"])?,
        reactions,
        mine,
        is_named: message["client_id"].is_string(),
    })
}

/// The connection ids in Redis and the keys where they stand: the users' sets, to which functions push, and keys of their own. A cluster copies to its replicas after it has
/// answered, so a failover may bring back a key that was removed. No push finds that key, and it expires: in a cluster it does not count.
pub(crate) async fn connections(servers: &Servers) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    for port in servers.masters().await? {
        let mut from = 0;
        loop {
            let (next, keys): (u64, Vec<String>) =
                run(port, &format!("SCAN {from} MATCH *connection* COUNT 1000")).await?;
            for key in keys {
                if key.ends_with(":connections") {
                    let ids: Vec<String> = run(port, &format!("ZRANGE {key} 0 -1")).await?;
                    found.extend(ids.into_iter().map(|id| (id, key.clone())));
                } else if !servers.is_cluster() {
                    let id = key.rsplit(':').next().context("a key has parts")?;
                    let id = id.trim_end_matches('}').to_owned();
                    found.entry(id).or_insert(key);
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
