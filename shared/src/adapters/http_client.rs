//! The HTTP client of the functions: for AWS, the platform's API, its key set and its webhook.
//!
//! It is hyper's own client. reqwest stands on the same one, but parses each address twice more, and brings parts that no function uses:
//! functions were 110 to 126 kB larger with it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Method, Request, Response, StatusCode, request};
use http_body_util::{BodyExt as _, Full, LengthLimitError, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::TokioExecutor;
use percent_encoding::percent_decode_str;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::time::{error::Elapsed, timeout};
use url::Url;

use super::resolver::Ipv6First;

/// How much of an answer is read, in bytes. The largest that we ask for, a hundred profiles, takes a tenth of it.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// How long a connection rests until the kernel asks whether the other end is still there.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// Why there is no answer to read. None of them shows the address: it may hold a secret.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// Any status but 2xx. A redirect is one too: it could lead anywhere, also into our own network.
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    /// More than [`ANSWER_BYTES`].
    #[error("the answer has more than {ANSWER_BYTES} bytes")]
    TooLarge,
    /// The time for the whole exchange was over.
    #[error("there was no answer in time")]
    TooLate(#[from] Elapsed),
    /// No connection, or it broke.
    #[error("the request failed")]
    Request(#[from] ClientError),
    /// The connection broke within the answer.
    #[error("the answer broke off")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The request could not be made.
    #[error("the request is invalid")]
    Invalid(#[from] http::Error),
}

/// The address cannot be asked.
#[derive(Debug, Error)]
#[error("the address cannot be used")]
pub struct InvalidAddress;

/// An answer of a wrong form. The parser's own error would quote the answer, which may hold personal data or a secret.
#[derive(Debug, Error)]
#[error("the answer has another form than it should, at line {line}, column {column}")]
pub(crate) struct OtherForm {
    line: usize,
    column: usize,
}

impl From<serde_json::Error> for OtherForm {
    fn from(error: serde_json::Error) -> Self {
        Self {
            line: error.line(),
            column: error.column(),
        }
    }
}

/// Sends requests, and keeps its connections. It follows no redirects.
#[derive(Debug)]
pub(super) struct HttpClient {
    client: Client<HttpsConnector<HttpConnector<Ipv6First>>, Full<Bytes>>,
    limit: Duration,
}

impl HttpClient {
    /// A client with the program's crypto provider and the roots that are compiled in: reading the system's costs milliseconds of every cold start.
    /// `limit` is for a whole exchange, the answer's body included; `connect_limit` for its TCP connection, if that has a limit of its own.
    pub(super) fn new(limit: Duration, connect_limit: Option<Duration>) -> Self {
        let roots = RootCertStore {
            roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
        };
        let tls = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut tcp = HttpConnector::new_with_resolver(Ipv6First);
        // TLS is the outer connector's concern.
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_keepalive(Some(KEEPALIVE));
        tcp.set_connect_timeout(connect_limit);
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        Self {
            client: Client::builder(TokioExecutor::new()).build(connector),
            limit,
        }
    }

    /// Sends the request and reads the answer, whatever its status. The body is read to its end, so that the connection can be used again.
    ///
    /// # Errors
    /// [`NoAnswer`], but never for the status.
    pub(super) async fn exchange(&self, request: Request<Bytes>) -> Result<Response<Bytes>, NoAnswer> {
        let exchanging = async {
            let (parts, body) = self.client.request(request.map(Full::new)).await?.into_parts();
            let body = Limited::new(body, ANSWER_BYTES).collect().await;
            let body = body.map_err(|error| match error {
                error if error.is::<LengthLimitError>() => NoAnswer::TooLarge,
                error => NoAnswer::Body(error),
            })?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        };
        timeout(self.limit, exchanging).await?
    }

    /// Sends the request and reads the answer's body.
    ///
    /// # Errors
    /// [`NoAnswer`], also for any status but 2xx.
    pub(super) async fn ask(&self, request: Request<Bytes>) -> Result<Bytes, NoAnswer> {
        let answer = self.exchange(request).await?;
        if answer.status().is_success() {
            return Ok(answer.into_body());
        }
        Err(NoAnswer::Status(answer.status()))
    }
}

/// An address that an operator has written. It may hold a user and a password for Basic authentication (RFC 7617), and a name in other letters than
/// those of ASCII.
pub(super) struct Address {
    url: String,
    authorization: Option<HeaderValue>,
}

impl Address {
    /// Reads an address.
    ///
    /// # Errors
    /// [`InvalidAddress`].
    pub(super) fn new(text: &str) -> Result<Self, InvalidAddress> {
        let mut url = Url::parse(text).map_err(|_| InvalidAddress)?;
        let (user, password) = (url.username().to_owned(), url.password().map(str::to_owned));
        let authorization = if user.is_empty() && password.is_none() {
            None
        } else {
            let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
            let pair = [decoded(&user), decoded(&password.unwrap_or_default())].join(&b':');
            let value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
            let mut value = value.map_err(|_| InvalidAddress)?;
            value.set_sensitive(true);
            Some(value)
        };
        url.set_username("").map_err(|()| InvalidAddress)?;
        url.set_password(None).map_err(|()| InvalidAddress)?;
        Ok(Self {
            url: url.into(),
            authorization,
        })
    }

    /// Begins a request to this address with `rest` behind it: a path that begins with a slash, or nothing.
    pub(super) fn request(&self, method: Method, rest: &str) -> request::Builder {
        let base = if rest.is_empty() {
            &self.url
        } else {
            self.url.trim_end_matches('/')
        };
        let request = Request::builder()
            .method(method)
            .uri(format!("{base}{rest}"))
            .header(ACCEPT, "*/*");
        match &self.authorization {
            Some(authorization) => request.header(AUTHORIZATION, authorization),
            None => request,
        }
    }
}

/// Shows nothing: an address may hold a secret.
impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Address").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that writes this head, and then `filling` again and again until it cannot.
    async fn answer(head: &str, filling: &[u8]) -> Result<Bytes, NoAnswer> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Address::new(&format!("http://{}/secret", listener.local_addr().unwrap())).unwrap();
        let client = HttpClient::new(Duration::from_secs(20), None);
        let request = address.request(Method::GET, "").body(Bytes::new()).unwrap();
        let serving = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            let mut request = [0; 1024];
            assert!(socket.read(&mut request).await.unwrap() > 0);
            let mut open = socket.write_all(head.as_bytes()).await.is_ok();
            while open && !filling.is_empty() {
                open = socket.write_all(filling).await.is_ok();
            }
            drop(socket);
            // Whoever follows a redirect finds nobody and waits.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            answer = client.ask(request) => answer,
            () = serving => unreachable!("it never ends"),
        }
    }

    #[test]
    fn an_error_about_a_wrong_answer_does_not_quote_it() {
        let error = serde_json::from_str::<u64>(r#""a secret""#).unwrap_err();
        assert!(
            error.to_string().contains("a secret"),
            "this is what must not be logged"
        );
        insta::assert_snapshot!(OtherForm::from(error), @"the answer has another form than it should, at line 1, column 10");
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_limit_and_no_further() {
        let body = answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}", b"").await;
        assert_eq!(body.unwrap(), "{}");
        let endless = answer("HTTP/1.1 200 OK\r\n\r\n", &[b' '; 16 * 1024]).await;
        insta::assert_snapshot!(endless.unwrap_err(), @"the answer has more than 4194304 bytes");
        let announced = answer(
            "HTTP/1.1 200 OK\r\ncontent-length: 419430400\r\n\r\n",
            &[b' '; 16 * 1024],
        )
        .await;
        insta::assert_snapshot!(announced.unwrap_err(), @"the answer has more than 4194304 bytes");
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed_and_no_address_is_shown() {
        let redirect = answer(
            "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n",
            b"",
        )
        .await;
        insta::assert_snapshot!(redirect.unwrap_err(), @"the answer has the status 302 Found");
        let failing = answer("HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n", b"").await;
        insta::assert_snapshot!(failing.unwrap_err(), @"the answer has the status 500 Internal Server Error");
        let broken = answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{", b"")
            .await
            .unwrap_err();
        assert!(
            !format!("{}", crate::error::Chain(&broken)).contains("secret"),
            "{broken}"
        );
    }

    #[tokio::test]
    async fn an_exchange_has_its_time_and_no_more() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let silent = Address::new(&format!("http://{}/secret", listener.local_addr().unwrap())).unwrap();
        let request = silent.request(Method::GET, "").body(Bytes::new()).unwrap();
        let late = HttpClient::new(Duration::from_millis(50), None).ask(request).await;
        insta::assert_snapshot!(late.unwrap_err(), @"there was no answer in time");
    }

    // Other systems may refuse what Linux ignores.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_connection_has_a_limit_of_its_own_only_where_one_is_given() {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        // Nobody accepts them. With two, the queue is full, and the kernel does not answer to a third one.
        let mut queue = Vec::new();
        for _ in 0..2 {
            queue.push(tokio::net::TcpStream::connect(address).await.unwrap());
        }
        let why = async |connect_limit| {
            let silent = Address::new(&format!("http://{address}")).unwrap();
            let request = silent.request(Method::GET, "").body(Bytes::new()).unwrap();
            let client = HttpClient::new(Duration::from_millis(500), connect_limit);
            client.ask(request).await.unwrap_err()
        };
        let limited = why(Some(Duration::from_millis(50))).await;
        assert!(matches!(limited, NoAnswer::Request(_)), "{limited}");
        let unlimited = why(None).await;
        assert!(matches!(unlimited, NoAnswer::TooLate(_)), "{unlimited}");
    }

    #[test]
    fn an_address_keeps_its_password_out_of_sight() {
        let shown = |text: &str, rest: &str| {
            let address = Address::new(text).unwrap();
            assert_eq!(format!("{address:?}"), "Address { .. }");
            let request = address.request(Method::GET, rest).body(()).unwrap();
            let authorization = request.headers().get(AUTHORIZATION);
            assert!(authorization.is_none_or(HeaderValue::is_sensitive));
            format!("{} {authorization:?}", request.uri()) + authorization.map_or("", |value| value.to_str().unwrap())
        };
        insta::assert_snapshot!(shown("https://a.com/keys?x=1", ""), @"https://a.com/keys?x=1 None");
        insta::assert_snapshot!(shown("https://a.com", "/v1/users?ids=1"), @"https://a.com/v1/users?ids=1 None");
        insta::assert_snapshot!(shown("https://a.com/hook/", ""), @"https://a.com/hook/ None");
        // The example of RFC 7617, section 2, and its password with a percent-encoded character.
        insta::assert_snapshot!(shown("https://Aladdin:open%20sesame@a.com/b", "/c"), @"https://a.com/b/c Some(Sensitive)Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        insta::assert_snapshot!(shown("https://bücher.example/ä", ""), @"https://xn--bcher-kva.example/%C3%A4 None");
        assert!(Address::new("nowhere").is_err());
    }
}
