//! Stands between clients and a server: ends TLS, and plays a network that fails.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// The first byte of every TLS connection: a record of the handshake (RFC 8446, 5.1).
const HANDSHAKE: u8 = 0x16;

/// A certificate authority of one's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// What a client must know to trust it.
    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    /// Ends TLS for servers on this machine.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let chain = vec![params.signed_by(&key, &self.0).unwrap().der().clone()];
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        TlsAcceptor::from(Arc::new(config.with_single_cert(chain, key).unwrap()))
    }
}

/// How the network behaves.
#[derive(Default)]
struct Network {
    /// Break a connection in place of passing the next answer on.
    cut: AtomicBool,
    /// Connections with a lower number than this pass nothing more, and stay open.
    silent_below: AtomicU64,
    /// Connections so far.
    opened: AtomicU64,
    /// Pieces of requests that came over TLS.
    heard: AtomicU64,
    /// By how many milliseconds answers without TLS are late.
    lag_ms: AtomicU64,
}

/// A bound port; connections are passed on after [`Relay::serve`].
pub(crate) struct Relay {
    listener: Option<TcpListener>,
    port: u16,
    network: Arc<Network>,
}

impl Relay {
    pub(crate) async fn bind() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self {
            port: listener.local_addr().unwrap().port(),
            listener: Some(listener),
            network: Arc::default(),
        }
    }

    /// A relay without TLS.
    pub(crate) async fn to(server: u16) -> Self {
        let mut relay = Self::bind().await;
        relay.serve(server, None);
        relay
    }

    /// Passes connections on to that port. With an acceptor, clients may speak TLS; whoever does not is passed on too, because the servers that
    /// we start know no TLS and their replicas come through the same port.
    pub(crate) fn serve(&mut self, server: u16, acceptor: Option<TlsAcceptor>) {
        let listener = self.listener.take().unwrap();
        let network = Arc::clone(&self.network);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let number = network.opened.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(welcome(client, server, acceptor.clone(), Arc::clone(&network), number));
            }
        });
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Breaks a connection in place of passing the next answer on.
    pub(crate) fn cut_the_next_answer(&self) {
        self.network.cut.store(true, Ordering::SeqCst);
    }

    /// Whether that has happened.
    pub(crate) fn has_cut(&self) -> bool {
        !self.network.cut.load(Ordering::SeqCst)
    }

    /// Lets nothing more through on the connections that are open now, and doesn't close them: what a function sees when it wakes up from a sleep in
    /// which its connections were forgotten.
    pub(crate) fn silence(&self) {
        let opened = self.network.opened.load(Ordering::SeqCst);
        self.network.silent_below.store(opened, Ordering::SeqCst);
    }

    /// How many pieces of requests have come over TLS.
    pub(crate) fn heard(&self) -> u64 {
        self.network.heard.load(Ordering::SeqCst)
    }

    /// Answers without TLS, which are replication, come that late from now on.
    pub(crate) fn set_lag(&self, lag: Duration) {
        let lag_ms = u64::try_from(lag.as_millis()).unwrap();
        self.network.lag_ms.store(lag_ms, Ordering::SeqCst);
    }
}

async fn welcome(client: TcpStream, server: u16, tls: Option<TlsAcceptor>, network: Arc<Network>, number: u64) {
    // A server that was killed refuses, and so do we.
    let Ok(server) = TcpStream::connect(("127.0.0.1", server)).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let mut first = [0];
    match tls {
        Some(acceptor) if matches!(client.peek(&mut first).await, Ok(1)) && first == [HANDSHAKE] => {
            if let Ok(client) = acceptor.accept(client).await {
                pass(client, server, &network, number, true).await;
            }
        }
        _ => pass(client, server, &network, number, false).await,
    }
}

async fn pass(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: TcpStream,
    network: &Network,
    number: u64,
    is_encrypted: bool,
) {
    let (mut asked, mut answered) = (vec![0; 16 * 1024], vec![0; 16 * 1024]);
    let mut late: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    loop {
        let due = late.front().map_or_else(Instant::now, |(due, _)| *due);
        let passed = tokio::select! {
            length = client.read(&mut asked) => match length {
                Ok(length @ 1..) => {
                    network.heard.fetch_add(u64::from(is_encrypted), Ordering::SeqCst);
                    until_heard(network, number).await;
                    server.write_all(&asked[..length]).await
                }
                _ => break,
            },
            length = server.read(&mut answered) => match length {
                Ok(length @ 1..) if !network.cut.swap(false, Ordering::SeqCst) => {
                    until_heard(network, number).await;
                    let lag = Duration::from_millis(network.lag_ms.load(Ordering::SeqCst));
                    if lag.is_zero() && late.is_empty() || is_encrypted {
                        client.write_all(&answered[..length]).await
                    } else {
                        late.push_back((Instant::now() + lag, answered[..length].to_vec()));
                        Ok(())
                    }
                }
                _ => break,
            },
            () = sleep_until(due), if !late.is_empty() => {
                let (_, bytes) = late.pop_front().unwrap();
                client.write_all(&bytes).await
            }
        };
        if passed.is_err() {
            break;
        }
    }
}

/// Returns at once, or never on a connection that was silenced.
async fn until_heard(network: &Network, number: u64) {
    if number < network.silent_below.load(Ordering::SeqCst) {
        std::future::pending::<()>().await;
    }
}
