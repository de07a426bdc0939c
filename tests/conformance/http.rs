//! The HTTP API: which route a request takes, what its function is told, and what becomes of the answer.

use anyhow::{Result, ensure};
use http::Method;
use serde_json::{Value, json};
use tests::Request;

use crate::{
    bench::{Bench, PLAIN, Reply, STAGED, mark},
    requirement::{Requirement, requirement},
};

/// The page on events and answers of a Lambda integration.
const INTEGRATION: &str = "API Gateway developer guide, Create AWS Lambda proxy integrations for HTTP APIs";
const ROUTES: &str = "API Gateway developer guide, Create routes for HTTP APIs, Routing API requests";
const QUOTAS: &str = "API Gateway developer guide, Quotas for configuring and running an HTTP API";
const STREAMS: &str =
    "API Gateway developer guide, Stream the integration response: REST APIs only; the 500 is the stricter reading";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("http.event.path_parameters", INTEGRATION, path_parameters),
        requirement("http.event.greedy_path_parameter", ROUTES, greedy_path_parameter),
        requirement(
            "http.event.repeated_query_values_are_comma_joined",
            INTEGRATION,
            repeated_query,
        ),
        requirement("http.event.query_is_decoded", INTEGRATION, query_is_decoded),
        requirement("http.event.header_names_are_lower_case", INTEGRATION, header_names),
        requirement(
            "http.event.repeated_headers_are_comma_joined",
            INTEGRATION,
            repeated_headers,
        ),
        requirement("http.event.cookies_are_apart", INTEGRATION, cookies_are_apart),
        requirement("http.event.absent_is_left_out", INTEGRATION, absent_is_left_out),
        requirement("http.event.text_body", INTEGRATION, text_body),
        requirement("http.event.other_bodies_are_base64", INTEGRATION, other_bodies),
        requirement("http.event.context", INTEGRATION, context),
        requirement("http.route.most_specific_wins", ROUTES, most_specific_wins),
        requirement("http.route.default_takes_the_rest", ROUTES, default_takes_the_rest),
        requirement("http.route.none_is_404", ROUTES, no_route),
        requirement(
            "http.answer.status_headers_and_cookies",
            INTEGRATION,
            status_headers_and_cookies,
        ),
        requirement("http.answer.base64_body_is_decoded", INTEGRATION, base64_body),
        requirement("http.answer.without_status_is_the_body", INTEGRATION, without_status),
        requirement("http.answer.malformed_is_500", INTEGRATION, malformed),
        requirement("http.answer.streamed_is_500", STREAMS, streamed),
        requirement("http.answer.has_the_request_id", INTEGRATION, has_the_request_id),
        requirement("http.limit.body_beyond_10_mb_is_413", QUOTAS, body_beyond_10_mb),
        requirement("http.limit.body_beyond_lambda_is_413", QUOTAS, body_beyond_lambda),
        requirement("http.limit.head_beyond_10240_bytes_is_431", QUOTAS, head_beyond),
        requirement("http.timeout.is_503", QUOTAS, timeout_is_503),
    ]
}

/// The event that a request to the stack without a named stage becomes.
async fn event(mut request: Request) -> Result<Value> {
    let echo = ("X-Probe".to_owned(), json!([{"echo": 200}]).to_string());
    request.headers.push(echo);
    Ok(PLAIN.bench()?.http(request).await?.json())
}

/// A request.
pub(crate) fn request(method: Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Request {
    let headers = headers.iter();
    Request {
        method,
        path: path.to_owned(),
        headers: headers
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.to_vec(),
    }
}

/// A GET without anything.
pub(crate) fn get(path: &str) -> Request {
    request(Method::GET, path, &[], b"")
}

async fn path_parameters() -> Result<()> {
    let event = event(get("/items/a%20b/parts/7")).await?;
    ensure!(event["pathParameters"] == json!({"id": "a b", "part": "7"}), "{event}");
    ensure!(event["routeKey"] == "ANY /items/{id}/parts/{part}", "{event}");
    Ok(())
}

async fn greedy_path_parameter() -> Result<()> {
    let event = event(get("/files/a/b/c")).await?;
    ensure!(event["pathParameters"] == json!({"path": "a/b/c"}), "{event}");
    Ok(())
}

async fn repeated_query() -> Result<()> {
    let event = event(get("/fixed?a=1&b=2&a=3")).await?;
    ensure!(
        event["queryStringParameters"] == json!({"a": "1,3", "b": "2"}),
        "{event}"
    );
    ensure!(event["rawQueryString"] == "a=1&b=2&a=3", "{event}");
    Ok(())
}

async fn query_is_decoded() -> Result<()> {
    let event = event(get("/fixed?a%5B%5D=x%20y%26z&empty")).await?;
    ensure!(
        event["queryStringParameters"] == json!({"a[]": "x y&z", "empty": ""}),
        "{event}"
    );
    ensure!(event["rawQueryString"] == "a%5B%5D=x%20y%26z&empty", "{event}");
    Ok(())
}

async fn header_names() -> Result<()> {
    let event = event(request(Method::GET, "/fixed", &[("X-MiXed", "Value")], b"")).await?;
    ensure!(event["headers"]["x-mixed"] == "Value", "{event}");
    Ok(())
}

async fn repeated_headers() -> Result<()> {
    let event = event(request(Method::GET, "/fixed", &[("X-A", "1"), ("X-A", "2")], b"")).await?;
    ensure!(event["headers"]["x-a"] == "1,2", "{event}");
    Ok(())
}

async fn cookies_are_apart() -> Result<()> {
    let event = event(request(Method::GET, "/fixed", &[("Cookie", "a=1; b=2")], b"")).await?;
    ensure!(event["cookies"] == json!(["a=1", "b=2"]), "{event}");
    ensure!(event["headers"].get("cookie").is_none(), "{event}");
    Ok(())
}

async fn absent_is_left_out() -> Result<()> {
    let event = event(get("/fixed")).await?;
    for name in ["body", "cookies", "queryStringParameters", "pathParameters"] {
        ensure!(event.get(name).is_none(), "{name}: {event}");
    }
    ensure!(
        event["rawQueryString"] == "" && event["isBase64Encoded"] == false,
        "{event}"
    );
    Ok(())
}

async fn text_body() -> Result<()> {
    let json = [("Content-Type", "application/json")];
    let event = event(request(Method::POST, "/any", &json, "{\"a\":\"ä\"}".as_bytes())).await?;
    ensure!(
        event["body"] == "{\"a\":\"ä\"}" && event["isBase64Encoded"] == false,
        "{event}"
    );
    Ok(())
}

async fn other_bodies() -> Result<()> {
    for kind in [
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "image/png",
    ] {
        let event = event(request(Method::POST, "/any", &[("Content-Type", kind)], b"a=b")).await?;
        ensure!(
            event["body"] == "YT1i" && event["isBase64Encoded"] == true,
            "{kind}: {event}"
        );
    }
    Ok(())
}

async fn context() -> Result<()> {
    let event = event(request(Method::PUT, "/items/7?a=b", &[("User-Agent", "me")], b"")).await?;
    let context = &event["requestContext"];
    ensure!(event["version"] == "2.0" && event["rawPath"] == "/items/7", "{event}");
    ensure!(
        context["stage"] == "$default" && context["routeKey"] == "ANY /items/{id}",
        "{event}"
    );
    let http = json!({"method": "PUT", "path": "/items/7", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "me"});
    ensure!(context["http"] == http, "{event}");
    let id = context["requestId"].as_str().unwrap_or_default();
    ensure!(id.len() == 16 && id.ends_with('='), "{event}");
    ensure!(context["timeEpoch"].is_i64(), "{event}");
    Ok(())
}

async fn most_specific_wins() -> Result<()> {
    for (path, key) in [
        ("/fixed", "GET /fixed"),
        ("/items/7", "ANY /items/{id}"),
        ("/items/7/parts/8", "ANY /items/{id}/parts/{part}"),
        ("/files/x", "ANY /files/{path+}"),
    ] {
        let event = event(get(path)).await?;
        ensure!(event["routeKey"] == key, "{path}: {event}");
    }
    Ok(())
}

async fn default_takes_the_rest() -> Result<()> {
    for (method, path) in [
        (Method::POST, "/fixed"),
        (Method::GET, "/"),
        (Method::DELETE, "/nowhere"),
        (Method::GET, "/fixed/"),
    ] {
        let event = event(request(method, path, &[], b"")).await?;
        ensure!(event["routeKey"] == "$default", "{path}: {event}");
    }
    Ok(())
}

async fn no_route() -> Result<()> {
    let reply = STAGED.bench()?.http(get("/dev/nowhere")).await?;
    ensure!(
        (reply.status, reply.json()) == (404, json!({"message": "Not Found"})),
        "{reply:?}"
    );
    let reply = STAGED
        .bench()?
        .http(request(Method::POST, "/dev/fixed", &[], b""))
        .await?;
    ensure!(reply.status == 404, "{reply:?}");
    Ok(())
}

/// What the client gets when the function answers with this.
async fn answered(answer: Value) -> Result<Reply> {
    let steps = json!([{"answer": answer}]);
    PLAIN.bench()?.http(Bench::request(Method::GET, "/fixed", &steps)).await
}

async fn status_headers_and_cookies() -> Result<()> {
    let answer = json!({
        "statusCode": 418, "headers": {"X-One": "1", "Content-Type": "text/x"}, "cookies": ["a=1; Path=/", "b=2"], "body": "hi",
    });
    let reply = answered(answer).await?;
    ensure!((reply.status, reply.text().as_str()) == (418, "hi"), "{reply:?}");
    ensure!(
        reply.header("x-one") == "1" && reply.header("content-type") == "text/x",
        "{reply:?}"
    );
    let cookies: Vec<_> = reply.headers.get_all("set-cookie").iter().collect();
    ensure!(cookies == ["a=1; Path=/", "b=2"], "{reply:?}");
    Ok(())
}

async fn base64_body() -> Result<()> {
    let reply = answered(json!({"statusCode": 200, "body": "AAEC/w==", "isBase64Encoded": true})).await?;
    ensure!(reply.body == [0, 1, 2, 255], "{reply:?}");
    Ok(())
}

async fn without_status() -> Result<()> {
    let reply = answered(json!({"hello": "you"})).await?;
    ensure!(
        (reply.status, reply.json()) == (200, json!({"hello": "you"})),
        "{reply:?}"
    );
    ensure!(reply.header("content-type") == "application/json", "{reply:?}");
    Ok(())
}

async fn malformed() -> Result<()> {
    for answer in [
        json!({"statusCode": "x"}),
        json!({"statusCode": 200, "body": {"a": 1}}),
        json!({"statusCode": 200, "headers": {"a": ["b"]}}),
    ] {
        let reply = answered(answer.clone()).await?;
        ensure!(
            (reply.status, reply.json()) == (500, json!({"message": "Internal Server Error"})),
            "{answer}: {reply:?}"
        );
    }
    Ok(())
}

async fn streamed() -> Result<()> {
    let steps = json!([{"stream": ["a", "b"]}]);
    let reply = PLAIN
        .bench()?
        .http(Bench::request(Method::GET, "/fixed", &steps))
        .await?;
    ensure!(reply.status == 500, "{reply:?}");
    Ok(())
}

async fn has_the_request_id() -> Result<()> {
    let reply = PLAIN
        .bench()?
        .http(Bench::request(Method::GET, "/fixed", &json!([{"echo": 200}])))
        .await?;
    ensure!(
        reply.header("apigw-requestid") == reply.json()["requestContext"]["requestId"],
        "{reply:?}"
    );
    Ok(())
}

async fn body_beyond_10_mb() -> Result<()> {
    let body = vec![b'x'; 10 * 1024 * 1024 + 1];
    let reply = PLAIN
        .bench()?
        .http(request(Method::POST, "/any", &[("Content-Type", "text/plain")], &body))
        .await?;
    ensure!(
        (reply.status, reply.json()) == (413, json!({"message": "Request Entity Too Large"})),
        "{reply:?}"
    );
    Ok(())
}

async fn body_beyond_lambda() -> Result<()> {
    // In base64 it is more than the 6 MB that Lambda takes.
    let body = vec![b'x'; 5 * 1024 * 1024];
    let reply = PLAIN
        .bench()?
        .http(request(Method::POST, "/any", &[("Content-Type", "image/png")], &body));
    let status = reply.await?.status;
    ensure!(status == 413, "{status}");
    Ok(())
}

async fn head_beyond() -> Result<()> {
    let bench = PLAIN.bench()?;
    let long = "x".repeat(9_000);
    ensure!(
        bench
            .http(request(Method::GET, "/fixed", &[("X-Long", &long)], b""))
            .await?
            .status
            == 200
    );
    let longer = "x".repeat(10_240);
    let reply = bench
        .http(request(Method::GET, "/fixed", &[("X-Long", &longer)], b""))
        .await?;
    ensure!(reply.status == 431, "{reply:?}");
    let reply = bench.http(get(&format!("/fixed?{longer}"))).await?;
    ensure!(reply.status == 431, "{reply:?}");
    Ok(())
}

async fn timeout_is_503() -> Result<()> {
    let steps = json!([{"gate": mark()}]);
    let reply = PLAIN
        .bench()?
        .http(Bench::request(Method::GET, "/quick", &steps))
        .await?;
    ensure!(
        (reply.status, reply.json()) == (503, json!({"message": "Service Unavailable"})),
        "{reply:?}"
    );
    Ok(())
}
