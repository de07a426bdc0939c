//! The platform's own server moderates: messages, members, bans and tokens.

use std::time::Duration;

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, KEYS, RawRedis, Socket, User, until};
use tokio::time::{Instant, sleep_until};

/// Waits until the gateway has ended a connection.
async fn ended(socket: &mut Socket) -> Result<()> {
    let end = async { while socket.frame_at_last().await.is_ok() {} };
    tokio::time::timeout(tests::PATIENCE, end)
        .await
        .context("the connection stays")
}

/// Waits until no connection of the user is recorded.
async fn forgotten(chat: &Chat, user: &User) -> Result<()> {
    let redis = RawRedis::of(chat).await?;
    until("no connection is recorded", async || {
        Ok(redis.connections(user).await?.is_empty().then_some(()))
    })
    .await
}

#[tokio::test]
async fn any_message_can_be_removed() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let backend = chat.backend();
    let direct = ann.send_text(&bob, "rude").await?;
    let in_topic = ann.send_text(&cats, "rude").await?;
    let id = |message: &Value| message["id"].as_str().unwrap_or_default().to_owned();
    let mut of_bob = bob.connect().await?;
    let of_both = format!("/messages/user/{}/{}/{}", bob.id, ann.id, id(&direct));
    let of_topic = format!("/messages/topic/{}/-/{}", cats.id, id(&in_topic));
    let deleted = backend.call(Method::DELETE, &of_both, None).await?;
    insta::assert_snapshot!(chat.shown(&deleted), @r#"
    200 {
      "message": "Message deleted",
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "prev_rev": [rev 1], "rev": [rev 2]},
      "success": true
    }
    "#);
    let event = of_bob.event().await?;
    assert_eq!(
        (&event["event"], &event["data"]["entry"]["deleted"]),
        (&json!("message.deleted"), &json!(true))
    );
    let deleted = backend.call(Method::DELETE, &of_topic, None).await?;
    insta::assert_snapshot!(chat.shown(&deleted), @r#"
    200 {
      "message": "Message deleted",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 3], "rev": [rev 4]},
      "success": true
    }
    "#);
    for path in [&of_both, &of_topic] {
        backend.call(Method::DELETE, path, None).await?.ok(200)?;
    }
    assert_eq!(of_bob.events_so_far().await?.len(), 0, "a repetition tells nobody");
    assert_eq!(
        (
            bob.whole_history(&ann).await?.len(),
            ann.whole_history(&cats).await?.len()
        ),
        (0, 0)
    );
    let mut refusals = Vec::new();
    for path in [
        format!("/messages/user/{}/{}/no-message", ann.id, bob.id),
        format!("/messages/user/{}/{}/{}", ann.id, bob.id, id(&in_topic)),
        format!("/messages/topic/{}/{}/{}", cats.id, ann.id, id(&in_topic)),
        format!("/messages/villain/1/2/{}", id(&direct)),
        format!("/messages/user/05/1/{}", id(&direct)),
        format!("/messages/user/1/05/{}", id(&direct)),
    ] {
        refusals.push(backend.call(Method::DELETE, &path, None).await?.error()?);
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    404 NOT_FOUND NotFound: Message not found
    404 NOT_FOUND NotFound: Message not found
    400 INVALID_FIELD ArgumentError: what follows the topic's id in the path must be -
    400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain"
    400 INVALID_ID ArgumentError: the first user's id must not have leading zeros
    400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    "#);
    Ok(())
}

#[tokio::test]
async fn the_platform_gives_every_role_and_takes_it() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let backend = chat.backend();
    let mut of_ann = ann.connect().await?;
    let member = |user: &User| format!("/topics/{}/members/{}", cats.id, user.id);
    let owner = json!({"role": "owner"});
    let put = backend.call(Method::PUT, &member(&ann), Some(&owner)).await?;
    insta::assert_snapshot!(chat.shown(&put), @r#"
    200 {
      "id": [ann],
      "joined": {epoch, iso},
      "read": {"seq": 0},
      "role": "owner",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?["data"]), @r#"
    {
      "role": "owner",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": 0, "rev": [rev 1]},
      "user": [ann]
    }
    "#);
    backend.call(Method::PUT, &member(&ann), Some(&owner)).await?.ok(200)?;
    backend.call(Method::PUT, &member(&bob), None).await?.ok(200)?;
    assert_eq!(of_ann.event().await?["data"]["user"], bob.id);
    // Her role is real: she makes Bob moderator.
    ann.add(&cats, &bob, &json!({"role": "moderator"})).await?.ok(200)?;
    of_ann.event().await?;
    backend
        .call(Method::PUT, &member(&ann), Some(&json!({"role": "member"})))
        .await?
        .ok(200)?;
    assert_eq!(of_ann.event().await?["data"]["role"], "member");
    let dropped = backend.call(Method::DELETE, &member(&ann), None).await?;
    insta::assert_snapshot!(chat.shown(&dropped), @r#"
    200 {
      "id": [ann],
      "joined": {epoch, iso},
      "left": true,
      "read": {"seq": 0},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "prev_rev": [rev 2], "rev": [rev 3]}
    }
    "#);
    assert_eq!(of_ann.event().await?["event"], "member.left");
    backend.call(Method::DELETE, &member(&ann), None).await?.ok(200)?;
    let members = bob.members(&cats, "").await?.ok(200)?;
    assert_eq!(
        (&members["total"], &members["members"][0]["role"]),
        (&json!(1), &json!("moderator"))
    );
    let refused = async |path: String, body: Value| backend.call(Method::PUT, &path, Some(&body)).await?.error();
    insta::assert_snapshot!(refused(member(&ann), json!({"role": "king"})).await?, @"400 INVALID_FIELD ArgumentError: role must be member, moderator or owner");
    insta::assert_snapshot!(refused(format!("/topics/05/members/{}", ann.id), json!({})).await?, @"400 INVALID_ID ArgumentError: the target's id must not have leading zeros");
    insta::assert_snapshot!(refused(format!("/topics/{}/members/me%20", cats.id), json!({})).await?, @"400 INVALID_ID ArgumentError: the user's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |");
    Ok(())
}

#[tokio::test]
async fn a_ban_ends_the_connections_of_its_user() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    let (mut phone, mut desk, mut of_bob) = (ann.connect().await?, ann.connect().await?, bob.connect().await?);
    let until = "2100-01-31T12:00:00.5+02:00";
    let banned = backend
        .ban(&ann, &json!({"until": until, "reason": "spam"}))
        .await?
        .ok(200)?;
    assert_eq!(
        banned,
        json!({
            "id": ann.id, "banned": true, "reason": "spam",
            "until": {"epoch": 4_105_072_800_500_u64, "iso": "2100-01-31T10:00:00.500Z"},
        })
    );
    for socket in [&mut phone, &mut desk] {
        ended(socket).await?;
    }
    forgotten(&chat, &ann).await?;
    assert_eq!(backend.about(&ann, Method::GET, "/ban").await?.ok(200)?, banned);
    let refusal = "403 BANNED ForbiddenError: You are banned until 2100-01-31T10:00:00Z";
    let hello = json!({"type": "text", "text": "Hello"});
    assert_eq!(ann.send(&bob, &hello).await?.error()?, refusal);
    let token = ann.token()?;
    let handshake = chat.handshake("/", &[("X-Auth-Token", &token)]).await?;
    assert_eq!(handshake.error()?, refusal);
    ann.list("").await?.ok(200)?;
    // Messages to her still reach Bob, whose connection stays.
    bob.send_text(&ann, "Are you there?").await?;
    of_bob.event().await?;

    let endless = backend.ban(&ann, &Value::Null).await?.ok(200)?;
    assert_eq!(endless, json!({"id": ann.id, "banned": true}));
    assert_eq!(backend.about(&ann, Method::GET, "/ban").await?.ok(200)?, endless);
    for _ in 0..2 {
        let free = backend.about(&ann, Method::DELETE, "/ban").await?.ok(200)?;
        assert_eq!(free, json!({"id": ann.id, "banned": false}));
    }
    assert_eq!(
        backend.about(&bob, Method::GET, "/ban").await?.ok(200)?["banned"],
        false
    );

    ann.send(&bob, &hello).await?.ok(201)?;

    let soon = json!({"until": RawRedis::of(&chat).await?.in_minutes(0).await? + 1_500});
    assert_eq!(backend.ban(&ann, &soon).await?.ok(200)?["banned"], true);
    until_it_is_over(&chat, &ann).await?;

    let refused = async |body: Value| backend.ban(&ann, &body).await?.error();
    insta::assert_snapshot!(refused(json!({"until": 1_700_000_000_000_u64})).await?, @"400 INVALID_FIELD ArgumentError: until must be a time in the future");
    insta::assert_snapshot!(refused(json!({"until": "tomorrow"})).await?, @"400 INVALID_FIELD ArgumentError: until must be a time up to the year 9999, in ISO 8601 as 2030-01-31T12:00:00Z, or in milliseconds since 1970");
    insta::assert_snapshot!(refused(json!({"reason": "x".repeat(501)})).await?, @"400 INVALID_FIELD ArgumentError: reason must be a string of at most 500 bytes");
    insta::assert_snapshot!(refused(json!("forever")).await?, @"400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8");
    let wrong_id = backend.about(&chat.user(&json!("05")), Method::GET, "/ban").await?;
    insta::assert_snapshot!(wrong_id.error()?, @"400 INVALID_ID ArgumentError: the user's id must not have leading zeros");
    Ok(())
}

/// A ban ends by itself.
async fn until_it_is_over(chat: &Chat, user: &User) -> Result<()> {
    until("the ban is over", async || {
        let ban = chat.backend().about(user, Method::GET, "/ban").await?.ok(200)?;
        Ok((ban["banned"] == false).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_revocation_ends_the_connections_of_its_user() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    let (mut of_ann, mut of_bob) = (ann.connect().await?, bob.connect().await?);
    let revoked = backend.about(&ann, Method::POST, "/revoke").await?.ok(200)?;
    insta::assert_snapshot!(chat.shown_json(&revoked), @r#"{"id": [ann], "revoked": {epoch, iso}}"#);
    ended(&mut of_ann).await?;
    forgotten(&chat, &ann).await?;
    let refusal = "401 TOKEN_REVOKED UnauthenticatedError: Your token was revoked - please log in again";
    assert_eq!(ann.list("").await?.error()?, refusal);
    let token = ann.token()?;
    // A token is good on all sites, so it is worthless on all of them.
    for host in ["chat.red.test", "another.test"] {
        let handshake = chat.handshake("/", &[("X-Auth-Token", &token), ("Host", host)]).await?;
        assert_eq!(handshake.error()?, refusal, "{host}");
    }
    bob.list("").await?.ok(200)?;
    let again = backend.about(&ann, Method::POST, "/revoke").await?.ok(200)?;
    assert!(again["revoked"]["epoch"].as_u64() >= revoked["revoked"]["epoch"].as_u64());
    assert!(of_bob.result(json!({"action": "ping"})).await?["pong"].is_u64());
    Ok(())
}

/// If the gateway does not end a connection, its frames are refused.
#[tokio::test]
async fn a_frame_of_a_banned_user_is_refused_although_the_gateway_fails() -> Result<()> {
    let chat = Chat::own(&[("SOCK_PLATFORM_KEY", KEYS)]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut of_ann = ann.connect().await?;
    chat.stack()
        .control(Method::PUT, "/faults", &json!({"push-failed": 1}))
        .await?;
    chat.backend().ban(&ann, &Value::Null).await?.ok(200)?;
    let frame = json!({"action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "still here"});
    insta::assert_snapshot!(of_ann.error(frame).await?, @"401 CONNECTION_UNKNOWN UnauthenticatedError: This connection is not known any more - please connect again");
    Ok(())
}

#[tokio::test]
async fn a_moderator_sees_where_messages_were_deleted() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let backend = chat.backend();
    let mut sent = Vec::new();
    for text in ["one", "two", "three"] {
        sent.push(
            ann.send(&bob, &json!({"type": "text", "text": text, "client_id": text}))
                .await?
                .ok(201)?["entry"]
                .take(),
        );
    }
    ann.delete(&bob, &sent[1]).await?.ok(200)?;
    bob.see(&ann, &sent[2]).await?;
    bob.react(&ann, &sent[2], "👍").await?.ok(200)?;
    let path = format!("/conversations/user/{}/{}", bob.id, ann.id);
    let all = backend.call(Method::GET, &path, None).await?;
    insta::assert_snapshot!(chat.shown(&all), @r#"
    200 {
      "entries": [
        {
          "author": [ann],
          "id": "[id 1]",
          "reactions": [{"count": 1, "mine": false, "reaction": "👍", "users": [[bob]]}],
          "rev": [rev 1],
          "seq": 3,
          "text": "three",
          "timestamp": {epoch, iso},
          "type": "text"
        },
        {"author": [ann], "deleted": true, "id": "[id 2]", "rev": [rev 2], "seq": 2, "timestamp": {epoch, iso}},
        {
          "author": [ann],
          "id": "[id 3]",
          "rev": [rev 3],
          "seq": 1,
          "text": "one",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "next": null,
      "state": {"inbox_key": "user-[ann]", "key": "myplatform:dm:[ann]-[bob]", "rev": [rev 1]}
    }
    "#);
    let first = backend
        .call(Method::GET, &format!("{path}?limit=2"), None)
        .await?
        .ok(200)?;
    assert_eq!(first["entries"].as_array().map(Vec::len), Some(2));
    let next = first["next"].as_str().context("there is more")?;
    let second = backend
        .call(Method::GET, &format!("{path}?limit=2&after={next}"), None)
        .await?
        .ok(200)?;
    assert_eq!(
        (&second["entries"][0]["id"], &second["next"]),
        (&sent[0]["id"], &Value::Null)
    );

    ann.send_text(&cats, "purr").await?;
    let topic = backend
        .call(Method::GET, &format!("/conversations/topic/{}/-", cats.id), None)
        .await?;
    insta::assert_snapshot!(chat.shown(&topic), @r#"
    200 {
      "entries": [
        {
          "author": [ann],
          "id": "[id 4]",
          "rev": [rev 4],
          "seq": 1,
          "text": "purr",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "next": null,
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]", "rev": [rev 4]}
    }
    "#);
    let nobody = backend
        .call(Method::GET, "/conversations/user/1/2", None)
        .await?
        .ok(200)?;
    assert_eq!((&nobody["entries"], &nobody["next"]), (&json!([]), &Value::Null));
    let mut refusals = Vec::new();
    for wrong in [
        "/conversations/user/1/05".to_owned(),
        format!("/conversations/topic/{}/2", cats.id),
        format!("{path}?limit=101"),
        format!("{path}?after=5"),
    ] {
        refusals.push(backend.call(Method::GET, &wrong, None).await?.error()?);
    }
    insta::assert_snapshot!(refusals.join("\n"), @r#"
    400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    400 INVALID_FIELD ArgumentError: what follows the topic's id in the path must be -
    400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    400 INVALID_FIELD ArgumentError: after must be the next of a page
    "#);
    Ok(())
}

#[tokio::test]
async fn a_changed_profile_is_shown_within_ten_seconds() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let platform = chat.platform()?;
    let name = async || {
        let path = format!("/profiles?users={}", bob.id);
        let profiles = ann.call(Method::GET, &path, None).await?.ok(200)?;
        anyhow::Ok(profiles["users"][0]["username"].clone())
    };
    platform.add(&json!({"id": bob.id, "username": "bob"}));
    assert_eq!(name().await?, "bob");
    platform.add(&json!({"id": bob.id, "username": "robert"}));
    let said = Instant::now();
    let answer = chat
        .backend()
        .about(&bob, Method::POST, "/profile-changed")
        .await?
        .ok(200)?;
    assert_eq!(answer, json!({"id": bob.id, "within_ms": 10_000}));
    sleep_until(said + Duration::from_secs(10)).await;
    assert_eq!(name().await?, "robert");
    Ok(())
}

#[tokio::test]
async fn each_change_leaves_a_line_in_the_log_without_words_or_keys() -> Result<()> {
    let chat = Chat::own(&[("SOCK_PLATFORM_KEY", KEYS)]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    let second = KEYS.split(',').nth(1).unwrap_or_default();
    let with_second = backend.with("Authorization", &format!("Bearer {second}"));
    backend
        .ban(&ann, &json!({"reason": "a secret reason"}))
        .await?
        .ok(200)?;
    let words = json!({"type": "text", "text": "secret words", "system": true});
    with_second.send(&ann, &bob, &words).await?.ok(201)?;
    backend.about(&ann, Method::GET, "/ban").await?.ok(200)?;
    assert_eq!(
        backend
            .about(&chat.user(&json!("05")), Method::POST, "/revoke")
            .await?
            .status,
        400
    );
    assert_eq!(
        backend
            .without_headers()
            .about(&ann, Method::POST, "/revoke")
            .await?
            .status,
        401
    );
    let log = chat.stack().log();
    let lines: Vec<_> = log.lines().filter(|line| line.contains("audit=true")).collect();
    let expected = [
        (format!(
            "action=\"PUT /platform/users/{{user}}/ban\" path=\"/platform/users/{}/ban\" domain=myplatform key=\"first\" status=200",
            ann.id
        )),
        (format!(
            "path=\"/platform/users/{}/messages/user/{}\" domain=myplatform key=\"second\" status=201",
            ann.id, bob.id
        )),
        "path=\"/platform/users/05/revoke\" domain=myplatform key=\"first\" status=400".to_owned(),
    ];
    assert_eq!(lines.len(), expected.len(), "{log}");
    for (line, expected) in lines.iter().zip(&expected) {
        assert!(line.contains(expected), "{expected} is not in {line}");
        assert!(line.contains("request_id="), "{line}");
    }
    for secret in KEYS.split(',').chain(["a secret reason", "secret words"]) {
        assert!(!log.contains(secret), "{secret}");
    }
    Ok(())
}
