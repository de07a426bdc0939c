//! The three ways to a Redis: what each makes, and what outlives the stack.

use std::collections::BTreeSet;

use local::template::{intrinsics::Scope, yaml};

use crate::support::{STORES, expansion, of_type, template_text};

/// The types of the resources that exist with this way to a Redis and this choice of NAT.
fn made(store: &str, nat: &str) -> BTreeSet<String> {
    let text = template_text();
    let chosen = |text: &str, parameter: &str, default: &str, value: &str| {
        let before = format!("  {parameter}:\n    Type: String\n    Default: {default}\n");
        assert!(text.contains(&before), "{parameter} is declared in another way now");
        text.replace(
            &before,
            &before.replace(&format!("Default: {default}"), &format!("Default: {value:?}")),
        )
    };
    let text = chosen(&chosen(&text, "Redis", "url", store), "NatGateway", "\"no\"", nat);
    let root = yaml::parse(&text).unwrap();
    let scope = Scope::new(&root, &std::collections::BTreeMap::new()).unwrap();
    let resources = root.get("Resources").unwrap().entries("Resources").unwrap();
    let made = resources.iter().filter(|(_, resource)| {
        let condition = resource.get("Condition");
        condition.is_none_or(|condition| scope.named_condition(condition).unwrap())
    });
    made.map(|(_, resource)| scope.required(resource.get("Type").unwrap()).unwrap())
        .filter(|kind| {
            ["EC2", "ElastiCache", "MemoryDB", "SecretsManager"]
                .iter()
                .any(|part| kind.contains(part))
        })
        .collect()
}

#[test]
fn a_given_redis_makes_no_network() {
    assert_eq!(made("url", "no"), BTreeSet::new());
    assert_eq!(
        made("url", "yes"),
        BTreeSet::new(),
        "a NAT gateway without a VPC would be nothing"
    );
}

#[test]
fn a_store_of_the_stacks_own_has_a_network_and_one_way_out() {
    for (store, other) in [("elasticache", "MemoryDB"), ("memorydb", "ElastiCache")] {
        let without = made(store, "no");
        assert!(without.contains("AWS::EC2::VPC") && without.contains("AWS::SecretsManager::Secret"));
        assert!(without.contains("AWS::EC2::EgressOnlyInternetGateway"));
        assert!(!without.iter().any(|kind| kind.contains(other)), "{without:?}");
        assert!(!without.contains("AWS::EC2::NatGateway") && !without.contains("AWS::EC2::InternetGateway"));
        let with = made(store, "yes");
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

#[test]
fn data_outlives_the_stack() {
    let Some(expansion) = expansion("elasticache") else {
        return;
    };
    let kept = [
        "AWS::ElastiCache::ServerlessCache",
        "AWS::ElastiCache::User",
        "AWS::ElastiCache::UserGroup",
        "AWS::MemoryDB::Cluster",
        "AWS::MemoryDB::User",
        "AWS::MemoryDB::ACL",
        "AWS::MemoryDB::SubnetGroup",
        "AWS::SecretsManager::Secret",
        "AWS::S3::Bucket",
        "AWS::EC2::VPC",
        "AWS::EC2::SecurityGroup",
    ];
    for kind in kept {
        let ids: Vec<_> = of_type(expansion, kind).into_keys().collect();
        assert!(!ids.is_empty(), "{kind}");
        for id in ids {
            for policy in ["DeletionPolicy", "UpdateReplacePolicy"] {
                assert_eq!(expansion["Resources"][id][policy], "Retain", "{id}");
            }
        }
    }
}

#[test]
fn functions_reach_a_store_over_tls_and_the_world_over_ipv6() {
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
            assert_eq!(network[0], "WithOwnStore", "{id}");
            assert_eq!(network[1]["Ipv6AllowedForDualStack"], true, "{id}");
        }
        for cluster in of_type(expansion, "AWS::MemoryDB::Cluster").values() {
            assert_eq!(cluster["TLSEnabled"], true);
        }
    }
}
