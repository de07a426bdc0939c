//! The origins whose pages may open a connection.

use http::HeaderMap;
use http::header::ORIGIN;
use url::Url;

use super::{ConfigError, Environment};
use crate::error::ApiError;

/// The most characters of an origin that an error repeats.
const SHOWN_CHARS: usize = 100;

/// `SOCK_ALLOWED_ORIGINS`: the origins whose pages may open a WebSocket, separated by commas, each as `https://www.example.com`. `https://*` and
/// `http://*` stand for every origin with that scheme, `*` for every one, which is the default.
///
/// # Source
/// API Gateway developer guide, "Configuring CORS for an HTTP API": the same values are those of `allowOrigins`. A browser lets a page open a
/// WebSocket to anywhere, and only tells the server its origin (RFC 6455, section 10.2), so the handshake must check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedOrigins(Vec<Pattern>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pattern {
    Every,
    /// Such as `https://`.
    Scheme(&'static str),
    /// Written as browsers write it.
    Exact(String),
}

impl AllowedOrigins {
    /// Reads the concern.
    ///
    /// # Errors
    /// [`ConfigError`] if an entry of the list is not an origin.
    pub fn from_env(env: &Environment) -> Result<Self, ConfigError> {
        let list = env.get("SOCK_ALLOWED_ORIGINS").unwrap_or("*");
        let patterns: Option<Vec<Pattern>> = list.split(',').map(|entry| pattern(entry.trim())).collect();
        let problem = "must be origins with commas between them, each a scheme and a host, or * for every one";
        let example = "https://www.example.com,https://m.example.com";
        let wrong = || ConfigError::new("SOCK_ALLOWED_ORIGINS", problem, example);
        patterns.map(Self).ok_or_else(wrong)
    }

    /// Whether a handshake with these headers may go on. One without `Origin` comes from no browser, and may.
    ///
    /// # Errors
    /// [`ApiError::OriginNotAllowed`] if one of its origins is not in the list.
    pub fn check(&self, headers: &HeaderMap) -> Result<(), ApiError> {
        for origin in headers.get_all(ORIGIN) {
            let text = origin.to_str().unwrap_or_default();
            if !self.0.iter().any(|pattern| pattern.fits(text)) {
                return Err(ApiError::OriginNotAllowed(text.chars().take(SHOWN_CHARS).collect()));
            }
        }
        Ok(())
    }
}

impl Pattern {
    fn fits(&self, origin: &str) -> bool {
        match self {
            Self::Every => true,
            Self::Scheme(scheme) => origin.starts_with(scheme),
            Self::Exact(exact) => origin == exact,
        }
    }
}

fn pattern(entry: &str) -> Option<Pattern> {
    match entry {
        "*" => return Some(Pattern::Every),
        "http://*" => return Some(Pattern::Scheme("http://")),
        "https://*" => return Some(Pattern::Scheme("https://")),
        _ => {}
    }
    let url = Url::parse(entry).ok()?;
    let is_web = ["http", "https"].contains(&url.scheme()) && !entry.contains('*');
    let exact = url.origin().ascii_serialization();
    // An address with a path, a query or a user is no origin.
    let is_bare = url.as_str().strip_suffix('/') == Some(exact.as_str());
    (is_web && is_bare).then_some(Pattern::Exact(exact))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn allowed(list: &str) -> Result<AllowedOrigins, ConfigError> {
        let variable = ("SOCK_ALLOWED_ORIGINS".to_owned(), list.to_owned());
        AllowedOrigins::from_env(&Environment::from_iter([variable]))
    }

    fn passes(list: &str, origin: &str) -> bool {
        let headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_str(origin).unwrap())]);
        allowed(list).unwrap().check(&headers).is_ok()
    }

    #[test]
    fn an_origin_is_allowed_by_its_scheme_host_and_port() {
        let list = "https://www.example.com, HTTPS://M.Example.com:443/,http://localhost:3007";
        for origin in [
            "https://www.example.com",
            "https://m.example.com",
            "http://localhost:3007",
        ] {
            assert!(passes(list, origin), "{origin}");
        }
        for origin in [
            "http://www.example.com",
            "https://www.example.com:8443",
            "https://example.com",
            "https://www.example.com.evil.example",
            "https://evil.example/https://www.example.com",
            "https://www.example.com@evil.example",
            "http://localhost",
            "null",
            "",
            "*",
            "ä",
        ] {
            assert!(!passes(list, origin), "{origin}");
        }
        assert!(passes("https://*", "https://any.example") && !passes("https://*", "http://any.example"));
        assert!(passes("http://*,https://a.b", "http://any.example"));
        assert!(passes("https://bücher.example", "https://xn--bcher-kva.example"));
    }

    #[test]
    fn every_origin_is_allowed_unless_the_list_says_otherwise() {
        for list in ["*", "", "https://a.b,*"] {
            assert!(passes(list, "https://evil.example") && passes(list, "null"), "{list}");
        }
    }

    #[test]
    fn a_handshake_without_an_origin_passes_and_one_with_several_needs_all() {
        let list = allowed("https://a.b").unwrap();
        assert!(list.check(&HeaderMap::new()).is_ok());
        let mut headers = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("https://a.b"))]);
        assert!(list.check(&headers).is_ok());
        headers.append(ORIGIN, HeaderValue::from_static("https://evil.example"));
        let refused = list.check(&headers).unwrap_err();
        assert_eq!((refused.status(), refused.code()), (403, Some("ORIGIN_NOT_ALLOWED")));
    }

    #[test]
    fn a_list_with_anything_but_origins_is_refused() {
        for list in [
            "example.com",
            "https://a.b,",
            "https://a.b/chat",
            "https://a.b/?x",
            "https://user@a.b",
            "https://*.example.com",
            "ftp://a.b",
            "null",
        ] {
            insta::allow_duplicates! {
                insta::assert_snapshot!(allowed(list).unwrap_err(), @"SOCK_ALLOWED_ORIGINS must be origins with commas between them, each a scheme and a host, or * for every one; for example SOCK_ALLOWED_ORIGINS=https://www.example.com,https://m.example.com");
            }
        }
    }
}
