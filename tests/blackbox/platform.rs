//! The platform's own server: its keys, and its messages.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Backend, Chat, KEYS, User};

/// A request to each route.
fn routes(user: &User) -> Vec<(Method, String)> {
    let id = &user.id;
    [
        (Method::POST, format!("/users/{id}/messages/user/1")),
        (Method::GET, format!("/conversations/user/{id}/1")),
        (
            Method::DELETE,
            format!("/messages/user/{id}/1/0192f0e4-7d00-7abc-8def-000000000007"),
        ),
        (Method::PUT, format!("/topics/1/members/{id}")),
        (Method::DELETE, format!("/topics/1/members/{id}")),
        (Method::GET, format!("/users/{id}/ban")),
        (Method::PUT, format!("/users/{id}/ban")),
        (Method::DELETE, format!("/users/{id}/ban")),
        (Method::POST, format!("/users/{id}/revoke")),
        (Method::GET, format!("/users/{id}/export")),
        (Method::POST, format!("/users/{id}/erase")),
        (Method::GET, format!("/users/{id}/erase")),
        (Method::POST, format!("/users/{id}/profile-changed")),
        (Method::GET, "/reports".to_owned()),
        (
            Method::POST,
            "/reports/00000000000000000000000000000007/resolve".to_owned(),
        ),
    ]
    .into()
}

/// The error that every route answers, which must be the same.
async fn refusal(backend: &Backend, user: &User) -> Result<String> {
    let mut errors = Vec::new();
    for (method, path) in routes(user) {
        errors.push(backend.call(method, &path, None).await?.error()?);
    }
    errors.dedup();
    Ok(errors.join("\n"))
}

#[tokio::test]
async fn only_a_key_of_the_platform_opens_its_routes() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let backend = chat.backend();
    let token = ann.token()?;
    let bearer = format!("Bearer {token}");
    let strangers = [
        backend.without_headers(),
        backend.with("Authorization", "Bearer the-wrong-key-of-the-black-box-tests"),
        backend.with("Authorization", &format!("Bearer {KEYS}")),
        backend.with("Authorization", &bearer),
        backend.without_headers().with("X-Auth-Token", &token),
    ];
    for stranger in strangers {
        let refused = refusal(&stranger, &ann).await?;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"401 INVALID_PLATFORM_KEY UnauthenticatedError: The platform key is missing or wrong");
        }
    }
    for key in KEYS.split(',') {
        let backend = backend.with("Authorization", &format!("Bearer {key}"));
        let answer = backend.about(&ann, Method::GET, "/ban").await?.ok(200)?;
        assert_eq!(answer, json!({"id": ann.id, "banned": false}));
        // And the key opens nothing else.
        for header in ["Authorization", "X-Auth-Token"] {
            let headers = vec![(header.to_owned(), format!("Bearer {key}"))];
            let path = "/list".to_owned();
            let answer = chat
                .rest(tests::Request {
                    path,
                    headers,
                    ..tests::Request::default()
                })
                .await?;
            let refused = answer.error()?;
            insta::allow_duplicates! {
                insta::assert_snapshot!(refused, @"401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again");
            }
        }
    }
    Ok(())
}

#[tokio::test]
async fn without_a_key_there_are_no_routes_for_the_platform() -> Result<()> {
    let chat = Chat::own(&[]).await?;
    let [ann] = chat.users(["ann"]);
    let backend = chat.backend();
    for backend in [backend.clone(), backend.without_headers()] {
        let refused = refusal(&backend, &ann).await?;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_platform_may_name_another_site() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    let hello = json!({"type": "text", "text": "Hello"});
    let key = async |backend: &Backend| {
        let sent = backend.send(&ann, &bob, &hello).await?;
        anyhow::Ok(chat.shown_json(&sent.ok(201)?["state"]["key"]))
    };
    assert_eq!(key(&backend).await?, r#""myplatform:dm:[ann]-[bob]""#);
    assert_eq!(
        key(&backend.with("Host", "chat.red.test")).await?,
        r#""red:dm:[ann]-[bob]""#
    );
    let blue = backend.with("X-Senna-Domain", "blue");
    assert_eq!(key(&blue).await?, r#""blue:dm:[ann]-[bob]""#);
    assert_eq!(
        key(&blue.with("Host", "chat.red.test")).await?,
        r#""blue:dm:[ann]-[bob]""#
    );
    for unknown in ["green", "Blue", "chat.red.test", ""] {
        let answer = backend.with("X-Senna-Domain", unknown).send(&ann, &bob, &hello).await?;
        let refused = answer.error()?;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"400 INVALID_FIELD ArgumentError: X-Senna-Domain must be the handle of a site of this installation");
        }
    }
    assert_eq!(ann.whole_history(&bob).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn the_platform_writes_as_a_user() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let backend = chat.backend();
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    let body = json!({"type": "text", "text": "Hello", "client_id": "a1"});
    let sent = backend.send(&ann, &bob, &body).await?.ok(201)?;
    let again = backend.send(&ann, &bob, &body).await?.ok(201)?;
    assert_eq!(sent["entry"], again["entry"]);
    insta::assert_snapshot!(chat.shown_json(&sent), @r#"
    {
      "entry": {
        "author": [ann],
        "client_id": "a1",
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    // All connections of the user are told, because none of them made the request.
    for socket in [&mut of_ann, &mut of_bob] {
        let event = socket.event().await?;
        assert_eq!(
            (&event["event"], &event["data"]["entry"]["id"]),
            (&json!("message.new"), &sent["entry"]["id"])
        );
        assert_eq!(event["data"]["entry"]["author"], ann.id);
    }
    assert_eq!(of_bob.events_so_far().await?.len(), 0, "the repetition told nobody");
    assert_eq!(bob.unread(&ann).await?.0, 1);
    assert_eq!(ann.unread(&bob).await?.0, 0);
    ann.update(&bob, &sent["entry"], &json!({"text": "Hi"}))
        .await?
        .ok(200)?;

    backend
        .send(&ann, &cats, &json!({"type": "text", "text": "Purr"}))
        .await?
        .ok(201)?;
    assert_eq!(ann.members(&cats, "").await?.ok(200)?["total"], 1);

    let refused = async |user: &User, path: &str, body: Value| {
        let path = format!(
            "/users/{}/messages{path}",
            user.id.as_str().map_or_else(|| user.id.to_string(), str::to_owned)
        );
        backend.call(Method::POST, &path, Some(&body)).await?.error()
    };
    let other = json!({"type": "text", "text": "Other", "client_id": "a1"});
    insta::assert_snapshot!(refused(&ann, &format!("/user/{}", bob.id), other).await?, @"409 RETRY_KEY_REUSED ConflictError: This client_id or Idempotency-Key was used for another content");
    insta::assert_snapshot!(refused(&ann, "/villain/1", body.clone()).await?, @r#"400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain""#);
    insta::assert_snapshot!(refused(&chat.user(&json!("05")), "/user/1", body.clone()).await?, @"400 INVALID_ID ArgumentError: the user's id must not have leading zeros");
    insta::assert_snapshot!(refused(&ann, "/user/05", body.clone()).await?, @"400 INVALID_ID ArgumentError: the target's id must not have leading zeros");
    insta::assert_snapshot!(refused(&ann, "/user/1", json!({"type": "text", "text": " "})).await?, @"400 INVALID_TEXT ArgumentError: text must have a visible character");
    insta::assert_snapshot!(refused(&ann, "/user/1", json!({"type": "text", "text": "x", "system": "yes"})).await?, @"400 INVALID_FIELD ArgumentError: system must be true or false");
    insta::assert_snapshot!(refused(&ann, "/user/1", json!([])).await?, @"400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8");
    Ok(())
}

/// A message of the platform: who sees it, and who can do what with it.
#[tokio::test]
async fn the_platform_sends_its_own_messages() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    ann.send_text(&bob, "Where is it?").await?;
    of_ann.event().await?;
    of_bob.event().await?;
    let body = json!({"type": "text", "text": "Your parcel is on its way", "system": true, "mentions": [bob.id]});
    let sent = backend
        .with("Idempotency-Key", "p1")
        .send(&ann, &bob, &body)
        .await?
        .ok(201)?;
    insta::assert_snapshot!(chat.shown_json(&sent), @r#"
    {
      "entry": {
        "author": "senna:system",
        "id": "[id 1]",
        "mentions": [[bob]],
        "rev": [rev 1],
        "seq": 2,
        "system": true,
        "text": "Your parcel is on its way",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    let again = backend
        .with("Idempotency-Key", "p1")
        .send(&ann, &bob, &body)
        .await?
        .ok(201)?;
    assert_eq!(again["entry"]["id"], sent["entry"]["id"]);
    let message = &sent["entry"];
    for socket in [&mut of_ann, &mut of_bob] {
        let event = socket.event().await?;
        assert_eq!(
            (&event["event"], &event["data"]["entry"]),
            (&json!("message.new"), message)
        );
        assert!(event["cursor"].is_string() && event["prev"].is_string(), "{event}");
    }
    assert_eq!((ann.unread(&bob).await?.0, bob.unread(&ann).await?.0), (1, 2));
    for (reader, other) in [(&ann, &bob), (&bob, &ann)] {
        let history = reader.whole_history(other).await?;
        assert_eq!(history[1]["author"], json!({"id": "senna:system"}));
        assert_eq!(
            (&history[1]["system"], &history[0]["system"]),
            (&json!(true), &Value::Null)
        );
        let changes = reader
            .call(Method::GET, &format!("{}/changes?since=0", other.path()), None)
            .await?
            .ok(200)?;
        assert_eq!(&changes["messages"][1], message);
        let latest = &reader.list("").await?.ok(200)?["entries"][0]["latest"];
        assert_eq!(
            (&latest["system"], &latest["author"]),
            (&json!(true), &json!("senna:system"))
        );
    }
    // It has no status, because it has no other side.
    bob.read(&ann, None).await?.ok(200)?;
    let history = ann.whole_history(&bob).await?;
    assert_eq!(
        (&history[0]["status"], &history[1]["status"]),
        (&json!("seen"), &Value::Null)
    );
    let [profile] = ["senna:system"].map(|id| chat.user(&json!(id)));
    let profiles = ann
        .call(Method::GET, "/profiles?users=senna:system", None)
        .await?
        .ok(200)?;
    assert_eq!(profiles["users"], json!([{"id": "senna:system"}]));
    assert_eq!(chat.platform()?.asked_for(&profile.id), []);

    // Members can reply to it, and nobody owns it.
    bob.react(&ann, message, "👍").await?.ok(200)?;
    let reply = bob
        .send(
            &ann,
            &json!({"type": "text", "text": "Thanks", "reply_to": message["id"]}),
        )
        .await?
        .ok(201)?;
    assert_eq!(reply["entry"]["reply_to"]["author"], "senna:system");
    let mut refusals = Vec::new();
    for user in [&ann, &bob] {
        let other = if user.id == ann.id { &bob } else { &ann };
        refusals.push(user.update(other, message, &json!({"text": "Mine"})).await?.error()?);
        refusals.push(user.delete(other, message).await?.error()?);
    }
    let system = chat.user(&json!("senna:system"));
    refusals.push(system.list("").await?.error()?);
    refusals.push(
        ann.send(&system, &json!({"type": "text", "text": "Hello?"}))
            .await?
            .error()?,
    );
    refusals.push(backend.send(&system, &ann, &body).await?.error()?);
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen
    403 FORBIDDEN ForbiddenError: Only the author can delete a message
    403 FORBIDDEN ForbiddenError: Only the author can change a message, and only others can mark it seen
    403 FORBIDDEN ForbiddenError: Only the author can delete a message
    401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must not be senna:system, which is the platform itself
    400 INVALID_ID ArgumentError: the target's id must not be senna:system, which is the platform itself
    400 INVALID_ID ArgumentError: the user's id must not be senna:system, which is the platform itself
    "#);
    Ok(())
}

#[tokio::test]
async fn a_block_is_between_users_and_not_against_the_platform() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    bob.send_text(&ann, "Hi").await?;
    ann.call(Method::PUT, &format!("{}/block", bob.path()), None)
        .await?
        .ok(200)?;
    let hello = json!({"type": "text", "text": "Hello"});
    let refused = backend.send(&bob, &ann, &hello).await?.error()?;
    assert_eq!(
        refused,
        "403 NOT_ACCEPTED ForbiddenError: This user does not accept messages from you"
    );
    let news = json!({"type": "text", "text": "News", "system": true});
    backend.send(&bob, &ann, &news).await?.ok(201)?;
    backend.send(&ann, &bob, &news).await?.ok(201)?;
    assert_eq!(ann.whole_history(&bob).await?.len(), 3);
    Ok(())
}

#[tokio::test]
async fn the_platform_writes_in_a_topic_without_being_a_member() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.join(&cats).await?.ok(200)?;
    bob.join(&cats).await?.ok(200)?;
    let mut of_bob = bob.connect().await?;
    let body = json!({"type": "text", "text": "The topic closes at six", "system": true});
    chat.backend().send(&ann, &cats, &body).await?.ok(201)?;
    let event = of_bob.event().await?;
    insta::assert_snapshot!(chat.shown_json(&event["data"]), @r#"
    {
      "entry": {
        "author": "senna:system",
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "system": true,
        "text": "The topic closes at six",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 1]}
    }
    "#);
    assert_eq!((ann.unread(&cats).await?.0, bob.unread(&cats).await?.0), (1, 1));
    assert_eq!(ann.members(&cats, "").await?.ok(200)?["total"], 2);
    Ok(())
}
