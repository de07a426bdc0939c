//! The HTTP client for the platform: its API and its key set.

use std::time::Duration;

use reqwest::{Client, ClientBuilder};
use rustls::{ClientConfig, RootCertStore};

/// Begins a client with the program's crypto provider and the roots that are compiled in: reading the system's costs milliseconds of every
/// cold start.
pub(super) fn builder(timeout: Duration) -> ClientBuilder {
    let roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    let tls = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Client::builder().tls_backend_preconfigured(tls).timeout(timeout)
}
