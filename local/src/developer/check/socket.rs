//! A WebSocket of a check.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use probes::{Answer, Problem};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_rustls::rustls::ClientConfig;
use tokio_tungstenite::tungstenite::Message;

use crate::developer::connect::{ConnectError, Socket, connect_with};

/// How long an answer or a push may take. A function may start cold, and a push is tried again.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// An open connection.
pub(super) struct Line {
    socket: Socket,
    asked: u64,
}

impl Line {
    /// Connects.
    ///
    /// # Errors
    /// [`Problem`], if the handshake is refused or not answered.
    pub(super) async fn open(
        url: &str,
        token: Option<&str>,
        origin: Option<&str>,
        tls: &Arc<ClientConfig>,
    ) -> Result<Self, Problem> {
        let token = token.map(|token| format!("Bearer {token}"));
        let headers = [("Authorization", token.as_deref()), ("Origin", origin)];
        let headers = headers.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let headers: Vec<_> = headers.collect();
        match connect_with(url, &headers, tls).await {
            Ok(socket) => Ok(Self { socket, asked: 0 }),
            Err(error) => Err(refused(&error, origin.is_some())),
        }
    }

    /// Asks, and returns the result.
    ///
    /// # Errors
    /// [`Problem`], if there is no answer, or an error.
    pub(super) async fn ask(&mut self, mut frame: Value) -> Result<Value, Problem> {
        self.asked += 1;
        let id = json!(self.asked);
        if let Some(fields) = frame.as_object_mut() {
            fields.insert("id".to_owned(), id.clone());
        }
        if self.socket.send(Message::text(frame.to_string())).await.is_err() {
            return Err(closed("without a code"));
        }
        let is_answer = |frame: &Value| frame.get("event").is_none();
        let mut frame = self.until(is_answer).await?.ok_or_else(|| {
            Problem::new(
                format!("no answer within {} s", ANSWER_LIMIT.as_secs()),
                "the function message hangs, or the route $default has no route response",
                "look in its log; the template must have the resource SocketApiDefaultRouteResponse",
            )
        })?;
        if let Some(result) = frame.get_mut("result") {
            return Ok(result.take());
        }
        let error = frame.get("error").unwrap_or(&frame).clone();
        // A frame of API Gateway itself has no status; it says "Internal server error" for a function that failed.
        let status = error["status"].as_u64().and_then(|status| status.try_into().ok());
        Err(Problem::of(&Answer {
            status: status.unwrap_or(500),
            body: error,
        }))
    }

    /// Waits for the push of an event about this message; `None` if it does not come.
    ///
    /// # Errors
    /// [`Problem`], if the connection ends.
    pub(super) async fn pushed(&mut self, event: &str, message: &str) -> Result<Option<Value>, Problem> {
        let is_it = |frame: &Value| frame["event"] == event && frame["data"]["entry"]["id"] == message;
        self.until(is_it).await
    }

    /// The next frame that is meant; others are passed over.
    async fn until(&mut self, is_meant: impl Fn(&Value) -> bool) -> Result<Option<Value>, Problem> {
        let waiting = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => match serde_json::from_str(&text) {
                        Ok(frame) if is_meant(&frame) => return Ok(frame),
                        _ => {}
                    },
                    Some(Ok(Message::Close(Some(frame)))) => {
                        return Err(closed(&format!("with code {}", u16::from(frame.code))));
                    }
                    Some(Ok(Message::Close(None)) | Err(_)) | None => return Err(closed("without a code")),
                    Some(Ok(_)) => {}
                }
            }
        };
        timeout(ANSWER_LIMIT, waiting).await.ok().transpose()
    }
}

fn closed(how: &str) -> Problem {
    let (cause, next) = if how.ends_with("1008") {
        (
            "API Gateway takes no more messages of this client: SocketRateLimit is low, or the account's quota is used up",
            "raise SocketRateLimit, or look at the quota \"Throttle rate\" of API Gateway",
        )
    } else {
        (
            "the network or a proxy in between ended it, or API Gateway was deployed a moment ago",
            "try again, without a proxy in between",
        )
    };
    Problem::new(format!("the connection was closed {how}"), cause, next)
}

fn refused(error: &ConnectError, has_origin: bool) -> Problem {
    const ADDRESS: (&str, &str) = (
        "this is not the address of the WebSocket, or its stage is missing",
        "give the output SocketAddress of the stack as it is; it ends in its stage",
    );
    let (cause, next) = match error {
        ConnectError::Refused { status: 401, .. } => (
            "the function connect does not accept the token, or the address leads to another deployment than --url",
            "if the step token is ok, compare the variables of connect with those of welcome; give both addresses of one stack",
        ),
        ConnectError::Refused { status: 403, .. } if has_origin => (
            "the parameter AllowedOrigins does not have this origin",
            "add it to AllowedOrigins, written as the browser writes it: scheme, host, and a port unless it is the usual one",
        ),
        ConnectError::Refused { status: 429, .. } => (
            "too many handshakes: the parameter Limits or SocketRateLimit is low, or the account's quota is used up",
            "wait a minute and try again, or raise the parameter",
        ),
        ConnectError::Refused { status: 500.., .. } => (
            "the function connect crashed, can't start, or can't reach Redis",
            "look at its last lines in the log group of the functions",
        ),
        ConnectError::Refused { .. } | ConnectError::Address { .. } | ConnectError::Handshake { .. } => ADDRESS,
        ConnectError::Token => (
            "the token is not complete",
            "copy the whole token, without quotes and line breaks",
        ),
        ConnectError::Tls { .. } => (
            "its certificate is not valid, or not of a public authority",
            "on a custom domain look at its certificate",
        ),
        ConnectError::Host { .. } | ConnectError::Unreachable { .. } | ConnectError::Silent { .. } => (
            "the address is wrong, nothing runs there, or a firewall is in between",
            "give the output SocketAddress of the stack; on a custom domain look at its DNS record",
        ),
    };
    let said = match error {
        ConnectError::Refused { status, said } => format!("the handshake was refused with {status}{said}"),
        other => other.to_string(),
    };
    Problem::new(said, cause, next)
}
