//! What has to happen later while everything breaks: users are erased, and messages that are too old go.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use serde_json::json;
use tests::{Chat, RawRedis, Topic, User};
use tokio::time::{Instant, sleep};

use crate::check::{Finding, Kind};

/// Old messages of the conversation that is trimmed, and young ones.
const MESSAGES: (usize, usize) = (300, 5);
/// How much older than a day the old ones are made, in milliseconds.
const TWO_DAYS_MS: u64 = 2 * 24 * 60 * 60 * 1000;
/// The pause between two tries.
const PAUSE: Duration = Duration::from_millis(500);

/// Takes milliseconds from the time of every record in a log: of those in its list, and of those in its segments. Answers how many there are.
const MAKE_OLDER: &str = "
local function older(record)
  local ms = struct.unpack('>I6', record, 2) - ARGV[1]
  return string.sub(record, 1, 1) .. struct.pack('>I6', ms) .. string.sub(record, 8)
end
local count = 0
for index, record in ipairs(redis.call('LRANGE', KEYS[1], 0, -1)) do
  redis.call('LSET', KEYS[1], index - 1, older(record))
  count = count + 1
end
for _, number in ipairs(redis.call('HKEYS', KEYS[2])) do
  local segment = {cmsgpack.unpack(redis.call('HGET', KEYS[2], number))}
  for index, record in ipairs(segment) do segment[index] = older(record) end
  redis.call('HSET', KEYS[2], number, cmsgpack.pack(unpack(segment)))
  count = count + #segment
end
return count";

/// Users of whom nobody else in the proof knows.
pub(crate) struct Later {
    chat: Chat,
    /// Two who are erased.
    leavers: Vec<User>,
    /// A user who talks with them.
    friend: User,
    /// Two whose messages are old.
    old: [User; 2],
    word: String,
}

impl Later {
    /// Before anything breaks: conversations of all of them.
    pub(crate) async fn begin(chat: &Chat, seed: u64) -> Result<Self> {
        let leavers = ["one", "two"].map(|name| chat.user(&json!(format!("leaver-{name}-{seed}"))));
        let [friend, ann, bob] = chat.users(["friend", "ann", "bob"]);
        let [topic] = chat.topics(["leavers"]);
        let later = Self {
            chat: chat.clone(),
            leavers: leavers.into(),
            friend,
            old: [ann, bob],
            word: format!("secret{seed}"),
        };
        for leaver in &later.leavers {
            later.talk(leaver, &topic).await?;
        }
        later.grow_old().await?;
        Ok(later)
    }

    /// A user writes, reacts, is answered and mentioned.
    async fn talk(&self, leaver: &User, topic: &Topic) -> Result<()> {
        let Self { friend, word, .. } = self;
        leaver.join(topic).await?.ok(200)?;
        friend.join(topic).await?.ok(200)?;
        for number in 0..20 {
            leaver.send_text(friend, &format!("{word} {number}")).await?;
            leaver.send_text(topic, &format!("{word} {number}")).await?;
        }
        let said = leaver.send_text(topic, word).await?;
        let reply = json!({"type": "text", "text": "yes", "reply_to": said["id"], "mentions": [leaver.id]});
        let reply = friend.send(topic, &reply).await?.ok(201)?;
        leaver.react(topic, &reply["entry"], "+1").await?.ok(200)?;
        let answer = friend.send_text(leaver, "mine").await?;
        leaver.react(friend, &answer, "+1").await?.ok(200)?;
        leaver.set(topic, &json!({"muted": true})).await?.ok(200)?;
        leaver.read(friend, None).await?.ok(200)?;
        Ok(())
    }

    /// Makes a conversation in which most messages are too old.
    async fn grow_old(&self) -> Result<()> {
        let [ann, bob] = &self.old;
        let redis = RawRedis::of(&self.chat).await?;
        for number in 0..MESSAGES.0 {
            ann.send_text(bob, &number.to_string()).await?;
        }
        let conversation = format!("{{senna-sockets:myplatform:dm:{}-{}}}", ann.id, bob.id);
        let [log, segments] = ["log", "segments"].map(|part| format!("{conversation}:{part}"));
        let mut command = redis::cmd("EVAL");
        command.arg(MAKE_OLDER).arg(2).arg(log).arg(segments).arg(TWO_DAYS_MS);
        let aged: usize = redis.query(&command).await?;
        ensure!(aged == MESSAGES.0, "{aged} messages in {conversation}");
        for number in 0..MESSAGES.1 {
            ann.send_text(bob, &format!("young {number}")).await?;
        }
        // The worker may have walked already. This is the next hour.
        redis.run("DEL {senna-sockets:retention}:walk").await
    }

    /// Asks for the erasures, again and again until each is accepted.
    pub(crate) async fn erase(&self) -> Result<()> {
        for leaver in &self.leavers {
            let path = format!("/users/{}/erase", leaver.id.as_str().context("a text")?);
            let body = json!({"conversations": "remove"});
            let backend = self.chat.backend();
            while backend.call(Method::POST, &path, Some(&body)).await?.status != 202 {
                sleep(PAUSE).await;
            }
        }
        Ok(())
    }

    /// Waits until all is done, and finds what is left.
    pub(crate) async fn check(&self, has_erased: bool, patience: Duration) -> Result<Vec<Finding>> {
        let until = Instant::now() + patience;
        loop {
            let mut findings = self.too_old().await?;
            if has_erased {
                findings.extend(self.traces().await?);
            }
            if findings.is_empty() || Instant::now() >= until {
                let finding = |what| Finding { kind: Kind::Left, what };
                return Ok(findings.into_iter().map(finding).collect());
            }
            sleep(PAUSE).await;
        }
    }

    async fn too_old(&self) -> Result<Vec<String>> {
        let [ann, bob] = &self.old;
        let mut findings = Vec::new();
        let history = bob.history(ann, "").await?.ok(200)?;
        let list = bob.list("").await?.ok(200)?;
        let found = [
            ("messages", &history["state"]["total"]),
            ("unread messages", &list["state"]["unread_total"]),
            ("unread messages in the entry", &list["entries"][0]["unread"]),
        ];
        for (what, count) in found {
            if *count != MESSAGES.1 {
                findings.push(format!("{count} {what} in the conversation that was trimmed"));
            }
        }
        Ok(findings)
    }

    async fn traces(&self) -> Result<Vec<String>> {
        let mut findings = Vec::new();
        for leaver in &self.leavers {
            let state = self
                .chat
                .backend()
                .about(leaver, Method::GET, "/erase")
                .await?
                .ok(200)?;
            if state["state"] != "done" {
                findings.push(format!("the erasure of {} is {}", leaver.id, state["state"]));
                return Ok(findings);
            }
        }
        let ids = self.leavers.iter().filter_map(|leaver| leaver.id.as_str());
        let traces: Vec<&str> = ids.chain([self.word.as_str()]).collect();
        let redis = RawRedis::of(&self.chat).await?;
        for key in redis.run::<Vec<String>>("KEYS *").await? {
            let value = values(&redis, &key).await?;
            for trace in &traces {
                let is_in = |bytes: &[u8]| bytes.windows(trace.len()).any(|part| part == trace.as_bytes());
                if is_in(key.as_bytes()) || value.iter().any(|bytes| is_in(bytes)) {
                    findings.push(format!("{trace} in {key}"));
                }
            }
        }
        let list = self.friend.list("").await?.ok(200)?;
        if list["state"]["total"] != 1 {
            findings.push(format!("{} conversations of the friend", list["state"]["total"]));
        }
        Ok(findings)
    }
}

/// All that stands in a key.
async fn values(redis: &RawRedis, key: &str) -> Result<Vec<Vec<u8>>> {
    let kind: String = redis.query(redis::cmd("TYPE").arg(key)).await?;
    let mut command = match kind.as_str() {
        "list" => redis::cmd("LRANGE"),
        "zset" => redis::cmd("ZRANGE"),
        "hash" => redis::cmd("HGETALL"),
        "string" => redis::cmd("GET"),
        // It has expired since.
        _ => return Ok(Vec::new()),
    };
    command.arg(key);
    if matches!(kind.as_str(), "list" | "zset") {
        command.arg(0).arg(-1);
    }
    Ok(if kind == "string" {
        let value: Option<Vec<u8>> = redis.query(&command).await?;
        value.into_iter().collect()
    } else {
        redis.query(&command).await?
    })
}
