//! What is too large, and that what is just small enough works everywhere.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, Request, User, exchange};

/// A frame that API Gateway carries in one piece.
const FRAME: usize = 32 * 1024;

async fn text(from: &User, to: &User, text: &str) -> Result<Answer> {
    from.send(to, &json!({"type": "text", "text": text})).await
}

/// An object whose JSON has this many bytes.
fn object(bytes: usize) -> Value {
    json!({"x": "y".repeat(bytes - r#"{"x":""}"#.len())})
}

#[tokio::test]
async fn each_limit_has_its_own_error() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut lines = Vec::new();
    let mut refused = |answer: Answer| {
        lines.push(answer.error()?);
        anyhow::Ok(())
    };
    refused(text(&ann, &bob, &"x".repeat(16 * 1024 + 1)).await?)?;
    refused(text(&ann, &bob, &"ä".repeat(8 * 1024 + 1)).await?)?;
    // In JSON each of these takes twice or six times its bytes.
    refused(text(&ann, &bob, &"\"".repeat(16 * 1024)).await?)?;
    refused(text(&ann, &bob, &format!("x{}", "\u{1}".repeat(8 * 1024))).await?)?;
    refused(
        ann.send(
            &bob,
            &json!({"type": "text", "text": "x", "metadata": object(4 * 1024 + 1)}),
        )
        .await?,
    )?;
    for image in [
        "http://a.example/b.png",
        "ftp://a.example/b",
        "//a.example/b.png",
        "b.png",
        "https://",
        "data:image/png;base64,AA",
        "javascript:alert(1)",
    ] {
        refused(ann.send(&bob, &json!({"type": "image", "image": image})).await?)?;
    }
    refused(
        ann.send(
            &bob,
            &json!({"type": "image", "image": format!("https://a.example/{}", "x".repeat(2 * 1024))}),
        )
        .await?,
    )?;
    let body = |bytes: usize| {
        let text = r#"{"type":"text","text":"x"}"#;
        format!("{text}{}", " ".repeat(bytes - text.len())).into_bytes()
    };
    refused(ann.call_raw(Method::POST, &bob.path(), body(64 * 1024 + 1)).await?)?;
    insta::assert_snapshot!(lines.join("\n"), @r"
    413 TEXT_TOO_LARGE PayloadTooLargeError: text has 16385 bytes of UTF-8, the limit is 16384
    413 TEXT_TOO_LARGE PayloadTooLargeError: text has 16386 bytes of UTF-8, the limit is 16384
    413 TEXT_TOO_LARGE PayloadTooLargeError: text takes 32768 bytes in JSON, the limit is 19456 so that a message fits a WebSocket frame of 32768 bytes
    413 TEXT_TOO_LARGE PayloadTooLargeError: text takes 49153 bytes in JSON, the limit is 19456 so that a message fits a WebSocket frame of 32768 bytes
    413 METADATA_TOO_LARGE PayloadTooLargeError: metadata has 4097 bytes of JSON, the limit is 4096
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    413 IMAGE_TOO_LARGE PayloadTooLargeError: image has 2066 bytes, the limit is 2048
    413 BODY_TOO_LARGE PayloadTooLargeError: the body has 65537 bytes, the limit is 65536
    ");
    assert_eq!(
        ann.call_raw(Method::POST, &bob.path(), body(64 * 1024)).await?.status,
        201,
        "spaces are no text"
    );
    Ok(())
}

#[tokio::test]
async fn an_update_has_the_same_limits() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "x").await?;
    let changes = [
        json!({"text": "x".repeat(16 * 1024 + 1)}),
        json!({"metadata": object(4 * 1024 + 1)}),
        json!({"image": "http://a.example/b.png"}),
        json!({"text": "x", "more": "x".repeat(64 * 1024)}),
    ];
    let mut lines = Vec::new();
    for change in changes {
        lines.push(ann.update(&bob, &message, &change).await?.error()?);
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    413 TEXT_TOO_LARGE PayloadTooLargeError: text has 16385 bytes of UTF-8, the limit is 16384
    413 METADATA_TOO_LARGE PayloadTooLargeError: metadata has 4097 bytes of JSON, the limit is 4096
    400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    413 BODY_TOO_LARGE PayloadTooLargeError: the body has 65558 bytes, the limit is 65536
    "#);
    Ok(())
}

#[tokio::test]
async fn the_largest_messages_reach_every_reader_in_one_frame() -> Result<()> {
    let chat = Chat::shared().await?;
    let [number] = chat.users(["bob"]);
    // Ids that take the most bytes in every key and frame.
    let ann = chat.user(&json!("~".repeat(64)));
    let bob = chat.user(&json!(format!("{}{}", ":".repeat(56), number.id)));
    let mut listener = bob.connect().await?;
    let (mut plain, mut accents, mut escapes) = ("x".repeat(16 * 1024), "ä".repeat(8 * 1024), "\"".repeat(9_728));
    for text in [&mut plain, &mut accents, &mut escapes] {
        let body = json!({"type": "text", "text": text, "metadata": object(4 * 1024)});
        let sent = ann.send(&bob, &body).await?;
        assert_eq!(sent.status, 201, "{}", sent.text);
        let pushed = listener.text().await?;
        assert!(pushed.len() <= FRAME, "{} bytes", pushed.len());
        let pushed: Value = serde_json::from_str(&pushed)?;
        assert_eq!(pushed["data"]["entry"], sent.body["entry"]);
        assert_eq!(pushed["data"]["entry"]["text"], **text);
        let edited = ann.update(&bob, &sent.body["entry"], &json!({"text": text})).await?;
        assert_eq!(edited.status, 200, "{}", edited.text);
        assert!(listener.text().await?.len() <= FRAME);
    }
    let image = format!(
        "https://a.example/{}",
        "x".repeat(2 * 1024 - "https://a.example/".len())
    );
    assert_eq!(
        ann.send(&bob, &json!({"type": "image", "image": image})).await?.status,
        201
    );
    assert_eq!(listener.event().await?["data"]["entry"]["image"], image);
    assert_eq!(bob.whole_history(&ann).await?.len(), 4);
    assert_eq!(bob.list("").await?.body["entries"][0]["latest"]["image"], image);
    Ok(())
}

#[tokio::test]
async fn the_largest_message_can_be_sent_over_a_socket() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (mut socket, mut listener) = (ann.connect().await?, bob.connect().await?);
    for text in ["x".repeat(16 * 1024), "\"".repeat(9_728)] {
        let frame = json!({
            "action": "send", "id": "i".repeat(126), "target": "user", "target_id": bob.id,
            "type": "text", "text": text, "metadata": object(4 * 1024),
        });
        socket.write(&frame.to_string()).await?;
        let answer = socket.text().await?;
        assert!(answer.len() <= FRAME, "{} bytes", answer.len());
        let answer: Value = serde_json::from_str(&answer)?;
        assert_eq!(answer["result"]["entry"]["text"], text);
        assert_eq!(listener.event().await?["data"]["entry"], answer["result"]["entry"]);
    }
    Ok(())
}

/// What Lambda takes of a function at the most, in bytes.
const LAMBDA_ANSWER: usize = 6_291_556;

#[tokio::test]
async fn the_largest_page_is_answered() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    // Quotes are the dearest: a second JSON around the answer escapes both of their bytes again.
    let metadata = json!({"x": "\"".repeat((4 * 1024 - r#"{"x":""}"#.len()) / 2)});
    let body = json!({"type": "text", "text": "\"".repeat(9_728), "metadata": metadata});
    for _ in 0..100 {
        assert_eq!(ann.send(&bob, &body).await?.status, 201);
    }
    let page = bob.history(&ann, "?per_page=100").await?;
    let length = page.text.len();
    assert!(length > 2_000_000, "{length} bytes");
    assert_eq!(page.ok(200)?["messages"].as_array().map(Vec::len), Some(100));
    // What the function itself answers to API Gateway.
    let event = json!({
        "version": "2.0", "routeKey": "GET /api/{target}/{id}", "rawPath": format!("/api{}", ann.path()), "rawQueryString": "per_page=100",
        "headers": {"x-auth-token": bob.token()?}, "requestContext": {"http": {"method": "GET"}}, "isBase64Encoded": false,
    });
    let request = Request {
        method: Method::POST,
        path: "/2015-03-31/functions/History/invocations".to_owned(),
        body: event.to_string().into_bytes(),
        ..Request::default()
    };
    let address = chat.stack().addresses.lambda.trim_start_matches("http://");
    let (_, _, answer) = exchange(address, request).await?;
    assert!(answer.len() < LAMBDA_ANSWER, "{} bytes", answer.len());
    let answer: Value = serde_json::from_slice(&answer)?;
    assert_eq!(
        (&answer["statusCode"], &answer["isBase64Encoded"]),
        (&json!(200), &json!(true))
    );
    assert_eq!(
        answer["body"].as_str().map(str::len),
        Some(length.div_ceil(3) * 4),
        "base64 of the page"
    );
    Ok(())
}
