//! The welcome, and every address that leads nowhere.

use anyhow::Result;
use http::Method;
use serde_json::json;
use tests::{Chat, Request};

#[tokio::test]
async fn the_service_welcomes_everyone() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let stranger = chat.rest(Request::default()).await?;
    insta::assert_snapshot!(chat.shown(&stranger), @"");
    let known = ann.call(Method::GET, "", None).await?;
    insta::assert_snapshot!(chat.shown(&known), @"");
    Ok(())
}

#[tokio::test]
async fn an_answer_is_json_and_never_stored() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    for answer in [
        ann.list("").await?,
        ann.list("?page=0").await?,
        ann.call(Method::GET, "/nowhere", None).await?,
    ] {
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(
            answer.headers["cache-control"], "no-store",
            "a proxy must not keep what only one user may see"
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_route_that_does_not_exist() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let routes = [
        (Method::GET, "/nowhere"),
        (Method::GET, "/user/5/0192f0e4-7d00-7000-8000-000000000001"),
        (Method::GET, "/user/5/a/b"),
        (Method::GET, "/user"),
        (Method::GET, "/user/a%2Fb"),
        (Method::POST, ""),
        (Method::POST, "/list"),
        (Method::PUT, "/user/5"),
        (Method::PATCH, "/user/5/0192f0e4-7d00-7000-8000-000000000001"),
        (Method::DELETE, "/user/5"),
    ];
    let body = json!({"type": "text", "text": "x"});
    let mut lines = Vec::new();
    for (method, path) in routes {
        let error = ann.call(method.clone(), path, Some(&body)).await?.error()?;
        lines.push(format!("{method} {path}: {error}"));
        let unknown = chat
            .rest(Request {
                method,
                path: path.to_owned(),
                ..Request::default()
            })
            .await?;
        assert_eq!(unknown.error()?, error, "without a token it is the same");
    }
    insta::assert_snapshot!(lines.join("\n"), @"");
    let whole = chat
        .rest(Request {
            path: "/nowhere".to_owned(),
            ..Request::default()
        })
        .await?;
    insta::assert_snapshot!(chat.shown(&whole), @"");
    Ok(())
}

#[tokio::test]
async fn every_error_has_a_request_id_of_its_own() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let id = async || anyhow::Ok(ann.list("?page=0").await?.body["request_id"].clone());
    assert_ne!(id().await?, id().await?);
    Ok(())
}
