//! A client's WebSocket connection. Everything that must come is awaited with a limit.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use http::header;
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::ClientRequestBuilder;
use tokio_tungstenite::tungstenite::{self, Error, Message};

use crate::description::check::{self, Conversation};
use crate::{PATIENCE, answer};

/// How a handshake ended.
#[derive(Debug)]
pub struct Handshake {
    /// 101, or why not.
    pub status: u16,
    /// The subprotocol that the server named.
    pub subprotocol: Option<String>,
    /// The body of a refusal.
    pub body: Value,
    /// The connection, if there is one.
    pub socket: Option<Socket>,
}

impl Handshake {
    /// The connection.
    ///
    /// # Errors
    /// When it was refused.
    pub fn open(self) -> Result<Socket> {
        self.socket
            .with_context(|| format!("refused with {} {}", self.status, self.body))
    }

    /// The error of a refusal on one line, as [`crate::Answer::error`] has it.
    ///
    /// # Errors
    /// When it was not refused, or its body is no error's.
    pub fn error(&self) -> Result<String> {
        ensure!(self.body["status"] == self.status, "{} says {}", self.status, self.body);
        answer::error_line(&self.body)
    }
}

/// An open connection.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// All that is said, held against the description; `None` if nobody looks.
    said: Option<Conversation>,
    events: VecDeque<Value>,
    asked: u64,
    /// The id that `hello` told; empty before.
    pub id: String,
}

pub(crate) async fn handshake(
    address: &str,
    path: &str,
    headers: &[(&str, &str)],
    buffer: Option<u32>,
) -> Result<Handshake> {
    let mut request = ClientRequestBuilder::new(format!("ws://{address}{path}").parse()?);
    for (name, value) in headers {
        request = request.with_header(*name, *value);
    }
    let mut request = tungstenite::client::IntoClientRequest::into_client_request(request)?;
    // The builder has set `Host` already, and a second one would be added to it.
    if let Some((_, host)) = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("host")) {
        request.headers_mut().insert(header::HOST, host.parse()?);
    }
    let socket = TcpSocket::new_v4()?;
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(address.parse()?).await?;
    match timeout(PATIENCE, offer(request, stream))
        .await
        .context("the handshake has no end")?
    {
        Ok((stream, response)) => Ok(Handshake {
            status: response.status().as_u16(),
            subprotocol: subprotocol(&response)?,
            body: Value::Null,
            socket: Some(Socket {
                stream,
                said: Some(Conversation::default()),
                events: VecDeque::new(),
                asked: 0,
                id: String::new(),
            }),
        }),
        Err(Error::Http(response)) => {
            let status = response.status().as_u16();
            let body = serde_json::from_slice(response.body().as_deref().unwrap_or_default()).unwrap_or_default();
            check::refused(status, &body)?;
            Ok(Handshake {
                status,
                subprotocol: None,
                body,
                socket: None,
            })
        }
        Err(error) => Err(error.into()),
    }
}

type Opened = (WebSocketStream<TcpStream>, http::Response<Option<Vec<u8>>>);

async fn offer(request: http::Request<()>, stream: TcpStream) -> Result<Opened, Error> {
    tokio_tungstenite::client_async(request, stream).await
}

fn subprotocol<T>(response: &http::Response<T>) -> Result<Option<String>> {
    let value = response.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
    Ok(value.map(|value| value.to_str()).transpose()?.map(str::to_owned))
}

impl Socket {
    /// The same, but what is said is held against no description: for a measurement, which that would distort.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        self.said = None;
        self
    }

    /// Says hello, and returns its result.
    ///
    /// # Errors
    /// When there is none.
    pub async fn hello(&mut self) -> Result<Value> {
        let result = self.result(json!({"action": "hello"})).await?;
        result["connection_id"]
            .as_str()
            .context("hello tells no connection_id")?
            .clone_into(&mut self.id);
        Ok(result)
    }

    /// Sends a frame, under an id of its own if it has none, and returns the answer; events that come before it are kept.
    ///
    /// # Errors
    /// When there is no answer in time.
    pub async fn ask(&mut self, mut frame: Value) -> Result<Value> {
        if frame["id"].is_null() {
            self.asked += 1;
            frame["id"] = json!(self.asked);
        }
        let id = frame["id"].clone();
        self.write(&frame.to_string()).await?;
        let answer = self.answer().await?;
        ensure!(answer["id"] == id, "an answer to something else: {answer}");
        Ok(answer)
    }

    /// Sends a frame, and returns the result in its answer.
    ///
    /// # Errors
    /// When the answer is an error.
    pub async fn result(&mut self, frame: Value) -> Result<Value> {
        let mut answer = self.ask(frame).await?;
        ensure!(answer["error"].is_null(), "{answer}");
        Ok(answer["result"].take())
    }

    /// Sends a frame, and returns the error in its answer on one line, as [`crate::Answer::error`] has it.
    ///
    /// # Errors
    /// When the answer is no error.
    pub async fn error(&mut self, frame: Value) -> Result<String> {
        let answer = self.ask(frame).await?;
        answer::error_line(&answer["error"]).with_context(|| answer.to_string())
    }

    /// Sends a text frame that may be anything.
    ///
    /// # Errors
    /// When the connection has ended.
    pub async fn write(&mut self, text: &str) -> Result<()> {
        if let Some(said) = &mut self.said {
            said.sent(text);
        }
        Ok(self.stream.send(Message::text(text)).await?)
    }

    /// The next frame that is no event.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn answer(&mut self) -> Result<Value> {
        loop {
            let frame = self.frame().await?;
            if frame["event"].is_null() {
                return Ok(frame);
            }
            self.events.push_back(frame);
        }
    }

    /// The next event.
    ///
    /// # Errors
    /// When none comes in time.
    pub async fn event(&mut self) -> Result<Value> {
        if let Some(event) = self.events.pop_front() {
            return Ok(event);
        }
        let frame = self.frame().await?;
        ensure!(frame["event"].is_string(), "an event was due, not {frame}");
        Ok(frame)
    }

    /// Every event that was pushed before this call and not taken yet: frames come in order, so none of them can come after the
    /// answer to a ping.
    ///
    /// # Errors
    /// When the ping has no answer.
    pub async fn events_so_far(&mut self) -> Result<Vec<Value>> {
        self.result(json!({"action": "ping"})).await?;
        Ok(self.events.drain(..).collect())
    }

    /// Asks what else was pushed, and says it: the names of these events.
    ///
    /// # Errors
    /// As [`Socket::events_so_far`].
    pub async fn names_so_far(&mut self) -> Result<Vec<String>> {
        let events = self.events_so_far().await?;
        let name = |event: &Value| event["event"].as_str().unwrap_or_default().to_owned();
        Ok(events.iter().map(name).collect())
    }

    /// The next event that comes within a time, if one does.
    ///
    /// # Errors
    /// When the connection ends.
    pub async fn event_within(&mut self, limit: Duration) -> Result<Option<Value>> {
        match timeout(limit, self.event()).await {
            Ok(event) => event.map(Some),
            Err(_) => Ok(None),
        }
    }

    /// The next text frame as it came.
    ///
    /// # Errors
    /// When none comes in time, or it is not as the description of the API has it.
    pub async fn text(&mut self) -> Result<String> {
        loop {
            let frame = timeout(PATIENCE, self.stream.next()).await.context("no frame came")?;
            match frame.context("the connection has ended")?? {
                Message::Text(text) => return self.heard(&text),
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("a text frame was due, not {other:?}"),
            }
        }
    }

    /// The next text frame, however long it takes.
    ///
    /// # Errors
    /// When the connection ends, or the frame is not as the description of the API has it.
    pub async fn frame_at_last(&mut self) -> Result<String> {
        while let Some(frame) = self.stream.next().await {
            if let Message::Text(text) = frame? {
                return self.heard(&text);
            }
        }
        bail!("the connection has ended")
    }

    /// Says goodbye and waits for the other side's.
    ///
    /// # Errors
    /// When it doesn't come in time.
    pub async fn close(mut self) -> Result<()> {
        self.stream.close(None).await?;
        let rest = async { while let Some(Ok(_)) = self.stream.next().await {} };
        timeout(PATIENCE, rest).await.context("no goodbye")
    }

    /// The connection itself, for a client that does more than ask and listen in turn.
    pub(crate) fn into_stream(self) -> WebSocketStream<TcpStream> {
        self.stream
    }

    fn heard(&mut self, text: &str) -> Result<String> {
        let frame = serde_json::from_str(text).with_context(|| format!("a frame that is no JSON: {text}"))?;
        if let Some(said) = &mut self.said {
            said.came(&frame)?;
        }
        Ok(text.to_owned())
    }

    async fn frame(&mut self) -> Result<Value> {
        let text = self.text().await?;
        serde_json::from_str(&text).with_context(|| format!("a frame that is no JSON: {text}"))
    }
}
