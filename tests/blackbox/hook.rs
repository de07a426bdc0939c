//! The function `check` as CodeDeploy calls it: versions that work get traffic, others do not. The versions are the functions themselves, run by the
//! local Lambda; only CodeDeploy is played here.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Json;
use axum::routing::post;
use local::lambda::{Call, FunctionSpec, InvokeApi, Lambda, LambdaOptions};
use local::redis::{Options, RedisServer};
use local::server::Listeners;
use local::template;
use redis::AsyncCommands as _;
use serde_json::{Value, json};
use tests::{SECRET, web_server};

/// What CodeDeploy was told, by deployment.
type Told = Arc<Mutex<BTreeMap<String, String>>>;

/// CodeDeploy. The id of a deployment is the name of the function whose version 7 is deployed. Like the real one, `GetDeployment` may say of an AppSpec
/// its hash alone.
async fn codedeploy(State(told): State<Told>, headers: HeaderMap, asked: String) -> (StatusCode, Json<Value>) {
    let asked: Value = serde_json::from_str(&asked).unwrap_or_default();
    let header = |name: &str| headers[name].to_str().unwrap_or_default().to_owned();
    let is_signed = header("authorization").contains("/us-east-1/codedeploy/aws4_request");
    if !is_signed || header("content-type") != "application/x-amz-json-1.1" {
        return (StatusCode::FORBIDDEN, Json(json!({"message": "unsigned"})));
    }
    let deployment = asked["deploymentId"].as_str().unwrap_or_default();
    let app_spec = |function: &str| {
        let properties = json!({"Name": function, "Alias": "live", "CurrentVersion": "6", "TargetVersion": "7"});
        let resource = json!({function: {"Type": "AWS::Lambda::Function", "Properties": properties}});
        json!({"version": 0.0, "Resources": [resource]}).to_string()
    };
    let answer = match header("x-amz-target").as_str() {
        "CodeDeploy_20141006.GetDeployment" if deployment.starts_with("nothing") => {
            return (
                StatusCode::BAD_REQUEST,
                Json(json!({"__type": "DeploymentDoesNotExistException"})),
            );
        }
        "CodeDeploy_20141006.GetDeployment" if deployment.contains("-Send-") => {
            let revision = json!({"revisionType": "String", "string": {"sha256": deployment}});
            json!({"deploymentInfo": {"applicationName": "senna", "revision": revision}})
        }
        "CodeDeploy_20141006.GetDeployment" => {
            let content = json!({"content": app_spec(deployment), "sha256": "x"});
            json!({"deploymentInfo": {"revision": {"revisionType": "AppSpecContent", "appSpecContent": content}}})
        }
        "CodeDeploy_20141006.GetApplicationRevision" if asked["applicationName"] == "senna" => {
            let function = asked["revision"]["string"]["sha256"].as_str().unwrap_or_default();
            json!({"revision": {"revisionType": "String", "string": {"content": app_spec(function)}}})
        }
        "CodeDeploy_20141006.PutLifecycleEventHookExecutionStatus" => {
            let status = asked["status"].as_str().unwrap_or_default().to_owned();
            let execution = asked["lifecycleEventHookExecutionId"].as_str().unwrap_or_default();
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(execution.to_owned(), status);
            json!({"lifecycleEventHookExecutionId": execution})
        }
        other => return (StatusCode::BAD_REQUEST, Json(json!({"message": other}))),
    };
    (StatusCode::OK, Json(answer))
}

/// The name in Lambda, the function of the template, and variables in place of the template's.
type Version<'a> = (&'a str, &'a str, &'a [(&'a str, &'a str)]);

/// AWS with these functions, and the hook.
struct Account {
    lambda: Arc<Lambda>,
    told: Told,
    _invoke: InvokeApi,
}

impl Account {
    /// Names are as CloudFormation would make them.
    async fn with(versions: &[Version<'_>], of_hook: &[(&str, &str)]) -> Result<Self> {
        let template = template::read(&tests::root().join("template.yaml"), &BTreeMap::new())?;
        let listeners = Listeners::bind("127.0.0.1", 0, "none").await?;
        let told = Told::default();
        let router = Router::new().route("/", post(codedeploy)).with_state(Arc::clone(&told));
        let (aws, own) = (
            web_server::serve(router)?,
            format!("http://127.0.0.1:{}", listeners.port()),
        );
        let endpoints = [
            ("AWS_ENDPOINT_URL_CODEDEPLOY", aws.as_str()),
            ("AWS_ENDPOINT_URL_LAMBDA", &own),
        ];
        let hook = ("CodeDeployHook_senna", "Check", &[&endpoints[..], of_hook].concat()[..]);
        let functions = versions.iter().chain([&hook]).map(|(name, id, variables)| {
            let function = template
                .functions
                .get(*id)
                .with_context(|| format!("no function {id}"))?;
            let mut environment = function.environment.clone();
            let given = variables
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            environment.extend(given);
            let spec = FunctionSpec {
                name: (*name).to_owned(),
                arn: (*name).to_owned(),
                executable: tests::function(&function.binary)?,
                timeout: Duration::from_secs(20),
                memory_mb: 256,
                reserved: None,
                environment,
            };
            Ok(((*name).to_owned(), spec))
        });
        let options = LambdaOptions {
            concurrency: 2,
            ..LambdaOptions::default()
        };
        let lambda = Arc::new(Lambda::start(functions.collect::<Result<_>>()?, options)?);
        Ok(Self {
            _invoke: InvokeApi::start(listeners, Arc::clone(&lambda)),
            lambda,
            told,
        })
    }

    /// Deploys version 7 of this function, and returns what CodeDeploy was told, and the log of the hook.
    async fn deploy(&self, function: &str) -> Result<(String, String)> {
        let execution = format!("execution of {function}");
        let event = json!({"DeploymentId": function, "LifecycleEventHookExecutionId": execution});
        let call = Call {
            payload: event.to_string().into(),
            ..Call::default()
        };
        let ended = self.lambda.run("CodeDeployHook_senna", call).await;
        ensure!(ended.result.is_ok(), "{:?}: {}", ended.result, ended.log_tail);
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let status = told.get(&execution).cloned();
        Ok((status.context("CodeDeploy was told nothing")?, ended.log_tail))
    }
}

/// What each function needs in place of AWS.
fn variables<'a>(redis: &'a str, own: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all = vec![
        ("SOCK_JWT_SECRET", SECRET),
        ("SOCK_REDIS_URL", redis),
        ("SOCK_PUSH_ENDPOINT", "http://127.0.0.1:1/live"),
        ("SOCK_QUEUE_URL", "http://127.0.0.1:1/1/work"),
    ];
    all.extend(own);
    all
}

#[tokio::test]
async fn a_good_version_of_every_function_gets_traffic_and_nothing_is_changed() -> Result<()> {
    let redis = RedisServer::start(&Options::default())?;
    let url = redis.url();
    let template = template::read(&tests::root().join("template.yaml"), &BTreeMap::new())?;
    let ids: Vec<&str> = template
        .functions
        .keys()
        .map(String::as_str)
        .filter(|id| *id != "Check")
        .collect();
    assert!(ids.len() > 20, "{ids:?}");
    let names: Vec<String> = ids.iter().map(|id| format!("my-stack-{id}-1A2b3C4d5E6f")).collect();
    let given = variables(&url, &[]);
    let versions: Vec<_> = names
        .iter()
        .zip(&ids)
        .map(|(name, id)| (name.as_str(), *id, &given[..]))
        .collect();
    let account = Account::with(&versions, &[("SOCK_JWT_SECRET", SECRET)]).await?;
    for name in &names {
        let (status, log) = account.deploy(name).await?;
        assert_eq!(status, "Succeeded", "{name}: {log}");
    }
    let mut connection = redis::Client::open(url.as_str())?
        .get_multiplexed_async_connection()
        .await?;
    let keys: Vec<String> = connection.keys("*").await?;
    for key in &keys {
        // Those of the limits of use, unless they have expired by now.
        let expires_in: i64 = connection.pttl(key).await?;
        assert!(key.ends_with(":limits") && expires_in != -1, "{key} stays");
    }
    account.lambda.stop().await;
    Ok(())
}

#[tokio::test]
async fn a_version_that_does_not_work_gets_no_traffic_and_the_log_says_why() -> Result<()> {
    let redis = RedisServer::start(&Options::default())?;
    let url = redis.url();
    let closed = format!("redis://{}", web_server::closed_port()?);
    let bad = |name, value| variables(&url, &[(name, value)]);
    let versions = [
        ("s-Send-1", "Send", bad("SOCK_JWT_ALGORITHM", "HS1"), "it can't start"),
        (
            "s-Connect-1",
            "Connect",
            bad("SOCK_ALLOWED_ORIGINS", "anything"),
            "it can't start",
        ),
        ("s-Worker-1", "Worker", bad("SOCK_QUEUE_URL", ""), "it can't start"),
        (
            "s-List-1",
            "List",
            bad("SOCK_REDIS_URL", &closed),
            "can't reach what it needs: Redis",
        ),
        (
            "s-Update-1",
            "Update",
            bad("SOCK_REDIS_URL", &closed),
            "can't reach what it needs: Redis",
        ),
        (
            "s-Message-1",
            "Message",
            bad("SOCK_REDIS_URL", &closed),
            "can't reach what it needs: Redis",
        ),
        (
            "s-Disconnect-1",
            "Disconnect",
            bad("SOCK_REDIS_URL", &closed),
            "can't reach what it needs: Redis",
        ),
        (
            "s-Welcome-1",
            "Welcome",
            bad("SOCK_JWT_SECRET", "another secret of 16"),
            "another secret",
        ),
    ];
    let all: Vec<_> = versions
        .iter()
        .map(|(name, id, variables, _)| (*name, *id, &variables[..]))
        .collect();
    let account = Account::with(&all, &[("SOCK_JWT_SECRET", SECRET)]).await?;
    for (name, _, _, why) in &versions {
        let (status, log) = account.deploy(name).await?;
        assert_eq!(status, "Failed", "{name}: {log}");
        assert!(log.contains(why) && !log.contains(SECRET), "{name}: {log}");
    }
    for (deployment, why) in [
        ("s-Nobody-1", "there are no probes for this function"),
        ("nothing", "DeploymentDoesNotExistException"),
        // Lambda does not know it.
        ("s-Blocks-1", "Function not found"),
    ] {
        let (status, log) = account.deploy(deployment).await?;
        assert_eq!(status, "Failed", "{deployment}: {log}");
        assert!(log.contains(why), "{deployment}: {log}");
    }
    account.lambda.stop().await;
    Ok(())
}

/// Only the platform can sign then.
#[tokio::test]
async fn without_a_shared_secret_the_probes_without_a_token_decide() -> Result<()> {
    let redis = RedisServer::start(&Options::default())?;
    let url = redis.url();
    let key = std::fs::read_to_string(tests::root().join("tests/keys/first.pub.pem"))?;
    let rsa = [
        ("SOCK_JWT_ALGORITHM", "RS256"),
        ("SOCK_JWT_PUBLIC_KEY", key.as_str()),
        ("SOCK_JWT_SECRET", ""),
    ];
    let broken = [&rsa[..], &[("SOCK_JWT_PUBLIC_KEY", "-----BEGIN")]].concat();
    let (good, bad) = (variables(&url, &rsa), variables(&url, &broken));
    let versions = [("s-List-1", "List", &good[..]), ("s-History-1", "History", &bad)];
    let account = Account::with(&versions, &rsa[..1]).await?;
    for (name, expected) in [("s-List-1", "Succeeded"), ("s-History-1", "Failed")] {
        let (status, log) = account.deploy(name).await?;
        assert_eq!(status, expected, "{name}: {log}");
    }
    account.lambda.stop().await;
    Ok(())
}
