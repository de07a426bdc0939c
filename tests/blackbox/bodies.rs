//! Bodies that are no message.

use anyhow::Result;
use http::Method;
use serde_json::json;
use tests::{Chat, Request};

#[tokio::test]
async fn a_message_has_a_type_and_its_property() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let bodies = [
        r#"{"type":"video","video":"x"}"#,
        r#"{"type":"Text","text":"x"}"#,
        r#"{"type":7,"text":"x"}"#,
        r#"{"type":null,"text":"x"}"#,
        r#"{"text":"x"}"#,
        r"{}",
        r#"{"type":"text"}"#,
        r#"{"type":"text","text":""}"#,
        r#"{"type":"text","text":null}"#,
        r#"{"type":"text","image":"https://a.example/b.png"}"#,
        r#"{"type":"text","text":7}"#,
        r#"{"type":"text","text":["x"]}"#,
        r#"{"type":"image"}"#,
        r#"{"type":"image","image":""}"#,
        r#"{"type":"image","text":"x"}"#,
        r#"{"type":"image","image":7}"#,
        r#"{"type":"text","text":"x","metadata":[]}"#,
        r#"{"type":"text","text":"x","metadata":"x"}"#,
    ];
    let mut lines = Vec::new();
    for body in bodies {
        let answer = ann.call_raw(Method::POST, &bob.path(), body.into()).await?;
        lines.push(format!("{body}: {}", answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"type":"video","video":"x"}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type "video"
    {"type":"Text","text":"x"}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type "Text"
    {"type":7,"text":"x"}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type "7"
    {"type":null,"text":"x"}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type ""
    {"text":"x"}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type ""
    {}: 400 MESSAGES_INVALID_TYPE ArgumentError: Invalid type ""
    {"type":"text"}: 400 null ArgumentError: Missing text property for text-message
    {"type":"text","text":""}: 400 null ArgumentError: Missing text property for text-message
    {"type":"text","text":null}: 400 null ArgumentError: Missing text property for text-message
    {"type":"text","image":"https://a.example/b.png"}: 400 null ArgumentError: Missing text property for text-message
    {"type":"text","text":7}: 400 INVALID_FIELD ArgumentError: text must be a string
    {"type":"text","text":["x"]}: 400 INVALID_FIELD ArgumentError: text must be a string
    {"type":"image"}: 400 null ArgumentError: Missing image property for image-message
    {"type":"image","image":""}: 400 null ArgumentError: Missing image property for image-message
    {"type":"image","text":"x"}: 400 null ArgumentError: Missing image property for image-message
    {"type":"image","image":7}: 400 INVALID_FIELD ArgumentError: image must be a string
    {"type":"text","text":"x","metadata":[]}: 400 INVALID_FIELD ArgumentError: metadata must be an object that every JSON reader takes
    {"type":"text","text":"x","metadata":"x"}: 400 INVALID_FIELD ArgumentError: metadata must be an object that every JSON reader takes
    "#);
    assert_eq!(bob.list("").await?.body["state"]["total"], 0, "nothing was stored");
    Ok(())
}

#[tokio::test]
async fn a_body_is_a_json_object() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let bodies = [
        "",
        "{",
        "[]",
        r#""text""#,
        "null",
        r#"{"type":"text","text":"x"} x"#,
        "type=text&text=x",
    ];
    let mut lines = Vec::new();
    for body in bodies {
        let answer = ann.call_raw(Method::POST, &bob.path(), body.into()).await?;
        lines.push(format!("{body}: {}", answer.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    : 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    {: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    []: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "text": 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    null: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    {"type":"text","text":"x"} x: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    type=text&text=x: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    "#);
    Ok(())
}

#[tokio::test]
async fn a_body_is_utf_8() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let bodies: [&[u8]; 3] = [
        b"{\"type\":\"text\",\"text\":\"\xff\"}",
        b"\xff\xfe{\0}\0",
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff",
    ];
    let mut lines = Vec::new();
    for body in bodies {
        let error = ann.call_raw(Method::POST, &bob.path(), body.to_vec()).await?.error()?;
        lines.push(format!("{}: {error}", body.escape_ascii()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {\"type\":\"text\",\"text\":\"\xff\"}: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    \xff\xfe{\x00}\x00: 400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    \x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff: 415 BODY_COMPRESSED UnsupportedMediaTypeError: the body is compressed, which is not taken - please send it as it is
    "#);
    Ok(())
}

#[tokio::test]
async fn a_body_that_is_almost_right_is_told_what_is_wrong() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let bodies = [
        r#"{"type":"text","text":"\ud83d"}"#,
        r#"{"type":"text","text":"\ude00\ud83d"}"#,
        r#"{"type":"text","text":"a","text":"b"}"#,
        r#"{"type":"text","type":"image","text":"a"}"#,
        r#"{"type":"text","text":"a","client_id":"1","client_id":"2"}"#,
    ];
    let mut lines = Vec::new();
    for body in bodies {
        let error = ann.call_raw(Method::POST, &bob.path(), body.into()).await?.error()?;
        lines.push(format!("{body}: {error}"));
        let frame = body.replacen(
            '{',
            &format!(r#"{{"action":"send","target":"user","target_id":{},"#, bob.id),
            1,
        );
        let mut socket = ann.connect().await?;
        socket.write(&frame).await?;
        lines.push(format!(
            "    as a frame: {}",
            tests::error_line(&socket.answer().await?["error"])?
        ));
    }
    for coding in ["gzip", "br", "identity"] {
        let request = Request {
            method: Method::POST,
            path: bob.path(),
            headers: vec![
                ("X-Auth-Token".to_owned(), ann.token()?),
                ("Content-Type".to_owned(), "application/json".to_owned()),
                ("Content-Encoding".to_owned(), coding.to_owned()),
            ],
            body: br#"{"type":"text"}"#.to_vec(),
        };
        lines.push(format!("{coding}: {}", chat.rest(request).await?.error()?));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"type":"text","text":"\ud83d"}: 400 INVALID_FIELD ArgumentError: text must be whole characters: an escape in it is half of a surrogate pair
        as a frame: 400 INVALID_FIELD ArgumentError: text must be whole characters: an escape in it is half of a surrogate pair
    {"type":"text","text":"\ude00\ud83d"}: 400 INVALID_FIELD ArgumentError: text must be whole characters: an escape in it is half of a surrogate pair
        as a frame: 400 INVALID_FIELD ArgumentError: text must be whole characters: an escape in it is half of a surrogate pair
    {"type":"text","text":"a","text":"b"}: 400 DUPLICATE_KEY ArgumentError: the body has the key "text" twice
        as a frame: 400 DUPLICATE_KEY ArgumentError: the frame has the key "text" twice
    {"type":"text","type":"image","text":"a"}: 400 DUPLICATE_KEY ArgumentError: the body has the key "type" twice
        as a frame: 400 DUPLICATE_KEY ArgumentError: the frame has the key "type" twice
    {"type":"text","text":"a","client_id":"1","client_id":"2"}: 400 DUPLICATE_KEY ArgumentError: the body has the key "client_id" twice
        as a frame: 400 DUPLICATE_KEY ArgumentError: the frame has the key "client_id" twice
    gzip: 415 BODY_COMPRESSED UnsupportedMediaTypeError: the body is compressed, which is not taken - please send it as it is
    br: 415 BODY_COMPRESSED UnsupportedMediaTypeError: the body is compressed, which is not taken - please send it as it is
    identity: 400 null ArgumentError: Missing text property for text-message
    "#);
    assert_eq!(bob.list("").await?.body["state"]["total"], 0, "nothing was stored");
    Ok(())
}

#[tokio::test]
async fn a_byte_order_mark_is_taken() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let body = "\u{feff}{\"type\":\"text\",\"text\":\"x\"}";
    let sent = ann.call_raw(Method::POST, &bob.path(), body.into()).await?;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let mut socket = ann.connect().await?;
    socket.write("\u{feff}{\"action\":\"ping\",\"id\":1}").await?;
    assert_eq!(socket.answer().await?["id"], 1);
    Ok(())
}

#[tokio::test]
async fn a_text_has_a_visible_character() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut lines = Vec::new();
    for text in ["   \n", "\u{200b}", "\0", "\u{3164}", "\u{202e}\u{a0}"] {
        let body = json!({"type": "text", "text": text});
        lines.push(ann.send(&bob, &body).await?.error()?);
    }
    let message = ann.send_text(&bob, " \u{200b}x\0").await?;
    assert_eq!(message["text"], " \u{200b}x\0", "it is kept as it was written");
    lines.push(ann.update(&bob, &message, &json!({"text": " "})).await?.error()?);
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @"400 INVALID_TEXT ArgumentError: text must have a visible character");
    Ok(())
}

#[tokio::test]
async fn an_image_says_by_itself_where_it_is() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut lines = Vec::new();
    for image in [
        "https:logout",
        "https:/x",
        "https:\\\\x",
        "https:///x",
        "https://user@host/x",
        "https://@host/x",
        "https://a.b/\tc",
        "https://a.b/c\n",
        "HTTPS://IMG.Example:443/a/../b?c=ä#d",
    ] {
        let answer = ann.send(&bob, &json!({"type": "image", "image": image})).await?;
        let shown = if answer.status == 201 {
            answer.body["entry"]["image"].to_string()
        } else {
            answer.error()?
        };
        lines.push(format!("{}: {shown}", image.escape_default()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    https:logout: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https:/x: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https:\\\\x: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https:///x: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https://user@host/x: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https://@host/x: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https://a.b/\tc: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    https://a.b/c\n: 400 INVALID_IMAGE ArgumentError: image must be an https:// URL with a host and without a user
    HTTPS://IMG.Example:443/a/../b?c=\u{e4}#d: "https://img.example/b?c=%C3%A4#d"
    "#);
    Ok(())
}
