//! `sam local start-api`: the black-box suite again, with the REST routes answered by the functions that `sam build` made, in Docker,
//! and all the rest by the local stack. So what a function in Docker stores is found there, and what it pushes reaches a WebSocket.

use std::{
    collections::BTreeSet,
    io::{self, Write as _},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};
use tests::{
    root,
    sam::{SAM_LISTENS, Sam, THROUGH_SAM},
};

use crate::support::{WHOLE_SUITE, skipped};

/// What can't be tried through SAM, by the beginnings of the tests' names.
const LEFT_OUT: [&str; 15] = [
    // SAM decodes every body as UTF-8 and answers 502 where it can't; API Gateway hands such a body on in base64.
    "bodies::a_body_is_utf_8",
    // SAM's web server joins slashes and answers HEAD by itself, and refuses no question mark in a path.
    "routes::a_monitor_asks_with_head",
    "reactions::a_reaction_with_a_question_mark_goes_over_the_websocket",
    "routes::an_address_never_means_somebody_else",
    "routes::slashes_too_many_lead_to_the_route",
    // They measure the time of an answer; SAM makes a function's container at its first call.
    "dead_connections::one_that_is_gone_among_ten_is_forgotten",
    "dead_connections::one_that_reads_nothing_delays_nobody",
    // SAM answers wrong addresses in words of its own.
    "check::",
    // Each has a stack of its own, and what it breaks or counts there are processes and servers that SAM does not run.
    "crashes::",
    "generated::",
    "key_set::",
    "other_settings::",
    "hook::",
    "redis_down::",
    "troubled_platform::",
];

/// The tests of the suite, without what is left out.
fn selected(suite: &Path) -> Result<Vec<String>> {
    let listed = Command::new(suite).args(["--list", "--format", "terse"]).output()?;
    ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let listed = String::from_utf8(listed.stdout)?;
    let names: Vec<&str> = listed.lines().filter_map(|line| line.strip_suffix(": test")).collect();
    for beginning in LEFT_OUT {
        ensure!(
            names.iter().any(|name| name.starts_with(beginning)),
            "no test {beginning} is there to be left out"
        );
    }
    let is_left_out = |name: &str| LEFT_OUT.iter().any(|beginning| name.starts_with(beginning));
    let selected = names.into_iter().filter(|name| !is_left_out(name));
    Ok(selected.map(str::to_owned).collect())
}

/// The containers with functions that were built in this folder.
fn containers() -> Result<BTreeSet<String>> {
    let listed = Command::new("docker")
        .args(["ps", "--all", "--no-trunc", "--format", "{{.ID}} {{.Mounts}}"])
        .stdin(Stdio::null())
        .output()?;
    ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let built = root().join(".aws-sam/build");
    let built = built.to_str().context("a path in UTF-8")?;
    let listed = String::from_utf8(listed.stdout)?;
    Ok(listed
        .lines()
        .filter(|line| line.contains(built))
        .map(str::to_owned)
        .collect())
}

#[tokio::test]
async fn the_black_box_suite_passes_through_sam() -> Result<()> {
    if let Some(why) = Sam::missing() {
        skipped(why);
        return Ok(());
    }
    let suite = tests::blackbox()?;
    let selected = selected(&suite)?;
    ensure!(!selected.is_empty(), "the suite has no tests");
    let _alone = WHOLE_SUITE.lock().await;
    let before = containers()?;
    let run = Command::new(suite)
        // Few at once: SAM has one container for each function, and whoever waits for it longer than the tests' patience fails.
        .args(["--test-threads", "2", "--exact"])
        .args(&selected)
        .env(THROUGH_SAM, "yes")
        // What the suite expects is written by the local stack alone.
        .env("INSTA_UPDATE", "no")
        .stdin(Stdio::null())
        .output()?;
    let (said, complained) = (
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr),
    );
    let failures = said
        .split_once("\nfailures:\n")
        .map_or(&*said, |(_, failures)| failures);
    ensure!(
        run.status.success(),
        "{failures}{complained}\nIf the code is newer than .aws-sam/build, run sam build again"
    );
    ensure!(
        complained.contains(SAM_LISTENS),
        "the suite did not start SAM:\n{complained}"
    );
    let all = format!("test result: ok. {} passed;", selected.len());
    ensure!(said.contains(&all), "not all of {} tests ran:\n{said}", selected.len());
    // On standard error itself, because what a passing test prints is not shown.
    writeln!(io::stderr(), "{} black-box tests passed through SAM", selected.len()).ok();

    // SAM removes its containers when the process that started it has ended.
    tests::until("SAM's containers are gone", async || {
        Ok(containers()?.is_subset(&before).then_some(()))
    })
    .await
}
