//! Alarms and the dashboard watch metrics that exist.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{OUR_METRICS, expansion, of_type, referred, store, template, walk};

/// What AWS writes of the things that we make, from its documentation.
const AWS_METRICS: [(&str, &[&str]); 5] = [
    (
        "AWS/SQS",
        &["ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"],
    ),
    (
        "AWS/ApiGateway",
        &[
            "4xx",
            "5xx",
            "Count",
            "Latency",
            "IntegrationLatency",
            "ConnectCount",
            "MessageCount",
            "IntegrationError",
            "ClientError",
            "ExecutionError",
        ],
    ),
    (
        "AWS/Lambda",
        &["Errors", "Throttles", "Duration", "Invocations", "ConcurrentExecutions"],
    ),
    (
        "AWS/ElastiCache",
        &[
            "BytesUsedForCache",
            "CurrConnections",
            "ElastiCacheProcessingUnits",
            "ThrottledCmds",
            "Evictions",
        ],
    ),
    (
        "AWS/MemoryDB",
        &[
            "DatabaseMemoryUsagePercentage",
            "CurrConnections",
            "EngineCPUUtilization",
        ],
    ),
];

/// The most metrics that CloudWatch takes in an alarm.
///
/// # Source
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html>
const METRICS_IN_AN_ALARM: usize = 10;

/// The most alarms that `CodeDeploy` takes in a deployment group.
///
/// # Source
/// <https://docs.aws.amazon.com/codedeploy/latest/userguide/limits.html>
const ALARMS_OF_A_DEPLOYMENT: usize = 10;

/// What alarms watch of each function. Lambda writes these with the function as their one dimension.
const OF_EACH_FUNCTION: [&str; 2] = ["Errors", "Throttles"];

/// What alarms watch of ours, over all functions.
const OF_THE_STACK: [&str; 5] = [
    "Deliveries",
    "PushFailures",
    "PushRetries",
    "StoreErrors",
    "StoreLatency",
];

/// All functions but Check, for which only a deployment waits: it fails if Check fails.
fn functions_of_users() -> impl Iterator<Item = String> {
    template().functions.into_keys().filter(|id| id != "Check")
}

/// The metrics that an alarm watches: namespace, name and dimensions of each. An alarm of one metric names it itself.
fn watched(alarm: &Value) -> Vec<(&str, &str, &[Value])> {
    let queries = alarm["Metrics"].as_array().into_iter().flatten();
    let metrics = queries.map(|query| &query["MetricStat"]["Metric"]);
    metrics.chain([alarm]).filter_map(metric).collect()
}

fn metric(metric: &Value) -> Option<(&str, &str, &[Value])> {
    let text = |name| metric[name].as_str();
    Some((
        text("Namespace")?,
        text("MetricName")?,
        metric["Dimensions"].as_array()?,
    ))
}

fn exists(namespace: &str, metric: &str, dimensions: &[&str]) -> bool {
    if namespace == "Senna" {
        return OUR_METRICS.contains(&metric) && dimensions == ["Stack"];
    }
    let wanted: &[&str] = match namespace {
        "AWS/ApiGateway" => &["ApiId", "Stage"],
        "AWS/Lambda" => &["FunctionName"],
        "AWS/SQS" => &["QueueName"],
        "AWS/ElastiCache" => &["clusterId"],
        "AWS/MemoryDB" => &["ClusterName"],
        _ => return false,
    };
    dimensions == wanted
        && AWS_METRICS
            .iter()
            .any(|(known, metrics)| *known == namespace && metrics.contains(&metric))
}

/// `SELECT MAX(metric) FROM "namespace" WHERE dimension = …`.
fn selected(expression: &str) -> Option<(&str, &str, &str)> {
    let (metric, rest) = expression.strip_prefix("SELECT MAX(")?.split_once(") FROM \"")?;
    let (namespace, rest) = rest.split_once("\" WHERE ")?;
    Some((namespace, metric, rest.split(' ').next()?))
}

#[test]
fn every_alarm_watches_what_exists_and_tells_someone() {
    let (Some(expansion), Some(store)) = (expansion("url"), store()) else {
        return;
    };
    let mut alarms = of_type(expansion, "AWS::CloudWatch::Alarm");
    alarms.append(&mut of_type(store, "AWS::CloudWatch::Alarm"));
    assert!(!alarms.is_empty());
    for (id, alarm) in alarms {
        assert!(alarm["AlarmActions"].to_string().contains("AlarmTopic"), "{id}");
        assert_eq!(
            alarm["TreatMissingData"], "notBreaching",
            "{id}: nobody chatting is no fault"
        );
        let metrics = watched(alarm);
        assert!(metrics.len() <= METRICS_IN_AN_ALARM, "{id}: {}", metrics.len());
        for (namespace, metric, dimensions) in &metrics {
            let names: Vec<_> = dimensions.iter().map(|one| one["Name"].as_str().unwrap()).collect();
            assert!(
                exists(namespace, metric, &names),
                "{id}: {namespace} {metric} {names:?}"
            );
            // The name that functions write is in SOCK_STACK.
            let of_stack = *namespace != "Senna" || dimensions[0]["Value"] == json!({"Ref": "AWS::StackName"});
            assert!(of_stack, "{id}: {dimensions:?}");
        }
        let Some(queries) = alarm["Metrics"].as_array() else {
            assert_eq!(metrics.len(), 1, "{id}");
            continue;
        };
        let (expressions, queries): (Vec<_>, Vec<_>) =
            queries.iter().partition(|query| query.get("Expression").is_some());
        assert_eq!(expressions.len(), 1, "{id}");
        let expression = &expressions[0]["Expression"];
        let expression = expression.as_str().or_else(|| expression["Fn::Sub"].as_str()).unwrap();
        if let Some((namespace, metric, dimension)) = selected(expression) {
            assert!(exists(namespace, metric, &[dimension]), "{id}: {expression}");
            assert!(metrics.is_empty(), "{id}");
            continue;
        }
        assert!(!metrics.is_empty(), "{id} watches nothing");
        for query in queries {
            assert_eq!(query["ReturnData"], false, "{id}: the expression alone is watched");
            let name = query["Id"].as_str().unwrap();
            let used = expression.contains("METRICS()") || expression.contains(name);
            assert!(used, "{id}: {name} is not in {expression}");
        }
    }
}

#[test]
fn every_function_is_watched_by_exactly_one_alarm() {
    let Some(expansion) = expansion("url") else { return };
    let alarms = of_type(expansion, "AWS::CloudWatch::Alarm");
    let functions: Vec<_> = functions_of_users().collect();
    for of_function in OF_EACH_FUNCTION {
        let metrics = alarms.values().flat_map(|alarm| watched(alarm));
        let mut names: Vec<_> = metrics
            .filter(|(namespace, metric, _)| (*namespace, *metric) == ("AWS/Lambda", of_function))
            .map(|(_, _, dimensions)| referred(&dimensions[0]["Value"]).to_owned())
            .collect();
        names.sort();
        assert_eq!(
            names, functions,
            "each function belongs into one group of alarms, in template.yaml and in docs/operations.md"
        );
    }
}

/// However many functions there are, one alarm watches each metric of ours: it has the stack as its dimension, which every function is given.
#[test]
fn one_alarm_watches_a_metric_of_ours_in_all_functions() {
    let Some(expansion) = expansion("url") else { return };
    let alarms = of_type(expansion, "AWS::CloudWatch::Alarm");
    let metrics = alarms.values().flat_map(|alarm| watched(alarm));
    let mut ours: Vec<_> = metrics
        .filter(|(namespace, _, _)| *namespace == "Senna")
        .map(|(_, metric, _)| metric)
        .collect();
    ours.sort_unstable();
    assert_eq!(ours, OF_THE_STACK);
    for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
        assert_eq!(
            function["Environment"]["Variables"]["SOCK_STACK"],
            json!({"Ref": "AWS::StackName"}),
            "{id}"
        );
    }
}

#[test]
fn every_deployment_is_guarded_by_alarms() {
    let Some(expansion) = expansion("url") else { return };
    let alarms = of_type(expansion, "AWS::CloudWatch::Alarm");
    let groups = of_type(expansion, "AWS::CodeDeploy::DeploymentGroup");
    // Nothing can check Check.
    assert_eq!(groups.len(), of_type(expansion, "AWS::Lambda::Function").len() - 1);
    for (id, group) in groups {
        let guards = &group["AlarmConfiguration"]["Fn::If"][1];
        assert_eq!(guards["Enabled"], true, "{id}");
        let names = guards["Alarms"].as_array().unwrap().iter();
        let names: BTreeSet<_> = names.map(|alarm| alarm["Name"]["Ref"].as_str().unwrap()).collect();
        assert!(names.len() <= ALARMS_OF_A_DEPLOYMENT, "{id}");
        // All errors of functions, but of the worker's: its jobs wait.
        let of_errors = alarms.keys().filter(|name| name.ends_with("FunctionErrors"));
        let guards = of_errors.chain(&["SocketFailures", "StoreErrors", "PushFailures"]);
        assert_eq!(names, guards.copied().collect(), "{id}");
        assert!(names.iter().all(|name| alarms.contains_key(name)), "{id}: {names:?}");
        let events = group["AutoRollbackConfiguration"]["Events"].to_string();
        assert!(events.contains("DEPLOYMENT_STOP_ON_ALARM"), "{id}");
    }
}

#[test]
fn the_dashboards_show_what_exists() {
    let (Some(expansion), Some(store)) = (expansion("url"), store()) else {
        return;
    };
    let body = &expansion["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"];
    let text = body[0].as_str().unwrap();
    let (mut shown, mut of_functions) = (BTreeSet::new(), BTreeSet::new());
    let workers = &body[1]["WorkerWidgets"]["Fn::If"];
    assert_eq!(
        workers[0], "HasWorker",
        "a function that may not be there can't be named"
    );
    let workers = workers[1]["Fn::Sub"].as_str().unwrap();
    let stores = &store["Resources"]["Dashboard"]["Properties"]["DashboardBody"]["Fn::If"];
    let bodies = [
        text.replace("${WorkerWidgets}", workers),
        stores[1]["Fn::Sub"].as_str().unwrap().to_owned(),
        stores[2]["Fn::Sub"].as_str().unwrap().to_owned(),
    ];
    for body in bodies {
        let body: Value = serde_json::from_str(&body).unwrap();
        let widgets = body["widgets"].as_array().unwrap();
        for metric in widgets
            .iter()
            .flat_map(|widget| widget["properties"]["metrics"].as_array().unwrap())
        {
            if let Some(expression) = metric[0]["expression"].as_str() {
                let (namespace, metric, dimension) = selected(expression).unwrap();
                assert!(exists(namespace, metric, &[dimension]), "{expression}");
                continue;
            }
            let words: Vec<_> = metric.as_array().unwrap().iter().filter_map(Value::as_str).collect();
            let [namespace, metric, dimensions @ ..] = words.as_slice() else {
                panic!("{metric}")
            };
            let names: Vec<_> = dimensions.iter().step_by(2).copied().collect();
            assert!(exists(namespace, metric, &names), "{words:?}");
            shown.extend((*namespace == "Senna").then(|| (*metric).to_owned()));
            of_functions.insert(words.join(" "));
        }
    }
    assert_eq!(
        shown,
        OUR_METRICS.map(str::to_owned).into(),
        "every metric of ours is shown"
    );
    for function in functions_of_users() {
        for metric in OF_EACH_FUNCTION {
            let line = format!("AWS/Lambda {metric} FunctionName ${{{function}}}");
            assert!(of_functions.contains(&line), "the dashboard does not show {line}");
        }
    }
}

/// They are of a route each and cost as much as metrics of our own; no alarm and no widget uses them.
///
/// # Source
/// API Gateway developer guide, "Monitor WebSocket API execution with CloudWatch metrics".
#[test]
fn no_stage_has_detailed_metrics() {
    let Some(expansion) = expansion("url") else { return };
    for (id, stage) in of_type(expansion, "AWS::ApiGatewayV2::Stage") {
        assert_eq!(
            stage["DefaultRouteSettings"].get("DetailedMetricsEnabled"),
            None,
            "{id}"
        );
    }
}

#[test]
fn the_operations_page_explains_every_alarm_and_counts_their_metrics() {
    let (Some(expansion), Some(store)) = (expansion("url"), store()) else {
        return;
    };
    let document = std::fs::read_to_string(tests::root().join("docs/operations.md")).unwrap();
    let unconditional = expansion["Resources"]
        .as_object()
        .unwrap()
        .values()
        .filter(|resource| resource["Type"] == "AWS::CloudWatch::Alarm" && resource.get("Condition").is_none());
    let metrics = unconditional
        .map(|alarm| watched(&alarm["Properties"]).len())
        .sum::<usize>();
    let price = format!("Alarms cost $0.10 for each of the {metrics} metrics");
    assert!(document.contains(&price), "docs/operations.md doesn't say: {price}");
    // Some metrics in another section have the name of an alarm.
    let (_, alarms) = document.split_once("\n## Alarms\n").unwrap();
    let (alarms, _) = alarms.split_once("\n## ").unwrap();
    let rows = alarms
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once(" |"));
    let explained: BTreeSet<_> = rows.flat_map(|(names, _)| names.split(['`', ','])).collect();
    let mut alarms = of_type(expansion, "AWS::CloudWatch::Alarm");
    alarms.append(&mut of_type(store, "AWS::CloudWatch::Alarm"));
    for id in alarms.into_keys() {
        assert!(
            explained.contains(id),
            "docs/operations.md doesn't say what to do about {id}"
        );
    }
    let mut documented = true;
    walk(&expansion["Parameters"], &mut |parameter| {
        documented &= parameter.get("Type").is_none() || parameter.get("Description").is_some();
    });
    assert!(documented, "a parameter has no description");
}
