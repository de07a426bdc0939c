//! A sample platform: the requests that the chat sends to the site that it is added to.
//!
//! `GET /v1/users?fields=…&ids=1,2` and `GET /v1/topics?fields=…&ids=…` answer `{"entries":[…]}`. There is no
//! entry for an unknown id. The stack uses this platform unless `SOCK_API_URL` names a real one.

use http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::server::{BindError, Listeners, Reply, Server, json as json_reply, serve};

/// The users whose tokens the screen shows: one writes, one listens.
pub const SAMPLE_USERS: [(&str, &str); 2] = [("1", "ada"), ("2", "grace")];

/// The sample topic that the page shows.
pub const SAMPLE_TOPIC: &str = "general";

/// A running sample platform; dropping it stops it.
#[derive(Debug)]
pub struct Platform {
    url: String,
    _server: Server,
}

impl Platform {
    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// [`BindError`], when no port can be listened on.
    pub async fn start() -> Result<Self, BindError> {
        let listeners = Listeners::bind("127.0.0.1", 0, "SOCK_API_URL").await?;
        let url = format!("http://127.0.0.1:{}", listeners.port());
        let server = serve(listeners, |request: Request<Incoming>, _| async move {
            answer(
                request.method(),
                request.uri().path(),
                request.uri().query().unwrap_or_default(),
            )
        });
        Ok(Self { url, _server: server })
    }

    /// The value for `SOCK_API_URL`.
    pub fn url(&self) -> &str {
        &self.url
    }
}

fn answer(method: &Method, path: &str, query: &str) -> Reply {
    let known = match (method, path) {
        (&Method::GET, "/v1/users") => users(),
        (&Method::GET, "/v1/topics") => topics(),
        _ => return json_reply(StatusCode::NOT_FOUND, &json!({"error": "not found"})),
    };
    json_reply(StatusCode::OK, &json!({"entries": chosen(known, query)}))
}

/// The entries that `ids` names, with the fields that `fields` names. Without `ids` all entries, without `fields` all fields.
fn chosen(known: Vec<Value>, query: &str) -> Vec<Value> {
    let list = |name: &str| {
        let pair = query
            .split('&')
            .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))?;
        let decoded = percent_decode_str(pair).decode_utf8_lossy().into_owned();
        Some(decoded.split(',').map(str::to_owned).collect::<Vec<_>>())
    };
    let (ids, fields) = (list("ids"), list("fields"));
    let id_of = |entry: &Value| match entry.get("id") {
        Some(Value::String(id)) => id.clone(),
        Some(id) => id.to_string(),
        None => String::new(),
    };
    let wanted = known
        .into_iter()
        .filter(|entry| ids.as_ref().is_none_or(|ids| ids.contains(&id_of(entry))));
    let trimmed = wanted.map(|mut entry| {
        if let (Some(fields), Some(members)) = (&fields, entry.as_object_mut()) {
            members.retain(|name, _| fields.contains(name));
        }
        entry
    });
    trimmed.collect()
}

/// Numeric and text ids, as platforms have either.
fn users() -> Vec<Value> {
    let user = |id: Value, username: &str, role: &str| {
        let picture = format!("https://example.com/pictures/{username}.png");
        let profile = format!("https://example.com/people/{username}");
        json!({"id": id, "username": username, "role": role, "picture_url": picture, "profile_url": profile})
    };
    vec![
        user(json!(1), "ada", "admin"),
        user(json!(2), "grace", "user"),
        user(json!(3), "edsger", "user"),
        user(json!(42), "deep-thought", "user"),
        user(json!("barbara"), "barbara", "user"),
        user(json!("k.johnson@example.com"), "katherine", "user"),
    ]
}

fn topics() -> Vec<Value> {
    let topic = |id: Value, title: &str, status: &str| {
        let cover = format!("https://example.com/covers/{}.png", title.to_lowercase());
        json!({"id": id, "title": title, "status": status, "cover_image_thumbnail": cover})
    };
    vec![
        topic(json!(7), "Compilers", "open"),
        topic(json!(8), "Moonshots", "closed"),
        topic(json!("general"), "General", "open"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_fields_choose() {
        let entries = chosen(users(), "fields=id,username&ids=2,k.johnson%40example.com,999");
        assert_eq!(
            entries,
            [
                json!({"id": 2, "username": "grace"}),
                json!({"id": "k.johnson@example.com", "username": "katherine"})
            ]
        );
        assert_eq!(chosen(topics(), "fields=id&ids=7"), [json!({"id": 7})]);
        assert_eq!(chosen(users(), "").len(), 6);
    }

    #[test]
    fn the_users_on_the_screen_are_known() {
        for (id, username) in SAMPLE_USERS {
            assert_eq!(
                chosen(users(), &format!("fields=username&ids={id}")),
                [json!({"username": username})]
            );
        }
    }
}
