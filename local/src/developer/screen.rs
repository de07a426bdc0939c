//! Standard output: what `cargo run` shows when it is ready, the JSON line of `--json`, tokens, and received frames.

use std::{
    fmt::Display,
    io::{IsTerminal as _, Write as _},
    time::Duration,
};

use serde_json::json;

use crate::{platform::SAMPLE_USERS, stack::Addresses};

/// How long the tokens on the screen are valid.
const TOKEN_TTL: Duration = Duration::from_hours(24);

/// Writes a line and flushes it, because a script may wait for it.
pub fn line(text: impl Display) {
    let mut stdout = std::io::stdout().lock();
    // It fails when nobody reads standard output any more.
    drop(writeln!(stdout, "{text}").and_then(|()| stdout.flush()));
}

/// Writes the JSON line of `--json`.
pub fn ready_json(addresses: &Addresses) {
    line(json!({
        "page": addresses.page,
        "rest": addresses.rest,
        "websocket": addresses.websocket,
        "push": addresses.push,
        "lambda": addresses.lambda,
        "queues": addresses.queues,
        "redis": addresses.redis,
        "platform": addresses.platform,
        "uploads": addresses.uploads,
        "control": addresses.control,
        "jwt_secret": addresses.signer.as_ref().map(|signer| signer.secret().to_owned()),
    }));
}

/// Writes the screen: addresses, tokens and what to try first.
pub fn ready(addresses: &Addresses, program: &str) {
    line(screen(addresses, program, std::io::stdout().is_terminal()));
}

fn screen(addresses: &Addresses, program: &str, colours: bool) -> String {
    let strong = |text: &str| {
        if colours {
            format!("\u{1b}[1m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    };
    let Addresses {
        page,
        rest,
        websocket,
        push,
        lambda,
        redis,
        platform,
        control,
        platform_key,
        ..
    } = addresses;
    let places = format!(
        "
{title}

  {open} {page}    two people who chat; cut their connections and watch them come back

  REST       {rest}
  WebSocket  {websocket}
  push       {push}/@connections/{{id}}
  Lambda     {lambda}
  Redis      {redis}
  platform   {platform}
  faults     {control}/faults
",
        title = strong("Senna is ready"),
        open = strong("Open"),
    );
    let mint = |id: &str| addresses.signer.as_ref()?.mint(id, TOKEN_TTL).ok();
    let [(writer_id, writer), (reader_id, reader)] = SAMPLE_USERS;
    let (Some(writer_token), Some(reader_token)) = (mint(writer_id), mint(reader_id)) else {
        return format!(
            "{places}\n  Tokens come from your platform, which holds the private key.\n\nCtrl-C stops everything."
        );
    };
    let body = format!(r#"{{"type":"text","text":"Hello, {reader}"}}"#);
    // The first of two keys; nothing if there is no key.
    let key = platform_key.as_deref().and_then(|keys| keys.split(',').next());
    let as_platform = key.map(|key| {
        let (title, root) = (strong("Write as the platform itself"), rest.trim_end_matches("/api"));
        let body = format!(r#"{{"type":"text","text":"Welcome, {reader}","system":true}}"#);
        format!(
            "
{title}

  curl {root}/platform/users/{writer_id}/messages/user/{reader_id} -H 'Content-Type: application/json' -H 'Authorization: Bearer {key}' -d '{body}'
"
        )
    });
    format!(
        "{places}
{tokens}

  {writer}, user {writer_id}
  {writer_token}

  {reader}, user {reader_id}
  {reader_token}

{listen}

  {program} listen --user {reader_id} --socket {websocket}

{send}

  curl {rest}/user/{reader_id} -H 'Content-Type: application/json' -H 'Authorization: Bearer {writer_token}' -d '{body}'
{as_platform}
Ctrl-C stops everything.",
        as_platform = as_platform.unwrap_or_default(),
        tokens = strong("Tokens, good for a day"),
        listen = strong(&format!("Listen as {reader}, in a second terminal")),
        send = strong(&format!("Send as {writer}, in a third")),
    )
}
