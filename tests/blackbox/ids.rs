//! Ids of users in addresses, and the keys that are made of them.

use anyhow::Result;
use http::Method;
use serde_json::json;
use tests::{Chat, User};

#[tokio::test]
async fn an_id_in_an_address_is_checked() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let long = format!("/user/{}", "x".repeat(65));
    let paths = [
        "/user/05",
        "/user/00",
        "/user/01983516295378495150",
        "/user/a%20b",
        "/user/%C3%A4",
        "/user/%7Bx%7D",
        "/user/%FF",
        &long,
        "/villain/5",
        "/villain/05",
        "/User/5",
        "/user%20/5",
        "/topic/05",
    ];
    let mut lines = Vec::new();
    for path in paths {
        let error = ann.call(Method::GET, path, None).await?.error()?;
        lines.push(format!("{path}: {error}"));
        let text = json!({"type": "text", "text": "x"});
        assert_eq!(
            ann.call(Method::POST, path, Some(&text)).await?.error()?,
            error,
            "sending to {path}"
        );
        let message = format!("{path}/0192f0e4-7d00-7000-8000-000000000001");
        assert_eq!(
            ann.call(Method::POST, &message, Some(&text)).await?.error()?,
            error,
            "updating in {path}"
        );
        assert_eq!(
            ann.call(Method::DELETE, &message, None).await?.error()?,
            error,
            "deleting in {path}"
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /user/05: 400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    /user/00: 400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    /user/01983516295378495150: 400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    /user/a%20b: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /user/%C3%A4: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /user/%7Bx%7D: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /user/%FF: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /user/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    /villain/5: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain"
    /villain/05: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "villain"
    /User/5: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "User"
    /user%20/5: 400 MESSAGES_INVALID_TARGET ArgumentError: Invalid target "user "
    /topic/05: 400 INVALID_ID ArgumentError: the target's id must not have leading zeros
    "#);
    Ok(())
}

#[tokio::test]
async fn an_id_may_be_a_text_of_many_characters() -> Result<()> {
    let chat = Chat::shared().await?;
    let [number] = chat.users(["number"]);
    let texts = [
        "Az_09.:@~+=-",
        "a@b.c",
        "0x10",
        "5a",
        "-5",
        "+5",
        "a+b",
        "auth0|5",
        "9007199254740992",
        "1983516295378495150",
        &"9".repeat(64),
        &"~".repeat(64),
    ];
    let mut lines = Vec::new();
    for text in texts {
        let user = chat.user(&json!(text));
        number.send_text(&user, "to a text").await?;
        user.send_text(&number, "from a text").await?;
        let body = number.history(&user, "").await?.ok(200)?;
        let texts: Vec<_> = body["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|message| &message["text"])
            .collect();
        assert_eq!(texts, ["to a text", "from a text"]);
        let entry = number.list("").await?.ok(200)?["entries"][0].clone();
        assert_eq!((&entry["id"], &entry["latest"]["author"]), (&user.id, &user.id));
        assert_eq!(
            body["entry"],
            json!({"id": text, "unknown": true}),
            "the platform doesn't know it"
        );
        let frame = json!({"action": "send", "target": "user", "target_id": text, "type": "text", "text": "x"});
        let sent = number.connect().await?.result(frame).await?;
        assert_eq!(sent["state"]["key"], body["state"]["key"]);
        lines.push(format!("{text} {}", chat.shown_json(&body["state"]["key"])));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    Az_09.:@~+=- "myplatform:dm:[number]-Az_09.%3A@%7E+=%2D"
    a@b.c "myplatform:dm:[number]-a@b.c"
    0x10 "myplatform:dm:[number]-0x10"
    5a "myplatform:dm:[number]-5a"
    -5 "myplatform:dm:[number]-%2D5"
    +5 "myplatform:dm:[number]-+5"
    a+b "myplatform:dm:[number]-a+b"
    auth0|5 "myplatform:dm:[number]-auth0|5"
    9007199254740992 "myplatform:dm:[number]-9007199254740992"
    1983516295378495150 "myplatform:dm:[number]-1983516295378495150"
    9999999999999999999999999999999999999999999999999999999999999999 "myplatform:dm:[number]-9999999999999999999999999999999999999999999999999999999999999999"
    ~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~~ "myplatform:dm:[number]-%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E%7E"
    "#);
    Ok(())
}

/// Sends a message and returns the key of the conversation.
async fn key(from: &User, to: &User) -> Result<String> {
    let body = from.send(to, &json!({"type": "text", "text": "x"})).await?.ok(201)?;
    Ok(format!("{}", body["state"]["key"]))
}

#[tokio::test]
async fn a_key_orders_numbers_by_value_and_other_ids_by_bytes() -> Result<()> {
    let chat = Chat::shared().await?;
    let user = |id| chat.user(&id);
    let pairs = [
        (user(json!(9_999_999)), user(json!(10_000_000))),
        (user(json!("order.b")), user(json!("order.a"))),
        (user(json!("order.a")), user(json!("order.B"))),
        (user(json!(10_000_000)), user(json!("order.a"))),
        (user(json!(10_000_000)), user(json!("+order"))),
        // Long strings of digits are texts: by bytes, after numbers.
        (user(json!(9_007_199_254_740_991_u64)), user(json!("9007199254740992"))),
        (user(json!("9007199254740992")), user(json!("10000000000000000000"))),
    ];
    let mut lines = Vec::new();
    for (one, other) in pairs {
        let there = key(&one, &other).await?;
        assert_eq!(key(&other, &one).await?, there, "both sides are in one conversation");
        lines.push(there);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    "myplatform:dm:9999999-10000000"
    "myplatform:dm:order.a-order.b"
    "myplatform:dm:order.B-order.a"
    "myplatform:dm:10000000-order.a"
    "myplatform:dm:10000000-+order"
    "myplatform:dm:9007199254740991-9007199254740992"
    "myplatform:dm:10000000000000000000-9007199254740992"
    "#);
    Ok(())
}

#[tokio::test]
async fn no_two_pairs_share_a_conversation() -> Result<()> {
    let chat = Chat::shared().await?;
    let user = |id: &str| chat.user(&json!(id));
    let pairs = [
        ("pair.a-b", "c"),
        ("pair.a", "b-c"),
        ("pair.a~b", "c"),
        ("pair.a", "b~c"),
        ("pair.a:b", "c"),
        ("pair.a", "b:c"),
        ("pair.a=2Db", "c"),
        ("pair.a+b", "c"),
        ("pair.a--b", "c"),
        ("pair.a-", "-b-c"),
        ("pair.a", "--b-c"),
    ];
    for (one, other) in pairs {
        let before = user(one).history(&user(other), "").await?.ok(200)?;
        assert_eq!(before["state"]["total"], 0, "{one} and {other} have not talked");
        user(one).send_text(&user(other), "x").await?;
    }
    Ok(())
}
