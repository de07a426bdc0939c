//! The role with which GitHub deploys: it may do what the templates need, and nothing else.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::support::{STORES, expanded, expansion, of_type, run, store, tool, walk};

const ROLE: &str = ".github/deploy-role.yaml";

/// Calls that serve a property which no resource of ours has: a type, its property, the actions.
///
/// The schemas say which actions a type needs in all, not which property needs which.
const UNUSED: &str = "
    AWS::ApiGatewayV2::Api BodyS3Location s3:getobject
    AWS::CloudFormation::Stack EnableTerminationProtection cloudformation:updateterminationprotection
    AWS::CloudFormation::Stack RoleARN iam:passrole
    AWS::CloudFormation::Stack StackPolicyBody cloudformation:setstackpolicy
    AWS::CodeDeploy::DeploymentGroup OnPremisesInstanceTagFilters codedeploy:registeronpremisesinstance
    AWS::EC2::EIP InstanceId ec2:associateaddress
    AWS::EC2::EIP TransferAddress ec2:acceptaddresstransfer
    AWS::EC2::NatGateway SecondaryAllocationIds ec2:associatenatgatewayaddress ec2:disassociatenatgatewayaddress
    AWS::EC2::NatGateway SecondaryPrivateIpAddresses ec2:assignprivatenatgatewayaddress ec2:unassignprivatenatgatewayaddress
    AWS::EC2::VPC InstanceTenancy ec2:modifyvpctenancy
    AWS::EC2::VPC VpcEncryptionControl ec2:createvpcencryptioncontrol
    AWS::EC2::VPCCidrBlock Ipv6IpamPoolId ec2:allocateipampoolcidr
    AWS::EC2::VPCGatewayAttachment VpnGatewayId ec2:attachvpngateway ec2:detachvpngateway
    AWS::ElastiCache::UserGroup ReplicationGroupIds elasticache:modifyreplicationgroup
    AWS::IAM::ManagedPolicy Groups iam:attachgrouppolicy iam:detachgrouppolicy
    AWS::IAM::ManagedPolicy Users iam:attachuserpolicy iam:detachuserpolicy
    AWS::IAM::Role PermissionsBoundary iam:putrolepermissionsboundary iam:deleterolepermissionsboundary
    AWS::Lambda::Alias ProvisionedConcurrencyConfig lambda:putprovisionedconcurrencyconfig lambda:deleteprovisionedconcurrencyconfig
    AWS::Lambda::Function CapacityProviderConfig lambda:passcapacityprovider
    AWS::Lambda::Function CodeSigningConfigArn lambda:putfunctioncodesigningconfig lambda:deletefunctioncodesigningconfig lambda:getcodesigningconfig
    AWS::Lambda::Function FileSystemConfigs elasticfilesystem:describemounttargets s3files:listmounttargets
    AWS::Lambda::Function FunctionScalingConfig lambda:putfunctionscalingconfig
    AWS::Lambda::Function Layers lambda:getlayerversion
    AWS::Lambda::Function RecursiveLoop lambda:putfunctionrecursionconfig
    AWS::Lambda::Function RuntimeManagementConfig lambda:putruntimemanagementconfig lambda:associateruntimealias
    AWS::Lambda::Version FunctionScalingConfig lambda:putfunctionscalingconfig
    AWS::Lambda::Version ProvisionedConcurrencyConfig lambda:putprovisionedconcurrencyconfig
    AWS::Lambda::Version RuntimePolicy lambda:putruntimemanagementconfig
    AWS::Logs::LogGroup BearerTokenAuthenticationEnabled logs:putbearertokenauthentication
    AWS::Logs::LogGroup DataProtectionPolicy logs:putdataprotectionpolicy logs:deletedataprotectionpolicy firehose:tagdeliverystream
    AWS::Logs::LogGroup DeletionProtectionEnabled logs:putloggroupdeletionprotection
    AWS::Logs::LogGroup FieldIndexPolicies logs:putindexpolicy logs:deleteindexpolicy
    AWS::Logs::LogGroup ResourcePolicyDocument logs:deleteresourcepolicy
    AWS::S3::Bucket AbacStatus s3:putbucketabac
    AWS::S3::Bucket AccelerateConfiguration s3:putaccelerateconfiguration
    AWS::S3::Bucket AccessControl s3:putbucketacl s3:putobjectacl
    AWS::S3::Bucket AnalyticsConfigurations s3:putanalyticsconfiguration
    AWS::S3::Bucket IntelligentTieringConfigurations s3:putintelligenttieringconfiguration
    AWS::S3::Bucket InventoryConfigurations s3:putinventoryconfiguration
    AWS::S3::Bucket LoggingConfiguration s3:putbucketlogging
    AWS::S3::Bucket MetadataConfiguration s3:updatebucketmetadataannotationtableconfiguration s3:updatebucketmetadatainventorytableconfiguration
    AWS::S3::Bucket MetadataConfiguration s3:updatebucketmetadatajournaltableconfiguration s3:deleteobject
    AWS::S3::Bucket MetadataTableConfiguration s3:createbucketmetadatatableconfiguration s3:deletebucketmetadatatableconfiguration
    AWS::S3::Bucket MetadataTableConfiguration s3tables:createnamespace s3tables:createtable s3tables:createtablebucket s3tables:gettable
    AWS::S3::Bucket MetadataTableConfiguration s3tables:gettablemetadatalocation s3tables:puttablebucketpolicy s3tables:puttableencryption
    AWS::S3::Bucket MetadataTableConfiguration s3tables:puttablepolicy s3tables:updatetablemetadatalocation
    AWS::S3::Bucket MetricsConfigurations s3:putmetricsconfiguration
    AWS::S3::Bucket NotificationConfiguration s3:putbucketnotification
    AWS::S3::Bucket ObjectLockConfiguration s3:putbucketobjectlockconfiguration
    AWS::S3::Bucket ReplicationConfiguration s3:putreplicationconfiguration iam:passrole
    AWS::S3::Bucket VersioningConfiguration s3:putbucketversioning
    AWS::S3::Bucket WebsiteConfiguration s3:putbucketwebsite s3:deletebucketwebsite
    AWS::SNS::Topic DataProtectionPolicy sns:putdataprotectionpolicy
    AWS::SecretsManager::Secret ReplicaRegions secretsmanager:replicatesecrettoregions secretsmanager:removeregionsfromreplication
";

/// What `sam deploy` itself calls, by its source: `samcli/lib/deploy/deployer.py` and `samcli/lib/package/s3_uploader.py`. tests/aws/release.rs lets it
/// deploy to an AWS that is played, and looks whether all that it calls is here.
const OF_SAM: [&str; 13] = [
    "cloudformation:createchangeset",
    "cloudformation:describechangeset",
    "cloudformation:describestackevents",
    "cloudformation:describestacks",
    "cloudformation:executechangeset",
    "cloudformation:gettemplatesummary",
    "cloudformation:rollbackstack",
    // The profiles in samconfig.toml give their stacks tags.
    "cloudformation:tagresource",
    "cloudformation:untagresource",
    "s3:abortmultipartupload",
    "s3:putobject",
    // CloudFormation resolves secrets with the rights of whoever deploys.
    "secretsmanager:getsecretvalue",
    // .ci/deploy asks which version of a secret is the newest.
    "secretsmanager:describesecret",
];

/// What API Gateway asks of whoever turns access logs on (its developer guide, "Configuring logging for an HTTP API").
const OF_ACCESS_LOGS: [&str; 8] = [
    "logs:createlogdelivery",
    "logs:deletelogdelivery",
    "logs:describeloggroups",
    "logs:describeresourcepolicies",
    "logs:getlogdelivery",
    "logs:listlogdeliveries",
    "logs:putresourcepolicy",
    "logs:updatelogdelivery",
];

/// What is allowed on everything although IAM could limit it.
const UNLIMITED: [&str; 1] = [
    // SAM asks about the text of a template, not about a stack.
    "cloudformation:gettemplatesummary",
];

/// How many characters a managed policy may have, without blanks (IAM user guide, "IAM and AWS STS quotas").
const POLICY_CHARACTERS: usize = 6_144;

/// The template of the role, and what AWS says about rights: see tests/aws/rights.py.
struct Rights {
    template: Value,
    calls: BTreeMap<String, BTreeSet<String>>,
    arns: BTreeMap<String, Vec<String>>,
    resources: Vec<Value>,
}

fn rights() -> Option<Rights> {
    let mut resources = Vec::new();
    let mut add = |expansion: &Value| resources.extend(expansion["Resources"].as_object().unwrap().values().cloned());
    for store in STORES {
        add(expansion(store)?);
    }
    add(store()?);
    add(&expanded("functions/data.yaml", &BTreeMap::new())?);
    let types: BTreeSet<&str> = resources.iter().map(kind).collect();
    let mut python = tool("python")?;
    python.args(["tests/aws/rights.py", ROLE]).args(types);
    let mut said: Value = serde_json::from_str(&run(python)).unwrap();
    let mut part = |name: &str| said[name].take();
    Some(Rights {
        template: part("template"),
        calls: serde_json::from_value(part("calls")).unwrap(),
        arns: serde_json::from_value(part("arns")).unwrap(),
        resources,
    })
}

fn kind(resource: &Value) -> &str {
    resource["Type"].as_str().unwrap()
}

/// Whether a type belongs to the network or the store.
fn is_data(kind: &str) -> bool {
    let services = [
        "AWS::CloudFormation::",
        "AWS::EC2::",
        "AWS::ElastiCache::",
        "AWS::MemoryDB::",
        "AWS::SecretsManager::",
    ];
    services.iter().any(|service| kind.starts_with(service))
}

impl Rights {
    /// What `CloudFormation` calls for these types, as far as IAM knows such an action and a resource of ours has what it is for.
    fn needed(&self, of: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let mut needed = BTreeSet::new();
        for (kind, calls) in self.calls.iter().filter(|(kind, _)| of(kind)) {
            let unused: BTreeSet<&str> = unused()
                .filter(|row| row[0] == kind)
                .flat_map(|row| row[2..].to_vec())
                .collect();
            let used = calls.iter().filter(|action| !unused.contains(action.as_str()));
            needed.extend(used.filter(|action| self.arns.contains_key(*action)).cloned());
        }
        needed
    }

    /// The statements of a policy, each as its actions in lower case and its resources.
    fn statements(&self, policy: &str) -> Vec<(BTreeSet<String>, Vec<String>)> {
        let document = &self.template["Resources"][policy]["Properties"]["PolicyDocument"];
        let texts = |value: &Value| -> Vec<String> {
            let values = value.as_array().cloned().unwrap_or_else(|| vec![value.clone()]);
            let text = |value: &Value| {
                value
                    .as_str()
                    .or(value["Fn::Sub"].as_str())
                    .or(value["Ref"].as_str())
                    .unwrap()
                    .to_owned()
            };
            values.iter().map(text).collect()
        };
        let statements = document["Statement"]
            .as_array()
            .unwrap_or_else(|| panic!("no policy {policy}"))
            .iter();
        statements
            .map(|statement| {
                assert_eq!(statement["Effect"], "Allow");
                let actions = texts(&statement["Action"]);
                (
                    actions.iter().map(|action| action.to_lowercase()).collect(),
                    texts(&statement["Resource"]),
                )
            })
            .collect()
    }

    fn allowed(&self, policies: &[&str]) -> BTreeSet<String> {
        let statements = policies.iter().flat_map(|policy| self.statements(policy));
        statements.flat_map(|(actions, _)| actions).collect()
    }

    fn policies(&self) -> impl Iterator<Item = &String> {
        let resources = self.template["Resources"].as_object().unwrap().iter();
        resources
            .filter(|(_, resource)| kind(resource) == "AWS::IAM::ManagedPolicy")
            .map(|(id, _)| id)
    }
}

/// What the role may do of what `sam deploy` itself does.
pub(crate) fn allowed_to_deploy() -> Option<BTreeSet<String>> {
    Some(rights()?.allowed(&["StackPolicy"]))
}

fn unused() -> impl Iterator<Item = Vec<&'static str>> {
    let rows = UNUSED.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| !row.is_empty())
}

#[test]
fn the_role_that_deploys_may_do_what_the_template_needs_and_nothing_else() {
    let Some(rights) = rights() else { return };
    let mut needed = rights.needed(|kind| !is_data(kind));
    needed.retain(|action| !action.starts_with("kms:"));
    needed.retain(|action| !action.starts_with("route53:"));
    needed.extend(OF_SAM.iter().chain(&OF_ACCESS_LOGS).map(|action| (*action).to_owned()));
    let allowed = rights.allowed(&["StackPolicy", "FunctionsPolicy", "ServicesPolicy"]);
    let missing: Vec<_> = needed.difference(&allowed).collect();
    let too_much: Vec<_> = allowed.difference(&needed).collect();
    assert!(
        missing.is_empty() && too_much.is_empty(),
        "missing {missing:#?}\nnot needed {too_much:#?}"
    );
}

#[test]
fn the_role_may_touch_the_data_only_where_it_is_told_so() {
    let Some(rights) = rights() else { return };
    let mut needed = rights.needed(is_data);
    needed.retain(|action| !action.starts_with("kms:"));
    let allowed = rights.allowed(&["DataPolicy"]);
    let missing: Vec<_> = needed.difference(&allowed).collect();
    let too_much: Vec<_> = allowed.difference(&needed).collect();
    assert!(
        missing.is_empty() && too_much.is_empty(),
        "missing {missing:#?}\nnot needed {too_much:#?}"
    );
    assert_eq!(rights.template["Resources"]["DataPolicy"]["Condition"], "HasData");
    assert_eq!(rights.template["Parameters"]["WithData"]["Default"], "no");
}

/// The role may use the key and the hosted zone that its parameters name. Without these parameters it may use no key and no zone.
#[test]
fn the_role_may_use_the_key_and_the_hosted_zone_that_it_is_told_of() {
    let Some(rights) = rights() else { return };
    for (policy, service, condition) in [
        ("KeyPolicy", "kms:", "HasKmsKey"),
        ("ZonePolicy", "route53:", "HasZone"),
    ] {
        let mut needed = rights.needed(|_| true);
        needed.retain(|action| action.starts_with(service));
        assert_eq!(rights.allowed(&[policy]), needed);
        assert_eq!(rights.template["Resources"][policy]["Condition"], condition);
    }
}

/// An action that takes no resource does nothing in a statement that names one. One that takes some is limited to those that IAM knows for it.
#[test]
fn each_right_is_limited_to_resources_where_iam_can_do_so() {
    let Some(rights) = rights() else { return };
    let plain = |text: &str| text.replace("${AWS::", "${").replace("${AccountId}", "${Account}");
    let mut seen = 0;
    for policy in rights.policies().filter(|policy| *policy != "KeyPolicy") {
        for (actions, resources) in rights.statements(policy) {
            for action in actions {
                let arns = rights
                    .arns
                    .get(&action)
                    .unwrap_or_else(|| panic!("IAM knows no {action}"));
                let everything = resources == ["*"];
                if arns.is_empty() || UNLIMITED.contains(&action.as_str()) {
                    assert!(
                        everything,
                        "{policy}: {action} takes no resource, so it is allowed on none of {resources:?}"
                    );
                } else {
                    assert!(!everything, "{policy}: {action} can be limited to {arns:?}");
                    let fits = |resource: &String| {
                        let fixed = plain(resource);
                        let fixed = fixed
                            .split(['*'])
                            .next()
                            .unwrap()
                            .split("${StackPrefix}")
                            .next()
                            .unwrap();
                        arns.iter().any(|arn| {
                            let begin = arn.split(".*").next().unwrap();
                            fixed.starts_with(begin) || begin.starts_with(fixed)
                        })
                    };
                    assert!(
                        resources.iter().any(fits),
                        "{policy}: {action} takes {arns:?}, and none of {resources:?}"
                    );
                }
                seen += 1;
            }
        }
    }
    assert!(seen > 150, "{seen} rights");
}

#[test]
fn calls_that_are_left_out_serve_what_no_resource_has() {
    let Some(rights) = rights() else { return };
    for row in unused() {
        let (kind_of_row, property) = (row[0], row[1]);
        let calls = rights
            .calls
            .get(kind_of_row)
            .unwrap_or_else(|| panic!("no template has a {kind_of_row}"));
        for action in &row[2..] {
            assert!(calls.contains(*action), "a {kind_of_row} needs no {action}");
        }
        let of_kind = rights.resources.iter().filter(|resource| kind(resource) == kind_of_row);
        for resource in of_kind {
            assert!(
                resource["Properties"].get(property).is_none(),
                "{kind_of_row} has {property}: its calls are needed"
            );
        }
    }
}

/// The claims of a token are compared as a whole, so no other repository, branch or environment can have the role.
#[test]
fn only_one_environment_of_one_repository_can_take_the_role() {
    let Some(rights) = rights() else { return };
    let trust = &rights.template["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
    let condition = trust[0]["Condition"].as_object().unwrap();
    assert_eq!((trust.as_array().unwrap().len(), condition.len()), (1, 1));
    let claims = condition["StringEquals"].as_object().unwrap();
    assert_eq!(claims["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
    let subject = &claims["token.actions.githubusercontent.com:sub"]["Fn::Sub"];
    assert_eq!(subject, "repo:${Repository}:environment:${Environment}");
    for name in ["Repository", "Environment"] {
        let pattern = rights.template["Parameters"][name]["AllowedPattern"].as_str().unwrap();
        assert!(
            pattern.starts_with('^') && pattern.ends_with('$') && !pattern.contains(".*"),
            "{pattern}"
        );
    }
}

#[test]
fn the_template_of_the_role_is_valid_and_its_policies_are_short_enough() {
    let Some(rights) = rights() else { return };
    let Some(mut lint) = tool("cfn-lint") else { return };
    lint.arg(ROLE);
    assert_eq!(run(lint), "");
    for policy in rights.policies() {
        let mut document = rights.template["Resources"][policy]["Properties"]["PolicyDocument"].to_string();
        document = document
            .replace("${AWS::Region}", "ap-southeast-1")
            .replace("${AWS::AccountId}", "123456789012");
        document = document
            .replace("${AWS::Partition}", "aws-us-gov")
            .replace("${StackPrefix}", &"a".repeat(20));
        assert!(
            document.len() < POLICY_CHARACTERS,
            "{policy} has {} characters",
            document.len()
        );
        walk(&rights.template["Resources"][policy], &mut |value| {
            let text = value.as_str().unwrap_or_default();
            assert!(
                !text.ends_with(":*") || text.starts_with("arn:"),
                "{policy} allows {text}"
            );
        });
    }
}

/// The secrets of a data stack have no names of ours, so the role finds them by their tag.
#[test]
fn the_role_may_read_the_secrets_of_a_data_stack() {
    let (Some(rights), Some(store)) = (rights(), store()) else {
        return;
    };
    let statements = &rights.template["Resources"]["StackPolicy"]["Properties"]["PolicyDocument"]["Statement"];
    let tagged =
        statements.as_array().unwrap().iter().filter_map(|statement| {
            statement["Condition"]["StringEquals"]["secretsmanager:ResourceTag/service"].as_str()
        });
    assert_eq!(tagged.collect::<Vec<_>>(), ["senna"]);
    let secrets = of_type(store, "AWS::SecretsManager::Secret");
    assert!(!secrets.is_empty());
    for (id, secret) in secrets {
        assert!(
            secret.get("Name").is_none(),
            "{id} has a name, which the role could use"
        );
        assert!(
            secret["Tags"]
                .to_string()
                .contains(r#"{"Key":"service","Value":"senna"}"#),
            "{id}"
        );
    }
}

/// Most functions are named after their stack. Others need their names in the role.
#[test]
fn the_role_knows_the_functions_with_names_of_their_own() {
    let (Some(rights), Some(expansion)) = (rights(), expansion("url")) else {
        return;
    };
    let may = rights.statements("FunctionsPolicy");
    let functions = of_type(expansion, "AWS::Lambda::Function").into_values();
    let names: Vec<&str> = functions
        .filter_map(|function| function["FunctionName"]["Fn::Join"][1][0].as_str())
        .collect();
    assert_eq!(names.len(), 1, "{names:?}");
    for name in names {
        let ending = format!(":function:{name}*");
        let known = may
            .iter()
            .any(|(_, resources)| resources.iter().any(|arn| arn.ends_with(&ending)));
        assert!(known, "the role may not deploy the function {name}");
    }
}
