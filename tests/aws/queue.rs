//! The queue, its dead letters, the function behind it and its schedule.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::{
    routes::function_of_alias,
    support::{STORES, expansion, of_type, referred, template, template_text, walk},
};

/// How many times the function's timeout the visibility timeout must be.
///
/// # Source
/// Lambda developer guide, "Creating and configuring an Amazon SQS event source mapping".
const TIMES_THE_TIMEOUT: u64 = 6;

fn attribute(resource: &str, attribute: &str) -> Value {
    json!({"Fn::GetAtt": [resource, attribute]})
}

#[test]
fn a_message_stays_hidden_for_six_timeouts_and_is_kept_for_more_than_a_day() {
    let Some(expansion) = expansion("url") else { return };
    let queues = of_type(expansion, "AWS::SQS::Queue");
    let (work, dead) = (queues["WorkQueue"], queues["DeadLetters"]);
    let seconds = |queue: &Value, name: &str| queue[name].as_u64().unwrap();
    let timeout = of_type(expansion, "AWS::Lambda::Function")["Worker"]["Timeout"]
        .as_u64()
        .unwrap();
    assert!(seconds(work, "VisibilityTimeout") >= TIMES_THE_TIMEOUT * timeout);
    assert!(seconds(work, "MessageRetentionPeriod") > 24 * 3600);
    assert_eq!(work["RedrivePolicy"]["maxReceiveCount"], 14);
    assert_eq!(
        work["RedrivePolicy"]["deadLetterTargetArn"],
        attribute("DeadLetters", "Arn")
    );
    // A message keeps the time of its first sending among the dead letters.
    assert!(seconds(dead, "MessageRetentionPeriod") > seconds(work, "MessageRetentionPeriod"));
    for (id, queue) in queues {
        // A key of SQS's own, where KmsKeyArn names none.
        let managed = json!({"Fn::If": ["HasKmsKey", {"Ref": "AWS::NoValue"}, true]});
        assert_eq!(queue["SqsManagedSseEnabled"], managed, "{id}");
    }
}

#[test]
fn the_worker_gets_batches_and_a_minute_and_nothing_else() {
    let Some(expansion) = expansion("url") else { return };
    let mappings = of_type(expansion, "AWS::Lambda::EventSourceMapping");
    assert_eq!(mappings.len(), 1);
    for mapping in mappings.into_values() {
        assert_eq!(mapping["EventSourceArn"], attribute("WorkQueue", "Arn"));
        assert_eq!(mapping["BatchSize"], 10);
        assert_eq!(mapping["FunctionResponseTypes"], json!(["ReportBatchItemFailures"]));
        assert_eq!(mapping["ScalingConfig"]["MaximumConcurrency"], 10);
        assert_eq!(
            function_of_alias(expansion, referred(&mapping["FunctionName"])),
            "Worker"
        );
    }
    let rules = of_type(expansion, "AWS::Events::Rule");
    assert_eq!(rules.len(), 1);
    for (id, rule) in rules {
        assert_eq!(rule["ScheduleExpression"], "rate(1 minute)", "{id}");
        assert_eq!(
            function_of_alias(expansion, referred(&rule["Targets"][0]["Arn"])),
            "Worker",
            "{id}"
        );
    }
    let permissions = of_type(expansion, "AWS::Lambda::Permission").into_values();
    let of_events: Vec<_> = permissions
        .filter(|permission| permission["Principal"] == "events.amazonaws.com")
        .map(|permission| function_of_alias(expansion, referred(&permission["FunctionName"])))
        .collect();
    assert_eq!(of_events, ["Worker"]);
}

/// What each function may do with queues, and that it is with this queue alone.
#[test]
fn only_functions_that_hand_over_jobs_may_send_them_and_only_the_worker_may_take_them() {
    let Some(expansion) = expansion("url") else { return };
    let roles = of_type(expansion, "AWS::IAM::Role");
    let mut may: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
        let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        walk(&roles[role]["Policies"], &mut |statement| {
            let actions = match &statement["Action"] {
                Value::Array(actions) => actions.iter().filter_map(Value::as_str).collect(),
                action => action.as_str().into_iter().collect::<Vec<_>>(),
            };
            let of_queues: Vec<_> = actions
                .iter()
                .filter_map(|action| action.strip_prefix("sqs:"))
                .collect();
            if !of_queues.is_empty() {
                assert_eq!(statement["Resource"], attribute("WorkQueue", "Arn"), "{id}");
                may.entry(id).or_default().extend(of_queues);
            }
        });
    }
    let worker = may.remove("Worker").unwrap();
    assert_eq!(
        worker.into_iter().collect::<Vec<_>>(),
        [
            "ChangeMessageVisibility",
            "DeleteMessage",
            "GetQueueAttributes",
            "ReceiveMessage",
            "SendMessage"
        ]
    );
    assert!(
        may.values().all(|actions| actions.iter().eq(&["SendMessage"])),
        "{may:?}"
    );
    let given = template().functions.into_iter();
    let given = given.filter(|(id, function)| id != "Worker" && function.environment.contains_key("SOCK_QUEUE_URL"));
    assert!(may.into_keys().map(str::to_owned).eq(given.map(|(id, _)| id)));
}

/// In the VPC of a data stack there may be no way out over IPv4.
///
/// # Source
/// AWS General Reference, "Amazon Simple Queue Service endpoints and quotas": `sqs.{region}.api.aws` is the endpoint that AWS's SDKs use for IPv6.
#[test]
fn functions_in_a_vpc_can_reach_the_queue_over_ipv6() {
    let Some(expansion) = expansion("data") else { return };
    let url = json!({"Fn::If": [
        "InVpc",
        {"Fn::Sub": "https://sqs.${AWS::Region}.api.aws/${AWS::AccountId}/${WorkQueue.QueueName}"},
        {"Ref": "WorkQueue"},
    ]});
    let mut found = 0;
    for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
        let Some(given) = function["Environment"]["Variables"].get("SOCK_QUEUE_URL") else {
            continue;
        };
        found += 1;
        let given = if *given == url { given } else { &given["Fn::If"][1] };
        assert_eq!(*given, url, "{id}");
    }
    assert!(found >= 5, "{found}");
}

#[test]
fn without_a_worker_there_is_no_queue() {
    let text = template_text();
    let declared = "  RunWorker:\n    Type: String\n    Default: \"yes\"\n";
    assert_eq!(text.matches(declared).count(), 1);
    let off = local::template::parse(&text.replace(declared, &declared.replace("yes", "no"))).unwrap();
    assert!(off.queues.is_empty() && off.mappings.is_empty() && !off.functions.contains_key("Worker"));
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        let mut found = 0;
        for (id, resource) in expansion["Resources"].as_object().unwrap() {
            // What the transform makes of a function is named after it.
            if ["Worker", "WorkQueue", "DeadLetters"]
                .iter()
                .any(|word| id.starts_with(word))
            {
                assert_eq!(resource["Condition"], "HasWorker", "{id}");
                found += 1;
            }
        }
        assert!(found >= 12, "{found}");
    }
}
