//! Catching up on what happened while a client was away.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, Socket, User};

/// What `user` missed since a cursor, by REST.
async fn sync(user: &User, since: &Value) -> Result<Answer> {
    let path = format!("/sync?since={}", since.as_str().context("a cursor is a text")?);
    user.call(Method::GET, &path, None).await
}

/// Kind and text of each event.
fn told(events: &Value) -> Vec<String> {
    let line = |event: &Value| {
        let kind = event["event"].as_str().unwrap_or_default();
        let entry = &event["data"]["entry"];
        format!("{kind} {} {}", entry["seq"], entry["text"].as_str().unwrap_or("-"))
    };
    events.as_array().into_iter().flatten().map(line).collect()
}

async fn hello(socket: &mut Socket, since: &Value) -> Result<Value> {
    socket.result(json!({"action": "hello", "since": since})).await
}

#[tokio::test]
async fn whoever_was_away_is_told_what_happened() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let mut socket = bob.connect().await?;
    let kept = ann.send_text(&bob, "kept").await?;
    let cursor = socket.event().await?["cursor"].clone();
    socket.close().await?;

    ann.update(&bob, &kept, &json!({"text": "kept, and changed"}))
        .await?
        .ok(200)?;
    let gone = ann.send_text(&bob, "sent and deleted").await?;
    ann.delete(&bob, &gone).await?.ok(200)?;
    eve.send_text(&bob, "from Eve").await?;
    bob.send_text(&ann, "from elsewhere").await?;

    let mut socket = bob.connect().await?;
    let result = hello(&mut socket, &cursor).await?;
    assert_eq!(
        told(&result["events"]),
        [
            "message.updated 1 kept, and changed",
            "message.deleted 2 -",
            "message.new 1 from Eve",
            "message.new 3 from elsewhere"
        ]
    );
    assert_eq!((&result["recovered"], &result["more"]), (&json!(true), &json!(false)));
    assert_eq!(result["connection_id"], socket.id);

    // What comes now follows it.
    ann.send_text(&bob, "next").await?;
    let next = socket.event().await?;
    assert_eq!(next["prev"], result["cursor"]);
    let result = socket
        .result(json!({"action": "sync", "since": result["cursor"]}))
        .await?;
    assert_eq!(told(&result["events"]), ["message.new 4 next"]);
    assert_eq!(result["cursor"], next["cursor"]);
    Ok(())
}

#[tokio::test]
async fn by_rest_too() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let start = bob.call(Method::GET, "/sync", None).await?;
    insta::assert_snapshot!(chat.shown(&start), @r#"200 {"cursor": "[cursor 1]", "events": [], "more": false, "recovered": false, "user": [bob]}"#);
    let since = &start.body["cursor"];
    ann.send_text(&bob, "Hello").await?;
    insta::assert_snapshot!(chat.shown(&sync(&bob, since).await?), @r#"
    200 {
      "cursor": "[cursor 2]",
      "events": [
        {
          "cursor": "[cursor 2]",
          "data": {
            "entry": {
              "author": [ann],
              "id": "[id 1]",
              "seq": 1,
              "text": "Hello",
              "timestamp": {epoch, iso},
              "type": "text"
            },
            "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "rev": 1}
          },
          "event": "message.new"
        }
      ],
      "more": false,
      "recovered": true,
      "user": [bob]
    }
    "#);
    insta::assert_snapshot!(bob.call(Method::GET, "/sync?since=yesterday", None).await?.error()?, @"400 INVALID_FIELD ArgumentError: since must be the cursor of a frame, of a hello or of a sync");
    Ok(())
}

#[tokio::test]
async fn every_event_is_a_place_to_go_on_from() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let start = bob.call(Method::GET, "/sync", None).await?.body["cursor"].clone();
    for number in 0..5 {
        ann.send_text(&bob, &number.to_string()).await?;
    }
    let all = sync(&bob, &start).await?.body["events"].clone();
    let all = all.as_array().context("no events")?;
    assert_eq!(all.len(), 5);
    for (read, event) in all.iter().enumerate() {
        let rest = sync(&bob, &event["cursor"]).await?.body["events"].clone();
        assert_eq!(rest, json!(all[read + 1..]));
    }
    Ok(())
}

/// A client must never be told "nothing happened" by a log that is not its own.
#[tokio::test]
async fn a_cursor_of_another_log_is_not_recovered() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "Hello").await?;
    let of_ann = ann.call(Method::GET, "/sync", None).await?.body["cursor"].clone();
    let mut socket = bob.connect().await?;
    let result = hello(&mut socket, &of_ann).await?;
    assert_eq!((&result["recovered"], &result["events"]), (&json!(false), &json!([])));
    let again = hello(&mut socket, &result["cursor"]).await?;
    assert_eq!(again["recovered"], true);
    let wrong = json!({"action": "sync", "since": 7});
    insta::assert_snapshot!(socket.error(wrong).await?, @"400 INVALID_FIELD ArgumentError: since must be the cursor of a frame, of a hello or of a sync");
    Ok(())
}

/// The heaviest messages there can be: each fills a frame nearly alone.
#[tokio::test]
async fn a_page_fits_a_frame() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = bob.connect().await?;
    let mut cursor = socket.hello().await?["cursor"].clone();
    let mut expected = Vec::new();
    for number in 0..6 {
        // Quotes double in JSON, and metadata is added to that.
        let text = format!("{number}{}", "\"".repeat(13_000));
        let metadata = json!({"filler": "x".repeat(4_000)});
        let body = json!({"type": "text", "text": text, "metadata": metadata});
        ann.send(&bob, &body).await?.ok(201)?;
        expected.push(text);
        for short in 0..10 {
            let text = format!("{number}.{short}");
            ann.send_text(&bob, &text).await?;
            expected.push(text);
        }
    }
    let (mut texts, mut pages) = (Vec::new(), 0);
    loop {
        socket.events_so_far().await?;
        let frame = json!({"action": "sync", "id": "a".repeat(100), "since": cursor});
        socket.write(&frame.to_string()).await?;
        let answer = socket.text().await?;
        assert!(answer.len() <= 32 * 1024, "{} bytes", answer.len());
        let result = serde_json::from_str::<Value>(&answer)?["result"].take();
        let events = result["events"].as_array().context("no events")?;
        assert!(!events.is_empty(), "each page goes on");
        texts.extend(events.iter().map(|event| event["data"]["entry"]["text"].clone()));
        (cursor, pages) = (result["cursor"].clone(), pages + 1);
        if result["more"] == false {
            break;
        }
    }
    assert_eq!(texts, expected);
    assert!(pages >= 6, "{pages}");
    Ok(())
}

/// The connection that asks is not pushed its own event: the answer says where it stands.
#[tokio::test]
async fn an_answer_is_a_link_of_the_chain() -> Result<()> {
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
    for link in links.into_iter().chain([socket.event().await?]) {
        assert_eq!(link["prev"], cursor, "{link}");
        cursor = link["cursor"].clone();
    }
    Ok(())
}
