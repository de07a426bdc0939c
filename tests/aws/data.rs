//! The stack of the data, the demo, and how the application takes a Redis from each.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use local::template::{intrinsics::Scope, yaml};
use serde_json::{Value, json};
use tests::root;

use crate::support::{STORES, expanded, expansion, of_type, parameters, store, template_text, walk};

/// The most characters of a name.
///
/// # Source
/// Amazon `MemoryDB` Developer Guide, "Preparing a cluster" (1 to 40 letters, digits and hyphens); Amazon `ElastiCache` User Guide says the same.
const NAME_MAX: usize = 40;

/// Properties by which a resource is given a name that `CloudFormation` can make up by itself.
const NEEDLESS_NAMES: [&str; 6] = [
    "AlarmName",
    "DashboardName",
    "GroupName",
    "Name",
    "TopicName",
    "SnapshotName",
];

/// The resources that exist with these values of parameters, and their types.
fn made(template: &str, given: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let root = yaml::parse(&fs::read_to_string(root().join(template)).unwrap()).unwrap();
    let scope = Scope::new(&root, given).unwrap();
    let resources = root.get("Resources").unwrap().entries("Resources").unwrap();
    let made = resources.iter().filter(|(_, resource)| {
        let condition = resource.get("Condition");
        condition.is_none_or(|condition| scope.named_condition(condition).unwrap())
    });
    made.map(|(id, resource)| {
        let kind = scope.required(resource.get("Type").unwrap()).unwrap();
        (id.clone(), kind)
    })
    .collect()
}

/// The types of what the template of the store makes for this kind of store and this choice of NAT.
fn made_for(store: &str, nat: &str) -> BTreeSet<String> {
    let given = [("Store", store), ("NatGateway", nat)];
    let given = given.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    made("functions/store.yaml", &given).into_values().collect()
}

/// The names in the outputs of stacks that something refers to, as `!GetAtt STACK.Outputs.NAME`.
fn outputs_of_nested(template: &Value) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    walk(template, &mut |value| {
        let Some(parts) = value.get("Fn::GetAtt") else { return };
        let text = parts.as_str().map(str::to_owned);
        let text = text.unwrap_or_else(|| format!("{}.{}", parts[0].as_str().unwrap(), parts[1].as_str().unwrap()));
        if let Some((stack, output)) = text.split_once(".Outputs.") {
            found.insert((stack.to_owned(), output.to_owned()));
        }
    });
    found
}

/// A template without parameters, or whose parameters all have defaults.
fn plain(template: &str) -> Option<Value> {
    expanded(template, &BTreeMap::new())
}

#[test]
fn the_application_makes_no_network_and_no_store() {
    for store in STORES {
        let Some(parameters) = parameters(store) else { return };
        for kind in made("template.yaml", &parameters).into_values() {
            for part in ["EC2", "ElastiCache", "MemoryDB", "SecretsManager"] {
                assert!(!kind.contains(part), "{store}: {kind}");
            }
        }
    }
}

#[test]
fn a_store_has_a_network_and_one_way_out() {
    for (store, other) in [("elasticache", "MemoryDB"), ("memorydb", "ElastiCache")] {
        let without = made_for(store, "no");
        assert!(without.contains("AWS::EC2::VPC") && without.contains("AWS::SecretsManager::Secret"));
        assert!(without.contains("AWS::EC2::EgressOnlyInternetGateway"));
        assert!(!without.iter().any(|kind| kind.contains(other)), "{without:?}");
        assert!(!without.contains("AWS::EC2::NatGateway") && !without.contains("AWS::EC2::InternetGateway"));
        let with = made_for(store, "yes");
        let more: Vec<_> = with.difference(&without).map(String::as_str).collect();
        assert_eq!(
            more,
            [
                "AWS::EC2::EIP",
                "AWS::EC2::InternetGateway",
                "AWS::EC2::NatGateway",
                "AWS::EC2::VPCGatewayAttachment"
            ]
        );
    }
}

/// # Source
/// `CloudFormation` User Guide, "`DeletionPolicy` attribute": `RetainExceptOnCreate` keeps a resource except where the operation that creates it is rolled back.
#[test]
fn a_store_outlives_the_data_stack_but_not_a_creation_that_failed() {
    let Some(data) = plain("functions/data.yaml") else {
        return;
    };
    let resources = data["Resources"].as_object().unwrap();
    let conditions: Vec<_> = resources.values().map(|resource| &resource["Condition"]).collect();
    assert_eq!(
        conditions,
        ["WithElastiCache", "WithMemoryDB"],
        "another kind of store is another resource"
    );
    for (id, resource) in resources {
        assert_eq!(resource["Type"], "AWS::CloudFormation::Stack", "{id}");
        assert_eq!(resource["DeletionPolicy"], "RetainExceptOnCreate", "{id}");
        assert_eq!(resource["UpdateReplacePolicy"], "Retain", "{id}");
        assert_eq!(resource["Properties"]["TemplateURL"], "store.yaml", "{id}");
    }
}

/// Else `.ci/teardown` and the deletion of the demo would leave it.
#[test]
fn nothing_in_a_store_or_in_the_demo_outlives_its_own_stack() {
    let (Some(store), Some(demo)) = (store(), plain("functions/demo.yaml")) else {
        return;
    };
    for template in [store, &demo] {
        for (id, resource) in template["Resources"].as_object().unwrap() {
            assert!(resource.get("DeletionPolicy").is_none(), "{id}");
        }
    }
    let Some(expansion) = expansion("demo") else { return };
    let made = made("template.yaml", &parameters("demo").unwrap());
    for (id, resource) in expansion["Resources"].as_object().unwrap() {
        let outlives = resource.get("DeletionPolicy").is_some_and(|policy| policy != "Delete");
        // The transform keeps old versions of functions. They cost nothing and go with their function.
        let is_version = resource["Type"] == "AWS::Lambda::Version";
        assert!(!outlives || is_version || !made.contains_key(id), "{id}");
    }
}

#[test]
fn no_name_in_a_store_is_ever_in_the_way_of_the_next_one() {
    let Some(store) = store() else { return };
    let id = json!({"Fn::Select": [4, {"Fn::Split": ["-", {"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]}]}]});
    let named = [
        ("AWS::ElastiCache::User", "UserId"),
        ("AWS::ElastiCache::UserGroup", "UserGroupId"),
        ("AWS::ElastiCache::ServerlessCache", "ServerlessCacheName"),
        ("AWS::MemoryDB::User", "UserName"),
        ("AWS::MemoryDB::ACL", "ACLName"),
        ("AWS::MemoryDB::SubnetGroup", "SubnetGroupName"),
        ("AWS::MemoryDB::Cluster", "ClusterName"),
    ];
    for (kind, property) in named {
        let resources = of_type(store, kind);
        assert_eq!(resources.len(), 1, "{kind}");
        for properties in resources.values() {
            let name = &properties[property]["Fn::Sub"];
            assert_eq!(name[1], json!({"Id": id}), "{kind}");
            let text = name[0].as_str().unwrap();
            assert!(text.starts_with("senna-${Id}-"), "{kind}: {text}");
            // The last part of an id has 12 hexadecimal digits.
            let length = text.replace("${Id}", "0123456789ab").len();
            assert!(length <= NAME_MAX, "{kind}: {length}");
        }
    }
    for (id, resource) in store["Resources"].as_object().unwrap() {
        for name in NEEDLESS_NAMES {
            assert!(resource["Properties"].get(name).is_none(), "{id}: {name}");
        }
    }
}

#[test]
fn what_the_application_imports_is_what_the_data_stack_exports() {
    let Some(expansion) = expansion("data") else { return };
    let mut imported = BTreeSet::new();
    walk(expansion, &mut |value| {
        if let Some(name) = value.get("Fn::ImportValue") {
            imported.insert(name["Fn::Sub"].as_str().unwrap().replace("${DataStack}", ""));
        }
    });
    let Some(data) = plain("functions/data.yaml") else {
        return;
    };
    let outputs = data["Outputs"].as_object().unwrap();
    let exported: BTreeSet<_> = outputs
        .iter()
        .map(|(name, output)| {
            let export = output["Export"]["Name"]["Fn::Sub"].as_str().unwrap();
            assert_eq!(export, format!("${{AWS::StackName}}-{name}"));
            export.replace("${AWS::StackName}", "")
        })
        .collect();
    assert_eq!(imported, exported);
    assert_eq!(imported.len(), 3);
}

/// A nested stack gets a value for every parameter without a default, and no unknown parameter. It has every output that its parent uses.
#[test]
fn stacks_in_stacks_fit() {
    let (Some(store), Some(data), Some(demo), Some(application)) = (
        store(),
        plain("functions/data.yaml"),
        plain("functions/demo.yaml"),
        expansion("demo"),
    ) else {
        return;
    };
    for outer in [&data, &demo] {
        for (id, properties) in of_type(outer, "AWS::CloudFormation::Stack") {
            let inner = match properties["TemplateURL"].as_str().unwrap() {
                "store.yaml" => store,
                "../template.yaml" => application,
                other => panic!("{id}: {other}"),
            };
            let given = properties["Parameters"].as_object().unwrap();
            let declared = inner["Parameters"].as_object().unwrap();
            assert!(given.keys().all(|name| declared.contains_key(name)), "{id}");
            for (name, parameter) in declared {
                assert!(
                    given.contains_key(name) || parameter.get("Default").is_some(),
                    "{id}: {name}"
                );
            }
            for (_, output) in outputs_of_nested(outer).into_iter().filter(|(stack, _)| stack == id) {
                assert!(inner["Outputs"].get(&output).is_some(), "{id}: {output}");
            }
        }
    }
    // Where the same parameter is declared twice, nobody should be surprised.
    for (name, parameter) in store["Parameters"].as_object().unwrap() {
        let outer = &data["Parameters"][name];
        assert_eq!(outer["Type"], parameter["Type"], "{name}");
        assert!(
            name == "Store" || outer["Default"] == parameter["Default"],
            "{name}: {outer}"
        );
    }
}

#[test]
fn the_demo_asks_for_nothing_and_shows_no_secret() {
    let Some(demo) = plain("functions/demo.yaml") else {
        return;
    };
    assert!(demo.get("Parameters").is_none());
    let outputs = demo["Outputs"].as_object().unwrap();
    assert_eq!(outputs.len(), 2);
    for (name, output) in outputs {
        let line = output["Value"]["Fn::Sub"][0].as_str().unwrap();
        assert!(!line.contains("{{resolve"), "{name}");
        assert!(
            line.starts_with("SOCK_JWT_SECRET=$(aws secretsmanager get-secret-value "),
            "{name}"
        );
        assert!(
            line.contains(" cargo run -- chat --url ${Rest} --socket ${Socket} --user "),
            "{name}: {line}"
        );
    }
}

#[test]
fn every_function_finds_the_redis_by_a_reference_to_a_secret() {
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        let mut found = 0;
        for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
            let Some(address) = function["Environment"]["Variables"].get("SOCK_REDIS_URL") else {
                continue;
            };
            found += 1;
            let wanted = json!([
                "{{resolve:secretsmanager:${Arn}:SecretString:${RedisUrlKey}::${RedisUrlSecretVersion}}}",
                {"Arn": {"Fn::If": [
                    "WithDataStack",
                    {"Fn::ImportValue": {"Fn::Sub": "${DataStack}-RedisUrlSecretArn"}},
                    {"Ref": "RedisUrlSecretArn"},
                ]}},
            ]);
            assert_eq!(address["Fn::Sub"], wanted, "{id}");
        }
        assert!(found > 15, "{found}");
    }
    let Some(store) = store() else { return };
    let address = of_type(store, "AWS::SecretsManager::Secret")["StoreAddress"]["SecretString"].to_string();
    for part in [
        "rediss://default:{{resolve:secretsmanager:${StorePassword}}}@${Cache.Endpoint.Address}:${Cache.Endpoint.Port}",
        "rediss://${DurableUser}:{{resolve:secretsmanager:${StorePassword}}}@${DurableStore.ClusterEndpoint.Address}:6379",
    ] {
        assert!(address.contains(part), "{address}");
    }
    for cluster in of_type(store, "AWS::MemoryDB::Cluster").values() {
        assert_eq!((&cluster["TLSEnabled"], &cluster["Port"]), (&json!(true), &json!(6379)));
    }
}

#[test]
fn functions_stand_in_the_subnets_that_they_are_given() {
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        assert_eq!(
            expansion["Resources"]["SocketApi"]["Properties"]["IpAddressType"],
            "dualstack"
        );
        for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
            // It needs no store.
            if id == "Check" {
                continue;
            }
            let network = &function["VpcConfig"]["Fn::If"];
            assert_eq!(network[0], "InVpc", "{id}");
            for property in ["SubnetIds", "SecurityGroupIds"] {
                let import = json!({"Fn::ImportValue": {"Fn::Sub": format!("${{DataStack}}-{property}")}});
                let list = json!({"Fn::Split": [",", {"Fn::If": ["WithDataStack", import, {"Ref": property}]}]});
                assert_eq!(network[1][property], list, "{id}");
            }
            // Lambda refuses it for subnets without IPv6.
            assert_eq!(
                network[1]["Ipv6AllowedForDualStack"],
                json!({"Fn::If": ["WithIpv6", true, false]}),
                "{id}"
            );
        }
        let template = yaml::parse(&template_text()).unwrap();
        let given = parameters(store).unwrap();
        let scope = Scope::new(&template, &given).unwrap();
        let holds = |name: &str| {
            let at = yaml::parse(name).unwrap();
            scope.named_condition(&at).unwrap()
        };
        let expected = match store {
            "url" => (false, false),
            "vpc" => (true, false),
            _ => (true, true),
        };
        assert_eq!((holds("InVpc"), holds("WithIpv6")), expected, "{store}");
    }
}
