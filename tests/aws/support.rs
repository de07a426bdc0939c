//! The project's Python environment, and the expansion that it makes.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{self, Write as _},
    process::Command,
    sync::OnceLock,
};

use local::template::Template;
use serde_json::Value;
use tests::root;
use tokio::sync::Mutex;

/// The three ways to a Redis.
pub(crate) const STORES: [&str; 3] = ["url", "elasticache", "memorydb"];
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

/// The template expanded to plain `CloudFormation`, with this way to a Redis. Made once.
pub(crate) fn expansion(store: &str) -> Option<&'static Value> {
    static MADE: OnceLock<Option<BTreeMap<&'static str, Value>>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let expand = |store: &'static str| {
            let mut python = tool("python")?;
            python.args(["tests/aws/expand.py", "template.yaml", &format!("Redis={store}")]);
            Some((store, serde_json::from_str(&run(python)).unwrap()))
        };
        STORES.into_iter().map(expand).collect()
    });
    made.as_ref().map(|expansions| &expansions[store])
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
