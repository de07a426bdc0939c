//! What both chats are asked in the same way: REST over kept connections, and WebSockets that listen.

use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tests::PATIENCE;
use tests::token::Signer;
use tokio::net::TcpStream;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::{ClientRequestBuilder, IntoClientRequest as _};

/// One of the two chats.
pub(crate) struct Side {
    pub(crate) name: &'static str,
    /// Where REST is, `host:port` each; clients take them in turn.
    pub(crate) rest: Vec<String>,
    /// Where WebSockets are.
    pub(crate) sockets: Vec<String>,
    /// Speaks Socket.IO over its WebSockets.
    pub(crate) speaks_socket_io: bool,
    pub(crate) redis: redis::aio::MultiplexedConnection,
    pub(crate) signer: Signer,
}

impl Side {
    pub(crate) fn token(&self, user: u64) -> Result<String> {
        self.signer.user(&json!(user))
    }

    /// Redis's processor time so far, in microseconds: of its main thread, which runs all commands.
    pub(crate) async fn redis_us(&self) -> Result<f64> {
        let info: String = redis::cmd("INFO")
            .arg("cpu")
            .query_async(&mut self.redis.clone())
            .await?;
        let seconds = info.lines().filter_map(|line| {
            let rest = line.strip_prefix("used_cpu_")?;
            rest.split_once("_main_thread:")?.1.trim().parse::<f64>().ok()
        });
        Ok(seconds.sum::<f64>() * 1e6)
    }

    /// A kept HTTP connection of this user.
    pub(crate) async fn client(&self, number: usize, user: u64) -> Result<Client> {
        let address = self.rest.get(number % self.rest.len()).context("an address")?;
        Client::connect(address, self.token(user)?).await
    }

    /// Connects this user, who is in these topics. Each message that comes is told as the time when it came, until nobody listens any more.
    pub(crate) async fn listen(
        &self,
        number: usize,
        user: u64,
        topics: &[&str],
        told: UnboundedSender<Instant>,
    ) -> Result<()> {
        let address = self.sockets.get(number % self.sockets.len()).context("an address")?;
        let token = self.token(user)?;
        let path = if self.speaks_socket_io {
            "/socket.io/?EIO=4&transport=websocket"
        } else {
            "/"
        };
        let request =
            ClientRequestBuilder::new(format!("ws://{address}{path}").parse()?).with_header("X-Auth-Token", &token);
        let stream = TcpStream::connect(address).await?;
        let (mut socket, _) = tokio_tungstenite::client_async(request.into_client_request()?, stream).await?;
        // Socket.IO protocol 5, over Engine.IO 4: "0" opens, "40" connects, "2" is a ping and "3" its answer, "42" an event.
        let (greeting, greeted, event) = if self.speaks_socket_io {
            next(&mut socket).await?;
            (
                format!("40{}", json!({"token": token, "topics": topics})),
                "40{",
                "new-message",
            )
        } else {
            (json!({"action": "hello"}).to_string(), "connection_id", "message.new")
        };
        socket.send(Message::text(greeting)).await?;
        let answer = next(&mut socket).await?;
        ensure!(answer.contains(greeted), "{answer}");
        tokio::spawn(async move {
            while let Ok(text) = next(&mut socket).await {
                let came = Instant::now();
                if text == "2" {
                    socket.send(Message::text("3")).await.ok();
                } else if text.contains(event) && told.send(came).is_err() {
                    break;
                }
            }
        });
        Ok(())
    }
}

async fn next(socket: &mut WebSocketStream<TcpStream>) -> Result<String> {
    while let Some(frame) = socket.next().await {
        if let Message::Text(text) = frame? {
            return Ok(text.to_string());
        }
    }
    bail!("the connection has ended")
}

/// A kept HTTP connection.
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    host: String,
    token: String,
}

impl Client {
    async fn connect(address: &str, token: String) -> Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let host = address.to_owned();
        Ok(Self { sender, host, token })
    }

    /// Asks, and reads the whole answer; `text` is a message to post.
    pub(crate) async fn ask(&mut self, path: &str, text: Option<&str>) -> Result<()> {
        let method = if text.is_some() { Method::POST } else { Method::GET };
        let body = text.map(|text| json!({"type": "text", "text": text}).to_string());
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .header("X-Auth-Token", &self.token)
            .body(Full::from(body.unwrap_or_default()))?;
        let asking = async {
            self.sender.ready().await?;
            let (parts, body) = self.sender.send_request(request).await?.into_parts();
            anyhow::Ok((parts, body.collect().await?.to_bytes()))
        };
        let (parts, body) = timeout(PATIENCE, asking)
            .await
            .with_context(|| format!("{path}: no answer"))??;
        let expected = if text.is_some() {
            StatusCode::CREATED
        } else {
            StatusCode::OK
        };
        ensure!(
            parts.status == expected,
            "{path}: {} {}",
            parts.status,
            String::from_utf8_lossy(&body)
        );
        Ok(())
    }
}
