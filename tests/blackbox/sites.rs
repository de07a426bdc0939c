//! Several sites on one stack, told apart by the host of the request.

use anyhow::Result;
use serde_json::{Value, json};
use tests::{Answer, Chat, Request, User};

/// A request of this user to that host.
async fn at(chat: &Chat, host: &str, user: &User, path: &str, body: Option<Value>) -> Result<Answer> {
    let headers = vec![
        ("Host".to_owned(), host.to_owned()),
        ("X-Auth-Token".to_owned(), user.token()?),
    ];
    let method = if body.is_some() {
        http::Method::POST
    } else {
        http::Method::GET
    };
    let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
    chat.rest(Request {
        method,
        path: path.to_owned(),
        headers,
        body,
    })
    .await
}

#[tokio::test]
async fn the_host_decides() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let mut lines = Vec::new();
    for host in [
        "chat.red.test",
        "chat.red.test:443",
        "CHAT.Red.Test",
        "chat.red.test.",
        "chat.red.test.:443",
        "chat.blue.test:3005",
        "[::1]",
        "[::1]:3005",
        "[::2]",
        "red.test",
        "chat.red.test.evil.test",
        "localhost:3005",
    ] {
        let answer = at(&chat, host, &ann, "/list", None).await?;
        lines.push(format!("{host} {}", chat.shown_json(&answer.body["state"]["key"])));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    chat.red.test "red:inbox:[ann]"
    chat.red.test:443 "red:inbox:[ann]"
    CHAT.Red.Test "red:inbox:[ann]"
    chat.red.test. "red:inbox:[ann]"
    chat.red.test.:443 "red:inbox:[ann]"
    chat.blue.test:3005 "blue:inbox:[ann]"
    [::1] "six:inbox:[ann]"
    [::1]:3005 "six:inbox:[ann]"
    [::2] "myplatform:inbox:[ann]"
    red.test "myplatform:inbox:[ann]"
    chat.red.test.evil.test "myplatform:inbox:[ann]"
    localhost:3005 "myplatform:inbox:[ann]"
    "#);
    Ok(())
}

#[tokio::test]
async fn sites_never_see_each_other() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let sent = at(
        &chat,
        "chat.red.test",
        &ann,
        &bob.path(),
        Some(json!({"type": "text", "text": "in red"})),
    )
    .await?;
    insta::assert_snapshot!(chat.shown(&sent), @r#"
    201 {
      "entry": {
        "author": [ann],
        "id": "[id 1]",
        "rev": [rev 1],
        "seq": 1,
        "text": "in red",
        "timestamp": {epoch, iso},
        "type": "text"
      },
      "state": {"inbox_key": "user-[bob]", "key": "red:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}
    }
    "#);
    let totals = async |host: &str| {
        let inbox = at(&chat, host, &bob, "/list", None).await?.ok(200)?;
        let history = at(&chat, host, &bob, &ann.path(), None).await?.ok(200)?;
        anyhow::Ok(format!("{} {}", inbox["state"]["total"], history["state"]["total"]))
    };
    assert_eq!(totals("chat.red.test").await?, "1 1");
    assert_eq!(totals("chat.blue.test").await?, "0 0");
    assert_eq!(totals("localhost").await?, "0 0");
    let message = format!(
        "{}/{}",
        bob.path(),
        sent.body["entry"]["id"].as_str().unwrap_or_default()
    );
    let elsewhere = at(
        &chat,
        "chat.blue.test",
        &ann,
        &message,
        Some(json!({"text": "in blue"})),
    )
    .await?;
    assert_eq!(elsewhere.status, 404, "{}", elsewhere.text);
    Ok(())
}

#[tokio::test]
async fn a_connection_keeps_the_site_that_it_connected_to() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let connect = async |user: &User, host: &str| {
        let token = user.token()?;
        let mut socket = chat
            .handshake("/", &[("Host", host), ("X-Auth-Token", &token)])
            .await?
            .open()?;
        socket.hello().await?;
        anyhow::Ok(socket)
    };
    let mut in_red = connect(&ann, "chat.red.test").await?;
    let mut red_listener = connect(&bob, "chat.red.test:3006").await?;
    let (mut blue_listener, mut default_listener) = (connect(&bob, "chat.blue.test").await?, bob.connect().await?);
    let frame = json!({"action": "send", "target": "user", "target_id": bob.id, "type": "text", "text": "in red"});
    let sent = in_red.result(frame).await?;
    insta::assert_snapshot!(chat.shown_json(&sent["state"]), @r#"{"inbox_key": "user-[bob]", "key": "red:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}"#);
    insta::assert_snapshot!(chat.shown_json(&red_listener.event().await?["data"]["state"]), @r#"{"inbox_key": "user-[ann]", "key": "red:dm:[ann]-[bob]", "prev_rev": 0, "rev": [rev 1]}"#);
    assert_eq!(blue_listener.events_so_far().await?.len(), 0);
    assert_eq!(default_listener.events_so_far().await?.len(), 0);
    Ok(())
}

/// An HTTP and a WebSocket API share no host name on AWS, so a site has two.
#[tokio::test]
async fn a_site_has_one_host_for_requests_and_another_for_sockets() -> Result<()> {
    let domains = "api.a.test=a,live.a.test=a,api.b.test=b,live.b.test=b";
    let chat = Chat::own(&[("SOCK_DOMAINS", domains)]).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let token = bob.token()?;
    let listen = async |host| {
        let headers = [("Host", host), ("X-Auth-Token", token.as_str())];
        // Behind a name of one's own, the address has no stage.
        let mut socket = chat.handshake("/", &headers).await?.open()?;
        socket.hello().await?;
        anyhow::Ok(socket)
    };
    let (mut in_a, mut in_b) = (listen("live.a.test").await?, listen("live.b.test").await?);
    let body = json!({"type": "text", "text": "in a"});
    at(&chat, "api.a.test", &ann, &bob.path(), Some(body)).await?.ok(201)?;
    assert_eq!(in_a.event().await?["data"]["entry"]["text"], "in a");
    assert_eq!(in_b.events_so_far().await?.len(), 0);
    Ok(())
}
