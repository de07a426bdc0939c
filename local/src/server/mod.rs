//! Listening and HTTP/1.1, shared by the two gateways, the Lambda Runtime API and the sample platform.

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header, uri::Authority};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::Value;
use tokio::{net::TcpListener, task::JoinSet, time::timeout};

mod recording;

use recording::RecordingStream;
pub use recording::{HeaderSpelling, ResetSwitch};

/// How long a client may take to send the head of its request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the body of a request may take, where AWS sets no other limit. It documents none.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// An answer. It is whole in memory: the local stack sends nothing large.
pub type Reply = Response<Full<Bytes>>;

/// Why an address could not be listened on.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    /// Another program listens there.
    #[error(
        "port {port} on {host} is taken: stop the other program (is another `cargo run` going?) or set {variable} to a free port"
    )]
    Taken {
        /// The host that was asked for.
        host: String,
        /// The port that was asked for.
        port: u16,
        /// The variable that chooses the port.
        variable: &'static str,
    },
    /// The host is no address of this machine, or this user may not use the port.
    #[error("can't listen on {host}:{port} (set SOCK_HTTP_HOST or {variable} to something else)")]
    Refused {
        /// The host that was asked for.
        host: String,
        /// The port that was asked for.
        port: u16,
        /// The variable that chooses the port.
        variable: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// The sockets of one server. There are two for `localhost`, because browsers and curl may take its IPv4 or its IPv6 address.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    port: u16,
}

impl Listeners {
    /// Listens on `host` and `port`; port 0 is any free one. `variable` is named in the error.
    ///
    /// # Errors
    /// [`BindError`], when the port is taken or the host can't be listened on.
    pub async fn bind(host: &str, port: u16, variable: &'static str) -> Result<Self, BindError> {
        let explain = |source: io::Error| {
            let host = host.to_owned();
            match source.kind() {
                io::ErrorKind::AddrInUse => BindError::Taken { host, port, variable },
                _ => BindError::Refused {
                    host,
                    port,
                    variable,
                    source,
                },
            }
        };
        if !host.eq_ignore_ascii_case("localhost") {
            let socket = TcpListener::bind((host, port)).await.map_err(explain)?;
            let port = socket.local_addr().map_err(explain)?.port();
            return Ok(Self {
                sockets: vec![socket],
                port,
            });
        }
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(explain)?;
        let chosen = first.local_addr().map_err(explain)?.port();
        let mut sockets = vec![first];
        match TcpListener::bind((Ipv6Addr::LOCALHOST, chosen)).await {
            Ok(second) => sockets.push(second),
            // Another program has the port on ::1. A client that resolves localhost to ::1 would talk to that program and not
            // notice.
            Err(error) if error.kind() == io::ErrorKind::AddrInUse && port != 0 => return Err(explain(error)),
            // This machine has no IPv6.
            Err(_) => {}
        }
        Ok(Self { sockets, port: chosen })
    }

    /// The port that is listened on.
    pub fn port(&self) -> u16 {
        self.port
    }
}

/// Who sent a request.
#[derive(Debug, Clone)]
pub struct Peer {
    /// The other end of the TCP connection.
    pub address: SocketAddr,
    /// How this client spells its header names.
    pub spelling: HeaderSpelling,
    /// Lets its TCP connection end with a reset.
    pub reset: ResetSwitch,
}

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    _accepting: JoinSet<()>,
}

/// Serves every request on `listeners` with `handle`, each connection in a task of its own.
pub fn serve<H, F>(listeners: Listeners, handle: H) -> Server
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let handle = Arc::new(handle);
    let mut accepting = JoinSet::new();
    for socket in listeners.sockets {
        accepting.spawn(accept(socket, Arc::clone(&handle)));
    }
    Server { _accepting: accepting }
}

async fn accept<H, F>(socket: TcpListener, handle: Arc<H>)
where
    H: Fn(Request<Incoming>, Peer) -> F + Send + Sync + 'static,
    F: Future<Output = Reply> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        // Each new connection removes the finished ones, so that the set doesn't grow.
        while connections.try_join_next().is_some() {}
        let Ok((stream, address)) = socket.accept().await else {
            // Out of file descriptors, most likely: the next accept would fail at once, over and over.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        // Frames and answers are small, and waiting to fill a packet would delay them. A failure only leaves the delay.
        drop(stream.set_nodelay(true));
        let (stream, spelling, reset) = RecordingStream::new(stream);
        let handle = Arc::clone(&handle);
        let service = service_fn(move |request| {
            let reply = handle(
                request,
                Peer {
                    address,
                    spelling: spelling.clone(),
                    reset: reset.clone(),
                },
            );
            async move { Ok::<_, std::convert::Infallible>(reply.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(stream), service)
            .with_upgrades();
        // It fails when the client goes away or doesn't speak HTTP.
        connections.spawn(async move { drop(connection.await) });
    }
}

/// Why a body could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyError {
    /// It is longer than the limit.
    TooLarge,
    /// The client went away in the middle.
    Broken,
    /// It was not complete in time.
    TooSlow,
}

/// Reads a body of at most `limit` bytes that is complete within `time`.
///
/// # Errors
/// [`BodyError`], when it is longer, breaks off or takes longer.
pub async fn read_body(body: Incoming, limit: usize, time: Duration) -> Result<Bytes, BodyError> {
    let read = timeout(time, collect_body(body, limit)).await;
    read.unwrap_or(Err(BodyError::TooSlow)).map(|(body, _)| body)
}

/// Whether a request names a host of a form that hosts have. AWS finds an API by its host, so no function ever sees another form.
pub fn has_host(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.is_some_and(|host| host.parse::<Authority>().is_ok())
}

/// Whether a browser's page sent a request: browsers put one of these headers into every request that changes something, and no
/// page can take them out (Fetch Standard, "Forbidden request-header"). An address that asks for no secret must refuse such a
/// request: else every page that a developer visits could use it.
pub fn is_from_a_page(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN) || headers.contains_key("sec-fetch-site")
}

/// Reads a body of at most `limit` bytes, and the trailers behind it.
///
/// # Errors
/// [`BodyError`], when it is longer or breaks off.
pub async fn collect_body(body: Incoming, limit: usize) -> Result<(Bytes, HeaderMap), BodyError> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => {
            let trailers = collected.trailers().cloned().unwrap_or_default();
            Ok((collected.to_bytes(), trailers))
        }
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}

/// An empty answer.
pub fn empty(status: StatusCode) -> Reply {
    let mut reply = Response::new(Full::default());
    *reply.status_mut() = status;
    reply
}

/// A JSON answer.
pub fn json(status: StatusCode, body: &Value) -> Reply {
    let mut reply = Response::new(Full::from(body.to_string()));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    reply
}
