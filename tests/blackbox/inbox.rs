//! `GET /api/list`.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Chat, User};

/// The ids of the other sides, in the order of the page.
async fn partners(chat: &Chat, user: &User, query: &str) -> Result<String> {
    let body = user.list(query).await?.ok(200)?;
    let ids = body["entries"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|entry| chat.shown_json(&entry["id"]));
    Ok(ids.collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn an_empty_inbox() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    insta::assert_snapshot!(chat.shown(&ann.list("").await?), @r#"
    200 {
      "entries": [],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 0,
        "total_pages": 1,
        "unread_total": 0
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn the_latest_activity_comes_first() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem, dan] = chat.users(["ann", "bob", "cem", "dan"]);
    let to_bob = ann.send_text(&bob, "1").await?;
    ann.send_text(&cem, "2").await?;
    dan.send_text(&ann, "3").await?;
    assert_eq!(partners(&chat, &ann, "").await?, "[dan] [cem] [bob]");
    bob.send_text(&ann, "4").await?;
    assert_eq!(partners(&chat, &ann, "").await?, "[bob] [dan] [cem]");
    // Only a message is activity.
    cem.history(&ann, "").await?.ok(200)?;
    ann.update(&bob, &to_bob, &json!({"text": "one"})).await?.ok(200)?;
    ann.send_text(&dan, "5").await?;
    bob.see(&ann, &to_bob).await?;
    assert_eq!(partners(&chat, &ann, "").await?, "[dan] [bob] [cem]");
    assert_eq!(partners(&chat, &bob, "").await?, "[ann]");
    Ok(())
}

#[tokio::test]
async fn entries_with_and_without_format() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    chat.platform()?
        .add(&json!({"id": bob.id, "username": "bob", "role": "user"}));
    let message = bob
        .send(&ann, &json!({"type": "text", "text": "Hello", "metadata": {"a": 1}}))
        .await?
        .ok(201)?["entry"]
        .clone();
    let formatted = ann.list("").await?;
    insta::assert_snapshot!(chat.shown(&formatted), @r#"
    200 {
      "entries": [
        {
          "id": [bob],
          "latest": {
            "author": [bob],
            "id": "[id 1]",
            "metadata": {"a": 1},
            "rev": [rev 1],
            "seq": 1,
            "text": "Hello",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 1,
          "user": {"id": [bob], "role": "user", "username": "bob"}
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 1
      }
    }
    "#);
    assert_eq!(formatted.body["entries"][0]["timestamp"], message["timestamp"]);
    assert_eq!(formatted.body["entries"][0]["latest"], message);
    let plain = ann.list("?no_format").await?;
    insta::assert_snapshot!(chat.shown(&plain), @r#"
    200 {
      "entries": [
        {
          "id": [bob],
          "latest": {
            "author": [bob],
            "id": "[id 1]",
            "metadata": {"a": 1},
            "rev": [rev 1],
            "seq": 1,
            "text": "Hello",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": [ms],
          "type": "user",
          "unread": 1
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 1
      }
    }
    "#);
    assert_eq!(plain.body["entries"][0]["timestamp"], message["timestamp"]["epoch"]);
    for query in ["?no_format=", "?no_format=1", "?no_format=true&page=1"] {
        assert_eq!(ann.list(query).await?.body, plain.body, "{query}");
    }
    Ok(())
}

#[tokio::test]
async fn pages_of_an_inbox() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let others = chat.users([
        "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11", "u12",
    ]);
    for other in &others {
        other.send_text(&ann, "Hello").await?;
    }
    let mut lines = Vec::new();
    for query in [
        "",
        "?page=2",
        "?page=3",
        "?per_page=5&page=3",
        "?limit=12",
        "?per_page=100",
        "?limit=1&page=12",
    ] {
        let query = if query.is_empty() {
            "?no_format".to_owned()
        } else {
            format!("{query}&no_format")
        };
        let state: Value = ann.list(&query).await?.ok(200)?["state"].clone();
        lines.push(format!(
            "{query}: {} {}",
            chat.shown_json(&state),
            partners(&chat, &ann, &query).await?
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ?no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": "[place 1]",
      "page": 1,
      "per_page": 10,
      "total": 12,
      "total_pages": 2,
      "unread_total": 12
    } [u12] [u11] [u10] [u9] [u8] [u7] [u6] [u5] [u4] [u3]
    ?page=2&no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": null,
      "page": 2,
      "per_page": 10,
      "total": 12,
      "total_pages": 2,
      "unread_total": 12
    } [u2] [u1]
    ?page=3&no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": null,
      "page": 3,
      "per_page": 10,
      "total": 12,
      "total_pages": 2,
      "unread_total": 12
    } 
    ?per_page=5&page=3&no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": null,
      "page": 3,
      "per_page": 5,
      "total": 12,
      "total_pages": 3,
      "unread_total": 12
    } [u2] [u1]
    ?limit=12&no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": null,
      "page": 1,
      "per_page": 12,
      "total": 12,
      "total_pages": 1,
      "unread_total": 12
    } [u12] [u11] [u10] [u9] [u8] [u7] [u6] [u5] [u4] [u3] [u2] [u1]
    ?per_page=100&no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": null,
      "page": 1,
      "per_page": 100,
      "total": 12,
      "total_pages": 1,
      "unread_total": 12
    } [u12] [u11] [u10] [u9] [u8] [u7] [u6] [u5] [u4] [u3] [u2] [u1]
    ?limit=1&page=12&no_format: {
      "cursor": "[cursor 1]",
      "key": "myplatform:inbox:[ann]",
      "next": null,
      "page": 12,
      "per_page": 1,
      "total": 12,
      "total_pages": 12,
      "unread_total": 12
    } [u1]
    "#);
    Ok(())
}

#[tokio::test]
async fn the_newest_message_follows_every_change() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let first = ann.send_text(&bob, "first").await?;
    let second = bob.send_text(&ann, "second").await?;
    let newest = async || {
        let seen_by_ann = ann.list("").await?.ok(200)?["entries"][0]["latest"].clone();
        assert_eq!(
            bob.list("").await?.ok(200)?["entries"][0]["latest"],
            seen_by_ann,
            "both inboxes show the same"
        );
        anyhow::Ok(format!("{} {}", seen_by_ann["text"], seen_by_ann["status"]))
    };
    assert_eq!(newest().await?, "\"second\" null");
    bob.update(&ann, &second, &json!({"text": "second, edited"}))
        .await?
        .ok(200)?;
    assert_eq!(newest().await?, "\"second, edited\" null");
    ann.update(&bob, &first, &json!({"text": "first, edited"}))
        .await?
        .ok(200)?;
    assert_eq!(newest().await?, "\"second, edited\" null");
    ann.see(&bob, &second).await?;
    assert_eq!(newest().await?, "\"second, edited\" \"seen\"");
    bob.delete(&ann, &second).await?.ok(200)?;
    // Bob has answered it.
    assert_eq!(newest().await?, "\"first, edited\" \"seen\"");
    ann.delete(&bob, &first).await?.ok(200)?;
    assert_eq!(newest().await?, "null null");
    ann.send_text(&bob, "third").await?;
    assert_eq!(newest().await?, "\"third\" null");
    Ok(())
}
