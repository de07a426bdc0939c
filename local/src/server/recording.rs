//! The spelling of header names.
//!
//! HTTP header names have no case, and hyper puts them in lower case. A WebSocket API's `$connect` event has them as the client
//! wrote them (recorded production events). A function that looks only for `x-auth-token` must not work here and fail on AWS.
//! So the server keeps the first bytes of each TCP connection, and finds the spelling of a name in them.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

/// How many bytes of a head are kept. hyper refuses a much longer one.
const MAX_HEAD_BYTES: usize = 16 * 1024;

/// How a client spelled the header names of its first request. In every client that we know a WebSocket handshake is the
/// first and last request of its TCP connection. For a later request the names of the first one are a good guess.
#[derive(Debug, Clone, Default)]
pub struct HeaderSpelling(Arc<Mutex<Head>>);

#[derive(Debug, Default)]
struct Head {
    bytes: Vec<u8>,
    complete: bool,
}

impl HeaderSpelling {
    /// The client's spelling of the lower-case `name`, or `name` itself.
    pub fn of(&self, name: &str) -> String {
        let head = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        head.bytes
            .split(|byte| *byte == b'\n')
            .skip(1)
            .filter_map(|line| line.split(|byte| *byte == b':').next())
            .filter_map(|spelled| str::from_utf8(spelled).ok())
            .find(|spelled| spelled.eq_ignore_ascii_case(name))
            .unwrap_or(name)
            .to_owned()
    }

    fn record(&self, bytes: &[u8]) {
        let mut head = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if head.complete {
            return;
        }
        head.bytes.extend_from_slice(bytes);
        if let Some(end) = head.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            head.bytes.truncate(end);
            head.complete = true;
        } else if head.bytes.len() > MAX_HEAD_BYTES {
            head.complete = true;
        }
    }
}

/// Resets a TCP connection instead of closing it: the other side gets an error and not an end.
#[derive(Debug, Clone, Default)]
pub struct ResetSwitch(Arc<AtomicBool>);

impl ResetSwitch {
    /// From now on, dropping the connection resets it.
    pub fn arm(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A TCP stream that keeps the head of its first request.
#[derive(Debug)]
pub(super) struct RecordingStream {
    stream: TcpStream,
    spelling: HeaderSpelling,
    reset: ResetSwitch,
}

impl Drop for RecordingStream {
    fn drop(&mut self) {
        if self.reset.0.load(Ordering::Acquire) {
            // When it fails, the connection is closed and not reset.
            drop(self.stream.set_zero_linger());
        }
    }
}

impl RecordingStream {
    /// Wraps `stream`.
    pub(super) fn new(stream: TcpStream) -> (Self, HeaderSpelling, ResetSwitch) {
        let (spelling, reset) = (HeaderSpelling::default(), ResetSwitch::default());
        (
            Self {
                stream,
                spelling: spelling.clone(),
                reset: reset.clone(),
            },
            spelling,
            reset,
        )
    }
}

impl AsyncRead for RecordingStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        if let Some(read) = buffer.filled().get(before..).filter(|read| !read.is_empty()) {
            self.spelling.record(read);
        }
        result
    }
}

impl AsyncWrite for RecordingStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_spelling_is_found_whatever_pieces_it_came_in() {
        let spelling = HeaderSpelling::default();
        spelling.record(b"GET / HTTP/1.1\r\nHo");
        spelling.record(b"st: a\r\nX-AUTH-token: x\r\n\r\nSec-WebSocket-Key: not a header");
        assert_eq!(spelling.of("host"), "Host");
        assert_eq!(spelling.of("x-auth-token"), "X-AUTH-token");
        assert_eq!(spelling.of("sec-websocket-key"), "sec-websocket-key");
    }
}
