//! Three checks of the template, none of which replaces another.

use std::{
    fs,
    io::{Seek as _, SeekFrom, Write as _},
    path::Path,
};

use tests::root;

use crate::support::{STORES, expansion, run, tool};

/// Every template that is deployed or stands in one that is.
const TEMPLATES: [&str; 6] = [
    "functions/account.yaml",
    "functions/data.yaml",
    "functions/demo.yaml",
    "functions/domain.yaml",
    "functions/store.yaml",
    "template.yaml",
];

#[test]
fn every_template_is_checked() {
    let entries = |folder: &str| fs::read_dir(root().join(folder)).unwrap().map(Result::unwrap);
    let names = |folder: &str| entries(folder).map(|entry| entry.file_name().into_string().unwrap());
    let found = names("functions")
        .map(|name| format!("functions/{name}"))
        .chain(names("."));
    let mut found: Vec<_> = found
        .filter(|name| Path::new(name).extension().is_some_and(|end| end == "yaml"))
        .collect();
    found.sort();
    assert_eq!(found, TEMPLATES);
}

#[test]
fn sam_finds_nothing_wrong() {
    for template in TEMPLATES {
        let Some(mut sam) = tool("sam") else { return };
        sam.args(["validate", "--lint", "--template", template]);
        let printed = run(sam);
        assert!(printed.contains("is a valid SAM Template"), "{printed}");
    }
}

#[test]
fn cfn_lint_finds_nothing_wrong() {
    let Some(mut lint) = tool("cfn-lint") else { return };
    lint.args(TEMPLATES);
    assert_eq!(run(lint), "");
}

/// It checks every combination of the conditions, and that what the transform made is referred to by its real name.
#[test]
fn cfn_lint_finds_nothing_wrong_with_the_expansions() {
    let folder = tempfile::tempdir().unwrap();
    for store in STORES {
        let (Some(mut lint), Some(expansion)) = (tool("cfn-lint"), expansion(store)) else {
            return;
        };
        let file = folder.path().join(format!("{store}.json"));
        fs::write(&file, expansion.to_string()).unwrap();
        // W2001, a parameter that is not used: the transform puts in the value of DeploymentType, and the parameter stays. W1033: as in template.yaml.
        lint.args(["--ignore-checks", "W2001", "W1033", "--template"]).arg(file);
        assert_eq!(run(lint), "", "{store}");
    }
}

/// `CloudFormation` takes 500 resources in a stack. docs/limits.md says how many there are.
#[test]
fn the_template_has_room_in_the_limits_of_cloudformation() {
    let mut most = 0;
    for store in STORES {
        let Some(expansion) = expansion(store) else { return };
        most = most.max(expansion["Resources"].as_object().unwrap().len());
    }
    assert!(most < 400, "{most} resources");
    let limits = fs::read_to_string(root().join("docs/limits.md")).unwrap();
    let said = format!("the largest expansion of `template.yaml` has {most}");
    assert!(limits.contains(&said), "docs/limits.md doesn't say: {said}");
}

/// Nobody here can run them, but SAM CLI and botocore know which commands and options there are.
#[test]
fn the_documented_commands_of_sam_and_of_the_aws_cli_have_these_options() {
    let Some(mut python) = tool("python") else { return };
    let commands = tests::documents::commands().unwrap();
    let mine = commands
        .iter()
        .filter(|command| command.contains("sam ") || command.contains("aws "));
    let lines: Vec<&str> = mine.map(String::as_str).collect();
    let lines = lines.join("\n");
    assert!(lines.lines().count() > 10, "{lines}");
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(lines.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    python.arg("tests/aws/documented.py").stdin(file);
    assert_eq!(run(python), "");
}
