//! What the clients of AWS share.

use aws_credential_types::Credentials;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

use super::resolver::Ipv6First;
use crate::config::Access;

/// The credentials of the process. Lambda never changes them while it lives, so the SDK's provider chain and its cost at start are left out.
pub(super) fn credentials(access: Access) -> Credentials {
    let Access {
        key_id,
        secret_key,
        session_token,
        ..
    } = access;
    Credentials::new(key_id, secret_key, session_token, None, "environment")
}

pub(super) fn http_client() -> SharedHttpClient {
    let provider = Provider::Rustls(CryptoMode::Ring);
    Builder::new().tls_provider(provider).build_with_resolver(Ipv6First)
}
