//! What the platform is told through its webhook.
//!
//! # Source
//! Standard Webhooks, section "Payload structure": `type`, `timestamp`, `data`.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::message::{ConversationState, IdJson, MessageJson, Reader, Timestamp};
use super::moderation::ReportJson;
use super::to_json;
use crate::domain::{Ban, Conversation, Domain, Message, Report, User};
use crate::ports::{Notice, Waiting};

#[derive(Serialize)]
struct Payload<D> {
    #[serde(rename = "type")]
    kind: &'static str,
    timestamp: String,
    data: D,
}

/// A notice of something that happened at `ms`. `identity` is the same for every repetition.
fn notice(kind: &'static str, ms: u64, identity: &[String], data: impl Serialize) -> Notice {
    let hash = Sha256::digest(format!("{kind}\n{}", identity.join("\n")));
    let id = hash.iter().take(16).map(|byte| format!("{byte:02x}"));
    Notice {
        id: format!("msg_{}", id.collect::<String>()),
        body: to_json(&Payload {
            kind,
            timestamp: Timestamp::from_ms(ms).iso,
            data,
        }),
    }
}

#[derive(Serialize)]
struct UndeliveredJson {
    domain: String,
    user: IdJson,
    target: &'static str,
    id: IdJson,
    state: ConversationState,
    message: MessageJson<IdJson>,
    unread: u64,
    mentioned: u64,
    unread_total: u64,
}

/// `message.undelivered`: the newest message of a conversation, which this member without a connection has not read.
pub fn undelivered(user: &User, waiting: &Waiting, newest: &Message) -> Notice {
    let entry = &waiting.entry;
    let (target, id) = entry.target.parts();
    let conversation = Conversation::of(user, &entry.target);
    let data = UndeliveredJson {
        domain: user.domain.to_string(),
        user: IdJson(user.id.clone()),
        target,
        id: IdJson(id.clone()),
        state: ConversationState::new(&conversation, &user.id),
        message: MessageJson::new(newest, Reader::new(&user.id, &entry.reads)),
        unread: entry.unread,
        mentioned: entry.mentioned,
        unread_total: waiting.unread_total,
    };
    let identity = [conversation.key(), user.id.to_string(), newest.id.seq.to_string()];
    notice("message.undelivered", newest.id.ms, &identity, data)
}

#[derive(Serialize)]
struct ReportedJson {
    domain: String,
    report: ReportJson,
}

/// `message.reported`.
pub fn reported(domain: &Domain, report: &Report) -> Notice {
    let data = ReportedJson {
        domain: domain.to_string(),
        report: ReportJson::new(report),
    };
    let identity = [domain.to_string(), report.id.to_string()];
    notice("message.reported", report.reported_ms, &identity, data)
}

#[derive(Serialize)]
struct BannedJson<'a> {
    domain: String,
    user: IdJson,
    until: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// `user.banned`, for a ban that was asked for at `at_ms`.
pub fn banned(user: &User, at_ms: u64, ban: &Ban) -> Notice {
    let data = BannedJson {
        domain: user.domain.to_string(),
        user: IdJson(user.id.clone()),
        until: ban.until_ms.map(Timestamp::from_ms),
        reason: ban.reason.as_deref(),
    };
    let identity = [user.domain.to_string(), user.id.to_string(), at_ms.to_string()];
    notice("user.banned", at_ms, &identity, data)
}
