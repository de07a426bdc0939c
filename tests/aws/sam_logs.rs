//! `sam logs` on a stack in which all functions write into one log group.

use std::{io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::support::{expansion, of_type, referred, tool};

/// So `sam logs` needs the name of the group: with the stack's name, SAM CLI 1.170 looks for the stage `$default` of the WebSocket API and fails, and would
/// read the group once for each function.
#[test]
fn sam_logs_reads_the_log_group_by_its_name_and_not_by_the_stack() {
    let (Some(expansion), Some(mut python)) = (expansion("url"), tool("python")) else {
        return;
    };
    let group = "/senna/senna/functions";
    let declared = &of_type(expansion, "AWS::Logs::LogGroup")["FunctionLogs"]["LogGroupName"]["Fn::Sub"];
    assert_eq!(declared.as_str().unwrap().replace("${AWS::StackName}", "senna"), group);
    let mut resources = json!({"group": group});
    for (id, function) in of_type(expansion, "AWS::Lambda::Function") {
        assert_eq!(referred(&function["LoggingConfig"]["LogGroup"]), "FunctionLogs", "{id}");
        resources[id] = json!("AWS::Lambda::Function");
    }
    for id in of_type(expansion, "AWS::ApiGatewayV2::Api").into_keys() {
        resources[id] = json!("AWS::ApiGatewayV2::Api");
    }
    python
        .arg("tests/aws/sam_logs.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut child = python.spawn().unwrap();
    write!(child.stdin.take().unwrap(), "{resources}").unwrap();
    let written = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let lines: Vec<Value> = written
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let [by_group, by_stack] = lines.as_slice() else {
        panic!("{written}")
    };
    assert_eq!(*by_group, json!([group]));
    assert_eq!(
        *by_stack,
        "An error occurred (NotFoundException) when calling the GetStage operation: Invalid stage identifier specified"
    );
}
