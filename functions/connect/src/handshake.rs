//! What a client says in its handshake.

use shared::adapters::jwt::Identity;
use shared::runtime::socket::SocketEvent;

/// The subprotocol that we speak. A browser can send a token only in the address, which ends in logs, or as a second "subprotocol".
const SUBPROTOCOL: &str = "senna.v1";
const BEARER: &str = "bearer.";

/// The token, in the order of how well it is kept: a header, a subprotocol, the address.
pub(crate) fn token<'a>(identity: &Identity, event: &'a SocketEvent) -> Option<&'a str> {
    identity
        .token_of(event.headers())
        .or_else(|| offered(event).find_map(|protocol| protocol.strip_prefix(BEARER)))
        .or_else(|| event.query("token").filter(|token| !token.is_empty()))
}

/// The one subprotocol to name in the answer: a browser gives up if none of those that it offered is, or one that it did not offer.
pub(crate) fn subprotocol(event: &SocketEvent) -> Option<&'static str> {
    offered(event)
        .any(|protocol| protocol == SUBPROTOCOL)
        .then_some(SUBPROTOCOL)
}

/// What the client offers, in one header with commas or in several (RFC 6455, section 4.1).
fn offered(event: &SocketEvent) -> impl Iterator<Item = &str> {
    let headers = event.headers().get_all("sec-websocket-protocol").into_iter();
    headers
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}
