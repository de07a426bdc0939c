//! Requests that are repeated because their answer did not come.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, Request, User};

fn body(client_id: &str, text: &str) -> Value {
    json!({"type": "text", "text": text, "client_id": client_id})
}

async fn with_header(from: &User, chat: &Chat, to: &User, key: &str) -> Result<Answer> {
    let headers = [("X-Auth-Token", from.token()?), ("Idempotency-Key", key.to_owned())];
    let request = Request {
        method: Method::POST,
        path: to.path(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).to_vec(),
        body: br#"{"type":"text","text":"once"}"#.to_vec(),
    };
    chat.rest(request).await
}

#[tokio::test]
async fn a_repeated_send_is_answered_as_the_first_and_sends_nothing() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    let first = ann.send(&bob, &body("1", "once")).await?.ok(201)?;
    for _ in 0..2 {
        assert_eq!(ann.send(&bob, &body("1", "once")).await?.ok(201)?, first);
    }
    // By header and over the socket: it is the same key.
    assert_eq!(with_header(&ann, &chat, &bob, "1").await?.ok(201)?, first);
    let frame = json!({
        "action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "once", "client_id": "1",
    });
    assert_eq!(of_ann.result(frame).await?, first);
    assert_eq!(ann.whole_history(&bob).await?.len(), 1);
    assert_eq!(
        (of_ann.events_so_far().await?.len(), of_bob.events_so_far().await?.len()),
        (1, 1)
    );

    // Whatever became of the message since.
    ann.update(&bob, &first["entry"], &json!({"text": "changed"}))
        .await?
        .ok(200)?;
    assert_eq!(ann.send(&bob, &body("1", "once")).await?.ok(201)?, first);
    bob.see(&ann, &first["entry"]).await?;
    assert_eq!(ann.send(&bob, &body("1", "once")).await?.ok(201)?, first);
    ann.delete(&bob, &first["entry"]).await?.ok(200)?;
    assert_eq!(ann.send(&bob, &body("1", "once")).await?.ok(201)?, first);
    assert_eq!(ann.whole_history(&bob).await?.len(), 0);
    assert_eq!(
        of_bob.events_so_far().await?.len(),
        3,
        "the changes, and nothing for the repetitions"
    );
    Ok(())
}

#[tokio::test]
async fn another_key_author_or_conversation_is_another_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    for (from, to, key) in [
        (&ann, &bob, "1"),
        (&ann, &bob, "2"),
        (&bob, &ann, "1"),
        (&ann, &eve, "1"),
    ] {
        from.send(to, &body(key, "x")).await?.ok(201)?;
    }
    assert_eq!(
        (
            ann.whole_history(&bob).await?.len(),
            ann.whole_history(&eve).await?.len()
        ),
        (3, 1)
    );
    Ok(())
}

#[tokio::test]
async fn many_tries_at_once_are_one_message() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut of_bob = bob.connect().await?;
    let body = body("at once", "once");
    let tries = (0..20).map(|_| ann.send(&bob, &body));
    let answers = futures_util::future::try_join_all(tries).await?;
    assert!(
        answers
            .iter()
            .all(|answer| answer.status == 201 && answer.body == answers[0].body)
    );
    assert_eq!(ann.whole_history(&bob).await?.len(), 1);
    // Two tries may find each other at work and both tell of it; it is one event.
    let events = of_bob.events_so_far().await?;
    let data = |event: &Value| event["data"].clone();
    assert!(
        !events.is_empty() && events.iter().all(|event| data(event) == data(&events[0])),
        "{events:?}"
    );
    Ok(())
}

#[tokio::test]
async fn updates_and_deletions_can_be_repeated() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "a").await?;
    let mut of_bob = bob.connect().await?;
    for _ in 0..2 {
        bob.see(&ann, &message).await?;
    }
    for _ in 0..2 {
        ann.delete(&bob, &message).await?.ok(200)?;
    }
    let names: Vec<Value> = of_bob
        .events_so_far()
        .await?
        .iter()
        .map(|event| event["event"].clone())
        .collect();
    assert_eq!(names, ["message.read", "message.deleted"]);
    Ok(())
}

#[tokio::test]
async fn a_repeated_reply_answers_as_the_first_did_when_it_was_deleted() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let question = ann.send_text(&bob, "Tea?").await?;
    let reply = json!({"type": "text", "text": "Yes", "reply_to": question["id"], "client_id": "k"});
    let first = bob.send(&ann, &reply).await?.ok(201)?;
    assert_eq!(first["entry"]["reply_to"]["excerpt"], "Tea?");
    bob.delete(&ann, &first["entry"]).await?.ok(200)?;
    assert_eq!(bob.send(&ann, &reply).await?.ok(201)?, first);
    Ok(())
}

/// Only members read the topic of the second chat.
#[tokio::test]
async fn who_was_removed_is_not_shown_what_the_own_reply_was_about() -> Result<()> {
    let open = Chat::own(&[]).await?;
    let redis = open.stack().addresses.redis.clone();
    let variables = [("SOCK_TOPIC_ACCESS", "platform"), ("SOCK_REDIS_URL", redis.as_str())];
    let closed = Chat::own(&variables).await?;
    let [ann, bob] = open.users(["ann", "bob"]);
    let [cats] = open.topics(["cats"]);
    let question = ann.send_text(&cats, "Tea?").await?;
    let reply = json!({"type": "text", "text": "Yes", "reply_to": question["id"], "client_id": "k"});
    bob.send(&cats, &reply).await?.ok(201)?;
    bob.leave(&cats).await?.ok(200)?;
    ann.update(&cats, &question, &json!({"text": "secret"}))
        .await?
        .ok(200)?;
    let again = closed.user(&bob.id).send(&cats, &reply).await?.ok(201)?;
    assert_eq!(
        (&again["entry"]["text"], &again["entry"]["reply_to"]),
        (&json!("Yes"), &Value::Null)
    );
    Ok(())
}

#[tokio::test]
async fn a_key_belongs_to_one_content() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let first = ann.send(&bob, &body("1", "once")).await?.ok(201)?;
    ann.update(&bob, &first["entry"], &json!({"text": "edited"}))
        .await?
        .ok(200)?;
    insta::assert_snapshot!(ann.send(&bob, &body("1", "THIRD")).await?.error()?, @"409 RETRY_KEY_REUSED ConflictError: This client_id or Idempotency-Key was used for another content");
    let mut socket = ann.connect().await?;
    let frame = json!({
        "action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "THIRD", "client_id": "1",
    });
    insta::assert_snapshot!(socket.error(frame).await?, @"409 RETRY_KEY_REUSED ConflictError: This client_id or Idempotency-Key was used for another content");
    assert_eq!(ann.send(&bob, &body("1", "once")).await?.ok(201)?, first);
    let history = ann.whole_history(&bob).await?;
    assert_eq!((history.len(), &history[0]["text"]), (1, &json!("edited")));
    Ok(())
}

/// Two devices edit one message; the first edit is repeated, as by a client that has heard nothing.
#[tokio::test]
async fn a_repeated_edit_does_not_undo_a_later_one() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "0").await?;
    let edit = |text: &str, key: &str| json!({"text": text, "client_id": key});
    let first = ann.update(&bob, &message, &edit("phone", "p")).await?.ok(200)?;
    let second = ann.update(&bob, &message, &edit("desk", "d")).await?.ok(200)?;
    let mut of_bob = bob.connect().await?;
    let again = ann.update(&bob, &message, &edit("phone", "p")).await?.ok(200)?;
    assert_eq!((&again["state"], &again["entry"]), (&first["state"], &second["entry"]));
    insta::assert_snapshot!(ann.update(&bob, &message, &edit("other", "p")).await?.error()?, @"409 RETRY_KEY_REUSED ConflictError: This client_id or Idempotency-Key was used for another content");
    assert_eq!(ann.whole_history(&bob).await?[0]["text"], "desk");
    assert_eq!(of_bob.events_so_far().await?.len(), 0, "nobody is told again");
    Ok(())
}

#[tokio::test]
async fn a_key_must_be_short_and_printable() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    for wrong in [json!(""), json!("x".repeat(65)), json!("a\nb"), json!(7), json!({})] {
        let body = json!({"type": "text", "text": "x", "client_id": wrong});
        assert_eq!(
            ann.send(&bob, &body).await?.error()?,
            "400 INVALID_CLIENT_ID ArgumentError: client_id must be 1 to 64 printable characters",
            "{wrong}"
        );
    }
    insta::assert_snapshot!(with_header(&ann, &chat, &bob, &"x".repeat(65)).await?.error()?, @"400 INVALID_CLIENT_ID ArgumentError: Idempotency-Key must be 1 to 64 printable characters");
    for right in ["größe 👋".to_owned(), "x".repeat(64)] {
        ann.send(&bob, &body(&right, "x")).await?.ok(201)?;
    }
    Ok(())
}
