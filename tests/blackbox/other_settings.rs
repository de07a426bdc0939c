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

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_the_functions_refuse_stops_the_stack_before_it_is_ready() -> Result<()> {
    let values = [
        ("SOCK_JWT_ALGORITHM", "HS999"),
        ("SOCK_DOMAIN_HANDLE", "bad/handle"),
        ("SOCK_DOMAINS", "chat.a.com"),
        ("SOCK_REDIS_URL", "http://127.0.0.1:1"),
    ];
    for (variable, value) in values {
        let refused = match Chat::own(&[(variable, value)]).await {
            Ok(_) => bail!("{variable}={value} started"),
            Err(error) => error.to_string(),
        };
        assert!(refused.contains("(exit status: 1)"), "{refused}");
        let own = refused.lines().find(|line| line.starts_with("senna: "));
        let own = own.with_context(|| refused.clone())?;
        // Which function is the first is chance.
        let (_, why) = own.split_once(" doesn't start: ").with_context(|| own.to_owned())?;
        let due = format!("{variable} must be ");
        assert!(why.starts_with(&due), "{why}");
    }
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
