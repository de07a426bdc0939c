//! `POST /api/user/{id}/{message_id}`.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, User};

#[tokio::test]
async fn the_author_changes_a_text() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "frist").await?;
    let updated = ann.update(&bob, &message, &json!({"text": "first"})).await?;
    insta::assert_snapshot!(chat.shown(&updated), @r#"
    200 {
      "entry": {
        "author": [ann],
        "edited": {epoch, iso},
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "first",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    assert_eq!(
        updated.body["entry"]["timestamp"], message["timestamp"],
        "it keeps its time"
    );
    let stored = bob.history(&ann, "").await?;
    insta::assert_snapshot!(chat.shown_json(&stored.body["messages"]), @r#"
    [
      {
        "author": {"id": [ann], "unknown": true},
        "edited": {epoch, iso},
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "first",
        "timestamp": {epoch, iso},
        "type": "text"
      }
    ]
    "#);
    let preview = bob.list("?no_format").await?;
    insta::assert_snapshot!(chat.shown(&preview), @r#"
    200 {
      "entries": [
        {
          "id": [ann],
          "latest": {
            "author": [ann],
            "edited": {epoch, iso},
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "first",
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
    Ok(())
}

#[tokio::test]
async fn the_author_changes_an_image_and_metadata() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let body = json!({"type": "image", "image": "https://a.example/1.png", "metadata": {"alt": "one", "more": 1}});
    let message = ann.send(&bob, &body).await?.ok(201)?["entry"].clone();
    let changes = [
        json!({"image": "https://a.example/2.png"}),
        json!({"metadata": {"alt": "two"}}),
        json!({"image": "https://a.example/3.png", "metadata": {"alt": "three"}}),
        json!({"metadata": null}),
    ];
    let mut lines = Vec::new();
    for change in changes {
        let entry = ann.update(&bob, &message, &change).await?.ok(200)?["entry"].clone();
        assert_eq!(bob.list("?no_format").await?.body["entries"][0]["latest"], entry);
        lines.push(format!("{} {} {}", entry["type"], entry["image"], entry["metadata"]));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "image" "https://a.example/2.png" {"alt":"one","more":1}
    "image" "https://a.example/2.png" {"alt":"two"}
    "image" "https://a.example/3.png" {"alt":"three"}
    "image" "https://a.example/3.png" null
    "#);
    Ok(())
}

#[tokio::test]
async fn an_update_must_change_something() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "x").await?;
    let changes = [
        json!({}),
        json!({"author": 7, "timestamp": 1, "seq": 9}),
        json!({"type": "image"}),
        json!({"image": "https://a.example/b.png"}),
        json!({"text": ""}),
        json!({"text": 7}),
        json!({"text": "", "image": ""}),
        json!({"text": "y", "image": "b.png"}),
        json!({"image": "https://a.example/b.png", "status": "seen"}),
        json!({"metadata": "y"}),
        json!({"status": "unseen"}),
        json!({"status": 7}),
        json!([{"text": "y"}]),
    ];
    let mut lines = Vec::new();
    for change in changes {
        lines.push(format!(
            "{change}: {}",
            ann.update(&bob, &message, &change).await?.error()?
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {}: 400 null ArgumentError: No valid data was supplied
    {"author":7,"seq":9,"timestamp":1}: 400 null ArgumentError: No valid data was supplied
    {"type":"image"}: 400 null ArgumentError: No valid data was supplied
    {"image":"https://a.example/b.png"}: 400 null ArgumentError: No valid data was supplied
    {"text":""}: 400 null ArgumentError: Missing text property for text-message
    {"text":7}: 400 INVALID_FIELD ArgumentError: text must be a string
    {"image":"","text":""}: 400 null ArgumentError: Missing text property for text-message
    {"image":"b.png","text":"y"}: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    {"image":"https://a.example/b.png","status":"seen"}: 403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen
    {"metadata":"y"}: 400 INVALID_FIELD ArgumentError: metadata must be an object that every JSON reader takes
    {"status":"unseen"}: 400 INVALID_FIELD ArgumentError: status must be "seen"
    {"status":7}: 400 INVALID_FIELD ArgumentError: status must be "seen"
    [{"text":"y"}]: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "#);
    assert_eq!(
        bob.history(&ann, "").await?.body["messages"][0].get("edited"),
        None,
        "nothing has changed"
    );
    Ok(())
}

/// Clients of the first server send the whole message back.
#[tokio::test]
async fn an_update_may_be_a_whole_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let image = json!({"type": "image", "image": "https://a.example/1.png"});
    let text = ann.send_text(&bob, "x").await?;
    let image = ann.send(&bob, &image).await?.ok(201)?["entry"].clone();
    let changes = [
        (&text, json!({"text": "by ann", "status": "seen"})),
        (
            &text,
            json!({"text": "by ann", "status": "lost", "image": "https://a.example/2.png"}),
        ),
        (&text, json!({"image": "https://a.example/2.png", "metadata": {"a": 1}})),
        (&image, json!({"image": "https://a.example/2.png", "text": "by ann"})),
        (
            &image,
            json!({"image": "https://a.example/3.png", "text": "", "status": null}),
        ),
    ];
    let mut lines = Vec::new();
    let mut update = async |user: &User, with: &User, message: &Value, change: Value| {
        let mut whole = message.clone();
        for (name, value) in change.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        let answer = user.update(with, message, &whole).await?;
        lines.push(if answer.status == 200 {
            let entry = &answer.body["entry"];
            format!(
                "{change}: {} {} {} {}",
                entry["text"], entry["image"], entry["metadata"], entry["status"]
            )
        } else {
            format!("{change}: {}", answer.error()?)
        });
        anyhow::Ok(())
    };
    for (message, change) in changes {
        update(&ann, &bob, message, change).await?;
    }
    // The other side changes nothing but what it may.
    update(&bob, &ann, &text, json!({"text": "by bob"})).await?;
    update(&bob, &ann, &text, json!({"text": "by bob", "status": "seen"})).await?;
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"status":"seen","text":"by ann"}: "by ann" null null null
    {"image":"https://a.example/2.png","status":"lost","text":"by ann"}: "by ann" null null null
    {"image":"https://a.example/2.png","metadata":{"a":1}}: "x" null {"a":1} null
    {"image":"https://a.example/2.png","text":"by ann"}: null "https://a.example/2.png" null null
    {"image":"https://a.example/3.png","status":null,"text":""}: null "https://a.example/3.png" null null
    {"text":"by bob"}: 403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen
    {"status":"seen","text":"by bob"}: "x" null {"a":1} "seen"
    "#);
    Ok(())
}

#[tokio::test]
async fn only_the_author_edits() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let message = ann.send_text(&bob, "mine").await?;
    let change = json!({"text": "yours"});
    insta::assert_snapshot!(bob.update(&ann, &message, &change).await?.error()?, @"403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen");
    insta::assert_snapshot!(bob.update(&ann, &message, &json!({"metadata": {}})).await?.error()?, @"403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen");
    // For everyone else there is no such message: not in another conversation of the reader's, not in one of a stranger's.
    ann.send_text(&eve, "another").await?;
    let mut lines = Vec::new();
    for (user, with) in [(&eve, &ann), (&eve, &bob), (&ann, &eve), (&bob, &eve)] {
        lines.push(user.update(with, &message, &change).await?.error()?);
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"404 NOT_FOUND NotFound: Message not found");
    assert_eq!(bob.history(&ann, "").await?.body["messages"][0]["text"], "mine");
    Ok(())
}

#[tokio::test]
async fn a_message_that_does_not_exist_cannot_be_updated() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let deleted = ann.send_text(&bob, "x").await?;
    ann.delete(&bob, &deleted).await?.ok(200)?;
    let known = ann.send_text(&bob, "x").await?["id"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    let deleted = deleted["id"].as_str().unwrap_or_default();
    let ids = [
        "magical-not-found-message-id",
        "1",
        "0",
        "215066e1-e4a6-4a67-93b3-372519f7dfff",
        "00000000-0000-0000-0000-000000000000",
        // The place of a message alone is not its id.
        "0192f0e4-7d00-7000-8000-000000000002",
        deleted,
        &known.replace('-', ""),
        "%F0%9F%91%8B",
    ];
    let mut lines = Vec::new();
    for id in ids {
        for change in [json!({"text": "y"}), json!({"status": "seen"})] {
            let path = format!("{}/{id}", bob.path());
            lines.push(ann.call(Method::POST, &path, Some(&change)).await?.error()?);
        }
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"404 NOT_FOUND NotFound: Message not found");
    Ok(())
}

#[tokio::test]
async fn the_other_side_marks_a_message_seen() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "look").await?;
    let own = ann.update(&bob, &message, &json!({"status": "seen"})).await?;
    insta::assert_snapshot!(own.error()?, @"403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen");
    let seen = bob.update(&ann, &message, &json!({"status": "seen"})).await?;
    insta::assert_snapshot!(chat.shown(&seen), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "status": "seen",
        "text": "look",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]}
    }
    "#);
    let again = bob.update(&ann, &message, &json!({"status": "seen"})).await?;
    assert_eq!(again.body["entry"], seen.body["entry"], "it may be repeated");
    for (user, with) in [(&ann, &bob), (&bob, &ann)] {
        assert_eq!(user.history(with, "").await?.body["messages"][0]["status"], "seen");
        assert_eq!(user.list("").await?.body["entries"][0]["latest"]["status"], "seen");
    }
    Ok(())
}
