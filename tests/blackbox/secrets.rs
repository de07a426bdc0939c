//! Logs, metrics, traces and command lines have no secrets and no words of users, and answers have no secrets.
//!
//! Each secret and each text of these tests has a random mark. The tests then search for the marks everywhere.

use std::net::UdpSocket;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Result, ensure};
use axum::Router;
use axum::routing::get;
use http::Method;
use jsonwebtoken::Algorithm;
use local::redis::{Options, RedisServer};
use serde_json::{Value, json};
use tests::token::{LONG_AGO, Signer};
use tests::{Chat, RawRedis, Request, User, exchange, web_server};

use crate::logs;

/// A mark that only secrets have, and one that only words of users have.
struct Marks {
    secret: String,
    words: String,
}

impl Marks {
    fn new() -> Self {
        let number = fastrand::u64(..);
        Self {
            secret: format!("s3cret{number:016x}"),
            words: format!("w0rds{number:016x}"),
        }
    }

    fn secret(&self, name: &str) -> String {
        format!("{name}-{}-of-32-bytes-or-more", self.secret)
    }

    /// Fails if the output has a mark or one of these tokens.
    fn missing_in(&self, what: &str, written: &str, tokens: &[String]) -> Result<()> {
        // The middle of a token has the claims, and the last part is the signature.
        let parts = tokens.iter().flat_map(|token| token.split('.').skip(1));
        let searched = [self.secret.as_str(), self.words.as_str()].into_iter().chain(parts);
        for text in searched.filter(|text| text.len() > 8) {
            let line = written.lines().find(|line| line.contains(text));
            ensure!(line.is_none(), "{what} shows {text}: {}", line.unwrap_or_default());
        }
        Ok(())
    }
}

/// A Redis with this password, and its address with the password.
async fn redis_with_password(password: &str) -> Result<(RedisServer, String)> {
    let server = RedisServer::start(&Options::default())?;
    let client = redis::Client::open(server.url())?;
    let mut connection = client.get_multiplexed_async_connection().await?;
    let mut set = redis::cmd("CONFIG");
    set.arg("SET").arg("requirepass").arg(password);
    let _: () = set.query_async(&mut connection).await?;
    let url = server
        .url()
        .replace("redis://", &format!("redis://default:{password}@"));
    Ok((server, url))
}

/// A platform that answers with this text.
fn platform(answer: &Arc<Mutex<String>>) -> Result<String> {
    let answer = Arc::clone(answer);
    let said = async move || answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    web_server::serve(Router::new().fallback(get(said)))
}

/// All requests to a stack, with marks wherever a client can write, and the answers.
struct Asking<'a> {
    chat: &'a Chat,
    marks: &'a Marks,
    tokens: Vec<String>,
    answers: Vec<String>,
}

impl Asking<'_> {
    async fn rest(&mut self, method: Method, path: &str, headers: &[(&str, &str)], body: &str) -> Result<()> {
        let (address, base) = self.chat.rest_address()?;
        let base = match base.strip_suffix("/api") {
            Some(stage) if path.starts_with("/platform/") => stage,
            _ => base,
        };
        let request = Request {
            method,
            path: format!("{base}{path}"),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.as_bytes().to_vec(),
        };
        let (_, _, answer) = exchange(address, request).await?;
        self.answers.push(String::from_utf8_lossy(&answer).into_owned());
        Ok(())
    }

    /// Every route, with good and bad requests.
    async fn every_route(&mut self, ann: &User, bob: &User) -> Result<()> {
        let words = &self.marks.words;
        let token = ann.token()?;
        let good = json!({
            "type": "text", "text": words, "metadata": {words: words}, "client_id": words, "mentions": [bob.id], "reason": words,
        });
        let image = json!({"type": "image", "image": format!("https://{words}.example/{words}?{words}#{words}")});
        let (good, image) = (good.to_string(), image.to_string());
        let bad = [
            format!("{{\"text\":\"{words}"),
            format!(r#"{{"type":"{words}","text":"x"}}"#),
            format!(r#"{{"type":"text","text":"x","metadata":{{"{words}":1,"{words}":2}}}}"#),
            format!(r#"{{"{words}":1,"{words}":2}}"#),
            format!(r#"{{"type":"text","text":"{}"}}"#, words.repeat(1_000)),
            format!(r#"{{"type":"image","image":"http://{words}"}}"#),
            format!(
                r#"{{"role":"{words}","up_to":"{words}","muted":"{words}","client_id":"{}"}}"#,
                words.repeat(9)
            ),
            format!("[\"{words}\"]"),
        ];
        let path = bob.path();
        let message = format!("{path}/0192f0e4-7d00-7000-8000-000000000001");
        let routes = [
            (Method::GET, String::new()),
            (Method::GET, "/list".to_owned()),
            (Method::GET, format!("/list?before={words}&page={words}")),
            (Method::GET, format!("/sync?since={words}")),
            (Method::GET, path.clone()),
            (Method::GET, format!("{path}?around={words}")),
            (Method::GET, format!("{path}/changes?since={words}")),
            (Method::POST, path.clone()),
            (Method::POST, message.clone()),
            (Method::POST, format!("{path}/{words}")),
            (Method::DELETE, message.clone()),
            (Method::POST, format!("{path}/read")),
            (Method::PUT, format!("{message}/reactions/{words}")),
            (Method::PUT, format!("{path}/settings")),
            (Method::GET, "/topic/7/members?after=%25".to_owned()),
            (Method::PUT, "/topic/7/members/me".to_owned()),
            (Method::POST, format!("{message}/report")),
            (Method::PUT, format!("{path}/block")),
            (Method::DELETE, format!("{path}/block")),
            (Method::GET, format!("/blocks?after={words}")),
            (Method::GET, format!("/profiles?users={},8&topics=7&x={words}", bob.id)),
            (Method::GET, format!("/presence?ids=%20{words}")),
            (Method::GET, format!("/{words}/{words}/{words}/{words}/{words}")),
            (Method::GET, format!("/{words}/5")),
        ];
        let bearer = format!("Bearer {token}");
        for (method, path) in routes {
            for headers in [[("X-Auth-Token", token.as_str())], [("Authorization", &bearer)]] {
                let headers = [
                    &headers[..],
                    &[("Cookie", words), ("User-Agent", words), ("Origin", words)],
                ]
                .concat();
                self.rest(method.clone(), &path, &headers, "").await?;
                if method == Method::GET {
                    continue;
                }
                for body in bad.iter().chain([&good, &image]) {
                    self.rest(method.clone(), &path, &headers, body).await?;
                }
            }
            for token in self.tokens.clone() {
                self.rest(method.clone(), &path, &[("X-Auth-Token", &token)], &good)
                    .await?;
            }
        }
        Ok(())
    }

    /// Every route of the platform's own server, with good and bad keys and bodies. Its paths name ids only, which the log shows. The last ones ban the
    /// user, revoke the tokens and ask for the erasure of the user.
    async fn every_route_of_the_platform(&mut self, key: &str, ann: &User, bob: &User) -> Result<()> {
        let words = &self.marks.words;
        let (ann, bob) = (&ann.id, &bob.id);
        let bodies = [
            json!({"type": "text", "text": words, "metadata": {words: words}, "client_id": words}).to_string(),
            json!({"type": "text", "text": words, "system": true}).to_string(),
            json!({"type": "text", "text": words, "system": words}).to_string(),
            json!({"until": words, "reason": words, "role": words, "note": words}).to_string(),
            json!({"reason": words, "note": words}).to_string(),
            format!("{{\"reason\":\"{words}"),
            String::new(),
        ];
        let routes = [
            (Method::POST, format!("/users/{ann}/messages/user/{bob}")),
            (Method::POST, format!("/users/{ann}/messages/topic/7")),
            (
                Method::GET,
                format!("/conversations/user/{ann}/{bob}?after={words}&limit={words}"),
            ),
            (Method::GET, format!("/conversations/user/{ann}/{bob}")),
            (
                Method::DELETE,
                format!("/messages/user/{ann}/{bob}/0192f0e4-7d00-7000-8000-000000000001"),
            ),
            (Method::PUT, format!("/topics/7/members/{ann}")),
            (Method::DELETE, format!("/topics/7/members/{ann}")),
            (Method::GET, format!("/reports?state={words}&after={words}")),
            (
                Method::POST,
                "/reports/00000000000000000000000000000007/resolve".to_owned(),
            ),
            (Method::POST, format!("/users/{ann}/profile-changed")),
            (Method::PUT, format!("/users/{ann}/ban")),
            (Method::GET, format!("/users/{ann}/ban")),
            (Method::POST, format!("/users/{ann}/revoke")),
            (Method::GET, format!("/users/{ann}/export?after={words}")),
            (Method::GET, format!("/users/{ann}/export")),
            (Method::POST, format!("/users/{ann}/erase")),
            (Method::GET, format!("/users/{ann}/erase")),
        ];
        let keys = [format!("{key}{words}"), words.clone(), key.to_owned()].map(|key| format!("Bearer {key}"));
        for (method, path) in routes {
            for key in &keys {
                for body in &bodies {
                    let headers = [("Authorization", key.as_str()), ("X-Senna-Domain", "myplatform")];
                    self.rest(method.clone(), &format!("/platform{path}"), &headers, body)
                        .await?;
                }
            }
        }
        Ok(())
    }

    /// Every way into a connection, and every action there.
    async fn every_frame(&mut self, ann: &User, bob: &User) -> Result<()> {
        let words = &self.marks.words;
        for token in self.tokens.clone().into_iter().chain([ann.token()?]) {
            let protocol = format!("senna.v1, bearer.{token}");
            self.chat
                .handshake(&format!("/?token={token}&x={words}"), &[("User-Agent", words)])
                .await?;
            let other = self
                .chat
                .handshake("/", &[("Sec-WebSocket-Protocol", &protocol), ("Origin", words)])
                .await?;
            self.answers.push(other.body.to_string());
        }
        let mut socket = ann.connect().await?;
        let actions = [
            "hello", "sync", "changes", "send", "update", "delete", "read", "react", "typing", "watch", "ping", words,
            "",
        ];
        for action in actions {
            for (target, id, since) in [("user", &bob.id, json!(0)), ("topic", &json!(7), json!(words))] {
                for token in [Value::Null, json!(words), json!(ann.token()?), json!(bob.token()?)] {
                    let frame = json!({
                        "action": action, "id": words, "target": target, "target_id": id, "since": since, "token": token,
                        "type": "text", "text": words, "message_id": words, "reaction": words, "state": words, "users": [bob.id],
                        "metadata": {"a": words}, "client_id": words,
                    });
                    self.answers.push(socket.ask(frame).await?.to_string());
                }
            }
        }
        for frame in [
            format!("{{\"action\":\"{words}"),
            format!("\"{words}\""),
            words.repeat(1_000),
        ] {
            socket.write(&frame).await?;
            self.answers.push(socket.answer().await?.to_string());
        }
        socket.close().await
    }
}

/// The log without the lines in which the local gateway names the path of a request; an API Gateway's log has no paths.
fn without_paths(log: &str) -> String {
    let is_path = |line: &&str| line.contains("senna | ") && (line.contains(" /api") || line.contains(" /platform"));
    log.lines().filter(|line| !is_path(line)).collect::<Vec<_>>().join("\n")
}

fn command_lines() -> Result<String> {
    let mut all = String::new();
    for entry in std::fs::read_dir("/proc")? {
        // A process may end in this moment.
        let line = std::fs::read(entry?.path().join("cmdline")).unwrap_or_default();
        all.push_str(&String::from_utf8_lossy(&line).replace('\0', " "));
        all.push('\n');
    }
    Ok(all)
}

#[tokio::test]
async fn a_stack_writes_no_secret_and_no_words_of_users() -> Result<()> {
    let marks = Marks::new();
    let [secret, previous, password, key] = ["now", "before", "redis", "key"].map(|name| marks.secret(name));
    let (mut redis, redis_url) = redis_with_password(&password).await?;
    let said = Arc::new(Mutex::new(r#"{"entries":[]}"#.to_owned()));
    let api = platform(&said)?;
    let api = api.replace("http://", &format!("http://user:{}@", marks.secret("api")));
    let variables = [
        ("SOCK_JWT_SECRET", secret.as_str()),
        ("SOCK_JWT_SECRET_PREVIOUS", &previous),
        ("SOCK_PLATFORM_KEY", &key),
        ("SOCK_REDIS_URL", &redis_url),
        ("SOCK_API_URL", &api),
        // The most detailed log. Libraries then write their details too, without secrets.
        ("SOCK_LOG", "trace"),
    ];
    let signer = Signer::secret(Algorithm::HS256, &secret);
    let chat = Chat::own_signed(&variables, signer.clone()).await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let words = &marks.words;
    let tokens = vec![
        Signer::secret(Algorithm::HS256, &previous).sign(&json!({"user_id": ann.id, "x": words}))?,
        Signer::secret(Algorithm::HS256, "another secret").sign(&json!({"user_id": ann.id, "x": words}))?,
        Signer::secret(Algorithm::HS512, &secret).sign(&json!({"user_id": ann.id, "x": words}))?,
        signer.sign(&json!({"user_id": ann.id, "exp": LONG_AGO, "x": words}))?,
        signer.sign(&json!({"user_id": format!("0{words} "), "x": words}))?,
        signer.sign(&json!({"x": words}))?,
        format!("{words}.{words}.{words}"),
        words.clone(),
    ];
    let mut asking = Asking {
        chat: &chat,
        marks: &marks,
        tokens,
        answers: Vec::new(),
    };
    // A client listens, so that frames are pushed.
    let _listener = bob.connect().await?;
    asking.every_route(&ann, &bob).await?;
    asking.every_frame(&ann, &bob).await?;
    let [eve] = chat.users(["eve"]);
    asking.every_route_of_the_platform(&key, &eve, &bob).await?;
    // A platform that answers with other users, or with nonsense.
    for (place, nonsense) in [
        json!({"entries": [{"id": 90, "username": words, "password": marks.secret("profile")}]}),
        json!({"entries": marks.secret("profile")}),
        json!(marks.secret("profile")),
        json!({"entries": [], marks.secret("profile"): [marks.secret("profile")]}),
    ]
    .into_iter()
    .enumerate()
    {
        *said.lock().unwrap_or_else(PoisonError::into_inner) = nonsense.to_string();
        // A platform that failed is left alone for two seconds.
        tokio::time::sleep(std::time::Duration::from_millis(2_100)).await;
        let token = ann.token()?;
        // Other users than before, whose profiles are cached for a while.
        let path = format!("/profiles?users=9{place}&topics=9{place}");
        asking.rest(Method::GET, &path, &[("X-Auth-Token", &token)], "").await?;
    }
    // Something else writes to our keys.
    let raw = RawRedis::of(&chat).await?;
    for key in raw.run::<Vec<String>>("KEYS *").await? {
        let _: () = raw.run(&format!("DEL {key}")).await?;
        let _: () = raw.run(&format!("SET {key} {words}")).await?;
    }
    for path in ["/list".to_owned(), bob.path(), "/sync".to_owned()] {
        let token = ann.token()?;
        asking.rest(Method::GET, &path, &[("X-Auth-Token", &token)], "").await?;
    }
    ann.send(&bob, &json!({"type": "text", "text": words})).await?;
    let _: () = raw.run("FLUSHALL").await?;
    // Another password, and then no Redis at all.
    let _: () = raw.run("CONFIG SET requirepass another").await?;
    redis.kill();
    ann.send(&bob, &json!({"type": "text", "text": words})).await?;
    asking
        .rest(Method::GET, "/list", &[("X-Auth-Token", &ann.token()?)], "")
        .await?;

    let mut tokens = asking.tokens.clone();
    tokens.extend([ann.token()?, bob.token()?]);
    let log = chat.stack().log();
    assert!(
        log.contains("redis is unavailable") && log.contains("answering without profiles"),
        "{log}"
    );
    marks.missing_in("the log", &without_paths(&log), &tokens)?;
    assert!(!log.contains(&marks.secret), "the stack itself shows a secret");
    marks.missing_in("a command line", &command_lines()?, &tokens)?;
    let answers = asking.answers.join("\n");
    assert!(
        answers.contains(words) && answers.contains("UNAVAILABLE"),
        "all was asked"
    );
    assert!(!answers.contains(&marks.secret), "an answer shows a secret");
    Ok(())
}

/// An event as API Gateway makes it of a request with this body.
fn send(token: &str, body: &str) -> Value {
    json!({
        "version": "2.0", "routeKey": "POST /api/{target}/{id}", "rawPath": "/api/user/8", "rawQueryString": "",
        "headers": {"x-auth-token": token, "host": "chat.example"},
        "requestContext": {"http": {"method": "POST", "path": "/api/user/8"}},
        "body": body, "isBase64Encoded": false,
    })
}

#[tokio::test]
async fn metrics_and_traces_show_no_secret_and_no_words_of_users() -> Result<()> {
    let marks = Marks::new();
    let password = marks.secret("redis");
    let (_redis, redis_url) = redis_with_password(&password).await?;
    let daemon = UdpSocket::bind("127.0.0.1:0")?;
    daemon.set_nonblocking(true)?;
    let daemon_address = daemon.local_addr()?.to_string();
    let [secret, aws, session] = ["jwt", "aws", "session"].map(|name| marks.secret(name));
    let words = &marks.words;
    let token = Signer::secret(Algorithm::HS256, &secret).sign(&json!({"user_id": 7, "x": words}))?;
    // A user is connected, so that a push is tried; nothing listens at the address of pushes.
    let open: Vec<String> = ["{senna-sockets:myplatform:user:8}:connections", "4102444800000", "c="]
        .map(str::to_owned)
        .into();
    let client = redis::Client::open(redis_url.as_str())?;
    let _: () = redis::cmd("ZADD")
        .arg(open)
        .query_async(&mut client.get_multiplexed_async_connection().await?)
        .await?;
    let variables = [
        ("SOCK_REDIS_URL", redis_url.as_str()),
        ("SOCK_JWT_SECRET", &secret),
        ("AWS_SECRET_ACCESS_KEY", &aws),
        ("AWS_SESSION_TOKEN", &session),
        ("AWS_XRAY_DAEMON_ADDRESS", &daemon_address),
        ("SOCK_LOG", "trace"),
    ];
    let text = json!({"type": "text", "text": words, "metadata": {"a": words}}).to_string();
    let half = text.replace('}', "");
    let events = vec![send(&token, &text), send(&token, &half), send(words, &text)];
    let (answers, mut written) = logs::run("send", &variables, events).await?;
    let statuses: Vec<&Value> = answers.iter().map(|answer| &answer["statusCode"]).collect();
    assert_eq!(statuses, [201, 400, 401], "{written}");
    assert!(
        written.contains("\"_aws\"") && written.contains("push failed"),
        "{written}"
    );
    let mut datagram = vec![0; 64 * 1024];
    let mut datagrams = 0;
    while let Ok(length) = daemon.recv(&mut datagram) {
        written.push_str(&String::from_utf8_lossy(datagram.get(..length).unwrap_or_default()));
        datagrams += 1;
    }
    assert!(datagrams > 1, "there are traces");
    marks.missing_in("what a function writes", &written, &[token])?;
    Ok(())
}

#[tokio::test]
async fn a_function_that_does_not_start_shows_no_secret() -> Result<()> {
    let marks = Marks::new();
    let mark = &marks.secret;
    let pem = format!("-----BEGIN {mark}-----\\n{mark}\\n-----END {mark}-----");
    let address = |rest: &str| format!("redis://user:{mark}@{rest}");
    let values = [
        ("SOCK_REDIS_URL", format!("redis//{mark}@host")),
        ("SOCK_REDIS_URL", format!("http://user:{mark}@host")),
        ("SOCK_REDIS_URL", address("host/no-number")),
        ("SOCK_REDIS_URL", address("host:99999")),
        (
            "SOCK_REDIS_URL",
            format!("redis://user:{mark}@a,redis://user:{mark}@b:x"),
        ),
        ("SOCK_REDIS_URL", format!("redis://user:{mark}%ff@host")),
        ("SOCK_REDIS_CA", pem.clone()),
        (
            "SOCK_REDIS_CA",
            format!("-----BEGIN CERTIFICATE-----\\n{mark}\\n-----END CERTIFICATE-----"),
        ),
        ("SOCK_JWT_SECRET", "7".to_owned()),
        ("SOCK_JWT_ALGORITHM", "RS256".to_owned()),
        ("SOCK_PUSH_ENDPOINT", format!("ftp://{mark}@host")),
        ("SOCK_PLATFORM_KEY", mark.clone()),
    ];
    for (name, value) in values {
        let is_algorithm = name == "SOCK_JWT_ALGORITHM";
        let mut variables = vec![(name, value.as_str()), ("SOCK_JWT_SECRET_PREVIOUS", mark.as_str())];
        if is_algorithm {
            variables.push(("SOCK_JWT_PUBLIC_KEY", &pem));
        }
        if name == "SOCK_REDIS_CA" {
            variables.push(("SOCK_REDIS_URL", "rediss://host"));
        }
        let function = if name == "SOCK_PLATFORM_KEY" {
            "platform"
        } else {
            "send"
        };
        let (answers, written) = logs::run(function, &variables, vec![json!({})]).await?;
        assert!(answers.is_empty(), "{name}={value} started");
        assert!(
            written.contains(if is_algorithm { "SOCK_JWT_PUBLIC_KEY" } else { name }),
            "{written}"
        );
        marks.missing_in(name, &written, &[])?;
    }
    Ok(())
}
