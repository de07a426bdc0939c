//! Each command that the documents tell people to type is run by a test, or the reason why not stands here.

use std::collections::BTreeSet;

use tests::documents::commands;

use crate::support::{read, root};

/// What shows that a command works.
enum Shown {
    /// This test in this file does what the command does.
    By(&'static str, &'static str),
    /// `.ci/run` has a line with these words.
    InCi(&'static str),
    /// Nothing on a machine without an account, without a person or in a short time can run it. Other tests still look at its words.
    NotHere(&'static str),
}

use Shown::{By, InCi, NotHere};

const ACCOUNT: &str = "needs an account of AWS";
const MEASURES: &str = "a measurement of some minutes, which decides nothing";

const ROWS: &[(&str, Shown)] = &[
    // The local stack.
    ("cargo run", By("tests/blackbox/sending.rs", "")),
];

#[test]
fn each_command_of_the_documents_is_shown_to_work_or_says_why_not() {
    let documented: BTreeSet<String> = commands().unwrap().into_iter().collect();
    let known: BTreeSet<String> = ROWS.iter().map(|(command, _)| (*command).to_owned()).collect();
    let unknown: Vec<_> = documented.difference(&known).collect();
    assert!(unknown.is_empty(), "commands without a row in this file: {unknown:#?}");
    let gone: Vec<_> = known.difference(&documented).collect();
    assert!(
        gone.is_empty(),
        "rows whose command no document has any more: {gone:#?}"
    );
}
