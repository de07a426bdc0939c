//! Access to topics, except the tables of `docs/access.md`, which `tests/access` tries.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Request, Target as _, Topic};

#[tokio::test]
async fn with_claims_a_topic_is_open_to_users_whose_token_names_it() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let team = Topic {
        id: json!(format!("team:{}", ann.id)),
    };
    let [number] = chat.topics(["number"]);
    let mut lines = Vec::new();
    for claim in [
        json!([team.id]),
        json!(["team:*"]),
        json!(["team*"]),
        json!(["*"]),
        json!([number.id]),
        json!([number.id.to_string()]),
        json!(["Team:*"]),
        json!(["*:*"]),
        json!([]),
        json!("team:*"),
        json!({"team:*": true}),
        json!(7),
        json!([null, ["team:*"], {"a": 1}, true, "", "**"]),
        json!(["team:*,x", "a b"]),
    ] {
        let user = bob.with_topics(&claim);
        let rest = [user.history(&team, "").await?, user.history(&number, "").await?].map(|answer| answer.status);
        let mut socket = user.connect().await?;
        let mut codes = Vec::new();
        for topic in [&team, &number] {
            let answer = socket.ask(topic.frame("changes", json!({"since": 0}))).await?;
            codes.push(answer["error"]["status"].as_u64().unwrap_or(200));
        }
        lines.push(format!("{claim}: {rest:?} {codes:?}"));
        socket.close().await?;
    }
    insta::assert_snapshot!(chat.shown_text(&lines.join("\n")), @r#"
    ["team:[ann]"]: [200, 403] [200, 403]
    ["team:*"]: [200, 403] [200, 403]
    ["team*"]: [200, 403] [200, 403]
    ["*"]: [200, 200] [200, 200]
    [[number]]: [403, 200] [403, 200]
    ["[number]"]: [403, 200] [403, 200]
    ["Team:*"]: [403, 403] [403, 403]
    ["*:*"]: [403, 403] [403, 403]
    []: [403, 403] [403, 403]
    "team:*": [403, 403] [403, 403]
    {"team:*":true}: [403, 403] [403, 403]
    7: [403, 403] [403, 403]
    [null,["team:*"],{"a":1},true,"","**"]: [403, 403] [403, 403]
    ["team:*,x","a b"]: [403, 403] [403, 403]
    "#);
    // Without the claim in the token as well.
    assert_eq!(cem.history(&team, "").await?.status, 403);
    // A direct conversation needs none.
    cem.send_text(&bob, "Hello").await?;

    // A hundred names in one token are known to the connection too.
    let many: Vec<Value> = (0..100).map(|number| json!(format!("club-{number}"))).collect();
    let mut socket = ann.with_topics(&json!(many)).connect().await?;
    let last = Topic { id: json!("club-99") };
    socket
        .result(last.frame("send", json!({"type": "text", "text": "x"})))
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_topic_of_the_platform_looks_to_a_stranger_as_if_nobody_had_made_it() -> Result<()> {
    let open = Chat::own(&[]).await?;
    let [owner, stranger] = open.users(["owner", "stranger"]);
    let [cats, nowhere] = open.topics(["cats", "nowhere"]);
    owner.send_text(&cats, "kept").await?;
    let redis = open.stack().addresses.redis.clone();
    let variables = [("SOCK_TOPIC_ACCESS", "platform"), ("SOCK_REDIS_URL", redis.as_str())];
    let stranger = Chat::own(&variables).await?.user(&stranger.id);
    assert_eq!(
        stranger.history(&nowhere, "").await?.error()?,
        stranger.history(&cats, "").await?.error()?
    );
    assert_eq!(stranger.leave(&nowhere).await?.status, 200);
    insta::assert_snapshot!(open.shown(&stranger.leave(&cats).await?), @r#"
    200 {
      "id": [stranger],
      "left": true,
      "read": {"seq": 0},
      "role": "member",
      "state": {"inbox_key": "topic-[cats]", "key": "myplatform:topic:[cats]"}
    }
    "#);
    assert_eq!(stranger.list("").await?.body["state"]["total"], 0);
    Ok(())
}

#[tokio::test]
async fn a_full_topic_takes_nobody_more() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_MEMBERS_MAX", "2")]).await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    ann.send_text(&cats, "one").await?;
    bob.join(&cats).await?.ok(200)?;
    insta::assert_snapshot!(chat.shown(&cem.join(&cats).await?), @r#"
    409 {
      "code": "TOPIC_FULL",
      "error": true,
      "message": "this topic has 2 members, the limit",
      "name": "ConflictError",
      "request_id": "[request 1]",
      "status": 409
    }
    "#);
    let sent = cem.send(&cats, &json!({"type": "text", "text": "x"})).await?;
    insta::assert_snapshot!(sent.error()?, @"409 TOPIC_FULL ConflictError: this topic has 2 members, the limit");
    let mut socket = cem.connect().await?;
    let frame = cats.frame("send", json!({"type": "text", "text": "x"}));
    insta::assert_snapshot!(socket.error(frame).await?, @"409 TOPIC_FULL ConflictError: this topic has 2 members, the limit");
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 1).await?;
    insta::assert_snapshot!(ann.add(&cats, &cem, &Value::Null).await?.error()?, @"409 TOPIC_FULL ConflictError: this topic has 2 members, the limit");
    // Members go on, and whoever leaves makes room.
    bob.send_text(&cats, "two").await?;
    bob.join(&cats).await?.ok(200)?;
    bob.leave(&cats).await?.ok(200)?;
    cem.send_text(&cats, "three").await?;
    assert_eq!(bob.join(&cats).await?.status, 409);
    assert_eq!(ann.whole_history(&cats).await?.len(), 3);
    Ok(())
}

/// The claim of the token at hand counts, not that of an earlier one.
#[tokio::test]
async fn a_connection_has_the_topics_of_its_own_token() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann] = chat.users(["ann"]);
    let [cats] = chat.topics(["cats"]);
    let named = ann.with_topics(&json!([cats.id]));
    let (mut with, mut without) = (named.connect().await?, ann.connect().await?);
    let send = cats.frame("send", json!({"type": "text", "text": "x"}));
    with.result(send.clone()).await?;
    insta::assert_snapshot!(without.error(send).await?, @"403 NOT_A_MEMBER ForbiddenError: Your token does not name this topic");
    let watch = json!({"action": "watch", "users": [], "conversation": {"target": "topic", "target_id": cats.id}});
    insta::assert_snapshot!(without.error(watch.clone()).await?, @"403 NOT_A_MEMBER ForbiddenError: Your token does not name this topic");
    with.result(watch).await?;
    // As a query parameter and a subprotocol too.
    let query = format!("/?token={}", named.token()?);
    let mut socket = chat.handshake(&query, &[]).await?.open()?;
    socket.result(cats.frame("changes", json!({"since": 0}))).await?;
    let protocols = format!("senna.v1, bearer.{}", named.token()?);
    let offered = [("Sec-WebSocket-Protocol", protocols.as_str())];
    let mut socket = chat.handshake("/", &offered).await?.open()?;
    socket.result(cats.frame("changes", json!({"since": 0}))).await?;
    let bearer = vec![("Authorization".to_owned(), format!("Bearer {}", named.token()?))];
    let request = Request {
        path: cats.path(),
        headers: bearer,
        ..Request::default()
    };
    assert_eq!(chat.rest(request).await?.status, 200);
    Ok(())
}

/// Membership alone does not show what is written in a topic that the token has to name.
#[tokio::test]
async fn an_inbox_withholds_messages_of_topics_that_the_token_does_not_name() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let (ann, named) = (ann.with_topics(&json!([cats.id])), bob.with_topics(&json!([cats.id])));
    named.join(&cats).await?.ok(200)?;
    ann.send_text(&bob, "direct").await?;
    ann.send_text(&cats, "secret").await?;
    let latest = |body: &Value| {
        let entries = body["entries"].as_array().into_iter().flatten();
        let latest = entries.map(|entry| format!("{} {}", entry["unread"], entry["latest"]["text"]));
        latest.collect::<Vec<_>>().join(", ")
    };
    let sync = format!("/sync?since={}", cursor_of_the_beginning());
    for (user, list, changed) in [
        (&named, r#"1 "secret", 1 "direct""#, r#"1 "direct", 1 "secret""#),
        (&bob, r#"1 null, 1 "direct""#, r#"1 "direct", 1 null"#),
    ] {
        assert_eq!(latest(&user.list("").await?.ok(200)?), list);
        assert_eq!(latest(&user.list("?no_format").await?.ok(200)?), list);
        assert_eq!(latest(&user.call(Method::GET, &sync, None).await?.ok(200)?), changed);
        let mut socket = user.connect().await?;
        let hello = json!({"action": "hello", "since": cursor_of_the_beginning()});
        assert_eq!(latest(&socket.result(hello).await?), changed);
        socket.close().await?;
    }
    let mut of_bob = named.connect().await?;
    let set = bob.set(&cats, &json!({"pinned": true})).await?.ok(200)?;
    assert_eq!(
        (&set["entry"]["pinned"], &set["entry"]["latest"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(of_bob.event().await?["data"]["entry"]["latest"], Value::Null);
    Ok(())
}

/// Where every user begins.
fn cursor_of_the_beginning() -> &'static str {
    "AAAAAAAAAAAAAAAAAAAA"
}
