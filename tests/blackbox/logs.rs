//! What a function writes where no local stack is around it.

use std::io::{Read as _, Seek as _, SeekFrom};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use jsonwebtoken::Algorithm;
use serde_json::{Value, json};
use tests::token::Signer;
use tests::{SECRET, root, until, web_server};
use tokio::process::Command;

/// The invocation has all the time that it needs.
const IN_2100_MS: &str = "4102444800000";
const REQUEST_ID: &str = "8476a536-e9f4-11e8-9739-2dfe598c3fcd";

/// The answers to invocations.
type Answers = Arc<Mutex<Vec<Value>>>;

/// Lambda's Runtime API. It gives these invocations one after the other, and keeps the answers.
fn lambda(events: Vec<Value>, answers: &Answers) -> Result<String> {
    let waiting = Arc::new(Mutex::new(events.into_iter()));
    let next = async move || {
        let event = waiting.lock().unwrap_or_else(PoisonError::into_inner).next();
        let Some(event) = event else {
            // As Lambda does: nothing comes until something is there.
            return std::future::pending().await;
        };
        let headers = [
            ("lambda-runtime-aws-request-id", REQUEST_ID.to_owned()),
            ("lambda-runtime-deadline-ms", IN_2100_MS.to_owned()),
            (
                "lambda-runtime-invoked-function-arn",
                "arn:aws:lambda:us-east-1:123456789012:function:Send".to_owned(),
            ),
            (
                "lambda-runtime-trace-id",
                "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=1".to_owned(),
            ),
        ];
        (headers, event.to_string()).into_response()
    };
    let answers = Arc::clone(answers);
    let response = async move |body: String| {
        let answer = serde_json::from_str(&body).unwrap_or_default();
        answers.lock().unwrap_or_else(PoisonError::into_inner).push(answer);
        StatusCode::ACCEPTED
    };
    web_server::serve(
        Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(response)),
    )
}

/// Runs a function as Lambda does, with these variables, until it has answered these events. Returns the answers and its log.
pub(crate) async fn run(
    function: &str,
    variables: &[(&str, &str)],
    events: Vec<Value>,
) -> Result<(Vec<Value>, String)> {
    let (answers, due) = (Answers::default(), events.len());
    let runtime_api = lambda(events, &answers)?;
    let file = tempfile::tempfile()?;
    let mut process = Command::new(tests::function(function)?)
        .env_clear()
        .envs([
            ("AWS_LAMBDA_RUNTIME_API", runtime_api.trim_start_matches("http://")),
            ("AWS_LAMBDA_FUNCTION_NAME", "Send"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("SOCK_PUSH_ENDPOINT", "http://127.0.0.1:1/live"),
            ("SOCK_REDIS_URL", "redis://127.0.0.1:1"),
            ("SOCK_JWT_SECRET", SECRET),
        ])
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file.try_clone()?)
        .kill_on_drop(true)
        .spawn()?;
    let answers = until("the function has answered", async || {
        let answers = answers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(Some(answers).filter(|answers| answers.len() == due))
    });
    // A function that refuses its variables ends by itself.
    let answers = tokio::select! {
        answers = answers => answers?,
        _ = process.wait() => Vec::new(),
    };
    process.start_kill().ok();
    process.wait().await?;
    let mut written = String::new();
    let mut file = file;
    file.seek(SeekFrom::Start(0))?;
    file.read_to_string(&mut written)?;
    Ok((answers, written))
}

/// The names in the query that the documents give for CloudWatch Logs Insights, without its own `@timestamp`.
fn documented_fields() -> Result<Vec<String>> {
    let operations = std::fs::read_to_string(root().join("docs/operations.md"))?;
    let query = operations
        .lines()
        .find(|line| line.starts_with("fields @timestamp"))
        .context("there is a query")?;
    let (fields, filter) = query.split_once(" | filter ").context("it has a filter")?;
    let filtered = filter.split(' ').next().unwrap_or_default();
    let fields = fields.trim_start_matches("fields ").split(", ");
    Ok(fields
        .chain([filtered])
        .filter(|field| !field.starts_with('@'))
        .map(str::to_owned)
        .collect())
}

#[tokio::test]
async fn the_documented_query_finds_what_a_function_writes() -> Result<()> {
    let token = Signer::secret(Algorithm::HS256, SECRET).user(&json!(7))?;
    let event = json!({
        "version": "2.0", "routeKey": "POST /api/{target}/{id}", "rawPath": "/api/user/8", "rawQueryString": "",
        "headers": {"x-auth-token": token, "host": "chat.example"},
        "requestContext": {"http": {"method": "POST", "path": "/api/user/8"}},
        "body": r#"{"type":"text","text":"a secret text"}"#, "isBase64Encoded": false,
    });
    let (answers, written) = run("send", &[], vec![event]).await?;
    assert_eq!(answers[0]["statusCode"], 503, "{answers:?}");
    let lines: Vec<Value> = written
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    assert_eq!(lines.len(), written.lines().count(), "every line is JSON:\n{written}");
    let found: Vec<&Value> = lines
        .iter()
        .filter(|line| line["span"]["request_id"] == REQUEST_ID)
        .collect();
    let failed = found
        .iter()
        .find(|line| line["message"] == "failed")
        .context("the failure is logged")?;
    for field in documented_fields()? {
        let place = format!("/{}", field.replace('.', "/"));
        assert!(failed.pointer(&place).is_some(), "{field} is not in {failed}");
    }
    assert!(
        !written.contains("a secret text") && !written.contains(&token),
        "{written}"
    );
    Ok(())
}
