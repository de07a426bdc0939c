//! Requests of pages on other origins, as `CorsConfiguration` allows them.
//!
//! # Source
//! API Gateway developer guide, "Configuring CORS for an HTTP API": the gateway answers a preflight if no route takes OPTIONS,
//! adds the configured headers to what an integration answers, and ignores the integration's own. `$default`, `ANY` and
//! `OPTIONS` routes do take OPTIONS ("The $default route catches requests for all methods ..., including OPTIONS requests"; SAM
//! issue 1603): their functions must answer the preflight with a 2xx. It is not documented whether the gateway's own errors
//! carry the headers. Here they don't, so that no page relies on reading them.

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts};

use crate::{
    server::{Reply, empty},
    template::Cors,
};

/// All that CORS adds to an answer.
const CORS_HEADERS: [HeaderName; 6] = [
    header::ACCESS_CONTROL_ALLOW_ORIGIN,
    header::ACCESS_CONTROL_ALLOW_METHODS,
    header::ACCESS_CONTROL_ALLOW_HEADERS,
    header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
    header::ACCESS_CONTROL_EXPOSE_HEADERS,
    header::ACCESS_CONTROL_MAX_AGE,
];

/// Whether a browser asks if a page may send a request.
pub(super) fn is_preflight(parts: &Parts) -> bool {
    parts.method == Method::OPTIONS
        && parts.headers.contains_key(header::ORIGIN)
        && parts.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The gateway's own answer to a preflight.
pub(super) fn preflight(cors: &Cors, request: &HeaderMap) -> Reply {
    let mut reply = empty(StatusCode::NO_CONTENT);
    replace(cors, request, true, &mut reply);
    reply
}

/// Puts the configured headers in place of those that a function answered with.
pub(super) fn replace(cors: &Cors, request: &HeaderMap, is_preflight: bool, reply: &mut Reply) {
    for name in CORS_HEADERS {
        reply.headers_mut().remove(name);
    }
    let Some(origin) = allowed_origin(cors, request) else {
        return;
    };
    let mut add = |name: HeaderName, value: &str| {
        if let Some(value) = HeaderValue::try_from(value).ok().filter(|value| !value.is_empty()) {
            reply.headers_mut().insert(name, value);
        }
    };
    add(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    if cors.credentials {
        add(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true");
    }
    add(header::ACCESS_CONTROL_EXPOSE_HEADERS, &cors.exposed.join(","));
    if is_preflight {
        add(header::ACCESS_CONTROL_ALLOW_METHODS, &cors.methods.join(","));
        add(header::ACCESS_CONTROL_ALLOW_HEADERS, &cors.headers.join(","));
        add(
            header::ACCESS_CONTROL_MAX_AGE,
            cors.max_age.as_deref().unwrap_or_default(),
        );
    }
}

/// The value of `Access-Control-Allow-Origin` for the origin of a request. `None` without an origin, or for one that is not
/// allowed.
fn allowed_origin<'a>(cors: &'a Cors, request: &'a HeaderMap) -> Option<&'a str> {
    let origin = request.get(header::ORIGIN)?.to_str().ok()?;
    let mut allowed = cors.origins.iter();
    let allowed = allowed.find(|allowed| match allowed.as_str() {
        "*" => true,
        "http://*" => origin.starts_with("http://"),
        "https://*" => origin.starts_with("https://"),
        exact => exact == origin,
    })?;
    Some(if allowed == "*" { "*" } else { origin })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(origins: &[&str], origin: &str) -> Option<String> {
        let cors = Cors {
            origins: origins.iter().map(|origin| (*origin).to_owned()).collect(),
            ..Cors::default()
        };
        let request = HeaderMap::from_iter([(header::ORIGIN, HeaderValue::from_str(origin).unwrap())]);
        allowed_origin(&cors, &request).map(str::to_owned)
    }

    #[test]
    fn an_origin_is_allowed_by_name_scheme_or_all() {
        for (origins, origin, expected) in [
            (&["*"][..], "https://a.com", Some("*")),
            (&["https://*"], "https://a.com", Some("https://a.com")),
            (&["https://*"], "http://a.com", None),
            (
                &["http://b.com", "https://a.com"],
                "https://a.com",
                Some("https://a.com"),
            ),
            (&["https://a.com"], "https://a.com.evil.com", None),
            (&[], "https://a.com", None),
        ] {
            assert_eq!(told(origins, origin).as_deref(), expected, "{origins:?} {origin}");
        }
    }
}
