//! Plain HTTP, one connection per request, so that every byte of a request is the test's own.

use anyhow::{Context as _, Result};
use http::{HeaderMap, Method, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::PATIENCE;

/// A request, as it goes over the wire.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// GET unless said otherwise.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// Without `Host` and `Content-Length`, which are added unless they are here.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
}

/// Sends a request to `address` (`host:port`) and returns the whole response.
///
/// # Errors
/// When there is no response within [`PATIENCE`].
pub async fn exchange(address: &str, request: Request) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let what = format!("{} {}", request.method, request.path);
    let exchanged = timeout(PATIENCE, exchange_unlimited(address, request)).await;
    exchanged
        .with_context(|| format!("no answer to {what}"))?
        .with_context(|| what)
}

async fn exchange_unlimited(address: &str, request: Request) -> Result<(StatusCode, HeaderMap, Vec<u8>)> {
    let mut builder = http::Request::builder().method(request.method).uri(request.path);
    let has_host = request
        .headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("host"));
    for (name, value) in request.headers {
        builder = builder.header(name, value);
    }
    if !has_host {
        builder = builder.header(header::HOST, address);
    }
    let request = builder.body(Full::<bytes::Bytes>::from(request.body))?;
    let stream = TcpStream::connect(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?.to_bytes();
    connection.abort();
    Ok((parts.status, parts.headers, body.into()))
}
