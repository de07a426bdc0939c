//! `senna check`: it passes where all is well, and names the likely cause where something is not.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use http::Method;
use local::redis::{Options, RedisServer};
use serde_json::{Value, json};
use tests::platform::{Mood, Platform};
use tests::token::{FAR_AWAY, LONG_AGO};
use tests::{Chat, SECRET, senna, web_server};
use tokio::process::Command;

/// Runs it with these flags, and returns whether it passed, and what it wrote.
async fn run(flags: &[&str]) -> Result<(bool, String)> {
    let command = Command::new(senna()?)
        .arg("check")
        .args(flags)
        .env("SOCK_JWT_SECRET", SECRET)
        .env_remove("SOCK_JWT_ALGORITHM")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = command.await?;
    let written = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8(written)?))
}

/// The addresses of a stack, as flags.
fn at(chat: &Chat) -> Vec<&str> {
    let addresses = &chat.stack().addresses;
    vec!["--url", &addresses.rest, "--socket", &addresses.websocket]
}

/// Checks that the first step that fails is this one, for this cause.
async fn fails(flags: &[&str], step: &str, cause: &str) -> Result<()> {
    let (passed, written) = run(flags).await?;
    ensure!(!passed, "it passed: {written}");
    let mut lines = written.lines();
    let failed = lines.find_map(|line| line.strip_prefix("FAILED"));
    let failed = failed.with_context(|| format!("no step failed: {written}"))?;
    ensure!(failed.trim_start().starts_with(step), "{step}: {written}");
    let likely = lines.next().unwrap_or_default();
    ensure!(
        likely.contains("likely cause: ") && likely.contains(cause),
        "{cause}: {written}"
    );
    ensure!(lines.next().unwrap_or_default().contains("what to do: "), "{written}");
    Ok(())
}

async fn fault(chat: &Chat, faults: Value) -> Result<()> {
    let (status, told) = chat.stack().control(Method::PUT, "/faults", &faults).await?;
    ensure!(status == 200, "{told}");
    Ok(())
}

/// Every line without its detail.
fn steps(written: &str) -> Vec<String> {
    let steps = written.lines().map(|line| line.split_whitespace().take(2));
    steps.map(|words| words.collect::<Vec<_>>().join(" ")).collect()
}

#[tokio::test]
async fn it_passes_where_all_is_well_and_deletes_its_messages() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann, bob] = chat.users(["ann", "bob"]);
    let (ann_id, bob_id) = (ann.id.to_string(), bob.id.to_string());
    let alone = [&at(&chat)[..], &["--user", &ann_id]].concat();
    let (passed, written) = run(&alone).await?;
    assert!(passed, "{written}");
    insta::assert_snapshot!(steps(&written).join("\n"), @"
    ok rest
    ok clock
    ok token
    ok handshake
    ok platform
    ok functions
    ok limits
    ok send
    ok push
    ok resume
    ok clean-up
    ");
    let other = ["--user", &ann_id, "--secret", SECRET, "--with", &bob_id];
    let two = [&at(&chat)[..], &other, &["--origin", "https://www.example.com"]].concat();
    let (passed, written) = run(&two).await?;
    assert!(passed && written.contains("ok       origin"), "{written}");
    let token = ann.token()?;
    let (passed, written) = run(&[&at(&chat)[..], &["--token", &token, "--no-platform"]].concat()).await?;
    assert!(passed && !written.contains("platform"), "{written}");
    for other in [&ann, &bob] {
        assert_eq!(ann.whole_history(other).await?, Vec::<Value>::new());
    }
    Ok(())
}

#[tokio::test]
async fn wrong_addresses_and_tokens_are_told_apart() -> Result<()> {
    let chat = Chat::shared().await?;
    let [ann] = chat.users(["ann"]);
    let id = ann.id.to_string();
    let sign = |claims: Value| chat.signer().sign(&claims);
    let expired = sign(json!({"user_id": ann.id, "exp": LONG_AGO}))?;
    let early = sign(json!({"user_id": ann.id, "nbf": FAR_AWAY}))?;
    let nobody = sign(json!({"sub": ann.id}))?;
    for (flags, step, cause) in [
        (
            vec!["--user", &id, "--secret", "of another deployment"],
            "token",
            "another secret",
        ),
        (vec!["--token", &expired], "token", "the token is over"),
        (vec!["--token", &early], "token", "not good yet"),
        (vec!["--token", &nobody], "token", "the claim that names the user"),
        (vec!["--token", "e30.e30"], "token", "not a whole JWT"),
    ] {
        fails(&[&at(&chat)[..], &flags].concat(), step, cause).await?;
    }
    let addresses = &chat.stack().addresses;
    let (rest, socket) = (addresses.rest.as_str(), addresses.websocket.as_str());
    let (as_socket, as_rest) = (rest.replace("http:", "ws:"), socket.replace("ws:", "http:"));
    let elsewhere = rest.replace("/api", "/live/api");
    let closed = web_server::closed_port()?;
    let (closed_rest, closed_socket) = (format!("http://{closed}"), format!("ws://{closed}"));
    for (rest, socket, step, cause) in [
        (elsewhere.as_str(), socket, "rest", "its path is not that of the API"),
        (&as_rest, socket, "rest", "the address of a WebSocket"),
        (&closed_rest, socket, "rest", "nothing runs there"),
        (rest, &as_socket, "handshake", "not the address of the WebSocket"),
        (rest, &closed_socket, "handshake", "nothing runs there"),
        (rest, rest, "handshake", "not the address of the WebSocket"),
    ] {
        fails(&["--url", rest, "--socket", socket, "--user", &id], step, cause).await?;
    }
    let (passed, written) = run(&["--url", rest, "--user", &id]).await?;
    assert!(!passed && written.contains("give --socket too"), "{written}");
    Ok(())
}

#[tokio::test]
async fn each_fault_of_a_deployment_fails_its_step() -> Result<()> {
    let platform = Platform::start()?;
    let flags = ["--parameter", "AllowedOrigins=https://www.example.com"];
    let chat = Chat::own_with(&flags, &[("SOCK_API_URL", platform.url())]).await?;
    // Functions keep for a while what the platform said of a user, so each check has its own.
    let check = async |more: &[&str], step: &str, cause: &str| {
        let [user] = chat.users(["somebody"]);
        let id = user.id.to_string();
        fails(&[&at(&chat)[..], &["--user", &id], more].concat(), step, cause).await
    };
    for (name, step, cause) in [
        ("push-failed", "push", "can't reach @connections"),
        ("message-refused", "handshake", "SocketRateLimit"),
        ("kill", "rest", "it crashed"),
    ] {
        fault(&chat, json!({name: 1})).await?;
        check(&[], step, cause).await?;
    }
    fault(&chat, json!({})).await?;
    check(&["--origin", "https://other.example"], "origin", "AllowedOrigins").await?;
    for (mood, cause) in [
        // First: functions leave a platform that has failed alone for a moment.
        (Mood::Silent, "does not answer within 5 s"),
        (Mood::Failing, "ApiUrl is not set or wrong"),
        (Mood::Babbling, "ApiUrl is not set or wrong"),
    ] {
        platform.is(mood);
        check(&[], "platform", cause).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_store_and_a_limit_fail_their_steps() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let options = Options {
        data_dir: Some(folder.path().to_owned()),
        ..Options::default()
    };
    let mut redis = RedisServer::start(&options)?;
    let url = redis.url();
    redis.stop();
    for (variables, step, cause) in [
        (("SOCK_REDIS_URL", url.as_str()), "handshake", "can't reach Redis"),
        (("SOCK_LIMITS", "requests=0.1:5"), "functions", "the parameter Limits"),
    ] {
        let chat = Chat::own(&[variables]).await?;
        let [ann] = chat.users(["ann"]);
        fails(
            &[&at(&chat)[..], &["--user", &ann.id.to_string()]].concat(),
            step,
            cause,
        )
        .await?;
    }
    Ok(())
}
