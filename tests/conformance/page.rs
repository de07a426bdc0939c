//! The page that `cargo run` prints first. Its port answers nobody but the page.

use anyhow::{Context as _, Result, ensure};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use tests::{Request, exchange};

use crate::{
    bench::{Bench, PLAIN},
    requirement::{Requirement, requirement},
};

/// What these rest on: nothing of AWS, but our own promise.
const OURS: &str = "docs/local.md";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("page.serves_the_very_client", OURS, serves_the_very_client),
        requirement("page.has_a_strict_policy", OURS, has_a_strict_policy),
        requirement("page.gives_tokens_that_hold", OURS, gives_tokens_that_hold),
        requirement("page.answers_no_other_page", OURS, answers_no_other_page),
        requirement("page.serves_no_other_file", OURS, serves_no_other_file),
        requirement("page.switches_faults", OURS, switches_faults),
        requirement("page.cuts_connections", OURS, cuts_connections),
    ]
}

async fn ask(
    bench: &Bench,
    method: Method,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Result<(StatusCode, HeaderMap, String)> {
    let address = bench.stack.addresses.page.strip_prefix("http://");
    let request = Request {
        method,
        path: path.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        body: body.as_bytes().to_vec(),
    };
    let (status, headers, body) = exchange(address.context("the page is HTTP")?, request).await?;
    Ok((status, headers, String::from_utf8(body)?))
}

async fn get(bench: &Bench, path: &str) -> Result<(StatusCode, HeaderMap, String)> {
    ask(bench, Method::GET, path, &[], "").await
}

async fn switch(bench: &Bench, fault: &str, on: bool) -> Result<Value> {
    let body = json!({"fault": fault, "on": on}).to_string();
    let (status, _, answer) = ask(bench, Method::POST, "/faults", &[], &body).await?;
    ensure!(status == 200, "{status} {answer}");
    Ok(serde_json::from_str(&answer)?)
}

fn own() -> Result<Bench> {
    tokio::task::block_in_place(|| Bench::start("template.yaml", &[]))
}

async fn serves_the_very_client() -> Result<()> {
    let bench = PLAIN.bench()?;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../clients/js");
    for (path, file, kind) in [
        ("/", "demo/index.html", "text/html; charset=utf-8"),
        ("/demo.js", "demo/demo.js", "text/javascript; charset=utf-8"),
        ("/demo.css", "demo/demo.css", "text/css; charset=utf-8"),
        ("/src/client.js", "src/client.js", "text/javascript; charset=utf-8"),
        ("/asyncapi", "demo/description.html", "text/html; charset=utf-8"),
        ("/openapi.json", "../../docs/openapi.json", "application/json"),
    ] {
        let (status, headers, body) = get(bench, path).await?;
        ensure!(
            status == 200 && headers["content-type"] == kind,
            "{path}: {status} {headers:?}"
        );
        ensure!(body == std::fs::read_to_string(format!("{folder}/{file}"))?, "{path}");
    }
    Ok(())
}

async fn has_a_strict_policy() -> Result<()> {
    let bench = PLAIN.bench()?;
    for path in ["/", "/config.json", "/nothing"] {
        let (_, headers, _) = get(bench, path).await?;
        let policy = headers["content-security-policy"].to_str()?;
        ensure!(
            policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"),
            "{policy}"
        );
        ensure!(!policy.contains("unsafe") && headers["x-content-type-options"] == "nosniff");
    }
    Ok(())
}

async fn gives_tokens_that_hold() -> Result<()> {
    let bench = PLAIN.bench()?;
    let config: Value = serde_json::from_str(&get(bench, "/config.json").await?.2)?;
    let addresses = &bench.stack.addresses;
    ensure!(
        config["rest"] == addresses.rest && config["websocket"] == addresses.websocket,
        "{config}"
    );
    let users = config["people"].as_array().context("people")?;
    ensure!(users.len() == 2, "{config}");
    for person in users {
        let token = person["token"].as_str().context("a token")?;
        crypto::install();
        let key = jsonwebtoken::DecodingKey::from_secret(tests::SECRET.as_bytes());
        let claims = jsonwebtoken::decode::<Value>(token, &key, &jsonwebtoken::Validation::default())?.claims;
        ensure!(
            claims.to_string().contains(person["user"].as_str().context("a user")?),
            "{claims}"
        );
    }
    Ok(())
}

async fn answers_no_other_page() -> Result<()> {
    let bench = PLAIN.bench()?;
    for headers in [
        [("origin", "https://example.com")],
        [("sec-fetch-site", "cross-site")],
        [("host", "example.com")],
    ] {
        for (method, path) in [(Method::GET, "/config.json"), (Method::POST, "/faults")] {
            let (status, _, body) = ask(bench, method, path, &headers, r#"{"fault":"cut"}"#).await?;
            ensure!(
                status == 403 && !body.contains("token\":"),
                "{headers:?} {status} {body}"
            );
        }
    }
    Ok(())
}

async fn serves_no_other_file() -> Result<()> {
    let bench = PLAIN.bench()?;
    for path in [
        "/package.json",
        "/../README.md",
        "/src/../package.json",
        "/src/..%2fpackage.json",
        "/tests/fake.js",
        "/docs/openapi.json",
        "/demo/../../../docs/clients.md",
        "/src/package.json",
        "/src/",
    ] {
        let (status, _, body) = get(bench, path).await?;
        ensure!(status == 404, "{path}: {status} {body}");
    }
    Ok(())
}

async fn switches_faults() -> Result<()> {
    let bench = own()?;
    ensure!(switch(&bench, "lose-pushes", true).await?["faults"]["lose-pushes"] == true);
    let connected = bench.connect().await?;
    ensure!(bench.connections(Method::POST, &connected.id, "lost").await?.status == 500);
    let state = switch(&bench, "freeze", true).await?;
    ensure!(
        state == json!({"faults": {"lose-pushes": true, "throttle": false, "freeze": true}}),
        "{state}"
    );
    switch(&bench, "freeze", false).await?;
    let state = switch(&bench, "lose-pushes", false).await?;
    ensure!(state["faults"]["lose-pushes"] == false, "{state}");
    ensure!(bench.connections(Method::POST, &connected.id, "next").await?.status == 200);
    for wrong in ["{}", "no JSON", r#"{"fault":"unknown"}"#] {
        let (status, ..) = ask(&bench, Method::POST, "/faults", &[], wrong).await?;
        ensure!(status == 400, "{wrong}: {status}");
    }
    Ok(())
}

async fn cuts_connections() -> Result<()> {
    let bench = own()?;
    let mut connected = bench.connect().await?;
    switch(&bench, "cut", true).await?;
    ensure!(connected.client.text().await.is_err());
    Ok(())
}
