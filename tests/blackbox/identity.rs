//! Who a request comes from.

use anyhow::Result;
use http::Method;
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tests::token::{FAR_AWAY, LONG_AGO, Signer};
use tests::{Answer, Chat, Request, SECRET};

/// `GET /api{path}` with these headers.
async fn get(chat: &Chat, path: &str, headers: &[(&str, &str)]) -> Result<Answer> {
    let headers = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    chat.rest(Request {
        path: path.to_owned(),
        headers,
        ..Request::default()
    })
    .await
}

#[tokio::test]
async fn a_token_comes_in_one_of_two_headers() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (ann, bob) = (ann.token()?, bob.token()?);
    let (bearer, lower) = (format!("Bearer {ann}"), format!("bearer {ann}"));
    let ways: [&[(&str, &str)]; 5] = [
        &[("X-Auth-Token", &ann)],
        &[("x-auth-token", &ann)],
        &[("Authorization", &bearer)],
        &[("authorization", &lower)],
        &[("X-Auth-Token", &ann), ("Authorization", &format!("Bearer {bob}"))],
    ];
    let mut keys = Vec::new();
    for headers in ways {
        let body = get(&chat, "/list", headers).await?.ok(200)?;
        keys.push(chat.shown_json(&body["state"]["key"]));
    }
    insta::assert_snapshot!(keys.join("\n"), @r#"
    "myplatform:inbox:[ann]"
    "myplatform:inbox:[ann]"
    "myplatform:inbox:[ann]"
    "myplatform:inbox:[ann]"
    "myplatform:inbox:[ann]"
    "#);
    Ok(())
}

#[tokio::test]
async fn without_a_token_there_is_only_the_welcome() -> Result<()> {
    let chat = Chat::shared().await?;
    insta::assert_snapshot!(chat.shown(&get(&chat, "", &[]).await?), @r#"200 {"authenticated": false, "message": "Welcome to a realtime chat API", "success": true}"#);
    let message = "0192f0e4-7d00-7000-8000-000000000001";
    let routes = [
        (Method::GET, "/list".to_owned()),
        (Method::GET, "/user/5".to_owned()),
        (Method::POST, "/user/5".to_owned()),
        (Method::POST, format!("/user/5/{message}")),
        (Method::DELETE, format!("/user/5/{message}")),
    ];
    let mut lines = Vec::new();
    for (method, path) in routes {
        let answer = chat
            .rest(Request {
                method: method.clone(),
                path,
                ..Request::default()
            })
            .await?;
        lines.push(format!("{method}: {}", answer.error()?));
    }
    // Headers that hold no token are as good as none.
    for header in [
        ("X-Auth-Token", ""),
        ("Authorization", "Basic YTpi"),
        ("Authorization", "Bearer"),
    ] {
        lines.push(format!(
            "{header:?}: {}",
            get(&chat, "/list", &[header]).await?.error()?
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    GET: 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    GET: 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    POST: 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    POST: 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    DELETE: 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    ("X-Auth-Token", ""): 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    ("Authorization", "Basic YTpi"): 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    ("Authorization", "Bearer"): 401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated
    "#);
    let whole = get(&chat, "/list", &[]).await?;
    insta::assert_snapshot!(chat.shown(&whole), @r#"
    401 {
      "code": "NOT_AUTHENTICATED",
      "error": true,
      "message": "You are not authenticated",
      "name": "UnauthenticatedError",
      "request_id": "[request 1]",
      "status": 401
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_number_and_its_digits_are_one_user() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let digits = |id: &Value| chat.user(&json!(id.to_string()));
    digits(&ann.id).send_text(&bob, "Hello").await?;
    let body = digits(&bob.id).history(&digits(&ann.id), "").await?;
    insta::assert_snapshot!(chat.shown(&body), @r#"
    200 {
      "entry": {"id": [ann], "unknown": true},
      "messages": [
        {
          "author": {"id": [ann], "unknown": true},
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "state": {
        "key": "myplatform:dm:[ann]-[bob]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "prev": null,
        "rev": [rev 1],
        "total": 1,
        "total_pages": 1
      }
    }
    "#);
    let inbox = ann.list("?no_format").await?;
    insta::assert_snapshot!(chat.shown(&inbox), @r#"
    200 {
      "entries": [
        {
          "id": [bob],
          "latest": {
            "author": [ann],
            "id": "[id 1]",
            "rev": [rev 1],
            "seq": 1,
            "text": "Hello",
            "timestamp": {epoch, iso},
            "type": "text"
          },
          "mentioned": 0,
          "read": {"seq": 1},
          "rev": [rev 1],
          "timestamp": [ms],
          "type": "user",
          "unread": 0
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "myplatform:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 0
      }
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn exp_and_nbf_are_honoured_when_present() -> Result<()> {
    let chat = Chat::shared().await?;
    let claims = [
        json!({"user_id": 7, "exp": FAR_AWAY}),
        json!({"user_id": 7, "nbf": LONG_AGO}),
        json!({"user_id": 7, "exp": LONG_AGO}),
        json!({"user_id": 7, "nbf": FAR_AWAY}),
        json!({"user_id": 7, "exp": FAR_AWAY, "nbf": LONG_AGO, "iat": FAR_AWAY, "aud": "another", "iss": "someone", "sub": "x"}),
        // Seconds may have a fraction (RFC 7519, section 2).
        json!({"user_id": 7, "exp": 4_102_444_800.5}),
        json!({"user_id": 7, "exp": "soon"}),
    ];
    let mut lines = Vec::new();
    for claims in claims {
        let answer = get(&chat, "", &[("X-Auth-Token", &chat.signer().sign(&claims)?)]).await?;
        let line = if answer.status == 200 {
            format!("200 {}", answer.text)
        } else {
            answer.error()?
        };
        lines.push(format!("{claims}: {line}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"exp":4102444800,"user_id":7}: 200 {"authenticated":true,"message":"Welcome to a realtime chat API","success":true}
    {"nbf":1000000000,"user_id":7}: 200 {"authenticated":true,"message":"Welcome to a realtime chat API","success":true}
    {"exp":1000000000,"user_id":7}: 401 INVALID_TOKEN_ERR TokenExpiredError: jwt expired
    {"nbf":4102444800,"user_id":7}: 401 INVALID_TOKEN_ERR NotBeforeError: jwt not active
    {"aud":"another","exp":4102444800,"iat":4102444800,"iss":"someone","nbf":1000000000,"sub":"x","user_id":7}: 200 {"authenticated":true,"message":"Welcome to a realtime chat API","success":true}
    {"exp":4102444800.5,"user_id":7}: 200 {"authenticated":true,"message":"Welcome to a realtime chat API","success":true}
    {"exp":"soon","user_id":7}: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    "#);
    Ok(())
}

#[tokio::test]
async fn only_the_configured_algorithm_is_accepted() -> Result<()> {
    let chat = Chat::shared().await?;
    let rsa = Signer::rsa(include_str!("../keys/first.pem"))?;
    let tokens = [
        ("HS384", Signer::secret(Algorithm::HS384, SECRET).user(&json!(7))?),
        ("HS512", Signer::secret(Algorithm::HS512, SECRET).user(&json!(7))?),
        ("RS256", rsa.user(&json!(7))?),
        // {"alg":"none","typ":"JWT"} and {"user_id":1}
        (
            "none",
            "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1c2VyX2lkIjoxfQ.".to_owned(),
        ),
    ];
    let mut lines = Vec::new();
    for (name, token) in tokens {
        lines.push(format!(
            "{name}: {}",
            get(&chat, "/list", &[("X-Auth-Token", &token)]).await?.error()?
        ));
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    HS384: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    HS512: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    RS256: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    none: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    ");
    Ok(())
}
