//! A WebSocket connection to any deployment, with TLS or without: for `senna listen`, `senna chat` and `senna check`.

use std::{io, sync::Arc, time::Duration};

use http::Uri;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{ClientConfig, RootCertStore, pki_types::ServerName},
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, client::ClientRequestBuilder},
};

use super::harmless::harmless;

/// How long a handshake may take from the name to the upgrade. `$connect` may start cold.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(15);

/// How much of what a server says about a refusal is shown, in characters.
const SAID_CHARS: usize = 200;

/// Bytes both ways, in the clear or over TLS.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open WebSocket.
pub type Socket = WebSocketStream<Box<dyn Duplex>>;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The URL is no WebSocket address.
    #[error("{url} is not a WebSocket address such as ws://localhost:3006 or wss://chat.example.com")]
    Address {
        /// The address.
        url: String,
    },
    /// The token can't stand in a header.
    #[error("the token has characters that no token has; is it complete, and without line breaks?")]
    Token,
    /// The host has no address.
    #[error("can't find the host {host}; check the address, and whether this machine is online")]
    Host {
        /// Its name.
        host: String,
        /// What the system said.
        source: io::Error,
    },
    /// No server answers there.
    #[error("can't connect to {url}; is the stack running?")]
    Unreachable {
        /// The address.
        url: String,
        /// What the system said.
        source: io::Error,
    },
    /// There is no TLS with it.
    #[error("can't speak TLS with {host}; is its certificate valid, and of a public authority?")]
    Tls {
        /// Its name.
        host: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The server refused the handshake.
    #[error("the handshake was refused with {status}{said}; {advice}", advice = advice(*status))]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server said about it; it begins with a space unless it is empty.
        said: String,
    },
    /// It is no WebSocket server, or it broke off.
    #[error("{url} does not answer as a WebSocket server does")]
    Handshake {
        /// The address.
        url: String,
        /// What went wrong.
        source: Box<Error>,
    },
    /// It takes too long.
    #[error("{url} did not answer within {} seconds", HANDSHAKE_LIMIT.as_secs())]
    Silent {
        /// The address.
        url: String,
    },
}

impl ConnectError {
    /// Whether the server has refused for now only.
    pub fn is_busy(&self) -> bool {
        matches!(
            self,
            Self::Refused {
                status: 408 | 429 | 500..,
                ..
            }
        )
    }

    /// Whether the same handshake will fail again: the server has said no.
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Refused { .. }) && !self.is_busy()
    }
}

fn advice(status: u16) -> &'static str {
    match status {
        401 => {
            "is the token good, and of this stack? With --user it is signed with this machine's development secret; \
             for another deployment give --token with one of its platform"
        }
        403 | 404 => "is this the WebSocket address, with its stage if it has one?",
        429 | 500.. => "try again in a moment",
        _ => "check the address and the token",
    }
}

/// TLS with the public authorities that are compiled in.
pub fn tls() -> Arc<ClientConfig> {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    Arc::new(
        ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth(),
    )
}

/// Connects to a `ws://` or `wss://` address with this token.
///
/// # Errors
/// [`ConnectError`], which says what to do.
pub async fn connect(url: &str, token: &str, tls: &Arc<ClientConfig>) -> Result<Socket, ConnectError> {
    connect_with(url, &[("Authorization", &format!("Bearer {token}"))], tls).await
}

/// Connects with these headers.
///
/// # Errors
/// As [`connect`].
pub(super) async fn connect_with(
    url: &str,
    headers: &[(&str, &str)],
    tls: &Arc<ClientConfig>,
) -> Result<Socket, ConnectError> {
    let silent = |_| ConnectError::Silent { url: harmless(url) };
    timeout(HANDSHAKE_LIMIT, open(url, headers, tls))
        .await
        .map_err(silent)?
}

async fn open(url: &str, headers: &[(&str, &str)], tls: &Arc<ClientConfig>) -> Result<Socket, ConnectError> {
    let bad = || ConnectError::Address { url: harmless(url) };
    let uri: Uri = url.parse().map_err(|_| bad())?;
    let default_port = match uri.scheme_str() {
        Some("ws") => 80,
        Some("wss") => 443,
        _ => return Err(bad()),
    };
    let host = uri.host().ok_or_else(bad)?;
    let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = uri.port_u16().unwrap_or(default_port);
    let addresses = lookup_host((host.as_str(), port)).await;
    let addresses = addresses.map_err(|source| ConnectError::Host {
        host: host.clone(),
        source,
    })?;
    let addresses: Vec<_> = addresses.collect();
    let tcp = TcpStream::connect(addresses.as_slice()).await;
    let tcp = tcp.map_err(|source| ConnectError::Unreachable {
        url: url.to_owned(),
        source,
    })?;
    let stream: Box<dyn Duplex> = if default_port == 443 {
        let name = ServerName::try_from(host.clone()).map_err(|_| bad())?;
        let secured = TlsConnector::from(Arc::clone(tls)).connect(name, tcp).await;
        Box::new(secured.map_err(|source| ConnectError::Tls { host, source })?)
    } else {
        Box::new(tcp)
    };
    let mut request = ClientRequestBuilder::new(uri);
    for (name, value) in headers {
        request = request.with_header(*name, *value);
    }
    let (socket, _) = client_async(request, stream).await.map_err(|error| match error {
        Error::Http(reply) => ConnectError::Refused {
            status: reply.status().as_u16(),
            said: said(reply.body().as_deref().unwrap_or_default()),
        },
        Error::HttpFormat(_) => ConnectError::Token,
        Error::Url(_) => bad(),
        source => ConnectError::Handshake {
            url: url.to_owned(),
            source: Box::new(source),
        },
    })?;
    Ok(socket)
}

/// The message of an error body, in a form to append.
fn said(body: &[u8]) -> String {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
    let message = body.get("message").and_then(serde_json::Value::as_str);
    let message: String = message.unwrap_or_default().chars().take(SAID_CHARS).collect();
    if message.is_empty() {
        message
    } else {
        format!(" ({})", harmless(&message))
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey, generate_simple_self_signed};
    use tokio::net::TcpListener;
    use tokio_rustls::{TlsAcceptor, rustls::ServerConfig, rustls::pki_types::PrivatePkcs8KeyDer};
    use tokio_tungstenite::accept_async;

    use super::*;

    /// The address of a WebSocket server over TLS that takes connections until the test ends, and a client's settings that trust it.
    async fn secured() -> (String, Arc<ClientConfig>) {
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
        let server = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("wss://localhost:{}", listener.local_addr().unwrap().port());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                if let Ok(stream) = acceptor.accept(tcp).await {
                    accept_async(stream).await.ok();
                }
            }
        });
        let client = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        (url, Arc::new(client))
    }

    #[tokio::test]
    async fn it_speaks_tls_with_whom_it_trusts() {
        let (url, trusting) = secured().await;
        assert!(connect(&url, "token", &trusting).await.is_ok());
        let Err(error) = connect(&url, "token", &tls()).await else {
            panic!("nobody knows that authority")
        };
        insta::assert_snapshot!(error, @"can't speak TLS with localhost; is its certificate valid, and of a public authority?");
    }

    #[tokio::test]
    async fn what_is_wrong_with_an_address_or_a_token_is_said() {
        let said = async |url: &str, token: &str| match connect(url, token, &tls()).await {
            Ok(_) => "connected".to_owned(),
            Err(error) => error.to_string(),
        };
        insta::assert_snapshot!(said("http://localhost", "t").await, @"http://localhost is not a WebSocket address such as ws://localhost:3006 or wss://chat.example.com");
        insta::assert_snapshot!(said("localhost:3006", "t").await, @"localhost:3006 is not a WebSocket address such as ws://localhost:3006 or wss://chat.example.com");
        insta::assert_snapshot!(said("ws://no-such-host.invalid", "t").await, @"can't find the host no-such-host.invalid; check the address, and whether this machine is online");
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("ws://{}", listener.local_addr().unwrap());
        assert_eq!(
            said(&url, "one\ntwo").await,
            "the token has characters that no token has; is it complete, and without line breaks?"
        );
        drop(listener);
        assert_eq!(
            said(&url, "t").await,
            format!("can't connect to {url}; is the stack running?")
        );
    }

    #[test]
    fn only_a_clear_no_is_final() {
        let refused = |status| ConnectError::Refused {
            status,
            said: String::new(),
        };
        let finals: Vec<u16> = [400, 401, 403, 404, 408, 429, 500, 503]
            .into_iter()
            .filter(|status| refused(*status).is_final())
            .collect();
        assert_eq!(finals, [400, 401, 403, 404]);
    }
}
