//! Replies and mentions.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Target as _};

fn reply(to: &Value, text: &str) -> Value {
    json!({"type": "text", "text": text, "reply_to": to["id"]})
}

#[tokio::test]
async fn a_reply_shows_what_it_replies_to() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let question = ann.send_text(&bob, "Tea or coffee?").await?;
    let mut listener = ann.connect().await?;
    let sent = bob.send(&ann, &reply(&question, "Tea")).await?;
    insta::assert_snapshot!(chat.shown(&sent), @r#"
    201 {
      "entry": {
        "author": [bob],
        "id": "[id 1]",
        "reply_to": {
          "author": [ann],
          "excerpt": "Tea or coffee?",
          "id": "[id 2]",
          "rev": [rev 1],
          "seq": 1,
          "type": "text"
        },
        "rev": [rev 2],
        "seq": 2,
        "text": "Tea",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]}
    }
    "#);
    let event = listener.event().await?;
    assert_eq!(event["data"]["entry"], sent.body["entry"]);
    insta::assert_snapshot!(chat.shown(&ann.history(&bob, "").await?), @r#"
    200 {
      "entry": {"id": [bob], "unknown": true},
      "messages": [
        {
          "author": {"id": [ann], "unknown": true},
          "id": "[id 2]",
          "rev": [rev 1],
          "seq": 1,
          "status": "seen",
          "text": "Tea or coffee?",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        {
          "author": {"id": [bob], "unknown": true},
          "id": "[id 1]",
          "reply_to": {
            "author": [ann],
            "excerpt": "Tea or coffee?",
            "id": "[id 2]",
            "rev": [rev 1],
            "seq": 1,
            "type": "text"
          },
          "rev": [rev 2],
          "seq": 2,
          "text": "Tea",
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
        "rev": [rev 2],
        "total": 2,
        "total_pages": 1
      }
    }
    "#);
    let quoted = |entry: &Value| chat.shown_json(&entry["reply_to"]);
    let everywhere = async || {
        let history = ann.whole_history(&bob).await?.pop().unwrap_or_default();
        let list = ann.list("?no_format").await?.ok(200)?["entries"][0]["latest"].clone();
        let path = format!("{}/changes?since=0", bob.path());
        let changes = ann.call(Method::GET, &path, None).await?.ok(200)?["messages"].take();
        let changes = changes
            .as_array()
            .and_then(|all| all.last().cloned())
            .unwrap_or_default();
        assert_eq!(quoted(&list), quoted(&history));
        assert_eq!(quoted(&changes), quoted(&history));
        anyhow::Ok(quoted(&history))
    };
    assert_eq!(everywhere().await?, quoted(&sent.body["entry"]));
    // The excerpt follows an edit, and says of which revision it is.
    let edited = ann
        .update(&bob, &question, &json!({"text": "Tea or milk?"}))
        .await?
        .ok(200)?;
    insta::assert_snapshot!(everywhere().await?, @r#"{"author": [ann], "excerpt": "Tea or milk?", "id": "[id 2]", "rev": [rev 3], "seq": 1, "type": "text"}"#);
    let history = ann.whole_history(&bob).await?;
    assert_eq!(history[1]["reply_to"]["rev"], edited["entry"]["rev"]);
    // So it does a deletion; the reply stays.
    ann.delete(&bob, &question).await?.ok(200)?;
    insta::assert_snapshot!(everywhere().await?, @r#"{"deleted": true, "id": "[id 2]", "seq": 1}"#);
    let entry = bob
        .update(&ann, &sent.body["entry"], &json!({"text": "Tea!"}))
        .await?
        .ok(200)?["entry"]
        .take();
    insta::assert_snapshot!(chat.shown_json(&entry), @r#"
    {
      "author": [bob],
      "edited": {epoch, iso},
      "id": "[id 1]",
      "reply_to": {"deleted": true, "id": "[id 2]", "seq": 1},
      "rev": [rev 4],
      "seq": 2,
      "text": "Tea!",
      "timestamp": {epoch, iso},
      "type": "text"
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn an_excerpt_is_a_hundred_characters() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    for text in [
        "x".repeat(101),
        "ä".repeat(150),
        "👍".repeat(150),
        format!("{}👍👍", "x".repeat(99)),
    ] {
        let long = ann.send_text(&bob, &text).await?;
        let entry = bob.send(&ann, &reply(&long, "yes")).await?.ok(201)?["entry"].take();
        let due: String = text.chars().take(100).collect();
        assert_eq!(entry["reply_to"]["excerpt"], due);
    }
    // Of an image there is no text.
    let image = ann
        .send(&bob, &json!({"type": "image", "image": "https://a.example/b.png"}))
        .await?
        .ok(201)?;
    let entry = bob.send(&ann, &reply(&image["entry"], "nice")).await?.ok(201)?["entry"].take();
    insta::assert_snapshot!(chat.shown_json(&entry["reply_to"]), @r#"{"author": [ann], "excerpt": "", "id": "[id 1]", "rev": [rev 1], "seq": 9, "type": "image"}"#);
    // A reply to a reply quotes only the last.
    let nested = ann.send(&bob, &reply(&entry, "isn't it?")).await?.ok(201)?["entry"].take();
    insta::assert_snapshot!(chat.shown_json(&nested["reply_to"]), @r#"{"author": [bob], "excerpt": "nice", "id": "[id 2]", "rev": [rev 2], "seq": 10, "type": "text"}"#);
    Ok(())
}

#[tokio::test]
async fn a_reply_may_be_sent_over_the_socket_and_repeated() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    bob.join(&cats).await?.ok(200)?;
    let question = ann.send_text(&cats, "Who comes?").await?;
    let mut socket = bob.connect().await?;
    let frame = cats.frame(
        "send",
        json!({
            "type": "text", "text": "I do", "reply_to": question["id"], "mentions": [ann.id, ann.id.to_string(), bob.id],
            "client_id": "r-1",
        }),
    );
    let first = socket.result(frame.clone()).await?;
    insta::assert_snapshot!(chat.shown_json(&first), @r#"
    {
      "entry": {
        "author": [bob],
        "client_id": "r-1",
        "id": "[id 1]",
        "mentions": [[ann], [bob]],
        "reply_to": {
          "author": [ann],
          "excerpt": "Who comes?",
          "id": "[id 2]",
          "rev": [rev 1],
          "seq": 1,
          "type": "text"
        },
        "rev": [rev 2],
        "seq": 2,
        "text": "I do",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 2]}
    }
    "#);
    assert_eq!(socket.result(frame.clone()).await?["entry"], first["entry"]);
    // To another the client's own name for it is not shown.
    let to_ann = ann.whole_history(&cats).await?.pop().unwrap_or_default();
    assert_eq!(to_ann["client_id"], Value::Null);
    assert_eq!(bob.whole_history(&cats).await?[1]["client_id"], "r-1");
    let mut other = frame.clone();
    other["reply_to"] = Value::Null;
    assert!(socket.error(other).await?.starts_with("409 RETRY_KEY_REUSED"));
    let mut other = frame.clone();
    other["mentions"] = json!([ann.id]);
    assert!(socket.error(other).await?.starts_with("409 RETRY_KEY_REUSED"));
    // Also when what it replied to was deleted meanwhile.
    ann.delete(&cats, &question).await?.ok(200)?;
    let again = socket.result(frame).await?;
    assert_eq!(again["entry"]["id"], first["entry"]["id"]);
    insta::assert_snapshot!(chat.shown_json(&again["entry"]["reply_to"]), @r#"{"deleted": true, "id": "[id 2]", "seq": 1}"#);
    assert_eq!(bob.whole_history(&cats).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn mentions_are_of_participants() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    bob.join(&cats).await?.ok(200)?;
    let mentioning = |mentions: Value| json!({"type": "text", "text": "x", "mentions": mentions});
    // Each is told how often it is mentioned, in the first message of a conversation too.
    let first = ann.send(&cem, &mentioning(json!([cem.id, ann.id]))).await?;
    insta::assert_snapshot!(chat.shown(&first), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "mentions": [[cem], [ann]],
        "rev": [rev 1],
        "seq": 1,
        "text": "x",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[cem]", "key": "myplatform:dm:[ann]-[cem]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    let entry = cem.list("?no_format").await?.ok(200)?["entries"][0].take();
    insta::assert_snapshot!(chat.shown_json(&entry), @r#"
    {
      "id": [ann],
      "latest": {
        "author": [ann],
        "id": "[id 1]",
        "mentions": [[cem], [ann]],
        "rev": [rev 1],
        "seq": 1,
        "text": "x",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "mentioned": 1,
      "read": {"seq": 0},
      "rev": [rev 1],
      "timestamp": [ms],
      "type": "user",
      "unread": 1
    }
    "#);
    ann.send(&cats, &mentioning(json!([ann.id, bob.id]))).await?.ok(201)?;
    let mut lines = Vec::new();
    for (to, mentions) in [
        (cats.path(), json!([cem.id])),
        (cem.path(), json!([bob.id])),
        (cem.path(), json!(["nobody"])),
        (cem.path(), json!(cem.id)),
        (cem.path(), json!({"0": cem.id})),
        (cem.path(), json!(["05"])),
        (cem.path(), json!([1.5])),
        (cem.path(), json!([null])),
        (cem.path(), json!([[cem.id]])),
        (cem.path(), json!((1..=21).collect::<Vec<_>>())),
    ] {
        let answer = ann.call(Method::POST, &to, Some(&mentioning(mentions.clone()))).await?;
        let mentions = chat.shown_text(&mentions.to_string());
        lines.push(format!("{} {mentions}: {}", chat.shown_text(&to), answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /topic/[cats] [[cem]]: 400 INVALID_FIELD ArgumentError: mentions must be ids of participants of this conversation
    /user/[cem] [[bob]]: 400 INVALID_FIELD ArgumentError: mentions must be ids of participants of this conversation
    /user/[cem] ["nobody"]: 400 INVALID_FIELD ArgumentError: mentions must be ids of participants of this conversation
    /user/[cem] [cem]: 400 INVALID_FIELD ArgumentError: mentions must be a list of at most 20 ids
    /user/[cem] {"0":[cem]}: 400 INVALID_FIELD ArgumentError: mentions must be a list of at most 20 ids
    /user/[cem] ["05"]: 400 INVALID_ID ArgumentError: mentions must not have leading zeros
    /user/[cem] [1.5]: 400 INVALID_ID ArgumentError: mentions must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    /user/[cem] [null]: 400 INVALID_ID ArgumentError: mentions must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /user/[cem] [[[cem]]]: 400 INVALID_ID ArgumentError: mentions must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /user/[cem] [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21]: 400 INVALID_FIELD ArgumentError: mentions must be a list of at most 20 ids
    "#);
    // One id many times is one.
    let sent = ann
        .send(&cem, &mentioning(json!(vec![cem.id.clone(); 20])))
        .await?
        .ok(201)?;
    assert_eq!(sent["entry"]["mentions"], json!([cem.id]));
    for none in [json!([]), Value::Null] {
        let sent = ann.send(&cem, &mentioning(none)).await?.ok(201)?;
        assert_eq!(sent["entry"]["mentions"], Value::Null);
    }
    // They stay when the text is edited.
    let edited = ann
        .update(&cem, &first.body["entry"], &json!({"text": "y"}))
        .await?
        .ok(200)?;
    assert_eq!(edited["entry"]["mentions"], json!([cem.id, ann.id]));
    Ok(())
}

#[tokio::test]
async fn a_reply_is_to_a_message_of_the_same_conversation() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let elsewhere = ann.send_text(&cem, "x").await?;
    let gone = ann.send_text(&bob, "x").await?;
    ann.delete(&bob, &gone).await?.ok(200)?;
    let mut lines = Vec::new();
    for reply_to in [
        elsewhere["id"].clone(),
        gone["id"].clone(),
        json!("215066e1-e4a6-4a67-93b3-372519f7dfff"),
        json!("00000000-0000-0000-0000-000000000000"),
        json!("x"),
        json!(""),
        json!(1),
        json!({"id": gone["id"]}),
        json!([gone["id"]]),
        json!(true),
    ] {
        let body = json!({"type": "text", "text": "x", "reply_to": reply_to});
        let answer = ann.send(&bob, &body).await?;
        lines.push(format!("{}: {}", chat.shown_json(&reply_to), answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "[id 1]": 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    "[id 2]": 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    "[id 3]": 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    "[id 4]": 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    "x": 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    "": 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    1: 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    {"id": "[id 2]"}: 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    ["[id 2]"]: 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    true: 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    "#);
    assert_eq!(ann.whole_history(&bob).await?.len(), 0);
    Ok(())
}

/// All that a message can carry, of the longest kind.
#[tokio::test]
async fn the_fullest_message_fits_a_frame() -> Result<()> {
    let chat = Chat::shared().await?;
    let [number] = chat.users(["number"]);
    let topic = tests::Topic {
        id: json!(format!("{}{}", "~".repeat(57), number.id)),
    };
    let long = |name: &str| chat.user(&json!(format!("{name}{}{}", ":".repeat(55), number.id)));
    let members: Vec<_> = (10..30)
        .map(|number| long(&number.to_string().replace('1', "a").replace('2', "b")))
        .collect();
    for member in &members {
        member.join(&topic).await?.ok(200)?;
    }
    let (author, reader) = (&members[0], &members[1]);
    let mut listener = reader.connect().await?;
    // A control character takes six bytes in JSON.
    let quoted = author.send_text(&topic, &format!("x{}", "\u{1}".repeat(3_000))).await?;
    let mentions: Vec<_> = members.iter().map(|member| member.id.clone()).collect();
    let metadata = json!({"x": "y".repeat(4 * 1024 - r#"{"x":""}"#.len())});
    let body = json!({
        "type": "text", "text": "\"".repeat(9_728), "metadata": metadata, "reply_to": quoted["id"], "mentions": mentions,
        "client_id": "\u{10000}".repeat(64),
    });
    let mut socket = author.connect().await?;
    let mut frame = topic.frame("send", body);
    frame["id"] = json!("i".repeat(126));
    socket.write(&frame.to_string()).await?;
    let answer = socket.text().await?;
    let mut longest = answer.len();
    let answer: Value = serde_json::from_str(&answer)?;
    let message = answer["result"]["entry"].clone();
    assert_eq!(message["mentions"].as_array().map(Vec::len), Some(20), "{answer}");
    for (index, letter) in ('a'..='t').enumerate() {
        let reaction = format!("{letter}{}", "\"".repeat(31));
        for member in &members {
            if index == 0 || member.id == author.id || member.id == reader.id {
                member.react(&topic, &message, &reaction).await?.ok(200)?;
            }
        }
    }
    author
        .update(&topic, &message, &json!({"metadata": metadata}))
        .await?
        .ok(200)?;
    let events = listener.events_so_far().await?;
    assert_eq!(
        events.last().map(|event| event["event"].clone()),
        Some(json!("message.updated"))
    );
    let reactions = &events[events.len() - 1]["data"]["entry"]["reactions"];
    assert_eq!(reactions.as_array().map(Vec::len), Some(20));
    for event in &events {
        longest = longest.max(event.to_string().len());
    }
    assert!(longest <= 32 * 1024 && longest > 30_000, "{longest} bytes");
    Ok(())
}
