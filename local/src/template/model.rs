//! What the local stack takes from a template: functions, HTTP routes and one WebSocket API.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Wrong,
    intrinsics::{Scope, function_arn, scalar},
    yaml::Node,
};

/// Lambda's `Timeout` when the template names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
/// Lambda's `MemorySize` when the template names none.
const DEFAULT_MEMORY_MB: u32 = 128;
/// The longest that an HTTP API waits for a function.
const HTTP_INTEGRATION_LIMIT: Duration = Duration::from_secs(30);
/// The longest that a WebSocket API waits for a function.
const WEBSOCKET_INTEGRATION_LIMIT: Duration = Duration::from_secs(29);

/// A template, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The functions, by logical id.
    pub functions: BTreeMap<String, Function>,
    /// The routes of the HTTP API.
    pub http_routes: Vec<HttpRoute>,
    /// The WebSocket API, if there is one.
    pub websocket: Option<WebSocketApi>,
}

/// A Lambda function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// `FunctionName`, or the logical id, from which CloudFormation makes a name.
    pub name: String,
    /// Package and binary, from `Metadata.BuildProperties.Binary`. Several functions may share one.
    pub binary: String,
    /// `Timeout`.
    pub timeout: Duration,
    /// `MemorySize`.
    pub memory_mb: u32,
    /// `ReservedConcurrentExecutions`.
    pub reserved: Option<usize>,
    /// `Environment.Variables`, evaluated.
    pub environment: BTreeMap<String, String>,
}

/// A route of the HTTP API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoute {
    /// Method in upper case and path, `ANY` for every method; `None` for `$default`.
    pub method_and_path: Option<(String, String)>,
    /// Logical id of the function.
    pub function: String,
    /// The longest that the gateway waits.
    pub timeout: Duration,
}

/// The WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketApi {
    /// Logical id, which stands in for the API's id.
    pub id: String,
    /// `StageName`, the first part of the path on AWS.
    pub stage: String,
    /// `RouteSelectionExpression`.
    pub selection: String,
    /// The routes by key.
    pub routes: BTreeMap<String, WebSocketRoute>,
}

/// A route of the WebSocket API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebSocketRoute {
    /// Logical id of the function.
    pub function: String,
    /// Whether the function's answer is sent to the client.
    pub two_way: bool,
    /// The longest that the gateway waits.
    pub timeout: Duration,
}

/// Builds the model.
///
/// # Errors
/// [`Wrong`], at the first thing that can't be served as it stands.
pub fn build(root: &Node) -> Result<Template, Wrong> {
    let scope = Scope::of(root)?;
    let globals = root.get("Globals").and_then(|globals| globals.get("Function"));
    let Some(resources) = root.get("Resources") else {
        return Err(root.wrong("the template has no Resources"));
    };
    let mut template = Template {
        functions: BTreeMap::new(),
        http_routes: Vec::new(),
        websocket: None,
    };
    let mut answering = Vec::new();
    for (id, resource) in resources.entries("Resources")? {
        if let Some(condition) = resource.get("Condition")
            && !scope.named_condition(condition)?
        {
            continue;
        }
        let Some(kind) = resource.get("Type") else {
            return Err(resource.wrong(format!("{id} has no Type")));
        };
        match scalar(kind, "Type")? {
            "AWS::Serverless::Function" => {
                template
                    .functions
                    .insert(id.clone(), function(&scope, id, resource, globals)?);
                http_routes(&scope, id, resource, &mut template.http_routes)?;
            }
            "AWS::Serverless::WebSocketApi" if template.websocket.is_some() => {
                return Err(resource.wrong("the local stack serves one WebSocket API, and this is the second"));
            }
            "AWS::Serverless::WebSocketApi" => template.websocket = Some(websocket(&scope, id, resource)?),
            "AWS::ApiGatewayV2::RouteResponse" => answering.extend(answered_route(&scope, resource)?),
            // Everything else has no part in answering a request.
            _ => {}
        }
    }
    if let Some(api) = &mut template.websocket {
        for (key, route) in &mut api.routes {
            route.two_way &= answering.contains(&route_id(&api.id, key));
        }
    }
    check_routes(root, &template)?;
    Ok(template)
}

/// The logical id that the transform gives a route: the API's, the key without `$` and with one capital, and `Route`.
fn route_id(api: &str, key: &str) -> String {
    let (first, rest) = key.trim_start_matches('$').split_at_checked(1).unwrap_or_default();
    format!("{api}{}{}Route", first.to_ascii_uppercase(), rest.to_ascii_lowercase())
}

fn check_routes(root: &Node, template: &Template) -> Result<(), Wrong> {
    let sockets = template
        .websocket
        .iter()
        .flat_map(|api| api.routes.values().map(|route| &route.function));
    for function in template.http_routes.iter().map(|route| &route.function).chain(sockets) {
        if !template.functions.contains_key(function) {
            return Err(root.wrong(format!(
                "a route leads to {function}, which is no function of this template"
            )));
        }
    }
    Ok(())
}

fn properties(resource: &Node) -> Option<&Node> {
    resource.get("Properties")
}

fn function(scope: &Scope<'_>, id: &str, resource: &Node, globals: Option<&Node>) -> Result<Function, Wrong> {
    let build = resource
        .get("Metadata")
        .and_then(|metadata| metadata.get("BuildProperties"));
    let Some(binary) = build.and_then(|build| build.get("Binary")) else {
        return Err(resource.wrong(format!(
            "{id} needs Metadata.BuildProperties.Binary, the package to build and run"
        )));
    };
    // The function's own setting, else the one of Globals.
    let number = |key: &str| -> Result<Option<u32>, Wrong> {
        let own = properties(resource).and_then(|properties| properties.get(key));
        let Some(node) = own.or_else(|| globals.and_then(|globals| globals.get(key))) else {
            return Ok(None);
        };
        let Some(text) = scope.text(node)? else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| node.wrong(format!("{key} must be a whole number, and {text} is none")))
    };
    let mut environment = BTreeMap::new();
    for holder in [globals, properties(resource)].into_iter().flatten() {
        let variables = match holder
            .get("Environment")
            .map(|node| scope.choose(node))
            .transpose()?
            .flatten()
        {
            Some(node) => node
                .get("Variables")
                .map(|node| scope.choose(node))
                .transpose()?
                .flatten(),
            None => None,
        };
        for (name, value) in variables.map_or(Ok(&[][..]), |node| node.entries("Variables"))? {
            if let Some(value) = scope.text(value)? {
                environment.insert(name.clone(), value);
            }
        }
    }
    let name = properties(resource).and_then(|properties| properties.get("FunctionName"));
    Ok(Function {
        name: name.map_or(Ok(id.to_owned()), |node| scope.required(node))?,
        binary: scope.required(binary)?,
        timeout: number("Timeout")?.map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        memory_mb: number("MemorySize")?.unwrap_or(DEFAULT_MEMORY_MB),
        reserved: number("ReservedConcurrentExecutions")?.and_then(|number| usize::try_from(number).ok()),
        environment,
    })
}

fn http_routes(scope: &Scope<'_>, function: &str, resource: &Node, routes: &mut Vec<HttpRoute>) -> Result<(), Wrong> {
    let Some(events) = properties(resource).and_then(|properties| properties.get("Events")) else {
        return Ok(());
    };
    for (name, event) in events.entries("Events")? {
        let kind = event
            .get("Type")
            .ok_or_else(|| event.wrong(format!("the event {name} has no Type")))?;
        if scalar(kind, "Type")? != "HttpApi" {
            return Err(kind.wrong(format!(
                "the local stack serves events of type HttpApi, and {name} is another"
            )));
        }
        let text = |key: &str| {
            event
                .get("Properties")
                .and_then(|all| all.get(key))
                .map(|node| scope.required(node))
                .transpose()
        };
        let method_and_path = match (text("Method")?, text("Path")?) {
            (None, None) => None,
            (_, Some(path)) if path == "$default" => None,
            (method, Some(path)) => Some((method.unwrap_or_else(|| "ANY".to_owned()).to_uppercase(), path)),
            (Some(_), None) => return Err(event.wrong(format!("the event {name} has a Method and no Path"))),
        };
        let method_and_path =
            method_and_path.map(|(method, path)| (if method == "*" { "ANY".to_owned() } else { method }, path));
        if routes.iter().any(|route| route.method_and_path == method_and_path) {
            return Err(event.wrong(format!("the route of {name} is there twice")));
        }
        let timeout = event_timeout(text("TimeoutInMillis")?, HTTP_INTEGRATION_LIMIT, event)?;
        routes.push(HttpRoute {
            method_and_path,
            function: function.to_owned(),
            timeout,
        });
    }
    Ok(())
}

fn event_timeout(text: Option<String>, limit: Duration, at: &Node) -> Result<Duration, Wrong> {
    let Some(text) = text else { return Ok(limit) };
    let millis = text.parse().map_err(|_| {
        at.wrong(format!(
            "the timeout must be a number of milliseconds, and {text} is none"
        ))
    })?;
    Ok(Duration::from_millis(millis).min(limit))
}

fn websocket(scope: &Scope<'_>, id: &str, resource: &Node) -> Result<WebSocketApi, Wrong> {
    let text = |key: &str| match properties(resource).and_then(|properties| properties.get(key)) {
        Some(node) => scope.required(node),
        None => Err(resource.wrong(format!("{id} needs {key}"))),
    };
    let mut routes = BTreeMap::new();
    let declared = properties(resource).and_then(|properties| properties.get("Routes"));
    for (key, route) in declared.map_or(Ok(&[][..]), |node| node.entries("Routes"))? {
        let Some(arn) = route.get("FunctionArn") else {
            return Err(route.wrong(format!("the route {key} needs FunctionArn")));
        };
        let target = scope.required(arn)?;
        let Some(function) = target.strip_prefix(&function_arn("")) else {
            return Err(arn.wrong(format!("{target} is not the ARN of a function of this template")));
        };
        let value = |key: &str| route.get(key).map(|node| scope.required(node)).transpose();
        routes.insert(
            key.clone(),
            WebSocketRoute {
                function: function.to_owned(),
                two_way: value("RouteResponseSelectionExpression")?.as_deref() == Some("$default"),
                timeout: event_timeout(value("IntegrationTimeout")?, WEBSOCKET_INTEGRATION_LIMIT, route)?,
            },
        );
    }
    Ok(WebSocketApi {
        id: id.to_owned(),
        stage: text("StageName")?,
        selection: text("RouteSelectionExpression")?,
        routes,
    })
}

/// The route that a `RouteResponse` is for, if it is the `$default` response: the only one that makes a route two-way.
fn answered_route(scope: &Scope<'_>, resource: &Node) -> Result<Option<String>, Wrong> {
    let property = |key: &str| properties(resource).and_then(|properties| properties.get(key));
    match (property("RouteResponseKey"), property("RouteId")) {
        (Some(key), Some(route)) if scope.required(key)? == "$default" => match route.call() {
            // Not evaluated: it names a resource that only the transform makes.
            Some(("Ref", name)) => scalar(name, "Ref").map(|name| Some(name.to_owned())),
            _ => Err(route.wrong("RouteId must be a !Ref to the route that the transform makes")),
        },
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::route_id;
    use crate::template::parse;

    const START: &str = "
Globals: {Function: {Timeout: 10, Environment: {Variables: {SOCK_LOG: info, SOCK_X: global}}}}
Conditions: {Never: !Equals [a, b]}
Resources:
";

    fn wrong(resources: &str) -> String {
        parse(&format!("{START}{resources}")).unwrap_err().to_string()
    }

    #[test]
    fn our_own_template_is_understood() {
        let template = parse(include_str!("../../../template.yaml")).unwrap();
        assert!(template.functions.contains_key("Send"));
        assert!(template.http_routes.iter().any(|route| route.method_and_path.is_none()));
        let api = template.websocket.unwrap();
        assert!(
            api.routes["$default"].two_way,
            "the answers of `message` would be dropped"
        );
        assert!(!api.routes["$connect"].two_way);
    }

    #[test]
    fn the_id_of_a_route_is_the_transforms() {
        assert_eq!(route_id("Api", "$default"), "ApiDefaultRoute");
        assert_eq!(route_id("Api", "sendMessage"), "ApiSendmessageRoute");
    }

    #[test]
    fn a_function_has_its_own_settings_and_those_of_globals() {
        let resources = "
  F:
    Type: AWS::Serverless::Function
    Metadata: {BuildProperties: {Binary: f}}
    Properties:
      MemorySize: 512
      Environment: {Variables: {SOCK_X: own, SOCK_Y: !If [Never, x, !Ref AWS::NoValue]}}
      Events:
        One: {Type: HttpApi, Properties: {Method: get, Path: '/a/{b}'}}
        Rest: {Type: HttpApi}
  G: {Type: AWS::Serverless::Function, Condition: Never}
";
        let template = parse(&format!("{START}{resources}")).unwrap();
        insta::assert_debug_snapshot!(template, @r#"
        Template {
            functions: {
                "F": Function {
                    name: "F",
                    binary: "f",
                    timeout: 10s,
                    memory_mb: 512,
                    reserved: None,
                    environment: {
                        "SOCK_LOG": "info",
                        "SOCK_X": "own",
                    },
                },
            },
            http_routes: [
                HttpRoute {
                    method_and_path: Some(
                        (
                            "GET",
                            "/a/{b}",
                        ),
                    ),
                    function: "F",
                    timeout: 30s,
                },
                HttpRoute {
                    method_and_path: None,
                    function: "F",
                    timeout: 30s,
                },
            ],
            websocket: None,
        }
        "#);
    }

    #[test]
    fn what_can_not_be_served_is_refused_with_its_line() {
        let function = "  F: {Type: AWS::Serverless::Function, Metadata: {BuildProperties: {Binary: f}}, Properties: {Events: {E: ";
        insta::assert_snapshot!(wrong(&format!("{function}{{Type: Schedule}}}}}}}}")), @r#"line 5, column 114: the local stack serves events of type HttpApi, and E is another"#);
        insta::assert_snapshot!(wrong(&format!("{function}{{Type: HttpApi, Properties: {{Method: get}}}}}}}}}}")), @r#"line 5, column 107: the event E has a Method and no Path"#);
        insta::assert_snapshot!(wrong("  F: {Type: AWS::Serverless::Function}"), @r#"line 5, column 6: F needs Metadata.BuildProperties.Binary, the package to build and run"#);
        insta::assert_snapshot!(
            wrong("  S: {Type: AWS::Serverless::WebSocketApi, Properties: {StageName: s, RouteSelectionExpression: x, Routes: {a: {FunctionArn: b}}}}"),
            @r#"line 5, column 126: b is not the ARN of a function of this template"#
        );
    }
}
