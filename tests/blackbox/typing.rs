//! Who types.

use std::time::Duration;

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Socket, Target};
use tokio::time::sleep;

async fn watch(socket: &mut Socket, conversation: &impl Target) -> Result<()> {
    let conversation = json!({"target": conversation.kind(), "target_id": conversation.id()});
    let frame = json!({"action": "watch", "users": [], "conversation": conversation});
    socket.result(frame).await.map(drop)
}

fn typing(conversation: &impl Target, state: &str) -> Value {
    conversation.frame("typing", json!({"state": state}))
}

#[tokio::test]
async fn who_has_the_conversation_on_the_screen_is_told() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut of_ann, mut other_of_ann) = (ann.connect().await?, ann.connect().await?);
    let (mut watching, mut elsewhere) = (bob.connect().await?, bob.connect().await?);
    watch(&mut watching, &ann).await?;
    watch(&mut other_of_ann, &bob).await?;
    let answer = of_ann.ask(typing(&bob, "start")).await?;
    insta::assert_snapshot!(chat.shown_json(&answer), @r#"{"id": 2, "result": {}}"#);
    insta::assert_snapshot!(chat.shown_json(&watching.event().await?), @r#"
    {
      "data": {"state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]"}, "user": [ann]},
      "event": "typing.start"
    }
    "#);
    of_ann.result(typing(&bob, "stop")).await?;
    insta::assert_snapshot!(chat.shown_json(&watching.event().await?), @r#"
    {
      "data": {"state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]"}, "user": [ann]},
      "event": "typing.stop"
    }
    "#);
    // A stop without a start tells nobody; nor is one told of oneself.
    of_ann.result(typing(&bob, "stop")).await?;
    for socket in [&mut watching, &mut elsewhere, &mut of_ann, &mut other_of_ann] {
        assert_eq!(socket.names_so_far().await?, [""; 0]);
    }
    // It stands nowhere: neither in the inbox nor in the conversation.
    assert_eq!(bob.list("").await?.body["state"]["total"], 0);
    // What is watched next takes its place, and nothing ends it.
    watch(&mut watching, &bob).await?;
    sleep(Duration::from_secs(2)).await;
    of_ann.result(typing(&bob, "start")).await?;
    assert_eq!(watching.names_so_far().await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn members_of_a_topic_see_each_other_type() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    for user in [&ann, &bob, &cem] {
        user.join(&cats).await?.ok(200)?;
    }
    let (mut of_ann, mut of_bob, mut of_cem) = (ann.connect().await?, bob.connect().await?, cem.connect().await?);
    watch(&mut of_bob, &cats).await?;
    of_ann.result(typing(&cats, "start")).await?;
    insta::assert_snapshot!(chat.shown_json(&of_bob.event().await?), @r#"
    {
      "data": {"state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}, "user": [ann]},
      "event": "typing.start"
    }
    "#);
    assert_eq!(of_cem.names_so_far().await?, [""; 0], "Cem looks at something else");
    of_ann.result(typing(&cats, "stop")).await?;
    assert_eq!(of_bob.names_so_far().await?, ["typing.stop"]);
    // Who leaves does not watch any more.
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 1).await?;
    ann.remove(&cats, &bob).await?.ok(200)?;
    assert_eq!(of_bob.names_so_far().await?, ["member.left"]);
    of_cem.result(typing(&cats, "start")).await?;
    assert_eq!(of_bob.names_so_far().await?, [""; 0]);
    Ok(())
}

#[tokio::test]
async fn a_start_is_taken_every_two_seconds() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let (mut of_ann, mut second, mut of_bob) = (ann.connect().await?, ann.connect().await?, bob.connect().await?);
    watch(&mut of_bob, &ann).await?;
    of_ann.result(typing(&bob, "start")).await?;
    let refused = of_ann.ask(typing(&bob, "start")).await?;
    assert_eq!(
        (&refused["error"]["code"], &refused["error"]["status"]),
        (&json!("RATE_LIMITED"), &json!(429)),
        "{refused}"
    );
    // For all conversations of a connection, and for each connection.
    assert!(
        of_ann
            .error(typing(&cem, "start"))
            .await?
            .starts_with("429 RATE_LIMITED")
    );
    second.result(typing(&bob, "start")).await?;
    assert_eq!(of_bob.names_so_far().await?, ["typing.start", "typing.start"]);
    // A stop always is.
    of_ann.result(typing(&bob, "stop")).await?;
    assert_eq!(of_bob.names_so_far().await?, ["typing.stop"]);
    sleep(Duration::from_millis(2_100)).await;
    of_ann.result(typing(&bob, "start")).await?;
    assert_eq!(of_bob.names_so_far().await?, ["typing.start"]);
    Ok(())
}

#[tokio::test]
async fn a_wrong_frame_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = ann.connect().await?;
    let mut lines = Vec::new();
    for frame in [
        json!({"target": "user", "target_id": bob.id}),
        json!({"target": "user", "target_id": bob.id, "state": "begin"}),
        json!({"target": "user", "target_id": bob.id, "state": true}),
        json!({"target": "user", "state": "start"}),
        json!({"target": "villain", "target_id": bob.id, "state": "start"}),
        json!({"target_id": bob.id, "state": "start"}),
    ] {
        let mut frame = frame;
        frame["action"] = json!("typing");
        let error = socket.error(frame.clone()).await?;
        lines.push(format!("{}: {error}", chat.shown_text(&frame.to_string())));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"action":"typing","target":"user","target_id":[bob]}: 400 INVALID_FIELD ArgumentError: state must be start or stop
    {"action":"typing","state":"begin","target":"user","target_id":[bob]}: 400 INVALID_FIELD ArgumentError: state must be start or stop
    {"action":"typing","state":true,"target":"user","target_id":[bob]}: 400 INVALID_FIELD ArgumentError: state must be start or stop
    {"action":"typing","state":"start","target":"user"}: 400 INVALID_ID ArgumentError: target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"typing","state":"start","target":"villain","target_id":[bob]}: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain"
    {"action":"typing","state":"start","target_id":[bob]}: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target ""
    "#);
    Ok(())
}
