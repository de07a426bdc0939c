//! The function that checks a new version before it gets traffic.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::support::{STORES, expansion, of_type, referred, template, walk};

/// The functions that get new versions by CodeDeploy: all but the one that checks them.
fn checked() -> BTreeSet<String> {
    template().functions.into_keys().filter(|id| id != "Check").collect()
}

#[test]
fn every_function_is_checked_before_it_gets_traffic_but_the_one_that_checks() {
    let Some(expansion) = expansion("url") else { return };
    let mut found = BTreeSet::new();
    for resource in expansion["Resources"].as_object().unwrap().values() {
        let Some(policy) = resource["UpdatePolicy"].get("CodeDeployLambdaAliasUpdate") else {
            continue;
        };
        let hook = json!({"Fn::If": ["WithGuard", {"Ref": "Check"}, {"Ref": "AWS::NoValue"}]});
        assert_eq!(policy["BeforeAllowTrafficHook"], hook);
        assert_eq!(policy.get("AfterAllowTrafficHook"), None);
        found.insert(referred(&resource["Properties"]["FunctionName"]).to_owned());
    }
    assert_eq!(found, checked());
}

/// Every function has probes, of its own routes.
#[test]
fn the_probes_are_of_the_routes_of_the_template() {
    let template = template();
    let mut asked = BTreeSet::new();
    for probe in probes::PROBES {
        let id = template
            .functions
            .iter()
            .find(|(_, function)| function.binary == probe.function);
        let (id, _) = id.unwrap_or_else(|| panic!("there is no function {}", probe.function));
        asked.insert(id.clone());
        if let probes::Call::Rest { route, .. } = probe.call
            && !route.contains("/platform/")
        {
            let (method, path) = route.split_once(' ').unwrap();
            let wanted = Some((method.to_owned(), path.to_owned()));
            let leads = template
                .http
                .routes
                .iter()
                .any(|it| it.method_and_path == wanted && it.function == *id);
            assert!(leads, "{route} does not lead to {id}");
        }
    }
    assert_eq!(asked, checked());
}

/// CodeDeploy's own policy allows it to invoke only functions with this name.
#[test]
fn codedeploy_may_call_it_and_its_name_is_short_enough_and_unique() {
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        let role = of_type(expansion, "AWS::IAM::Role")["CodeDeployServiceRole"];
        assert!(
            role["ManagedPolicyArns"][0]
                .as_str()
                .unwrap()
                .ends_with("/AWSCodeDeployRoleForLambda")
        );
        let check = of_type(expansion, "AWS::Lambda::Function")["Check"];
        let parts = &check["FunctionName"]["Fn::Join"];
        assert!(parts[1][0].as_str().unwrap().starts_with("CodeDeployHook_"));
        // The third part of arn:aws:cloudformation:eu-west-1:123456789012:stack/NAME/UUID.
        assert_eq!(
            parts[1][1],
            json!({"Fn::Select": [2, {"Fn::Split": ["/", {"Ref": "AWS::StackId"}]}]})
        );
        let longest = parts[1][0].as_str().unwrap().len() + "-".len() + 36;
        assert!(longest <= 64, "Lambda takes names of up to 64 characters");
        assert_eq!(check["VpcConfig"], json!({"Ref": "AWS::NoValue"}), "it asks AWS alone");
    }
}

#[test]
fn it_may_invoke_versions_of_these_functions_and_answer_for_these_deployments() {
    let Some(expansion) = expansion("url") else { return };
    let role = of_type(expansion, "AWS::IAM::Role")["CheckRole"];
    let mut statements = Vec::new();
    walk(&role["Policies"], &mut |value| {
        statements.extend(value.get("Sid").map(|_| value));
    });
    let resources = |sid: &str| -> &Value {
        let found = statements.iter().find(|statement| statement["Sid"] == sid);
        &found.unwrap()["Resource"]
    };
    let place = "arn:${AWS::Partition}:codedeploy:${AWS::Region}:${AWS::AccountId}:";
    let of_deployments = format!("{place}deploymentgroup:${{ServerlessDeploymentApplication}}/*");
    assert_eq!(resources("SayHowACheckEnded")["Fn::Sub"], of_deployments);
    let of_application = format!("{place}application:${{ServerlessDeploymentApplication}}");
    assert_eq!(resources("ReadWhatIsDeployed")["Fn::Sub"], of_application);
    let mut invoked = BTreeSet::new();
    for resource in resources("AskNewVersions").as_array().unwrap() {
        let arn = resource.get("Fn::If").map_or(resource, |branches| &branches[1]);
        let arn = arn["Fn::Sub"].as_str().unwrap();
        let function = arn.strip_prefix("${").and_then(|arn| arn.strip_suffix(".Arn}:?*"));
        invoked.insert(function.unwrap_or_else(|| panic!("{arn} is no version")).to_owned());
    }
    assert_eq!(invoked, checked());
}
