//! Bodies that are no message.

use anyhow::Result;
use http::Method;
use tests::Chat;

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
    let body = b"{\"type\":\"text\",\"text\":\"\xff\"}".to_vec();
    let answer = ann.call_raw(Method::POST, &bob.path(), body).await?;
    insta::assert_snapshot!(answer.error()?, @"400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8");
    Ok(())
}
