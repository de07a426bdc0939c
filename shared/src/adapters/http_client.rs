//! The HTTP client for the platform: its API and its key set.

use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, StatusCode};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;

use super::resolver::Ipv6First;

/// How much of an answer is read, in bytes. The largest that we ask for, a hundred profiles, takes a tenth of it.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;

/// Why there is no answer to read.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    /// Any status but 2xx. A redirect is one too: it could lead anywhere, also into our own network.
    #[error("the answer has the status {0}")]
    Status(StatusCode),
    /// More than [`ANSWER_BYTES`].
    #[error("the answer has more than {ANSWER_BYTES} bytes")]
    TooLarge,
    /// No connection, or it broke, or the time was over.
    #[error(transparent)]
    Http(#[from] reqwest::Error),
}

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

/// Begins a client with the program's crypto provider and the roots that are compiled in: reading the system's costs milliseconds of every
/// cold start. `timeout` is for a whole exchange, the answer's body included.
pub(super) fn builder(timeout: Duration) -> ClientBuilder {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder()
        .tls_backend_preconfigured(tls)
        .dns_resolver(Ipv6First)
        .redirect(Policy::none())
        .timeout(timeout)
}

/// Reads the body at this address. It stops at the limit, also if the server names a smaller length.
///
/// # Errors
/// [`NoAnswer`], which never shows the address: it may hold a secret.
pub(super) async fn get(client: &Client, url: &str) -> Result<Vec<u8>, NoAnswer> {
    let mut response = client.get(url).send().await.map_err(reqwest::Error::without_url)?;
    if !response.status().is_success() {
        return Err(NoAnswer::Status(response.status()));
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(reqwest::Error::without_url)? {
        if body.len() + chunk.len() > ANSWER_BYTES {
            return Err(NoAnswer::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that writes this head, and then `filling` again and again until it cannot.
    async fn answer(head: &str, filling: &[u8]) -> Result<Vec<u8>, NoAnswer> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret", listener.local_addr().unwrap());
        let client = builder(Duration::from_secs(20)).build().unwrap();
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
            answer = get(&client, &url) => answer,
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
        assert_eq!(body.unwrap(), b"{}");
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
}
