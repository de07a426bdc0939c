//! The platform's own server exports a user, and asks for the erasure of one.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Request, User, ask_s3, until, upload};

/// All lines of an export, page by page, as `Link` says.
async fn export(chat: &Chat, user: &User) -> Result<(Vec<Value>, usize)> {
    let (mut lines, mut query, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = chat
            .backend()
            .about(user, Method::GET, &format!("/export{query}"))
            .await?;
        let link = page
            .headers
            .get("link")
            .map(|link| link.to_str())
            .transpose()?
            .map(str::to_owned);
        lines.extend(page.ok(200)?.as_array().context("lines")?.clone());
        pages += 1;
        let Some(link) = link else { return Ok((lines, pages)) };
        let next = link
            .strip_prefix('<')
            .and_then(|link| link.strip_suffix(">; rel=\"next\""));
        next.context("the address of the next page")?.clone_into(&mut query);
    }
}

#[tokio::test]
async fn an_export_has_everything_of_a_user_in_pages() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, carl] = chat.users(["ann", "bob", "carl"]);
    let first = ann.send_text(&bob, "from ann").await?;
    let answer = bob.send_text(&ann, "from bob").await?;
    ann.react(&bob, &answer, "+1").await?.ok(200)?;
    let last = ann.send_text(&bob, "the last one").await?;
    // More conversations than a page looks at.
    let topics = chat.topics(["topic"; 22]);
    for topic in &topics {
        ann.send_text(topic, "in a topic").await?;
    }
    ann.call(Method::PUT, &format!("{}/block", carl.path()), None)
        .await?
        .ok(200)?;
    let report = format!("{}/{}/report", bob.path(), answer["id"].as_str().context("an id")?);
    ann.call(Method::POST, &report, Some(&json!({"reason": "rude"})))
        .await?
        .ok(201)?;
    let (lines, pages) = export(&chat, &ann).await?;
    assert!(pages > 1, "{pages} pages");
    let of_kind = |kind: &str| lines.iter().filter(|line| line["type"] == kind).collect::<Vec<_>>();
    let user = of_kind("user");
    assert_eq!(
        (user.len(), &user[0]["id"], &user[0]["banned"]),
        (1, &json!(ann.id), &json!(false))
    );
    let messages = of_kind("message");
    let ids: Vec<&Value> = messages.iter().take(2).map(|line| &line["entry"]["id"]).collect();
    assert_eq!(ids, [&first["id"], &last["id"]], "own messages, and no others");
    assert_eq!(messages.len(), 2 + topics.len());
    let reactions = of_kind("reaction");
    assert_eq!((reactions.len(), &reactions[0]["message_id"]), (1, &answer["id"]));
    assert_eq!(of_kind("block")[0]["id"], json!(carl.id));
    assert_eq!(of_kind("conversation")[0]["entry"]["read"]["seq"], last["seq"]);
    assert_eq!(of_kind("report")[0]["message_id"], answer["id"]);
    let wrong = chat.backend().about(&ann, Method::GET, "/export?after=x").await?;
    insta::assert_snapshot!(wrong.error()?, @"400 INVALID_FIELD ArgumentError: after must be that of the Link of a page");
    Ok(())
}

#[tokio::test]
async fn an_erasure_refuses_old_tokens_and_is_known_by_its_job() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    ann.send_text(&bob, "hello").await?;
    let about = async |method, body: Option<Value>| {
        backend
            .call(method, &format!("/users/{}/erase", ann.id), body.as_ref())
            .await
    };
    let unknown = about(Method::GET, None).await?.error()?;
    insta::assert_snapshot!(unknown, @"404 NOT_FOUND NotFound: Erasure not found");
    let wrong = about(Method::POST, Some(json!({"conversations": "some"})))
        .await?
        .error()?;
    insta::assert_snapshot!(wrong, @"400 INVALID_FIELD ArgumentError: conversations must be keep or remove");
    ann.list("").await?.ok(200)?;
    let asked = about(Method::POST, Some(json!({"conversations": "remove"})))
        .await?
        .ok(202)?;
    assert_eq!(asked["conversations"], "remove");
    let refusal = "401 TOKEN_REVOKED UnauthenticatedError: Your token was revoked - please log in again";
    assert_eq!(ann.list("").await?.error()?, refusal);
    let again = about(Method::POST, None).await?.ok(202)?;
    let state = about(Method::GET, None).await?.ok(200)?;
    assert_eq!((&again["job"], &state["job"]), (&asked["job"], &asked["job"]));
    Ok(())
}

/// The store's own tests go on to the end, a minute later.
#[tokio::test]
async fn the_worker_erases_a_user_and_others_see_it() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "from ann").await?;
    let kept = bob.send_text(&ann, "from bob").await?;
    let mut socket = bob.connect().await?;
    chat.backend().about(&ann, Method::POST, "/erase").await?.ok(202)?;
    let event = socket.event().await?;
    assert_eq!(
        (&event["event"], &event["data"]["entry"]["seq"]),
        (&json!("message.deleted"), &json!(1))
    );
    let history = bob.call(Method::GET, &ann.path(), None).await?.ok(200)?;
    assert_eq!(history["state"]["total"], 1);
    assert_eq!(history["messages"][0]["id"], kept["id"]);
    until("the erasure goes on", async || {
        let erasure = chat.backend().about(&ann, Method::GET, "/erase").await?.ok(200)?;
        Ok((erasure["state"] == "running").then_some(()))
    })
    .await
}

/// A message that names an image is refused only if the image neither waits nor is kept.
#[tokio::test]
async fn an_erasure_deletes_the_images_of_the_user_and_no_others() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (named, unnamed) = (upload(&ann, b"named").await?, upload(&ann, b"unnamed").await?);
    let of_bob = upload(&bob, b"of bob").await?;
    let send = async |image: &str| {
        let body = json!({"type": "image", "image": image});
        bob.call(Method::POST, &ann.path(), Some(&body)).await
    };
    // Bob's message stays, and ann's image in it goes all the same.
    let message = send(&named).await?.ok(201)?["entry"].clone();
    send(&of_bob).await?.ok(201)?;
    let (_, base) = chat.rest_address()?;
    let (_, name) = named.rsplit_once('/').context("a name")?;
    let (id, token) = (message["id"].as_str().context("an id")?, bob.token()?);
    let shown = Request {
        path: format!("{base}/uploads/{name}?message=user/{}/{id}&token={token}", ann.id),
        ..Request::default()
    };
    let (_, headers, _) = chat.exchange(shown).await?;
    let address = headers["location"].to_str()?;
    let status = async || anyhow::Ok(ask_s3(Method::GET, address, "", Vec::new()).await?.0);
    assert_eq!(status().await?, 200);
    chat.backend().about(&ann, Method::POST, "/erase").await?.ok(202)?;
    until("the image is deleted", async || {
        Ok((status().await? == 404).then_some(()))
    })
    .await?;
    for image in [&named, &unnamed] {
        let error = send(image).await?.error()?;
        assert!(error.starts_with("400 INVALID_IMAGE"), "{error}");
    }
    send(&of_bob).await?.ok(201)?;
    Ok(())
}
