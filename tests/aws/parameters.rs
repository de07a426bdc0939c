//! What a deployment is asked for: the profiles of `samconfig.toml`, the rules of the template, and SAM's own prompts.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    process::Stdio,
};

use local::template::{
    intrinsics::Scope,
    yaml::{self, Node, Value},
};
use tests::root;

use crate::support::{STORES, parameters, profile, run, tool};

/// A public key in PEM, as it is written into a parameter.
const PEM: &str = r"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----";

/// Whether an assertion or the condition of a rule holds. Rules know fewer functions than conditions, and one more.
fn holds(scope: &Scope<'_>, node: &Node) -> bool {
    let (function, argument) = node.call().unwrap();
    let Value::List(items) = &argument.value else {
        panic!("{function} takes a list")
    };
    let text = |node: &Node| scope.required(node).unwrap();
    match function {
        "Fn::Equals" => text(&items[0]) == text(&items[1]),
        "Fn::Not" => !holds(scope, &items[0]),
        "Fn::And" => items.iter().all(|item| holds(scope, item)),
        "Fn::Or" => items.iter().any(|item| holds(scope, item)),
        "Fn::Contains" => scope.texts(&items[0]).unwrap().contains(&text(&items[1])),
        other => panic!("Rules know no {other}"),
    }
}

/// What `CloudFormation` says of these values for a template before it makes anything: the first value that is not allowed, else the assertions that do not hold.
fn refusals(template: &str, given: &BTreeMap<String, String>) -> Vec<String> {
    let template = yaml::parse(&fs::read_to_string(root().join(template)).unwrap()).unwrap();
    let scope = match Scope::new(&template, given) {
        Ok(scope) => scope,
        Err(wrong) => return vec![wrong.what],
    };
    let rules = template
        .get("Rules")
        .map_or(Ok(&[][..]), |rules| rules.entries("Rules"));
    let rules = rules.unwrap().iter();
    let applied = rules.filter(|(_, rule)| rule.get("RuleCondition").is_none_or(|when| holds(&scope, when)));
    let assertions = applied.flat_map(|(_, rule)| match &rule.get("Assertions").unwrap().value {
        Value::List(assertions) => assertions,
        _ => panic!("Assertions is a list"),
    });
    let broken = assertions.filter(|assertion| !holds(&scope, assertion.get("Assert").unwrap()));
    broken
        .map(|assertion| scope.required(assertion.get("AssertDescription").unwrap()).unwrap())
        .collect()
}

fn with<'a>(given: &BTreeMap<String, String>, more: impl IntoIterator<Item = (&'a str, &'a str)>) -> Vec<String> {
    let mut given = given.clone();
    given.extend(
        more.into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    refusals("template.yaml", &given)
}

#[test]
fn every_profile_is_a_whole_answer() {
    for store in STORES {
        let Some(given) = parameters(store) else { return };
        assert_eq!(refusals("template.yaml", &given), [""; 0], "{store}");
    }
    let data = profile("data").unwrap();
    assert_eq!(refusals("functions/data.yaml", &data), [""; 0]);
    assert!(profile("demo").unwrap().is_empty());
}

/// SAM's build and SAM's deployment read the same list of a profile, so that a function is never deployed for another architecture than it was built for.
#[test]
fn build_and_deployment_read_one_list() {
    let text = fs::read_to_string(root().join("samconfig.toml")).unwrap();
    let sections = text.split("\n[").skip(1);
    for section in sections.filter(|section| section.contains("\nparameter_overrides")) {
        let (name, _) = section.split_once(']').unwrap();
        assert!(name.ends_with(".global.parameters"), "{name}");
    }
}

#[test]
fn a_deployment_without_a_redis_or_with_two_is_refused() {
    let Some(given) = parameters("url") else { return };
    insta::assert_debug_snapshot!(with(&given, [("RedisUrlSecretArn", "")]), @r#"
    [
        "DataStack must name the stack of a Redis that AWS runs, or RedisUrlSecretArn the secret with the address of your own.",
    ]
    "#);
    insta::assert_debug_snapshot!(with(&given, [("DataStack", "senna-data")]), @r#"
    [
        "With DataStack, RedisUrlSecretArn, RedisUrlKey, RedisCa and SubnetIds must be empty, because the stack has its own.",
    ]
    "#);
    insta::assert_debug_snapshot!(with(&given, [("SubnetIds", "subnet-0a1b")]), @r#"
    [
        "SubnetIds and SecurityGroupIds must be given together.",
    ]
    "#);
    insta::assert_debug_snapshot!(with(&given, [("JwtSecretArn", "")]), @r#"
    [
        "With HS256, HS384 and HS512 JwtSecretArn must name the secret that the platform signs its tokens with.",
    ]
    "#);
}

#[test]
fn a_secret_is_named_by_its_name_or_its_arn() {
    let Some(given) = parameters("url") else { return };
    for good in [
        "senna/jwt",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:senna/jwt-a1b2c3",
    ] {
        assert_eq!(with(&given, [("JwtSecretArn", good)]), [""; 0], "{good}");
    }
    for bad in ["the secret itself", "{{resolve:x}}", "arn:aws:s3:::bucket"] {
        let refused = with(&given, [("JwtSecretArn", bad)]);
        assert!(
            refused[0].contains("must be the name or the ARN of a Secrets Manager secret"),
            "{refused:?}"
        );
    }
    let refused = with(&given, [("JwtSecretKey", "a:b")]);
    assert!(refused[0].contains("must be a key of letters"), "{refused:?}");
}

/// What SAM reads after `--parameter-overrides`.
fn read_by_sam(words: &[&str]) -> Option<BTreeMap<String, String>> {
    let mut python = tool("python")?;
    python
        .args(["tests/aws/expand.py", "--parameters", "default"])
        .args(words);
    Some(serde_json::from_str(&run(python)).unwrap())
}

#[test]
fn half_a_key_is_refused_and_a_whole_one_is_not() {
    let Some(given) = parameters("url") else { return };
    for (name, pem) in [
        ("JwtPublicKey", PEM.to_owned()),
        ("RedisCa", PEM.replace("PUBLIC KEY", "CERTIFICATE")),
    ] {
        // What a shell hands on of NAME="PEM".
        let Some(cut) = read_by_sam(&[&format!("{name}={pem}")]) else {
            return;
        };
        assert_eq!(cut[name], "-----BEGIN", "SAM cuts it at its first blank");
        let refused = with(&given, [(name, cut[name].as_str())]);
        assert!(refused[0].contains("it was cut at a blank"), "{refused:?}");
        // And of 'NAME="PEM"', as it also stands in samconfig.toml.
        let whole = read_by_sam(&[&format!("{name}=\"{pem}\"")]).unwrap();
        assert_eq!(whole[name], pem);
        let lines = pem.replace("\\n", "\n") + "\n";
        for good in [pem.as_str(), &lines] {
            assert_eq!(with(&given, [(name, good)]), [""; 0], "{good}");
        }
        let (first, _) = pem.split_once("-----END").unwrap();
        assert!(!with(&given, [(name, first)]).is_empty());
        // A key that is not public must not be in a parameter, which everybody who may see the stack can read.
        assert!(
            !with(
                &given,
                [(
                    name,
                    pem.replace("PUBLIC", "PRIVATE")
                        .replace("CERTIFICATE", "PRIVATE KEY")
                        .as_str()
                )]
            )
            .is_empty()
        );
    }
}

/// What SAM's own prompts print with Enter for each, up to where SAM needs AWS. `more` are further arguments.
fn guided(profile: &str, more: &[&str]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    // It saves the answers into the file.
    fs::create_dir(folder.path().join("functions")).unwrap();
    for file in [
        "template.yaml",
        "samconfig.toml",
        "functions/data.yaml",
        "functions/store.yaml",
    ] {
        fs::copy(root().join(file), folder.path().join(file)).unwrap();
    }
    let mut sam = tool("sam")?;
    let mut child = sam
        .args(["deploy", "--guided", "--config-env", profile])
        .args(more)
        .current_dir(folder.path())
        // No credentials, wherever they might be.
        .env("HOME", folder.path())
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_ACCESS_KEY_ID")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all("\n".repeat(200).as_bytes()).ok();
    let output = child.wait_with_output().unwrap();
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The prompts for parameters, each with what Enter answers.
fn asked(printed: &str) -> BTreeMap<&str, &str> {
    let prompts = printed.split("Parameter ").skip(1);
    prompts
        .filter_map(|prompt| prompt.split_once("]: ")?.0.split_once(" ["))
        .collect()
}

#[test]
fn the_guided_path_needs_nothing_but_enter() {
    for (profile, file) in [
        ("default", "template.yaml"),
        ("production", "template.yaml"),
        ("data", "functions/data.yaml"),
    ] {
        let Some(printed) = guided(profile, &[]) else { return };
        assert!(
            printed.contains("Looking for resources needed for deployment"),
            "{profile}: {printed}"
        );
        assert!(
            printed.contains("Unable to locate credentials"),
            "it came no further than AWS: {printed}"
        );
        assert!(!printed.contains("has no authentication"), "{printed}");
        let asked = asked(&printed);
        let given: BTreeMap<_, _> = asked
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        assert_eq!(refusals(file, &given), [""; 0], "{profile}");
        let text = yaml::parse(&fs::read_to_string(root().join(file)).unwrap()).unwrap();
        let declared = text.get("Parameters").unwrap().entries("Parameters").unwrap();
        assert_eq!(asked.len(), declared.len(), "{profile}");
    }
}

#[test]
fn parameters_on_the_command_line_take_the_place_of_the_whole_list() {
    let Some(printed) = guided("production", &["--parameter-overrides", "MemorySize=1024"]) else {
        return;
    };
    let asked = asked(&printed);
    assert_eq!((asked["MemorySize"], asked["DataStack"]), ("1024", ""));
}

#[test]
fn every_parameter_is_in_one_group() {
    for file in ["template.yaml", "functions/data.yaml"] {
        let text = yaml::parse(&fs::read_to_string(root().join(file)).unwrap()).unwrap();
        let declared = text.get("Parameters").unwrap().entries("Parameters").unwrap();
        let interface = text
            .get("Metadata")
            .unwrap()
            .get("AWS::CloudFormation::Interface")
            .unwrap();
        let Value::List(groups) = &interface.get("ParameterGroups").unwrap().value else {
            panic!("ParameterGroups is a list")
        };
        let scope = Scope::new(&text, &BTreeMap::new()).unwrap();
        let grouped: Vec<_> = groups
            .iter()
            .flat_map(|group| scope.texts(group.get("Parameters").unwrap()).unwrap())
            .collect();
        assert_eq!(grouped.len(), declared.len(), "{file}");
        let declared: BTreeSet<_> = declared.iter().map(|(name, _)| name.clone()).collect();
        assert_eq!(grouped.into_iter().collect::<BTreeSet<_>>(), declared, "{file}");
    }
}
