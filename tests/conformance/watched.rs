//! `--watch`: a workspace of one function without dependencies, so that it builds in a second and without a network.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use serde_json::json;
use tests::PATIENCE;
use tokio::time::{sleep, timeout};

use crate::{
    bench::Bench,
    requirement::{Requirement, requirement},
};

/// Not of AWS: what the local stack promises to whoever edits a function.
const OWN: &str = "cargo run -- --help, --watch";

const TEMPLATE: &str = "Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties: {Runtime: provided.al2023, Timeout: 20}
";

/// A function that answers with `WORD`, over the Runtime API by hand.
const FUNCTION: &str = r#"
use std::{env, io::{Read, Write}, net::TcpStream};

fn call(api: &str, head: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(api).unwrap();
    write!(stream, "{head} HTTP/1.1\r\nHost: {api}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn main() {
    let api = env::var("AWS_LAMBDA_RUNTIME_API").unwrap();
    let base = "/2018-06-01/runtime/invocation";
    loop {
        let event = call(&api, &format!("GET {base}/next"), "");
        let id = event.lines().find_map(|line| line.strip_prefix("lambda-runtime-aws-request-id: ")).unwrap();
        call(&api, &format!("POST {base}/{id}/response"), "\"WORD\"");
    }
}
"#;

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![requirement(
        "local.watch.a_good_build_replaces_and_a_bad_one_does_not",
        OWN,
        watched,
    )]
}

fn write(folder: &Path, source: &str) -> Result<()> {
    Ok(fs::write(folder.join("f/src/main.rs"), source)?)
}

/// Waits until the stack has written this.
async fn logged(bench: &Bench, text: &str) -> Result<()> {
    let found = async {
        while !bench.stack.log().contains(text) {
            sleep(Duration::from_millis(20)).await;
        }
    };
    let found = timeout(PATIENCE, found).await;
    found.with_context(|| format!("it never says that {text}:\n{}", bench.stack.log()))
}

async fn watched() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let root = folder.path();
    fs::create_dir_all(root.join("f/src"))?;
    fs::write(root.join("template.yaml"), TEMPLATE)?;
    fs::write(
        root.join("Cargo.toml"),
        "[workspace]\nresolver = \"3\"\nmembers = [\"f\"]\n",
    )?;
    let package = "[package]\nname = \"f\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    fs::write(root.join("f/Cargo.toml"), package)?;
    write(root, &FUNCTION.replace("WORD", "one"))?;
    let template = root.join("template.yaml");
    let template = template.to_str().context("the path is UTF-8")?;
    let bench = tokio::task::block_in_place(|| Bench::start(template, &["--watch"]))?;
    let answer = || async { Ok::<_, anyhow::Error>(bench.invoke("F", &[], "{}").await?.json()) };
    ensure!(answer().await? == json!("one"));

    write(root, "fn main() { no }")?;
    logged(&bench, "the ones before serve on").await?;
    ensure!(answer().await? == json!("one"));

    write(root, &FUNCTION.replace("WORD", "two"))?;
    logged(&bench, "the new functions serve").await?;
    ensure!(answer().await? == json!("two"));

    fs::write(root.join("template.yaml"), format!("{TEMPLATE}# changed\n"))?;
    logged(&bench, "the template has changed").await?;
    Ok(())
}
