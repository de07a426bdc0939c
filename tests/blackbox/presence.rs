//! Who is there.

use std::time::{Duration, Instant};

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Socket, Target as _, Topic, User};

/// Who of these is online, by name.
fn online(chat: &Chat, entries: &Value) -> String {
    let entries = entries.as_array().into_iter().flatten();
    let shown = entries.map(|entry| {
        let active = if entry["last_active"].is_null() {
            "never"
        } else {
            "active"
        };
        let online = if entry["online"] == true { "online" } else { "offline" };
        format!("{} {online} {active}", chat.shown_json(&entry["id"]))
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn watch(users: &[&User], conversation: Option<&Topic>) -> Value {
    let ids: Vec<_> = users.iter().map(|user| user.id.clone()).collect();
    let conversation = conversation.map(|topic| json!({"target": "topic", "target_id": topic.id}));
    json!({"action": "watch", "users": ids, "conversation": conversation})
}

async fn asked(socket: &mut Socket, users: &[&User], conversation: Option<&Topic>) -> Result<Value> {
    Ok(socket.result(watch(users, conversation)).await?["entries"].take())
}

/// The presence of users by REST.
async fn presence(user: &User, of: &[&User]) -> Result<Value> {
    let ids: Vec<_> = of.iter().map(|user| user.id.to_string()).collect();
    let path = format!("/presence?ids={}", ids.join(","));
    Ok(user.call(Method::GET, &path, None).await?.ok(200)?["entries"].take())
}

#[tokio::test]
async fn whoever_wrote_to_me_shows_whether_there() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    bob.send_text(&ann, "Hello").await?;
    ann.send_text(&cem, "Hello?").await?;
    let mut of_ann = ann.connect().await?;
    let answer = of_ann.ask(watch(&[&bob, &cem, &ann, &bob], None)).await?;
    insta::assert_snapshot!(chat.shown_json(&answer), @r#"
    {
      "id": 2,
      "result": {
        "entries": [
          {"id": [bob], "last_active": null, "online": false},
          {"id": [cem], "last_active": null, "online": false},
          {"id": [ann], "last_active": {epoch, iso}, "online": true}
        ]
      }
    }
    "#);
    let mut of_bob = bob.connect().await?;
    insta::assert_snapshot!(chat.shown_json(&of_ann.event().await?), @r#"{"data": {"id": [bob], "last_active": {epoch, iso}, "online": true}, "event": "presence"}"#);
    // A second connection is no news.
    let second = bob.connect().await?;
    // A stranger to whom I wrote reveals nothing, and I to nobody who watches uninvited.
    let of_cem = cem.connect().await?;
    assert_eq!(of_ann.names_so_far().await?, [""; 0]);
    assert_eq!(
        online(&chat, &presence(&ann, &[&bob, &cem, &ann]).await?),
        "[bob] online active, [cem] offline never, [ann] online active"
    );
    insta::assert_snapshot!(chat.shown_json(&presence(&ann, &[&bob]).await?), @r#"[{"id": [bob], "last_active": {epoch, iso}, "online": true}]"#);
    // Bob was never written to by Ann.
    assert_eq!(
        online(&chat, &asked(&mut of_bob, &[&ann], None).await?),
        "[ann] offline never"
    );
    ann.send_text(&bob, "Hi").await?;
    assert_eq!(
        online(&chat, &asked(&mut of_bob, &[&ann], None).await?),
        "[ann] online active"
    );
    second.close().await?;
    of_cem.close().await?;
    Ok(())
}

#[tokio::test]
async fn offline_is_told_ten_seconds_after_the_last_connection_ended() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    for user in [&bob, &cem] {
        user.send_text(&ann, "Hello").await?;
    }
    let mut of_ann = ann.connect().await?;
    let (of_bob, of_cem, other_of_bob) = (bob.connect().await?, cem.connect().await?, bob.connect().await?);
    asked(&mut of_ann, &[&bob, &cem], None).await?;
    // One of two is not the last.
    other_of_bob.close().await?;
    let ended = Instant::now();
    of_bob.close().await?;
    of_cem.close().await?;
    // Cem is back at once.
    let back = cem.connect().await?;
    assert_eq!(
        online(&chat, &presence(&ann, &[&bob, &cem]).await?),
        "[bob] online active, [cem] online active",
        "who is gone for a moment is still there"
    );
    let event = of_ann.event().await?;
    let waited = ended.elapsed();
    insta::assert_snapshot!(chat.shown_json(&event), @r#"{"data": {"id": [bob], "last_active": {epoch, iso}, "online": false}, "event": "presence"}"#);
    assert!(
        waited > Duration::from_secs(9) && waited < Duration::from_secs(14),
        "{waited:?}"
    );
    assert_eq!(
        online(&chat, &presence(&ann, &[&bob, &cem]).await?),
        "[bob] offline active, [cem] online active"
    );
    let again = bob.connect().await?;
    assert_eq!(of_ann.event().await?["data"]["online"], true);
    assert_eq!(
        of_ann.event_within(Duration::from_secs(3)).await?,
        None,
        "Cem did not flicker"
    );
    back.close().await?;
    again.close().await?;
    Ok(())
}

#[tokio::test]
async fn members_of_the_watched_topic_show_themselves_to_each_other() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, eve] = chat.users(["ann", "bob", "eve"]);
    let [cats, dogs] = chat.topics(["cats", "dogs"]);
    ann.join(&cats).await?.ok(200)?;
    bob.join(&cats).await?.ok(200)?;
    let of_bob = bob.connect().await?;
    let (mut of_ann, mut of_eve) = (ann.connect().await?, eve.connect().await?);
    assert_eq!(
        online(&chat, &asked(&mut of_ann, &[&bob, &eve], Some(&cats)).await?),
        "[bob] online active, [eve] offline never"
    );
    // Another topic on the screen, none, or one of which one is no member, shows nobody.
    assert_eq!(
        online(&chat, &asked(&mut of_eve, &[&bob, &ann], Some(&cats)).await?),
        "[bob] offline never, [ann] offline never"
    );
    eve.join(&dogs).await?.ok(200)?;
    assert_eq!(
        online(&chat, &asked(&mut of_eve, &[&bob], Some(&dogs)).await?),
        "[bob] offline never"
    );
    assert_eq!(
        online(&chat, &presence(&ann, &[&bob]).await?),
        "[bob] offline never",
        "REST knows of no screen"
    );
    of_eve.events_so_far().await?;
    of_bob.close().await?;
    let event = of_ann.event().await?;
    assert_eq!(
        (&event["data"]["id"], &event["data"]["online"]),
        (&bob.id, &json!(false))
    );
    assert_eq!(of_eve.names_so_far().await?, [""; 0]);
    let of_bob = bob.connect().await?;
    assert_eq!(of_ann.event().await?["data"]["online"], true);
    // The next watch replaces this one.
    assert_eq!(
        online(&chat, &asked(&mut of_ann, &[&bob], None).await?),
        "[bob] offline never"
    );
    of_bob.close().await?;
    assert_eq!(of_ann.event_within(Duration::from_secs(12)).await?, None);
    Ok(())
}

/// Whoever is removed from a topic is told of its members no more.
#[tokio::test]
async fn who_was_removed_from_a_topic_sees_nobody_there() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.join(&cats).await?.ok(200)?;
    bob.join(&cats).await?.ok(200)?;
    let mut of_ann = ann.connect().await?;
    asked(&mut of_ann, &[&bob], Some(&cats)).await?;
    ann.leave(&cats).await?.ok(200)?;
    assert_eq!(of_ann.event().await?["event"], "member.left");
    assert_eq!(
        online(&chat, &asked(&mut of_ann, &[&bob], Some(&cats)).await?),
        "[bob] offline never"
    );
    let mut of_bob = bob.connect().await?;
    of_bob.result(cats.frame("typing", json!({"state": "start"}))).await?;
    assert_eq!(
        of_ann.names_so_far().await?,
        ["typing.start"],
        "an open topic may be watched by anyone"
    );
    Ok(())
}

#[tokio::test]
async fn presence_can_be_turned_off() -> Result<()> {
    let chat = Chat::own(&[("SOCK_PRESENCE", "off")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    bob.send_text(&ann, "Hello").await?;
    ann.join(&cats).await?.ok(200)?;
    let mut of_ann = ann.connect().await?;
    assert_eq!(
        online(&chat, &asked(&mut of_ann, &[&bob, &ann], Some(&cats)).await?),
        "[bob] offline never, [ann] offline never"
    );
    let mut of_bob = bob.connect().await?;
    assert_eq!(
        online(&chat, &presence(&ann, &[&bob, &ann]).await?),
        "[bob] offline never, [ann] offline never"
    );
    // Typing goes on.
    of_bob.result(cats.frame("typing", json!({"state": "start"}))).await?;
    assert_eq!(of_ann.names_so_far().await?, ["typing.start"]);
    of_bob.close().await?;
    assert_eq!(of_ann.event_within(Duration::from_secs(12)).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_wrong_question_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let many = |count: u32| (1..=count).map(|id| id.to_string()).collect::<Vec<_>>().join(",");
    let mut lines = Vec::new();
    for query in [
        String::new(),
        "?ids=".to_owned(),
        "?ids=,,".to_owned(),
        "?ids=05".to_owned(),
        "?ids=a%20b".to_owned(),
        format!("?ids={}", many(101)),
        format!("?ids={},1,2,3", many(100)),
    ] {
        let answer = ann.call(Method::GET, &format!("/presence{query}"), None).await?;
        let count = answer.body["entries"].as_array().map(Vec::len);
        let query: String = query.chars().take(20).collect();
        lines.push(match count {
            Some(count) => format!("{query}: {} with {count}", answer.status),
            None => format!("{query}: {}", answer.error()?),
        });
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    : 400 INVALID_FIELD ArgumentError: ids must be at most 100 ids with commas between them
    ?ids=: 200 with 0
    ?ids=,,: 200 with 0
    ?ids=05: 400 INVALID_ID ArgumentError: ids must not have leading zeros
    ?ids=a%20b: 400 INVALID_ID ArgumentError: ids must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    ?ids=1,2,3,4,5,6,7,8: 400 INVALID_FIELD ArgumentError: ids must be at most 100 ids with commas between them
    ?ids=1,2,3,4,5,6,7,8: 200 with 100
    ");
    let mut socket = ann.connect().await?;
    let mut lines = Vec::new();
    for frame in [
        json!({"users": (1..=101).collect::<Vec<_>>()}),
        json!({"users": "5"}),
        json!({"users": {"0": 5}}),
        json!({"users": [null]}),
        json!({"users": ["05"]}),
        json!({"users": [-1]}),
        json!({"users": [5], "conversation": 7}),
        json!({"users": [5], "conversation": []}),
        json!({"users": [5], "conversation": {}}),
        json!({"users": [5], "conversation": {"target": "villain", "target_id": 5}}),
        json!({"users": [5], "conversation": {"target": "topic"}}),
        json!({"users": [5], "conversation": {"target": "topic", "target_id": "05"}}),
        json!({"users": [5], "conversation": "topic-5"}),
    ] {
        let mut frame = frame;
        frame["action"] = json!("watch");
        let error = socket.error(frame.clone()).await?;
        let frame: String = frame.to_string().chars().take(90).collect();
        lines.push(format!("{frame}: {error}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"action":"watch","users":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,: 400 INVALID_FIELD ArgumentError: users must be a list of at most 100 ids
    {"action":"watch","users":"5"}: 400 INVALID_FIELD ArgumentError: users must be a list of at most 100 ids
    {"action":"watch","users":{"0":5}}: 400 INVALID_FIELD ArgumentError: users must be a list of at most 100 ids
    {"action":"watch","users":[null]}: 400 INVALID_ID ArgumentError: users must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"watch","users":["05"]}: 400 INVALID_ID ArgumentError: users must not have leading zeros
    {"action":"watch","users":[-1]}: 400 INVALID_ID ArgumentError: users must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    {"action":"watch","conversation":7,"users":[5]}: 400 INVALID_FIELD ArgumentError: conversation must be an object with target and target_id
    {"action":"watch","conversation":[],"users":[5]}: 400 INVALID_FIELD ArgumentError: conversation must be an object with target and target_id
    {"action":"watch","conversation":{},"users":[5]}: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target ""
    {"action":"watch","conversation":{"target":"villain","target_id":5},"users":[5]}: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain"
    {"action":"watch","conversation":{"target":"topic"},"users":[5]}: 400 INVALID_ID ArgumentError: target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"watch","conversation":{"target":"topic","target_id":"05"},"users":[5]}: 400 INVALID_ID ArgumentError: target_id must not have leading zeros
    {"action":"watch","conversation":"topic-5","users":[5]}: 400 INVALID_FIELD ArgumentError: conversation must be an object with target and target_id
    "#);
    // Nothing to watch is a watch too, and a hundred are.
    for frame in [
        json!({}),
        json!({"users": []}),
        json!({"users": null, "conversation": null}),
    ] {
        let mut frame = frame;
        frame["action"] = json!("watch");
        assert_eq!(socket.result(frame).await?, json!({"entries": []}));
    }
    let hundred = json!({"action": "watch", "users": (1..=100).collect::<Vec<_>>()});
    assert_eq!(
        socket.result(hundred).await?["entries"].as_array().map(Vec::len),
        Some(100)
    );
    Ok(())
}
