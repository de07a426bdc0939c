//! The life of one open connection: its messages in both directions, its limits, and its end.

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt as _, stream::SplitSink};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    sync::{Semaphore, mpsc},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message, Utf8Bytes,
        error::{CapacityError, ProtocolError},
        protocol::{CloseFrame, Role, WebSocketConfig},
    },
};

use super::{
    api::{Failure, Shared},
    event::{Event, Kind},
    frames::{self, Problem},
    registry::{Connection, End, Goodbye},
};
use crate::{
    aws::{clock, ids},
    faults::Fault,
    gateway::limits::Limits,
    server::ResetSwitch,
};

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// An upgraded connection.
#[derive(Debug)]
pub(super) struct Incoming(Socket);

impl Incoming {
    /// Begins to speak WebSocket on an upgraded connection, within the limits.
    pub(super) async fn new(upgraded: Upgraded, limits: &Limits) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(4 * 1024)
            .write_buffer_size(0)
            .max_message_size(Some(limits.message_bytes))
            .max_frame_size(Some(limits.frame_bytes));
        Self(WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await)
    }
}

/// Runs a connection until its end, and says how it ended.
pub(super) async fn run(
    shared: &Arc<Shared>,
    connection: &Arc<Connection>,
    Incoming(socket): Incoming,
    waiting: mpsc::Receiver<String>,
    reset: ResetSwitch,
) -> End {
    let (sink, mut stream) = socket.split();
    // Writing is a task of its own, so that a client that doesn't read delays only itself.
    let (stop_writing, stopped) = tokio::sync::oneshot::channel();
    let mut writer = tokio::spawn(write(
        sink,
        waiting,
        stopped,
        (Arc::clone(connection), shared.limits.frame_bytes),
    ));
    let oldest = Instant::now() + shared.limits.lifetime;
    let slots = Arc::new(Semaphore::new(shared.limits.concurrent_messages));
    // A message that was read and waits for a slot. Nothing is read behind it: a client that sends faster than it is served
    // waits in its own TCP buffer.
    let mut held: Option<Utf8Bytes> = None;
    let end = loop {
        tokio::select! {
            slot = Arc::clone(&slots).acquire_owned(), if held.is_some() => {
                let Some(text) = held.take() else { continue };
                let (shared, connection) = (Arc::clone(shared), Arc::clone(connection));
                // Messages of one connection run side by side, as they do on AWS: order is not promised.
                tokio::spawn(async move {
                    receive(&shared, &connection, &text).await;
                    drop(slot);
                });
            }
            frame = stream.next(), if held.is_none() => match frame {
                Some(Ok(Message::Text(_))) if shared.faults.happens(Fault::MessageRefused) => {
                    break End::by_gateway(1008, "Too many requests");
                }
                Some(Ok(Message::Text(text))) => {
                    connection.touch();
                    held = Some(text);
                }
                Some(Ok(Message::Binary(_))) => break End::by_gateway(1003, "Binary data is not supported"),
                Some(Ok(Message::Close(frame))) => {
                    break End::by_client(frame.map(|frame| (frame.code.into(), frame.reason.to_string())));
                }
                // The library has prepared the answer to a ping, and sends it with the next read.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Err(error)) => break end_of(&error),
                None => break End::lost(),
            },
            end = connection.asked_to_close() => break end,
            () = sleep_until(oldest) => break End::going_away(),
            () = idle(connection, shared.limits.idle) => break End::going_away(),
        }
    };
    connection.closed();
    if end.goodbye == Goodbye::Reset {
        reset.arm();
        writer.abort();
        return end;
    }
    stop_writing.send(()).ok();
    // The writer hangs when the client doesn't read. Writer and goodbye together have a limited time.
    let goodbye = async {
        let Ok(sink) = (&mut writer).await else { return };
        let Ok(mut socket) = stream.reunite(sink) else { return };
        close(&mut socket, &end).await;
    };
    if timeout(shared.limits.closing, goodbye).await.is_err() {
        writer.abort();
    }
    end
}

/// Sends the waiting messages until it is told to stop, and returns the sink.
async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut waiting: mpsc::Receiver<String>,
    mut stopped: tokio::sync::oneshot::Receiver<()>,
    (connection, frame_bytes): (Arc<Connection>, usize),
) -> SplitSink<Socket, Message> {
    loop {
        let text = tokio::select! {
            // First the messages that were accepted, then the end.
            biased;
            text = waiting.recv() => text,
            _ = &mut stopped => None,
        };
        let Some(text) = text else { return sink };
        for frame in frames::split(text, frame_bytes) {
            if sink.send(frame).await.is_err() {
                // The reading half sees the same error, and reports it.
                return sink;
            }
        }
        connection.touch();
    }
}

/// Waits until there was no message for `limit`.
async fn idle(connection: &Connection, limit: Duration) {
    loop {
        let since = clock::now_ms() - connection.last_active_ms();
        let left = clock::millis(limit) - since;
        match u64::try_from(left) {
            Ok(left) if left > 0 => sleep(Duration::from_millis(left)).await,
            _ => return,
        }
    }
}

/// What a failed read means.
fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => End::by_gateway(1009, "Message too big"),
        Error::Utf8(_) => End::by_gateway(1007, "Invalid UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake)
        | Error::Io(_)
        | Error::ConnectionClosed
        | Error::AlreadyClosed => End::lost(),
        _ => End::by_gateway(1002, "Protocol error"),
    }
}

/// Says goodbye, and ends the TCP connection.
async fn close(socket: &mut Socket, end: &End) {
    match end.goodbye {
        Goodbye::Frame => close_first(socket, end).await,
        Goodbye::Answer => {
            // The library has the answer ready: the code that the client sent, or 1002 when no client may send that code (RFC 6455,
            // sections 5.5.1 and 7.4). It is sent by this call. When it can't be sent the client has gone.
            if SinkExt::close(socket).await.is_ok() {
                drop(socket.get_mut().shutdown().await);
            }
        }
        Goodbye::Nothing | Goodbye::Reset => {}
    }
}

/// Sends a close frame, waits for the client's, and ends the TCP connection.
async fn close_first(socket: &mut Socket, end: &End) {
    let frame = CloseFrame {
        code: end.code.into(),
        reason: end.reason.as_str().into(),
    };
    if socket.close(Some(frame)).await.is_err() {
        return;
    }
    // The server ends the TCP connection first (RFC 6455, section 7.1.1), after both sides have sent a close frame.
    while let Some(Ok(message)) = socket.next().await {
        if message.is_close() {
            return;
        }
    }
    // After an error of the protocol the client's frames can't be read any more. This tells the client that nothing more comes.
    if socket.get_mut().shutdown().await.is_err() {
        return;
    }
    // The rest of what the client sends is dropped. Without this read the system would reset the TCP connection, and the client
    // would lose the close frame that tells it why.
    let mut rest = [0; 4096];
    while matches!(socket.get_mut().read(&mut rest).await, Ok(count) if count > 0) {}
}

/// Handles one message: finds its route, runs the function, and sends the answer, if there is one.
async fn receive(shared: &Shared, connection: &Connection, text: &str) {
    let request_id = ids::gateway_id();
    let key = shared.api.selection.key(text);
    let custom = key
        .as_deref()
        .filter(|key| !key.starts_with('$'))
        .and_then(|key| shared.route(key));
    let Some((route_key, route)) = custom.or_else(|| shared.route("$default")) else {
        return send(
            connection,
            frames::problem(Problem::Forbidden, &connection.id, &request_id),
        )
        .await;
    };
    let kind = Kind::Message {
        body: text,
        request_id: &request_id,
    };
    let answer = shared
        .invoke(
            route,
            &Event {
                connection,
                route_key,
                kind,
            },
        )
        .await;
    let problem = match answer {
        Err(Failure::TimedOut) => Problem::TimedOut,
        Err(Failure::Function) => Problem::InternalServerError,
        // A one-way route drops every answer, even a status of 500.
        Ok(_) if !route.two_way => return,
        // One project reports that a two-way route replaces the body then. Nothing else is known.
        Ok(answer) if !answer.status.is_success() => Problem::InternalServerError,
        Ok(answer) => match answer.value.get("body").and_then(Value::as_str) {
            None => return,
            Some(body) if body.len() > shared.limits.message_bytes => Problem::InternalServerError,
            Some(body) => return send(connection, body.to_owned()).await,
        },
    };
    send(connection, frames::problem(problem, &connection.id, &request_id)).await;
}

/// Sends an answer on the connection that asked. It waits for a slow client, which delays only this connection.
async fn send(connection: &Connection, text: String) {
    // It fails when the connection has ended, and then nobody wants the answer.
    drop(connection.outgoing.send(text).await);
}
