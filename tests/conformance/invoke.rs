//! Lambda's Invoke and a request's log, as `aws lambda invoke` and SDKs use them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    bench::{Bench, PLAIN, mark},
    requirement::{Requirement, Skipped, requirement},
};

const INVOKE: &str = "Lambda API reference, Invoke";
const LOGS: &str = "Lambda developer guide, Working with Lambda function logs";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement("lambda.invoke.every_form_of_a_name", INVOKE, every_form_of_a_name),
        requirement(
            "lambda.invoke.answers_with_the_payload",
            INVOKE,
            answers_with_the_payload,
        ),
        requirement("lambda.invoke.no_payload_is_an_empty_event", INVOKE, no_payload),
        requirement("lambda.invoke.event_is_202", INVOKE, event_is_202),
        requirement("lambda.invoke.dry_run_is_204", INVOKE, dry_run_is_204),
        requirement("lambda.invoke.function_error_is_200", INVOKE, function_error_is_200),
        requirement("lambda.invoke.unknown_function_is_404", INVOKE, unknown_function),
        requirement("lambda.invoke.malformed_payload_is_400", INVOKE, malformed_payload),
        requirement("lambda.invoke.too_large_is_413", "Lambda quotas", too_large),
        requirement("lambda.invoke.client_context", INVOKE, client_context),
        requirement("lambda.invoke.boto3", INVOKE, boto3),
        requirement("lambda.log.start_end_report", LOGS, start_end_report),
        requirement("lambda.log.belongs_to_its_request", LOGS, belongs_to_its_request),
        requirement("lambda.log.names_a_timeout", LOGS, names_a_timeout),
    ]
}

async fn every_form_of_a_name() -> Result<()> {
    let bench = PLAIN.bench()?;
    for name in [
        "OneWay",
        "OneWay:$LATEST",
        "123456789012:function:OneWay",
        "arn:aws:lambda:us-east-1:123456789012:function:OneWay",
        "arn%3Aaws%3Alambda%3Aus-east-1%3A123456789012%3Afunction%3AOneWay%3Alive",
    ] {
        let context = bench.steps(name, &json!([{"context": 0}])).await?;
        ensure!(context["name"] == "OneWay", "{name}: {context}");
    }
    Ok(())
}

async fn answers_with_the_payload() -> Result<()> {
    let payload = json!({"probe": [{"answer": {"a": [1, "b"]}}]}).to_string();
    let reply = PLAIN.bench()?.invoke("OneWay", &[], &payload).await?;
    ensure!(
        (reply.status, reply.text().as_str()) == (200, r#"{"a":[1,"b"]}"#),
        "{reply:?}"
    );
    ensure!(reply.header("x-amz-executed-version") == "$LATEST", "{reply:?}");
    ensure!(reply.header("x-amzn-requestid").len() == 36, "{reply:?}");
    ensure!(reply.header("x-amz-function-error").is_empty(), "{reply:?}");
    ensure!(reply.header("x-amz-log-result").is_empty(), "{reply:?}");
    Ok(())
}

async fn no_payload() -> Result<()> {
    let reply = PLAIN.bench()?.invoke("OneWay", &[], "").await?;
    ensure!(
        (reply.status, reply.json()) == (200, json!({"statusCode": 200})),
        "{reply:?}"
    );
    Ok(())
}

async fn event_is_202() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let payload = json!({"mark": mark}).to_string();
    let reply = bench
        .invoke("OneWay", &[("X-Amz-Invocation-Type", "Event")], &payload)
        .await?;
    ensure!((reply.status, reply.body.len()) == (202, 0), "{reply:?}");
    let came = bench
        .recorder
        .event("the event", |recorded| recorded.event["mark"] == mark);
    ensure!(came.await?.function == "OneWay");
    Ok(())
}

async fn dry_run_is_204() -> Result<()> {
    let bench = PLAIN.bench()?;
    let mark = mark();
    let payload = json!({"mark": mark}).to_string();
    let reply = bench
        .invoke("Alone", &[("X-Amz-Invocation-Type", "DryRun")], &payload)
        .await?;
    ensure!((reply.status, reply.body.len()) == (204, 0), "{reply:?}");
    // A request that does run comes after it.
    bench.invoke("Alone", &[], "{}").await?;
    ensure!(
        bench
            .recorder
            .events(|recorded| recorded.event["mark"] == mark)
            .is_empty()
    );
    Ok(())
}

async fn function_error_is_200() -> Result<()> {
    let payload = json!({"probe": [{"throw": "no"}]}).to_string();
    let reply = PLAIN.bench()?.invoke("OneWay", &[], &payload).await?;
    ensure!(reply.status == 200, "{reply:?}");
    ensure!(reply.header("x-amz-function-error") == "Unhandled", "{reply:?}");
    ensure!(reply.json()["errorMessage"] == "no", "{reply:?}");
    Ok(())
}

async fn unknown_function() -> Result<()> {
    let reply = PLAIN.bench()?.invoke("Nobody", &[], "{}").await?;
    ensure!(reply.status == 404, "{reply:?}");
    ensure!(
        reply.header("x-amzn-errortype") == "ResourceNotFoundException",
        "{reply:?}"
    );
    Ok(())
}

async fn malformed_payload() -> Result<()> {
    let reply = PLAIN.bench()?.invoke("OneWay", &[], "{").await?;
    ensure!(reply.status == 400, "{reply:?}");
    ensure!(
        reply.header("x-amzn-errortype") == "InvalidRequestContentException",
        "{reply:?}"
    );
    Ok(())
}

async fn too_large() -> Result<()> {
    let bench = PLAIN.bench()?;
    let payload = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
    let reply = bench.invoke("OneWay", &[], &payload(6 * 1024 * 1024 + 1)).await?;
    ensure!(reply.status == 413, "{}", reply.status);
    ensure!(reply.header("x-amzn-errortype") == "RequestTooLargeException");
    let event = [("X-Amz-Invocation-Type", "Event")];
    let reply = bench.invoke("OneWay", &event, &payload(1024 * 1024 + 1)).await?;
    ensure!(reply.status == 413, "{}", reply.status);
    Ok(())
}

async fn client_context() -> Result<()> {
    let context = STANDARD.encode(r#"{"custom":{"a":"b"}}"#);
    let payload = json!({"probe": [{"context": 0}]}).to_string();
    let reply = PLAIN
        .bench()?
        .invoke("OneWay", &[("X-Amz-Client-Context", &context)], &payload)
        .await?;
    ensure!(reply.json()["clientContext"]["custom"]["a"] == "b", "{reply:?}");
    Ok(())
}

/// What AWS's own SDK for Python makes of the answers.
const SCRIPT: &str = r#"
import boto3, json, sys
from botocore.config import Config
lambda_ = boto3.client("lambda", endpoint_url=sys.argv[1], region_name="us-east-1", aws_access_key_id="local",
    aws_secret_access_key="local", config=Config(retries={"max_attempts": 0}))
probe = lambda steps: json.dumps({"probe": steps})
told = {}
answer = lambda_.invoke(FunctionName="OneWay", LogType="Tail", Payload=probe([{"log": "hello"}, {"answer": {"a": 1}}]))
told["status"], told["payload"], told["version"] = answer["StatusCode"], json.load(answer["Payload"]), answer["ExecutedVersion"]
told["log"] = "LogResult" in answer
told["error"] = lambda_.invoke(FunctionName="OneWay", Payload=probe([{"throw": "no"}]))["FunctionError"]
told["event"] = lambda_.invoke(FunctionName="OneWay", InvocationType="Event")["StatusCode"]
told["dry"] = lambda_.invoke(FunctionName="OneWay", InvocationType="DryRun")["StatusCode"]
try:
    lambda_.invoke(FunctionName="arn:aws:lambda:us-east-1:123456789012:function:Nobody")
except lambda_.exceptions.ResourceNotFoundException as error:
    told["unknown"] = error.response["Error"]["Message"]
print(json.dumps(told))
"#;

async fn boto3() -> Result<()> {
    let bench = PLAIN.bench()?;
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(".senna/sam/bin/python");
    if !python.is_file() {
        let why = format!("{} is not there; .ci/sam-setup installs it", python.display());
        return Err(Skipped(why).into());
    }
    let output = Command::new(python)
        .args(["-c", SCRIPT, &bench.stack.addresses.lambda])
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let told: Value = serde_json::from_slice(&output.stdout)?;
    let expected = json!({
        "status": 200, "payload": {"a": 1}, "version": "$LATEST", "log": true, "error": "Unhandled", "event": 202, "dry": 204,
        "unknown": "Function not found: arn:aws:lambda:us-east-1:123456789012:function:Nobody",
    });
    ensure!(told == expected, "{told}");
    Ok(())
}

/// The log of a request that does these steps, and its id.
async fn log_of(bench: &Bench, function: &str, steps: Value) -> Result<(String, String)> {
    let payload = json!({"probe": steps}).to_string();
    let reply = bench.invoke(function, &[("X-Amz-Log-Type", "Tail")], &payload).await?;
    let log = STANDARD.decode(reply.header("x-amz-log-result")).context("a log")?;
    Ok((String::from_utf8(log)?, reply.header("x-amzn-requestid").to_owned()))
}

async fn start_end_report() -> Result<()> {
    let (log, id) = log_of(PLAIN.bench()?, "Alone", json!([{"log": "hello"}])).await?;
    let lines: Vec<&str> = log.lines().collect();
    let [start, hello, end, report] = lines.as_slice() else {
        anyhow::bail!("{log}")
    };
    ensure!(*start == format!("START RequestId: {id} Version: $LATEST"), "{log}");
    ensure!(*hello == "hello" && *end == format!("END RequestId: {id}"), "{log}");
    let fields: Vec<&str> = report.split('\t').collect();
    let names = [
        "REPORT RequestId: ",
        "Duration: ",
        "Billed Duration: ",
        "Memory Size: 128 MB",
    ];
    ensure!(
        fields.iter().zip(names).all(|(field, name)| field.starts_with(name)) && fields.len() >= names.len(),
        "{report}"
    );
    Ok(())
}

async fn belongs_to_its_request() -> Result<()> {
    let bench = PLAIN.bench()?;
    // One process, whose output is one pipe, and request after request.
    for number in 0..20 {
        let text = format!("line-{number}");
        let (log, id) = log_of(bench, "Talker", json!([{"log": text}])).await?;
        ensure!(log.contains(&format!("\n{text}\nEND RequestId: {id}\n")), "{log}");
        ensure!(log.matches("line-").count() == 1, "{log}");
    }
    Ok(())
}

async fn names_a_timeout() -> Result<()> {
    let (log, _) = log_of(PLAIN.bench()?, "Hasty", json!([{"gate": mark()}])).await?;
    ensure!(log.contains("Task timed out after 1.00 seconds"), "{log}");
    ensure!(log.contains("\tStatus: timeout"), "{log}");
    Ok(())
}
