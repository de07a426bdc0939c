//! Pages on other origins: what a browser asks before it lets them use the chat, and what it looks for in answers.

use anyhow::Result;
use http::{HeaderMap, Method};
use tests::{Chat, Request};

fn request(method: Method, path: &str, headers: &[(&str, &str)]) -> Request {
    let headers = headers.iter();
    Request {
        method,
        path: path.to_owned(),
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: Vec::new(),
    }
}

/// The items of a header, in lower case.
fn items(headers: &HeaderMap, name: &str) -> Vec<String> {
    let text = headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    text.split(',').map(|item| item.trim().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn a_page_may_send_whatever_the_chat_takes() -> Result<()> {
    let chat = Chat::shared().await?;
    for (method, path) in [
        ("GET", "/list"),
        ("POST", "/user/5"),
        ("POST", "/user/5/0192f0e4-7d00-7000-8000-000000000001"),
        ("DELETE", "/user/5/0192f0e4-7d00-7000-8000-000000000001"),
    ] {
        let asked = [
            ("Origin", "https://page.example"),
            ("Access-Control-Request-Method", method),
            (
                "Access-Control-Request-Headers",
                "authorization,content-type,x-auth-token",
            ),
        ];
        let (_, base) = chat.rest_address()?;
        let asked = request(Method::OPTIONS, &format!("{base}{path}"), &asked);
        let (status, headers, _) = chat.exchange(asked).await?;
        assert!(status.is_success(), "a browser takes no other status: {status}");
        assert_eq!(items(&headers, "access-control-allow-origin"), ["*"]);
        let methods = items(&headers, "access-control-allow-methods");
        assert!(methods.contains(&method.to_ascii_lowercase()), "{methods:?}");
        let headers = items(&headers, "access-control-allow-headers");
        for name in ["authorization", "content-type", "x-auth-token", "idempotency-key"] {
            assert!(headers.iter().any(|header| header == name), "{headers:?}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_page_may_read_answers_and_errors_of_the_chat() -> Result<()> {
    let chat = Chat::shared().await?;
    for path in ["", "/list", "/nowhere"] {
        let answer = chat
            .rest(request(Method::GET, path, &[("Origin", "https://page.example")]))
            .await?;
        assert_eq!(items(&answer.headers, "access-control-allow-origin"), ["*"], "{path}");
        assert!(
            !answer.headers.contains_key("access-control-allow-credentials"),
            "no browser takes it with every origin"
        );
    }
    Ok(())
}
