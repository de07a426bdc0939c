//! Hostile input from outside: metadata, origins of pages, names that look like our keys.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tests::{Chat, RawRedis, Request, User, root};

#[tokio::test]
async fn metadata_with_a_key_twice_or_of_a_prototype_is_refused() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let message = ann.send_text(&bob, "x").await?;
    let mut socket = ann.connect().await?;
    let mut lines = Vec::new();
    for metadata in [
        r#"{"__proto__":{"admin":true}}"#,
        r#"{"a":[{"b":{"constructor":{"prototype":1}}}]}"#,
        r#"{"\u0070rototype":1}"#,
        r#"{"a":1,"a":2}"#,
        r#"{"a":[{"b":1,"c":2,"\u0062":3}]}"#,
    ] {
        let body = format!(r#"{{"type":"text","text":"x","metadata":{metadata}}}"#);
        let error = ann.call_raw(Method::POST, &bob.path(), body.into()).await?.error()?;
        let change = format!(r#"{{"metadata":{metadata}}}"#);
        let path = format!("{}/{}", bob.path(), message["id"].as_str().context("an id")?);
        assert_eq!(ann.call_raw(Method::POST, &path, change.into()).await?.error()?, error);
        let frame = format!(
            r#"{{"action":"send","id":1,"target":"user","target_id":{},"type":"text","text":"x","metadata":{metadata}}}"#,
            bob.id
        );
        socket.write(&frame).await?;
        assert_eq!(tests::error_line(&socket.answer().await?["error"])?, error);
        lines.push(format!("{metadata}: {error}"));
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    {"__proto__":{"admin":true}}: 400 FORBIDDEN_KEY ArgumentError: the metadata must not have the key "__proto__", which JavaScript itself uses
    {"a":[{"b":{"constructor":{"prototype":1}}}]}: 400 FORBIDDEN_KEY ArgumentError: the metadata must not have the key "constructor", which JavaScript itself uses
    {"\u0070rototype":1}: 400 FORBIDDEN_KEY ArgumentError: the metadata must not have the key "prototype", which JavaScript itself uses
    {"a":1,"a":2}: 400 DUPLICATE_KEY ArgumentError: the metadata has the key "a" twice
    {"a":[{"b":1,"c":2,"\u0062":3}]}: 400 DUPLICATE_KEY ArgumentError: the metadata has the key "b" twice
    "#);
    let history = bob.whole_history(&ann).await?;
    assert_eq!(
        (history.len(), &history[0]["rev"]),
        (1, &message["rev"]),
        "nothing of it was stored"
    );
    Ok(())
}

/// A request to each route of the template, with its parameters filled in.
fn every_route() -> Result<Vec<(Method, String)>> {
    let template = local::template::read(&root().join("template.yaml"), &BTreeMap::new())?;
    let named = template
        .http
        .routes
        .into_iter()
        .filter_map(|route| route.method_and_path);
    let filled = named.map(|(method, path)| {
        let path = path
            .replace("{target}", "user")
            .replace("{id}", "5")
            .replace("{message_id}", "0192f0e4-7d00-7000-8000-000000000001")
            .replace("{reaction}", "%2B1")
            .replace("{user}", "me")
            .replace("{a}", "5")
            .replace("{b}", "-")
            .replace("{report}", "0192f0e4-7d00-7000-8000-000000000001");
        Ok((method.parse()?, path))
    });
    filled.collect()
}

#[tokio::test]
async fn every_answer_of_every_route_is_json_and_nothing_else() -> Result<()> {
    // A stack without SAM, which answers preflights itself.
    let chat = Chat::own(&[]).await?;
    let token = chat.users(["ann"])[0].token()?;
    let good = [("X-Auth-Token", token.as_str())];
    let compressed = [("X-Auth-Token", token.as_str()), ("Content-Encoding", "gzip")];
    let asked = [("Origin", "https://a.b"), ("Access-Control-Request-Method", "POST")];
    let mut routes = every_route()?;
    ensure!(routes.len() > 15, "{routes:?}");
    routes.push((Method::GET, "/api/nowhere".to_owned()));
    routes.push((Method::GET, "/api/list/".to_owned()));
    let mut met = BTreeMap::new();
    for (method, path) in routes {
        let large = format!("{{\"text\":\"{}\"}}", "x".repeat(70_000));
        let none: &[(&str, &str)] = &[];
        let requests = [
            (&method, none, ""),
            (&method, &[("X-Auth-Token", "garbage")], ""),
            (&method, &good, ""),
            (&method, &good, "{"),
            (&method, &good, &large),
            (&method, &compressed, "{}"),
            (&Method::OPTIONS, &asked, ""),
            (&Method::HEAD, &good, ""),
        ];
        for (method, headers, body) in requests {
            let headers = headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            let request = Request {
                method: method.clone(),
                path: path.clone(),
                headers: headers.collect(),
                body: body.as_bytes().to_vec(),
            };
            let (status, headers, answer) = chat.exchange(request).await?;
            let what = format!("{method} {path}: {status} {headers:?}");
            assert_eq!(headers["x-content-type-options"], "nosniff", "{what}");
            assert_eq!(headers["content-type"], "application/json", "{what}");
            assert!(
                answer.is_empty() || serde_json::from_slice::<Value>(&answer).is_ok(),
                "{what}"
            );
            *met.entry(status.as_u16()).or_insert(0) += 1;
        }
    }
    let met: Vec<u16> = met.into_keys().collect();
    assert_eq!(
        met,
        [200, 204, 308, 400, 401, 404, 413, 415],
        "each kind of answer was met"
    );
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_connect() -> Result<()> {
    let list = "https://www.example.com,https://m.example.com:8443";
    let chat = Chat::own(&[("SOCK_ALLOWED_ORIGINS", list)]).await?;
    let [ann] = chat.users(["ann"]);
    let token = ann.token()?;
    for origin in ["https://www.example.com", "https://m.example.com:8443"] {
        let headers = [("X-Auth-Token", token.as_str()), ("Origin", origin)];
        let mut socket = chat.handshake("/", &headers).await?.open()?;
        assert_eq!(socket.hello().await?["user"], ann.id, "{origin}");
    }
    // Clients other than browsers send none.
    ann.connect().await?.hello().await?;
    let mut lines = Vec::new();
    for origin in [
        "https://evil.example",
        "http://www.example.com",
        "https://m.example.com",
        "null",
    ] {
        let headers = [("X-Auth-Token", token.as_str()), ("Origin", origin)];
        lines.push(chat.handshake("/", &headers).await?.error()?);
        // The origin is checked before the token.
        let path = "/?token=garbage";
        assert_eq!(
            Some(&chat.handshake(path, &[("Origin", origin)]).await?.error()?),
            lines.last()
        );
    }
    insta::assert_snapshot!(lines.join("\n"), @r#"
    403 ORIGIN_NOT_ALLOWED ForbiddenError: Pages of the origin "https://evil.example" may not connect here
    403 ORIGIN_NOT_ALLOWED ForbiddenError: Pages of the origin "http://www.example.com" may not connect here
    403 ORIGIN_NOT_ALLOWED ForbiddenError: Pages of the origin "https://m.example.com" may not connect here
    403 ORIGIN_NOT_ALLOWED ForbiddenError: Pages of the origin "null" may not connect here
    "#);
    let log = chat.stack().log();
    assert_eq!(
        log.matches("ORIGIN_NOT_ALLOWED").count(),
        8,
        "each is a line of the log: {log}"
    );
    Ok(())
}

#[tokio::test]
async fn every_origin_may_connect_unless_some_are_named() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let token = ann.token()?;
    for origin in ["https://anywhere.example", "null"] {
        let headers = [("X-Auth-Token", token.as_str()), ("Origin", origin)];
        assert_eq!(chat.handshake("/", &headers).await?.status, 101, "{origin}");
    }
    Ok(())
}

/// Names that look like parts of our keys, of patterns, of other sites.
const NASTY: [&str; 12] = [
    "b:user:5",
    "b:topic:5",
    "5~b",
    "5:::",
    "a|b=+",
    "..",
    "connection:x",
    "__proto__",
    "op:0000000000000000",
    "user-5",
    "9007199254740993",
    "@",
];

struct Site<'c> {
    chat: &'c Chat,
    host: &'static str,
}

impl Site<'_> {
    async fn ask(&self, user: &User, method: Method, path: &str, more: &[(&str, &str)], body: Value) -> Result<u16> {
        let token = user.token()?;
        // A header of a proxy does not change the host.
        let own = [
            ("Host", self.host),
            ("X-Auth-Token", &token),
            ("X-Forwarded-Host", "chat.b.test"),
            ("Forwarded", "host=chat.b.test"),
        ];
        let headers = own.iter().chain(more);
        let request = Request {
            method,
            path: path.to_owned(),
            headers: headers
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: if body.is_null() {
                Vec::new()
            } else {
                body.to_string().into_bytes()
            },
        };
        Ok(self.chat.rest(request).await?.status)
    }
}

#[tokio::test]
async fn no_request_to_a_site_reaches_keys_of_another() -> Result<()> {
    let variables = [("SOCK_DOMAINS", "chat.a.test=a,chat.b.test=b,chat.c.test=connection")];
    let chat = Chat::own(&variables).await?;
    let redis = RawRedis::of(&chat).await?;
    for (host, site) in [("chat.a.test", "a"), ("chat.c.test", "connection")] {
        let at = Site { chat: &chat, host };
        let mut done = 0;
        let mut open = Vec::new();
        for (place, name) in NASTY.into_iter().enumerate() {
            let user = chat.user(&json!(name));
            let other = NASTY[(place + 1) % NASTY.len()];
            let encoded = utf8_percent_encode(other, NON_ALPHANUMERIC);
            for kind in ["user", "topic"] {
                let path = format!("/{kind}/{encoded}");
                for retry in [
                    "}:{b:user:5}",
                    "*",
                    "op:log",
                    "ä\u{202e}👍",
                    "a\r\nFLUSHALL\r\n",
                    "\u{0}",
                ] {
                    let body = json!({"type": "text", "text": "x", "client_id": retry, "metadata": {"}{": "*"}});
                    let sent = at.ask(&user, Method::POST, &path, &[], body).await?;
                    assert_eq!(
                        sent,
                        if retry.contains(char::is_control) { 400 } else { 201 },
                        "{path} {retry:?}"
                    );
                    done += 1;
                }
                at.ask(
                    &user,
                    Method::POST,
                    &path,
                    &[("Idempotency-Key", "}{:log")],
                    json!({"type": "text", "text": "x"}),
                )
                .await?;
                at.ask(
                    &user,
                    Method::PUT,
                    &format!("{path}/settings"),
                    &[],
                    json!({"pinned": true, "hidden": true}),
                )
                .await?;
                at.ask(&user, Method::POST, &format!("{path}/read"), &[], Value::Null)
                    .await?;
                for query in ["?page=*", "?before=%7B%7D", "/changes?since=0", "/changes?since=b:user"] {
                    at.ask(&user, Method::GET, &format!("{path}{query}"), &[], Value::Null)
                        .await?;
                }
            }
            at.ask(
                &user,
                Method::PUT,
                &format!("/topic/{encoded}/members/{encoded}"),
                &[],
                Value::Null,
            )
            .await?;
            at.ask(
                &user,
                Method::GET,
                &format!("/presence?ids={encoded},b:user:5"),
                &[],
                Value::Null,
            )
            .await?;
            let token = user.token()?;
            let mut socket = chat
                .handshake("/", &[("Host", host), ("X-Auth-Token", &token)])
                .await?
                .open()?;
            socket.hello().await?;
            let watch =
                json!({"action": "watch", "users": NASTY, "conversation": {"target": "topic", "target_id": other}});
            socket.result(watch).await?;
            let frame =
                |action: &str| json!({"action": action, "target": "topic", "target_id": other, "state": "start"});
            socket.ask(frame("typing")).await?;
            // No frame can name another site.
            let mut other_site = frame("send");
            for (name, value) in [
                ("type", "text"),
                ("text", "x"),
                ("domain", "b"),
                ("host", "chat.b.test"),
                ("user", "5"),
            ] {
                other_site[name] = json!(value);
            }
            socket.result(other_site).await?;
            if place % 2 == 0 {
                socket.close().await?;
            } else {
                open.push(socket);
            }
        }
        assert_eq!(done, NASTY.len() * 12, "all was asked");
        let keys: Vec<String> = redis.run("KEYS *").await?;
        let own = format!("{{senna-sockets:{site}:");
        let strange: Vec<&String> = keys
            .iter()
            .filter(|key| !key.starts_with(&own) && !key.starts_with("{senna-sockets:connection:"))
            .collect();
        assert!(strange.is_empty(), "{strange:?}");
        assert!(
            keys.iter().filter(|key| key.starts_with(&own)).count() > 100,
            "{keys:?}"
        );
        // The value under a connection's key belongs to this site. A closed connection may lose its key while this looks.
        let mut connections = 0;
        for key in keys
            .iter()
            .filter(|key| key.starts_with("{senna-sockets:connection:") && !key.contains("}:"))
        {
            let domain: Option<String> = redis.run(&format!("HGET {key} domain")).await?;
            if let Some(domain) = domain {
                assert_eq!(domain, site, "{key}");
                connections += 1;
            }
        }
        assert!(connections >= open.len(), "{connections} of {} open ones", open.len());
        let _: () = redis.run("FLUSHALL").await?;
    }
    Ok(())
}
