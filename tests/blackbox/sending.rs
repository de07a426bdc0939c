//! `POST /api/user/{id}`.

use anyhow::Result;
use http::Method;
use serde_json::json;
use tests::Chat;

#[tokio::test]
async fn a_text_is_stored_and_found_by_both() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let sent = ann
        .send(
            &bob,
            &json!({"type": "text", "text": "Grüße 👋\n\"quoted\" \\ \u{0} end"}),
        )
        .await?;
    insta::assert_snapshot!(chat.shown(&sent), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "Grüße 👋\n\"quoted\" \\ \u0000 end",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    let history = bob.history(&ann, "").await?;
    insta::assert_snapshot!(chat.shown(&history), @r#"
    200 {
      "entry": {"id": [ann], "unknown": true},
      "messages": [
        {
          "author": {"id": [ann], "unknown": true},
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Grüße 👋\n\"quoted\" \\ \u0000 end",
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
        "rev": [rev 1],
        "total": 1,
        "total_pages": 1
      }
    }
    "#);
    assert_eq!(history.body["messages"], ann.history(&bob, "").await?.body["messages"]);
    insta::assert_snapshot!(chat.shown(&bob.list("").await?), @r#"
    200 {
      "entries": [
        {
          "id": [ann],
          "latest": {
            "author": [ann],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "Grüße 👋\n\"quoted\" \\ \u0000 end",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 1,
          "user": {"id": [ann], "unknown": true}
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[bob]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 1
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.list("").await?), @r#"
    200 {
      "entries": [
        {
          "id": [bob],
          "latest": {
            "author": [ann],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "Grüße 👋\n\"quoted\" \\ \u0000 end",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 1},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 0,
          "user": {"id": [bob], "unknown": true}
        }
      ],
      "state": {
        "cursor": "[cursor 2]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 0
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn an_image_is_an_address() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let image = json!({"type": "image", "image": "https://img.example/a%20cat.png?size=2#x"});
    insta::assert_snapshot!(chat.shown(&ann.send(&bob, &image).await?), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "image": "https://img.example/a%20cat.png?size=2#x",
        "rev": [rev 1],
        "seq": 1,
        "timestamp": {epoch, iso},
        "type": "image"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&bob.list("").await?.body["entries"][0]["latest"]), @r#"
    {
      "author": [ann],
      "id": "[id 1]",
      "image": "https://img.example/a%20cat.png?size=2#x",
      "rev": [rev 1],
      "seq": 1,
      "timestamp": {epoch, iso},
      "type": "image"
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn metadata_comes_back_as_it_was_written() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let metadata = r#"{"z": 1, "a": [1.0, 1e2, 12345678901234567890, null], "ü": {"z":"\u00e9", "y": "é"}, "b": 2}"#;
    let body = format!(r#"{{"type":"text","text":"x","metadata":{metadata},"more":"ignored"}}"#);
    let sent = ann.call_raw(Method::POST, &bob.path(), body.into_bytes()).await?;
    assert_eq!(sent.status, 201, "{}", sent.text);
    for answer in [sent, bob.history(&ann, "").await?, bob.list("").await?] {
        assert!(answer.text.contains(metadata), "{}", answer.text);
        assert!(!answer.text.contains("ignored"), "{}", answer.text);
    }
    let plain = ann
        .send(&bob, &json!({"type": "text", "text": "x", "metadata": null}))
        .await?
        .ok(201)?;
    assert_eq!(plain["entry"].get("metadata"), None);
    let empty = ann
        .send(&bob, &json!({"type": "text", "text": "x", "metadata": {}}))
        .await?
        .ok(201)?;
    assert_eq!(empty["entry"]["metadata"], json!({}));
    Ok(())
}

#[tokio::test]
async fn a_user_can_write_notes_to_itself() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let mut listener = ann.connect().await?;
    let sent = ann.send(&ann, &json!({"type": "text", "text": "a note"})).await?;
    insta::assert_snapshot!(chat.shown(&sent), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "a note",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[ann]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    assert_eq!(ann.unread(&ann).await?, (0, 0));
    assert_eq!(ann.whole_history(&ann).await?.len(), 1);
    assert_eq!(listener.event().await?["event"], "message.new");
    assert_eq!(listener.events_so_far().await?.len(), 0, "it is told once");
    Ok(())
}

#[tokio::test]
async fn seq_grows_by_one_and_time_never_goes_back() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let mut last_ms = 0;
    for seq in 1..=6 {
        let (from, to) = if seq % 2 == 0 { (&ann, &bob) } else { (&bob, &ann) };
        let entry = from.send_text(to, "x").await?;
        assert_eq!(entry["seq"], seq);
        let ms = entry["timestamp"]["epoch"].as_u64().unwrap_or_default();
        assert!(ms >= last_ms, "{entry}");
        last_ms = ms;
    }
    assert_eq!(
        ann.send_text(&cem, "x").await?["seq"],
        1,
        "each conversation has its own order"
    );
    Ok(())
}
