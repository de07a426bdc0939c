//! Limits of use, bans and revoked tokens: users are refused, and others notice nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::future::try_join_all;
use http::Method;
use serde_json::{Value, json};
use tests::{Answer, Chat, RawRedis, Request, Socket, User};
use tokio::time::sleep;

fn text(text: &str) -> Value {
    json!({"type": "text", "text": text})
}

fn send_to(user: &User) -> Value {
    json!({"action": "send", "target": "user", "target_id": user.id, "type": "text", "text": "Hi"})
}

/// Checks that the answer is a refusal, and returns how many seconds it says to wait.
fn wait(answer: &Answer) -> Result<u64> {
    anyhow::ensure!(answer.status == 429, "{} {}", answer.status, answer.body);
    let header = answer.headers.get("retry-after").context("no Retry-After")?;
    let seconds = answer.body["retry_after"].as_u64().context("no retry_after")?;
    assert_eq!(header.to_str()?, seconds.to_string());
    assert_eq!(answer.body["code"], "RATE_LIMITED");
    Ok(seconds)
}

#[tokio::test]
async fn a_user_who_sends_too_fast_waits_and_nothing_is_stored_meanwhile() -> Result<()> {
    let chat = Chat::own(&[("SOCK_LIMITS", "sends=0.5:3")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut of_bob = bob.connect().await?;
    for _ in 0..3 {
        ann.send_text(&bob, "Hi").await?;
    }
    let refused = ann.send(&bob, &text("too fast")).await?;
    let seconds = wait(&refused)?;
    assert!((1..=2).contains(&seconds), "{}", refused.body);
    assert_eq!(
        refused.error()?,
        format!("429 RATE_LIMITED TooManyRequestsError: too many sends: please try again in {seconds} s")
    );
    assert_eq!(ann.whole_history(&bob).await?.len(), 3);
    assert_eq!(of_bob.names_so_far().await?, ["message.new"; 3]);
    // Other users, and Ann's other requests, are not affected.
    bob.send_text(&ann, "Hi").await?;
    ann.read(&bob, None).await?.ok(200)?;
    sleep(Duration::from_secs(seconds)).await;
    ann.send_text(&bob, "slowly").await?;
    Ok(())
}

#[tokio::test]
async fn each_kind_of_use_has_a_limit_of_its_own() -> Result<()> {
    let chat = Chat::own(&[("SOCK_LIMITS", "edits=0.01:2,conversations=0.01:2,requests=off")]).await?;
    let [ann, bob, cem, dora] = chat.users(["ann", "bob", "cem", "dora"]);
    let [cats] = chat.topics(["cats"]);
    let message = ann.send_text(&bob, "Hi").await?;
    ann.join(&cats).await?.ok(200)?;
    assert!(wait(&ann.send(&cem, &text("one more")).await?)? > 90);
    assert_eq!(
        cem.list("").await?.body["entries"],
        json!([]),
        "nothing stands in the inbox of a stranger"
    );
    ann.send_text(&bob, "known").await?;
    ann.send_text(&cats, "known too").await?;
    dora.send_text(&ann, "from somebody else").await?;
    ann.send_text(&dora, "an answer to the first message").await?;

    // The join was one edit.
    ann.react(&bob, &message, "👍").await?.ok(200)?;
    for refused in [
        ann.react(&bob, &message, "👍").await?,
        ann.read(&bob, None).await?,
        ann.set(&bob, &json!({"muted": true})).await?,
        ann.leave(&cats).await?,
        ann.update(&bob, &message, &text("edited")).await?,
        ann.delete(&bob, &message).await?,
    ] {
        assert!(wait(&refused)? > 90, "{}", refused.body);
        assert!(refused.error()?.contains("too many edits"), "{}", refused.body);
    }
    assert_eq!(ann.whole_history(&bob).await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn a_user_reads_the_own_inbox_once_a_second_even_when_requests_are_used_up() -> Result<()> {
    let chat = Chat::own(&[("SOCK_LIMITS", "requests=0.01:3")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    ann.send_text(&bob, "Hi").await?;
    ann.history(&bob, "").await?.ok(200)?;
    ann.call(Method::GET, &format!("/profiles?users={}", bob.id), None)
        .await?
        .ok(200)?;
    let reads = [
        bob.path(),
        format!("{}/changes?since=0", bob.path()),
        format!("/presence?ids={}", bob.id),
        format!("/profiles?users={}", bob.id),
    ];
    for path in reads {
        assert!(wait(&ann.call(Method::GET, &path, None).await?)? > 90, "{path}");
    }
    assert!(wait(&ann.send(&bob, &text("Hi")).await?)? > 90);
    let begun = Instant::now();
    for round in 0..4 {
        let path = if round % 2 == 0 { "/list" } else { "/sync" };
        ann.call(Method::GET, path, None).await?.ok(200)?;
        sleep(Duration::from_secs(1)).await;
    }
    let mut done = 0;
    for _ in 0..30 {
        done += u64::from(ann.list("").await?.status == 200);
    }
    // Two after a rest, and one a second.
    assert!(done <= begun.elapsed().as_secs() - 4 + 2, "{done}");
    bob.history(&ann, "").await?.ok(200)?;
    Ok(())
}

#[tokio::test]
async fn each_connection_has_frames_of_its_own() -> Result<()> {
    let chat = Chat::own(&[("SOCK_LIMITS", "frames=0.5:6")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    // Connecting is not a frame; the first `hello` is one.
    let (mut phone, mut desk) = (ann.connect().await?, ann.connect().await?);
    for _ in 0..6 {
        phone.ask(json!({"action": "sync"})).await?;
    }
    for frame in [
        json!({"action": "hello"}),
        send_to(&bob),
        json!({"action": "watch", "users": [bob.id]}),
        json!({"action": "typing", "target": "user", "target_id": bob.id, "state": "start"}),
    ] {
        let answer = phone.ask(frame).await?;
        let seconds = answer["error"]["retry_after"].as_u64();
        assert!(matches!(seconds, Some(1..=2)), "{answer}");
        assert!(
            answer["error"]["message"]
                .as_str()
                .is_some_and(|text| text.contains("frames")),
            "{answer}"
        );
    }
    // It does not use the store, so it is not counted.
    phone.result(json!({"action": "ping"})).await?;
    desk.result(json!({"action": "sync"})).await?;
    assert_eq!(bob.list("").await?.body["entries"], json!([]));
    sleep(Duration::from_millis(2_100)).await;
    phone.result(send_to(&bob)).await?;
    Ok(())
}

/// Sends so many messages as fast as they are answered, and counts those that were taken.
async fn flood(socket: &mut Socket, to: &User, times: usize) -> Result<u64> {
    let mut taken = 0;
    for _ in 0..times {
        taken += u64::from(socket.ask(send_to(to)).await?["error"].is_null());
    }
    Ok(taken)
}

#[tokio::test]
async fn twenty_connections_together_exceed_a_limit_by_a_few_messages_each() -> Result<()> {
    let chat = Chat::own(&[("SOCK_LIMITS", "sends=2:10,requests=off,conversations=off")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sockets = Vec::new();
    for _ in 0..20 {
        sockets.push(ann.connect().await?.unchecked());
    }
    let begun = Instant::now();
    let taken = try_join_all(sockets.iter_mut().map(|socket| flood(socket, &bob, 15))).await?;
    let (taken, seconds) = (taken.iter().sum::<u64>(), begun.elapsed().as_secs());
    // The burst of the bucket and its refill; and four for each connection, which may be under way before it notes that the bucket is empty.
    assert!(
        taken <= 10 + 2 * (seconds + 1) + 20 * 4,
        "{taken} of 300 in {seconds} s"
    );
    assert_eq!(ann.whole_history(&bob).await?.len() as u64, taken);
    // After that the user has to wait, also over REST and over a connection that begins now.
    let refused = ann.send(&bob, &text("Hi")).await?;
    assert!(wait(&refused)? >= 1);
    drop(sockets);
    let mut late = ann.connect().await?;
    let error = late.ask(send_to(&bob)).await?;
    assert_eq!(error["error"]["code"], "RATE_LIMITED", "{error}");
    Ok(())
}

#[tokio::test]
async fn one_connection_too_many_ends_the_oldest() -> Result<()> {
    let chat = Chat::own(&[("SOCK_CONNECTIONS_MAX", "3")]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(ann.connect().await?);
    }
    let mut newest = ann.connect().await?;
    let mut oldest = sockets.remove(0);
    let ended = oldest.frame_at_last().await;
    assert!(ended.is_err(), "{ended:?}");
    bob.send_text(&ann, "to three").await?;
    for socket in sockets.iter_mut().chain([&mut newest]) {
        assert_eq!(socket.event().await?["event"], "message.new");
    }
    assert_eq!(RawRedis::of(&chat).await?.connections(&ann).await?.len(), 3);
    Ok(())
}

/// How often each command was run since the server began.
async fn commands(redis: &RawRedis) -> Result<BTreeMap<String, u64>> {
    let stats: String = redis.run("INFO commandstats").await?;
    let calls = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    };
    let mut commands: BTreeMap<_, _> = stats.lines().filter_map(calls).collect();
    commands.remove("info");
    Ok(commands)
}

#[tokio::test]
async fn requests_without_a_good_token_ask_redis_nothing() -> Result<()> {
    let chat = Chat::own(&[]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "Hi").await?;
    let of_message = format!("{}/{}", bob.path(), message["id"].as_str().context("an id")?);
    let requests = [
        (Method::GET, "/list".to_owned()),
        (Method::GET, "/sync".to_owned()),
        (Method::GET, bob.path()),
        (Method::GET, format!("/profiles?users={}", bob.id)),
        (Method::POST, bob.path()),
        (Method::POST, of_message.clone()),
        (Method::DELETE, of_message),
    ];
    let ask = async |token: Option<&str>| {
        for (method, path) in &requests {
            let headers = token.map(|token| ("X-Auth-Token".to_owned(), token.to_owned()));
            let request = Request {
                method: method.clone(),
                path: path.clone(),
                headers: headers.into_iter().collect(),
                body: text("Hi").to_string().into_bytes(),
            };
            assert_eq!(chat.rest(request).await?.status, 401, "{method} {path}");
        }
        let headers: Vec<_> = token.map(|token| ("X-Auth-Token", token)).into_iter().collect();
        assert_eq!(chat.handshake("/", &headers).await?.status, 401);
        anyhow::Ok(())
    };
    // The first requests start the functions, which connect to Redis then.
    ask(None).await?;
    let redis = RawRedis::of(&chat).await?;
    let before = commands(&redis).await?;
    for _ in 0..3 {
        ask(None).await?;
        ask(Some("no token")).await?;
        ask(Some(&chat.signer().sign(&json!({"user_id": ann.id, "exp": 1}))?)).await?;
    }
    assert_eq!(commands(&redis).await?, before);
    Ok(())
}

/// Notes something of a user, as the platform's server does.
async fn note(redis: &RawRedis, of: &User, field: &str, ms: u64) -> Result<()> {
    let key = format!("{{senna-sockets:myplatform:user:{}}}:meta", of.id);
    redis.run(&format!("HSET {key} {field} {ms}")).await
}

#[tokio::test]
async fn a_banned_user_reads_and_does_nothing_else() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "before").await?;
    let mut socket = ann.connect().await?;
    let redis = RawRedis::of(&chat).await?;
    note(&redis, &ann, "banned", 32_503_680_000_000).await?;
    let error = "403 BANNED ForbiddenError: You are banned until 3000-01-01T00:00:00Z";
    for refused in [
        ann.send(&bob, &text("Hi")).await?,
        ann.update(&bob, &message, &text("edited")).await?,
        ann.delete(&bob, &message).await?,
        ann.react(&bob, &message, "👍").await?,
        ann.read(&bob, None).await?,
        ann.set(&bob, &json!({"muted": true})).await?,
        ann.call(Method::PUT, "/topic/cats/members/me", None).await?,
    ] {
        assert_eq!(refused.error()?, error);
    }
    let token = ann.token()?;
    assert_eq!(chat.handshake("/", &[("X-Auth-Token", &token)]).await?.error()?, error);
    for path in ["/list", "/sync", &bob.path()] {
        ann.call(Method::GET, path, None).await?.ok(200)?;
    }
    // One write still succeeds over a connection that could not be ended; after it the connection notes the ban.
    socket.ask(send_to(&bob)).await?;
    assert_eq!(socket.error(send_to(&bob)).await?, error);
    note(&redis, &ann, "banned", 1).await?;
    ann.send_text(&bob, "after").await?;
    Ok(())
}

#[tokio::test]
async fn a_revoked_token_is_refused_everywhere() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    bob.send_text(&ann, "Hi").await?;
    note(&RawRedis::of(&chat).await?, &ann, "revoked", 1_750_000_000_500).await?;
    let error = "401 TOKEN_REVOKED UnauthenticatedError: Your token was revoked - please log in again";
    let token = |iat: Value| chat.signer().sign(&json!({"user_id": ann.id, "iat": iat}));
    let ask = async |method: Method, path: &str, token: &str| {
        let request = Request {
            method,
            path: path.to_owned(),
            headers: vec![("X-Auth-Token".to_owned(), token.to_owned())],
            body: text("Hi").to_string().into_bytes(),
        };
        chat.rest(request).await
    };
    let old = [
        ann.token()?,
        token(json!(1_750_000_000))?,
        token(json!(1_750_000_000.4))?,
    ];
    for token in &old {
        for path in ["/list", "/sync", &bob.path()] {
            assert_eq!(ask(Method::GET, path, token).await?.error()?, error, "{path}");
        }
        assert_eq!(ask(Method::POST, &bob.path(), token).await?.error()?, error);
        assert_eq!(chat.handshake("/", &[("X-Auth-Token", token)]).await?.error()?, error);
    }
    let fresh = token(json!(1_750_000_000.5))?;
    ask(Method::GET, "/list", &fresh).await?.ok(200)?;
    ask(Method::POST, &bob.path(), &fresh).await?.ok(201)?;
    chat.handshake("/", &[("X-Auth-Token", &fresh)]).await?.open()?;
    Ok(())
}
