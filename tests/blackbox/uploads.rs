//! Uploading images, and who sees them.

use anyhow::{Context as _, Result};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use tests::{Answer, Chat, Request, Target, User, ask_s3, post_form, upload};

const PIXEL: &[u8] = b"\x89PNG\r\n\x1a\nnot really an image";

async fn prepare(user: &User, body: &Value) -> Result<Answer> {
    user.call(Method::POST, "/uploads", Some(body)).await
}

async fn send_image(user: &User, to: &impl Target, image: &str) -> Result<Answer> {
    let body = json!({"type": "image", "image": image});
    user.call(Method::POST, &to.path(), Some(&body)).await
}

/// Sends an image and returns the message.
async fn sent(user: &User, to: &impl Target, image: &str) -> Result<Value> {
    Ok(send_image(user, to, image).await?.ok(201)?["entry"].clone())
}

/// Asks for an image as an `<img>` does, without headers. `conversation` is as the reader calls it.
async fn get(
    chat: &Chat,
    reader: &User,
    image: &str,
    (conversation, message): (&impl Target, &Value),
) -> Result<(u16, HeaderMap, Vec<u8>)> {
    let id = message["id"].as_str().context("an id")?;
    let named = format!("{}/{id}", conversation.path().trim_start_matches('/'));
    get_named(chat, image, &named, &reader.token()?).await
}

async fn get_named(chat: &Chat, image: &str, named: &str, token: &str) -> Result<(u16, HeaderMap, Vec<u8>)> {
    let (_, base) = chat.rest_address()?;
    let (_, name) = image.rsplit_once('/').context("a name")?;
    let request = Request {
        path: format!("{base}/uploads/{name}?message={named}&token={token}"),
        ..Request::default()
    };
    let (status, headers, body) = chat.exchange(request).await?;
    Ok((status.as_u16(), headers, body))
}

/// What is at the address to which an answer leads.
async fn shown(headers: &HeaderMap) -> Result<(u16, HeaderMap, Vec<u8>)> {
    ask_s3(Method::GET, headers["location"].to_str()?, "", Vec::new()).await
}

#[tokio::test]
async fn a_participant_sees_the_image_that_a_message_names_and_nobody_else_does() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let image = upload(&ann, PIXEL).await?;
    let message = sent(&ann, &bob, &image).await?;
    assert_eq!(message["image"], json!(image));
    for (reader, other) in [(&bob, &ann), (&ann, &bob)] {
        let (status, headers, body) = get(&chat, reader, &image, (other, &message)).await?;
        assert_eq!((status, &body[..]), (302, &b""[..]));
        assert_eq!(headers["cache-control"], "private, max-age=240");
        let (status, headers, body) = shown(&headers).await?;
        assert_eq!((status, &body[..]), (200, PIXEL));
        assert_eq!(headers["content-type"], "image/png");
        assert_eq!(headers["content-disposition"], "attachment");
    }
    let text = ann.send_text(&bob, "hello").await?;
    assert_eq!(
        get(&chat, &bob, &image, (&ann, &text)).await?.0,
        404,
        "a message without the image"
    );
    assert_eq!(
        get(&chat, &bob, &image, (&cem, &message)).await?.0,
        404,
        "another conversation"
    );
    assert_eq!(get(&chat, &cem, &image, (&ann, &message)).await?.0, 404, "a stranger");
    assert_eq!(get(&chat, &cem, &image, (&bob, &message)).await?.0, 404, "a stranger");
    let id = message["id"].as_str().context("an id")?;
    let here = format!("{}/{id}", ann.path().trim_start_matches('/'));
    assert_eq!(get_named(&chat, &image, &here, "").await?.0, 401);
    assert_eq!(get_named(&chat, &image, &here, "x").await?.0, 401);
    assert_eq!(get_named(&chat, &image, "user", &bob.token()?).await?.0, 400);
    assert_eq!(get_named(&chat, "/none", &here, &bob.token()?).await?.0, 404);
    ann.delete(&bob, &message).await?.ok(200)?;
    assert_eq!(get(&chat, &bob, &image, (&ann, &message)).await?.0, 404, "deleted");
    Ok(())
}

#[tokio::test]
async fn an_image_is_seen_wherever_a_message_names_it() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let [cats] = chat.topics(["cats"]);
    let image = upload(&ann, PIXEL).await?;
    let first = sent(&ann, &bob, &image).await?;
    let mut socket = bob.connect().await?;
    let frame = cem.frame("send", json!({"id": 1, "type": "image", "image": image}));
    let forwarded = socket.ask(frame).await?["result"]["entry"].clone();
    assert_eq!(get(&chat, &cem, &image, (&bob, &forwarded)).await?.0, 302);
    ann.delete(&bob, &first).await?.ok(200)?;
    assert_eq!(
        get(&chat, &cem, &image, (&bob, &forwarded)).await?.0,
        302,
        "the first message is deleted"
    );
    // An edit names an image too.
    let edited = sent(&ann, &cats, "https://example.com/a.png").await?;
    let other = upload(&ann, PIXEL).await?;
    let path = format!("{}/{}", cats.path(), edited["id"].as_str().context("an id")?);
    let edit = json!({"image": other});
    ann.call(Method::POST, &path, Some(&edit)).await?.ok(200)?;
    let (status, headers, _) = get(&chat, &cem, &other, (&cats, &edited)).await?;
    assert_eq!((status, shown(&headers).await?.0), (302, 200));
    assert_eq!(get(&chat, &cem, &image, (&cats, &edited)).await?.0, 404);
    Ok(())
}

#[tokio::test]
async fn a_form_takes_the_image_that_was_asked_for_and_nothing_else() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let wish = json!({"type": "image/png", "bytes": PIXEL.len()});
    let prepared = prepare(&ann, &wish).await?.ok(201)?;
    let longer = [PIXEL, b"x"].concat();
    let replaced = |which: &str, by: &str| {
        let (which, by) = (which.to_owned(), by.to_owned());
        move |name: &str, value: &str| if name == which { by.clone() } else { value.to_owned() }
    };
    let as_it_is = replaced("", "");
    for (file, change, status, code) in [
        (&longer[..], as_it_is.clone(), 400, "EntityTooLarge"),
        (&PIXEL[1..], as_it_is.clone(), 400, "EntityTooSmall"),
        (PIXEL, replaced("Content-Type", "image/svg+xml"), 403, "AccessDenied"),
        (PIXEL, replaced("key", "kept/other"), 403, "AccessDenied"),
        (PIXEL, replaced("policy", "e30="), 403, "SignatureDoesNotMatch"),
    ] {
        let (found, text) = post_form(&prepared, file, change).await?;
        assert!(
            found == status && text.contains(code),
            "{found} {text}, not {status} {code}"
        );
    }
    let image = prepared["image"].as_str().context("an address")?;
    insta::assert_snapshot!(send_image(&ann, &bob, image).await?.error()?, @"400 INVALID_IMAGE ArgumentError: image was not uploaded, or more than a day ago - please upload it again");
    assert_eq!(post_form(&prepared, PIXEL, as_it_is.clone()).await?.0, 204);
    let message = sent(&ann, &bob, image).await?;
    // The form is still good, but what a message shows stays.
    let other = [&PIXEL[1..], b"!"].concat();
    assert_eq!(post_form(&prepared, &other, as_it_is).await?.0, 204);
    sent(&ann, &bob, image).await?;
    let (_, headers, _) = get(&chat, &bob, image, (&ann, &message)).await?;
    assert_eq!(shown(&headers).await?.2, PIXEL);
    Ok(())
}

#[tokio::test]
async fn a_wrong_upload_gets_an_error_that_names_the_fault() -> Result<()> {
    let chat = Chat::own(&[("SOCK_UPLOAD_BYTES_MAX", "1000"), ("SOCK_LIMITS", "uploads=0.001:2")]).await?;
    let [ann] = chat.users(["ann"]);
    let mut lines = Vec::new();
    for body in [
        json!({"bytes": 7}),
        json!({"type": "image/svg+xml", "bytes": 7}),
        json!({"type": "image/png"}),
        json!({"type": "image/png", "bytes": 0}),
        json!({"type": "image/png", "bytes": "7"}),
        json!({"type": "image/png", "bytes": 1001}),
    ] {
        lines.push(prepare(&ann, &body).await?.error()?);
    }
    // What is refused for its form counts nothing.
    let good = json!({"type": "image/png", "bytes": 1000});
    prepare(&ann, &good).await?.ok(201)?;
    prepare(&ann, &good).await?.ok(201)?;
    assert_eq!(
        prepare(&ann, &good).await?.error()?.split(':').next(),
        Some("429 RATE_LIMITED TooManyRequestsError")
    );
    insta::assert_snapshot!(lines.join("\n"), @"
    400 INVALID_FIELD ArgumentError: type must be image/png, image/jpeg, image/gif, image/webp or image/avif
    400 INVALID_FIELD ArgumentError: type must be image/png, image/jpeg, image/gif, image/webp or image/avif
    400 INVALID_FIELD ArgumentError: bytes must be the length of the image in bytes
    400 INVALID_FIELD ArgumentError: bytes must be the length of the image in bytes
    400 INVALID_FIELD ArgumentError: bytes must be the length of the image in bytes
    413 UPLOAD_TOO_LARGE PayloadTooLargeError: bytes is 1001, the limit is 1000
    ");
    Ok(())
}
