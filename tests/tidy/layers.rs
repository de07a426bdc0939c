//! Who may know whom.

use crate::support::{files, read};

/// Code without comments, in which a name would only be a word.
fn code(path: &str) -> String {
    read(path)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n")
}

fn nowhere(folders: &[&str], words: &[&str]) {
    for path in files(folders, "rs") {
        let code = code(&path);
        for word in words {
            assert!(!code.contains(word), "{path} must not know {word}");
        }
    }
}

#[test]
fn the_domain_knows_only_itself() {
    let others = [
        "crate::",
        "redis",
        "lambda",
        "http::",
        "serde",
        "tokio",
        "std::env",
        "std::time",
    ];
    for path in files(&["shared/src/domain"], "rs") {
        // Its tests compare with what a serializer writes.
        let code = code(&path);
        let (code, _) = code.split_once("#[cfg(test)]").unwrap_or((&code, ""));
        for word in others {
            assert!(!code.contains(word), "{path} must not know {word}");
        }
    }
}

#[test]
fn ports_know_only_the_domain() {
    nowhere(
        &["shared/src/ports"],
        &[
            "crate::adapters",
            "crate::app",
            "crate::wire",
            "redis::",
            "lambda",
            "http::",
        ],
    );
}

#[test]
fn what_routes_do_knows_no_adapter() {
    nowhere(
        &["shared/src/app"],
        &[
            "crate::adapters",
            "crate::runtime",
            "crate::config",
            "redis::",
            "lambda",
            "http::",
        ],
    );
}

#[test]
fn the_local_stack_plays_aws_and_knows_nothing_of_the_core() {
    nowhere(&["local/src"], &["shared::"]);
    nowhere(&["tests/blackbox", "tests/src"], &["shared::"]);
}

#[test]
fn there_is_one_crypto_provider() {
    assert!(
        !read("Cargo.lock").contains("\"aws-lc-rs\""),
        "aws-lc-rs costs 36 to 60 ms at a cold start"
    );
}
