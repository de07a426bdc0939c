//! The three kinds of event that a WebSocket API gives to a function.
//!
//! # Source
//! Recorded production events. A field without a value is absent, never null. A message has neither headers nor query.
//! In `$disconnect` all headers but the host are empty.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::registry::{Connection, End};
use crate::{
    aws::{clock, ids},
    template::WebSocketApi,
};

/// An event about a connection.
#[derive(Debug)]
pub(crate) struct Event<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) route_key: &'a str,
    pub(crate) kind: Kind<'a>,
}

/// What happened.
#[derive(Debug)]
pub(crate) enum Kind<'a> {
    /// A handshake.
    Connect {
        /// Header names as the client spelled them, with their values.
        headers: Vec<(String, String)>,
        /// The raw query.
        query: &'a str,
        /// The gateway's id for the request.
        request_id: &'a str,
    },
    /// A message.
    Message {
        /// Its text.
        body: &'a str,
        /// The gateway's id for the request.
        request_id: &'a str,
    },
    /// The end.
    Disconnect(&'a End),
}

impl Event<'_> {
    /// The JSON that the function gets.
    pub(crate) fn to_json(&self, api: &WebSocketApi, port: u16) -> Value {
        let own_id;
        let (event_type, request_id) = match &self.kind {
            Kind::Connect { request_id, .. } => ("CONNECT", *request_id),
            Kind::Message { request_id, .. } => ("MESSAGE", *request_id),
            Kind::Disconnect(_) => {
                own_id = ids::gateway_id();
                ("DISCONNECT", own_id.as_str())
            }
        };
        let mut event = Map::new();
        let mut context = self.context(api, event_type, request_id);
        match &self.kind {
            Kind::Connect { headers, query, .. } => {
                let mut headers = headers.clone();
                let source = self.connection.source_ip.to_string();
                headers.push(("X-Amzn-Trace-Id".to_owned(), ids::trace_id()));
                headers.push(("X-Forwarded-For".to_owned(), source));
                headers.push(("X-Forwarded-Port".to_owned(), port.to_string()));
                headers.push(("X-Forwarded-Proto".to_owned(), "http".to_owned()));
                insert_both(&mut event, "headers", "multiValueHeaders", &headers);
                let query = query_pairs(query);
                if !query.is_empty() {
                    insert_both(
                        &mut event,
                        "queryStringParameters",
                        "multiValueQueryStringParameters",
                        &query,
                    );
                }
            }
            Kind::Message { body, .. } => {
                context.insert("messageId".to_owned(), json!(ids::gateway_id()));
                event.insert("body".to_owned(), json!(body));
            }
            Kind::Disconnect(end) => {
                context.insert("disconnectStatusCode".to_owned(), json!(end.code));
                context.insert("disconnectReason".to_owned(), json!(end.reason));
                let stubs = ["x-api-key", "X-Forwarded-For", "x-restapi"].map(|name| (name.to_owned(), String::new()));
                let mut headers = vec![("Host".to_owned(), self.connection.domain.clone())];
                headers.extend(stubs);
                insert_both(&mut event, "headers", "multiValueHeaders", &headers);
            }
        }
        event.insert("requestContext".to_owned(), Value::Object(context));
        event.insert("isBase64Encoded".to_owned(), json!(false));
        Value::Object(event)
    }

    fn context(&self, api: &WebSocketApi, event_type: &str, request_id: &str) -> Map<String, Value> {
        let now_ms = clock::now_ms();
        let mut identity = Map::from_iter([("sourceIp".to_owned(), json!(self.connection.source_ip.to_string()))]);
        if let Some(agent) = &self.connection.user_agent {
            identity.insert("userAgent".to_owned(), json!(agent));
        }
        let context = json!({
            "routeKey": self.route_key,
            "eventType": event_type,
            "extendedRequestId": request_id,
            "requestTime": clock::log_form(now_ms),
            "messageDirection": "IN",
            "stage": api.stage,
            "connectedAt": self.connection.connected_at_ms,
            "requestTimeEpoch": now_ms,
            "identity": identity,
            "requestId": request_id,
            "domainName": self.connection.domain,
            "connectionId": self.connection.id,
            "apiId": api.id,
        });
        match context {
            Value::Object(context) => context,
            _ => Map::new(),
        }
    }
}

/// The last value of each name under `single`, and all of them under `multi`.
fn insert_both(event: &mut Map<String, Value>, single: &str, multi: &str, pairs: &[(String, String)]) {
    let mut all = BTreeMap::<&str, Vec<&str>>::new();
    for (name, value) in pairs {
        all.entry(name).or_default().push(value);
    }
    let last: BTreeMap<&str, &str> = all
        .iter()
        .filter_map(|(name, values)| Some((*name, *values.last()?)))
        .collect();
    event.insert(single.to_owned(), json!(last));
    event.insert(multi.to_owned(), json!(all));
}

fn query_pairs(query: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| {
        percent_decode_str(&text.replace('+', " "))
            .decode_utf8_lossy()
            .into_owned()
    };
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::template::WebSocketRoute;
    use crate::template::selection::Selection;

    fn json_of(kind: Kind<'_>, route_key: &str) -> Value {
        let api = WebSocketApi {
            id: "SocketApi".to_owned(),
            stage: "live".to_owned(),
            selection: Selection::parse("$request.body.action").unwrap(),
            routes: BTreeMap::from([(
                "$default".to_owned(),
                WebSocketRoute {
                    function: "Message".to_owned(),
                    two_way: true,
                    timeout: Duration::from_secs(29),
                },
            )]),
        };
        let (outgoing, _) = tokio::sync::mpsc::channel(1);
        let client = ("127.0.0.1".parse().unwrap(), Some("curl/8".to_owned()));
        let mut connection = Connection::new(
            "PJqB0fHsqRcCHlw=".to_owned(),
            client,
            "localhost:3006".to_owned(),
            outgoing,
        );
        connection.connected_at_ms = 1_701_245_041_796;
        Event {
            connection: &connection,
            route_key,
            kind,
        }
        .to_json(&api, 3006)
    }

    #[test]
    fn a_connect_event_has_headers_as_spelled_and_the_query() {
        let headers = vec![
            ("Host".to_owned(), "localhost:3006".to_owned()),
            ("X-AUTH-Token".to_owned(), "t".to_owned()),
        ];
        let event = json_of(
            Kind::Connect {
                headers,
                query: "token=a%20b&token=c",
                request_id: "PJqB0E1tKRcF-Qw=",
            },
            "$connect",
        );
        insta::assert_json_snapshot!(event, {
            ".requestContext.requestTime" => "…", ".requestContext.requestTimeEpoch" => "…",
            ".headers[\"X-Amzn-Trace-Id\"]" => "…", ".multiValueHeaders[\"X-Amzn-Trace-Id\"]" => "…",
        }, @r#"
        {
          "headers": {
            "Host": "localhost:3006",
            "X-AUTH-Token": "t",
            "X-Amzn-Trace-Id": "…",
            "X-Forwarded-For": "127.0.0.1",
            "X-Forwarded-Port": "3006",
            "X-Forwarded-Proto": "http"
          },
          "isBase64Encoded": false,
          "multiValueHeaders": {
            "Host": [
              "localhost:3006"
            ],
            "X-AUTH-Token": [
              "t"
            ],
            "X-Amzn-Trace-Id": "…",
            "X-Forwarded-For": [
              "127.0.0.1"
            ],
            "X-Forwarded-Port": [
              "3006"
            ],
            "X-Forwarded-Proto": [
              "http"
            ]
          },
          "multiValueQueryStringParameters": {
            "token": [
              "a b",
              "c"
            ]
          },
          "queryStringParameters": {
            "token": "c"
          },
          "requestContext": {
            "apiId": "SocketApi",
            "connectedAt": 1701245041796,
            "connectionId": "PJqB0fHsqRcCHlw=",
            "domainName": "localhost:3006",
            "eventType": "CONNECT",
            "extendedRequestId": "PJqB0E1tKRcF-Qw=",
            "identity": {
              "sourceIp": "127.0.0.1",
              "userAgent": "curl/8"
            },
            "messageDirection": "IN",
            "requestId": "PJqB0E1tKRcF-Qw=",
            "requestTime": "…",
            "requestTimeEpoch": "…",
            "routeKey": "$connect",
            "stage": "live"
          }
        }
        "#);
        let plain = json_of(
            Kind::Connect {
                headers: Vec::new(),
                query: "",
                request_id: "",
            },
            "$connect",
        );
        assert_eq!(plain.get("queryStringParameters"), None);
        assert_eq!(plain.get("body"), None);
    }

    #[test]
    fn a_message_event_has_context_and_body_only() {
        let event = json_of(
            Kind::Message {
                body: "{}",
                request_id: "PJqCFEqHqRcFd0w=",
            },
            "$default",
        );
        insta::assert_json_snapshot!(event, {
            ".requestContext.requestTime" => "…", ".requestContext.requestTimeEpoch" => "…", ".requestContext.messageId" => "…",
        }, @r#"
        {
          "body": "{}",
          "isBase64Encoded": false,
          "requestContext": {
            "apiId": "SocketApi",
            "connectedAt": 1701245041796,
            "connectionId": "PJqB0fHsqRcCHlw=",
            "domainName": "localhost:3006",
            "eventType": "MESSAGE",
            "extendedRequestId": "PJqCFEqHqRcFd0w=",
            "identity": {
              "sourceIp": "127.0.0.1",
              "userAgent": "curl/8"
            },
            "messageDirection": "IN",
            "messageId": "…",
            "requestId": "PJqCFEqHqRcFd0w=",
            "requestTime": "…",
            "requestTimeEpoch": "…",
            "routeKey": "$default",
            "stage": "live"
          }
        }
        "#);
    }

    #[test]
    fn a_disconnect_event_has_stub_headers_and_the_reason() {
        let event = json_of(Kind::Disconnect(&End::by_client(None)), "$disconnect");
        insta::assert_json_snapshot!(event, {
            ".requestContext.requestTime" => "…", ".requestContext.requestTimeEpoch" => "…",
            ".requestContext.requestId" => "…", ".requestContext.extendedRequestId" => "…",
        }, @r#"
        {
          "headers": {
            "Host": "localhost:3006",
            "X-Forwarded-For": "",
            "x-api-key": "",
            "x-restapi": ""
          },
          "isBase64Encoded": false,
          "multiValueHeaders": {
            "Host": [
              "localhost:3006"
            ],
            "X-Forwarded-For": [
              ""
            ],
            "x-api-key": [
              ""
            ],
            "x-restapi": [
              ""
            ]
          },
          "requestContext": {
            "apiId": "SocketApi",
            "connectedAt": 1701245041796,
            "connectionId": "PJqB0fHsqRcCHlw=",
            "disconnectReason": "Client-side close frame status not set",
            "disconnectStatusCode": 1005,
            "domainName": "localhost:3006",
            "eventType": "DISCONNECT",
            "extendedRequestId": "…",
            "identity": {
              "sourceIp": "127.0.0.1",
              "userAgent": "curl/8"
            },
            "messageDirection": "IN",
            "requestId": "…",
            "requestTime": "…",
            "requestTimeEpoch": "…",
            "routeKey": "$disconnect",
            "stage": "live"
          }
        }
        "#);
    }
}
