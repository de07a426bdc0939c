//! A stack that is configured in every other way.

use anyhow::{Context as _, Result, bail};
use local::redis::{Options, RedisServer};
use serde_json::json;
use tests::token::Signer;
use tests::{Chat, RawRedis, Request, web_server};

#[tokio::test]
async fn header_key_handle_and_prefix_are_the_platforms_choice() -> Result<()> {
    let public = include_str!("../keys/first.pub.pem");
    let nobody = format!("http://{}", web_server::closed_port()?);
    let variables = [
        ("SOCK_JWT_ALGORITHM", "RS256"),
        ("SOCK_JWT_PUBLIC_KEY", public),
        ("SOCK_JWT_HEADER", "X-Chat-Token"),
        ("SOCK_DOMAIN_HANDLE", "elsewhere"),
        ("SOCK_REDIS_PREFIX", "other-prefix"),
        ("SOCK_API_URL", nobody.as_str()),
    ];
    let signer = Signer::rsa(include_str!("../keys/first.pem"))?;
    let chat = Chat::own_signed(&variables, signer.clone()).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let with = async |header: &str, token: String, path: &str, text: Option<&str>| {
        let headers = vec![(header.to_owned(), token)];
        let body = text
            .map(|text| json!({"type": "text", "text": text}).to_string().into_bytes())
            .unwrap_or_default();
        let method = if text.is_some() {
            http::Method::POST
        } else {
            http::Method::GET
        };
        chat.rest(Request {
            method,
            path: path.to_owned(),
            headers,
            body,
        })
        .await
    };
    let sent = with("X-Chat-Token", ann.token()?, &bob.path(), Some("Hello")).await?;
    insta::assert_snapshot!(chat.shown(&sent), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "Hello",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "elsewhere:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    let bearer = with("Authorization", format!("Bearer {}", ann.token()?), "/list", None).await?;
    insta::assert_snapshot!(chat.shown(&bearer), @r#"
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
          "timestamp": {epoch, iso},
          "type": "user",
          "unread": 0,
          "user": {"id": [bob]}
        }
      ],
      "state": {
        "cursor": "[cursor 1]",
        "key": "elsewhere:inbox:[ann]",
        "next": null,
        "page": 1,
        "per_page": 10,
        "total": 1,
        "total_pages": 1,
        "unread_total": 0
      }
    }
    "#);
    let default_header = with("X-Auth-Token", ann.token()?, "/list", None).await?;
    insta::assert_snapshot!(default_header.error()?, @"401 NOT_AUTHENTICATED UnauthenticatedError: You are not authenticated");
    // Nobody is there to say who the users are.
    let history = with("x-chat-token", bob.token()?, &ann.path(), None).await?;
    insta::assert_snapshot!(chat.shown(&history), @r#"
    200 {
      "entry": {"id": [ann]},
      "messages": [
        {
          "author": {"id": [ann]},
          "id": "[id 1]",
          "rev": [rev 1],
          "seq": 1,
          "text": "Hello",
          "timestamp": {epoch, iso},
          "type": "text"
        }
      ],
      "state": {
        "key": "elsewhere:dm:[ann]-[bob]",
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

    // The public key is public: a token "signed" with it as a secret is worth nothing.
    let confused = Signer::secret(jsonwebtoken::Algorithm::HS256, public).user(&ann.id)?;
    insta::assert_snapshot!(with("X-Chat-Token", confused, "/list", None).await?.error()?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");
    let other_key = Signer::rsa(include_str!("../keys/second.pem"))?.user(&ann.id)?;
    insta::assert_snapshot!(with("X-Chat-Token", other_key, "/list", None).await?.error()?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");

    let keys: Vec<String> = RawRedis::of(&chat).await?.run("KEYS *").await?;
    assert!(
        !keys.is_empty() && keys.iter().all(|key| key.starts_with("{other-prefix:")),
        "{keys:?}"
    );
    let mut socket = chat.handshake("/", &[("X-Chat-Token", &ann.token()?)]).await?.open()?;
    assert_eq!(socket.hello().await?["user"], ann.id);
    assert_eq!(
        chat.handshake("/", &[("X-Auth-Token", &ann.token()?)]).await?.status,
        401
    );
    Ok(())
}

/// `GET /api/list` with this token: the key of the inbox, or the whole error.
async fn inbox(chat: &Chat, token: String) -> Result<String> {
    let headers = vec![("X-Auth-Token".to_owned(), token)];
    let answer = chat
        .rest(Request {
            path: "/list".to_owned(),
            headers,
            ..Request::default()
        })
        .await?;
    Ok(match answer.status {
        200 => answer.body["state"]["key"].to_string(),
        _ => chat.shown(&answer),
    })
}

#[tokio::test]
async fn claims_leeway_and_a_second_secret_are_the_platforms_choice() -> Result<()> {
    let before = "the secret that was used until now";
    let variables = [
        ("SOCK_JWT_ISSUER", "https://id.example.com/,https://id.example.org/"),
        ("SOCK_JWT_AUDIENCE", "chat,talk"),
        ("SOCK_JWT_USER_CLAIM", "sub"),
        ("SOCK_JWT_LEEWAY", "300"),
        ("SOCK_JWT_SECRET_PREVIOUS", before),
        // As a file holds it.
        ("SOCK_JWT_SECRET", " the secret of the black-box tests\n"),
    ];
    let chat = Chat::own(&variables).await?;
    let before = Signer::secret(jsonwebtoken::Algorithm::HS256, before);
    let with = |changes: serde_json::Value| {
        let mut claims = json!({"sub": "auth0|7", "iss": "https://id.example.org/", "aud": ["shop", "talk"]});
        for (name, value) in changes.as_object().into_iter().flatten() {
            claims[name] = value.clone();
        }
        claims
    };
    let now = jsonwebtoken::get_current_timestamp();
    let good = with(json!({"exp": now - 100, "nbf": now + 100}));
    for signer in [chat.signer(), &before] {
        assert_eq!(inbox(&chat, signer.sign(&good)?).await?, "\"myplatform:inbox:auth0|7\"");
    }
    let sign = |changes| chat.signer().sign(&with(changes));
    insta::assert_snapshot!(inbox(&chat, sign(json!({"iss": "https://id.example.net/"}))?).await?, @r#"
    401 {
      "code": "INVALID_TOKEN_ERR",
      "error": true,
      "message": "jwt issuer invalid",
      "name": "JsonWebTokenError",
      "request_id": "[request 1]",
      "status": 401
    }
    "#);
    insta::assert_snapshot!(inbox(&chat, sign(json!({"aud": "shop"}))?).await?, @r#"
    401 {
      "code": "INVALID_TOKEN_ERR",
      "error": true,
      "message": "jwt audience invalid",
      "name": "JsonWebTokenError",
      "request_id": "[request 2]",
      "status": 401
    }
    "#);
    insta::assert_snapshot!(inbox(&chat, sign(json!({"exp": now - 1_000}))?).await?, @r#"
    401 {
      "code": "INVALID_TOKEN_ERR",
      "error": true,
      "message": "jwt expired",
      "name": "TokenExpiredError",
      "request_id": "[request 3]",
      "status": 401
    }
    "#);
    insta::assert_snapshot!(inbox(&chat, sign(json!({"nbf": now + 1_000}))?).await?, @r#"
    401 {
      "code": "INVALID_TOKEN_ERR",
      "error": true,
      "message": "jwt not active",
      "name": "NotBeforeError",
      "request_id": "[request 4]",
      "status": 401
    }
    "#);
    insta::assert_snapshot!(inbox(&chat, sign(json!({"sub": null, "user_id": 7}))?).await?, @r#"
    401 {
      "code": "INVALID_TOKEN_ERR",
      "error": true,
      "message": "Incorrect token - please try a different one",
      "name": "UnauthenticatedError",
      "request_id": "[request 5]",
      "status": 401
    }
    "#);
    insta::assert_snapshot!(inbox(&chat, sign(json!({"sub": "05"}))?).await?, @r#"
    401 {
      "code": "INVALID_TOKEN_ERR",
      "error": true,
      "message": "Incorrect token - its sub must not have leading zeros",
      "name": "UnauthenticatedError",
      "request_id": "[request 6]",
      "status": 401
    }
    "#);
    Ok(())
}

#[tokio::test]
async fn a_secret_shorter_than_its_hash_is_warned_of_and_not_shown() -> Result<()> {
    let secret = "eighteen bytes 123";
    let variables = [("SOCK_JWT_SECRET", secret)];
    let signer = Signer::secret(jsonwebtoken::Algorithm::HS256, secret);
    let chat = Chat::own_signed(&variables, signer).await?;
    assert_eq!(
        inbox(&chat, chat.signer().user(&json!(7))?).await?,
        "\"myplatform:inbox:7\""
    );
    let log = chat.stack().log();
    let warnings = log
        .matches("the secret should have 32 bytes, as HS256 has, or more")
        .count();
    assert!(warnings > 0 && log.contains("SOCK_JWT_SECRET"), "{log}");
    assert!(!log.contains(secret), "{log}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_functions_refuse_stops_the_stack_before_it_is_ready() -> Result<()> {
    let values = [
        ("SOCK_JWT_ALGORITHM", "HS999"),
        ("SOCK_JWT_SECRET", "fifteen bytes !"),
        ("SOCK_JWT_SECRET_PREVIOUS", "14 short bytes"),
        ("SOCK_JWT_LEEWAY", "a while"),
        ("SOCK_DOMAIN_HANDLE", "bad/handle"),
        ("SOCK_DOMAINS", "chat.a.com"),
        ("SOCK_PLATFORM_KEY", "31 bytes, which is one too few!"),
        ("SOCK_REDIS_URL", "http://127.0.0.1:1"),
        ("SOCK_LIMITS", "sends=fast"),
        ("SOCK_CONNECTIONS_MAX", "0"),
        ("SOCK_RETENTION_DAYS", "0"),
    ];
    for (variable, value) in values {
        let why = refusal(&[(variable, value)]).await?;
        let due = format!("{variable} must ");
        assert!(why.starts_with(&due), "{why}");
        assert!(
            !why.contains(value) || !["SECRET", "KEY"].iter().any(|word| variable.contains(word)),
            "{why}"
        );
    }
    Ok(())
}

/// Why a stack with these variables does not start.
async fn refusal(variables: &[(&str, &str)]) -> Result<String> {
    let refused = match Chat::own(variables).await {
        Ok(_) => bail!("{variables:?} started"),
        Err(error) => error.to_string(),
    };
    assert!(refused.contains("(exit status: 1)"), "{refused}");
    let own = refused.lines().find(|line| line.starts_with("senna: "));
    let own = own.with_context(|| refused.clone())?;
    // Which function is the first is chance.
    let (_, why) = own.split_once(" doesn't start: ").with_context(|| own.to_owned())?;
    Ok(why.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_set_of_whoever_and_a_short_key_stop_the_stack() -> Result<()> {
    let rsa = ("SOCK_JWT_ALGORITHM", "RS256");
    let key_set = refusal(&[rsa, ("SOCK_JWKS_URL", "http://127.0.0.1:1/keys")]).await?;
    insta::assert_snapshot!(key_set, @"SOCK_JWT_ISSUER or SOCK_JWT_AUDIENCE must be set with SOCK_JWKS_URL, whose keys may sign for others too; for example SOCK_JWT_ISSUER=https://id.example.com/");
    let short = ("SOCK_JWT_PUBLIC_KEY", include_str!("../keys/short.pub.pem"));
    insta::assert_snapshot!(refusal(&[rsa, short]).await?, @"SOCK_JWT_PUBLIC_KEY must be a public key for RS256 in PEM, of 2048 to 8192 bits; for example SOCK_JWT_PUBLIC_KEY=-----BEGIN PUBLIC KEY-----…");
    Ok(())
}

#[tokio::test]
async fn valkey_is_an_address_of_a_redis_too() -> Result<()> {
    let server = RedisServer::start(&Options::default())?;
    let url = server.url().replace("redis://", "valkey://");
    let chat = Chat::own(&[("SOCK_REDIS_URL", &url)]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "Hello").await?;
    assert_eq!(bob.whole_history(&ann).await?.len(), 1);
    Ok(())
}
