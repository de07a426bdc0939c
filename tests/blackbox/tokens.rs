//! Tokens that are refused, whatever the route.

use anyhow::{Context as _, Result};
use http::Method;
use jsonwebtoken::Algorithm;
use serde_json::json;
use tests::token::{FAR_AWAY, LONG_AGO, Signer};
use tests::{Chat, Request};

#[tokio::test]
async fn a_bad_token_is_refused_on_every_route() -> Result<()> {
    let chat = Chat::shared().await?;
    let signer = chat.signer();
    let good = signer.user(&json!(7))?;
    let (head, signature) = good.rsplit_once('.').context("a token has three parts")?;
    let (header, _) = head.split_once('.').context("a token has three parts")?;
    let tokens = [
        ("garbage", "garbage".to_owned()),
        ("two parts", head.to_owned()),
        ("four parts", format!("{good}.x")),
        ("no base64", format!("{header}.ü.{signature}").replace('ü', "!!")),
        ("header that is no JSON", format!("bm90IGpzb24.{signature}.{signature}")),
        (
            "another's signature",
            Signer::secret(Algorithm::HS256, "another secret").user(&json!(7))?,
        ),
        ("another payload", format!("{header}.eyJ1c2VyX2lkIjoxfQ.{signature}")),
        ("without signature", format!("{head}.")),
        ("expired", signer.sign(&json!({"user_id": 7, "exp": LONG_AGO}))?),
        ("not yet valid", signer.sign(&json!({"user_id": 7, "nbf": FAR_AWAY}))?),
        ("no user", signer.sign(&json!({"sub": "7"}))?),
        ("critical", signer.clone().critical_of(&["exp"]).user(&json!(7))?),
        ("expired, of nobody", signer.sign(&json!({"exp": LONG_AGO}))?),
    ];
    let message = "/user/5/0192f0e4-7d00-7000-8000-000000000001";
    let mut lines = Vec::new();
    for (name, token) in tokens {
        let answer = |method: Method, path: &'static str| {
            let headers = vec![("Authorization".to_owned(), format!("Bearer {token}"))];
            chat.rest(Request {
                method,
                path: path.to_owned(),
                headers,
                body: Vec::new(),
            })
        };
        let error = answer(Method::GET, "/list").await?.error()?;
        lines.push(format!("{name}: {error}"));
        let others = [
            (Method::GET, ""),
            (Method::GET, "/user/5"),
            (Method::POST, "/user/5"),
            (Method::POST, message),
            (Method::DELETE, message),
            (Method::GET, "/nowhere"),
            (Method::GET, "/villain/5"),
        ];
        for (method, path) in others {
            assert_eq!(answer(method.clone(), path).await?.error()?, error, "{method} {path}");
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @"
    garbage: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    two parts: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    four parts: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    no base64: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    header that is no JSON: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    another's signature: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    another payload: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    without signature: 401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature
    expired: 401 INVALID_TOKEN_ERR TokenExpiredError: jwt expired
    not yet valid: 401 INVALID_TOKEN_ERR NotBeforeError: jwt not active
    no user: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - please try a different one
    critical: 401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again
    expired, of nobody: 401 INVALID_TOKEN_ERR TokenExpiredError: jwt expired
    ");
    Ok(())
}

#[tokio::test]
async fn user_id_must_be_an_id() -> Result<()> {
    let chat = Chat::shared().await?;
    let long = "x".repeat(65);
    let ids = [
        json!(0),
        json!("0"),
        json!(9_007_199_254_740_991_u64),
        json!("9007199254740991"),
        json!("a"),
        json!("x".repeat(64)),
        json!("auth0|7"),
        json!("9007199254740992"),
        json!("1983516295378495150"),
        json!(null),
        json!(true),
        json!({}),
        json!([1]),
        json!(1.5),
        json!(-1),
        json!(42.0),
        json!(9_007_199_254_740_992_u64),
        json!("05"),
        json!(""),
        json!("a b"),
        json!("ä"),
        json!("{x}"),
        json!("a/b"),
        json!(long),
    ];
    let mut lines = Vec::new();
    for id in ids {
        let answer = chat.user(&id).list("").await?;
        let line = if answer.status == 200 {
            answer.body["state"]["key"].to_string()
        } else {
            answer.error()?
        };
        lines.push(format!("{id}: {line}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    0: "myplatform:inbox:0"
    "0": "myplatform:inbox:0"
    9007199254740991: "myplatform:inbox:9007199254740991"
    "9007199254740991": "myplatform:inbox:9007199254740991"
    "a": "myplatform:inbox:a"
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": "myplatform:inbox:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
    "auth0|7": "myplatform:inbox:auth0|7"
    "9007199254740992": "myplatform:inbox:9007199254740992"
    "1983516295378495150": "myplatform:inbox:1983516295378495150"
    null: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - please try a different one
    true: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    {}: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    [1]: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    1.5: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    -1: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    42.0: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    9007199254740992: 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number from 0 to 9007199254740991, without point or exponent; a longer one must be a string of digits
    "05": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must not have leading zeros
    "": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "a b": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "ä": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "{x}": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "a/b": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx": 401 INVALID_TOKEN_ERR UnauthenticatedError: Incorrect token - its user_id must be a whole number, or a string of 1 to 64 of A-Z a-z 0-9 _ . : @ ~ + = - |
    "#);
    Ok(())
}
