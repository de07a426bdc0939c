//! What is set once for an account and Region, and belongs to no deployment.

use std::fs;

use local::template::yaml;
use tests::root;

use crate::support::{expansion, of_type, run, tool};

/// The types of the resources of a template, and of each what happens to it at the end.
fn resources(path: &str) -> Vec<(String, String)> {
    let template = yaml::parse(&fs::read_to_string(root().join(path)).unwrap()).unwrap();
    let text = |node, name: &str| Some(yaml::scalar(node?, name).unwrap().to_owned());
    let resources = template.get("Resources").unwrap().entries("Resources").unwrap();
    resources
        .iter()
        .map(|(_, resource)| {
            let kind = text(resource.get("Type"), "Type").unwrap();
            (
                kind,
                text(resource.get("DeletionPolicy"), "DeletionPolicy").unwrap_or_default(),
            )
        })
        .collect()
}

/// It is one setting for every API of the account. So a deployment must neither set it nor take it away, and no two deployments may race for it.
///
/// # Source
/// github.com/aws/aws-cdk issues 2194 and 10878.
#[test]
fn no_deployment_changes_the_setting_of_the_account() {
    let Some(expansion) = expansion("url") else { return };
    assert!(of_type(expansion, "AWS::ApiGateway::Account").is_empty());
    assert_eq!(expansion["Parameters"]["SocketAccessLogs"]["Default"], "off");
    let logs = &of_type(expansion, "AWS::ApiGatewayV2::Stage")["SocketApiliveStage"]["AccessLogSettings"];
    assert_eq!(logs["Fn::If"][0], "WithSocketAccessLogs");
}

#[test]
fn a_stack_of_its_own_sets_it_for_good() {
    let kept = |kind: &str| (kind.to_owned(), "RetainExceptOnCreate".to_owned());
    assert_eq!(
        resources("functions/account.yaml"),
        [kept("AWS::IAM::Role"), kept("AWS::ApiGateway::Account")]
    );
    let Some(mut lint) = tool("cfn-lint") else { return };
    lint.arg("functions/account.yaml");
    assert_eq!(run(lint), "");
}
