//! What somebody tries who means no good, and what many do at once.

use std::time::Duration;

use anyhow::{Context as _, Result};
use futures_util::future::{join_all, try_join_all};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Socket, Target as _, Topic, User, error_line};

fn watch(users: &[&User], conversation: Option<&Topic>) -> Value {
    let ids: Vec<_> = users.iter().map(|user| user.id.clone()).collect();
    let conversation = conversation.map(|topic| json!({"target": "topic", "target_id": topic.id}));
    json!({"action": "watch", "users": ids, "conversation": conversation})
}

fn is_online(entries: &Value) -> Vec<bool> {
    let entries = entries.as_array().into_iter().flatten();
    entries
        .map(|entry| entry["online"] == true || !entry["last_active"].is_null())
        .collect()
}

async fn connect_at(chat: &Chat, user: &User, host: &str) -> Result<Socket> {
    let token = user.token()?;
    let headers = [("Host", host), ("X-Auth-Token", token.as_str())];
    let mut socket = chat.handshake("/", &headers).await?.open()?;
    socket.hello().await?;
    Ok(socket)
}

#[tokio::test]
async fn sites_share_nothing_of_topics() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let mut red = connect_at(&chat, &ann, "chat.red.test").await?;
    let mut red_bob = connect_at(&chat, &bob, "chat.red.test").await?;
    let (mut blue, mut here) = (connect_at(&chat, &bob, "chat.blue.test").await?, bob.connect().await?);
    bob.join(&cats).await?.ok(200)?;
    here.events_so_far().await?;
    for socket in [&mut red_bob, &mut blue, &mut here] {
        socket.result(watch(&[&ann], Some(&cats))).await?;
    }
    let sent = red
        .result(cats.frame("send", json!({"type": "text", "text": "in red"})))
        .await?;
    red.result(cats.frame("typing", json!({"state": "start"}))).await?;
    let about = json!({"message_id": sent["entry"]["id"], "reaction": "👍"});
    red.result(cats.frame("react", about.clone())).await?;
    assert_eq!(
        red_bob.names_so_far().await?,
        ["typing.start"],
        "Bob watches there, and is no member"
    );
    assert_eq!(blue.names_so_far().await?, [""; 0]);
    assert_eq!(here.names_so_far().await?, [""; 0]);
    // The same id is another message's, or none's.
    assert!(
        here.error(cats.frame("react", about))
            .await?
            .starts_with("404 NOT_FOUND")
    );
    let members = bob.members(&cats, "").await?.ok(200)?;
    assert_eq!(members["total"], 1);
    Ok(())
}

#[tokio::test]
async fn a_watch_reveals_nothing_that_may_not_be_seen() -> Result<()> {
    let open = Chat::own(&[]).await?;
    let redis = open.stack().addresses.redis.clone();
    let variables = [("SOCK_TOPIC_ACCESS", "platform"), ("SOCK_REDIS_URL", redis.as_str())];
    let closed = Chat::own(&variables).await?;
    let [ann, bob, eve] = open.users(["ann", "bob", "eve"]);
    let [cats, dogs] = open.topics(["cats", "dogs"]);
    for user in [&ann, &bob] {
        user.join(&cats).await?.ok(200)?;
    }
    eve.join(&dogs).await?.ok(200)?;
    bob.join(&dogs).await?.ok(200)?;
    let [ann, bob, eve] = [ann, bob, eve].map(|user| closed.user(&user.id));
    let (of_bob, mut of_eve) = (bob.connect().await?, eve.connect().await?);
    // Eve may watch the dogs, and Bob there.
    let seen = of_eve.result(watch(&[&bob, &ann], Some(&dogs))).await?;
    assert_eq!(is_online(&seen["entries"]), [true, false]);
    // Not the cats: she watches nothing then, also not what she watched before.
    let refused = of_eve.error(watch(&[&bob, &ann], Some(&cats))).await?;
    assert_eq!(
        refused,
        "403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic"
    );
    of_bob.close().await?;
    assert_eq!(of_eve.event_within(Duration::from_secs(12)).await?, None);
    let mut of_bob = bob.connect().await?;
    of_bob.result(cats.frame("typing", json!({"state": "start"}))).await?;
    bob.send_text(&cats, "secret").await?;
    bob.read(&cats, None).await?.ok(200)?;
    assert_eq!(of_eve.names_so_far().await?, [""; 0]);
    // A watch without a topic is no way round it.
    let seen = of_eve.result(watch(&[&bob, &ann, &eve], None)).await?;
    assert_eq!(is_online(&seen["entries"]), [false, false, true]);
    // Nor is what any other action answers.
    let typing = cats.frame("typing", json!({"state": "stop"}));
    of_eve.result(typing).await?;
    let typing = cats.frame("typing", json!({"state": "start"}));
    assert!(of_eve.error(typing).await?.starts_with("403 NOT_A_MEMBER"));
    assert_eq!(of_bob.names_so_far().await?, ["message.new"], "his own");
    Ok(())
}

#[tokio::test]
async fn counts_stay_exact_in_a_crowd() -> Result<()> {
    let chat = Chat::shared().await?;
    let users = chat.users(["u1", "u2", "u3", "u4", "u5", "u6"]);
    let [cats] = chat.topics(["cats"]);
    for user in &users {
        user.join(&cats).await?.ok(200)?;
    }
    let act = async |number: usize, user: &User| {
        for turn in 0..12 {
            let other = &users[(number + turn + 1) % users.len()];
            let body = json!({"type": "text", "text": "x", "mentions": [other.id, user.id]});
            let sent = user.send(&cats, &body).await?.ok(201)?["entry"].take();
            match (number + turn) % 4 {
                0 => drop(user.delete(&cats, &sent).await?.ok(200)?),
                1 => drop(other.read(&cats, Some(&sent)).await?.ok(200)?),
                2 => drop(other.react(&cats, &sent, "👍").await?.ok(200)?),
                _ => drop(user.update(&cats, &sent, &json!({"text": "y"})).await?.ok(200)?),
            }
        }
        anyhow::Ok(())
    };
    try_join_all(users.iter().enumerate().map(|(number, user)| act(number, user))).await?;
    let messages = users[0].whole_history(&cats).await?;
    assert_eq!(messages.len(), 72 - 18);
    let members = users[0].members(&cats, "").await?.ok(200)?;
    for user in &users {
        assert_eq!(user.whole_history(&cats).await?.len(), messages.len());
        let list = user.list("?no_format").await?.ok(200)?;
        let entry = &list["entries"][0];
        let read = entry["read"]["seq"].as_u64().context("a position")?;
        let member = members["members"].as_array().into_iter().flatten();
        let member = member
            .clone()
            .find(|member| member["id"] == user.id)
            .context("a member")?;
        assert_eq!(member["read"]["seq"], read);
        let is_unread = |message: &&Value| message["seq"].as_u64() > Some(read) && message["author"]["id"] != user.id;
        let unread: Vec<_> = messages.iter().filter(is_unread).collect();
        let names = |message: &&&Value| message["mentions"].as_array().is_some_and(|ids| ids.contains(&user.id));
        let mentioned = unread.iter().filter(names).count();
        assert_eq!(
            (&entry["unread"], &entry["mentioned"]),
            (&json!(unread.len()), &json!(mentioned))
        );
        assert_eq!(list["state"]["unread_total"], entry["unread"]);
    }
    Ok(())
}

#[tokio::test]
async fn what_is_repeated_in_a_topic_is_done_once() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    ann.join(&cats).await?.ok(200)?;
    let mut listener = ann.connect().await?;
    for joined in join_all((0..8).map(|_| bob.join(&cats))).await {
        assert_eq!(joined?.status, 200);
    }
    let body = json!({"type": "text", "text": "once", "client_id": "k", "mentions": [ann.id]});
    let mut sent = Vec::new();
    for answer in join_all((0..8).map(|_| bob.send(&cats, &body))).await {
        sent.push(answer?.ok(201)?["entry"]["id"].take());
    }
    sent.dedup();
    assert_eq!(sent.len(), 1);
    let message = json!({"id": sent[0]});
    for reacted in join_all((0..8).map(|_| bob.react(&cats, &message, "👍"))).await {
        assert_eq!(reacted?.ok(200)?["entry"]["reactions"][0]["count"], 1);
    }
    for read in join_all((0..8).map(|_| ann.read(&cats, None))).await {
        assert_eq!(read?.ok(200)?["read"]["unread"], 0);
    }
    for left in join_all((0..8).map(|_| bob.leave(&cats))).await {
        assert_eq!(left?.status, 200);
    }
    // One that overtakes the first may tell it too, so that one event can come twice.
    let mut names = listener.names_so_far().await?;
    names.dedup();
    assert_eq!(
        names,
        [
            "member.joined",
            "message.new",
            "message.updated",
            "message.read",
            "member.left"
        ]
    );
    // A send that is repeated after one has left neither joins again nor sends again.
    assert_eq!(bob.send(&cats, &body).await?.ok(201)?["entry"]["id"], sent[0]);
    assert_eq!(ann.members(&cats, "").await?.ok(200)?["total"], 1);
    assert_eq!(ann.whole_history(&cats).await?.len(), 1);
    assert_eq!(bob.list("").await?.body["state"]["total"], 0);
    Ok(())
}

#[tokio::test]
async fn a_rush_on_the_last_places_fills_a_topic_and_no_more() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_MEMBERS_MAX", "3")]).await?;
    let users = chat.users(["u1", "u2", "u3", "u4", "u5", "u6", "u7", "u8"]);
    let [cats] = chat.topics(["cats"]);
    let text = json!({"type": "text", "text": "x"});
    let enter = async |number: usize, user: &User| match number % 2 {
        0 => anyhow::Ok(user.join(&cats).await?.status),
        _ => Ok(user.send(&cats, &text).await?.status),
    };
    let statuses = try_join_all(users.iter().enumerate().map(|(number, user)| enter(number, user))).await?;
    assert_eq!(
        statuses.iter().filter(|status| **status == 409).count(),
        5,
        "{statuses:?}"
    );
    assert_eq!(users[0].members(&cats, "").await?.ok(200)?["total"], 3);
    Ok(())
}

#[tokio::test]
async fn who_has_left_keeps_no_rights_and_gets_none_back() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    for user in [&ann, &bob, &cem] {
        user.join(&cats).await?.ok(200)?;
    }
    let redis = RawRedis::of(&chat).await?;
    redis.give_role(&cats, &ann, 2).await?;
    redis.give_role(&cats, &bob, 1).await?;
    let own = bob.send_text(&cats, "mine").await?;
    let others = cem.send_text(&cats, "Cem's").await?;
    bob.set(&cats, &json!({"pinned": true})).await?.ok(200)?;
    let mut of_bob = bob.connect().await?;
    ann.remove(&cats, &bob).await?.ok(200)?;
    assert_eq!(of_bob.names_so_far().await?, ["member.left"]);
    let mut lines = Vec::new();
    for answer in [
        bob.delete(&cats, &others).await?,
        bob.remove(&cats, &cem).await?,
        bob.add(&cats, &bob, &json!({"role": "moderator"})).await?,
        bob.react(&cats, &others, "👍").await?,
        bob.read(&cats, None).await?,
        bob.set(&cats, &json!({"muted": true})).await?,
        ann.send(&cats, &json!({"type": "text", "text": "x", "mentions": [bob.id]}))
            .await?,
    ] {
        lines.push(answer.error()?);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    403 FORBIDDEN ForbiddenError: Only the author, or a moderator or owner of the topic, can delete a message
    403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    403 FORBIDDEN ForbiddenError: Your role in this topic does not allow that
    403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic
    404 NOT_FOUND NotFound: Conversation not found
    400 INVALID_FIELD ArgumentError: mentions must be ids of participants of this conversation
    ");
    // What one has written in an open topic stays one's own.
    bob.update(&cats, &own, &json!({"text": "mine, still"}))
        .await?
        .ok(200)?;
    assert_eq!(bob.list("").await?.body["state"]["total"], 0, "and brings nothing back");
    // Who comes back is a member as any other.
    let back = bob.join(&cats).await?.ok(200)?;
    assert_eq!((&back["role"], &back["read"]["seq"]), (&json!("member"), &json!(2)));
    assert_eq!(bob.delete(&cats, &others).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn notes_to_oneself_take_all_that_messages_take() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let mut other = ann.connect().await?;
    let note = ann.send_text(&ann, "a note").await?;
    let body = json!({"type": "text", "text": "more", "reply_to": note["id"], "mentions": [ann.id]});
    ann.send(&ann, &body).await?.ok(201)?;
    ann.react(&ann, &note, "👍").await?.ok(200)?;
    assert_eq!(ann.read(&ann, Some(&note)).await?.ok(200)?["read"]["seq"], 2);
    ann.set(&ann, &json!({"pinned": true})).await?.ok(200)?;
    other
        .result(json!({"action": "watch", "users": [ann.id], "conversation": {"target": "user", "target_id": ann.id}}))
        .await?;
    other.result(ann.frame("typing", json!({"state": "start"}))).await?;
    let entry = ann.list("?no_format").await?.ok(200)?["entries"][0].take();
    assert_eq!((&entry["unread"], &entry["mentioned"]), (&json!(0), &json!(0)));
    assert_eq!(
        other.names_so_far().await?,
        ["message.new", "message.new", "message.updated", "conversation.settings"]
    );
    Ok(())
}

/// The place of a message stands in its id; whoever changes it there names nothing.
#[tokio::test]
async fn a_message_of_another_conversation_is_none() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    let secret = ann.send_text(&cem, "secret").await?;
    ann.send_text(&bob, "x").await?;
    ann.send_text(&cats, "x").await?;
    let id = secret["id"].as_str().context("an id")?;
    let forged: String = id
        .chars()
        .rev()
        .enumerate()
        .map(|(at, c)| if at == 0 && c == '1' { '2' } else { c })
        .collect();
    let forged: String = forged.chars().rev().collect();
    let mut lines = Vec::new();
    for id in [
        id.to_owned(),
        forged,
        id.to_uppercase(),
        format!("{{{id}}}"),
        id.replace('-', ""),
    ] {
        let message = json!({"id": id});
        for (name, answer) in [
            ("edit", bob.update(&ann, &message, &json!({"text": "y"})).await?),
            ("seen", bob.update(&ann, &message, &json!({"status": "seen"})).await?),
            ("delete", bob.delete(&ann, &message).await?),
            ("react", bob.react(&ann, &message, "👍").await?),
            ("read", bob.read(&ann, Some(&message)).await?),
            (
                "in a topic",
                bob.history(&cats, &format!("?around={}", id.replace(['{', '}'], "")))
                    .await?,
            ),
            (
                "before",
                bob.history(&ann, &format!("?before={}", id.replace(['{', '}'], "")))
                    .await?,
            ),
        ] {
            if answer.status != 404 {
                lines.push(format!("{name} {}: {}", chat.shown_text(&id), answer.text));
            }
        }
        let body = json!({"type": "text", "text": "x", "reply_to": id});
        assert_eq!(bob.send(&ann, &body).await?.status, 400);
    }
    insta::assert_snapshot!(lines.join("\n"), @"");
    assert_eq!(cem.whole_history(&ann).await?[0]["text"], "secret");
    Ok(())
}

#[tokio::test]
async fn json_of_every_kind_is_read_or_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let message = ann.send_text(&bob, "x").await?;
    let id = message["id"].as_str().context("an id")?;
    let (bob_id, cats_id) = (&bob.id, &cats.id);
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let many = format!("[{}]", vec!["1"; 10_000].join(","));
    let mut socket = ann.connect().await?;
    let mut lines = Vec::new();
    for frame in [
        format!(r#"{{"action":"watch","users":{deep}}}"#),
        format!(r#"{{"action":"watch","users":{many}}}"#),
        r#"{"action":"watch","users":[1,1.0,1e0,"1"]}"#.to_owned(),
        r#"{"action":"watch","users":[9007199254740992]}"#.to_owned(),
        r#"{"action":"watch","users":["9007199254740992"]}"#.to_owned(),
        r#"{"action":"watch","users":[-0]}"#.to_owned(),
        r#"{"action":"watch","users":[],"conversation":{"target":"topic","target":"user","target_id":1}}"#.to_owned(),
        format!(r#"{{"action":"watch","users":[],"conversation":{deep}}}"#),
        r#"{"action":"watch","users":[],"users":[1]}"#.to_owned(),
        r#"{"act\u0069on":"typing","target":"user","target_id":1,"state":"\u0073top"}"#.to_owned(),
        r#"{"action":"typing","target":"topic","target_id":"\ud83d","state":"start"}"#.to_owned(),
        format!(r#"{{"action":"react","target":"user","target_id":{bob_id},"message_id":"{id}","reaction":"\ud83d"}}"#),
        format!(r#"{{"action":"react","target":"user","target_id":{bob_id},"message_id":"{id}","reaction":"\u0000"}}"#),
        format!(r#"{{"action":"react","target":"user","target_id":{bob_id},"message_id":"{id}","reaction":"\ufeff"}}"#),
        format!(r#"{{"action":"react","target":"user","target_id":{bob_id},"message_id":"{id}","reaction":{deep}}}"#),
        format!(r#"{{"action":"react","target":"user","target_id":{bob_id},"message_id":["{id}"],"reaction":"a"}}"#),
        format!(r#"{{"action":"react","target":"user","target_id":{bob_id},"reaction":"a"}}"#),
        format!(r#"{{"action":"read","target":"user","target_id":{bob_id},"up_to":{deep}}}"#),
        format!(r#"{{"action":"read","target":"user","target_id":{bob_id},"up_to":false}}"#),
        format!(
            r#"{{"action":"send","target":"topic","target_id":{cats_id},"type":"text","text":"x","mentions":{deep}}}"#
        ),
        format!(
            r#"{{"action":"send","target":"topic","target_id":{cats_id},"type":"text","text":"x","mentions":{many}}}"#
        ),
        format!(
            r#"{{"action":"send","target":"topic","target_id":{cats_id},"type":"text","text":"x","mentions":["\ud83d"]}}"#
        ),
        format!(
            r#"{{"action":"send","target":"topic","target_id":{cats_id},"type":"text","text":"x","reply_to":{many}}}"#
        ),
        format!(
            r#"{{"action":"send","target":"topic","target_id":{cats_id},"type":"text","text":"x","reply_to":"\u0000"}}"#
        ),
        format!(r#"{{"action":"changes","target":"topic","target_id":{cats_id},"since":1e3}}"#),
        format!(r#"{{"action":"changes","target":"topic","target_id":{cats_id},"since":-1}}"#),
        r#"{"action":"join","target":"topic","target_id":1}"#.to_owned(),
        r#"{"action":"settings","target":"topic","target_id":1,"muted":true}"#.to_owned(),
    ] {
        socket.write(&frame).await?;
        let answer = socket.answer().await?;
        let shown: String = chat.shown_text(&frame).chars().take(110).collect();
        lines.push(if answer["error"].is_null() {
            format!("{shown}: {}", chat.shown_json(&answer["result"]))
        } else {
            format!("{shown}: {}", error_line(&answer["error"])?)
        });
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"action":"watch","users":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[: 400 INVALID_ID ArgumentError: users must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"watch","users":[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1: 400 INVALID_FIELD ArgumentError: users must be a list of at most 100 ids
    {"action":"watch","users":[1,1.0,1e0,"1"]}: 400 INVALID_ID ArgumentError: users must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    {"action":"watch","users":[9007199254740992]}: 400 INVALID_ID ArgumentError: users must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    {"action":"watch","users":["9007199254740992"]}: {"entries": [{"id": "9007199254740992", "last_active": null, "online": false}]}
    {"action":"watch","users":[-0]}: 400 INVALID_ID ArgumentError: users must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    {"action":"watch","users":[],"conversation":{"target":"topic","target":"user","target_id":1}}: 400 DUPLICATE_KEY ArgumentError: the conversation has the key "target" twice
    {"action":"watch","users":[],"conversation":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[: 400 INVALID_FIELD ArgumentError: conversation must be an object with target and target_id
    {"action":"watch","users":[],"users":[1]}: 400 DUPLICATE_KEY ArgumentError: the frame has the key "users" twice
    {"act\u0069on":"typing","target":"user","target_id":1,"state":"\u0073top"}: {}
    {"action":"typing","target":"topic","target_id":"\ud83d","state":"start"}: 400 INVALID_ID ArgumentError: target_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"react","target":"user","target_id":[bob],"message_id":"[id 1]","reaction":"\ud83d"}: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    {"action":"react","target":"user","target_id":[bob],"message_id":"[id 1]","reaction":"\u0000"}: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    {"action":"react","target":"user","target_id":[bob],"message_id":"[id 1]","reaction":"\ufeff"}: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    {"action":"react","target":"user","target_id":[bob],"message_id":"[id 1]","reaction":[[[[[[[[[[[[[[[[[[[[[[[[[: 400 INVALID_REACTION ArgumentError: reaction must be 1 to 32 bytes of printable characters other than /, and neither . nor ..
    {"action":"react","target":"user","target_id":[bob],"message_id":["[id 1]"],"reaction":"a"}: 400 INVALID_FIELD ArgumentError: message_id must be a string
    {"action":"react","target":"user","target_id":[bob],"reaction":"a"}: 400 INVALID_FIELD ArgumentError: message_id must be a string
    {"action":"read","target":"user","target_id":[bob],"up_to":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[: 400 INVALID_FIELD ArgumentError: up_to must be the id of a message
    {"action":"read","target":"user","target_id":[bob],"up_to":false}: 400 INVALID_FIELD ArgumentError: up_to must be the id of a message
    {"action":"send","target":"topic","target_id":[cats],"type":"text","text":"x","mentions":[[[[[[[[[[[[[[[[[[[[[: 400 INVALID_ID ArgumentError: mentions must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"send","target":"topic","target_id":[cats],"type":"text","text":"x","mentions":[1,1,1,1,1,1,1,1,1,1,: 400 INVALID_FIELD ArgumentError: mentions must be a list of at most 20 ids
    {"action":"send","target":"topic","target_id":[cats],"type":"text","text":"x","mentions":["\ud83d"]}: 400 INVALID_ID ArgumentError: mentions must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {"action":"send","target":"topic","target_id":[cats],"type":"text","text":"x","reply_to":[1,1,1,1,1,1,1,1,1,1,: 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    {"action":"send","target":"topic","target_id":[cats],"type":"text","text":"x","reply_to":"\u0000"}: 400 INVALID_FIELD ArgumentError: reply_to must be the id of a message of this conversation that was not deleted
    {"action":"changes","target":"topic","target_id":[cats],"since":1e3}: 400 INVALID_FIELD ArgumentError: since must be the rev of a conversation, or 0
    {"action":"changes","target":"topic","target_id":[cats],"since":-1}: 400 INVALID_FIELD ArgumentError: since must be the rev of a conversation, or 0
    {"action":"join","target":"topic","target_id":1}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "join"
    {"action":"settings","target":"topic","target_id":1,"muted":true}: 400 UNKNOWN_ACTION ArgumentError: Unknown action "settings"
    "#);
    assert_eq!(socket.names_so_far().await?, [""; 0]);
    assert_eq!(
        ann.members(&cats, "").await?.ok(200)?["total"],
        0,
        "nothing of it joined"
    );
    Ok(())
}

/// `me` in a path is who asks, also where somebody is called so.
#[tokio::test]
async fn a_user_called_me_is_only_reached_by_itself() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let [cats] = chat.topics(["cats"]);
    let me = chat.user(&json!("me"));
    me.join(&cats).await?.ok(200)?;
    ann.join(&cats).await?.ok(200)?;
    RawRedis::of(&chat).await?.give_role(&cats, &ann, 2).await?;
    assert_eq!(ann.remove(&cats, &me).await?.ok(200)?["id"], ann.id);
    let ids = me.members(&cats, "").await?.ok(200)?;
    assert_eq!(ids["members"][0]["id"], "me");
    Ok(())
}

/// Names with characters of patterns and of our own keys.
#[tokio::test]
async fn ids_like_our_own_keys_stay_apart() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, number] = chat.users(["ann", "number"]);
    let [cats] = chat.topics(["cats"]);
    let n = &number.id;
    let names = [
        format!("user-{n}"),
        format!("topic-{n}"),
        format!("a:{n}"),
        format!("a:b:{n}"),
        format!("{n}-{n}"),
        format!("~{n}"),
        format!("{n}|x"),
        format!("+{n}"),
        format!("{n}="),
    ];
    let users = names.map(|name| chat.user(&json!(name)));
    let message = ann.send_text(&cats, "x").await?;
    for user in &users {
        user.join(&cats).await?.ok(200)?;
        user.react(&cats, &message, "👍").await?.ok(200)?;
    }
    let mut watching = users[2].connect().await?;
    watching
        .result(watch(&users.iter().collect::<Vec<_>>(), Some(&cats)))
        .await?;
    let body = json!({"type": "text", "text": "x", "mentions": users.iter().map(|user| &user.id).collect::<Vec<_>>()});
    ann.send(&cats, &body).await?.ok(201)?;
    let mut of_first = users[0].connect().await?;
    of_first.result(cats.frame("typing", json!({"state": "start"}))).await?;
    assert_eq!(
        watching.names_so_far().await?,
        ["message.new", "presence", "typing.start"]
    );
    for (left, user) in users.iter().enumerate() {
        let entry = user.list("?no_format").await?.ok(200)?["entries"][0].take();
        assert_eq!(
            (&entry["unread"], &entry["mentioned"]),
            (&json!(1), &json!(1)),
            "{}",
            user.id
        );
        let history = user.whole_history(&cats).await?;
        assert_eq!(history[0]["reactions"][0]["mine"], true, "{}", user.id);
        assert_eq!(history[0]["reactions"][0]["count"], users.len() - left);
        user.take_back(&cats, &message, "👍").await?.ok(200)?;
        user.read(&cats, None).await?.ok(200)?;
        user.leave(&cats).await?.ok(200)?;
    }
    assert_eq!(ann.members(&cats, "").await?.ok(200)?["total"], 1);
    assert_eq!(
        ann.call(Method::GET, &format!("{}/changes?since=0", cats.path()), None)
            .await?
            .status,
        200
    );
    Ok(())
}
