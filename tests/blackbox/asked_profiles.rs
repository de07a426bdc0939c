//! `GET /api/profiles`: users and topics whom a client has only met in a push.

use anyhow::Result;
use http::Method;
use serde_json::json;
use tests::platform::{Mood, Platform};
use tests::{Answer, Chat, Request, USER_AGENT, User};

async fn profiles(user: &User, query: &str) -> Result<Answer> {
    user.call(Method::GET, &format!("/profiles{query}"), None).await
}

#[tokio::test]
async fn users_and_topics_come_in_the_order_in_which_they_were_asked_for() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, unknown, topic] = chat.users(["ann", "bob", "unknown", "topic"]);
    let platform = chat.platform()?;
    platform.add(&json!({"id": ann.id, "username": "ann", "role": "user", "password_hash": "$2y$10$"}));
    platform.add(&json!({"id": bob.id, "username": "bob", "picture_url": null}));
    platform.add_topic(&json!({"id": topic.id, "title": "Cats", "status": "open", "owner": ann.id}));
    platform
        .add_topic(&json!({"id": "asked-profiles", "title": "Dogs", "cover_image_thumbnail": "https://p.example/ü"}));
    let (a, b, u, t) = (&ann.id, &bob.id, &unknown.id, &topic.id);
    let query = format!("?users={b},{u},{a},{b},{t}&topics=asked-profiles,{a},{t}");
    insta::assert_snapshot!(chat.shown(&profiles(&ann, &query).await?), @r#"
    200 {
      "topics": [
        {"cover_image_thumbnail": "https://p.example/ü", "id": "asked-profiles", "title": "Dogs"},
        {"id": [ann], "unknown": true},
        {"id": [topic], "status": "open", "title": "Cats"}
      ],
      "users": [
        {"id": [bob], "picture_url": null, "username": "bob"},
        {"id": [unknown], "unknown": true},
        {"id": [ann], "role": "user", "username": "ann"},
        {"id": [topic], "unknown": true}
      ]
    }
    "#);
    // One request for all users, and one for all topics.
    let (users, topics) = (platform.asked_for(a), platform.asked_for_topic(a));
    let queries: Vec<_> = [&users, &topics]
        .into_iter()
        .flatten()
        .map(|asked| (asked.user_agent.as_str(), chat.shown_text(&asked.query)))
        .collect();
    assert_eq!(
        queries,
        [
            (
                USER_AGENT,
                "fields=id,username,role,picture_url,profile_url&ids=[bob],[unknown],[ann],[topic]".to_owned()
            ),
            (
                USER_AGENT,
                "fields=id,title,status,cover_image_thumbnail&ids=asked-profiles,[ann],[topic]".to_owned()
            ),
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_list_may_be_absent_or_empty() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    chat.platform()?.add(&json!({"id": ann.id, "username": "ann"}));
    let id = &ann.id;
    let mut lines = Vec::new();
    for query in [
        format!("?users={id}"),
        format!("?topics=&users=,{id},"),
        "?users=".to_owned(),
        "?users&topics".to_owned(),
    ] {
        let answer = profiles(&ann, &query).await?;
        lines.push(format!("{}: {}", chat.shown_text(&query), chat.shown(&answer)));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ?users=[ann]: 200 {"topics": [], "users": [{"id": [ann], "username": "ann"}]}
    ?topics=&users=,[ann],: 200 {"topics": [], "users": [{"id": [ann], "username": "ann"}]}
    ?users=: 200 {"topics": [], "users": []}
    ?users&topics: 200 {"topics": [], "users": []}
    "#);
    Ok(())
}

#[tokio::test]
async fn what_is_wrong_is_named() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let many = |range: std::ops::RangeInclusive<u64>| range.map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let most = profiles(&ann, &format!("?users={},60&topics={}", many(1..=60), many(1..=40))).await?;
    assert_eq!(most.ok(200)?["users"].as_array().map(Vec::len), Some(60), "each once");
    let mut lines = Vec::new();
    for query in [
        String::new(),
        "?user=1".to_owned(),
        "?users=1,a%20b".to_owned(),
        "?users=1&topics=1,007".to_owned(),
        format!("?users={}", many(1..=101)),
        format!("?users={}&topics={}", many(1..=60), many(1..=41)),
    ] {
        lines.push(profiles(&ann, &query).await?.error()?);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    400 INVALID_FIELD ArgumentError: users or topics must be given, as users=1,2&topics=3
    400 INVALID_FIELD ArgumentError: users or topics must be given, as users=1,2&topics=3
    400 INVALID_ID ArgumentError: users must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    400 INVALID_ID ArgumentError: topics must not have leading zeros
    400 INVALID_FIELD ArgumentError: users and topics must be at most 100 ids together
    400 INVALID_FIELD ArgumentError: users and topics must be at most 100 ids together
    ");
    let stranger = Request {
        path: "/profiles?users=1".to_owned(),
        ..Request::default()
    };
    insta::assert_snapshot!(chat.rest(stranger).await?.error()?, @"401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated");
    let whole = profiles(&ann, "").await?;
    insta::assert_snapshot!(chat.shown(&whole), @r#"
    400 {
      "code": "INVALID_FIELD",
      "error": true,
      "message": "users or topics must be given, as users=1,2&topics=3",
      "name": "ArgumentError",
      "request_id": "[request 1]",
      "status": 400
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_platform_that_fails_leaves_the_ids() -> Result<()> {
    let platform = Platform::start()?;
    let chat = Chat::own(&[("SOCK_API_URL", platform.url())]).await?;
    let [ann, topic] = chat.users(["ann", "topic"]);
    platform.add(&json!({"id": ann.id, "username": "ann"}));
    platform.is(Mood::Failing);
    let query = format!("?users={},x&topics={}", ann.id, topic.id);
    insta::assert_snapshot!(chat.shown(&profiles(&ann, &query).await?), @r#"200 {"topics": [{"id": [topic]}], "users": [{"id": [ann]}, {"id": "x"}]}"#);
    Ok(())
}
