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
    insta::assert_snapshot!(chat.shown(&stranger), @r#"200 {"authenticated": false, "message": "Welcome to a realtime chat API", "success": true}"#);
    let known = ann.call(Method::GET, "", None).await?;
    insta::assert_snapshot!(chat.shown(&known), @r#"200 {"authenticated": true, "message": "Welcome to a realtime chat API", "success": true}"#);
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
    insta::assert_snapshot!(lines.join("\n"), @"
    GET /nowhere: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    GET /user/5/0192f0e4-7d00-7000-8000-000000000001: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    GET /user/5/a/b: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    GET /user: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    GET /user/a%2Fb: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    POST : 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    POST /list: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    PUT /user/5: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    PATCH /user/5/0192f0e4-7d00-7000-8000-000000000001: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    DELETE /user/5: 404 NOT_FOUND RouteNotFoundError: Route not found - please check your URL and try again
    ");
    let whole = chat
        .rest(Request {
            path: "/nowhere".to_owned(),
            ..Request::default()
        })
        .await?;
    insta::assert_snapshot!(chat.shown(&whole), @r#"
    404 {
      "code": "NOT_FOUND",
      "error": true,
      "message": "Route not found - please check your URL and try again",
      "name": "RouteNotFoundError",
      "request_id": "[request 1]",
      "status": 404
    }
    "#);
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
