//! The JavaScript client's own suite: its types, its size, and its tests, which need a real stack.

use std::{collections::BTreeSet, fs::File, process::Command};

use anyhow::{Context as _, Result};
use tests::{javascript::JavaScript, root, senna};

use crate::support::{run, skipped};

#[test]
fn the_javascript_client_passes_its_own_suite() -> Result<()> {
    let javascript = match JavaScript::ready() {
        Ok(javascript) => javascript,
        Err(why) => {
            skipped(&why);
            return Ok(());
        }
    };
    // Its tests make the package anew: not two at a time in one folder.
    let package = File::open(root().join("clients/js/package.json")).context("the client's package")?;
    package.lock()?;
    let npm = |arguments: &[&str]| -> Result<Command> {
        let mut npm = javascript.npm(arguments);
        npm.env("SENNA_BIN", senna()?);
        Ok(npm)
    };
    for arguments in [["run", "check"], ["run", "size"]] {
        run(npm(&arguments)?);
    }
    let mut test = npm(&["test"])?;
    // One line for each test, in every version of Node.
    test.env("NODE_OPTIONS", "--test-reporter=tap");
    // Beside other suites a machine can be late by itself. `npm test` alone measures.
    test.env("SENNA_LATE_MS", "30000");
    let printed = run(test);
    let reasons = printed.lines().filter_map(|line| line.split_once("# SKIP "));
    for why in reasons.map(|(_, why)| why).collect::<BTreeSet<_>>() {
        skipped(&format!("of the JavaScript client's tests, {why}"));
    }
    Ok(())
}
