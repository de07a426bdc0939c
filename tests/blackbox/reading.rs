//! Read positions: how far a user has read, and who is told.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Socket, Target, User};

/// The counts of a conversation in the inbox of a user, and the total.
async fn counts(user: &User, of: &impl Target) -> Result<String> {
    let body = user.list("?per_page=100").await?.ok(200)?;
    let is_it = |entry: &&Value| entry["type"] == of.kind() && entry["id"] == *of.id();
    let entry = body["entries"].as_array().into_iter().flatten().find(is_it);
    let entry = entry.cloned().unwrap_or_default();
    Ok(format!(
        "unread {} mentioned {} read {} total {}",
        entry["unread"], entry["mentioned"], entry["read"]["seq"], body["state"]["unread_total"]
    ))
}

async fn watch(socket: &mut Socket, conversation: &impl Target) -> Result<()> {
    let conversation = json!({"target": conversation.kind(), "target_id": conversation.id()});
    let frame = json!({"action": "watch", "users": [], "conversation": conversation});
    socket.result(frame).await.map(drop)
}

#[tokio::test]
async fn a_position_moves_up_to_a_message_or_to_the_newest() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sent = Vec::new();
    for number in 1..=4 {
        sent.push(ann.send_text(&bob, &number.to_string()).await?);
    }
    assert_eq!(counts(&bob, &ann).await?, "unread 4 mentioned 0 read 0 total 4");
    insta::assert_snapshot!(chat.shown(&bob.read(&ann, Some(&sent[1])).await?), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 2, "unread": 2, "unread_total": 2, "up_to": "[id 1]"},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]}
    }
    "#);
    assert_eq!(counts(&bob, &ann).await?, "unread 2 mentioned 0 read 2 total 2");
    // Forward only.
    insta::assert_snapshot!(chat.shown(&bob.read(&ann, Some(&sent[0])).await?), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 2, "unread": 2, "unread_total": 2, "up_to": "[id 1]"},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "rev": [rev 2]}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.read(&ann, None).await?), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 4, "unread": 0, "unread_total": 0, "up_to": "[id 2]"},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 3]}
    }
    "#);
    assert_eq!(counts(&bob, &ann).await?, "unread 0 mentioned 0 read 4 total 0");
    insta::assert_snapshot!(chat.shown(&bob.read(&ann, None).await?), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 4, "unread": 0, "unread_total": 0, "up_to": "[id 2]"},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "rev": [rev 3]}
    }
    "#);
    // An empty object is as no body, and so is one with null.
    for body in ["{}", r#"{"up_to":null}"#, " "] {
        let answer = bob
            .call_raw(Method::POST, &format!("{}/read", ann.path()), body.into())
            .await?;
        assert_eq!((answer.status, &answer.body["read"]["seq"]), (200, &json!(4)), "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn a_message_is_seen_when_a_later_one_is_read() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sent = Vec::new();
    for number in 1..=4 {
        sent.push(ann.send_text(&bob, &number.to_string()).await?);
    }
    bob.read(&ann, Some(&sent[2])).await?.ok(200)?;
    for user in [(&ann, &bob), (&bob, &ann)] {
        let statuses: Vec<_> = user.0.whole_history(user.1).await?;
        let statuses: Vec<_> = statuses.iter().map(|message| message["status"].clone()).collect();
        assert_eq!(statuses, [json!("seen"), json!("seen"), json!("seen"), Value::Null]);
    }
    Ok(())
}

#[tokio::test]
async fn both_sides_of_a_direct_conversation_are_told() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let first = ann.send_text(&bob, "one").await?;
    ann.send_text(&bob, "two").await?;
    let (mut of_ann, mut of_bob, mut asking) = (ann.connect().await?, bob.connect().await?, bob.connect().await?);
    let answer = asking.ask(ann.frame("read", json!({"up_to": first["id"]}))).await?;
    insta::assert_snapshot!(chat.shown_json(&answer), @r#"
    {
      "cursor": "[cursor 1]",
      "id": 2,
      "prev": "[cursor 2]",
      "result": {
        "read": {"mentioned": 0, "seq": 1, "unread": 1, "unread_total": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]}
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"
    {
      "cursor": "[cursor 3]",
      "data": {
        "read": {"seq": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]},
        "user": [bob]
      },
      "event": "message.read",
      "prev": "[cursor 4]"
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "cursor": "[cursor 1]",
      "data": {
        "read": {"mentioned": 0, "seq": 1, "unread": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]},
        "user": [bob]
      },
      "event": "message.read",
      "prev": "[cursor 2]"
    }
    "#);
    // What moves nothing is told to nobody.
    asking.result(ann.frame("read", json!({"up_to": first["id"]}))).await?;
    bob.read(&ann, Some(&first)).await?.ok(200)?;
    for socket in [&mut of_ann, &mut of_bob, &mut asking] {
        assert_eq!(socket.names_so_far().await?, [""; 0]);
    }
    bob.read(&ann, None).await?.ok(200)?;
    for socket in [&mut of_ann, &mut of_bob, &mut asking] {
        assert_eq!(socket.names_so_far().await?, ["message.read"]);
    }
    Ok(())
}

#[tokio::test]
async fn in_a_topic_the_own_devices_and_the_watchers_are_told() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    for user in [&bob, &cem] {
        user.join(&cats).await?.ok(200)?;
    }
    let first = ann.send_text(&cats, "one").await?;
    let body = json!({"type": "text", "text": "Bob?", "mentions": [bob.id]});
    ann.send(&cats, &body).await?.ok(201)?;
    assert_eq!(counts(&bob, &cats).await?, "unread 2 mentioned 1 read 0 total 2");
    let (mut asking, mut of_bob) = (bob.connect().await?, bob.connect().await?);
    let (mut watching, mut elsewhere) = (ann.connect().await?, cem.connect().await?);
    watch(&mut watching, &cats).await?;
    watch(&mut of_bob, &cats).await?;
    let answer = asking.ask(cats.frame("read", json!({"up_to": first["id"]}))).await?;
    insta::assert_snapshot!(chat.shown_json(&answer), @r#"
    {
      "cursor": "[cursor 1]",
      "id": 2,
      "prev": "[cursor 2]",
      "result": {
        "read": {"mentioned": 1, "seq": 1, "unread": 1, "unread_total": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}
      }
    }
    "#);
    // One's own devices learn the counts, with a place; also who watches is told once.
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "cursor": "[cursor 1]",
      "data": {
        "read": {"mentioned": 1, "seq": 1, "unread": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"},
        "user": [bob]
      },
      "event": "message.read",
      "prev": "[cursor 2]"
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&watching.event().await?), @r#"
    {
      "data": {
        "read": {"seq": 1, "up_to": "[id 1]"},
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"},
        "user": [bob]
      },
      "event": "message.read"
    }
    "#);
    assert_eq!(counts(&bob, &cats).await?, "unread 1 mentioned 1 read 1 total 1");
    insta::assert_snapshot!(chat.shown(&bob.read(&cats, None).await?), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 2, "unread": 0, "unread_total": 0, "up_to": "[id 2]"},
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}
    }
    "#);
    assert_eq!(counts(&bob, &cats).await?, "unread 0 mentioned 0 read 2 total 0");
    assert_eq!(asking.names_so_far().await?, ["message.read"]);
    assert_eq!(of_bob.names_so_far().await?, ["message.read"]);
    assert_eq!(watching.names_so_far().await?, ["message.read"]);
    assert_eq!(elsewhere.names_so_far().await?, [""; 0]);
    let members = ann.members(&cats, "").await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&members), @r#"
    {
      "members": [
        {"id": [ann], "joined": {epoch, iso}, "read": {"seq": 2}, "role": "member"},
        {"id": [bob], "joined": {epoch, iso}, "read": {"seq": 2}, "role": "member"},
        {"id": [cem], "joined": {epoch, iso}, "read": {"seq": 0}, "role": "member"}
      ],
      "next": null,
      "total": 3
    }
    "#);
    // It is no change of the topic: others find nothing, the reader finds the own position.
    let since = ann.history(&cats, "").await?.ok(200)?["state"]["rev"].clone();
    for user in [&ann, &bob] {
        let path = format!("{}/changes?since={since}", cats.path());
        let body = user.call(Method::GET, &path, None).await?.ok(200)?;
        assert_eq!(body["messages"], json!([]));
    }
    let path = format!("{}/changes?since=0", cats.path());
    let body = bob.call(Method::GET, &path, None).await?.ok(200)?;
    assert_eq!(body["read"], json!({bob.id.to_string(): 2}));
    Ok(())
}

/// `{"status":"seen"}` is the old way to say it.
#[tokio::test]
async fn seen_in_a_topic_is_told_as_read_is() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    bob.join(&cats).await?.ok(200)?;
    let first = ann.send_text(&cats, "one").await?;
    let second = ann.send_text(&cats, "two").await?;
    let (mut watching, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    watch(&mut watching, &cats).await?;
    bob.see(&cats, &second).await?;
    insta::assert_snapshot!(chat.shown_json(&watching.event().await?), @r#"
    {
      "data": {
        "read": {"seq": 2, "up_to": "[id 1]"},
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"},
        "user": [bob]
      },
      "event": "message.read"
    }
    "#);
    assert_eq!(of_bob.event().await?["data"]["read"]["seq"], 2);
    // An earlier message moves nothing back, and nobody is told.
    bob.see(&cats, &first).await?;
    assert_eq!(counts(&bob, &cats).await?, "unread 0 mentioned 0 read 2 total 0");
    for socket in [&mut watching, &mut of_bob] {
        assert_eq!(socket.names_so_far().await?, [""; 0]);
    }
    Ok(())
}

#[tokio::test]
async fn counts_are_exact_over_conversations() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    bob.join(&cats).await?.ok(200)?;
    cem.join(&cats).await?.ok(200)?;
    ann.send_text(&bob, "direct").await?;
    let mentions = |users: Value| json!({"type": "text", "text": "x", "mentions": users});
    let first = ann.send(&cats, &mentions(json!([bob.id, cem.id]))).await?.ok(201)?["entry"].clone();
    let second = cem.send(&cats, &mentions(json!([bob.id, cem.id]))).await?.ok(201)?["entry"].clone();
    assert_eq!(counts(&bob, &cats).await?, "unread 2 mentioned 2 read 0 total 3");
    // Sending has moved the own position, past the first one; nobody mentions oneself.
    assert_eq!(counts(&cem, &cats).await?, "unread 0 mentioned 0 read 2 total 0");
    assert_eq!(counts(&ann, &cats).await?, "unread 1 mentioned 0 read 1 total 1");
    // A deleted one is not unread, and mentions nobody.
    cem.delete(&cats, &second).await?.ok(200)?;
    assert_eq!(counts(&bob, &cats).await?, "unread 1 mentioned 1 read 0 total 2");
    ann.delete(&cats, &first).await?.ok(200)?;
    assert_eq!(counts(&bob, &cats).await?, "unread 0 mentioned 0 read 0 total 1");
    // A deleted message can still be read up to.
    let answer = bob.read(&cats, Some(&second)).await?.ok(200)?;
    assert_eq!(answer["read"]["seq"], 2);
    ann.send(&cats, &mentions(json!([bob.id]))).await?.ok(201)?;
    bob.send_text(&cats, "here").await?;
    assert_eq!(counts(&bob, &cats).await?, "unread 0 mentioned 0 read 4 total 1");
    Ok(())
}

#[tokio::test]
async fn a_position_can_only_be_of_this_conversation() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    let elsewhere = ann.send_text(&cem, "elsewhere").await?;
    let empty = bob.read(&ann, None).await?;
    insta::assert_snapshot!(chat.shown(&empty), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 0, "unread": 0, "unread_total": 0, "up_to": null},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "rev": 0}
    }
    "#);
    assert_eq!(bob.list("").await?.body["state"]["total"], 0);
    ann.send_text(&bob, "x").await?;
    let path = format!("{}/read", ann.path());
    let mut lines = Vec::new();
    for body in [
        json!({"up_to": elsewhere["id"]}),
        json!({"up_to": "215066e1-e4a6-4a67-93b3-372519f7dfff"}),
        json!({"up_to": "0"}),
        json!({"up_to": ""}),
        json!({"up_to": 1}),
        json!({"up_to": {"id": 1}}),
        json!([]),
        json!("x"),
        Value::Null,
    ] {
        let answer = bob.call_raw(Method::POST, &path, body.to_string().into()).await?;
        lines.push(format!("{}: {}", chat.shown_text(&body.to_string()), answer.error()?));
    }
    for body in [r#"{"up_to":"a","up_to":"b"}"#, "{", "\u{0}"] {
        let answer = bob.call_raw(Method::POST, &path, body.into()).await?;
        lines.push(format!("{body:?}: {}", answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"up_to":"[id 1]"}: 404 NOT_FOUND NotFound: Message not found
    {"up_to":"[id 2]"}: 404 NOT_FOUND NotFound: Message not found
    {"up_to":"0"}: 404 NOT_FOUND NotFound: Message not found
    {"up_to":""}: 404 NOT_FOUND NotFound: Message not found
    {"up_to":1}: 400 INVALID_FIELD ArgumentError: up_to must be the id of a message
    {"up_to":{"id":1}}: 400 INVALID_FIELD ArgumentError: up_to must be the id of a message
    []: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "x": 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    null: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "{\"up_to\":\"a\",\"up_to\":\"b\"}": 400 DUPLICATE_KEY ArgumentError: the body has the key "up_to" twice
    "{": 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "\0": 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "#);
    insta::assert_snapshot!(bob.read(&cats, None).await?.error()?, @"403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic");
    assert_eq!(counts(&bob, &ann).await?, "unread 1 mentioned 0 read 0 total 1");
    Ok(())
}
