//! A user of the platform, and what users do.

use anyhow::{Context as _, Result};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{Answer, Chat, Request, Socket, socket};

/// A user who acts with a token of the platform.
#[derive(Clone, Debug)]
pub struct User {
    chat: Chat,
    /// The platform's id: a number or a string.
    pub id: Value,
}

impl User {
    pub(crate) fn new(chat: Chat, id: Value) -> Self {
        Self { chat, id }
    }

    /// A token of this user.
    ///
    /// # Errors
    /// When the library refuses to sign.
    pub fn token(&self) -> Result<String> {
        self.chat.signer().user(&self.id)
    }

    /// The path of the conversation with this user, for others: `/user/{id}`, percent-encoded.
    pub fn path(&self) -> String {
        let id = id_text(&self.id);
        format!("/user/{}", utf8_percent_encode(&id, NON_ALPHANUMERIC))
    }

    /// Sends a request with this user's token; the path begins after `/api`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        self.call_raw(
            method,
            path,
            body.map(Value::to_string).unwrap_or_default().into_bytes(),
        )
        .await
    }

    /// Sends a request with any body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn call_raw(&self, method: Method, path: &str, body: Vec<u8>) -> Result<Answer> {
        let mut headers = vec![("X-Auth-Token".to_owned(), self.token()?)];
        if !body.is_empty() {
            headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        }
        self.chat
            .rest(Request {
                method,
                path: path.to_owned(),
                headers,
                body,
            })
            .await
    }

    /// Sends a message with this body.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, to: &Self, body: &Value) -> Result<Answer> {
        self.call(Method::POST, &to.path(), Some(body)).await
    }

    /// Sends a text and returns the stored message.
    ///
    /// # Errors
    /// When the answer is not a 201.
    pub async fn send_text(&self, to: &Self, text: &str) -> Result<Value> {
        let answer = self.send(to, &json!({"type": "text", "text": text})).await?;
        Ok(answer.ok(201)?["entry"].take())
    }

    /// Changes a message of the conversation with that user.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn update(&self, with: &Self, message: &Value, change: &Value) -> Result<Answer> {
        self.call(Method::POST, &message_path(with, message)?, Some(change))
            .await
    }

    /// Marks a message of the conversation with that user seen.
    ///
    /// # Errors
    /// When the answer is not a 200.
    pub async fn see(&self, with: &Self, message: &Value) -> Result<Value> {
        self.update(with, message, &json!({"status": "seen"})).await?.ok(200)
    }

    /// Deletes a message of the conversation with that user.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, with: &Self, message: &Value) -> Result<Answer> {
        self.call(Method::DELETE, &message_path(with, message)?, None).await
    }

    /// A page of the conversation with that user; the query is empty or begins with `?`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn history(&self, with: &Self, query: &str) -> Result<Answer> {
        self.call(Method::GET, &format!("{}{query}", with.path()), None).await
    }

    /// A page of the inbox; the query is empty or begins with `?`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn list(&self, query: &str) -> Result<Answer> {
        self.call(Method::GET, &format!("/list{query}"), None).await
    }

    /// Every message of the conversation with that user, oldest first.
    ///
    /// # Errors
    /// When an answer is not a 200.
    pub async fn whole_history(&self, with: &Self) -> Result<Vec<Value>> {
        let mut messages = Vec::new();
        for page in 1.. {
            let mut body = self
                .history(with, &format!("?per_page=100&page={page}"))
                .await?
                .ok(200)?;
            let older: Vec<Value> = serde_json::from_value(body["messages"].take())?;
            messages.splice(0..0, older);
            if body["state"]["total_pages"].as_u64() <= Some(page) {
                break;
            }
        }
        Ok(messages)
    }

    /// How many messages this user has not read: in the conversation with that user, and in all.
    ///
    /// # Errors
    /// When the inbox doesn't have that conversation on its first page.
    pub async fn unread(&self, with: &Self) -> Result<(u64, u64)> {
        let body = self.list("?per_page=100").await?.ok(200)?;
        let entry = body["entries"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| entry["id"] == with.id);
        let unread = entry
            .and_then(|entry| entry["unread"].as_u64())
            .context("no such conversation in the inbox")?;
        Ok((
            unread,
            body["state"]["unread_total"].as_u64().context("no unread_total")?,
        ))
    }

    /// Opens a WebSocket connection and says hello, after which it is told of everything.
    ///
    /// # Errors
    /// When it is refused, or hello has no result.
    pub async fn connect(&self) -> Result<Socket> {
        self.connect_with_buffer(None).await
    }

    /// As [`User::connect`], on a connection whose end here takes hardly any bytes that are not read.
    ///
    /// # Errors
    /// As [`User::connect`].
    pub async fn connect_narrowly(&self) -> Result<Socket> {
        self.connect_with_buffer(Some(4096)).await
    }

    async fn connect_with_buffer(&self, buffer: Option<u32>) -> Result<Socket> {
        let mut socket = self.open(buffer).await?;
        socket.hello().await?;
        Ok(socket)
    }

    /// Opens a WebSocket connection and says nothing.
    pub(crate) async fn open(&self, buffer: Option<u32>) -> Result<Socket> {
        let token = self.token()?;
        let headers = [("X-Auth-Token", token.as_str())];
        let handshake = socket::handshake(self.chat.websocket_address()?, "/", &headers, buffer).await?;
        handshake.open()
    }
}

fn message_path(with: &User, message: &Value) -> Result<String> {
    let id = message["id"].as_str().context("a message has an id")?;
    Ok(format!("{}/{id}", with.path()))
}

/// An id, which may be a number or a string, as it stands in keys and addresses.
pub(crate) fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
