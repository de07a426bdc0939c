//! Sockets whose token ends, with and without a fresh one.

use anyhow::Result;
use http::Method;
use serde_json::{Value, json};
use tests::token::LONG_AGO;
use tests::{Chat, RawRedis, Request, Socket, User, until};

/// A token of that user which ends after so many seconds, the leeway of 5 s left out.
fn token(chat: &Chat, user: &User, seconds: u64) -> Result<String> {
    let exp = jsonwebtoken::get_current_timestamp() + seconds;
    chat.signer().sign(&json!({"user_id": user.id, "exp": exp}))
}

async fn connect(chat: &Chat, token: &str) -> Result<Socket> {
    let mut socket = chat.handshake("/", &[("X-Auth-Token", token)]).await?.open()?;
    socket.hello().await?;
    Ok(socket)
}

/// Asks until the token is over, and returns the answer that says so.
async fn expiry(socket: &mut Socket) -> Result<Value> {
    loop {
        let answer = socket.ask(json!({"action": "sync", "id": "late"})).await?;
        if !answer["error"].is_null() {
            return Ok(answer);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_socket_is_good_as_long_as_its_token() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut socket = connect(&chat, &token(&chat, &ann, 5)?).await?;
    bob.send_text(&ann, "in time").await?;
    let event = socket.event().await?;
    assert_eq!(event["data"]["entry"]["text"], "in time");
    let cursor = event["cursor"].clone();
    let target = json!({"target": "user", "target_id": bob.id});
    socket
        .result(json!({"action": "watch", "users": [bob.id], "conversation": target}))
        .await?;

    insta::assert_snapshot!(chat.shown_json(&expiry(&mut socket).await?), @r#"
    {
      "error": {
        "code": "TOKEN_EXPIRED",
        "error": true,
        "message": "Your token has expired - please say hello with a fresh one",
        "name": "TokenExpiredError",
        "request_id": "[request 1]",
        "status": 401
      },
      "id": "late"
    }
    "#);
    let message = json!({"target": "user", "target_id": bob.id, "type": "text", "text": "too late"});
    for action in ["hello", "sync", "changes", "send", "read", "typing", "watch"] {
        let mut frame = message.clone();
        frame["action"] = json!(action);
        if action == "typing" {
            frame["state"] = json!("start");
        }
        if action == "changes" {
            frame["since"] = json!(0);
        }
        if action == "watch" {
            frame["users"] = json!([bob.id]);
        }
        let error = socket.error(frame).await?;
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @"401 TOKEN_EXPIRED TokenExpiredError: Your token has expired - please say hello with a fresh one");
        }
    }
    // Nothing is pushed any more; only `ping`, which says nothing about anybody, is answered.
    bob.send_text(&ann, "unheard").await?;
    let mut typist = bob.connect().await?;
    let starts = json!({"action": "typing", "target": "user", "target_id": ann.id, "state": "start"});
    typist.result(starts.clone()).await?;
    assert_eq!(socket.names_so_far().await?, [""; 0]);

    // What is no good token of the same user changes nothing.
    let with = |token: Value| json!({"action": "hello", "id": "fresh", "token": token, "since": cursor});
    let others = chat.shown_json(&socket.ask(with(json!(bob.token()?))).await?);
    insta::assert_snapshot!(others, @r#"
    {
      "error": {
        "code": "FORBIDDEN",
        "error": true,
        "message": "This token is another user's",
        "name": "ForbiddenError",
        "request_id": "[request 2]",
        "status": 403
      },
      "id": "fresh"
    }
    "#);
    let expired = chat.signer().sign(&json!({"user_id": ann.id, "exp": LONG_AGO}))?;
    insta::assert_snapshot!(socket.error(with(json!(expired))).await?, @"401 INVALID_TOKEN_ERR TokenExpiredError: jwt expired");
    insta::assert_snapshot!(socket.error(with(json!("garbage"))).await?, @"401 INVALID_TOKEN_ERR JsonWebTokenError: Your token is invalid - please check it and try again");
    insta::assert_snapshot!(socket.error(with(json!(7))).await?, @"400 INVALID_FIELD ArgumentError: token must be a string");
    insta::assert_snapshot!(socket.error(json!({"action": "sync"})).await?, @"401 TOKEN_EXPIRED TokenExpiredError: Your token has expired - please say hello with a fresh one");

    let renewed = socket.ask(with(json!(ann.token()?))).await?;
    insta::assert_snapshot!(chat.shown_json(&renewed), @r#"
    {
      "id": "fresh",
      "result": {
        "connection_id": "[connection 1]",
        "cursor": "[cursor 1]",
        "entries": [
          {
            "id": [bob],
            "latest": {
              "author": [bob],
              "id": "[id 1]",
              "rev": [rev 1],
              "seq": 2,
              "text": "unheard",
              "timestamp": {epoch, iso},
              "type": "text"
            },
            "mentioned": 0,
            "read": {"seq": 0},
            "rev": [rev 1],
            "timestamp": {epoch, iso},
            "type": "user",
            "unread": 2
          }
        ],
        "more": false,
        "recovered": true,
        "unread_total": 2,
        "user": [ann]
      }
    }
    "#);
    bob.send_text(&ann, "heard again").await?;
    assert_eq!(socket.event().await?["data"]["entry"]["text"], "heard again");
    // What it watched it watches still.
    bob.connect().await?.result(starts).await?;
    assert_eq!(socket.event().await?["event"], "typing.start");
    Ok(())
}

/// The milliseconds until which a connection is good, as they stand with the user.
async fn good_until(redis: &RawRedis, user: &User, connection: &str) -> Result<u64> {
    let key = format!("{{senna-sockets:myplatform:user:{}}}:connections", user.id);
    redis.run(&format!("ZSCORE {key} {connection}")).await
}

#[tokio::test]
async fn a_fresh_token_moves_the_end_in_place() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let redis = RawRedis::of(&chat).await?;
    let now = jsonwebtoken::get_current_timestamp();
    let sign = |exp| chat.signer().sign(&json!({"user_id": ann.id, "exp": exp}));
    let (short, long) = (sign(now + 600)?, sign(now + 1_200)?);
    let mut socket = connect(&chat, &short).await?;
    let id = socket.id.clone();
    let first = good_until(&redis, &ann, &id).await?;
    socket.result(json!({"action": "hello", "token": long})).await?;
    assert_eq!(good_until(&redis, &ann, &id).await?, first + 600_000);
    // The end may come sooner too: the socket is good as long as the token that it was given last.
    socket.result(json!({"action": "hello", "token": short})).await?;
    assert_eq!(good_until(&redis, &ann, &id).await?, first);
    // A token without an end is good as long as the connection.
    socket.result(json!({"action": "hello", "token": ann.token()?})).await?;
    assert!(good_until(&redis, &ann, &id).await? > redis.in_minutes(120).await?);
    let until: Option<String> = redis
        .run(&format!("HGET {{senna-sockets:connection:{id}}} until"))
        .await?;
    assert_eq!(until, None);
    assert_eq!(redis.connections(&ann).await?, [id]);
    Ok(())
}

/// Waits for the end of a connection.
async fn end(socket: &mut Socket) -> String {
    loop {
        if let Err(error) = socket.text().await {
            return error.to_string();
        }
    }
}

#[tokio::test]
async fn a_connection_long_past_its_token_is_ended_when_it_is_met() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let redis = RawRedis::of(&chat).await?;
    let past = redis.in_minutes(0).await? - 62_000;
    let key = format!("{{senna-sockets:myplatform:user:{}}}:connections", ann.id);
    let age = async |socket: &Socket| -> Result<()> {
        let own = format!("{{senna-sockets:connection:{}}}", socket.id);
        redis.run::<i64>(&format!("HSET {own} until {past}")).await?;
        redis.run(&format!("ZADD {key} XX {past} {}", socket.id)).await
    };
    let token = token(&chat, &ann, 600)?;
    let forgotten = || {
        until("it is forgotten", async || {
            Ok(redis.connections(&ann).await?.is_empty().then_some(()))
        })
    };

    // By a frame of its own.
    let mut asks = connect(&chat, &token).await?;
    age(&asks).await?;
    asks.write(r#"{"action":"sync"}"#).await?;
    end(&mut asks).await;
    forgotten().await?;

    // By a message to its user, which comes to the other connections.
    let mut listens = connect(&chat, &token).await?;
    age(&listens).await?;
    bob.send_text(&ann, "hello").await?;
    end(&mut listens).await;
    forgotten().await?;

    // By a change of settings, and by another connection.
    for met_by_settings in [true, false] {
        let mut sleeps = connect(&chat, &token).await?;
        age(&sleeps).await?;
        if met_by_settings {
            let settings = Request {
                method: Method::PUT,
                path: format!("{}/settings", bob.path()),
                headers: vec![("X-Auth-Token".to_owned(), ann.token()?)],
                body: br#"{"muted":true}"#.to_vec(),
            };
            chat.rest(settings).await?.ok(200)?;
            end(&mut sleeps).await;
            forgotten().await?;
        } else {
            let next = connect(&chat, &token).await?;
            end(&mut sleeps).await;
            until("the new one is alone", async || {
                let connections = redis.connections(&ann).await?;
                Ok((connections == [next.id.clone()]).then_some(()))
            })
            .await?;
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_fresh_token_brings_its_topics() -> Result<()> {
    let chat = Chat::own(&[("SOCK_TOPIC_ACCESS", "claim")]).await?;
    let [ann] = chat.users(["ann"]);
    let named = |topics: Value| chat.signer().sign(&json!({"user_id": ann.id, "topics": topics}));
    let mut socket = connect(&chat, &named(json!([]))?).await?;
    let ask = json!({"action": "changes", "target": "topic", "target_id": "cats", "since": 0});
    assert!(socket.error(ask.clone()).await?.starts_with("403 NOT_A_MEMBER"));
    socket
        .result(json!({"action": "hello", "token": named(json!(["cats"]))?}))
        .await?;
    socket.result(ask.clone()).await?;
    socket
        .result(json!({"action": "hello", "token": named(json!(["dogs"]))?}))
        .await?;
    assert!(socket.error(ask).await?.starts_with("403 NOT_A_MEMBER"));
    Ok(())
}
