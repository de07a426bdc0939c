//! What connections are told without asking.

use anyhow::Result;
use serde_json::json;
use tests::{Chat, Socket};

#[tokio::test]
async fn both_users_are_told_of_every_change() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    let message = ann
        .send(&bob, &json!({"type": "text", "text": "Hello", "metadata": {"a": 1}}))
        .await?
        .ok(201)?["entry"]
        .clone();
    // The same event, with the conversation as each of them names it.
    let (to_ann, to_bob) = (of_ann.event().await?, of_bob.event().await?);
    insta::assert_snapshot!(chat.shown_json(&to_bob), @r#"
    {
      "cursor": "[cursor 1]",
      "data": {
        "entry": {
          "author": [ann],
          "id": "[id 1]",
          "metadata": {"a": 1},
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
      },
      "event": "message.new",
      "prev": "[cursor 2]"
    }
    "#);
    assert_eq!(
        (&to_ann["data"]["entry"], &to_bob["data"]["entry"]),
        (&message, &message)
    );
    let inbox_keys = [&to_ann, &to_bob].map(|event| chat.shown_json(&event["data"]["state"]));
    insta::assert_snapshot!(inbox_keys.join("\n"), @r#"
    {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    "#);

    let updated = ann
        .update(&bob, &message, &json!({"text": "Hello, Bob"}))
        .await?
        .ok(200)?["entry"]
        .clone();
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "cursor": "[cursor 3]",
      "data": {
        "entry": {
          "author": [ann],
          "edited": {epoch, iso},
          "id": "[id 1]",
          "metadata": {"a": 1},
          "rev": [rev 2],
          "seq": 1,
          "text": "Hello, Bob",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]}
      },
      "event": "message.updated",
      "prev": "[cursor 1]"
    }
    "#);
    assert_eq!(of_ann.event().await?["data"]["entry"], updated);

    bob.see(&ann, &message).await?;
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"
    {
      "cursor": "[cursor 4]",
      "data": {
        "read": {"seq": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 3]},
        "user": [bob]
      },
      "event": "message.read",
      "prev": "[cursor 5]"
    }
    "#);
    assert_eq!(of_bob.event().await?["event"], "message.read");

    ann.delete(&bob, &message).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "cursor": "[cursor 6]",
      "data": {
        "entry": {"deleted": true, "id": "[id 1]", "seq": 1},
        "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 3], "rev": [rev 4]}
      },
      "event": "message.deleted",
      "prev": "[cursor 7]"
    }
    "#);
    assert_eq!(of_ann.event().await?["event"], "message.deleted");
    assert_eq!(
        (of_ann.events_so_far().await?.len(), of_bob.events_so_far().await?.len()),
        (0, 0),
        "each was told once"
    );
    Ok(())
}

#[tokio::test]
async fn every_connection_but_the_asking_one_is_told() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let mut asking = ann.connect().await?;
    let mut told = [
        ann.connect().await?,
        ann.connect().await?,
        bob.connect().await?,
        bob.connect().await?,
    ];
    let mut stranger = eve.connect().await?;
    let about = |action: &str| json!({"action": action, "target": "user", "target_id": bob.id});
    let mut send = about("send");
    send["type"] = json!("text");
    send["text"] = json!("one");
    let message_id = asking.result(send).await?["entry"]["id"].clone();
    let mut update = about("update");
    update["text"] = json!("two");
    update["message_id"] = message_id.clone();
    asking.result(update).await?;
    let mut delete = about("delete");
    delete["message_id"] = message_id;
    asking.result(delete).await?;
    for socket in &mut told {
        let events = socket.events_so_far().await?;
        let names: Vec<_> = events.iter().map(|event| &event["event"]).collect();
        assert_eq!(names, ["message.new", "message.updated", "message.deleted"]);
    }
    assert_eq!(asking.events_so_far().await?.len(), 0);
    assert_eq!(stranger.events_so_far().await?.len(), 0);
    Ok(())
}

#[tokio::test]
async fn what_fails_is_told_to_nobody() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "x").await?;
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    assert_eq!(ann.send(&bob, &json!({"type": "text"})).await?.status, 400);
    assert_eq!(bob.update(&ann, &message, &json!({"text": "y"})).await?.status, 403);
    assert_eq!(bob.delete(&ann, &message).await?.status, 403);
    assert_eq!(
        (of_ann.events_so_far().await?.len(), of_bob.events_so_far().await?.len()),
        (0, 0)
    );
    Ok(())
}

#[tokio::test]
async fn events_come_in_order_with_cursors() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut listener = bob.connect().await?;
    let start = listener.hello().await?["cursor"].clone();
    for _ in 0..12 {
        ann.send_text(&bob, "x").await?;
    }
    let mut cursors = vec![start];
    for seq in 1..=12 {
        let event = listener.event().await?;
        assert_eq!(event["data"]["entry"]["seq"], seq);
        cursors.push(event["cursor"].clone());
    }
    assert!(
        cursors
            .iter()
            .all(|cursor| cursor.as_str().is_some_and(|cursor| !cursor.is_empty())),
        "{cursors:?}"
    );
    assert_eq!(
        listener.hello().await?["cursor"],
        cursors[12],
        "hello begins where the last event was"
    );
    let count = cursors.len();
    cursors.sort_by_key(ToString::to_string);
    cursors.dedup();
    assert_eq!(cursors.len(), count, "each event has a place of its own");
    Ok(())
}

/// Sends a text and returns once it is answered.
async fn say(socket: &mut Socket, to: &tests::User, text: &str) -> Result<()> {
    let frame = json!({"action": "send", "target": "user", "target_id": to.id, "type": "text", "text": text});
    socket.result(frame).await.map(drop)
}

#[tokio::test]
async fn a_conversation_over_two_sockets_is_the_same_on_both_sides() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    for number in 0..5 {
        say(&mut of_ann, &bob, &format!("a{number}")).await?;
        assert_eq!(of_bob.event().await?["data"]["entry"]["text"], format!("a{number}"));
        say(&mut of_bob, &ann, &format!("b{number}")).await?;
        assert_eq!(of_ann.event().await?["data"]["entry"]["text"], format!("b{number}"));
    }
    let (seen_by_ann, seen_by_bob) = (ann.whole_history(&bob).await?, bob.whole_history(&ann).await?);
    assert_eq!(seen_by_ann, seen_by_bob);
    let texts: Vec<_> = seen_by_ann
        .iter()
        .filter_map(|message| message["text"].as_str())
        .collect();
    assert_eq!(texts, ["a0", "b0", "a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4"]);
    Ok(())
}
