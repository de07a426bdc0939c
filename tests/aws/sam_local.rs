//! `sam local start-api`: the REST routes from the functions that `sam build` made, in Docker, against the local stack's Redis, platform
//! and `@connections`.
//!
//! The same requests go to both, the local stack and SAM, and the answers must be the same: so neither is believed.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Request, exchange};

use crate::support::{root, skipped, tool};

/// How long SAM may take until it listens.
const START_LIMIT: Duration = Duration::from_mins(1);

/// Why there is nothing to run, if so.
fn missing() -> Option<&'static str> {
    let docker = Command::new("docker").arg("info").stdin(Stdio::null()).output();
    if !docker.is_ok_and(|output| output.status.success()) {
        return Some("no Docker answers; .ci/sam-setup installs it where it can");
    }
    if !root().join(".aws-sam/build/template.yaml").is_file() {
        return Some(
            "there are no built functions; `sam build --parameter-overrides Architecture=x86_64` (or arm64) makes them",
        );
    }
    None
}

/// SAM's server, and with it its containers.
struct Sam(Child, String);

impl Sam {
    fn start(environment: &Path) -> Result<Option<Self>> {
        let Some(mut sam) = tool("sam") else { return Ok(None) };
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let architecture = match env::consts::ARCH {
            "aarch64" => "arm64",
            other => other,
        };
        sam.args(["local", "start-api", "--skip-pull-image", "--warm-containers", "LAZY"])
            .args(["--host", "127.0.0.1", "--port", &port.to_string()])
            .args([
                "--parameter-overrides",
                &format!("Architecture={architecture}"),
                "--env-vars",
            ])
            .arg(environment)
            .stderr(Stdio::piped());
        let mut child = sam.spawn()?;
        let stderr = child.stderr.take().context("a child without its output")?;
        let sam = Self(child, format!("127.0.0.1:{port}"));
        let (sender, receiver) = std::sync::mpsc::channel();
        thread::spawn(move || {
            // Read to its end, so that SAM never waits for a reader.
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                sender.send(line).ok();
            }
        });
        let start = Instant::now();
        let mut said = String::new();
        while let Ok(line) = receiver.recv_timeout(START_LIMIT.saturating_sub(start.elapsed())) {
            if line.contains("Running on") {
                return Ok(Some(sam));
            }
            said.extend([line.as_str(), "\n"]);
        }
        bail!("sam local start-api does not come up; it wrote:\n{said}")
    }
}

impl Drop for Sam {
    fn drop(&mut self) {
        // As Ctrl-C, upon which it removes its containers.
        let pid = i32::try_from(self.0.id()).ok().and_then(rustix::process::Pid::from_raw);
        if let Some(pid) = pid {
            rustix::process::kill_process(pid, rustix::process::Signal::INT).ok();
        }
        self.0.wait().ok();
    }
}

/// An answer with names in place of what differs from call to call.
fn masked(value: &mut Value, names: &[(String, &str)]) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match key.as_str() {
                    "timestamp" if value.is_number() => *value = json!("…"),
                    "epoch" | "iso" | "request_id" => *value = json!("…"),
                    "id" if value.as_str().is_some_and(|id| id.len() == 36) => *value = json!("[id]"),
                    "next" | "prev" if value.is_string() => *value = json!("[id]"),
                    _ => masked(value, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| masked(item, names)),
        Value::String(text) => {
            for (id, name) in names {
                *text = text.replace(id, name);
            }
        }
        Value::Number(number) => {
            let number = number.to_string();
            if let Some((_, name)) = names.iter().find(|(id, _)| *id == number) {
                *value = json!(name);
            }
        }
        _ => {}
    }
}

/// Two users' way through every REST route at one address: what was answered, line by line.
async fn rows(chat: &Chat, address: &str) -> Result<Vec<String>> {
    let [ann, bob] = chat.users(["ann", "bob"]);
    let names = [(ann.id.to_string(), "[ann]"), (bob.id.to_string(), "[bob]")];
    let (with_ann, with_bob) = (ann.path(), bob.path());
    let (ann, bob) = (ann.token()?, bob.token()?);
    let mut lines = Vec::new();
    let mut call = async |method: Method, path: &str, token: Option<&str>, body: &str| -> Result<Value> {
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        headers.extend(token.map(|token| ("X-Auth-Token".to_owned(), token.to_owned())));
        let request = Request {
            method: method.clone(),
            path: format!("/api{path}"),
            headers,
            body: body.as_bytes().to_vec(),
        };
        let (status, headers, bytes) = exchange(address, request).await?;
        ensure!(
            headers["content-type"] == "application/json",
            "{method} {path}: {headers:?}"
        );
        let body: Value = serde_json::from_slice(&bytes).with_context(|| format!("{method} {path}"))?;
        let mut shown = body.clone();
        masked(&mut shown, &names);
        lines.push(format!(
            "{method} {} {} {shown}",
            path.split(['?', '/']).nth(1).unwrap_or_default(),
            status.as_u16()
        ));
        Ok(body)
    };
    call(Method::GET, "", None, "").await?;
    call(Method::GET, "", Some(&ann), "").await?;
    call(Method::GET, "", Some("no token"), "").await?;
    call(Method::GET, "/list", None, "").await?;
    call(Method::GET, "/list?page=0", Some(&ann), "").await?;
    call(Method::GET, "/nowhere", Some(&ann), "").await?;
    call(Method::PUT, &with_bob, Some(&ann), "{}").await?;
    call(Method::GET, "/villain/5", Some(&ann), "").await?;
    call(Method::GET, "/user/a%20b", Some(&ann), "").await?;
    for body in [
        "",
        "{",
        "[]",
        r#"{"type":"dance"}"#,
        r#"{"type":"text"}"#,
        r#"{"type":"image","image":"ftp://x"}"#,
    ] {
        call(Method::POST, &with_bob, Some(&ann), body).await?;
    }
    let text = r#"{"type":"text","text":"Grüße 👋\n\"quoted\" \\","metadata":{"n":[1,null]}}"#;
    let sent = call(Method::POST, &with_bob, Some(&ann), text).await?;
    let message = format!("/{}", sent["entry"]["id"].as_str().context("no id")?);
    call(
        Method::POST,
        &with_bob,
        Some(&ann),
        r#"{"type":"image","image":"https://example.com/a.png"}"#,
    )
    .await?;
    call(Method::GET, &with_ann, Some(&bob), "").await?;
    call(Method::GET, &format!("{with_ann}?per_page=1&page=2"), Some(&bob), "").await?;
    call(
        Method::GET,
        &format!("{with_ann}?after={}", message.trim_start_matches('/')),
        Some(&bob),
        "",
    )
    .await?;
    call(Method::GET, "/list", Some(&bob), "").await?;
    call(Method::GET, "/list?no_format", Some(&ann), "").await?;
    let (of_ann, of_bob) = (format!("{with_ann}{message}"), format!("{with_bob}{message}"));
    call(Method::POST, &of_bob, Some(&ann), "{}").await?;
    call(Method::POST, &of_bob, Some(&ann), r#"{"text":"Changed"}"#).await?;
    call(Method::POST, &of_ann, Some(&bob), r#"{"text":"Not mine"}"#).await?;
    call(Method::POST, &of_ann, Some(&bob), r#"{"status":"seen"}"#).await?;
    call(Method::DELETE, &of_ann, Some(&bob), "").await?;
    call(Method::DELETE, &of_bob, Some(&ann), "").await?;
    call(Method::DELETE, &of_bob, Some(&ann), "").await?;
    call(Method::POST, &of_bob, Some(&ann), r#"{"text":"Too late"}"#).await?;
    call(Method::GET, &with_ann, Some(&bob), "").await?;
    call(Method::GET, "/list", Some(&bob), "").await?;
    Ok(lines)
}

#[tokio::test]
async fn functions_in_docker_answer_as_the_local_stack_does() -> Result<()> {
    if let Some(why) = missing() {
        skipped(why);
        return Ok(());
    }
    // Where no registry is reached, a stand-in for the base image is made of this machine's files.
    let base = Command::new(root().join("tests/aws/base-image"))
        .stdin(Stdio::null())
        .output()?;
    ensure!(base.status.success(), "{}", String::from_utf8_lossy(&base.stderr));

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("sam-env.json");
    let variable = file.to_str().context("a path in UTF-8")?;
    let chat = Chat::own(&[("SENNA_SAM_ENV", variable)]).await?;
    ensure!(
        fs::read_to_string(&file)?.contains("\"Send\""),
        "the environment names no functions"
    );
    let Some(sam) = Sam::start(&file)? else { return Ok(()) };

    let local = rows(&chat, chat.rest_address()?.0).await?;
    let docker = rows(&chat, &sam.1).await?;
    for (docker, local) in docker.iter().zip(&local) {
        assert_eq!(
            docker, local,
            "if the code is newer than .aws-sam/build, run sam build again"
        );
    }
    assert_eq!(docker.len(), local.len());

    // What a function in Docker sends reaches a WebSocket of the local stack.
    let [ann, bob] = chat.users(["ann", "bob"]);
    let mut listener = bob.connect().await?;
    let request = Request {
        method: Method::POST,
        path: format!("/api{}", bob.path()),
        headers: vec![("X-Auth-Token".to_owned(), ann.token()?)],
        body: br#"{"type":"text","text":"From Docker"}"#.to_vec(),
    };
    let (status, ..) = exchange(&sam.1, request).await?;
    assert_eq!(status, 201);
    assert_eq!(listener.event().await?["data"]["entry"]["text"], "From Docker");
    println!("{} requests were answered alike, and a push arrived", docker.len());
    Ok(())
}
