//! The HTTP API with a named stage, and CORS.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};

use crate::{
    bench::{Bench, Reply, STAGED},
    http::{get, request},
    requirement::{Requirement, requirement},
};

const STAGES: &str = "API Gateway developer guide, Stages for HTTP APIs; powertools-lambda-python issue 621";
const CORS: &str = "API Gateway developer guide, Configure CORS for HTTP APIs";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("http.stage.is_the_first_part_of_the_path", STAGES, stage_in_path),
        requirement("http.stage.is_needed", STAGES, stage_is_needed),
        requirement("http.cors.preflight_is_the_gateways", CORS, preflight),
        requirement(
            "http.cors.preflight_of_a_foreign_origin_has_no_headers",
            CORS,
            foreign_preflight,
        ),
        requirement(
            "http.cors.preflight_goes_to_a_route_that_takes_options",
            CORS,
            preflight_to_a_route,
        ),
        requirement("http.cors.headers_are_added_to_answers", CORS, cors_headers_are_added),
        requirement(
            "http.cors.headers_of_the_function_are_ignored",
            CORS,
            cors_headers_are_ignored,
        ),
        requirement("http.cors.origins_by_scheme", CORS, origins_by_scheme),
    ]
}

/// What a function of the API with a named stage is told.
async fn staged(path: &str) -> Result<Value> {
    let steps = json!([{"echo": 200}]);
    Ok(STAGED
        .bench()?
        .http(Bench::request(Method::GET, path, &steps))
        .await?
        .json())
}

async fn stage_in_path() -> Result<()> {
    let event = staged("/dev/fixed").await?;
    ensure!(
        event["rawPath"] == "/dev/fixed" && event["routeKey"] == "GET /fixed",
        "{event}"
    );
    let context = &event["requestContext"];
    ensure!(
        context["stage"] == "dev" && context["http"]["path"] == "/dev/fixed",
        "{event}"
    );
    for root in ["/dev", "/dev/"] {
        ensure!(staged(root).await?["routeKey"] == "GET /", "{root}");
    }
    Ok(())
}

async fn stage_is_needed() -> Result<()> {
    for path in ["/fixed", "/device/fixed", "/"] {
        let reply = STAGED.bench()?.http(get(path)).await?;
        ensure!(reply.status == 404, "{path}: {reply:?}");
    }
    Ok(())
}

/// What a browser asks before a page of `origin` may POST to `path`, and the function's steps, should it be asked.
async fn preflight_of(origin: &str, path: &str, steps: &Value) -> Result<Reply> {
    let headers = [
        ("Origin", origin),
        ("Access-Control-Request-Method", "POST"),
        ("Access-Control-Request-Headers", "content-type"),
        ("X-Probe", &steps.to_string()),
    ];
    STAGED
        .bench()?
        .http(request(Method::OPTIONS, path, &headers, b""))
        .await
}

/// The names of the headers of CORS that an answer has.
fn cors_headers(reply: &Reply) -> Vec<&str> {
    let names = reply.headers.keys().map(http::HeaderName::as_str);
    names.filter(|name| name.starts_with("access-control-")).collect()
}

async fn preflight() -> Result<()> {
    let reply = preflight_of("https://page.example", "/dev/fixed", &json!([])).await?;
    ensure!((reply.status, reply.body.len()) == (204, 0), "{reply:?}");
    for (name, value) in [
        ("access-control-allow-origin", "https://page.example"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "Content-Type,X-Token"),
        ("access-control-max-age", "600"),
    ] {
        ensure!(reply.header(name) == value, "{name}: {reply:?}");
    }
    Ok(())
}

async fn foreign_preflight() -> Result<()> {
    let reply = preflight_of("https://other.example", "/dev/fixed", &json!([])).await?;
    ensure!(reply.status == 204 && cors_headers(&reply).is_empty(), "{reply:?}");
    Ok(())
}

async fn preflight_to_a_route() -> Result<()> {
    let reply = preflight_of(
        "https://page.example",
        "/dev/any",
        &json!([{"answer": {"statusCode": 418}}]),
    )
    .await?;
    ensure!(reply.status == 418, "{reply:?}");
    ensure!(reply.header("access-control-allow-methods") == "GET,POST", "{reply:?}");
    Ok(())
}

/// The answer to a GET of a page of `origin`, with headers of CORS that the function brings.
async fn fetched(origin: &str) -> Result<Reply> {
    let own =
        json!({"Access-Control-Allow-Origin": "https://evil.example", "Access-Control-Allow-Credentials": "true"});
    let steps = json!([{"answer": {"statusCode": 200, "headers": own}}]);
    let mut request = Bench::request(Method::GET, "/dev/fixed", &steps);
    request.headers.push(("Origin".to_owned(), origin.to_owned()));
    STAGED.bench()?.http(request).await
}

async fn cors_headers_are_added() -> Result<()> {
    let reply = fetched("https://page.example").await?;
    ensure!(
        reply.header("access-control-allow-origin") == "https://page.example",
        "{reply:?}"
    );
    ensure!(reply.header("access-control-expose-headers") == "X-Shown", "{reply:?}");
    Ok(())
}

async fn cors_headers_are_ignored() -> Result<()> {
    let reply = fetched("https://other.example").await?;
    ensure!(reply.status == 200 && cors_headers(&reply).is_empty(), "{reply:?}");
    let reply = fetched("https://page.example").await?;
    ensure!(reply.header("access-control-allow-credentials").is_empty(), "{reply:?}");
    Ok(())
}

async fn origins_by_scheme() -> Result<()> {
    let reply = fetched("http://any.example:8080").await?;
    ensure!(
        reply.header("access-control-allow-origin") == "http://any.example:8080",
        "{reply:?}"
    );
    Ok(())
}
