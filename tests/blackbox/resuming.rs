//! Catching up on what happened while a client was away: first the inbox, then the conversations that it shows.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, Socket, User};

/// What changed in the inbox of `user` since a cursor, by REST.
async fn sync(user: &User, since: &Value) -> Result<Answer> {
    let path = format!("/sync?since={}", since.as_str().context("a cursor is a text")?);
    user.call(Method::GET, &path, None).await
}

/// What changed in the conversation of `user` with another one since a revision, by REST.
async fn changes(user: &User, with: &User, since: &Value) -> Result<Answer> {
    user.call(Method::GET, &format!("{}/changes?since={since}", with.path()), None)
        .await
}

/// The same over a WebSocket.
async fn socket_changes(socket: &mut Socket, with: &User, since: &Value) -> Result<Value> {
    let frame = json!({"action": "changes", "target": "user", "target_id": with.id, "since": since});
    socket.result(frame).await
}

/// Who each entry is about, its newest text and its unread messages.
fn told(entries: &Value) -> Vec<String> {
    let line = |entry: &Value| {
        let latest = entry["latest"]["text"].as_str().unwrap_or("-");
        format!("{} {latest} {}", entry["id"], entry["unread"])
    };
    entries.as_array().into_iter().flatten().map(line).collect()
}

/// Position and text of each message.
fn texts(messages: &Value) -> Vec<String> {
    let line = |message: &Value| format!("{} {}", message["seq"], message["text"].as_str().unwrap_or("-"));
    messages.as_array().into_iter().flatten().map(line).collect()
}

async fn hello(socket: &mut Socket, since: &Value) -> Result<Value> {
    socket.result(json!({"action": "hello", "since": since})).await
}

#[tokio::test]
async fn whoever_was_away_learns_what_changed_by_asking_twice() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let mut socket = bob.connect().await?;
    let kept = ann.send_text(&bob, "kept").await?;
    let event = socket.event().await?;
    let (cursor, rev) = (event["cursor"].clone(), event["data"]["state"]["rev"].clone());
    socket.close().await?;

    ann.update(&bob, &kept, &json!({"text": "kept, and changed"}))
        .await?
        .ok(200)?;
    let gone = ann.send_text(&bob, "sent and deleted").await?;
    ann.delete(&bob, &gone).await?.ok(200)?;
    eve.send_text(&bob, "from Eve").await?;
    ann.send_text(&bob, "the last").await?;

    let mut socket = bob.connect().await?;
    let result = hello(&mut socket, &cursor).await?;
    assert_eq!(
        told(&result["entries"]),
        [format!("{} from Eve 1", eve.id), format!("{} the last 2", ann.id)]
    );
    assert_eq!((&result["recovered"], &result["more"]), (&json!(true), &json!(false)));
    assert_eq!(
        (&result["connection_id"], &result["unread_total"]),
        (&json!(socket.id), &json!(3))
    );
    let changed = socket_changes(&mut socket, &ann, &rev).await?;
    assert_eq!(texts(&changed["messages"]), ["1 kept, and changed", "3 the last"]);
    assert_eq!(texts(&changed["deleted"]), ["2 -"]);
    assert_eq!(
        (&changed["more"], &changed["state"]["rev"]),
        (&json!(false), &result["entries"][1]["rev"])
    );

    // What comes now follows it.
    ann.send_text(&bob, "next").await?;
    let next = socket.event().await?;
    assert_eq!(next["prev"], result["cursor"]);
    assert_eq!(next["data"]["state"]["prev_rev"], changed["state"]["rev"]);
    let result = socket
        .result(json!({"action": "sync", "since": result["cursor"]}))
        .await?;
    assert_eq!(told(&result["entries"]), [format!("{} next 3", ann.id)]);
    assert_eq!(result["cursor"], next["cursor"]);
    Ok(())
}

#[tokio::test]
async fn by_rest_too() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let start = bob.call(Method::GET, "/sync", None).await?;
    insta::assert_snapshot!(chat.shown(&start), @r#"200 {"cursor": "[cursor 1]", "entries": [], "more": false, "recovered": false, "unread_total": 0, "user": [bob]}"#);
    let since = &start.body["cursor"];
    let hello = ann.send_text(&bob, "Hello").await?;
    let gone = ann.send_text(&bob, "gone").await?;
    ann.delete(&bob, &gone).await?.ok(200)?;
    bob.see(&ann, &hello).await?;
    insta::assert_snapshot!(chat.shown(&sync(&bob, since).await?), @r#"
    200 {
      "cursor": "[cursor 2]",
      "entries": [
        {
          "id": [ann],
          "latest": {
            "author": [ann],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "status": "seen",
            "text": "Hello",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 1},
          "rev": [rev 2],
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 0
        }
      ],
      "more": false,
      "recovered": true,
      "unread_total": 0,
      "user": [bob]
    }
    "#);
    insta::assert_snapshot!(chat.shown(&changes(&bob, &ann, &json!(0)).await?), @r#"
    200 {
      "deleted": [{"id": "[id 2]", "rev": [rev 3], "seq": 2}],
      "messages": [
        {
          "author": [ann],
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "more": false,
      "read": {"[ann]": 2, "[bob]": 1},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "rev": [rev 2]}
    }
    "#);
    insta::assert_snapshot!(bob.call(Method::GET, "/sync?since=yesterday", None).await?.error()?, @"400 INVALID_FIELD ArgumentError: since must be the cursor of a frame, of a hello, of a sync or of a list");
    for wrong in [
        "changes",
        "changes?since=",
        "changes?since=-1",
        "changes?since=1.5",
        "changes?since=9007199254740992",
    ] {
        let answer = bob.call(Method::GET, &format!("{}/{wrong}", ann.path()), None).await?;
        assert_eq!(
            answer.error()?,
            "400 INVALID_FIELD ArgumentError: since must be the rev of a conversation, or 0",
            "{wrong}"
        );
    }
    let list = bob.list("").await?.ok(200)?;
    assert_eq!(list["state"]["cursor"], sync(&bob, since).await?.body["cursor"]);
    Ok(())
}

/// A client must never be told "nothing happened" by a store that has lost what it knew.
#[tokio::test]
async fn a_cursor_or_revision_of_another_store_is_not_recovered() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "Hello").await?;
    let of_ann = ann.call(Method::GET, "/sync", None).await?.body["cursor"].clone();
    let mut socket = bob.connect().await?;
    let result = hello(&mut socket, &of_ann).await?;
    assert_eq!((&result["recovered"], &result["entries"]), (&json!(false), &json!([])));
    let again = hello(&mut socket, &result["cursor"]).await?;
    assert_eq!(again["recovered"], true);
    let wrong = json!({"action": "sync", "since": 7});
    insta::assert_snapshot!(socket.error(wrong).await?, @"400 INVALID_FIELD ArgumentError: since must be the cursor of a frame, of a hello, of a sync or of a list");

    let known = changes(&bob, &ann, &json!(0)).await?.body["state"]["rev"].clone();
    let beyond = json!(known.as_u64().context("a rev is a number")? + 1);
    let reset = socket_changes(&mut socket, &ann, &beyond).await?;
    assert_eq!((&reset["reset"], &reset["messages"]), (&json!(true), &json!([])));
    assert_eq!(changes(&bob, &ann, &known).await?.body["reset"], Value::Null);
    let wrong = json!({"action": "changes", "target": "user", "target_id": ann.id, "since": "7"});
    insta::assert_snapshot!(socket.error(wrong).await?, @"400 INVALID_FIELD ArgumentError: since must be the rev of a conversation, or 0");
    Ok(())
}

/// The heaviest messages there can be: each fills a frame nearly alone.
#[tokio::test]
async fn a_page_fits_a_frame() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = bob.connect().await?;
    let mut expected = Vec::new();
    for number in 0..6 {
        // Quotes double in JSON, and metadata is added to that.
        let text = format!("{number}{}", "\"".repeat(9_500));
        let metadata = json!({"filler": "x".repeat(4_000)});
        let body = json!({"type": "text", "text": text, "metadata": metadata});
        ann.send(&bob, &body).await?.ok(201)?;
        expected.push(json!(text));
        for short in 0..10 {
            let text = format!("{number}.{short}");
            ann.send_text(&bob, &text).await?;
            expected.push(json!(text));
        }
    }
    let (mut rev, mut texts, mut pages) = (json!(0), Vec::new(), 0);
    loop {
        socket.events_so_far().await?;
        let frame = json!({
            "action": "changes", "id": "a".repeat(100), "target": "user", "target_id": ann.id, "since": rev,
        });
        socket.write(&frame.to_string()).await?;
        let answer = socket.text().await?;
        assert!(answer.len() <= 32 * 1024, "{} bytes", answer.len());
        let result = serde_json::from_str::<Value>(&answer)?["result"].take();
        let messages = result["messages"].as_array().context("no messages")?;
        assert!(!messages.is_empty(), "each page goes on");
        texts.extend(messages.iter().map(|message| message["text"].clone()));
        (rev, pages) = (result["state"]["rev"].clone(), pages + 1);
        if result["more"] == false {
            break;
        }
    }
    assert_eq!(texts, expected);
    assert!(pages >= 6, "{pages}");

    // So does a page of entries, each with a long newest message.
    let cursor = socket.hello().await?["cursor"].clone();
    let others = chat.users(["u1", "u2", "u3", "u4"]);
    for other in &others {
        other.send_text(&bob, &"x".repeat(15_000)).await?;
    }
    let (mut since, mut told) = (cursor, Vec::new());
    loop {
        socket.events_so_far().await?;
        socket
            .write(&json!({"action": "sync", "since": since}).to_string())
            .await?;
        let answer = socket.text().await?;
        assert!(answer.len() <= 32 * 1024, "{} bytes", answer.len());
        let result = serde_json::from_str::<Value>(&answer)?["result"].take();
        let entries = result["entries"].as_array().context("no entries")?;
        told.extend(entries.iter().map(|entry| entry["id"].clone()));
        since = result["cursor"].clone();
        if result["more"] == false {
            break;
        }
    }
    assert_eq!(told, others.map(|other| other.id));
    Ok(())
}

/// One user floods a conversation; whoever resumes pays for nothing but one entry of it.
#[tokio::test]
async fn a_flood_costs_nobody_else_anything_on_resume() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let friend = ann.send_text(&bob, "hi").await?;
    eve.send_text(&bob, "first").await?;
    let since = bob.list("").await?.ok(200)?["state"]["cursor"].clone();
    let rev = friend["rev"].clone();
    for number in 0..200 {
        let sent = eve.send_text(&bob, &format!("flood {number}")).await?;
        eve.update(&bob, &sent, &json!({"text": "flooded"})).await?.ok(200)?;
    }
    ann.update(&bob, &friend, &json!({"text": "hi!"})).await?.ok(200)?;
    let page = sync(&bob, &since).await?.ok(200)?;
    assert_eq!(
        told(&page["entries"]),
        [format!("{} flooded 201", eve.id), format!("{} hi! 1", ann.id)]
    );
    let changed = changes(&bob, &ann, &rev).await?.ok(200)?;
    assert_eq!(
        (texts(&changed["messages"]), &changed["more"]),
        (vec!["1 hi!".to_owned()], &json!(false))
    );
    Ok(())
}

/// The connection that asks is not pushed its own event: the answer says where it stands.
#[tokio::test]
async fn an_answer_is_a_link_of_both_chains() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let mut cursor = socket.hello().await?["cursor"].clone();
    let text = json!({"action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "a"});
    let sent = socket.ask(text).await?;
    let entry = &sent["result"]["entry"];
    let about = |action: &str| json!({"action": action, "target": "user", "target_id": bob.id, "message_id": entry["id"], "text": "b"});
    let links = [
        sent.clone(),
        socket.ask(about("update")).await?,
        socket.ask(about("delete")).await?,
    ];
    bob.send_text(&ann, "c").await?;
    let mut rev = json!(0);
    for link in links.into_iter().chain([socket.event().await?]) {
        assert_eq!(link["prev"], cursor, "{link}");
        cursor = link["cursor"].clone();
        let of = if link["event"].is_null() { "result" } else { "data" };
        assert_eq!(link[of]["state"]["prev_rev"], rev, "{link}");
        rev = link[of]["state"]["rev"].clone();
    }
    Ok(())
}
