//! What the local stack takes from a template: functions, one HTTP API, one WebSocket API, queues and schedules.

use std::{collections::BTreeMap, time::Duration};

use super::{
    events::{Events, QueueMapping, Schedule},
    http::{self, HttpApi},
    intrinsics::Scope,
    known,
    queue::{self, Queue},
    websocket::{self, WebSocketApi},
    wrong::Wrong,
    yaml::{Node, scalar},
};

/// Lambda's `Timeout` when the template names none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(3);
/// Lambda's `MemorySize` when the template names none.
const DEFAULT_MEMORY_MB: u32 = 128;

/// What the local stack takes from a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The functions, by logical id.
    pub functions: BTreeMap<String, Function>,
    /// The HTTP API. It has no routes when the template has no such API.
    pub http: HttpApi,
    /// The WebSocket API, if there is one.
    pub websocket: Option<WebSocketApi>,
    /// The queues, by logical id.
    pub queues: BTreeMap<String, Queue>,
    /// Which functions get the messages of queues.
    pub mappings: Vec<QueueMapping>,
    /// Which functions run on a schedule.
    pub schedules: Vec<Schedule>,
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

/// Builds the model, with `parameters` in place of the defaults.
///
/// # Errors
/// [`Wrong`], at the first thing that the local stack can't serve.
pub fn build(root: &Node, parameters: &BTreeMap<String, String>) -> Result<Template, Wrong> {
    let scope = Scope::new(root, parameters)?;
    let globals = |kind: &str| root.get("Globals").and_then(|globals| globals.get(kind));
    let Some(resources) = root.get("Resources") else {
        return Err(root.wrong("the template has no Resources"));
    };
    let mut functions = BTreeMap::new();
    let mut http_apis = Vec::new();
    let mut events = Events::default();
    let mut queues = BTreeMap::new();
    let mut websocket = None;
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
        let properties = resource.get("Properties");
        match scalar(kind, "Type")? {
            "AWS::Serverless::Function" => {
                let function = function(&scope, id, resource, globals("Function"))?;
                functions.insert(id.clone(), function);
                events.read(&scope, id, properties)?;
            }
            "AWS::Serverless::HttpApi" => http_apis.push(http::api(&scope, id, properties, globals("HttpApi"))?),
            "AWS::Serverless::WebSocketApi" if websocket.is_some() => {
                return Err(resource.wrong("the local stack serves one WebSocket API, and this is the second"));
            }
            "AWS::Serverless::WebSocketApi" => {
                websocket = Some(websocket::api(&scope, id, resource, globals("WebSocketApi"))?);
            }
            "AWS::SQS::Queue" => {
                queues.insert(id.clone(), queue::queue(&scope, id, properties)?);
            }
            "AWS::ApiGatewayV2::RouteResponse" => answering.extend(websocket::answered_route(&scope, properties)?),
            // No other resource has a part in answering a request.
            other => known::silent(other, kind, id)?,
        }
    }
    if let Some(api) = &mut websocket {
        api.keep_two_way(&answering);
    }
    let template = Template {
        functions,
        http: http::with_routes(&scope, root, http_apis, events.http_routes, globals("HttpApi"))?,
        websocket,
        queues,
        mappings: events.mappings,
        schedules: events.schedules,
    };
    check_routes(root, &template)?;
    check_queues(root, &template)?;
    Ok(template)
}

fn check_routes(root: &Node, template: &Template) -> Result<(), Wrong> {
    let sockets = template
        .websocket
        .iter()
        .flat_map(|api| api.routes.values().map(|route| &route.function));
    for function in template.http.routes.iter().map(|route| &route.function).chain(sockets) {
        if !template.functions.contains_key(function) {
            return Err(root.wrong(format!(
                "a route leads to {function}, which is no function of this template"
            )));
        }
    }
    Ok(())
}

/// # Source
/// Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping": Lambda refuses a mapping whose function may run longer than
/// the queue's visibility timeout.
fn check_queues(root: &Node, template: &Template) -> Result<(), Wrong> {
    let targets = template.queues.values().filter_map(|queue| queue.redrive.as_ref());
    let named = targets.map(|redrive| &redrive.dead_letters);
    for queue in named.chain(template.mappings.iter().map(|mapping| &mapping.queue)) {
        if !template.queues.contains_key(queue) {
            return Err(root.wrong(format!("{queue} is used as a queue, and is no queue of this template")));
        }
    }
    for mapping in &template.mappings {
        let timeout = template
            .functions
            .get(&mapping.function)
            .map(|function| function.timeout);
        let visibility = template.queues.get(&mapping.queue).map(|queue| queue.visibility);
        if timeout > visibility {
            return Err(root.wrong(format!(
                "the Timeout of {} is longer than the VisibilityTimeout of {}, which Lambda refuses",
                mapping.function, mapping.queue
            )));
        }
    }
    Ok(())
}

fn properties(resource: &Node) -> Option<&Node> {
    resource.get("Properties")
}

fn function(scope: &Scope<'_>, id: &str, resource: &Node, globals: Option<&Node>) -> Result<Function, Wrong> {
    known::only(known::FUNCTION, globals, "Globals.Function")?;
    known::only(known::FUNCTION, properties(resource), id)?;
    let build = resource
        .get("Metadata")
        .and_then(|metadata| metadata.get("BuildProperties"));
    let Some(binary) = build.and_then(|build| build.get("Binary")) else {
        return Err(resource.wrong(format!(
            "{id} needs Metadata.BuildProperties.Binary, the package to build and run"
        )));
    };
    // The function's own setting, else the one of Globals.
    let property = |key: &str| {
        let own = properties(resource).and_then(|properties| properties.get(key));
        own.or_else(|| globals.and_then(|globals| globals.get(key)))
    };
    // The local stack can run only executables.
    for (key, runs) in [("Runtime", "provided."), ("PackageType", "Zip")] {
        if let Some(node) = property(key)
            && !scope.required(node)?.starts_with(runs)
        {
            return Err(node.wrong(format!(
                "the local stack runs functions whose {key} is {runs}, and {id} is another"
            )));
        }
    }
    let number = |key: &str| -> Result<Option<u32>, Wrong> {
        let Some(node) = property(key) else {
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

#[cfg(test)]
mod tests {
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
        assert!(template.http.routes.iter().any(|route| route.method_and_path.is_none()));
        let api = template.websocket.unwrap();
        let seconds = |timeout: std::time::Duration| timeout.as_secs();
        assert!(template.http.routes.iter().all(|route| seconds(route.timeout) == 30));
        assert!(api.routes.values().all(|route| seconds(route.timeout) == 29));
        assert!(
            api.routes["$default"].two_way,
            "the answers of `message` would be dropped"
        );
        assert!(!api.routes["$connect"].two_way);
        let [mapping] = template.mappings.as_slice() else {
            panic!("{:?}", template.mappings)
        };
        assert_eq!(
            (mapping.function.as_str(), mapping.queue.as_str()),
            ("Worker", "WorkQueue")
        );
        assert!(mapping.reports_failures && mapping.batch == 10 && mapping.concurrency == Some(10));
        let redrive = template.queues["WorkQueue"].redrive.as_ref().unwrap();
        assert_eq!((redrive.dead_letters.as_str(), redrive.receives), ("DeadLetters", 14));
        let [schedule] = template.schedules.as_slice() else {
            panic!("{:?}", template.schedules)
        };
        assert_eq!((schedule.function.as_str(), seconds(schedule.every)), ("Worker", 60));
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
            http: HttpApi {
                id: "ServerlessHttpApi",
                stage: None,
                cors: None,
                routes: [
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
            },
            websocket: None,
            queues: {},
            mappings: [],
            schedules: [],
        }
        "#);
    }

    #[test]
    fn what_can_not_be_served_is_refused_with_its_line() {
        let function = "  F: {Type: AWS::Serverless::Function, Metadata: {BuildProperties: {Binary: f}}, Properties: {Events: {E: ";
        insta::assert_snapshot!(wrong(&format!("{function}{{Type: SNS}}}}}}}}")), @r#"line 5, column 114: the local stack serves events of the types HttpApi, SQS and Schedule, and E is another"#);
        insta::assert_snapshot!(wrong(&format!("{function}{{Type: HttpApi, Properties: {{Method: get}}}}}}}}}}")), @r#"line 5, column 107: the event E has a Method and no Path"#);
        insta::assert_snapshot!(
            wrong("  A: {Type: AWS::Serverless::HttpApi, Properties: {Auth: {EnableIamAuthorizer: true}}}"),
            @"line 5, column 80: the local stack plays no authorizer in front of the functions"
        );
        insta::assert_snapshot!(
            wrong("  A: {Type: AWS::Serverless::HttpApi, Properties: {Auth: {DefaultAuthorizer: A}}}"),
            @"line 5, column 78: the local stack doesn't know what DefaultAuthorizer of Auth does"
        );
        insta::assert_snapshot!(wrong("  F: {Type: AWS::Serverless::Function}"), @r#"line 5, column 6: F needs Metadata.BuildProperties.Binary, the package to build and run"#);
        insta::assert_snapshot!(
            wrong("  S: {Type: AWS::Serverless::WebSocketApi, Properties: {StageName: s, RouteSelectionExpression: x, Routes: {a: {FunctionArn: b}}}}"),
            @r#"line 5, column 126: b is not the ARN of a function of this template"#
        );
    }
}
