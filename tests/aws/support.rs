//! The project's Python environment, and the expansion that it makes.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    process::Command,
    sync::OnceLock,
};

use local::template::{
    Template,
    yaml::{self, Node},
};
use serde_json::Value;
use tests::root;
use tokio::sync::Mutex;

/// The four ways to a Redis: one of your own over the internet (the profile `default`), a data stack (`production`), the demo's, and one of your own in a VPC.
pub(crate) const STORES: [&str; 4] = ["url", "data", "demo", "vpc"];
/// What stands for the outputs of a data stack.
const OUTPUTS: [(&str, &str); 3] = [
    ("SubnetIds", "subnet-0123456789abcdef0,subnet-0123456789abcdef1"),
    ("SecurityGroupIds", "sg-0123456789abcdef0"),
    (
        "RedisUrlSecretArn",
        "arn:aws:secretsmanager:eu-west-1:123456789012:secret:StoreAddress-a1b2c3",
    ),
];
/// The metrics that the functions write, each with the dimension `Stack`.
pub(crate) const OUR_METRICS: [&str; 7] = [
    "Deliveries",
    "Gone",
    "PushRetries",
    "PushFailures",
    "StoreLatency",
    "PushLatency",
    "StoreErrors",
];

/// Held by each test that runs a whole suite in processes of its own. On two cores such suites make each other late.
pub(crate) static WHOLE_SUITE: Mutex<()> = Mutex::const_new(());

/// Says that something was not tried. On standard error itself, because what a passing test prints is not shown.
pub(crate) fn skipped(why: &str) {
    writeln!(io::stderr(), "SKIPPED: {why}").ok();
}

/// A program of the Python environment, ready to run without a network; nothing, with a word why, where it wasn't installed.
pub(crate) fn tool(name: &str) -> Option<Command> {
    let command = tests::sam::tool(name);
    if command.is_none() {
        assert!(
            env::var_os("CI").is_none(),
            "CI runs .ci/sam-setup first, and {name} is not there"
        );
        skipped(&format!("{name} is not in .senna/sam; .ci/sam-setup installs it"));
    }
    command
}

/// Runs a program that must succeed, and returns what it printed.
pub(crate) fn run(mut command: Command) -> String {
    let output = command.output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        output.status.success(),
        "{command:?}\n{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    printed
}

/// What SAM reads of a profile: values of parameters, by its own parser.
pub(crate) fn profile(name: &str) -> Option<BTreeMap<String, String>> {
    let mut python = tool("python")?;
    python.args(["tests/aws/expand.py", "--parameters", name]);
    Some(serde_json::from_str(&run(python)).unwrap())
}

/// The values of the application's parameters with this way to a Redis.
pub(crate) fn parameters(store: &str) -> Option<BTreeMap<String, String>> {
    let outputs = || OUTPUTS.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Some(match store {
        "url" => profile("default")?,
        "data" => profile("production")?,
        "vpc" => profile("default")?.into_iter().chain(outputs()).collect(),
        "demo" => {
            let demo = yaml::parse(&fs::read_to_string(root().join("functions/demo.yaml")).unwrap()).unwrap();
            let path = ["Resources", "Application", "Properties", "Parameters"];
            let given = path.iter().fold(&demo, |node, key| node.get(key).unwrap());
            let value = |name: &str, node: &Node| match &node.value {
                yaml::Value::Text(text) => text.clone(),
                _ => outputs()
                    .into_iter()
                    .find(|(output, _)| output == name)
                    .map_or_else(|| "senna/generated".to_owned(), |(_, value)| value),
            };
            let given = given.entries("Parameters").unwrap().iter();
            given.map(|(name, node)| (name.clone(), value(name, node))).collect()
        }
        other => panic!("{other} is none of {STORES:?}"),
    })
}

/// A template expanded to plain `CloudFormation`, with these values of parameters.
pub(crate) fn expanded(template: &str, parameters: &BTreeMap<String, String>) -> Option<Value> {
    let mut python = tool("python")?;
    python.args(["tests/aws/expand.py", template]);
    python.args(parameters.iter().map(|(name, value)| format!("{name}={value}")));
    Some(serde_json::from_str(&run(python)).unwrap())
}

/// The application's template expanded, with this way to a Redis. Made once.
pub(crate) fn expansion(store: &str) -> Option<&'static Value> {
    static MADE: OnceLock<Option<BTreeMap<&'static str, Value>>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let expand = |store: &'static str| Some((store, expanded("template.yaml", &parameters(store)?)?));
        STORES.into_iter().map(expand).collect()
    });
    made.as_ref().map(|expansions| &expansions[store])
}

/// The template of the store and its network, with the resources of both kinds of store.
pub(crate) fn store() -> Option<&'static Value> {
    static MADE: OnceLock<Option<Value>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        expanded(
            "functions/store.yaml",
            &[("Store".to_owned(), "memorydb".to_owned())].into(),
        )
    });
    made.as_ref()
}

/// Our own reading of the template, by which `cargo run` works.
pub(crate) fn template() -> Template {
    local::template::read(&root().join("template.yaml"), &BTreeMap::new()).unwrap()
}

/// The text of the template.
pub(crate) fn template_text() -> String {
    fs::read_to_string(root().join("template.yaml")).unwrap()
}

/// The resources of a type, by logical id.
pub(crate) fn of_type<'a>(expansion: &'a Value, kind: &str) -> BTreeMap<&'a str, &'a Value> {
    let resources = expansion["Resources"].as_object().unwrap();
    let of_type = resources.iter().filter(|(_, resource)| resource["Type"] == kind);
    of_type
        .map(|(id, resource)| (id.as_str(), &resource["Properties"]))
        .collect()
}

/// What `{"Ref": …}` names.
pub(crate) fn referred(value: &Value) -> &str {
    value["Ref"].as_str().unwrap_or_else(|| panic!("no Ref: {value}"))
}

/// Every value in a value, itself included.
pub(crate) fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        Value::Object(object) => object.values().for_each(|item| walk(item, visit)),
        _ => {}
    }
}
