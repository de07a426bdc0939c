//! Which code may know which.

use crate::support::{files, read};

/// Which layers of the core may know an outside library, by a word of its paths. Libraries that are not here are for everyone but the domain.
const OUTSIDE: [(&str, &[&str]); 9] = [
    ("redis::", &["adapters", "wiring", "fuzzing"]),
    ("reqwest::", &["adapters"]),
    ("moka::", &["adapters"]),
    ("rustls::", &["adapters", "runtime"]),
    ("aws_", &["adapters", "runtime"]),
    ("lambda_", &["runtime", "fuzzing"]),
    ("jsonwebtoken::", &["config", "adapters", "fuzzing"]),
    ("http::", &["config", "adapters", "runtime", "fuzzing"]),
    ("tracing_subscriber::", &["trace", "config", "runtime"]),
];

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

/// The layers of the core, as its first page lists them: each may know those before it.
fn layers() -> Vec<String> {
    let page = read("shared/src/lib.rs");
    let name = |line: &str| Some(line.strip_prefix("//! - [`")?.split_once('`')?.0.to_owned());
    page.lines().filter_map(name).collect()
}

/// The files of a layer.
fn files_of(layer: &str) -> Vec<String> {
    let is_in = |path: &str| {
        let rest = path
            .strip_prefix("shared/src/")
            .and_then(|path| path.strip_prefix(layer));
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    files(&["shared/src"], "rs")
        .into_iter()
        .filter(|path| is_in(path))
        .collect()
}

#[test]
fn the_list_of_layers_is_complete() {
    let mut listed: Vec<String> = layers().iter().flat_map(|layer| files_of(layer)).collect();
    listed.push("shared/src/lib.rs".to_owned());
    listed.sort();
    assert_eq!(listed, files(&["shared/src"], "rs"));
}

#[test]
fn each_layer_knows_only_those_above_it() {
    let layers = layers();
    for (place, layer) in layers.iter().enumerate() {
        for path in files_of(layer) {
            let code = code(&path);
            assert!(
                !code.contains("crate::{"),
                "{path}: name the layer, as in crate::domain::{{…}}"
            );
            for below in layers.iter().skip(place + 1) {
                assert!(
                    !code.contains(&format!("crate::{below}")),
                    "{path} is in {layer} and must not know {below}"
                );
            }
            for (word, may) in OUTSIDE {
                assert!(
                    may.contains(&layer.as_str()) || !code.contains(word),
                    "{path} is in {layer} and must not know {word}"
                );
            }
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
fn the_local_stack_plays_aws_and_knows_nothing_of_the_core() {
    // It plays nothing: it writes through the core's own store.
    let migration = "local/src/developer/migrate/";
    for path in files(&["local/src"], "rs")
        .iter()
        .filter(|path| !path.starts_with(migration))
    {
        assert!(!code(path).contains("shared::"), "{path} must not know shared::");
    }
    nowhere(&["tests/blackbox", "tests/src"], &["shared::"]);
}

/// Both the local stack and a function use it.
#[test]
fn probes_know_neither_who_asks_nor_how() {
    let words = ["shared::", "local::", "tokio", "reqwest", "lambda_", "aws_", "std::env"];
    nowhere(&["shared/probes/src"], &words);
}

#[test]
fn there_is_one_crypto_provider() {
    assert!(
        !read("Cargo.lock").contains("\"aws-lc-rs\""),
        "aws-lc-rs costs 36 to 60 ms at a cold start"
    );
}
