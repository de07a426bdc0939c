//! `senna listen`: a WebSocket client, for machines that have none.

use std::{io::BufRead as _, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    connect::{ConnectError, connect, tls},
    screen,
};

/// How often a message keeps the connection alive. API Gateway closes a connection that is silent for ten minutes. Whether a
/// WebSocket ping counts is not documented.
const KEEP_ALIVE: Duration = Duration::from_mins(4);

/// Why listening ended.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The server or the network ended it.
    #[error("the connection ended: {0}")]
    Ended(String),
}

/// Connects to `url`, says hello, prints every frame, and sends every line of standard input, until either side ends.
///
/// # Errors
/// [`ListenError`], when the connection can't be made, or has ended.
pub async fn listen(url: &str, token: &str) -> Result<(), ListenError> {
    let mut socket = connect(url, token, &tls()).await?;
    let lost = |error: Error| ListenError::Ended(error.to_string());
    socket
        .send(Message::text(r#"{"action":"hello"}"#))
        .await
        .map_err(lost)?;
    let mut typed = typed_lines();
    let mut keep_alive = tokio::time::interval(KEEP_ALIVE);
    keep_alive.reset();
    loop {
        tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => screen::line(text),
                Some(Ok(Message::Close(frame))) => {
                    let why = frame.map_or_else(|| "no code".to_owned(), |frame| format!("{} {}", u16::from(frame.code), frame.reason));
                    return Err(ListenError::Ended(why));
                }
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(lost(error)),
                None => return Err(ListenError::Ended("the server went away".to_owned())),
            },
            Some(line) = typed.recv() => socket.send(Message::text(line)).await.map_err(lost)?,
            _ = keep_alive.tick() => socket.send(Message::text(r#"{"action":"ping"}"#)).await.map_err(lost)?,
        }
    }
}

/// The lines of standard input. A thread of our own reads them: the program could not end while a thread of the runtime waits for a
/// line.
fn typed_lines() -> mpsc::UnboundedReceiver<String> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if !line.trim().is_empty() && sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}
