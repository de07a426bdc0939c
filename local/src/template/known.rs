//! Which parts of a template have an effect on answers, and which of them the local stack can play.
//!
//! The lists name what is served, and what has no effect on an answer. Everything else is refused by its name. This includes
//! what AWS adds later, because nobody can know now what it does.
//!
//! # Source
//! SAM's schema of each resource; `CloudFormation`'s list of types.

use super::{wrong::Wrong, yaml::Node};

/// Properties of a function that are served, or have no effect on an answer.
pub(super) const FUNCTION: &[&str] = &[
    "Architectures",
    "AssumeRolePolicyDocument",
    "AutoPublishAlias",
    "AutoPublishAliasAllProperties",
    "AutoPublishCodeSha256",
    "CodeSigningConfigArn",
    "CodeUri",
    "DeploymentPreference",
    "Description",
    "Environment",
    "EphemeralStorage",
    "Events",
    "FunctionName",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PackageType",
    "PermissionsBoundary",
    "Policies",
    "PropagateTags",
    "ProvisionedConcurrencyConfig",
    "PublishToLatestPublished",
    "RecursiveLoop",
    "ReservedConcurrentExecutions",
    "Role",
    "RolePath",
    "Runtime",
    "RuntimeManagementConfig",
    "SourceKMSKeyArn",
    "Tags",
    "Timeout",
    "Tracing",
    "VersionDeletionPolicy",
    "VersionDescription",
    "VpcConfig",
];
/// The same of an event of type `HttpApi`.
pub(super) const HTTP_EVENT: &[&str] = &[
    "ApiId",
    "Method",
    "Path",
    "PayloadFormatVersion",
    "RouteSettings",
    "TimeoutInMillis",
];
/// The same of an event of type `SQS`.
pub(super) const SQS_EVENT: &[&str] = &["BatchSize", "FunctionResponseTypes", "Queue", "ScalingConfig"];
/// The same of an event of type `Schedule`.
pub(super) const SCHEDULE_EVENT: &[&str] = &["Description", "Name", "RetryPolicy", "Schedule"];
/// The same of a queue. A FIFO queue and a name of its own are not played.
pub(super) const QUEUE: &[&str] = &[
    "DelaySeconds",
    "KmsMasterKeyId",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "Tags",
    "VisibilityTimeout",
];
/// The same of an HTTP API. Throttling by `DefaultRouteSettings` is not played: one developer doesn't reach it.
pub(super) const HTTP_API: &[&str] = &[
    "AccessLogSettings",
    "Auth",
    "CorsConfiguration",
    "DefaultRouteSettings",
    "Description",
    "FailOnWarnings",
    "Name",
    "PropagateTags",
    "RouteSettings",
    "StageName",
    "Tags",
];
/// The same of a WebSocket API.
pub(super) const WEBSOCKET_API: &[&str] = &[
    "AccessLogSettings",
    "DefaultRouteSettings",
    "Description",
    "DisableSchemaValidation",
    "IpAddressType",
    "Name",
    "PropagateTags",
    "RouteSelectionExpression",
    "RouteSettings",
    "Routes",
    "StageName",
    "Tags",
];
/// The same of its routes.
pub(super) const WEBSOCKET_ROUTE: &[&str] = &[
    "FunctionArn",
    "IntegrationTimeout",
    "OperationName",
    "RouteResponseSelectionExpression",
];
/// Families of resources that answer requests or call functions, ...
const ANSWERING: &[&str] = &[
    "AWS::Serverless::",
    "AWS::ApiGateway::",
    "AWS::ApiGatewayV2::",
    "AWS::Lambda::",
];
/// ... and what of them does neither.
const SILENT: &[&str] = &[
    "AWS::ApiGateway::Account",
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::Lambda::CodeSigningConfig",
    "AWS::Lambda::Permission",
    "AWS::Serverless::Connector",
    "AWS::Serverless::SimpleTable",
];

/// Refuses a mapping that has another key than these.
///
/// # Errors
/// [`Wrong`], at that key's value.
pub(super) fn only(known: &[&str], node: Option<&Node>, whose: &str) -> Result<(), Wrong> {
    let Some(node) = node else { return Ok(()) };
    match node
        .entries(whose)?
        .iter()
        .find(|(key, _)| !known.contains(&key.as_str()))
    {
        Some((key, value)) => Err(value.wrong(format!("the local stack doesn't know what {key} of {whose} does"))),
        None => Ok(()),
    }
}

/// Refuses a resource of a type that would have a part in answering, and isn't played here.
///
/// # Errors
/// [`Wrong`], at its type.
pub(super) fn silent(kind: &str, at: &Node, id: &str) -> Result<(), Wrong> {
    if ANSWERING.iter().any(|family| kind.starts_with(family)) && !SILENT.contains(&kind) {
        return Err(at.wrong(format!("the local stack doesn't serve {kind}, which {id} is")));
    }
    Ok(())
}
