//! Who may do what, and where secrets are.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::{STORES, expansion, of_type, store, template, walk};

/// All that this API's connections are: what is posted to them, and their end.
const CONNECTIONS: &str = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${SocketApi}/live";

/// The statements that a role's own policies make, those under a condition too.
fn statements(role: &Value) -> Vec<&Value> {
    let mut found = Vec::new();
    walk(&role["Policies"], &mut |value| {
        if value.get("Effect").is_some() {
            found.push(value);
        }
    });
    found
}

#[test]
fn only_functions_that_push_may_push_and_only_here() {
    let Some(expansion) = expansion("url") else { return };
    let roles = of_type(expansion, "AWS::IAM::Role");
    let mut may_push = BTreeSet::new();
    for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
        let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        let mut may: BTreeMap<String, String> = statements(roles[role])
            .into_iter()
            .map(|statement| {
                assert_eq!(statement["Effect"], "Allow");
                (statement["Action"].to_string(), statement["Resource"].to_string())
            })
            .collect();
        if let Some(resource) = may.remove(r#""execute-api:ManageConnections""#) {
            let each =
                ["POST", "DELETE"].map(|method| format!(r#"{{"Fn::Sub":"{CONNECTIONS}/{method}/@connections/*"}}"#));
            assert_eq!(resource, format!("[{}]", each.join(",")));
            may_push.insert(id.to_owned());
        }
        // tests/aws/queue.rs has what each may do with queues.
        may.retain(|action, _| !action.contains("sqs:"));
        // tests/aws/hook.rs has what Check may do.
        may.retain(|action, _| !action.contains("codedeploy:") && !action.contains("lambda:"));
        // Another test looks at what each may do with images.
        may.retain(|action, _| !action.contains("\"s3:"));
        // Another test looks at what each may do with the key.
        may.retain(|action, _| !action.contains("\"kms:"));
        let rest: Vec<_> = may.into_iter().collect();
        insta::allow_duplicates! {
            insta::assert_debug_snapshot!(rest, @r#"
            [
                (
                    "[\"logs:CreateLogStream\",\"logs:PutLogEvents\"]",
                    "{\"Fn::GetAtt\":[\"FunctionLogs\",\"Arn\"]}",
                ),
            ]
            "#);
        }
    }
    let pushing = template().functions.into_iter();
    let pushing = pushing.filter(|(_, function)| function.environment.contains_key("SOCK_PUSH_ENDPOINT"));
    assert_eq!(may_push, pushing.map(|(id, _)| id).collect());
}

/// Presigned forms and addresses have the rights of the function that signs them.
#[test]
fn functions_reach_only_the_images_that_they_handle() {
    let Some(expansion) = expansion("url") else { return };
    let of_role = |role: &Value| -> Vec<String> {
        let all = statements(role).into_iter();
        all.filter(|statement| statement.to_string().contains("s3:"))
            .map(|statement| {
                let condition = statement.get("Condition").map(|condition| format!(" {condition}"));
                let condition = condition.unwrap_or_default();
                format!("{} {}{condition}", statement["Action"], statement["Resource"])
            })
            .collect()
    };
    for (id, role) in of_type(expansion, "AWS::IAM::Role") {
        let expected: &[&str] = match id {
            "UploadsRole" => &[
                r#""s3:PutObject" {"Fn::Sub":"${UploadsBucket.Arn}/pending/*"}"#,
                r#""s3:GetObject" {"Fn::Sub":"${UploadsBucket.Arn}/kept/*"}"#,
            ],
            "WorkerRole" => &[
                r#""s3:ListBucket" {"Fn::GetAtt":["UploadsBucket","Arn"]} {"StringLike":{"s3:prefix":["pending/*","kept/*"]}}"#,
                r#""s3:DeleteObject" [{"Fn::Sub":"${UploadsBucket.Arn}/pending/*"},{"Fn::Sub":"${UploadsBucket.Arn}/kept/*"}]"#,
            ],
            _ => &[],
        };
        assert_eq!(of_role(role), expected, "{id}");
    }
    let policies = of_type(expansion, "AWS::IAM::ManagedPolicy");
    let keeping = policies["KeepImages"];
    assert_eq!(keeping["Roles"], json!([{"Ref": "PushRole"}, {"Ref": "PushJobRole"}]));
    let mut statements = Vec::new();
    walk(&keeping["PolicyDocument"], &mut |value| {
        statements.extend(value.get("Effect").map(|_| value));
    });
    let lines: Vec<_> = statements
        .into_iter()
        .map(|statement| format!("{} {}", statement["Action"], statement["Resource"]))
        .collect();
    assert_eq!(
        lines,
        [
            r#""s3:GetObject" [{"Fn::Sub":"${UploadsBucket.Arn}/pending/*"},{"Fn::Sub":"${UploadsBucket.Arn}/kept/*"}]"#,
            r#""s3:PutObject" {"Fn::Sub":"${UploadsBucket.Arn}/kept/*"}"#,
            r#""kms:GenerateDataKey" {"Ref":"KmsKeyArn"}"#,
            r#""s3:ListBucket" {"Fn::GetAtt":["UploadsBucket","Arn"]}"#,
        ]
    );
    let bucket = of_type(expansion, "AWS::S3::Bucket")["UploadsBucket"];
    let access = bucket["PublicAccessBlockConfiguration"].as_object().unwrap();
    assert!(
        access.len() == 4 && access.values().all(|value| value == true),
        "{access:?}"
    );
}

#[test]
fn no_policy_of_ours_is_about_everything() {
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        for (id, role) in of_type(expansion, "AWS::IAM::Role") {
            walk(role, &mut |value| {
                assert!(value != "*", "{id}: {role}");
                assert!(value.as_str().is_none_or(|text| !text.ends_with(":*")), "{id}: {role}");
            });
        }
    }
}

/// AWS's own policies do name everything; these are all that are attached, and why is said in docs/deploy.md.
#[test]
fn few_policies_of_aws_are_attached() {
    let Some(expansion) = expansion("url") else { return };
    let mut attached = BTreeSet::new();
    for role in of_type(expansion, "AWS::IAM::Role").values() {
        walk(&role["ManagedPolicyArns"], &mut |value| {
            attached.extend(
                value
                    .as_str()
                    .and_then(|text| text.rsplit_once("policy/"))
                    .map(|(_, name)| name),
            );
        });
    }
    assert_eq!(
        attached.into_iter().collect::<Vec<_>>(),
        ["AWSXRayDaemonWriteAccess", "service-role/AWSCodeDeployRoleForLambda",]
    );
}

/// Lambda makes the interfaces with the function's role, and only calls of the function's own code have a source function.
///
/// # Source
/// AWS managed policy reference, `AWSLambdaVPCAccessExecutionRole` (version 3); Lambda developer guide, "Using source function ARN to control
/// function access behavior".
#[test]
fn lambda_makes_interfaces_for_functions_in_a_vpc_and_their_code_cannot() {
    let Some(expansion) = expansion("data") else { return };
    let policies = of_type(expansion, "AWS::IAM::ManagedPolicy");
    let statements = &policies["NetworkAccess"]["PolicyDocument"]["Statement"];
    assert_eq!(
        *statements,
        json!([
            {
                "Sid": "MakeInterfaces",
                "Effect": "Allow",
                "Action": [
                    "ec2:CreateNetworkInterface",
                    "ec2:DescribeNetworkInterfaces",
                    "ec2:DescribeSubnets",
                    "ec2:DeleteNetworkInterface",
                    "ec2:AssignPrivateIpAddresses",
                    "ec2:UnassignPrivateIpAddresses",
                ],
                "Resource": "*",
            },
            {
                "Sid": "NotFromCode",
                "Effect": "Deny",
                "Action": "ec2:*",
                "Resource": "*",
                "Condition": {"ArnLike": {"lambda:SourceFunctionArn": {"Fn::Sub": "arn:${AWS::Partition}:lambda:*:*:function:*"}}},
            },
        ])
    );
    let roles = of_type(expansion, "AWS::IAM::Role");
    let functions = of_type(expansion, "AWS::Lambda::Function").into_iter();
    for (id, function) in functions.filter(|(_, function)| function["VpcConfig"].get("Fn::If").is_some()) {
        let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        // The condition of the network; a role that names the policy waits for it, and so does the function.
        let network = &function["VpcConfig"]["Fn::If"][0];
        let attached = roles[role]["ManagedPolicyArns"].as_array().unwrap();
        let named = json!({"Fn::If": [network, {"Ref": "NetworkAccess"}, {"Ref": "AWS::NoValue"}]});
        assert!(attached.contains(&named), "{id}: {attached:?}");
    }
    assert_eq!(
        expansion["Resources"]["NetworkAccess"]["Condition"],
        of_type(expansion, "AWS::Lambda::Function")["Send"]["VpcConfig"]["Fn::If"][0]
    );
}

/// The one key is for what functions are given, write and leave behind. Who puts something into the queue or the bucket makes a data key for it.
#[test]
fn a_key_encrypts_everything_and_each_role_has_what_it_needs_of_it() {
    let Some(expansion) = expansion("url") else { return };
    let given = |value: &Value| json!({"Fn::If": ["HasKmsKey", value, {"Ref": "AWS::NoValue"}]});
    let key = given(&json!({"Ref": "KmsKeyArn"}));
    for (kind, property) in [
        ("AWS::Lambda::Function", "KmsKeyArn"),
        ("AWS::Logs::LogGroup", "KmsKeyId"),
        ("AWS::SQS::Queue", "KmsMasterKeyId"),
    ] {
        let resources = of_type(expansion, kind);
        assert!(!resources.is_empty(), "{kind}");
        for (id, resource) in resources {
            assert_eq!(resource[property], key, "{id}");
        }
    }
    let bucket = of_type(expansion, "AWS::S3::Bucket")["UploadsBucket"].to_string();
    assert!(
        bucket.contains(r#"{"KMSMasterKeyID":{"Ref":"KmsKeyArn"},"SSEAlgorithm":"aws:kms"}"#),
        "{bucket}"
    );
    let roles = of_type(expansion, "AWS::IAM::Role");
    for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
        let role = function["Role"]["Fn::GetAtt"][0].as_str().unwrap();
        let statements = statements(roles[role]).into_iter();
        let of_key: Vec<_> = statements
            .filter(|statement| statement["Action"].to_string().contains("kms:"))
            .map(|statement| (statement["Action"].to_string(), statement["Resource"].to_string()))
            .collect();
        let text = roles[role]["Policies"].to_string();
        let puts = text.contains("sqs:SendMessage") || text.contains("s3:PutObject");
        let actions = if puts {
            r#"["kms:Decrypt","kms:GenerateDataKey"]"#
        } else {
            r#""kms:Decrypt""#
        };
        let due = vec![(actions.to_owned(), r#"{"Ref":"KmsKeyArn"}"#.to_owned())];
        assert_eq!(of_key, due, "{id}");
    }
}

#[test]
fn a_secret_is_a_reference() {
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        for (name, parameter) in expansion["Parameters"].as_object().unwrap() {
            let is_secret = ["Secret", "Password", "Token"].iter().any(|word| name.contains(word));
            let refers = ["Arn", "Version", "Key"].iter().any(|end| name.ends_with(end));
            assert!(!is_secret || refers, "{name} could hold a secret");
            assert!(
                parameter.get("NoEcho").is_none(),
                "{name}: what must not be shown belongs in Secrets Manager"
            );
        }
        for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
            let variables = &function["Environment"]["Variables"];
            for (name, condition, arn, key, version) in [
                (
                    "SOCK_JWT_SECRET",
                    "HasJwtSecret",
                    "JwtSecretArn",
                    "${JwtSecretKey}",
                    "JwtSecretVersion",
                ),
                (
                    "SOCK_JWT_SECRET_PREVIOUS",
                    "HasPreviousJwtSecret",
                    "JwtSecretArn",
                    "${JwtSecretKey}",
                    "JwtSecretPreviousVersion",
                ),
                (
                    "SOCK_PLATFORM_KEY",
                    "HasPlatformKey",
                    "PlatformKeySecretArn",
                    "",
                    "PlatformKeySecretVersion",
                ),
                (
                    "SOCK_WEBHOOK_SECRET",
                    "HasWebhook",
                    "WebhookSecretArn",
                    "",
                    "WebhookSecretVersion",
                ),
            ] {
                let Some(secret) = variables.get(name) else { continue };
                assert_eq!(secret["Fn::If"][0], condition, "{id}");
                let reference = [
                    "{{resolve:secretsmanager:${",
                    arn,
                    "}:SecretString:",
                    key,
                    "::${",
                    version,
                    "}}}",
                ]
                .concat();
                assert_eq!(secret["Fn::If"][1]["Fn::Sub"], reference, "{id}");
                assert_eq!(secret["Fn::If"][2], "", "{id}");
            }
        }
    }
    let Some(store) = store() else { return };
    // No text that looks like an address with a password has one.
    walk(&store["Resources"], &mut |value| {
        let Some((_, rest)) = value.as_str().and_then(|text| text.split_once("rediss://")) else {
            return;
        };
        if let Some((credentials, _)) = rest.split_once('@') {
            assert!(credentials.contains(":{{resolve:secretsmanager:"), "{value}");
        }
    });
    for kind in ["AWS::ElastiCache::User", "AWS::MemoryDB::User"] {
        for (id, user) in of_type(store, kind) {
            let passwords = user["AuthenticationMode"]["Passwords"].to_string();
            assert_eq!(
                passwords, r#"[{"Fn::Sub":"{{resolve:secretsmanager:${StorePassword}}}"}]"#,
                "{id}"
            );
        }
    }
}

/// An access log must not have a query (it may hold a token), a path (it has ids of users) or a body. It has addresses only if `LogSourceAddress` is `yes`.
#[test]
fn access_logs_tell_no_token_and_no_user() {
    let Some(expansion) = expansion("url") else { return };
    let mut formats = 0;
    walk(expansion, &mut |value| {
        let Some(format) = value.get("Format").and_then(|format| format["Fn::Sub"].as_array()) else {
            return;
        };
        formats += 1;
        let address = &format[1]["Address"]["Fn::If"];
        assert_eq!(address[0], "WithSourceAddress");
        for address in [&address[1], &address[2]] {
            let format = format[0]
                .as_str()
                .unwrap()
                .replace("${Address}", address.as_str().unwrap());
            let fields: Value = serde_json::from_str(&format).unwrap();
            assert_eq!(fields.get("address").is_some(), address != "");
            for word in ["path", "query", "header", "authorizer", "body"] {
                assert!(!format.contains(word), "{word} in {format}");
            }
            assert_eq!(format.contains("sourceIp"), address != "");
        }
    });
    assert_eq!(formats, 2);
}
