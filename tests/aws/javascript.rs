//! The JavaScript client's own suite: its types, its size, and its tests, which need a real stack.

use std::{collections::BTreeSet, fs::File, process::Command};

use anyhow::{Context as _, Result, ensure};
use tests::{javascript::JavaScript, root, senna};

use crate::support::{WHOLE_SUITE, run, skipped};

/// The tests that failed, each with its error, from a report in TAP.
fn failures(tap: &str) -> String {
    let mut within = false;
    // Each report ends with three dots, as far from the margin as it begins. An error's own text may have a line of three dots too.
    let mut end = String::new();
    let of_failures = tap.lines().filter(|line| {
        let beginning = line.trim_start();
        if beginning.starts_with("not ok") {
            within = true;
            end = format!("{}  ...", " ".repeat(line.len() - beginning.len()));
        }
        within = within && *line != end;
        within
    });
    of_failures.collect::<Vec<_>>().join("\n")
}

#[test]
fn only_the_failures_of_a_report_are_shown() {
    let tap = "ok 1 - fine\n  ---\n  duration_ms: 1\n  ...\n    not ok 2 - broken\n      ---\n      error: |-\n        ...\n        'late'\n      ...\nok 3 - fine";
    assert_eq!(
        failures(tap),
        "    not ok 2 - broken\n      ---\n      error: |-\n        ...\n        'late'"
    );
}

#[test]
fn the_javascript_client_passes_its_own_suite() -> Result<()> {
    let javascript = match JavaScript::ready() {
        Ok(javascript) => javascript,
        Err(why) => {
            skipped(&why);
            return Ok(());
        }
    };
    let _alone = WHOLE_SUITE.blocking_lock();
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
    let output = test.output()?;
    let printed = String::from_utf8(output.stdout)?;
    let complained = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}\n{complained}", failures(&printed));
    let reasons = printed.lines().filter_map(|line| line.split_once("# SKIP "));
    for why in reasons.map(|(_, why)| why).collect::<BTreeSet<_>>() {
        skipped(&format!("of the JavaScript client's tests, {why}"));
    }
    Ok(())
}
