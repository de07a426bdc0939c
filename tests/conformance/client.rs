//! A WebSocket client that sees every frame and every header, and may send what a better one would not.

use std::io;

use anyhow::{Context as _, Result, bail, ensure};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tests::PATIENCE;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        handshake::derive_accept_key,
        protocol::{
            CloseFrame, Role, WebSocketConfig,
            frame::{
                Frame,
                coding::{Data, OpCode},
            },
        },
    },
};

/// The key of every handshake here: the example of RFC 6455, section 1.3.
pub(crate) const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

/// How a handshake ended.
#[derive(Debug)]
pub(crate) struct Handshake {
    /// 101, or why not.
    pub(crate) status: u16,
    /// Of a refusal.
    pub(crate) body: String,
    headers: Vec<(String, String)>,
    client: Option<Client>,
}

impl Handshake {
    /// The connection.
    ///
    /// # Errors
    /// When it was refused.
    pub(crate) fn open(self) -> Result<Client> {
        let Self { status, body, .. } = self;
        self.client.with_context(|| format!("refused with {status} {body}"))
    }

    /// A header of the answer.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        headers
            .find(|(other, _)| other.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

/// Offers a WebSocket to `address`, with this path and query and these headers, spelled as they are here.
///
/// # Errors
/// When there is no answer.
pub(crate) async fn handshake(address: &str, path: &str, headers: &[(&str, &str)]) -> Result<Handshake> {
    let usual = [
        ("Host", address),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", KEY),
    ];
    let lines = usual
        .iter()
        .chain(headers)
        .map(|(name, value)| format!("{name}: {value}\r\n"));
    let head = format!("GET {path} HTTP/1.1\r\n{}\r\n", lines.collect::<String>());
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    stream.write_all(head.as_bytes()).await?;
    timeout(PATIENCE, answer(stream))
        .await
        .context("the handshake has no end")?
}

async fn answer(mut stream: TcpStream) -> Result<Handshake> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        ensure!(
            stream.read_buf(&mut bytes).await? > 0,
            "the connection ended in the answer's head"
        );
    };
    let mut rest = bytes.split_off(end);
    let head = String::from_utf8(bytes)?;
    let mut lines = head.lines();
    let status = lines
        .next()
        .and_then(|line| line.split(' ').nth(1))
        .context("no status")?
        .parse()?;
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut handshake = Handshake {
        status,
        body: String::new(),
        headers,
        client: None,
    };
    if status == 101 {
        let accept = handshake
            .header("Sec-WebSocket-Accept")
            .context("no Sec-WebSocket-Accept")?;
        ensure!(accept == derive_accept_key(KEY.as_bytes()), "the answer to another key");
        // API Gateway splits what is longer.
        let config = WebSocketConfig::default().max_frame_size(Some(32 * 1024));
        let stream = WebSocketStream::from_partially_read(stream, rest, Role::Client, Some(config)).await;
        handshake.client = Some(Client { stream, told: None });
    } else {
        let length = handshake.header("Content-Length").unwrap_or("0").parse()?;
        while rest.len() < length {
            ensure!(
                stream.read_buf(&mut rest).await? > 0,
                "the connection ended in the answer's body"
            );
        }
        handshake.body = String::from_utf8(rest)?;
    }
    Ok(handshake)
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Client {
    stream: WebSocketStream<TcpStream>,
    /// Code and reason of the server's close frame, once it has come.
    told: Option<(u16, String)>,
}

impl Client {
    /// Sends a text message.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(crate) async fn send(&mut self, text: impl Into<String>) -> Result<()> {
        self.send_message(Message::text(text.into())).await
    }

    /// Sends a message of any kind.
    ///
    /// # Errors
    /// When the connection has ended.
    pub(crate) async fn send_message(&mut self, message: Message) -> Result<()> {
        Ok(self.stream.send(message).await?)
    }

    /// Sends a text message in frames of these texts. What comes after the server has closed is nobody's.
    pub(crate) async fn send_in_frames(&mut self, texts: &[String]) {
        for (position, text) in texts.iter().enumerate() {
            let kind = if position == 0 { Data::Text } else { Data::Continue };
            let frame = Frame::message(text.clone(), OpCode::Data(kind), position + 1 == texts.len());
            if self.stream.send(Message::Frame(frame)).await.is_err() {
                return;
            }
        }
    }

    /// Sends a text message and returns the next one that comes, as JSON.
    ///
    /// # Errors
    /// When none comes.
    pub(crate) async fn ask(&mut self, text: impl Into<String>) -> Result<Value> {
        self.send(text).await?;
        self.json().await
    }

    /// The next text message.
    ///
    /// # Errors
    /// When something else comes, or nothing.
    pub(crate) async fn text(&mut self) -> Result<String> {
        loop {
            match self.message().await?.context("the connection has ended")? {
                Message::Text(text) => return Ok(text.to_string()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => bail!("a text message was due, not {other:?}"),
            }
        }
    }

    /// The next text message, which is JSON.
    ///
    /// # Errors
    /// When something else comes, or nothing.
    pub(crate) async fn json(&mut self) -> Result<Value> {
        let text = self.text().await?;
        serde_json::from_str(&text).with_context(|| format!("not JSON: {text}"))
    }

    /// Any message; none at the end.
    ///
    /// # Errors
    /// When nothing happens in time. The end of a TCP connection is an end like any other.
    pub(crate) async fn message(&mut self) -> Result<Option<Message>> {
        let message = timeout(PATIENCE, self.stream.next()).await.context("nothing came")?;
        let message = message.and_then(Result::ok);
        if let Some(Message::Close(frame)) = &message {
            let told = frame
                .as_ref()
                .map(|frame| (frame.code.into(), frame.reason.to_string()));
            self.told = Some(told.unwrap_or((1005, String::new())));
        }
        Ok(message)
    }

    /// The error with which the connection fails.
    ///
    /// # Errors
    /// When it ends in another way, or not at all.
    pub(crate) async fn failure(&mut self) -> Result<io::Error> {
        match timeout(PATIENCE, self.stream.next()).await.context("nothing came")? {
            Some(Err(Error::Io(error))) => Ok(error),
            other => bail!("the connection was to fail, and there is {other:?}"),
        }
    }

    /// Reads on until the server's close frame, and returns its code and reason; nothing when the connection ends without one.
    ///
    /// # Errors
    /// When it doesn't end.
    pub(crate) async fn end(&mut self) -> Result<Option<(u16, String)>> {
        while self.message().await?.is_some() {}
        Ok(self.told.take())
    }

    /// The code of the server's close frame.
    ///
    /// # Errors
    /// When the connection ends without one, or not at all.
    pub(crate) async fn close_code(&mut self) -> Result<u16> {
        let (code, _) = self
            .end()
            .await?
            .context("the connection ended without a close frame")?;
        Ok(code)
    }

    /// Sends a close frame with this code and reason, and returns code and reason of the server's; 1005 is one without a code, and
    /// nothing is a TCP connection that ended without one.
    ///
    /// # Errors
    /// When the connection doesn't end.
    pub(crate) async fn close(mut self, code_and_reason: Option<(u16, &str)>) -> Result<Option<(u16, String)>> {
        let frame = code_and_reason.map(|(code, reason)| CloseFrame {
            code: code.into(),
            reason: reason.to_owned().into(),
        });
        self.stream.close(frame).await?;
        self.end().await
    }

    /// Ends the TCP connection without a word.
    pub(crate) fn vanish(self) {
        drop(self);
    }
}
