//! `DELETE /api/user/{id}/{message_id}`.

use anyhow::Result;
use http::Method;
use serde_json::json;
use tests::Chat;

#[tokio::test]
async fn the_author_deletes_a_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let first = ann.send_text(&bob, "first").await?;
    let second = ann.send_text(&bob, "second").await?;
    let deleted = ann.delete(&bob, &second).await?;
    insta::assert_snapshot!(chat.shown(&deleted), @r#"
    200 {
      "message": "Message deleted",
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]},
      "success": true
    }
    "#);
    assert_eq!(
        ann.delete(&bob, &second).await?.body,
        deleted.body,
        "it may be repeated"
    );
    for (user, with) in [(&ann, &bob), (&bob, &ann)] {
        let body = user.history(with, "").await?.ok(200)?;
        assert_eq!(
            (&body["state"]["total"], &body["messages"][0]["id"]),
            (&json!(1), &first["id"])
        );
        let inbox = user.list("").await?.ok(200)?;
        assert_eq!(
            inbox["entries"][0]["latest"], first,
            "the preview is the message before"
        );
    }
    assert_eq!(
        ann.send_text(&bob, "third").await?["seq"],
        3,
        "a place is never given twice"
    );
    Ok(())
}

#[tokio::test]
async fn a_conversation_can_become_empty() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let only = ann.send_text(&bob, "only").await?;
    ann.delete(&bob, &only).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown(&bob.history(&ann, "").await?), @r#"
    200 {
      "entry": {"id": [ann], "unknown": true},
      "messages": [],
      "state": {
        "key": "myplatform:dm:[ann]-[bob]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "prev": null,
        "rev": [rev 1],
        "total": 0,
        "total_pages": 1
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.list("").await?), @r#"
    200 {
      "entries": [
        {
          "id": [ann],
          "latest": null,
          "mentioned": 0,
          "read": {"seq": 0},
          "rev": [rev 1],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 0,
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
        "unread_total": 0
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn deleting_an_older_message_leaves_the_preview() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let first = ann.send_text(&bob, "first").await?;
    let second = bob.send_text(&ann, "second").await?;
    ann.delete(&bob, &first).await?.ok(200)?;
    assert_eq!(ann.list("").await?.body["entries"][0]["latest"], second);
    assert_eq!(bob.history(&ann, "").await?.body["state"]["total"], 1);
    Ok(())
}

#[tokio::test]
async fn only_the_author_deletes() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let message = ann.send_text(&bob, "mine").await?;
    insta::assert_snapshot!(bob.delete(&ann, &message).await?.error()?, @"403 FORBIDDEN ForbiddenError: Only the author can delete a message");
    ann.send_text(&eve, "another").await?;
    let mut lines = Vec::new();
    for (user, with) in [(&eve, &ann), (&eve, &bob), (&ann, &eve)] {
        lines.push(user.delete(with, &message).await?.error()?);
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"404 NOT_FOUND NotFound: Message not found");
    assert_eq!(bob.whole_history(&ann).await?.len(), 1);
    ann.delete(&bob, &message).await?.ok(200)?;
    let gone = bob.delete(&ann, &message).await?;
    assert!([403, 404].contains(&gone.status), "{}", gone.text);
    Ok(())
}

#[tokio::test]
async fn a_message_that_does_not_exist_cannot_be_deleted() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "x").await?;
    let mut lines = Vec::new();
    for id in [
        "magical-not-found-message-id",
        "215066e1-e4a6-4a67-93b3-372519f7dfff",
        "0192f0e4-7d00-7000-8000-000000000001",
    ] {
        let answer = ann.call(Method::DELETE, &format!("{}/{id}", bob.path()), None).await?;
        lines.push(answer.error()?);
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"404 NOT_FOUND NotFound: Message not found");
    Ok(())
}
