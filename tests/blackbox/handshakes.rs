//! How a WebSocket connection begins and ends.

use anyhow::Result;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::token::{LONG_AGO, Signer};
use tests::{Chat, RawRedis, Request, exchange, until};

#[tokio::test]
async fn a_token_comes_in_one_of_five_ways() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let token = ann.token()?;
    let (bearer, query) = (format!("Bearer {token}"), format!("/?token={token}"));
    let (in_protocol, behind) = (format!("senna.v1, bearer.{token}"), format!("bearer.{token},senna.v1"));
    let staged = format!("/live{query}");
    let ways: [(&str, &[(&str, &str)]); 9] = [
        ("/", &[("X-Auth-Token", &token)]),
        ("/", &[("Authorization", &bearer)]),
        (&query, &[]),
        ("/", &[("Sec-WebSocket-Protocol", &in_protocol)]),
        ("/", &[("Sec-WebSocket-Protocol", &behind)]),
        (&query, &[("Sec-WebSocket-Protocol", "senna.v1")]),
        (&query, &[("Sec-WebSocket-Protocol", "other, senna.v1")]),
        ("/live", &[("X-Auth-Token", &token)]),
        (&staged, &[]),
    ];
    let mut lines = Vec::new();
    for (path, headers) in ways {
        let handshake = chat.handshake(path, headers).await?;
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        lines.push(format!(
            "{} {names:?}: {} {:?}",
            path.replace(&token, "…"),
            handshake.status,
            handshake.subprotocol
        ));
        assert_eq!(handshake.open()?.hello().await?["user"], ann.id);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    / ["X-Auth-Token"]: 101 None
    / ["Authorization"]: 101 None
    /?token=… []: 101 None
    / ["Sec-WebSocket-Protocol"]: 101 Some("senna.v1")
    / ["Sec-WebSocket-Protocol"]: 101 Some("senna.v1")
    /?token=… ["Sec-WebSocket-Protocol"]: 101 Some("senna.v1")
    /?token=… ["Sec-WebSocket-Protocol"]: 101 Some("senna.v1")
    /live ["X-Auth-Token"]: 101 None
    /live/?token=… []: 101 None
    "#);
    Ok(())
}

/// A handshake whose subprotocols stand in these header lines: its status and the subprotocol that is named. By hand, because a client
/// library refuses an answer without the subprotocol that it offered, and reads only the first line of its own offer.
async fn offered(chat: &Chat, lines: &[&str], more: &[(&str, &str)]) -> Result<(u16, Option<String>)> {
    let usual = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    let lines = lines.iter().map(|line| ("Sec-WebSocket-Protocol", *line));
    let headers = usual.into_iter().chain(more.iter().copied()).chain(lines);
    let request = Request {
        path: "/".to_owned(),
        headers: headers
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        ..Request::default()
    };
    let (status, headers, _) = exchange(chat.websocket_address()?, request).await?;
    let named = headers.get("sec-websocket-protocol");
    let named = named.map(|value| value.to_str()).transpose()?;
    Ok((status.as_u16(), named.map(str::to_owned)))
}

#[tokio::test]
async fn a_subprotocol_that_was_not_offered_is_not_named() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let token = ann.token()?;
    let bearer = format!("bearer.{token}");
    let offers: [&[&str]; 5] = [
        &[],
        &["other"],
        &["senna.v2, senna"],
        &["senna.v2", "other"],
        &[&bearer],
    ];
    for lines in offers {
        let answer = offered(&chat, lines, &[("X-Auth-Token", &token)]).await?;
        assert_eq!(answer, (101, None), "{lines:?}");
    }
    Ok(())
}

/// RFC 6455, section 4.1: several header lines are one list.
#[tokio::test]
async fn subprotocols_may_come_in_several_lines() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let bearer = format!("bearer.{}", ann.token()?);
    let address = chat.websocket_address()?;
    for lines in [
        ["senna.v1", &*bearer],
        [&*bearer, "senna.v1"],
        [&*bearer, "other, senna.v1"],
    ] {
        // By hand, because a client library looks for the answer in the first line only.
        let mut headers = vec![
            ("Connection", "Upgrade"),
            ("Upgrade", "websocket"),
            ("Sec-WebSocket-Version", "13"),
            ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ];
        headers.extend(lines.map(|line| ("Sec-WebSocket-Protocol", line)));
        let headers = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let request = Request {
            path: "/".to_owned(),
            headers,
            ..Request::default()
        };
        let (status, headers, _) = exchange(address, request).await?;
        let named = headers
            .get("sec-websocket-protocol")
            .and_then(|value| value.to_str().ok());
        assert_eq!((status.as_u16(), named), (101, Some("senna.v1")), "{lines:?}");
    }
    Ok(())
}

#[tokio::test]
async fn subprotocols_in_several_header_lines_are_one_list() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let bearer = format!("bearer.{}", ann.token()?);
    let bad = "bearer.garbage";
    let offers: [&[&str]; 6] = [
        &["senna.v1", &bearer],
        &[&bearer, "senna.v1"],
        &["other, senna.v1", "another", &bearer],
        &["senna.v1", "other"],
        &["senna.v1", bad],
        &[bad, "senna.v1"],
    ];
    let mut lines = Vec::new();
    for offer in offers {
        let (status, named) = offered(&chat, offer, &[]).await?;
        lines.push(format!("{offer:?}: {status} {named:?}").replace(&bearer, "bearer.…"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    ["senna.v1", "bearer.…"]: 101 Some("senna.v1")
    ["bearer.…", "senna.v1"]: 101 Some("senna.v1")
    ["other, senna.v1", "another", "bearer.…"]: 101 Some("senna.v1")
    ["senna.v1", "other"]: 401 None
    ["senna.v1", "bearer.garbage"]: 401 None
    ["bearer.garbage", "senna.v1"]: 401 None
    "#);
    Ok(())
}

#[tokio::test]
async fn a_handshake_without_a_good_token_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let signer = chat.signer();
    let tokens = [
        ("none", String::new()),
        ("garbage", "garbage".to_owned()),
        (
            "another's",
            Signer::secret(Algorithm::HS256, "another secret").user(&json!(7))?,
        ),
        (
            "another algorithm",
            Signer::secret(Algorithm::HS512, tests::SECRET).user(&json!(7))?,
        ),
        ("expired", signer.sign(&json!({"user_id": 7, "exp": LONG_AGO}))?),
        ("no user", signer.sign(&json!({}))?),
    ];
    let mut lines = Vec::new();
    for (name, token) in tokens {
        let error = chat.handshake("/", &[("X-Auth-Token", &token)]).await?.error()?;
        lines.push(format!("{name}: {error}"));
        for path in [format!("/?token={token}"), format!("/live?token={token}")] {
            assert_eq!(chat.handshake(&path, &[]).await?.error()?, error, "{path}");
        }
        let protocol = format!("senna.v1, bearer.{token}");
        assert_eq!(
            chat.handshake("/", &[("Sec-WebSocket-Protocol", &protocol)])
                .await?
                .status,
            401,
            "{protocol}"
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    none: 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    garbage: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    another's: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    another algorithm: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    expired: 401 INVALID_TOKEN_ERR TokenExpiredError: jwt expired
    no user: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - please try a different one
    ");
    assert_eq!(chat.handshake("/", &[]).await?.status, 401);
    assert_eq!(chat.handshake("/live", &[]).await?.status, 401);
    assert_eq!(
        chat.handshake("/elsewhere", &[]).await?.status,
        403,
        "this is the gateway's own answer"
    );
    Ok(())
}

#[tokio::test]
async fn hello_tells_who_is_connected() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let mut socket = ann.connect().await?;
    let hello = socket.ask(json!({"action": "hello", "id": "first"})).await?;
    insta::assert_snapshot!(chat.shown_json(&hello), @r#"
    {
      "id": "first",
      "result": {
        "connection_id": "[connection 1]",
        "cursor": "[cursor 1]",
        "entries": [],
        "more": false,
        "recovered": false,
        "unread_total": 0,
        "user": [ann]
      }
    }
    "#);
    assert_eq!(RawRedis::of(&chat).await?.connections(&ann).await?, [socket.id.clone()]);
    assert_eq!(socket.id.len(), 16, "as API Gateway's ids: {}", socket.id);
    let named = chat.user(&json!(format!("hello.{}", ann.id)));
    assert_eq!(named.connect().await?.hello().await?["user"], named.id);
    Ok(())
}

#[tokio::test]
async fn a_user_may_have_many_connections() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let redis = RawRedis::of(&chat).await?;
    let mut sockets = Vec::new();
    for _ in 0..4 {
        sockets.push(ann.connect().await?);
    }
    assert_eq!(redis.connections(&ann).await?.len(), 4);
    bob.send_text(&ann, "to all").await?;
    for socket in &mut sockets {
        assert_eq!(socket.event().await?["data"]["entry"]["text"], "to all");
    }
    Ok(())
}

#[tokio::test]
async fn a_connection_that_ends_is_forgotten() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let redis = RawRedis::of(&chat).await?;
    let (polite, rude, mut stays) = (ann.connect().await?, ann.connect().await?, ann.connect().await?);
    let own: Vec<String> = redis.run(&format!("KEYS *connection:{}*", polite.id)).await?;
    assert_eq!(own.len(), 1, "{own:?}");
    assert_eq!(redis.connections(&ann).await?.len(), 3);
    polite.close().await?;
    // The TCP connection ends without a close frame.
    drop(rude);
    let left = until("two connections are forgotten", async || {
        Ok(Some(redis.connections(&ann).await?).filter(|connections| connections.len() == 1))
    });
    assert_eq!(left.await?, [stays.id.clone()]);
    let own: i64 = redis.run(&format!("EXISTS {}", own.join(" "))).await?;
    assert_eq!(own, 0, "nothing of it is left");
    stays.hello().await?;
    Ok(())
}
