//! Routes, functions, versions and variables.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};

use crate::support::{expansion, of_type, referred, run, template, template_text, tool};

/// The function behind an alias, over its version.
pub(crate) fn function_of_alias<'a>(expansion: &'a Value, alias: &str) -> &'a str {
    let alias = &expansion["Resources"][alias];
    assert_eq!(alias["Type"], "AWS::Lambda::Alias");
    let function = referred(&alias["Properties"]["FunctionName"]);
    let version = alias["Properties"]["FunctionVersion"]["Fn::GetAtt"][0]
        .as_str()
        .unwrap();
    assert_eq!(
        referred(&expansion["Resources"][version]["Properties"]["FunctionName"]),
        function
    );
    function
}

/// Every function that an API may call, with what it may be called for.
fn callers(expansion: &Value) -> BTreeSet<(&str, String)> {
    let permissions = of_type(expansion, "AWS::Lambda::Permission").into_values();
    permissions
        .filter(|permission| permission["Principal"] != "events.amazonaws.com")
        .map(|permission| {
            assert_eq!(permission["Principal"], "apigateway.amazonaws.com");
            let source = &permission["SourceArn"]["Fn::Sub"];
            let source = source.as_str().or_else(|| source[0].as_str()).unwrap();
            let function = function_of_alias(expansion, referred(&permission["FunctionName"]));
            (function, source.rsplit(':').next().unwrap().to_owned())
        })
        .collect()
}

#[test]
fn every_rest_route_leads_to_its_function() {
    let Some(expansion) = expansion("url") else { return };
    let paths = expansion["Resources"]["RestApi"]["Properties"]["Body"]["paths"]
        .as_object()
        .unwrap();
    let mut found = BTreeSet::new();
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().unwrap() {
            let uri = &operation["x-amazon-apigateway-integration"]["uri"]["Fn::Sub"];
            let alias = uri
                .as_str()
                .unwrap()
                .split("${")
                .last()
                .unwrap()
                .split('}')
                .next()
                .unwrap();
            let place = (path.trim_start_matches('/') != "$default").then(|| (method.to_uppercase(), path.clone()));
            found.insert((place, function_of_alias(expansion, alias).to_owned()));
        }
    }
    let wanted: BTreeSet<_> = template()
        .http
        .routes
        .into_iter()
        .map(|route| (route.method_and_path, route.function))
        .collect();
    assert_eq!(found, wanted);
    let callers = callers(expansion);
    for (place, function) in &found {
        let path = place.as_ref().map_or("/*".to_owned(), |(method, path)| {
            let path = path
                .split('/')
                .map(|part| if part.starts_with('{') { "*" } else { part });
            format!("{method}{}", path.collect::<Vec<_>>().join("/"))
        });
        assert!(
            callers
                .iter()
                .any(|(allowed, source)| allowed == function && source.ends_with(&path)),
            "{path} may not call {function}: {callers:?}"
        );
    }
    let routes = of_type(expansion, "AWS::ApiGatewayV2::Route").len() + found.len();
    assert_eq!(callers.len(), routes, "nothing more may be called");
}

#[test]
fn every_websocket_route_leads_to_its_function() {
    let Some(expansion) = expansion("url") else { return };
    let api = template().websocket.unwrap();
    let callers = callers(expansion);
    let routes = of_type(expansion, "AWS::ApiGatewayV2::Route");
    let mut found = BTreeMap::new();
    for route in routes.values() {
        assert_eq!(referred(&route["ApiId"]), api.id);
        let integration = referred(&route["Target"]["Fn::Join"][1][1]);
        let integration = &expansion["Resources"][integration]["Properties"];
        assert_eq!(integration["IntegrationType"], "AWS_PROXY");
        let alias = referred(&integration["IntegrationUri"]["Fn::Sub"][1]["FunctionArn"]);
        let function = function_of_alias(expansion, alias);
        let key = route["RouteKey"].as_str().unwrap();
        assert!(
            callers.contains(&(function, format!("${{{}.ApiId}}/{}/{key}", api.id, api.stage))),
            "{key} may not call {function}: {callers:?}"
        );
        found.insert(key.to_owned(), function.to_owned());
    }
    let wanted: BTreeMap<_, _> = api
        .routes
        .into_iter()
        .map(|(key, route)| (key, route.function))
        .collect();
    assert_eq!(found, wanted);
}

/// Without both halves, the answers of `message` are dropped.
#[test]
fn the_default_route_is_two_way() {
    let Some(expansion) = expansion("url") else { return };
    let responses = of_type(expansion, "AWS::ApiGatewayV2::RouteResponse");
    let routes = of_type(expansion, "AWS::ApiGatewayV2::Route");
    let two_way: Vec<_> = responses
        .values()
        .map(|response| {
            assert_eq!(response["RouteResponseKey"], "$default");
            let route = routes[referred(&response["RouteId"])];
            assert_eq!(route["ApiId"], response["ApiId"]);
            assert_eq!(route["RouteResponseSelectionExpression"], "$default");
            &route["RouteKey"]
        })
        .collect();
    assert_eq!(two_way, ["$default"]);
}

#[test]
fn every_function_is_built_alike_and_given_what_our_reader_reads() {
    let Some(expansion) = expansion("url") else { return };
    let functions = of_type(expansion, "AWS::Lambda::Function");
    let template = template();
    assert!(
        functions
            .keys()
            .copied()
            .eq(template.functions.keys().map(String::as_str))
    );
    let mut stores = BTreeSet::new();
    for (id, function) in functions {
        assert_eq!(function["Runtime"], "provided.al2023", "{id}");
        assert_eq!(function["Architectures"], json!([{"Ref": "Architecture"}]), "{id}");
        assert_eq!(
            function["LoggingConfig"]["LogGroup"],
            json!({"Ref": "FunctionLogs"}),
            "{id}"
        );
        let seconds = function["Timeout"].as_u64().unwrap();
        let is_behind_the_queue = template.mappings.iter().any(|mapping| mapping.function == id);
        assert!(
            seconds <= 29 || is_behind_the_queue || id == "Check",
            "{id}: API Gateway does not wait {seconds} s for a WebSocket route"
        );
        let variables = function["Environment"]["Variables"].as_object().unwrap();
        let known: BTreeSet<_> = template.functions[id].environment.keys().collect();
        assert_eq!(variables.keys().collect::<BTreeSet<_>>(), known, "{id}");
        stores.extend(variables.get("SOCK_REDIS_URL").map(Value::to_string));
    }
    assert_eq!(stores.len(), 1, "all functions must find messages in one place");
}

/// Lambda keeps reserved executions free for their function, and never runs more of it. Handshakes need few. For other functions the reservation would
/// be a limit that nobody wants.
#[test]
fn only_handshakes_can_have_reserved_executions() {
    let Some(expansion) = expansion("url") else { return };
    let functions = of_type(expansion, "AWS::Lambda::Function");
    let reserving = functions
        .iter()
        .filter_map(|(id, function)| Some((*id, function.get("ReservedConcurrentExecutions")?)));
    // 0 executions would be a function that never runs.
    let connect = json!({"Fn::If": ["WithConnectConcurrency", {"Ref": "ConnectConcurrency"}, {"Ref": "AWS::NoValue"}]});
    assert_eq!(reserving.collect::<Vec<_>>(), [("Connect", &connect)]);
    let condition = json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "ConnectConcurrency"}, 0]}]});
    assert_eq!(expansion["Conditions"]["WithConnectConcurrency"], condition);
    assert_eq!(expansion["Parameters"]["ConnectConcurrency"]["Default"], 0);
}

/// A version is named after a hash of the function's properties as they are written. So a parameter's new value alone makes no new version,
/// and would never reach the alias; with another `SOCK_RELEASE` it does. That is a variable because a version holds variables: Lambda refuses to make
/// a version that holds nothing new, and the deployment fails.
///
/// # Source
/// github.com/aws/serverless-application-model issues 3281 and 3820; github.com/aws/aws-cdk pull request 14586 lists what a version holds.
#[test]
fn a_raised_release_makes_new_versions_and_a_parameter_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let raised = folder.path().join("template.yaml");
    let text = template_text();
    assert_eq!(text.matches("SOCK_RELEASE: \"1\"").count(), 1);
    fs::write(&raised, text.replace("SOCK_RELEASE: \"1\"", "SOCK_RELEASE: \"2\"")).unwrap();
    let versions = |template: &str, parameter: &str| {
        let mut python = tool("python")?;
        python.args(["tests/aws/expand.py", template, parameter]);
        let expansion: Value = serde_json::from_str(&run(python)).unwrap();
        let versions = of_type(&expansion, "AWS::Lambda::Version");
        Some(versions.into_keys().map(str::to_owned).collect::<BTreeSet<_>>())
    };
    let Some(before) = versions("template.yaml", "LogFilter=info") else {
        return;
    };
    assert_eq!(before.len(), template().functions.len());
    assert_eq!(versions("template.yaml", "LogFilter=debug").unwrap(), before);
    let after = versions(raised.to_str().unwrap(), "LogFilter=debug").unwrap();
    assert!(before.is_disjoint(&after), "{before:?} {after:?}");
}
