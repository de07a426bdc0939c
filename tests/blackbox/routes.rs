//! The welcome, and every address that leads nowhere.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Request, exchange};

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
async fn slashes_too_many_lead_to_the_route() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let bob_path = bob.path();
    let paths = [
        (Method::GET, "/api/".to_owned()),
        (Method::GET, "//api//".to_owned()),
        (Method::GET, "/api/list/?per_page=2&x=%20".to_owned()),
        (Method::GET, "/api//list".to_owned()),
        (Method::GET, "/api/sync/".to_owned()),
        (Method::POST, format!("/api{bob_path}/")),
        (Method::GET, "/api/nowhere/".to_owned()),
        (Method::GET, "//evil.example/api/list/".to_owned()),
        (Method::POST, "/api/list/".to_owned()),
    ];
    let mut lines = Vec::new();
    for (method, path) in paths {
        let request = Request {
            method: method.clone(),
            path: path.clone(),
            headers: vec![("X-Auth-Token".to_owned(), ann.token()?)],
            body: br#"{"type":"text","text":"x"}"#.to_vec(),
        };
        let (status, headers, body) = chat.exchange(request).await?;
        let location = headers
            .get("location")
            .map_or("", |location| location.to_str().unwrap_or("?"));
        let code = serde_json::from_slice::<Value>(&body).map(|body| body["code"].clone());
        lines.push(format!(
            "{method} {path}: {} {location} {}",
            status.as_u16(),
            code.unwrap_or_default()
        ));
    }
    insta::assert_snapshot!(chat.shown_text(&lines.join("\n")), @r#"
    GET /api/: 200  null
    GET //api//: 200  null
    GET /api/list/?per_page=2&x=%20: 308 /api/list?per_page=2&x=%20 null
    GET /api//list: 308 /api/list null
    GET /api/sync/: 308 /api/sync null
    POST /api/user/[bob]/: 308 /api/user/[bob] null
    GET /api/nowhere/: 404  "NOT_FOUND"
    GET //evil.example/api/list/: 404  "NOT_FOUND"
    POST /api/list/: 404  "NOT_FOUND"
    "#);
    assert_eq!(
        bob.list("").await?.body["state"]["total"],
        0,
        "nothing was sent on the way"
    );
    Ok(())
}

#[tokio::test]
async fn a_monitor_asks_with_head() -> Result<()> {
    let chat = Chat::shared().await?;
    let mut lines = Vec::new();
    for path in ["/api", "/api/", "/api/list", "/nowhere"] {
        let request = Request {
            method: Method::HEAD,
            path: path.to_owned(),
            ..Request::default()
        };
        let (status, headers, body) = chat.exchange(request).await?;
        let length = headers
            .get("content-length")
            .map_or("none", |length| length.to_str().unwrap_or("?"));
        lines.push(format!("HEAD {path}: {} {} {length}", status.as_u16(), body.len()));
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    HEAD /api: 200 0 none
    HEAD /api/: 200 0 none
    HEAD /api/list: 404 0 none
    HEAD /nowhere: 404 0 none
    ");
    Ok(())
}

#[tokio::test]
async fn a_flag_of_the_query_may_be_off() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "x").await?;
    let mut lines = Vec::new();
    for query in [
        "",
        "?no_format",
        "?no_format=1",
        "?no_format=true",
        "?no_format=0",
        "?no_format=false",
        "?no_format=maybe",
    ] {
        let answer = ann.list(query).await?;
        let plain = answer.body["entries"][0]["timestamp"].is_u64();
        lines.push(if answer.status == 200 {
            format!("{query}: {plain}")
        } else {
            format!("{query}: {}", answer.error()?)
        });
    }
    insta::assert_snapshot!(lines.join("\n"), @r"
    : false
    ?no_format: true
    ?no_format=1: true
    ?no_format=true: true
    ?no_format=0: false
    ?no_format=false: false
    ?no_format=maybe: 400 INVALID_FIELD ArgumentError: no_format must be 1, true, 0, false or without a value
    ");
    Ok(())
}

/// No id holds these characters, so each address is wrong; none may be cut or decoded until it is somebody else's.
#[tokio::test]
async fn an_address_never_means_somebody_else() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, number] = chat.users(["ann", "number"]);
    let bob_id = format!("bob{}", number.id);
    let (bob, bobb) = (chat.user(&json!(bob_id)), chat.user(&json!(format!("{bob_id}b"))));
    let mut lines = Vec::new();
    for end in [
        "%23b", "%2Fb", "%25b", "%00", "%20", "%2562", "%252Fb", "%253Fb", "%2523b", "%C3%A4",
    ] {
        let path = format!("/user/{bob_id}{end}");
        let body = br#"{"type":"text","text":"x"}"#.to_vec();
        lines.push(format!(
            "{end}: {}",
            ann.call_raw(Method::POST, &path, body).await?.error()?
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    %23b: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %2Fb: 404 NOT_FOUND NotFound: Message not found
    %25b: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %00: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %20: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %2562: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %252Fb: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %253Fb: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %2523b: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    %C3%A4: 400 INVALID_ID ArgumentError: the target's id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "#);
    // The gateway's own answer: AWS would cut the address here.
    let cut = ann
        .call(
            Method::POST,
            &format!("/user/{bob_id}%3Fb"),
            Some(&json!({"type": "text", "text": "x"})),
        )
        .await?;
    assert_eq!((cut.status, &cut.body), (400, &json!({"message": "Bad Request"})));
    for user in [&bob, &bobb, &ann] {
        assert_eq!(
            user.list("").await?.body["state"]["total"],
            0,
            "{} got nothing",
            user.id
        );
    }
    // What an id may hold arrives, encoded or not.
    let all = chat.user(&json!(format!("a:b@c~d+e=f-g_h.{}", number.id)));
    for path in [all.path(), format!("/user/{}", all.id.as_str().unwrap_or_default())] {
        let body = br#"{"type":"text","text":"x"}"#.to_vec();
        assert_eq!(ann.call_raw(Method::POST, &path, body).await?.status, 201, "{path}");
    }
    assert_eq!(all.unread(&ann).await?.0, 2);
    Ok(())
}

/// API Gateway lets some of this pass and not the rest; a function answers all of it.
#[tokio::test]
async fn no_event_makes_a_function_fail() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let token = ann.token()?;
    let whole = json!({
        "version": "2.0", "routeKey": "POST /api/{target}/{id}", "rawPath": format!("/api{}", bob.path()), "rawQueryString": "",
        "headers": {"x-auth-token": token, "host": "chat.example"},
        "requestContext": {"http": {"method": "POST"}, "connectionId": "L0SM9cOFvHcCIhw=", "connectedAt": 1_701_245_041_796_u64},
        "body": r#"{"type":"text","text":"x"}"#, "isBase64Encoded": false,
    });
    let changes = [
        ("/headers/host", json!("1.2.3.4.5")),
        ("/headers/host", json!("xn--")),
        ("/headers/host", json!("a:65536")),
        ("/headers/host", json!("[::1")),
        ("/headers/host", json!("a b\u{0}ä")),
        ("/headers/host", json!(7)),
        ("/headers", json!({"": "", "a b": "c"})),
        ("/headers", Value::Null),
        ("/rawQueryString", json!("a b\u{0}ä<>\"{}|^`%zz%")),
        ("/rawQueryString", json!({})),
        ("/rawPath", json!("\u{0}//?#[]ä")),
        ("/rawPath", Value::Null),
        ("/routeKey", json!("{}{id}")),
        ("/requestContext", json!("x")),
        ("/body", json!("\u{0}\u{feff}")),
        ("/body", json!([])),
        ("/isBase64Encoded", json!(true)),
        ("", json!({})),
        ("", json!([])),
        ("", json!("x")),
        ("", Value::Null),
    ];
    let address = chat.stack().addresses.lambda.trim_start_matches("http://");
    let mut lines = Vec::new();
    for (place, value) in changes {
        let mut event = whole.clone();
        if let Some(changed) = event.pointer_mut(place) {
            *changed = value.clone();
        }
        let mut statuses = Vec::new();
        for function in ["Send", "Welcome", "Connect", "Message"] {
            let request = Request {
                method: Method::POST,
                path: format!("/2015-03-31/functions/{function}/invocations"),
                body: event.to_string().into_bytes(),
                ..Request::default()
            };
            let (_, headers, answer) = exchange(address, request).await?;
            assert_eq!(headers.get("x-amz-function-error"), None, "{function} {place} {value}");
            statuses.push(serde_json::from_slice::<Value>(&answer)?["statusCode"].to_string());
        }
        lines.push(format!("{place} {value}: {}", statuses.join(" ")));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    /headers/host "1.2.3.4.5": 201 404 200 200
    /headers/host "xn--": 201 404 200 200
    /headers/host "a:65536": 201 404 200 200
    /headers/host "[::1": 201 404 200 200
    /headers/host "a b\u0000ä": 201 404 200 200
    /headers/host 7: 201 404 200 200
    /headers {"":"","a b":"c"}: 401 404 401 200
    /headers null: 401 404 401 200
    /rawQueryString "a b\u0000ä<>\"{}|^`%zz%": 201 404 200 200
    /rawQueryString {}: 201 404 200 200
    /rawPath "\u0000//?#[]ä": 400 404 200 200
    /rawPath null: 400 404 200 200
    /routeKey "{}{id}": 400 404 200 200
    /requestContext "x": 201 404 404 404
    /body "\u0000﻿": 400 404 200 200
    /body []: 400 404 200 200
    /isBase64Encoded true: 201 404 200 200
     {}: 401 404 404 404
     []: 401 404 404 404
     "x": 401 404 404 404
     null: 401 404 404 404
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
