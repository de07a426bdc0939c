//! What a user does to a conversation in the own inbox: it is muted, hidden or pinned.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, User};

/// The ids of the conversations in an inbox, and the total of what is unread.
async fn inbox(chat: &Chat, user: &User, query: &str) -> Result<String> {
    let body = user.list(query).await?.ok(200)?;
    let entries = body["entries"].as_array().into_iter().flatten();
    let ids: Vec<_> = entries.map(|entry| chat.shown_json(&entry["id"])).collect();
    Ok(format!(
        "{} of {}, unread {}",
        ids.join(" "),
        body["state"]["total"],
        body["state"]["unread_total"]
    ))
}

#[tokio::test]
async fn a_muted_conversation_does_not_count() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    bob.send_text(&ann, "x").await?;
    cem.send_text(&ann, "x").await?;
    insta::assert_snapshot!(chat.shown(&ann.set(&bob, &json!({"muted": true})).await?), @r#"
    200 {
      "entry": {
        "id": [bob],
        "latest": {
          "author": [bob],
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "x",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "mentioned": 0,
        "muted": true,
        "read": {"seq": 0},
        "rev": [rev 1],
        "timestamp": {epoch, iso},
        "type": "user",
        "unread": 1
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]"}
    }
    "#);
    assert_eq!(inbox(&chat, &ann, "").await?, "[cem] [bob] of 2, unread 1");
    bob.send_text(&ann, "x").await?;
    assert_eq!(inbox(&chat, &ann, "").await?, "[bob] [cem] of 2, unread 1");
    // The conversation's own number stays true.
    assert_eq!(ann.unread(&bob).await?, (2, 1));
    ann.set(&bob, &json!({"muted": true})).await?.ok(200)?;
    assert_eq!(ann.unread(&bob).await?, (2, 1));
    let read = ann.read(&cem, None).await?.ok(200)?;
    assert_eq!(read["read"]["unread_total"], 0);
    ann.set(&bob, &json!({"muted": false})).await?.ok(200)?;
    assert_eq!(ann.unread(&bob).await?, (2, 2));
    ann.set(&bob, &json!({"muted": true})).await?.ok(200)?;
    ann.read(&bob, None).await?.ok(200)?;
    ann.set(&bob, &json!({"muted": false})).await?.ok(200)?;
    assert_eq!(ann.unread(&bob).await?, (0, 0));
    // The other side knows nothing of it.
    let entry = bob.list("?no_format").await?.ok(200)?["entries"][0].take();
    assert_eq!(entry["muted"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn a_hidden_conversation_comes_back_with_a_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let first = bob.send_text(&ann, "x").await?;
    cem.send_text(&ann, "x").await?;
    ann.set(&bob, &json!({"hidden": true})).await?.ok(200)?;
    assert_eq!(inbox(&chat, &ann, "").await?, "[cem] of 1, unread 2");
    insta::assert_snapshot!(chat.shown(&ann.list("?hidden=1&no_format").await?), @r#"
    200 {
      "entries": [
        {
          "hidden": true,
          "id": [bob],
          "latest": {
            "author": [bob],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "x",
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
        "unread_total": 2
      }
    }
    "#);
    // A change that is no message leaves it hidden.
    bob.update(&ann, &first, &json!({"text": "y"})).await?.ok(200)?;
    bob.react(&ann, &first, "👍").await?.ok(200)?;
    ann.read(&bob, None).await?.ok(200)?;
    assert_eq!(inbox(&chat, &ann, "?hidden").await?, "[bob] of 1, unread 1");
    bob.send_text(&ann, "z").await?;
    assert_eq!(inbox(&chat, &ann, "").await?, "[bob] [cem] of 2, unread 2");
    assert_eq!(inbox(&chat, &ann, "?hidden=true").await?, " of 0, unread 2");
    // So does one's own, and taking it back by hand.
    ann.set(&bob, &json!({"hidden": true})).await?.ok(200)?;
    ann.send_text(&bob, "x").await?;
    assert_eq!(inbox(&chat, &ann, "?hidden=0").await?, "[bob] [cem] of 2, unread 1");
    ann.set(&cem, &json!({"hidden": true, "pinned": true})).await?.ok(200)?;
    ann.set(&cem, &json!({"hidden": false})).await?.ok(200)?;
    assert_eq!(inbox(&chat, &ann, "").await?, "[cem] [bob] of 2, unread 1");
    insta::assert_snapshot!(ann.list("?hidden=maybe").await?.error()?, @"400 INVALID_FIELD ArgumentError: hidden must be 1, true, 0, false or without a value");
    Ok(())
}

#[tokio::test]
async fn pinned_conversations_come_first() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem, dan] = chat.users(["ann", "bob", "cem", "dan"]);
    let [cats] = chat.topics(["cats"]);
    for user in [&bob, &cem, &dan] {
        user.send_text(&ann, "x").await?;
    }
    ann.send_text(&cats, "x").await?;
    ann.set(&bob, &json!({"pinned": true})).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown(&ann.set(&cem, &json!({"pinned": true, "muted": true})).await?), @r#"
    200 {
      "entry": {
        "id": [cem],
        "latest": {
          "author": [cem],
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "x",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "mentioned": 0,
        "muted": true,
        "pinned": true,
        "read": {"seq": 0},
        "rev": [rev 1],
        "timestamp": {epoch, iso},
        "type": "user",
        "unread": 1
      },
      "state": {"inbox_key": "user-[cem]", "key": "myplatform:dm:[ann]-[cem]"}
    }
    "#);
    assert_eq!(inbox(&chat, &ann, "").await?, "[cem] [bob] [cats] [dan] of 4, unread 2");
    dan.send_text(&ann, "x").await?;
    bob.send_text(&ann, "x").await?;
    assert_eq!(inbox(&chat, &ann, "").await?, "[bob] [cem] [dan] [cats] of 4, unread 4");
    ann.set(&bob, &json!({"pinned": false})).await?.ok(200)?;
    assert_eq!(inbox(&chat, &ann, "").await?, "[cem] [bob] [dan] [cats] of 4, unread 4");
    // An inbox entry's time is that of its message all the same.
    let entry = ann.list("?no_format").await?.ok(200)?["entries"][0].take();
    assert_eq!(entry["timestamp"], entry["latest"]["timestamp"]["epoch"]);
    // Settings end when one leaves.
    ann.set(&cats, &json!({"pinned": true, "muted": true})).await?.ok(200)?;
    ann.leave(&cats).await?.ok(200)?;
    ann.join(&cats).await?.ok(200)?;
    let entry = ann.set(&cats, &json!({"hidden": false})).await?.ok(200)?["entry"].take();
    assert_eq!((&entry["pinned"], &entry["muted"]), (&Value::Null, &Value::Null));
    Ok(())
}

#[tokio::test]
async fn the_other_devices_are_told() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    bob.send_text(&ann, "x").await?;
    let cursor = ann.list("").await?.ok(200)?["state"]["cursor"].clone();
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    ann.set(&bob, &json!({"pinned": true})).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"
    {
      "cursor": "[cursor 1]",
      "data": {
        "entry": {
          "id": [bob],
          "latest": {
            "author": [bob],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "x",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "pinned": true,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 1
        },
        "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]"}
      },
      "event": "conversation.settings",
      "prev": "[cursor 2]"
    }
    "#);
    // What changes nothing is told to nobody.
    ann.set(&bob, &json!({"pinned": true})).await?.ok(200)?;
    assert_eq!(of_ann.names_so_far().await?, [""; 0]);
    assert_eq!(of_bob.names_so_far().await?, [""; 0]);
    // A device that was away finds it in its next sync.
    let path = format!("/sync?since={}", cursor.as_str().unwrap_or_default());
    let missed = ann.call(Method::GET, &path, None).await?.ok(200)?;
    assert_eq!(missed["entries"][0]["pinned"], true);
    Ok(())
}

#[tokio::test]
async fn settings_are_of_what_the_inbox_has() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    bob.send_text(&ann, "x").await?;
    let muted = json!({"muted": true});
    insta::assert_snapshot!(chat.shown(&ann.set(&cem, &muted).await?), @r#"
    404 {
      "code": "NOT_FOUND",
      "error": true,
      "message": "Conversation not found",
      "name": "NotFound",
      "request_id": "[request 1]",
      "status": 404
    }
    "#);
    assert_eq!(ann.set(&cats, &muted).await?.status, 404);
    ann.join(&cats).await?.ok(200)?;
    ann.leave(&cats).await?.ok(200)?;
    assert_eq!(ann.set(&cats, &muted).await?.status, 404);
    let path = format!("{}/settings", bob.path());
    let mut lines = Vec::new();
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "true",
        r#"{"muted":1}"#,
        r#"{"muted":"true"}"#,
        r#"{"hidden":[]}"#,
        r#"{"pinned":{}}"#,
        r#"{"muted":null}"#,
        r#"{"loud":true}"#,
        r#"{"muted":true,"muted":false}"#,
        r#"{"muted":true,"pinned":"yes"}"#,
    ] {
        let answer = ann.call_raw(Method::PUT, &path, body.into()).await?;
        lines.push(format!("{body}: {}", answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    : 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    {}: 400 null ArgumentError: No valid data was supplied
    []: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    null: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    true: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    {"muted":1}: 400 INVALID_FIELD ArgumentError: muted must be true or false
    {"muted":"true"}: 400 INVALID_FIELD ArgumentError: muted must be true or false
    {"hidden":[]}: 400 INVALID_FIELD ArgumentError: hidden must be true or false
    {"pinned":{}}: 400 INVALID_FIELD ArgumentError: pinned must be true or false
    {"muted":null}: 400 null ArgumentError: No valid data was supplied
    {"loud":true}: 400 null ArgumentError: No valid data was supplied
    {"muted":true,"muted":false}: 400 DUPLICATE_KEY ArgumentError: the body has the key "muted" twice
    {"muted":true,"pinned":"yes"}: 400 INVALID_FIELD ArgumentError: pinned must be true or false
    "#);
    for (path, method) in [("/user/05/settings", Method::PUT), ("/villain/5/settings", Method::PUT)] {
        assert_eq!(ann.call(method, path, Some(&muted)).await?.status, 400, "{path}");
    }
    assert_eq!(ann.list("?no_format").await?.body["entries"][0]["muted"], Value::Null);
    Ok(())
}
