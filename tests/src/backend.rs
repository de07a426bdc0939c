//! The platform's own server, which has a key and no user's token.

use anyhow::Result;
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::user::id_text;
use crate::{Answer, Chat, Request, Target, User};

/// The keys of the shared stack, as `SOCK_PLATFORM_KEY` has them.
pub const KEYS: &str = "the-first-key-of-the-black-box-tests,the-second-key-of-the-black-box-tests";

/// The platform's server with one of its keys.
#[derive(Clone, Debug)]
pub struct Backend {
    chat: Chat,
    headers: Vec<(String, String)>,
}

impl Backend {
    pub(crate) fn new(chat: Chat) -> Self {
        let key = KEYS.split(',').next().unwrap_or_default();
        Self {
            chat,
            headers: Vec::new(),
        }
        .with("Authorization", &format!("Bearer {key}"))
    }

    /// The same with this header, in place of one of that name.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.clone();
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name.to_owned(), value.to_owned()));
        Self {
            chat: self.chat.clone(),
            headers,
        }
    }

    /// The same without any header, and so without a key.
    #[must_use]
    pub fn without_headers(&self) -> Self {
        Self {
            chat: self.chat.clone(),
            headers: Vec::new(),
        }
    }

    /// Sends a request; the path begins after `/platform`.
    ///
    /// # Errors
    /// When there is no answer in time, or the answer does not match the description of the API.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let (_, base) = self.chat.rest_address()?;
        let stage = base.strip_suffix("/api").unwrap_or_default();
        let (status, headers, body) = self
            .chat
            .exchange(Request {
                method,
                path: format!("{stage}/platform{path}"),
                headers: self.headers.clone(),
                body: body.map(Value::to_string).unwrap_or_default().into_bytes(),
            })
            .await?;
        Answer::new(status.as_u16(), headers, body)
    }

    /// Sends a message as that user, or with `"system": true` as the platform itself.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, user: &User, target: &impl Target, body: &Value) -> Result<Answer> {
        let path = format!("{}/messages{}", path_of(user), target.path());
        self.call(Method::POST, &path, Some(body)).await
    }

    /// Bans a user; a null body sends none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn ban(&self, user: &User, body: &Value) -> Result<Answer> {
        let body = Some(body).filter(|body| !body.is_null());
        self.call(Method::PUT, &format!("{}/ban", path_of(user)), body).await
    }

    /// Sends a request about a user; the path begins after `/platform/users/{user}`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn about(&self, user: &User, method: Method, path: &str) -> Result<Answer> {
        self.call(method, &format!("{}{path}", path_of(user)), None).await
    }
}

fn path_of(user: &User) -> String {
    format!("/users/{}", utf8_percent_encode(&id_text(&user.id), NON_ALPHANUMERIC))
}
