//! Keys that the platform publishes as a key set, and changes.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::Method;
use serde_json::{Value, json};
use tests::token::{LONG_AGO, Signer};
use tests::{Chat, Request, until, web_server};

/// Who issues the tokens here.
const ISSUER: &str = "https://id.example.com/";

fn rsa(pem: &str) -> Result<Signer> {
    Ok(Signer::rsa(pem)?.issuing_as(ISSUER))
}

/// A key set that can change; without keys the server fails.
#[derive(Clone, Default)]
struct KeySet(Arc<Mutex<Vec<Value>>>);

impl KeySet {
    fn publish(&self, signers: &[&Signer]) -> Result<()> {
        let keys: Result<_> = signers.iter().map(|signer| signer.public_jwk()).collect();
        self.publish_entries(keys?);
        Ok(())
    }

    fn publish_entries(&self, entries: Vec<Value>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = entries;
    }

    /// Serves the set, and returns its address.
    fn serve(&self) -> Result<String> {
        let served = self.clone();
        let router = Router::new().route("/keys", get(move || ready(served.answer())));
        Ok(format!("{}/keys", web_server::serve(router)?))
    }

    fn answer(&self) -> Response {
        let keys = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if keys.is_empty() {
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
        Json(json!({"keys": keys})).into_response()
    }
}

async fn welcome(chat: &Chat, token: &str) -> Result<String> {
    let headers = vec![("X-Auth-Token".to_owned(), token.to_owned())];
    let answer = chat
        .rest(Request {
            method: Method::GET,
            headers,
            ..Request::default()
        })
        .await?;
    if answer.status == 200 {
        Ok(answer.text)
    } else {
        answer.error()
    }
}

#[tokio::test]
async fn keys_can_rotate() -> Result<()> {
    let first = rsa(include_str!("../keys/first.pem"))?.named("first");
    let second = rsa(include_str!("../keys/second.pem"))?.named("second");
    let keys = KeySet::default();
    let url = keys.serve()?;
    let variables = [
        ("SOCK_JWT_ALGORITHM", "RS256"),
        ("SOCK_JWKS_URL", &*url),
        ("SOCK_JWT_ISSUER", ISSUER),
    ];
    let chat = Chat::own_signed(&variables, first.clone()).await?;
    let (by_first, by_second) = (first.user(&json!(7))?, second.user(&json!(7))?);
    insta::assert_snapshot!(welcome(&chat, &by_first).await?, @"503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again");

    keys.publish(&[&first])?;
    insta::assert_snapshot!(welcome(&chat, &by_first).await?, @r#"{"authenticated":true,"message":"Welcome to a realtime chat API","success":true}"#);
    insta::assert_snapshot!(welcome(&chat, &by_second).await?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");
    let nameless = rsa(include_str!("../keys/second.pem"))?.user(&json!(7))?;
    insta::assert_snapshot!(welcome(&chat, &nameless).await?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");
    // A key's name is no secret: the signature decides.
    let forged = rsa(include_str!("../keys/second.pem"))?
        .named("first")
        .user(&json!(7))?;
    insta::assert_snapshot!(welcome(&chat, &forged).await?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");
    let shared = Signer::secret(jsonwebtoken::Algorithm::HS256, "x").user(&json!(7))?;
    insta::assert_snapshot!(welcome(&chat, &shared).await?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");

    // The new key is found without a restart, and the old one is not believed any more.
    keys.publish(&[&second])?;
    until("the new key is known", async || {
        Ok(welcome(&chat, &nameless).await?.contains("true").then_some(()))
    })
    .await?;
    assert!(welcome(&chat, &by_second).await?.contains("true"));
    insta::assert_snapshot!(welcome(&chat, &by_first).await?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: invalid signature");
    Ok(())
}

#[tokio::test]
async fn an_entry_that_cannot_be_used_costs_the_others_nothing() -> Result<()> {
    let nameless = rsa(include_str!("../keys/first.pem"))?;
    let first = nameless.clone().named("a");
    let second = rsa(include_str!("../keys/second.pem"))?.named("a");
    let changed = |field: &str, value: Value| -> Result<Value> {
        let mut key = second.public_jwk()?;
        key[field] = value;
        Ok(key)
    };
    let keys = KeySet::default();
    keys.publish_entries(vec![
        json!(null),
        json!({"kty": "RSA"}),
        changed("kid", json!(7))?,
        changed("use", json!("enc"))?,
        changed("alg", json!("RS512"))?,
        changed("kty", json!("NEW"))?,
        changed("n", json!("AQAB"))?,
        // One name on two keys: each is tried.
        second.public_jwk()?,
        first.public_jwk()?,
    ]);
    let url = keys.serve()?;
    let variables = [
        ("SOCK_JWT_ALGORITHM", "RS256"),
        ("SOCK_JWKS_URL", &*url),
        ("SOCK_JWT_ISSUER", ISSUER),
    ];
    let chat = Chat::own_signed(&variables, first.clone()).await?;
    for signer in [&first, &second, &nameless] {
        assert!(
            welcome(&chat, &signer.user(&json!(7))?).await?.contains("true"),
            "{signer:?}"
        );
    }
    let expired = first.sign(&json!({"user_id": 7, "exp": LONG_AGO, "iss": ISSUER}))?;
    insta::assert_snapshot!(welcome(&chat, &expired).await?, @"401 INVALID_TOKEN_ERR TokenExpiredError: jwt expired");
    // The keys sign for other customers of the identity service too.
    for claims in [
        json!({"user_id": 7}),
        json!({"user_id": 7, "iss": "https://id.example.com/other"}),
    ] {
        let refused = welcome(&chat, &first.sign(&claims)?).await?;
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused, @"401 INVALID_TOKEN_ERR JsonWebTokenError: jwt issuer invalid");
        }
    }
    Ok(())
}
