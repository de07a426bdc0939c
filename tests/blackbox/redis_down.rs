//! Redis is not there.

use anyhow::{Result, ensure};
use http::Method;
use local::redis::{Options, RedisServer};
use serde_json::json;
use tests::{Chat, Request, User, exchange, until};

/// What every route says, the same for all.
async fn everywhere(ann: &User, bob: &User) -> Result<String> {
    let message = format!("{}/0192f0e4-7d00-7000-8000-000000000001", bob.path());
    let text = json!({"type": "text", "text": "x"});
    let requests = [
        (Method::GET, "/list".to_owned(), None),
        (Method::GET, bob.path(), None),
        (Method::POST, bob.path(), Some(&text)),
        (Method::POST, message.clone(), Some(&text)),
        (Method::DELETE, message, None),
    ];
    let mut errors = Vec::new();
    for (method, path, body) in requests {
        let answer = ann.call(method.clone(), &path, body).await?;
        errors.push(format!("{method}: {}", answer.error()?));
    }
    Ok(errors.join("\n"))
}

#[tokio::test]
async fn answers_say_so_until_it_is_back() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = Options {
        data_dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let mut redis = RedisServer::start(&options)?;
    let url = redis.url();
    redis.stop();

    // It isn't there when the functions start.
    let chat = Chat::own(&[("SOCK_REDIS_URL", &url)]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    insta::assert_snapshot!(everywhere(&ann, &bob).await?, @"
    GET: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    GET: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    POST: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    POST: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    DELETE: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    ");
    let whole = ann.list("").await?;
    insta::assert_snapshot!(chat.shown(&whole), @r#"
    503 {
      "code": "UNAVAILABLE",
      "error": true,
      "message": "The service is unavailable at the moment - please try again",
      "name": "UnavailableError",
      "request_id": "[request 1]",
      "status": 503
    }
    "#);
    let token = ann.token()?;
    let refused = chat.handshake("/", &[("X-Auth-Token", &token)]).await?;
    insta::assert_snapshot!(refused.error()?, @"503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again");
    assert_eq!(
        ann.call(Method::GET, "", None).await?.status,
        200,
        "the welcome needs no Redis"
    );

    redis.restart()?;
    ann.send_text(&bob, "kept").await?;
    let mut socket = ann.connect().await?;

    // It goes away under functions that have used it.
    redis.kill();
    insta::assert_snapshot!(everywhere(&ann, &bob).await?, @"
    GET: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    GET: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    POST: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    POST: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    DELETE: 503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again
    ");
    let frame = json!({"action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "x"});
    insta::assert_snapshot!(socket.error(frame.clone()).await?, @"503 UNAVAILABLE UnavailableError: The service is unavailable at the moment - please try again");
    socket.result(json!({"action": "ping"})).await?;

    redis.restart()?;
    let messages = until("messages are there again", async || {
        let answer = bob.history(&ann, "").await?;
        ensure!([200, 503].contains(&answer.status), "{}", answer.text);
        Ok((answer.status == 200).then_some(answer.body["messages"].clone()))
    });
    assert_eq!(messages.await?[0]["text"], "kept");
    socket.result(frame).await?;
    assert_eq!(bob.whole_history(&ann).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn what_was_sent_before_the_page_killed_it_is_there_afterwards() -> Result<()> {
    let chat = Chat::own(&[]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "before").await?;
    let page = chat.stack().addresses.page.trim_start_matches("http://");
    let kill = Request {
        method: Method::POST,
        path: "/faults".to_owned(),
        body: br#"{"fault":"kill-redis"}"#.to_vec(),
        ..Request::default()
    };
    assert_eq!(exchange(page, kill).await?.0, 200);
    until("Redis is gone", async || {
        Ok((ann.list("").await?.status == 503).then_some(()))
    })
    .await?;
    let texts = until("Redis is back", async || {
        let history = ann.history(&bob, "").await?;
        Ok((history.status == 200).then(|| history.body["messages"][0]["text"].clone()))
    });
    assert_eq!(texts.await?, "before");
    Ok(())
}
