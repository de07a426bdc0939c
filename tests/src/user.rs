//! A user of the platform, and what users do.

use anyhow::{Context as _, Result};
use http::Method;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use crate::{Answer, Chat, Request, Socket, Target, Topic, socket};

/// A user who acts with a token of the platform.
#[derive(Clone, Debug)]
pub struct User {
    chat: Chat,
    /// The platform's id: a number or a string.
    pub id: Value,
    /// The claim `topics` of the user's tokens; null for none.
    topics: Value,
}

impl User {
    pub(crate) fn new(chat: Chat, id: Value) -> Self {
        Self {
            chat,
            id,
            topics: Value::Null,
        }
    }

    /// The same user with other tokens, which have this claim `topics`.
    #[must_use]
    pub fn with_topics(&self, topics: &Value) -> Self {
        Self {
            topics: topics.clone(),
            ..self.clone()
        }
    }

    /// A token of this user.
    ///
    /// # Errors
    /// When the library refuses to sign.
    pub fn token(&self) -> Result<String> {
        if self.topics.is_null() {
            return self.chat.signer().user(&self.id);
        }
        self.chat
            .signer()
            .sign(&json!({"user_id": self.id, "topics": self.topics}))
    }

    /// The path of the conversation with this user, for others: `/user/{id}`, percent-encoded.
    pub fn path(&self) -> String {
        Target::path(self)
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
    pub async fn send(&self, to: &impl Target, body: &Value) -> Result<Answer> {
        self.call(Method::POST, &to.path(), Some(body)).await
    }

    /// Sends a text and returns the stored message.
    ///
    /// # Errors
    /// When the answer is not a 201.
    pub async fn send_text(&self, to: &impl Target, text: &str) -> Result<Value> {
        let answer = self.send(to, &json!({"type": "text", "text": text})).await?;
        Ok(answer.ok(201)?["entry"].take())
    }

    /// Changes a message of the conversation with that user.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn update(&self, with: &impl Target, message: &Value, change: &Value) -> Result<Answer> {
        self.call(Method::POST, &message_path(with, message)?, Some(change))
            .await
    }

    /// Marks a message read, and so all before it; without one, all that there are.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn read(&self, with: &impl Target, up_to: Option<&Value>) -> Result<Answer> {
        let body = up_to.map(|message| json!({"up_to": message["id"]}));
        self.call(Method::POST, &format!("{}/read", with.path()), body.as_ref())
            .await
    }

    /// Gives a reaction to a message.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn react(&self, with: &impl Target, message: &Value, reaction: &str) -> Result<Answer> {
        self.call(Method::PUT, &reaction_path(with, message, reaction)?, None)
            .await
    }

    /// Takes a reaction to a message back.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn take_back(&self, with: &impl Target, message: &Value, reaction: &str) -> Result<Answer> {
        self.call(Method::DELETE, &reaction_path(with, message, reaction)?, None)
            .await
    }

    /// Changes how a conversation stands in the own inbox.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn set(&self, with: &impl Target, settings: &Value) -> Result<Answer> {
        self.call(Method::PUT, &format!("{}/settings", with.path()), Some(settings))
            .await
    }

    /// A page of a topic's members; the query is empty or begins with `?`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn members(&self, topic: &Topic, query: &str) -> Result<Answer> {
        self.call(Method::GET, &format!("{}/members{query}", topic.path()), None)
            .await
    }

    /// Joins a topic.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn join(&self, topic: &Topic) -> Result<Answer> {
        self.call(Method::PUT, &format!("{}/members/me", topic.path()), None)
            .await
    }

    /// Leaves a topic.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn leave(&self, topic: &Topic) -> Result<Answer> {
        self.call(Method::DELETE, &format!("{}/members/me", topic.path()), None)
            .await
    }

    /// Adds a member to a topic, or gives one another role; the body is null for none.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn add(&self, topic: &Topic, member: &Self, body: &Value) -> Result<Answer> {
        let body = Some(body).filter(|body| !body.is_null());
        self.call(Method::PUT, &member_path(topic, member), body).await
    }

    /// Removes a member from a topic.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn remove(&self, topic: &Topic, member: &Self) -> Result<Answer> {
        self.call(Method::DELETE, &member_path(topic, member), None).await
    }

    /// Marks a message of the conversation with that user seen.
    ///
    /// # Errors
    /// When the answer is not a 200.
    pub async fn see(&self, with: &impl Target, message: &Value) -> Result<Value> {
        self.update(with, message, &json!({"status": "seen"})).await?.ok(200)
    }

    /// Deletes a message of the conversation with that user.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn delete(&self, with: &impl Target, message: &Value) -> Result<Answer> {
        self.call(Method::DELETE, &message_path(with, message)?, None).await
    }

    /// A page of the conversation with that user; the query is empty or begins with `?`.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn history(&self, with: &impl Target, query: &str) -> Result<Answer> {
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
    pub async fn whole_history(&self, with: &impl Target) -> Result<Vec<Value>> {
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
    pub async fn unread(&self, with: &impl Target) -> Result<(u64, u64)> {
        let body = self.list("?per_page=100").await?.ok(200)?;
        let entry = body["entries"]
            .as_array()
            .into_iter()
            .flatten()
            .find(|entry| (&entry["type"], &entry["id"]) == (&json!(with.kind()), with.id()));
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

fn message_path(with: &impl Target, message: &Value) -> Result<String> {
    let id = message["id"].as_str().context("a message has an id")?;
    Ok(format!("{}/{id}", with.path()))
}

fn reaction_path(with: &impl Target, message: &Value, reaction: &str) -> Result<String> {
    let reaction = utf8_percent_encode(reaction, NON_ALPHANUMERIC);
    Ok(format!("{}/reactions/{reaction}", message_path(with, message)?))
}

fn member_path(topic: &Topic, member: &User) -> String {
    let id = id_text(&member.id);
    format!(
        "{}/members/{}",
        topic.path(),
        utf8_percent_encode(&id, NON_ALPHANUMERIC)
    )
}

/// An id, which may be a number or a string, as it stands in keys and addresses.
pub(crate) fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}
