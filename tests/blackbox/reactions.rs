//! Reactions to messages.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Target as _};

#[tokio::test]
async fn a_reaction_is_given_and_taken_back() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Hello").await?;
    insta::assert_snapshot!(chat.shown(&bob.react(&ann, &message, "👍").await?), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [{"count": 1, "mine": true, "reaction": "👍", "users": [[bob]]}],
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    // Repeated, it changes nothing.
    insta::assert_snapshot!(chat.shown(&bob.react(&ann, &message, "👍").await?), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [{"count": 1, "mine": true, "reaction": "👍", "users": [[bob]]}],
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.react(&bob, &message, "👍").await?), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [{"count": 2, "mine": true, "reaction": "👍", "users": [[ann], [bob]]}],
        "rev": [rev 3],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 3]}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&ann.react(&bob, &message, "ok").await?), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [
          {"count": 2, "mine": true, "reaction": "👍", "users": [[ann], [bob]]},
          {"count": 1, "mine": true, "reaction": "ok", "users": [[ann]]}
        ],
        "rev": [rev 4],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 3], "rev": [rev 4]}
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.history(&ann, "").await?), @r#"
    200 {
      "entry": {"id": [ann], "unknown": true},
      "messages": [
        {
          "author": {"id": [ann], "unknown": true},
          "id": "[id 1]",
          "reactions": [
            {"count": 2, "mine": true, "reaction": "👍", "users": [[ann], [bob]]},
            {"count": 1, "mine": false, "reaction": "ok", "users": [[ann]]}
          ],
          "rev": [rev 4],
          "seq": 1,
          "text": "Hello",
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
        "rev": [rev 4],
        "total": 1,
        "total_pages": 1
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown(&bob.take_back(&ann, &message, "👍").await?), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [
          {"count": 1, "mine": false, "reaction": "👍", "users": [[ann]]},
          {"count": 1, "mine": false, "reaction": "ok", "users": [[ann]]}
        ],
        "rev": [rev 5],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 4], "rev": [rev 5]}
    }
    "#);
    assert_eq!(bob.take_back(&ann, &message, "👍").await?.status, 200);
    assert_eq!(bob.take_back(&ann, &message, "never given").await?.status, 200);
    ann.take_back(&bob, &message, "👍").await?.ok(200)?;
    let left = ann.take_back(&bob, &message, "ok").await?;
    insta::assert_snapshot!(chat.shown(&left), @r#"
    200 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 6],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 7], "rev": [rev 6]}
    }
    "#);
    // The inbox shows none, and nothing is unread for it.
    ann.react(&bob, &message, "❤️").await?.ok(200)?;
    let entry = bob.list("?no_format").await?.ok(200)?["entries"][0].clone();
    assert_eq!(
        (&entry["latest"]["reactions"], &entry["unread"]),
        (&Value::Null, &json!(1))
    );
    Ok(())
}

#[tokio::test]
async fn each_receiver_is_told_which_are_its_own() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    bob.join(&cats).await?.ok(200)?;
    cem.join(&cats).await?.ok(200)?;
    let message = ann.send_text(&cats, "Hello").await?;
    let (mut asking, mut of_ann) = (bob.connect().await?, ann.connect().await?);
    let (mut of_bob, mut of_cem) = (bob.connect().await?, cem.connect().await?);
    let about = |properties: Value| {
        let mut properties = properties;
        properties["message_id"] = message["id"].clone();
        cats.frame("react", properties)
    };
    cem.react(&cats, &message, "🎉").await?.ok(200)?;
    for socket in [&mut asking, &mut of_ann, &mut of_bob, &mut of_cem] {
        socket.event().await?;
    }
    let answer = asking.ask(about(json!({"reaction": "👍"}))).await?;
    insta::assert_snapshot!(chat.shown_json(&answer), @r#"
    {
      "cursor": "[cursor 1]",
      "id": 2,
      "prev": "[cursor 2]",
      "result": {
        "entry": {
          "author": [ann],
          "id": "[id 1]",
          "reactions": [
            {"count": 1, "mine": false, "reaction": "🎉", "users": [[cem]]},
            {"count": 1, "mine": true, "reaction": "👍", "users": [[bob]]}
          ],
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 1]}
      }
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"
    {
      "cursor": "[cursor 3]",
      "data": {
        "entry": {
          "author": [ann],
          "id": "[id 1]",
          "reactions": [
            {"count": 1, "mine": false, "reaction": "🎉", "users": [[cem]]},
            {"count": 1, "mine": false, "reaction": "👍", "users": [[bob]]}
          ],
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 1]}
      },
      "event": "message.updated",
      "prev": "[cursor 4]"
    }
    "#);
    let mut mine = Vec::new();
    let (to_bob, to_cem) = (of_bob.event().await?, of_cem.event().await?);
    for event in [&answer["result"], &to_bob["data"], &to_cem["data"]] {
        let reactions = event["entry"]["reactions"].as_array().cloned().unwrap_or_default();
        let is_mine = |given: &Value| format!("{} {}", given["reaction"], given["mine"]);
        mine.push(reactions.iter().map(is_mine).collect::<Vec<_>>().join(", "));
    }
    insta::assert_snapshot!(mine.join("\n"), @r#"
    "🎉" false, "👍" true
    "🎉" false, "👍" true
    "🎉" true, "👍" false
    "#);
    // Taken back; `remove` may also be false.
    let answer = asking.result(about(json!({"reaction": "👍", "remove": true}))).await?;
    insta::assert_snapshot!(chat.shown_json(&answer), @r#"
    {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [{"count": 1, "mine": false, "reaction": "🎉", "users": [[cem]]}],
        "rev": [rev 3],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 1], "rev": [rev 3]}
    }
    "#);
    assert_eq!(of_cem.event().await?["event"], "message.updated");
    asking.result(about(json!({"reaction": "👍", "remove": true}))).await?;
    asking.result(about(json!({"reaction": "🎉", "remove": false}))).await?;
    assert_eq!(
        of_cem.names_so_far().await?,
        ["message.updated"],
        "repeated, it is told to nobody"
    );
    assert_eq!(asking.names_so_far().await?, [""; 0]);
    let path = format!("{}/changes?since=0", cats.path());
    let changed = cem.call(Method::GET, &path, None).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&changed["messages"]), @r#"
    [
      {
        "author": [ann],
        "id": "[id 1]",
        "reactions": [{"count": 2, "mine": true, "reaction": "🎉", "users": [[bob], [cem]]}],
        "rev": [rev 4],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      }
    ]
    "#);
    Ok(())
}

#[tokio::test]
async fn reactions_outlive_an_edit_and_end_with_the_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Hello").await?;
    bob.react(&ann, &message, "👍").await?.ok(200)?;
    let edited = ann.update(&bob, &message, &json!({"text": "Hello!"})).await?;
    insta::assert_snapshot!(chat.shown(&edited), @r#"
    200 {
      "entry": {
        "author": [ann],
        "edited": {epoch, iso},
        "id": "[id 1]",
        "reactions": [{"count": 1, "mine": false, "reaction": "👍", "users": [[bob]]}],
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello!",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    let seen = bob.see(&ann, &message).await?;
    assert_eq!(seen["entry"]["reactions"][0]["mine"], true);
    ann.delete(&bob, &message).await?.ok(200)?;
    insta::assert_snapshot!(bob.react(&ann, &message, "👍").await?.error()?, @"404 NOT_FOUND NotFound: Message not found");
    assert_eq!(bob.take_back(&ann, &message, "👍").await?.status, 404);
    // A retry of the send shows the first answer.
    let body = json!({"type": "text", "text": "x", "client_id": "a"});
    let first = ann.send(&bob, &body).await?.ok(201)?;
    bob.react(&ann, &first["entry"], "👍").await?.ok(200)?;
    let again = ann.send(&bob, &body).await?.ok(201)?;
    assert_eq!(again["entry"]["reactions"], Value::Null);
    Ok(())
}

#[tokio::test]
async fn what_is_no_reaction_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Hello").await?;
    let id = message["id"].as_str().unwrap_or_default();
    let base = format!("{}/{id}/reactions", ann.path());
    let long = "x".repeat(33);
    let mut lines = Vec::new();
    for end in [
        "%2F",
        "a%2Fb",
        "%2E",
        "%2E%2E",
        "%252F",
        "%20",
        "a%20b",
        "%00",
        "%09",
        "%C2%85",
        "%E2%80%8B",
        "%FF",
        &long,
        "",
        "%F0%9F%91%8D/x",
    ] {
        let answer = bob.call(Method::PUT, &format!("{base}/{end}"), None).await?;
        let end: String = end.chars().take(20).collect();
        // AWS refuses some of these itself.
        let shown = answer.error().unwrap_or_else(|_| match answer.status {
            200 => {
                let given = answer.body["entry"]["reactions"].as_array();
                let last = given.and_then(|given| given.last().cloned()).unwrap_or_default();
                format!("200 {}", last["reaction"])
            }
            status => format!("{status} {}", answer.body),
        });
        lines.push(format!("{end}: {shown}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    %2F: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    a%2Fb: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    %2E: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    %2E%2E: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    %252F: 200 "%2F"
    %20: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    a%20b: 200 "a b"
    %00: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    %09: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    %C2%85: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    %E2%80%8B: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    %FF: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    xxxxxxxxxxxxxxxxxxxx: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    : 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    %F0%9F%91%8D/x: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    "#);
    let mut socket = bob.connect().await?;
    let mut lines = Vec::new();
    for (reaction, remove) in [
        (json!("/"), json!(null)),
        (json!("."), json!(null)),
        (json!(".."), json!(null)),
        (json!(""), json!(null)),
        (json!(" "), json!(null)),
        (json!("a\nb"), json!(null)),
        (json!("x".repeat(33)), json!(null)),
        (json!("👍".repeat(9)), json!(null)),
        (json!(7), json!(null)),
        (json!(null), json!(null)),
        (json!(["👍"]), json!(null)),
        (json!("👍"), json!("true")),
        (json!("👍"), json!(1)),
    ] {
        let frame = ann.frame(
            "react",
            json!({"message_id": id, "reaction": reaction, "remove": remove}),
        );
        lines.push(format!("{reaction} {remove}: {}", socket.error(frame).await?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "/" null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    "." null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    ".." null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    "" null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    " " null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    "a\nb" null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    "👍👍👍👍👍👍👍👍👍" null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    7 null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    null null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    ["👍"] null: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    "👍" "true": 400 INVALID_FIELD ArgumentError: remove must be true or false
    "👍" 1: 400 INVALID_FIELD ArgumentError: remove must be true or false
    "#);
    let history = bob.whole_history(&ann).await?;
    assert_eq!(history[0]["reactions"].as_array().map(Vec::len), Some(2));
    // What is one, in every length and spelling.
    for reaction in [
        "…",
        "...",
        "+1",
        ":thumbs_up:",
        "%",
        "?",
        "#",
        "\"",
        "\\",
        "👨‍👩‍👧‍👦",
        "🏴‍☠️",
        "é",
        "<b>",
        &"👍".repeat(8),
        &"x".repeat(32),
    ] {
        let frame = ann.frame("react", json!({"message_id": id, "reaction": reaction}));
        let given = socket.result(frame).await?["entry"]["reactions"].clone();
        let is_there = given
            .as_array()
            .into_iter()
            .flatten()
            .any(|given| given["reaction"] == reaction);
        assert!(is_there, "{reaction}: {given}");
    }
    Ok(())
}

/// API Gateway cuts a path at a question mark, also at an encoded one. The local stack refuses such a path, so that it shows.
#[tokio::test]
async fn a_reaction_with_a_question_mark_goes_over_the_websocket() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Hello").await?;
    assert_eq!(bob.react(&ann, &message, "what?").await?.status, 400);
    let mut socket = bob.connect().await?;
    for remove in [false, true] {
        let frame = json!({"message_id": message["id"], "reaction": "what?", "remove": remove});
        let entry = socket.result(ann.frame("react", frame)).await?["entry"].clone();
        let given = entry["reactions"][0]["reaction"].clone();
        assert_eq!(given, if remove { Value::Null } else { json!("what?") });
    }
    Ok(())
}

#[tokio::test]
async fn only_messages_of_this_conversation_take_reactions_of_its_members() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    let message = ann.send_text(&bob, "Hello").await?;
    let in_topic = ann.send_text(&cats, "Hello").await?;
    let unknown = json!({"id": "215066e1-e4a6-4a67-93b3-372519f7dfff"});
    let mut lines = Vec::new();
    for answer in [
        cem.react(&ann, &message, "👍").await?,
        cem.react(&cats, &in_topic, "👍").await?,
        cem.react(&cats, &message, "👍").await?,
        bob.react(&ann, &in_topic, "👍").await?,
        bob.react(&ann, &unknown, "👍").await?,
        bob.react(&ann, &json!({"id": "x"}), "👍").await?,
    ] {
        lines.push(answer.error()?);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    404 NOT_FOUND NotFound: Message not found
    403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    404 NOT_FOUND NotFound: Message not found
    404 NOT_FOUND NotFound: Message not found
    404 NOT_FOUND NotFound: Message not found
    ");
    Ok(())
}

#[tokio::test]
async fn a_message_takes_twenty_kinds() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Hello").await?;
    for number in 1..=20 {
        bob.react(&ann, &message, &number.to_string()).await?.ok(200)?;
    }
    insta::assert_snapshot!(bob.react(&ann, &message, "21").await?.error()?, @"409 TOO_MANY_REACTIONS ConflictError: a message takes 20 different reactions, and 2000 in all");
    // Of the kinds that are there it takes more.
    let last = ann.react(&bob, &message, "20").await?.ok(200)?["entry"]["reactions"][19].clone();
    insta::assert_snapshot!(chat.shown_json(&last), @r#"{"count": 2, "mine": true, "reaction": "20", "users": [[ann], [bob]]}"#);
    bob.take_back(&ann, &message, "1").await?.ok(200)?;
    assert_eq!(bob.react(&ann, &message, "21").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn the_newest_ten_are_named_and_all_are_counted() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let [cats] = chat.topics(["cats"]);
    let message = ann.send_text(&cats, "Hello").await?;
    let users = chat.users([
        "u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8", "u9", "u10", "u11", "u12",
    ]);
    for user in &users {
        user.join(&cats).await?.ok(200)?;
        user.react(&cats, &message, "👍").await?.ok(200)?;
    }
    let reactions = async |of: &tests::User| {
        let message = of.whole_history(&cats).await?.remove(0);
        anyhow::Ok(chat.shown_json(&message["reactions"]))
    };
    insta::assert_snapshot!(reactions(&users[0]).await?, @r#"
    [
      {
        "count": 12,
        "mine": true,
        "reaction": "👍",
        "users": [[u12], [u11], [u10], [u9], [u8], [u7], [u6], [u5], [u4], [u3]]
      }
    ]
    "#);
    // Whoever left stays counted, and takes nothing back.
    users[11].leave(&cats).await?.ok(200)?;
    assert_eq!(users[11].take_back(&cats, &message, "👍").await?.status, 403);
    users[5].take_back(&cats, &message, "👍").await?.ok(200)?;
    insta::assert_snapshot!(reactions(&users[5]).await?, @r#"
    [
      {
        "count": 11,
        "mine": false,
        "reaction": "👍",
        "users": [[u12], [u11], [u10], [u9], [u8], [u7], [u5], [u4], [u3], [u2]]
      }
    ]
    "#);
    Ok(())
}
