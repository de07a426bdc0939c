//! What the REST API answered.

use anyhow::{Context as _, Result, ensure};
use http::HeaderMap;
use serde_json::Value;

/// A response: its status, and its body as JSON.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; lines of JSON as a list.
    pub body: Value,
}

impl Answer {
    pub(crate) fn new(status: u16, headers: HeaderMap, body: Vec<u8>) -> Result<Self> {
        let text = String::from_utf8(body).context("the body is not UTF-8")?;
        let is_lines = headers
            .get("content-type")
            .is_some_and(|kind| kind == "application/x-ndjson");
        let body = if is_lines {
            text.lines().map(serde_json::from_str::<Value>).collect()
        } else {
            serde_json::from_str(&text)
        };
        let body = body.with_context(|| format!("{status} with a body that is not JSON: {text}"))?;
        Ok(Self {
            status,
            headers,
            text,
            body,
        })
    }

    /// The body of a success.
    ///
    /// # Errors
    /// When the status is another.
    pub fn ok(self, status: u16) -> Result<Value> {
        ensure!(
            self.status == status,
            "{} instead of {status}: {}",
            self.status,
            self.text
        );
        Ok(self.body)
    }

    /// The error of the body on one line: status, code, name and message.
    ///
    /// # Errors
    /// When the body is not exactly an error's: these properties and no other, the status repeated, a request id.
    pub fn error(&self) -> Result<String> {
        let line = error_line(&self.body).with_context(|| format!("{} {}", self.status, self.text))?;
        ensure!(
            self.body["status"] == self.status,
            "status {} says {}",
            self.status,
            self.text
        );
        Ok(line)
    }
}

/// An error object on one line: status, code, name and message.
///
/// # Errors
/// When it has not exactly the properties of the contract.
pub fn error_line(error: &Value) -> Result<String> {
    let object = error.as_object().context("an error must be an object")?;
    let names = object.keys().map(String::as_str);
    // Only an error that passes with time has it.
    let names: Vec<&str> = names.filter(|name| *name != "retry_after").collect();
    ensure!(
        names == ["code", "error", "message", "name", "request_id", "status"],
        "these properties: {names:?}"
    );
    ensure!(error["error"] == true, "`error` must be true");
    ensure!(
        error["request_id"].as_str().is_some_and(|id| !id.is_empty()),
        "there must be a request id"
    );
    let code = error["code"]
        .as_str()
        .or(error["code"].is_null().then_some("null"))
        .context("a code is text or null")?;
    let text = |name: &str| error[name].as_str().with_context(|| format!("{name} is text"));
    Ok(format!(
        "{} {code} {}: {}",
        error["status"],
        text("name")?,
        text("message")?
    ))
}
