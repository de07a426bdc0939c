//! Turns a row of a table into a request or a frame.

use anyhow::{Context as _, Result, bail};
use http::Method;
use serde_json::{Value, json};
use tests::{Chat, Request};

use crate::scene::{Actor, Scene};

/// A cursor before everything: 15 bytes of zero in base64.
const BEGINNING: &str = "AAAAAAAAAAAAAAAAAAAA";

#[derive(Debug)]
enum Kind {
    Rest { method: Method, path: String, body: Value },
    Frame(Value),
    Connect,
}

/// A request or a frame.
#[derive(Debug)]
pub(crate) struct Call {
    kind: Kind,
    sign: Option<String>,
}

/// The outcome of a request or frame.
pub(crate) struct Outcome {
    /// The status; 200 for the result of a frame and for a connection.
    pub(crate) status: u16,
    /// The code of an error; `null` where it has none.
    pub(crate) code: Option<String>,
    /// The whole answer.
    pub(crate) text: String,
}

impl Call {
    /// Reads the row: a route or action in backticks, and the detail after it.
    ///
    /// # Errors
    /// When no test knows it.
    pub(crate) fn of_row(row: &str, scene: &Scene, actor: &Actor) -> Result<Self> {
        let mut parts = row.split('`').skip(1);
        let name = parts
            .next()
            .context("a row begins with a route or an action in backticks")?;
        let detail = parts.collect::<Vec<_>>().concat();
        let detail = detail.trim();
        let kind = match name.split_once(' ') {
            Some((method, path)) => rest(method, path, detail, scene, actor)?,
            None if name == "$connect" => Kind::Connect,
            None => Kind::Frame(frame(name, detail, scene, actor)?),
        };
        Ok(Self {
            kind,
            sign: sign(name, scene),
        })
    }

    /// Whether a success must show something of the conversation, or nothing.
    pub(crate) fn reads(&self) -> bool {
        self.sign.is_some()
    }

    /// The text that shows that an answer has something of the conversation.
    pub(crate) fn sign(&self) -> &str {
        self.sign.as_deref().unwrap_or_default()
    }

    /// Asks the stack.
    ///
    /// # Errors
    /// When there is no answer.
    pub(crate) async fn ask(&self, chat: &Chat, actor: &Actor) -> Result<Outcome> {
        let mut headers = Vec::new();
        if let Some(host) = actor.host {
            headers.push(("Host".to_owned(), host.to_owned()));
        }
        if let Some(user) = &actor.user {
            headers.push(("X-Auth-Token".to_owned(), user.token()?));
        }
        if let Some(key) = actor.key {
            headers.push(("Authorization".to_owned(), format!("Bearer {key}")));
        }
        if let Kind::Rest { method, path, body } = &self.kind {
            let body = Some(body).filter(|body| !body.is_null()).map(Value::to_string);
            let (_, base) = chat.rest_address()?;
            let stage = base.strip_suffix("/api").unwrap_or_default();
            let request = Request {
                method: method.clone(),
                path: format!("{stage}{path}"),
                headers,
                body: body.unwrap_or_default().into_bytes(),
            };
            let (status, _, answer) = chat.exchange(request).await?;
            let text = String::from_utf8(answer)?;
            // A redirect has no body; lines of JSON are no JSON, and no error.
            let body = serde_json::from_str(&text).unwrap_or_default();
            return Ok(outcome(status.as_u16(), &body, text));
        }
        let headers: Vec<_> = headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        let handshake = chat.handshake("/", &headers).await?;
        let Some(mut socket) = handshake.socket else {
            let text = handshake.body.to_string();
            return Ok(outcome(handshake.status, &handshake.body, text));
        };
        let Kind::Frame(frame) = &self.kind else {
            return Ok(outcome(200, &Value::Null, String::new()));
        };
        let answer = socket.ask(frame.clone()).await?;
        socket.close().await?;
        let error = &answer["error"];
        let status = error["status"].as_u64().unwrap_or(200).try_into()?;
        Ok(outcome(status, error, answer.to_string()))
    }
}

fn outcome(status: u16, body: &Value, text: String) -> Outcome {
    let is_error = body["error"] == json!(true);
    let code = is_error.then(|| body["code"].as_str().unwrap_or("null").to_owned());
    Outcome { status, code, text }
}

/// The text of the conversation that the answer of a reading row shows.
fn sign(name: &str, scene: &Scene) -> Option<String> {
    match name {
        "GET /api/list" | "GET /api/sync" | "hello" | "sync" => {
            let kept = if scene.topic.is_some() {
                &scene.said
            } else {
                "an answer"
            };
            Some(kept.to_owned())
        }
        "GET /api/user/{id}" | "GET /api/topic/{id}" | "changes" => Some(scene.said.clone()),
        name if name.ends_with("/changes") => Some(scene.said.clone()),
        "GET /api/topic/{id}/members" => Some("\"role\":\"moderator\"".to_owned()),
        "GET /platform/conversations/{target}/{a}/{b}" | "GET /platform/users/{user}/export" => {
            Some(scene.said.clone())
        }
        "GET /api/presence" => Some("\"online\":true".to_owned()),
        _ => None,
    }
}

fn rest(method: &str, path: &str, detail: &str, scene: &Scene, actor: &Actor) -> Result<Kind> {
    let text = json!({"type": "text", "text": "x"});
    let id = |message: &Value| message["id"].as_str().map(str::to_owned).context("an id");
    let mut message = id(&scene.message)?;
    let mut body = Value::Null;
    match (method, detail) {
        ("POST", "") if path.ends_with("/{id}") => body = text,
        ("POST", "") if path.ends_with("/uploads") => body = json!({"type": "image/png", "bytes": 1}),
        ("POST", "") if path.ends_with("/report") => body = json!({"reason": "spam"}),
        ("PUT", "") if path.ends_with("/settings") => body = json!({"muted": true}),
        (_, "") | ("PUT", "as a member") | ("DELETE", "a member" | "a moderator" | "an owner") => {}
        ("POST", "with system") => {
            body = text;
            body["system"] = json!(true);
        }
        ("POST", "with a text") => body = json!({"text": "y"}),
        ("POST", "with status seen") => body = json!({"status": "seen"}),
        ("DELETE", "an owner's") => message = id(&scene.answer)?,
        ("PUT", "as a moderator") => body = json!({"role": "moderator"}),
        ("PUT", "as an owner") => body = json!({"role": "owner"}),
        _ => bail!("no test knows {method} {path} {detail:?}"),
    }
    let target = scene.target(actor);
    let named = format!("/api{}", target.path());
    let mut path = match path.strip_prefix("/platform") {
        Some(rest) => format!("/platform{}", scene.in_path_of_platform(rest)),
        None => path
            .replacen("/api/user/{id}", &named, 1)
            .replacen("/api/topic/{id}", &named, 1),
    };
    path = path
        .replace("{upload}", &scene.image)
        .replace("{message_id}", &message)
        .replace("{reaction}", "%F0%9F%91%8D");
    let member = if method == "PUT" {
        scene.newcomer()
    } else {
        scene.guest()
    };
    path = path.replace("{user}", &member.id.to_string());
    let query = match path.rsplit('/').next().unwrap_or_default() {
        "changes" => "?since=0".to_owned(),
        name if !scene.image.is_empty() && name == scene.image => {
            format!("?message={}/{message}", target.path().trim_start_matches('/'))
        }
        "sync" => format!("?since={BEGINNING}"),
        "presence" => format!("?ids={}", target.id()),
        "profiles" => "?users=1".to_owned(),
        _ => String::new(),
    };
    Ok(Kind::Rest {
        method: method.parse()?,
        path: path + &query,
        body,
    })
}

fn frame(action: &str, detail: &str, scene: &Scene, actor: &Actor) -> Result<Value> {
    let target = scene.target(actor);
    let message = &scene.message["id"];
    let properties = match (action, detail) {
        ("hello" | "sync", "") => return Ok(json!({"action": action, "since": BEGINNING})),
        ("ping", "") => return Ok(json!({"action": action})),
        ("watch", "") => {
            let conversation = json!({"target": target.kind(), "target_id": target.id()});
            return Ok(json!({"action": action, "users": [], "conversation": conversation}));
        }
        ("changes", "") => json!({"since": 0}),
        ("send", "") => json!({"type": "text", "text": "x"}),
        ("update", "with a text") => json!({"message_id": message, "text": "y"}),
        ("update", "with status seen") => json!({"message_id": message, "status": "seen"}),
        ("delete", "") => json!({"message_id": message}),
        ("delete", "an owner's") => json!({"message_id": scene.answer["id"]}),
        ("read", "") => json!({}),
        ("react", "") => json!({"message_id": message, "reaction": "+1"}),
        ("typing", "") => json!({"state": "start"}),
        _ => bail!("no test knows {action} {detail:?}"),
    };
    Ok(target.frame(action, properties))
}
