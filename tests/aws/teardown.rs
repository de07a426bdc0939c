//! `.ci/teardown` against a stand-in for the AWS CLI.

use std::{
    env, fs,
    io::Write as _,
    iter,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use tests::root;

use crate::support::tool;

/// What a run of the script printed, whether it succeeded, and what the AWS CLI was asked to delete.
struct Run {
    printed: String,
    succeeded: bool,
    deleted: Vec<String>,
    left: Vec<String>,
}

/// Runs the script for `senna-data` on these stacks, and types `typed`.
fn teardown(stacks: &Value, imports: &[&str], typed: &str) -> Option<Run> {
    let python = tool("python")?;
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    fs::write(
        &state,
        json!({"stacks": stacks, "imports": imports, "calls": []}).to_string(),
    )
    .unwrap();
    let stand_in = folder.path().join("aws");
    let python = python.get_program().to_str().unwrap().to_owned();
    let script = root().join("tests/aws/aws.py");
    fs::write(
        &stand_in,
        format!("#!/bin/sh\nexec {python} {} \"$@\"\n", script.display()),
    )
    .unwrap();
    fs::set_permissions(&stand_in, fs::Permissions::from_mode(0o700)).unwrap();
    let paths = env::var_os("PATH").unwrap();
    let paths = iter::once(folder.path().to_owned()).chain(env::split_paths(&paths));
    let paths = env::join_paths(paths).unwrap();
    let mut child = Command::new(root().join(".ci/teardown"))
        .arg("senna-data")
        .env("PATH", paths)
        .env("AWS_STATE", &state)
        .env("TEARDOWN_PAUSE", "0")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have ended without reading.
    child
        .stdin
        .take()
        .unwrap()
        .write_all(format!("{typed}\n").as_bytes())
        .ok();
    let output = child.wait_with_output().unwrap();
    let state: Value = serde_json::from_str(&fs::read_to_string(&state).unwrap()).unwrap();
    let calls = state["calls"].as_array().unwrap().iter();
    let deleted = calls.filter_map(|call| call.as_str()?.strip_prefix("cloudformation delete-stack --stack-name "));
    Some(Run {
        printed: String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned(),
        succeeded: output.status.success(),
        deleted: deleted.map(str::to_owned).collect(),
        left: state["stacks"].as_object().unwrap().keys().cloned().collect(),
    })
}

/// A data stack with its store, a store that an earlier one left, and stacks that are none of its business.
fn stacks() -> Value {
    let cluster =
        |id: &str| json!({"resources": [{"ResourceType": "AWS::MemoryDB::Cluster", "PhysicalResourceId": id}]});
    json!({
        "senna-data": {"resources": []},
        "senna-data-MemoryDB-1ABC": cluster("senna-1-messages"),
        "senna-data-ElastiCache-2DEF": {"resources": []},
        "senna-data-2": {"resources": []},
        "senna-data-2-MemoryDB-3GHI": cluster("senna-3-messages"),
        "senna-production": {"resources": []},
    })
}

#[test]
fn a_data_stack_is_deleted_before_its_stores_and_nothing_else_is() {
    let Some(run) = teardown(&stacks(), &[], "senna-data") else {
        return;
    };
    assert!(run.succeeded, "{}", run.printed);
    assert!(run.printed.contains("the store senna-1-messages"), "{}", run.printed);
    assert_eq!(
        run.deleted,
        ["senna-data", "senna-data-ElastiCache-2DEF", "senna-data-MemoryDB-1ABC"]
    );
    assert_eq!(
        run.left,
        ["senna-data-2", "senna-data-2-MemoryDB-3GHI", "senna-production"]
    );
    assert!(
        run.printed.ends_with("nothing is left of senna-data\n"),
        "{}",
        run.printed
    );
}

#[test]
fn a_store_whose_data_stack_is_gone_is_deleted() {
    let stacks = json!({"senna-data-MemoryDB-1ABC": {"resources": []}});
    let Some(run) = teardown(&stacks, &[], "senna-data") else {
        return;
    };
    assert!(run.succeeded && run.left.is_empty(), "{}", run.printed);
}

#[test]
fn nothing_is_deleted_without_the_name_or_while_it_is_in_use() {
    for typed in ["", "yes", "senna-data-2"] {
        let Some(run) = teardown(&stacks(), &[], typed) else {
            return;
        };
        assert!(!run.succeeded && run.deleted.is_empty(), "{}", run.printed);
        assert!(run.printed.contains("nothing was deleted"), "{}", run.printed);
    }
    let Some(run) = teardown(&stacks(), &["senna-production"], "senna-data") else {
        return;
    };
    assert!(!run.succeeded && run.deleted.is_empty(), "{}", run.printed);
    assert!(run.printed.contains("in use by: senna-production"), "{}", run.printed);
}

#[test]
fn a_deletion_that_fails_is_tried_three_times() {
    let store = |failures: u32| {
        let subnet = json!({"ResourceType": "AWS::EC2::Subnet", "PhysicalResourceId": "subnet-1", "ResourceStatus": "DELETE_FAILED"});
        json!({"senna-data-MemoryDB-1ABC": {"resources": [subnet], "failures": failures}})
    };
    let Some(run) = teardown(&store(2), &[], "senna-data") else {
        return;
    };
    assert!(run.succeeded && run.deleted.len() == 3, "{}", run.printed);
    let Some(run) = teardown(&store(3), &[], "senna-data") else {
        return;
    };
    assert!(!run.succeeded && run.deleted.len() == 3, "{}", run.printed);
    assert!(run.printed.contains("subnet-1"), "{}", run.printed);
}

#[test]
fn where_there_is_nothing_nothing_is_asked() {
    let Some(run) = teardown(&json!({"senna-production": {"resources": []}}), &[], "senna-data") else {
        return;
    };
    assert!(run.succeeded && run.deleted.is_empty(), "{}", run.printed);
    assert!(run.printed.contains("there is no stack senna-data"), "{}", run.printed);
}
