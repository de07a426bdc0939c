//! The platform is told of messages that reach nobody, of reports and of bans.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Answering, Chat, KEYS, Noticed, User, Webhooks, until};

/// A stack of the test's own that tells this webhook.
async fn telling(webhooks: &Webhooks) -> Result<Chat> {
    let [url, secret] = webhooks.variables();
    Chat::own(&[url, secret, ("SOCK_PLATFORM_KEY", KEYS)]).await
}

/// The first notice that fits, as soon as the platform was told.
async fn notice(webhooks: &Webhooks, what: &str, fits: impl Fn(&Value) -> bool) -> Result<Noticed> {
    until(what, async || {
        Ok(webhooks.noticed().into_iter().find(|notice| fits(&notice.body)))
    })
    .await
}

fn is_for(user: &User) -> impl Fn(&Value) -> bool {
    let id = user.id.clone();
    move |body| body["type"] == "message.undelivered" && body["data"]["user"] == id
}

#[tokio::test]
async fn a_message_that_reaches_nobody_is_told_to_the_platform() -> Result<()> {
    let webhooks = Webhooks::start()?;
    let chat = telling(&webhooks).await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let mut socket = cem.connect().await?;
    ann.send_text(&cem, "seen at once").await?;
    socket.event().await?;
    ann.send_text(&bob, "are you there?").await?;
    let told = notice(&webhooks, "the platform is told", is_for(&bob)).await?;
    insta::assert_snapshot!(chat.shown_json(&told.body["data"]), @r#"
    {
      "domain": "myplatform",
      "id": [ann],
      "mentioned": 0,
      "message": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "are you there?",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]"},
      "target": "user",
      "unread": 1,
      "unread_total": 1,
      "user": [bob]
    }
    "#);
    assert!(told.id.starts_with("msg_"), "{}", told.id);

    // Over a WebSocket it is the same.
    let frame = json!({"action": "send", "target": "user", "target_id": ann.id, "type": "text", "text": "by frame"});
    socket.result(frame).await?;
    let told = notice(&webhooks, "Ann has no connection", is_for(&ann)).await?;
    assert_eq!(told.body["data"]["message"]["text"], "by frame");
    assert!(!webhooks.noticed().iter().any(|notice| is_for(&cem)(&notice.body)));
    Ok(())
}

#[tokio::test]
async fn a_webhook_that_fails_or_hangs_delays_nobody_and_is_told_later() -> Result<()> {
    let webhooks = Webhooks::start()?;
    let chat = telling(&webhooks).await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    for (answering, reader) in [(Answering::Failing, &bob), (Answering::Hanging, &cem)] {
        webhooks.is(answering);
        let before = webhooks.tries();
        ann.send_text(reader, "first").await?;
        until("the platform was tried", async || {
            Ok((webhooks.tries() > before).then_some(()))
        })
        .await?;
        // The worker waits, and nobody else does.
        for text in ["second", "third"] {
            ann.send_text(reader, text).await?;
        }
        webhooks.is(Answering::Well);
        let told = notice(&webhooks, "the platform is told", is_for(reader)).await?;
        assert_eq!(told.body["data"]["unread_total"], 3);
    }
    Ok(())
}

#[tokio::test]
async fn the_platform_is_told_of_reports_and_bans() -> Result<()> {
    let webhooks = Webhooks::start()?;
    let chat = telling(&webhooks).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = bob.send_text(&ann, "rude").await?;
    let id = message["id"].as_str().context("a message has an id")?;
    let path = format!("/user/{}/{id}/report", bob.id);
    let report = ann
        .call(Method::POST, &path, Some(&json!({"reason": "rude"})))
        .await?
        .ok(201)?;
    let is_report = |body: &Value| body["type"] == "message.reported";
    let told = notice(&webhooks, "the report is told", is_report).await?;
    let told = &told.body["data"]["report"];
    assert_eq!((&told["id"], &told["message"]["text"]), (&report["id"], &json!("rude")));

    let path = format!("/users/{}/ban", bob.id);
    let ban = json!({"reason": "spam"});
    chat.backend().call(Method::PUT, &path, Some(&ban)).await?.ok(200)?;
    let told = notice(&webhooks, "the ban is told", |body| body["type"] == "user.banned").await?;
    insta::assert_snapshot!(chat.shown_json(&told.body["data"]), @r#"{"domain": "myplatform", "reason": "spam", "until": null, "user": [bob]}"#);
    Ok(())
}
