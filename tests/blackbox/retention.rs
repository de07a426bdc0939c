//! A site that keeps messages for some days only.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::json;
use tests::{Chat, RawRedis, until};

const WALK: &str = "{senna-sockets:retention}:walk";

/// Makes the first message of the stack's only direct conversation two days older.
async fn age(redis: &RawRedis) -> Result<()> {
    let found: Vec<String> = redis.run("KEYS {senna-sockets:myplatform:dm:*}:log").await?;
    let log = found.first().context("a conversation")?;
    let mut record: Vec<u8> = redis.query(redis::cmd("LINDEX").arg(log).arg(0)).await?;
    let time = record.get_mut(1..7).context("a record begins with its time")?;
    let ms = time.iter().fold(0, |ms, byte| ms << 8 | u64::from(*byte)) - 2 * 24 * 60 * 60 * 1000;
    time.copy_from_slice(ms.to_be_bytes().get(2..).context("six bytes")?);
    redis.query(redis::cmd("LSET").arg(log).arg(0).arg(record)).await
}

#[tokio::test]
async fn old_messages_go_and_an_empty_conversation_leaves_the_inbox() -> Result<()> {
    let chat = Chat::own_with(&["--schedule", "200"], &[("SOCK_RETENTION_DAYS", "1")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let redis = RawRedis::of(&chat).await?;
    let cursor = bob.list("").await?.ok(200)?["state"]["cursor"].take();
    let old = ann.send_text(&bob, "old").await?;
    age(&redis).await?;
    ann.send_text(&bob, "young").await?;
    // The worker has walked a moment ago. This is the next hour.
    redis.run::<u64>(&format!("DEL {WALK}")).await?;
    until("the old message is gone", async || {
        let history = bob.history(&ann, "").await?.ok(200)?;
        Ok((history["state"]["total"] == 1).then_some(()))
    })
    .await?;
    until("the inbox knows", async || {
        let list = bob.list("").await?.ok(200)?;
        Ok((list["state"]["unread_total"] == 1).then_some(()))
    })
    .await?;
    assert_eq!(bob.delete(&ann, &old).await?.status, 404);
    // A client may still show it, and say that its user has read it.
    let read = bob.read(&ann, Some(&old)).await?.ok(200)?["read"].take();
    let expected = json!({"up_to": null, "seq": 1, "unread": 1, "mentioned": 0, "unread_total": 1});
    assert_eq!(read, expected);

    age(&redis).await?;
    redis.run::<u64>(&format!("DEL {WALK}")).await?;
    until("the conversation leaves the inbox", async || {
        let list = bob.list("").await?.ok(200)?;
        Ok((list["state"]["total"] == 0).then_some(()))
    })
    .await?;
    let since = cursor.as_str().context("a cursor")?;
    let news = bob
        .call(Method::GET, &format!("/sync?since={since}"), None)
        .await?
        .ok(200)?;
    assert_eq!(news["entries"][0]["left"], true);
    Ok(())
}
