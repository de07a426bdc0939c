//! CodeDeploy and Lambda, as a lifecycle hook needs them: which version is deployed, what it answers, and how the check ended.
//!
//! # Source
//! CodeDeploy API reference, `GetDeployment`, `GetApplicationRevision` and `PutLifecycleEventHookExecutionStatus` (JSON 1.1, target prefix
//! `CodeDeploy_20141006`); CodeDeploy User Guide, "AppSpec File example for an AWS Lambda deployment"; Lambda API reference, Invoke.

#![expect(
    clippy::indexing_slicing,
    reason = "a JSON value is indexed here, where what is not there is null"
)]

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response, request};
use serde_json::{Value, json};

use super::aws::{Reason, Service, Tries};
use crate::config::DeploymentsConfig;
use crate::ports::Unavailable;

/// A function starts cold, and has 10 s for its own answer.
const TRIES: Tries = Tries {
    most: 2,
    first_wait: Duration::from_millis(200),
    limit: Duration::from_secs(15),
};

/// The deployments of this account.
#[derive(Debug)]
pub struct Deployments {
    addresses: DeploymentsConfig,
    codedeploy: Service,
    lambda: Service,
}

/// The version of a function that waits for traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The function's name in Lambda.
    pub function: String,
    /// The number of the version.
    pub version: String,
}

/// What Lambda answered to an Invoke.
#[derive(Debug)]
pub enum Invoked {
    /// The function answered this.
    Answered(Vec<u8>),
    /// The function failed. What Lambda says of it, and the end of the function's log.
    Failed(String, String),
}

impl Deployments {
    /// Asks these addresses.
    pub fn new(config: DeploymentsConfig) -> Self {
        Self {
            codedeploy: Service::new("codedeploy", &config.access, TRIES),
            lambda: Service::new("lambda", &config.access, TRIES),
            addresses: config,
        }
    }

    /// The version that this deployment is about to give traffic. Its AppSpec says it. `GetDeployment` may leave out the text of the AppSpec; then
    /// `GetApplicationRevision` has it.
    ///
    /// # Errors
    /// [`Unavailable`] if CodeDeploy does not answer, or the AppSpec names no version.
    pub async fn target(&self, deployment: &str) -> Result<Target, Unavailable> {
        let asked = json!({"deploymentId": deployment});
        let answer = self.codedeploy("GetDeployment", &asked).await?;
        let info = &answer["deploymentInfo"];
        let mut revision = info["revision"].clone();
        if app_spec(&revision).is_none() {
            let asked = json!({"applicationName": info["applicationName"], "revision": revision});
            revision = self.codedeploy("GetApplicationRevision", &asked).await?["revision"].clone();
        }
        let target = app_spec(&revision).and_then(Target::of);
        target.ok_or_else(|| {
            Unavailable::new(
                "codedeploy",
                "the AppSpec of the deployment names no function and version",
            )
        })
    }

    /// Invokes a version with this event, and waits for the answer.
    ///
    /// # Errors
    /// [`Unavailable`] if Lambda does not run it.
    pub async fn invoke(&self, target: &Target, event: &Value) -> Result<Invoked, Unavailable> {
        let Target { function, version } = target;
        let address = &self.addresses.lambda;
        let request = Request::post(format!(
            "{address}/2015-03-31/functions/{function}/invocations?Qualifier={version}"
        ));
        let request = request
            .header(CONTENT_TYPE, "application/json")
            .header("x-amz-log-type", "Tail");
        let answer = ask(&self.lambda, request, event).await;
        let answer = answer.map_err(|reason| Unavailable::new("lambda", reason))?;
        let header = |name: &str| {
            let value = answer.headers().get(name).and_then(|value| value.to_str().ok());
            value.map(str::to_owned)
        };
        let (failure, log) = (header("x-amz-function-error"), header("x-amz-log-result"));
        let payload = answer.body();
        if failure.is_none() {
            return Ok(Invoked::Answered(payload.to_vec()));
        }
        let error: Value = serde_json::from_slice(payload).unwrap_or_default();
        let said = ["errorType", "errorMessage"].map(|name| error[name].as_str().unwrap_or_default());
        let log = log.and_then(|log| STANDARD.decode(log).ok()).unwrap_or_default();
        Ok(Invoked::Failed(
            said.join(": "),
            String::from_utf8_lossy(&log).into_owned(),
        ))
    }

    /// Tells CodeDeploy how the check ended. After `false` it stops the deployment, and the version gets no traffic.
    ///
    /// # Errors
    /// [`Unavailable`] if CodeDeploy does not take it.
    pub async fn report(&self, deployment: &str, execution: &str, is_good: bool) -> Result<(), Unavailable> {
        let status = if is_good { "Succeeded" } else { "Failed" };
        let body = json!({"deploymentId": deployment, "lifecycleEventHookExecutionId": execution, "status": status});
        self.codedeploy("PutLifecycleEventHookExecutionStatus", &body)
            .await
            .map(drop)
    }

    async fn codedeploy(&self, operation: &str, body: &Value) -> Result<Value, Unavailable> {
        let request = Request::post(format!("{}/", self.addresses.codedeploy))
            .header(CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("CodeDeploy_20141006.{operation}"));
        let answer = ask(&self.codedeploy, request, body).await;
        let answer = answer.and_then(|answer| Ok(serde_json::from_slice(answer.body())?));
        answer.map_err(|reason| Unavailable::new("codedeploy", reason))
    }
}

/// Sends a request, and returns an answer with 2xx.
async fn ask(service: &Service, request: request::Builder, body: &Value) -> Result<Response<Bytes>, Reason> {
    let answer = service.exchange(&request.body(body.to_string().into())?, || ()).await?;
    if answer.status().is_success() {
        return Ok(answer);
    }
    // It names the missing right, and no secret.
    let said = String::from_utf8_lossy(answer.body());
    Err(format!("{}: {said}", answer.status()).into())
}

impl Target {
    /// Reads an AppSpec, in JSON or in YAML: CodeDeploy takes both, and which of them CloudFormation writes is not documented.
    fn of(app_spec: &str) -> Option<Self> {
        let (function, version) = (value(app_spec, "Name")?, value(app_spec, "TargetVersion")?);
        Some(Self {
            function: last_part(function),
            version: last_part(version),
        })
    }
}

/// The text of an AppSpec. `string` is the deprecated name of `appSpecContent`.
fn app_spec(revision: &Value) -> Option<&str> {
    let content = |name: &str| revision[name]["content"].as_str();
    content("appSpecContent").or_else(|| content("string"))
}

/// The plain text after a key, whether these are quoted or not.
fn value<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let is_word = |character: char| character.is_ascii_alphanumeric() || "-_:".contains(character);
    text.match_indices(key).find_map(|(place, _)| {
        let (before, after) = (text.get(..place)?, text.get(place + key.len()..)?);
        let is_key = !before.ends_with(|character: char| character.is_ascii_alphanumeric());
        let after = after.trim_start_matches(['"', '\'']).trim_start().strip_prefix(':')?;
        let after = after.trim_start().trim_start_matches(['"', '\'']);
        let value = after.split(|character| !is_word(character)).next()?;
        (is_key && !value.is_empty()).then_some(value)
    })
}

/// A function or a version may be named by its ARN.
fn last_part(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_found_in_an_app_spec_of_either_form() {
        let properties =
            json!({"Name": "senna-Send-1A2B", "Alias": "live", "CurrentVersion": "6", "TargetVersion": "7"});
        let resource = json!({"type": "AWS::Lambda::Function", "FileName": {"Type": "AWS::Lambda::Function", "Properties": properties}});
        let json = json!({"version": 0.0, "Resources": [resource], "Hooks": [{"BeforeAllowTraffic": "x"}]});
        let yaml = "version: 0.0\nResources:\n  - aName:\n      Type: AWS::Lambda::Function\n      Properties:\n        Name: \"senna-Send-1A2B\"\n        \
                    Alias: live\n        CurrentVersion: 6\n        TargetVersion: '7'\n";
        let arn = r#"{"Name":"senna-Send-1A2B","TargetVersion":"arn:aws:lambda:eu-west-1:123456789012:function:senna-Send-1A2B:7"}"#;
        for spec in [json.to_string().as_str(), yaml, arn] {
            let target = Target::of(spec).unwrap();
            assert_eq!(
                (target.function.as_str(), target.version.as_str()),
                ("senna-Send-1A2B", "7"),
                "{spec}"
            );
        }
        assert_eq!(Target::of(r#"{"Resources":[]}"#), None);
    }

    #[test]
    fn both_kinds_of_revisions_have_their_text() {
        let kept = json!({"revisionType": "AppSpecContent", "appSpecContent": {"content": "a", "sha256": "x"}});
        let raw = json!({"revisionType": "String", "string": {"content": "b"}});
        let hidden = json!({"revisionType": "AppSpecContent", "appSpecContent": {"sha256": "x"}});
        assert_eq!(
            [app_spec(&kept), app_spec(&raw), app_spec(&hidden)],
            [Some("a"), Some("b"), None]
        );
    }
}
