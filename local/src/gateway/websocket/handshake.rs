//! The handshake: `$connect` decides, and the upgrade waits for it.

use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header, request::Parts};
use hyper::{body::Incoming, upgrade::OnUpgrade};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    api::{Answer, Failure, Shared},
    connection::{self, Incoming as Frames},
    event::{Event, Kind},
    registry::{Connection, End},
};
use crate::{
    aws::ids,
    machine::logs,
    server::{Peer, Reply, empty, json as json_reply},
};

/// Answers a request for the socket itself.
pub(super) async fn answer(shared: Arc<Shared>, mut request: Request<Incoming>, peer: Peer) -> Reply {
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let url_bytes = parts.uri.path_and_query().map_or(0, |url| url.as_str().len());
    if url_bytes > shared.limits.url_bytes {
        return json_reply(StatusCode::URI_TOO_LONG, &json!({"message": "Request-URI Too Long"}));
    }
    let Some(accept) = accept_key(&parts) else {
        // This was recorded for a plain GET. Here every request that is no handshake gets it.
        return json_reply(StatusCode::UPGRADE_REQUIRED, &json!({"message": "Upgrade Required"}));
    };
    // A task of its own: when the client gives up now, `$connect` must still run to its end, because it may have stored the
    // connection.
    let task = tokio::spawn(async move { connect(&shared, &parts, &peer, upgrade, &accept).await });
    task.await.unwrap_or_else(|_| empty(StatusCode::INTERNAL_SERVER_ERROR))
}

/// The value of `Sec-WebSocket-Accept`, if the request is a handshake.
fn accept_key(parts: &Parts) -> Option<String> {
    let has = |name: HeaderName, token: &str| {
        let values = parts
            .headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    let is_handshake = parts.method == Method::GET
        && has(header::UPGRADE, "websocket")
        && has(header::CONNECTION, "upgrade")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| is_handshake)?;
    Some(derive_accept_key(key.as_bytes()))
}

async fn connect(shared: &Arc<Shared>, parts: &Parts, peer: &Peer, upgrade: OnUpgrade, accept: &str) -> Reply {
    let (outgoing, waiting) = mpsc::channel(shared.limits.outgoing_messages);
    let text = |name: &HeaderName| {
        parts
            .headers
            .get(name)
            .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let source_ip: IpAddr = peer.address.ip().to_canonical();
    let client = (source_ip, text(&header::USER_AGENT));
    let domain = text(&header::HOST).unwrap_or_default();
    let connection = Arc::new(Connection::new(ids::gateway_id(), client, domain, outgoing));
    // From here on the connection is known. `@connections` answers 410 until the handshake has ended.
    shared.registry.add(&connection);
    let answer = match shared.route("$connect") {
        // The integration is optional.
        None => None,
        Some((key, route)) => {
            let request_id = ids::gateway_id();
            let kind = Kind::Connect {
                headers: spelled(&parts.headers, peer),
                query: parts.uri.query().unwrap_or_default(),
                request_id: &request_id,
            };
            Some(
                shared
                    .invoke(
                        route,
                        &Event {
                            connection: &connection,
                            route_key: key,
                            kind,
                        },
                    )
                    .await,
            )
        }
    };
    let refusal = match &answer {
        None => None,
        Some(Ok(answer)) if answer.status.is_success() => None,
        Some(Ok(answer)) => Some(refused(answer)),
        Some(Err(Failure::Function)) => Some(json_reply(
            StatusCode::BAD_GATEWAY,
            &json!({"message": "Internal server error"}),
        )),
        // AWS does not document what the client sees then.
        Some(Err(Failure::TimedOut)) => Some(json_reply(
            StatusCode::GATEWAY_TIMEOUT,
            &json!({"message": "Endpoint request timed out"}),
        )),
    };
    if let Some(refusal) = refusal {
        logs::stack(format_args!("$connect refused with {}", refusal.status().as_u16()));
        shared.registry.remove(&connection.id);
        return refusal;
    }
    let reply = switching(accept, answer.and_then(Result::ok).as_ref());
    // Before the client gets the answer: messages that are pushed from now on wait until the socket is open.
    shared.registry.opened(&connection);
    let (shared, reset) = (Arc::clone(shared), peer.reset.clone());
    tokio::spawn(async move {
        let end = match upgrade.await {
            Ok(upgraded) => {
                connection::run(
                    &shared,
                    &connection,
                    Frames::new(upgraded, &shared.limits).await,
                    waiting,
                    reset,
                )
                .await
            }
            // The client went away while `$connect` was running.
            Err(_) => End::lost(),
        };
        connection.closed();
        logs::stack(format_args!("{} closed ({} {})", connection.id, end.code, end.reason));
        shared.disconnected(&connection, &end).await;
        shared.registry.remove(&connection.id);
    });
    reply
}

/// The headers, with their names as the client wrote them. Recorded events do not have `Connection` and `Upgrade`.
fn spelled(headers: &HeaderMap, peer: &Peer) -> Vec<(String, String)> {
    let of_the_client = headers
        .iter()
        .filter(|(name, _)| ![header::CONNECTION, header::UPGRADE].contains(*name));
    let spelled = of_the_client.map(|(name, value)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (peer.spelling.of(name.as_str()), value)
    });
    spelled.collect()
}

/// The function's own status, without upgrade. A browser never sees the body; other clients do.
fn refused(answer: &Answer) -> Reply {
    let body = answer
        .value
        .get("body")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let mut reply = http::Response::new(http_body_util::Full::from(body));
    *reply.status_mut() = match answer.status {
        // A 1xx status can't be the final answer of a refusal.
        status if status.is_informational() => StatusCode::BAD_GATEWAY,
        status => status,
    };
    reply
}

/// `101 Switching Protocols`. It names a subprotocol only if the function named one in `headers`. It is not documented whether
/// AWS reads `multiValueHeaders` here.
fn switching(accept: &str, answer: Option<&Answer>) -> Reply {
    let mut reply = empty(StatusCode::SWITCHING_PROTOCOLS);
    let headers = reply.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    if let Ok(accept) = HeaderValue::try_from(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    if let Some(Ok(protocol)) = answer
        .and_then(|answer| subprotocol(&answer.value))
        .map(HeaderValue::try_from)
    {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    reply
}

fn subprotocol(answer: &Value) -> Option<&str> {
    let mut headers = answer.get("headers")?.as_object()?.iter();
    let (_, protocol) = headers.find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-protocol"))?;
    protocol.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_complete_handshake_is_one() {
        let handshake = |version: &str, upgrade: &str| {
            let request = Request::get("/")
                .header("Connection", "keep-alive, Upgrade")
                .header("Upgrade", upgrade);
            let request = request
                .header("Sec-WebSocket-Version", version)
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
            accept_key(&request.body(()).unwrap().into_parts().0)
        };
        // The example of RFC 6455, section 1.3.
        assert_eq!(
            handshake("13", "WebSocket").as_deref(),
            Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        );
        assert_eq!(handshake("8", "websocket"), None);
        assert_eq!(handshake("13", "h2c"), None);
    }
}
