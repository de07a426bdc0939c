//! What a client asks over its WebSocket connection.

use anyhow::Result;
use serde_json::json;
use tests::{Chat, RawRedis, error_line};

#[tokio::test]
async fn send_update_and_delete_answer_as_rest_does() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let body = json!({"action": "send", "id": "s", "target": "user", "target_id": bob.id, "type": "text", "text": "Hello", "metadata": {"a": 1}});
    let sent = socket.ask(body).await?;
    insta::assert_snapshot!(chat.shown_json(&sent), @r#"
    {
      "cursor": "[cursor 1]",
      "id": "s",
      "prev": "[cursor 2]",
      "result": {
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
        "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
      }
    }
    "#);
    let message_id = sent["result"]["entry"]["id"].clone();
    let about =
        |action: &str| json!({"action": action, "target": "user", "target_id": bob.id, "message_id": message_id});
    let mut update = about("update");
    update["text"] = json!("Hello, Bob");
    let updated = socket.ask(update).await?;
    insta::assert_snapshot!(chat.shown_json(&updated), @r#"
    {
      "cursor": "[cursor 3]",
      "id": 2,
      "prev": "[cursor 1]",
      "result": {
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
        "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]}
      }
    }
    "#);
    let over_rest = bob.history(&ann, "").await?;
    assert_eq!(over_rest.body["messages"][0]["text"], "Hello, Bob");
    let deleted = socket.ask(about("delete")).await?;
    insta::assert_snapshot!(chat.shown_json(&deleted), @r#"
    {
      "cursor": "[cursor 4]",
      "id": 3,
      "prev": "[cursor 3]",
      "result": {
        "message": "Message deleted",
        "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 3]},
        "success": true
      }
    }
    "#);
    assert_eq!(ann.whole_history(&bob).await?.len(), 0);
    assert_eq!(
        socket.events_so_far().await?.len(),
        0,
        "the connection that asks has its answer and no event"
    );
    Ok(())
}

#[tokio::test]
async fn an_image_and_a_seen_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut ann_socket, mut bob_socket) = (ann.connect().await?, bob.connect().await?);
    let image = json!({"action": "send", "target": "user", "target_id": bob.id.to_string(), "type": "image", "image": "https://a.example/b.png"});
    let sent = ann_socket.result(image).await?;
    assert_eq!(bob_socket.event().await?["data"]["entry"], sent["entry"]);
    let seen = json!({"action": "update", "target": "user", "target_id": ann.id, "message_id": sent["entry"]["id"], "status": "seen"});
    let seen = bob_socket.result(seen).await?;
    assert_eq!(
        (&seen["entry"]["status"], &seen["entry"]["image"]),
        (&json!("seen"), &json!("https://a.example/b.png"))
    );
    let event = ann_socket.event().await?;
    assert_eq!(
        (&event["event"], &event["data"]["user"]),
        (&json!("message.read"), &bob.id)
    );
    assert_eq!(event["data"]["read"], json!({"up_to": sent["entry"]["id"], "seq": 1}));
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    Ok(())
}

#[tokio::test]
async fn ping_tells_the_time() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let pong = socket.ask(json!({"action": "ping", "id": 7})).await?;
    insta::assert_snapshot!(chat.shown_json(&pong), @r#"{"id": 7, "result": {"pong": [ms]}}"#);
    let later = bob.send_text(&ann, "x").await?["timestamp"]["epoch"].as_u64();
    assert!(pong["result"]["pong"].as_u64() <= later);
    Ok(())
}

#[tokio::test]
async fn an_answer_repeats_the_id_of_its_frame() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let mut socket = ann.connect().await?;
    for id in [
        json!(0),
        json!(-1),
        json!(1.5),
        json!(9_007_199_254_740_993_u64),
        json!(""),
        json!("ü \" \n"),
        json!("x".repeat(126)),
    ] {
        assert_eq!(socket.ask(json!({"action": "ping", "id": id})).await?["id"], id);
        assert_eq!(
            socket.ask(json!({"action": "dance", "id": id})).await?["id"],
            id,
            "also with an error"
        );
    }
    let without = async |socket: &mut tests::Socket, frame: &str| {
        socket.write(frame).await?;
        let answer = socket.answer().await?;
        assert_eq!(answer.get("id"), None, "{answer}");
        anyhow::Ok(answer)
    };
    assert!(without(&mut socket, r#"{"action":"ping"}"#).await?["result"]["pong"].is_u64());
    let mut lines = Vec::new();
    for id in ["true", "{}", "[1]", &format!("\"{}\"", "x".repeat(127))] {
        let answer = without(&mut socket, &format!(r#"{{"action":"ping","id":{id}}}"#)).await?;
        lines.push(error_line(&answer["error"])?);
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"400 INVALID_FRAME_ID ArgumentError: id must be a string or a number of at most 128 bytes of JSON");
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_understood_leaves_the_connection_open() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let mut socket = ann.connect().await?;
    let long = format!(r#"{{"action":"{}"}}"#, "x".repeat(100));
    let frames = [
        "",
        "{",
        "null",
        "[]",
        r#"[{"action":"ping"}]"#,
        r#""ping""#,
        "7",
        "{}",
        r#"{"action":7}"#,
        r#"{"action":null}"#,
        r#"{"action":"dance"}"#,
        r#"{"action":"Ping"}"#,
        r#"{"action":"$default"}"#,
        r#"{"action":"$connect"}"#,
        r#"{"action":"ping"} x"#,
        &long,
    ];
    let mut lines = Vec::new();
    for frame in frames {
        socket.write(frame).await?;
        let answer = socket.answer().await?;
        lines.push(format!("{frame}: {}", error_line(&answer["error"])?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    : 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    {: 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    null: 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    []: 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    [{"action":"ping"}]: 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    "ping": 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    7: 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    {}: 400 UNKNOWN_ACTION ArgumentError: Unknown action ""
    {"action":7}: 400 UNKNOWN_ACTION ArgumentError: Unknown action ""
    {"action":null}: 400 UNKNOWN_ACTION ArgumentError: Unknown action ""
    {"action":"dance"}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "dance"
    {"action":"Ping"}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "Ping"
    {"action":"$default"}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "$default"
    {"action":"$connect"}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "$connect"
    {"action":"ping"} x: 400 INVALID_JSON ArgumentError: the frame must be a JSON object in UTF-8
    {"action":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "#);
    socket.result(json!({"action": "ping"})).await?;
    Ok(())
}

#[tokio::test]
async fn errors_are_those_of_rest() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (own, theirs) = (
        ann.send_text(&bob, "x").await?["id"].clone(),
        bob.send_text(&ann, "x").await?["id"].clone(),
    );
    let mut socket = ann.connect().await?;
    let bob = &bob.id;
    let unknown = "215066e1-e4a6-4a67-93b3-372519f7dfff";
    let frames = [
        json!({"action": "send", "target": "villain", "target_id": bob, "type": "text", "text": "x"}),
        json!({"action": "send", "target_id": bob, "type": "text", "text": "x"}),
        json!({"action": "send", "target": "topic", "target_id": "05", "type": "text", "text": "x"}),
        json!({"action": "send", "target": "user", "type": "text", "text": "x"}),
        json!({"action": "send", "target": "user", "target_id": "05", "type": "text", "text": "x"}),
        json!({"action": "send", "target": "user", "target_id": 1.5, "type": "text", "text": "x"}),
        json!({"action": "send", "target": "user", "target_id": [5], "type": "text", "text": "x"}),
        json!({"action": "send", "target": "user", "target_id": bob, "type": "video"}),
        json!({"action": "send", "target": "user", "target_id": bob, "type": "text"}),
        json!({"action": "send", "target": "user", "target_id": bob, "type": "image", "image": "http://a.example"}),
        json!({"action": "send", "target": "user", "target_id": bob, "type": "text", "text": "x".repeat(16 * 1024 + 1)}),
        json!({"action": "update", "target": "user", "target_id": bob, "text": "x"}),
        json!({"action": "update", "target": "user", "target_id": bob, "message_id": 7, "text": "x"}),
        json!({"action": "update", "target": "user", "target_id": bob, "message_id": unknown, "text": "x"}),
        json!({"action": "update", "target": "user", "target_id": bob, "message_id": own}),
        json!({"action": "update", "target": "user", "target_id": bob, "message_id": own, "status": "seen"}),
        json!({"action": "update", "target": "user", "target_id": bob, "message_id": theirs, "text": "x"}),
        json!({"action": "delete", "target": "user", "target_id": bob, "message_id": theirs}),
        json!({"action": "delete", "target": "user", "target_id": bob, "message_id": unknown}),
        json!({"action": "delete", "target": "user", "target_id": bob}),
    ];
    let mut lines = Vec::new();
    for frame in frames {
        let short: String = chat.shown_text(&frame.to_string()).chars().take(120).collect();
        lines.push(format!("{short}: {}", socket.error(frame).await?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"action":"send","target":"villain","target_id":[bob],"text":"x","type":"text"}: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain"
    {"action":"send","target_id":[bob],"text":"x","type":"text"}: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target ""
    {"action":"send","target":"topic","target_id":"05","text":"x","type":"text"}: 400 INVALID_ID ArgumentError: target_id must not have leading zeros
    {"action":"send","target":"user","text":"x","type":"text"}: 400 INVALID_ID ArgumentError: target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"send","target":"user","target_id":"05","text":"x","type":"text"}: 400 INVALID_ID ArgumentError: target_id must not have leading zeros
    {"action":"send","target":"user","target_id":1.5,"text":"x","type":"text"}: 400 INVALID_ID ArgumentError: target_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    {"action":"send","target":"user","target_id":[5],"text":"x","type":"text"}: 400 INVALID_ID ArgumentError: target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"send","target":"user","target_id":[bob],"type":"video"}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type "video"
    {"action":"send","target":"user","target_id":[bob],"type":"text"}: 400 null ArgumentError: Missing text property for text-message
    {"action":"send","image":"http://a.example","target":"user","target_id":[bob],"type":"image"}: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    {"action":"send","target":"user","target_id":[bob],"text":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 413 TEXT_TOO_LARGE PayloadTooLargeError: text has 16385 bytes of UTF-8, the limit is 16384
    {"action":"update","target":"user","target_id":[bob],"text":"x"}: 400 INVALID_FIELD ArgumentError: message_id must be a string
    {"action":"update","message_id":7,"target":"user","target_id":[bob],"text":"x"}: 400 INVALID_FIELD ArgumentError: message_id must be a string
    {"action":"update","message_id":"[id 1]","target":"user","target_id":[bob],"text":"x"}: 404 NOT_FOUND NotFound: Message not found
    {"action":"update","message_id":"[id 2]","target":"user","target_id":[bob]}: 400 null ArgumentError: No valid data was supplied
    {"action":"update","message_id":"[id 2]","status":"seen","target":"user","target_id":[bob]}: 403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen
    {"action":"update","message_id":"[id 3]","target":"user","target_id":[bob],"text":"x"}: 403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen
    {"action":"delete","message_id":"[id 3]","target":"user","target_id":[bob]}: 403 FORBIDDEN ForbiddenError: Only the author can delete a message
    {"action":"delete","message_id":"[id 1]","target":"user","target_id":[bob]}: 404 NOT_FOUND NotFound: Message not found
    {"action":"delete","target":"user","target_id":[bob]}: 400 INVALID_FIELD ArgumentError: message_id must be a string
    "#);
    let whole = socket.ask(json!({"action": "dance", "id": "d"})).await?;
    insta::assert_snapshot!(chat.shown_json(&whole), @r#"
    {
      "error": {
        "code": "UNKNOWN_ACTION",
        "error": true,
        "message": "Unknown action \"dance\"",
        "name": "ArgumentError",
        "request_id": "[request 1]",
        "status": 400
      },
      "id": "d"
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_connection_that_the_store_has_lost_must_be_made_anew() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let key = format!("{{senna-sockets:connection:{}}}", socket.id);
    let lost: u64 = RawRedis::of(&chat).await?.run(&format!("DEL {key}")).await?;
    assert_eq!(lost, 1);
    let frame = json!({"action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "x"});
    insta::assert_snapshot!(socket.error(frame).await?, @"401 CONNECTION_UNKNOWN UnauthenticatedError: This connection is not known any more - please connect again");
    socket.result(json!({"action": "ping"})).await?;
    Ok(())
}
