//! What the platform says about users, in inbox and history.

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use tests::{Chat, USER_AGENT, User, platform::Asked};

/// The one request that asked for this user.
fn only_request(chat: &Chat, user: &User) -> Result<Asked> {
    let mut asked = chat.platform()?.asked_for(&user.id);
    assert_eq!(asked.len(), 1, "{asked:?}");
    asked.pop().context("one request")
}

/// The ids of a request, in order of value.
fn ids(asked: &Asked) -> Vec<&str> {
    let mut ids: Vec<&str> = asked
        .query
        .rsplit("ids=")
        .next()
        .unwrap_or_default()
        .split(',')
        .collect();
    ids.sort_unstable();
    ids
}

#[tokio::test]
async fn objects_pass_through_as_the_platform_gave_them() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let whole = json!({
        "id": ann.id, "username": "ann", "role": "admin", "picture_url": null, "profile_url": "https://p.example/ann",
        "more": {"nested": [1, 2.5, "ü"]},
    });
    chat.platform()?.add(&whole);
    // Nothing but an id, and that as digits.
    chat.platform()?.add(&json!({"id": bob.id.to_string()}));
    ann.send_text(&bob, "Hello").await?;
    let history = bob.history(&ann, "").await?;
    insta::assert_snapshot!(chat.shown(&history), @r#"
    200 {
      "entry": {
        "id": [ann],
        "more": {"nested": [1, 2.5, "ü"]},
        "picture_url": null,
        "profile_url": "https://p.example/ann",
        "role": "admin",
        "username": "ann"
      },
      "messages": [
        {
          "author": {
            "id": [ann],
            "more": {"nested": [1, 2.5, "ü"]},
            "picture_url": null,
            "profile_url": "https://p.example/ann",
            "role": "admin",
            "username": "ann"
          },
          "id": "[id 1]",
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "state": {
        "key": "myplatform:dm:[ann]-[bob]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "prev": null,
        "rev": 1,
        "total": 1,
        "total_pages": 1
      }
    }
    "#);
    assert_eq!(bob.list("").await?.body["entries"][0]["user"], whole);
    assert_eq!(
        ann.list("").await?.body["entries"][0]["user"],
        json!({"id": bob.id.to_string()})
    );
    Ok(())
}

#[tokio::test]
async fn a_page_of_the_inbox_takes_one_request() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let others = chat.users(["u1", "u2", "u3", "u4", "u5"]);
    for other in &others {
        chat.platform()?.add(&json!({"id": other.id, "username": "someone"}));
        other.send_text(&ann, "Hello").await?;
    }
    let body = ann.list("").await?.ok(200)?;
    let names = body["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| &entry["user"]["username"]);
    assert_eq!(names.collect::<Vec<_>>(), ["someone"; 5]);
    let asked = only_request(&chat, &others[0])?;
    assert_eq!(asked.user_agent, USER_AGENT);
    assert_eq!(ids(&asked), others.each_ref().map(|other| other.id.to_string()));
    let fields = asked.query.split("&ids=").next().unwrap_or_default();
    assert_eq!(fields, "fields=id,username,role,picture_url,profile_url");
    Ok(())
}

#[tokio::test]
async fn a_history_takes_one_request() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    chat.platform()?.add(&json!({"id": ann.id, "username": "ann"}));
    for _ in 0..3 {
        ann.send_text(&bob, "x").await?;
        bob.send_text(&ann, "x").await?;
    }
    let body = ann.history(&bob, "").await?.ok(200)?;
    assert_eq!(
        ids(&only_request(&chat, &bob)?),
        [ann.id.to_string(), bob.id.to_string()]
    );
    let authors: Vec<Value> = body["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|message| message["author"].clone())
        .collect();
    let known = json!({"id": ann.id, "username": "ann"});
    assert_eq!(
        authors,
        [
            known.clone(),
            Value::Null,
            known.clone(),
            Value::Null,
            known,
            Value::Null
        ]
    );
    Ok(())
}

#[tokio::test]
async fn what_the_platform_said_is_kept_for_a_while() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "x").await?;
    // Of users whom the platform doesn't know, too. One request at a time is done by one process, which keeps it, unless others
    // are busy; there are ten at the most.
    for _ in 0..30 {
        assert_eq!(ann.history(&bob, "").await?.ok(200)?["entry"], Value::Null);
    }
    let asked = chat.platform()?.asked_for(&bob.id).len();
    assert!((1..=10).contains(&asked), "asked {asked} times for 30 pages");
    Ok(())
}

#[tokio::test]
async fn ids_of_all_kinds_can_be_asked_for() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    for id in ["profile+plus", "profile=@:~.-_x"] {
        let user = chat.user(&json!(id));
        chat.platform()?.add(&json!({"id": id, "username": id}));
        user.send_text(&ann, "x").await?;
        assert_eq!(ann.history(&user, "").await?.ok(200)?["entry"]["username"], id);
    }
    Ok(())
}

#[tokio::test]
async fn without_format_and_for_sending_nobody_is_asked() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "x").await?;
    ann.update(&bob, &message, &json!({"text": "y"})).await?.ok(200)?;
    ann.list("?no_format").await?.ok(200)?;
    ann.delete(&bob, &message).await?.ok(200)?;
    bob.list("?no_format").await?.ok(200)?;
    assert_eq!(chat.platform()?.asked_for(&ann.id), []);
    assert_eq!(chat.platform()?.asked_for(&bob.id), []);
    Ok(())
}

#[tokio::test]
async fn an_empty_page_asks_for_nobody() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    ann.list("").await?.ok(200)?;
    assert_eq!(chat.platform()?.asked_for(&json!("")), []);
    assert_eq!(chat.platform()?.asked_for(&ann.id), []);
    Ok(())
}
