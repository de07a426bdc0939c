//! Requests that no good client sends: odd bytes, odd hosts, bodies without an end, and those of a page in the developer's browser.

use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use http::Method;
use serde_json::{Value, json};
use tests::{PATIENCE, Request, exchange};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    bench::{Bench, Connected, PLAIN},
    http::{get, request},
    requirement::{Requirement, requirement},
};

/// AWS documents nothing here; the gateway must answer and live on.
const LIVE_ON: &str = "not documented: an answer, and the next request is answered too";
/// No page can sign a request to AWS, so none can use these addresses there.
const UNSIGNED: &str =
    "developer guide, Use @connections commands: requests are signed; Lambda API reference, Invoke: the same";
/// How many bodies hang at a time.
const HALF_SENT: usize = 50;

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("http.odd.query_bytes", LIVE_ON, query_bytes),
        requirement("http.odd.hosts", LIVE_ON, hosts),
        requirement("http.odd.half_sent_body_is_408", LIVE_ON, half_sent_body_is_408),
        requirement("conn.page.is_refused", UNSIGNED, connections_refuse_a_page),
        requirement("lambda.invoke.page_is_refused", UNSIGNED, invoke_refuses_a_page),
        requirement("local.control.page_is_refused", UNSIGNED, control_refuses_a_page),
    ]
}

/// Sends these bytes, and returns status and body of the answer, after which the gateway ends the connection.
async fn raw(address: &str, bytes: &[u8]) -> Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(bytes).await?;
    let mut answer = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut answer))
        .await
        .context("the connection has no end")??;
    let end = answer
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .context("no answer")?;
    let body = answer.split_off(end + 4);
    let status = String::from_utf8_lossy(&answer)
        .split(' ')
        .nth(1)
        .context("no status")?
        .parse()?;
    Ok((status, body))
}

/// A GET of this target at this host, whose function answers with its event.
fn echo_of(target: &[u8], host: &str) -> Vec<u8> {
    let steps = json!([{"echo": 200}]);
    let rest = format!(" HTTP/1.1\r\nHost: {host}\r\nX-Probe: {steps}\r\nConnection: close\r\n\r\n");
    [b"GET ", target, rest.as_bytes()].concat()
}

async fn query_bytes() -> Result<()> {
    let address = PLAIN.bench()?.http_address();
    let single = (1..=u8::MAX).map(|byte| vec![byte]);
    let several: [&[u8]; 5] = ["ä€😀".as_bytes(), b"%", b"%zz", b"%ff", b"\xf0\x9f"];
    for value in single.chain(several.map(<[u8]>::to_vec)) {
        let target = [b"/fixed?a=", value.as_slice()].concat();
        let (status, body) = raw(address, &echo_of(&target, address))
            .await
            .with_context(|| format!("{value:?}"))?;
        if status == 400 {
            continue;
        }
        ensure!(status == 200, "{value:?}: {status}");
        // A function is told what was sent, to the byte.
        let event: Value = serde_json::from_slice(&body)?;
        let told = event["rawQueryString"].as_str().unwrap_or_default();
        let due = String::from_utf8(value.clone())?;
        // What follows a `#` is not sent by clients, and belongs to no query.
        ensure!(
            told == format!("a={}", due.trim_end_matches('#')),
            "{value:?}: {told:?}"
        );
    }
    Ok(())
}

async fn hosts() -> Result<()> {
    let bench = PLAIN.bench()?;
    for (host, due) in [
        ("1.2.3.4.5", 200),
        ("xn--", 200),
        ("a:65536", 200),
        ("chat.a.com.", 200),
        ("a b", 400),
        ("a/b", 400),
        ("", 400),
        ("[::1", 400),
    ] {
        let (status, body) = raw(bench.http_address(), &echo_of(b"/fixed", host)).await?;
        ensure!(status == due, "{host:?}: {status}");
        if status == 200 {
            let event: Value = serde_json::from_slice(&body)?;
            ensure!(event["headers"]["host"] == host, "{host:?}: {event}");
        }
        let (status, _) = raw(bench.socket_address(), &echo_of(b"/stage", host)).await?;
        ensure!(
            status == if due == 200 { 426 } else { 400 },
            "{host:?} at the socket: {status}"
        );
    }
    ensure!(bench.http(get("/fixed")).await?.status == 200);
    Ok(())
}

/// The limit is 30 seconds, and here a twentieth of it.
async fn half_sent_body_is_408() -> Result<()> {
    let bench = tokio::task::block_in_place(|| Bench::start("template.yaml", &["--clock-scale", "20"]))?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    let push = format!("/stage/@connections/{}", id.replace('=', "%3D"));
    let half_sent = async |address: &str, path: &str| {
        let head = format!("POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: 9\r\n\r\nhalf");
        raw(address, head.as_bytes()).await
    };
    for (address, path) in [
        (bench.http_address(), "/items"),
        (bench.socket_address(), push.as_str()),
    ] {
        for (status, body) in try_join_all((0..HALF_SENT).map(|_| half_sent(address, path))).await? {
            ensure!(status == 408, "{path}: {status} {}", String::from_utf8_lossy(&body));
        }
    }
    ensure!(bench.connections(Method::POST, &id, "whole").await?.status == 200);
    ensure!(client.text().await? == "whole");
    Ok(())
}

/// What browsers add to the request of a page, whichever way it is sent.
const OF_A_PAGE: [&[(&str, &str)]; 4] = [
    &[("Origin", "https://page.example"), ("Content-Type", "text/plain")],
    &[
        ("Origin", "null"),
        ("Content-Type", "application/x-www-form-urlencoded"),
    ],
    &[("Sec-Fetch-Site", "cross-site")],
    &[
        ("Sec-Fetch-Site", "same-origin"),
        ("Content-Type", "application/octet-stream"),
    ],
];

async fn connections_refuse_a_page() -> Result<()> {
    let bench = PLAIN.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    let path = format!("/stage/@connections/{}", id.replace('=', "%3D"));
    for headers in OF_A_PAGE {
        for method in [Method::POST, Method::GET, Method::DELETE] {
            let reply = bench
                .at_connections(request(method.clone(), &path, headers, b"evil"))
                .await?;
            ensure!(
                (reply.status, reply.json()) == (403, json!({"message": "Forbidden"})),
                "{method}: {reply:?}"
            );
        }
    }
    ensure!(bench.connections(Method::POST, &id, "good").await?.status == 200);
    ensure!(client.text().await? == "good", "nothing of the page came");
    Ok(())
}

async fn invoke_refuses_a_page() -> Result<()> {
    let bench = PLAIN.bench()?;
    for headers in OF_A_PAGE {
        let reply = bench.invoke("Fixed", headers, "{}").await?;
        ensure!(
            reply.status == 403 && reply.header("x-amzn-errortype") == "AccessDeniedException",
            "{reply:?}"
        );
    }
    Ok(())
}

async fn control_refuses_a_page() -> Result<()> {
    let bench = PLAIN.bench()?;
    let address = bench.stack.addresses.control.trim_start_matches("http://");
    for headers in OF_A_PAGE {
        for (method, path, body) in [
            (Method::POST, "/connections/cut", r#"{"fraction": 1}"#),
            (Method::PUT, "/faults", "{}"),
            (Method::GET, "/faults", ""),
        ] {
            let asked: Request = request(method, path, headers, body.as_bytes());
            let (status, _, _) = exchange(address, asked).await?;
            ensure!(status == 403, "{path}: {status}");
        }
    }
    Ok(())
}
