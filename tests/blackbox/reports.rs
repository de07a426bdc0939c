//! Reporting messages to the platform's moderators.

use anyhow::{Context as _, Result};
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, KEYS, RawRedis, Target, User};

async fn report(user: &User, with: &impl Target, message: &Value, body: &Value) -> Result<Answer> {
    let id = message["id"].as_str().context("a message has an id")?;
    user.call(Method::POST, &format!("{}/{id}/report", with.path()), Some(body))
        .await
}

#[tokio::test]
async fn a_message_of_somebody_else_is_reported_once() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let message = bob.send_text(&ann, "rude").await?;
    let first = report(&ann, &bob, &message, &json!({"reason": "rude"}))
        .await?
        .ok(201)?;
    let id = first["id"].as_str().context("an id")?.to_owned();
    insta::assert_snapshot!(chat.shown_json(&first).replace(&id, "[report]"), @r#"{"id": "[report]", "reported": {epoch, iso}}"#);
    let again = report(&ann, &bob, &message, &json!({"reason": "very rude"}))
        .await?
        .ok(201)?;
    assert_eq!(again, first, "one report for each reporter and message");
    // In a topic, every reader can report it.
    let [cats] = chat.topics(["cats"]);
    let message = bob.send_text(&cats, "rude to all").await?;
    let by_ann = report(&ann, &cats, &message, &json!({"reason": "rude"})).await?;
    let by_cem = report(&cem, &cats, &message, &json!({"reason": "rude", "more": 1})).await?;
    assert_ne!(by_ann.ok(201)?["id"], by_cem.ok(201)?["id"]);
    // Nobody in the conversation learns of the report.
    assert_eq!(bob.whole_history(&ann).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_wrong_report_gets_an_error_that_names_the_fault() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob, cem] = chat.users(["ann", "bob", "cem"]);
    let message = bob.send_text(&ann, "rude").await?;
    let gone = bob.send_text(&ann, "gone").await?;
    bob.delete(&ann, &gone).await?.ok(200)?;
    let good = json!({"reason": "rude"});
    let nothing = json!({"id": "nothing"});
    let mut lines = Vec::new();
    for answer in [
        report(&ann, &bob, &message, &json!({})).await?,
        report(&ann, &bob, &message, &json!({"reason": 7})).await?,
        report(&ann, &bob, &message, &json!({"reason": " "})).await?,
        report(&ann, &bob, &message, &json!({"reason": "x".repeat(1_001)})).await?,
        report(&ann, &bob, &message, &json!([])).await?,
        report(&bob, &ann, &message, &good).await?,
        report(&cem, &bob, &message, &good).await?,
        report(&ann, &bob, &gone, &good).await?,
        report(&ann, &bob, &nothing, &good).await?,
    ] {
        lines.push(answer.error()?);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    400 INVALID_FIELD ArgumentError: reason must be a text of 1 to 1000 bytes of UTF-8 with a visible character
    400 INVALID_FIELD ArgumentError: reason must be a text of 1 to 1000 bytes of UTF-8 with a visible character
    400 INVALID_FIELD ArgumentError: reason must be a text of 1 to 1000 bytes of UTF-8 with a visible character
    400 INVALID_FIELD ArgumentError: reason must be a text of 1 to 1000 bytes of UTF-8 with a visible character
    400 INVALID_JSON ArgumentError: the body must be a JSON object in UTF-8
    403 FORBIDDEN ForbiddenError: You cannot report your own message
    404 NOT_FOUND NotFound: Message not found
    404 NOT_FOUND NotFound: Message not found
    404 NOT_FOUND NotFound: Message not found
    ");
    Ok(())
}

#[tokio::test]
async fn only_members_report_messages_that_only_members_read() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "platform")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let [cats] = chat.topics(["cats"]);
    let nothing = json!({"id": "0192f0e4-7d00-7000-8000-000000000001"});
    let answer = report(&ann, &cats, &nothing, &json!({"reason": "rude"})).await?;
    insta::assert_snapshot!(answer.error()?, @"403 NOT_A_MEMBER ForbiddenError: You are not a member of this topic");
    let message = bob.send_text(&ann, "rude").await?;
    report(&ann, &bob, &message, &json!({"reason": "rude"}))
        .await?
        .ok(201)?;
    Ok(())
}

#[tokio::test]
async fn edits_and_deletions_keep_earlier_versions_if_the_site_wants_it() -> Result<()> {
    for kept in [false, true] {
        let chat = Chat::own(&[("SOCK_KEEP_EDITS", if kept { "yes" } else { "no" })]).await?;
        let [ann, bob] = chat.users(["ann", "bob"]);
        let edited = bob.send_text(&ann, "first words").await?;
        bob.update(&ann, &edited, &json!({"text": "other words"}))
            .await?
            .ok(200)?;
        let mut of_bob = bob.connect().await?;
        let by_socket = bob.send_text(&ann, "by socket").await?;
        let frame = ann.frame(
            "update",
            json!({"message_id": by_socket["id"], "text": "edited by socket"}),
        );
        of_bob.result(frame).await?;
        let deleted = bob.send_text(&ann, "deleted words").await?;
        bob.delete(&ann, &deleted).await?.ok(200)?;
        let key = ann.history(&bob, "").await?.ok(200)?["state"]["key"].clone();
        let edits = format!("{{senna-sockets:{}}}:edits", key.as_str().unwrap_or_default());
        let all: Vec<Vec<u8>> = RawRedis::of(&chat).await?.run(&format!("HVALS {edits}")).await?;
        let all: Vec<_> = all.iter().map(|packed| String::from_utf8_lossy(packed)).collect();
        assert_eq!(all.len(), if kept { 3 } else { 0 });
        for words in ["first words", "by socket", "deleted words"] {
            assert_eq!(
                all.iter().any(|packed| packed.contains(words)),
                kept,
                "{words}: {all:?}"
            );
        }
        // A user who saw a deleted message can report it, if it is kept.
        let answer = report(&ann, &bob, &deleted, &json!({"reason": "rude"})).await?;
        assert_eq!(answer.status, if kept { 201 } else { 404 });
        // Clients see no earlier versions.
        assert_eq!(ann.whole_history(&bob).await?.len(), 2);
    }
    Ok(())
}

#[tokio::test]
async fn the_platform_lists_reports_with_the_message_as_it_was_and_resolves_them() -> Result<()> {
    let chat = Chat::own(&[("SOCK_PLATFORM_KEY", KEYS), ("SOCK_KEEP_EDITS", "yes")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let backend = chat.backend();
    let message = bob.send_text(&ann, "very rude").await?;
    bob.update(&ann, &message, &json!({"text": "rude"})).await?.ok(200)?;
    let filed = report(&ann, &bob, &message, &json!({"reason": "rude"}))
        .await?
        .ok(201)?;
    bob.update(&ann, &message, &json!({"text": "polite"})).await?.ok(200)?;
    bob.delete(&ann, &message).await?.ok(200)?;
    let id = filed["id"].as_str().context("an id")?;

    let open = backend.call(Method::GET, "/reports?state=open", None).await?.ok(200)?;
    let shown = &open["entries"][0];
    assert_eq!(
        (open["entries"].as_array().map(Vec::len), &open["next"]),
        (Some(1), &Value::Null)
    );
    assert_eq!((&shown["id"], &shown["reported"]), (&filed["id"], &filed["reported"]));
    assert_eq!((&shown["reporter"], &shown["reason"]), (&ann.id, &json!("rude")));
    assert_eq!(
        shown["conversation"],
        json!({"target": "user", "a": ann.id, "b": bob.id})
    );
    assert_eq!(
        (&shown["message"]["text"], &shown["message"]["author"]),
        (&json!("rude"), &bob.id)
    );
    assert_eq!(shown["earlier"][0]["text"], "very rude");
    assert_eq!((&shown["resolved"], &shown["deleted"]), (&Value::Null, &Value::Null));
    // The history for moderators has the versions too.
    let path = format!("/conversations/user/{}/{}", bob.id, ann.id);
    let all = backend.call(Method::GET, &path, None).await?.ok(200)?;
    let earlier = all["earlier"][0]["versions"].as_array().cloned().unwrap_or_default();
    let texts: Vec<_> = earlier.iter().map(|version| version["text"].clone()).collect();
    assert_eq!(texts, ["very rude", "rude", "polite"]);
    assert_eq!(
        (&all["earlier"][0]["id"], &all["entries"][0]["deleted"]),
        (&message["id"], &json!(true))
    );

    let resolve = format!("/reports/{id}/resolve");
    let resolved = backend
        .call(Method::POST, &resolve, Some(&json!({"note": "warned"})))
        .await?
        .ok(200)?;
    assert_eq!(resolved["resolved"]["note"], "warned");
    let again = backend.call(Method::POST, &resolve, None).await?.ok(200)?;
    assert_eq!(again, resolved, "a repetition changes nothing");
    let open = backend.call(Method::GET, "/reports?state=open", None).await?.ok(200)?;
    assert_eq!(open["entries"], json!([]));
    let all = backend
        .call(Method::GET, "/reports?state=resolved&limit=1", None)
        .await?
        .ok(200)?;
    assert_eq!(all["entries"], json!([resolved]));
    let mut lines = Vec::new();
    for (method, path, body) in [
        (Method::GET, "/reports?state=lost", None),
        (Method::GET, "/reports?after=7", None),
        (Method::GET, "/reports?limit=101", None),
        (Method::POST, "/reports/7/resolve", None),
        (Method::POST, "/reports/00000000000000000000000000000007/resolve", None),
        (Method::POST, resolve.as_str(), Some(json!({"note": 7}))),
    ] {
        lines.push(backend.call(method, path, body.as_ref()).await?.error()?);
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    400 INVALID_FIELD ArgumentError: state must be open or resolved
    400 INVALID_FIELD ArgumentError: after must be the next of a page
    400 INVALID_PAGE ArgumentError: per_page must be an integer from 1 to 100
    404 NOT_FOUND NotFound: Report not found
    404 NOT_FOUND NotFound: Report not found
    400 INVALID_FIELD ArgumentError: note must be a text of 1 to 1000 bytes of UTF-8 with a visible character
    ");
    Ok(())
}
