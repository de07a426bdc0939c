//! The template: what is taken from it, and what is refused rather than guessed.

use std::fs;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::json;
use tokio::task::spawn_blocking;

use crate::{
    bench::Bench,
    requirement::{Requirement, requirement},
};

const PARAMETERS: &str = "CloudFormation user guide, Parameters syntax reference";
const INTRINSICS: &str = "CloudFormation template reference, Intrinsic functions";
const SAM: &str = "SAM specification, resource and event source properties";

const TIMEOUTS: &str = "developer guide, Quotas: 50 ms to 29 s for WebSocket APIs, 50 ms to 30 s for HTTP APIs";
const SELECTION: &str = "developer guide, Route selection expressions for WebSocket APIs";

pub(crate) fn requirements() -> Vec<Requirement> {
    vec![
        requirement(
            "template.parameter.overrides_the_default",
            PARAMETERS,
            overrides_the_default,
        ),
        requirement("template.parameter.without_value_is_refused", PARAMETERS, without_value),
        requirement("template.parameter.constraints_are_checked", PARAMETERS, constraints),
        requirement("template.parameter.unknown_is_refused", PARAMETERS, unknown_parameter),
        requirement("template.intrinsic.unknown_is_refused", INTRINSICS, unknown_intrinsic),
        requirement("template.event.unknown_is_refused", SAM, unknown_event),
        requirement("template.property.authorizer_is_refused", SAM, authorizer),
        requirement("template.property.layers_are_refused", SAM, layers),
        requirement("template.timeout.out_of_range_is_refused", TIMEOUTS, timeouts),
        requirement("template.selection.unknown_is_refused", SELECTION, selection),
        requirement("template.resource.other_api_is_refused", SAM, other_api),
    ]
}

async fn overrides_the_default() -> Result<()> {
    let flags = ["--parameter", "Memory=512"];
    let bench = tokio::task::block_in_place(|| Bench::start("staged.yaml", &flags))?;
    let context = bench.steps("Pages", &json!([{"context": 0}])).await?;
    ensure!(context["memoryMb"] == 512, "{context}");
    Ok(())
}

/// What the stack says when it doesn't start with this template and these flags.
async fn refusal(template: &str, flags: &[&str]) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("template.yaml");
    fs::write(&path, template)?;
    let path = path.to_str().context("the path is UTF-8")?.to_owned();
    let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
    let started = spawn_blocking(move || {
        let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
        Bench::start(&path, &flags)
    });
    match started.await? {
        Ok(_) => bail!("it starts"),
        Err(error) => Ok(format!("{error:#}")),
    }
}

/// The refusal names the file, the place and this.
async fn refused(template: &str, flags: &[&str], place: &str, what: &str) -> Result<()> {
    let said = refusal(template, flags).await?;
    ensure!(
        said.contains(&format!("template.yaml {place}: ")) && said.contains(what),
        "{said}"
    );
    Ok(())
}

const PARAMETER: &str = "Parameters:\n  Size: {Type: String, AllowedValues: [small, large]}\nResources: {}\n";

async fn without_value() -> Result<()> {
    refused(PARAMETER, &[], "line 2, column 9", "--parameter Size=VALUE").await
}

async fn constraints() -> Result<()> {
    let flags = ["--parameter", "Size=huge"];
    refused(PARAMETER, &flags, "line 2, column 9", "AllowedValues").await
}

async fn unknown_parameter() -> Result<()> {
    let flags = ["--parameter", "Size=small", "--parameter", "Colour=red"];
    refused(PARAMETER, &flags, "line 2, column 3", "Colour").await
}

/// A function with these properties, which begin in column 7 of line 6.
fn function(properties: &str) -> String {
    format!(
        "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: {{BuildProperties: {{Binary: probe}}}}\n    Properties:\n      {properties}\n"
    )
}

async fn unknown_intrinsic() -> Result<()> {
    let template = function("Timeout: !ImportValue x");
    refused(&template, &[], "line 6, column 16", "Fn::ImportValue").await
}

async fn unknown_event() -> Result<()> {
    let template = function("Events: {Tick: {Type: SNS, Properties: {Topic: x}}}");
    refused(&template, &[], "line 6, column 29", "Tick").await
}

async fn authorizer() -> Result<()> {
    let template =
        function("Events: {E: {Type: HttpApi, Properties: {Path: /a, Method: GET, Auth: {Authorizer: Mine}}}}");
    refused(&template, &[], "line 6, column 77", "Auth of the event E").await?;
    let api =
        "Resources:\n  Api:\n    Type: AWS::Serverless::HttpApi\n    Properties: {Auth: {DefaultAuthorizer: Mine}}\n";
    refused(api, &[], "line 4, column 44", "DefaultAuthorizer of Auth").await
}

async fn layers() -> Result<()> {
    let template = function("Layers: [arn:aws:lambda:us-east-1:123456789012:layer:x:1]");
    refused(&template, &[], "line 6, column 15", "Layers of F").await
}

/// A WebSocket API with this route selection and a route with this limit in milliseconds.
fn socket(selection: &str, millis: u32) -> String {
    let route = format!("{{FunctionArn: !GetAtt F.Arn, IntegrationTimeout: {millis}}}");
    let api = format!("StageName: x\n      RouteSelectionExpression: {selection}\n      Routes: {{$default: {route}}}");
    let function = function("Timeout: 1");
    format!("{function}  Api:\n    Type: AWS::Serverless::WebSocketApi\n    Properties:\n      {api}\n")
}

async fn timeouts() -> Result<()> {
    for millis in [0, 49, 29_001] {
        let template = socket("$request.body.action", millis);
        refused(&template, &[], "line 12, column 75", "50 to 29000 milliseconds").await?;
    }
    for millis in [49, 30_001] {
        let event = format!("{{Path: /a, Method: GET, TimeoutInMillis: {millis}}}");
        let template = function(&format!("Events: {{E: {{Type: HttpApi, Properties: {event}}}}}"));
        refused(&template, &[], "line 6, column 88", "50 to 30000 milliseconds").await?;
    }
    Ok(())
}

async fn selection() -> Result<()> {
    for expression in [
        "$context.routeKey",
        "'${request.header.x}'",
        "$request.bodyaction",
        "'${request.body.a'",
        "$request.body.a[0]",
        "a$request.body.b",
    ] {
        refused(
            &socket(expression, 50),
            &[],
            "line 11, column 33",
            "RouteSelectionExpression",
        )
        .await?;
    }
    Ok(())
}

async fn other_api() -> Result<()> {
    let template = "Resources:\n  Api:\n    Type: AWS::Serverless::Api\n    Properties: {StageName: x}\n";
    refused(template, &[], "line 3, column 11", "AWS::Serverless::Api").await
}
