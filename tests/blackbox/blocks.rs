//! Blocking other users.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, RawRedis, Socket, Target as _, User};

async fn block(user: &User, other: &User) -> Result<Answer> {
    user.call(Method::PUT, &format!("{}/block", other.path()), None).await
}

async fn unblock(user: &User, other: &User) -> Result<Answer> {
    user.call(Method::DELETE, &format!("{}/block", other.path()), None)
        .await
}

async fn blocks(user: &User, query: &str) -> Result<Value> {
    user.call(Method::GET, &format!("/blocks{query}"), None).await?.ok(200)
}

async fn watch(socket: &mut Socket, user: &User) -> Result<Value> {
    let conversation = json!({"target": "user", "target_id": user.id});
    let frame = json!({"action": "watch", "users": [user.id], "conversation": conversation});
    Ok(socket.result(frame).await?["entries"][0].take())
}

#[tokio::test]
async fn a_block_is_set_listed_and_taken_back() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    insta::assert_snapshot!(chat.shown(&block(&ann, &bob).await?), @r#"200 {"blocked": true, "id": [bob]}"#);
    let first = blocks(&ann, "").await?;
    block(&ann, &bob).await?.ok(200)?;
    assert_eq!(blocks(&ann, "").await?, first, "a repetition changes nothing");
    block(&ann, &cem).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&blocks(&ann, "").await?), @r#"{"entries": [{"id": [cem], "since": {epoch, iso}}, {"id": [bob], "since": {epoch, iso}}], "next": null}"#);
    let page = blocks(&ann, "?limit=1").await?;
    assert_eq!(
        (page["entries"][0]["id"].clone(), page["next"].is_string()),
        (cem.id.clone(), true)
    );
    let next = page["next"].as_str().unwrap_or_default();
    let page = blocks(&ann, &format!("?limit=1&after={next}")).await?;
    assert_eq!(
        (page["entries"][0]["id"].clone(), page["next"].clone()),
        (bob.id.clone(), Value::Null)
    );
    // Nobody has sent anything, so nobody has a conversation.
    for user in [&ann, &bob] {
        assert_eq!(user.list("").await?.ok(200)?["state"]["total"], 0);
    }
    insta::assert_snapshot!(chat.shown(&unblock(&ann, &bob).await?), @r#"200 {"blocked": false, "id": [bob]}"#);
    unblock(&ann, &bob).await?.ok(200)?;
    unblock(&ann, &cem).await?.ok(200)?;
    assert_eq!(blocks(&ann, "").await?["entries"], json!([]));
    Ok(())
}

#[tokio::test]
async fn a_wrong_request_about_blocks_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let own = format!("{}/block", ann.path());
    let mut lines = Vec::new();
    for (method, path) in [
        (Method::PUT, own.as_str()),
        (Method::DELETE, &own),
        (Method::PUT, "/user/007/block"),
        (Method::GET, "/blocks?limit=0"),
        (Method::GET, "/blocks?after=7"),
        (Method::PUT, "/topic/7/block"),
        (Method::POST, "/blocks"),
    ] {
        let error = ann.call(method.clone(), path, None).await?.error()?;
        lines.push(chat.shown_text(&format!("{method} {path}: {error}")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    PUT /user/[ann]/block: 400 INVALID_FIELD ArgumentError: the user's id must be another user's: you cannot block yourself
    DELETE /user/[ann]/block: 400 INVALID_FIELD ArgumentError: the user's id must be another user's: you cannot block yourself
    PUT /user/007/block: 400 INVALID_ID ArgumentError: the user's id must not have leading zeros
    GET /blocks?limit=0: 400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    GET /blocks?after=7: 400 INVALID_FIELD ArgumentError: after must be the next of a page
    PUT /topic/7/block: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    POST /blocks: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    ");
    Ok(())
}

#[tokio::test]
async fn a_blocked_user_cannot_write_by_rest_or_socket() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let theirs = ann.send_text(&bob, "from Ann").await?;
    let own = bob.send_text(&ann, "from Bob").await?;
    bob.react(&ann, &theirs, "x").await?.ok(200)?;
    let keyed = json!({"type": "text", "text": "sent before", "client_id": "k"});
    let known = bob.send(&ann, &keyed).await?.ok(201)?;
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    let inbox = bob.list("?no_format").await?.ok(200)?;
    block(&ann, &bob).await?.ok(200)?;

    let mut lines = Vec::new();
    let text = json!({"text": "x"});
    for answer in [
        bob.send(&ann, &json!({"type": "text", "text": "x"})).await?,
        bob.update(&ann, &own, &text).await?,
        bob.react(&ann, &theirs, "y").await?,
        bob.take_back(&ann, &theirs, "x").await?,
    ] {
        lines.push(answer.error()?);
    }
    for frame in [
        ann.frame("send", json!({"type": "text", "text": "x"})),
        ann.frame("update", json!({"message_id": own["id"], "text": "x"})),
        ann.frame("react", json!({"message_id": theirs["id"], "reaction": "y"})),
    ] {
        lines.push(of_bob.error(frame).await?);
    }
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"403 NOT_ACCEPTED ForbiddenError: This user does not accept messages from you");
    // A repeated send from before the block gets its first answer, and no other answer reveals the block.
    let again = bob.send(&ann, &keyed).await?.ok(201)?;
    assert_eq!(again["entry"], known["entry"]);
    assert_eq!(bob.list("?no_format").await?.ok(200)?, inbox);
    assert_eq!(of_ann.names_so_far().await?, [""; 0]);
    assert_eq!(of_bob.names_so_far().await?, [""; 0]);
    // A blocked user can still delete the own messages, and the blocker can write.
    bob.delete(&ann, &own).await?.ok(200)?;
    assert_eq!(of_ann.names_so_far().await?, ["message.deleted"]);
    ann.send_text(&bob, "still from Ann").await?;
    // In a topic nothing changes.
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "meow").await?;
    bob.send_text(&cats, "meow too").await?;

    unblock(&ann, &bob).await?.ok(200)?;
    bob.send_text(&ann, "again").await?;
    let texts: Vec<_> = ann
        .whole_history(&bob)
        .await?
        .iter()
        .map(|message| message["text"].clone())
        .collect();
    assert_eq!(texts, ["from Ann", "sent before", "still from Ann", "again"]);
    Ok(())
}

#[tokio::test]
async fn a_blocked_user_reads_without_being_seen() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Did you read it?").await?;
    block(&ann, &bob).await?.ok(200)?;
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    insta::assert_snapshot!(chat.shown(&bob.read(&ann, None).await?), @r#"
    200 {
      "read": {"mentioned": 0, "seq": 1, "unread": 0, "unread_total": 0, "up_to": "[id 1]"},
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]"}
    }
    "#);
    let event = of_bob.event().await?;
    assert_eq!(
        (&event["event"], &event["data"]["read"]["seq"]),
        (&json!("message.read"), &json!(1))
    );
    assert!(
        event["cursor"].is_string() && event["data"]["state"]["rev"].is_null(),
        "{event}"
    );
    assert_eq!(bob.unread(&ann).await?, (0, 0));
    let by_update = bob.see(&ann, &message).await?;
    assert_eq!(
        (by_update["entry"]["status"].clone(), by_update["state"]["rev"].clone()),
        (json!("seen"), Value::Null)
    );
    let of_bob_again = bob.whole_history(&ann).await?;
    assert_eq!(of_bob_again[0]["status"], "seen");
    // Ann is not told, and finds nothing.
    assert_eq!(of_ann.names_so_far().await?, [""; 0]);
    assert_eq!(ann.whole_history(&bob).await?[0]["status"], Value::Null);
    let changes = format!("{}/changes?since=0", bob.path());
    let changes = ann.call(Method::GET, &changes, None).await?.ok(200)?;
    assert_eq!(changes["read"], json!({ann.id.to_string(): 1}));
    // The next move of Bob's read position after the block shows all of it.
    unblock(&ann, &bob).await?.ok(200)?;
    bob.read(&ann, None).await?.ok(200)?;
    assert_eq!(of_ann.names_so_far().await?, ["message.read"]);
    assert_eq!(ann.whole_history(&bob).await?[0]["status"], "seen");
    Ok(())
}

#[tokio::test]
async fn a_block_hides_typing_and_presence_from_both_sides() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "Hello").await?;
    bob.send_text(&ann, "Hello").await?;
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    assert_eq!(watch(&mut of_ann, &bob).await?["online"], true);
    assert_eq!(watch(&mut of_bob, &ann).await?["online"], true);
    block(&ann, &bob).await?.ok(200)?;
    // Earlier watches end, and no new one begins.
    of_bob.result(ann.frame("typing", json!({"state": "start"}))).await?;
    assert_eq!(of_ann.names_so_far().await?, [""; 0]);
    for (user, other, socket) in [(&ann, &bob, &mut of_ann), (&bob, &ann, &mut of_bob)] {
        let nothing = json!({"id": other.id, "online": false, "last_active": null});
        let by_rest = user
            .call(Method::GET, &format!("/presence?ids={}", other.id), None)
            .await?
            .ok(200)?;
        assert_eq!(by_rest["entries"], json!([nothing]));
        assert_eq!(watch(socket, other).await?, nothing);
    }
    of_ann.close().await?;
    let again = ann.connect().await?;
    assert_eq!(of_bob.names_so_far().await?, [""; 0]);
    unblock(&ann, &bob).await?.ok(200)?;
    assert_eq!(watch(&mut of_bob, &ann).await?["online"], true);
    again.close().await
}

#[tokio::test]
async fn repeating_a_block_completes_one_that_a_crash_cut_off() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    block(&ann, &bob).await?.ok(200)?;
    // As if the function had died after the first step.
    let redis = RawRedis::of(&chat).await?;
    let key = bob.history(&ann, "").await?.ok(200)?["state"]["key"].clone();
    let meta = format!("{{senna-sockets:{}}}:meta", key.as_str().unwrap_or_default());
    let () = redis.run(&format!("DEL {meta}")).await?;
    assert_eq!(blocks(&ann, "").await?["entries"][0]["id"], bob.id);
    bob.send_text(&ann, "got through").await?;
    block(&ann, &bob).await?.ok(200)?;
    let refused = bob.send(&ann, &json!({"type": "text", "text": "x"})).await?;
    assert!(refused.error()?.starts_with("403 NOT_ACCEPTED"));
    Ok(())
}
