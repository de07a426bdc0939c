//! Files that stay readable, and documents that stay true.

use crate::support::{CODE, files, read, root};

#[test]
fn no_file_grows_beyond_600_lines() {
    for path in files(&CODE, "rs") {
        let lines = read(&path).lines().count();
        assert!(lines <= 600, "{path} has {lines} lines: is there a seam?");
    }
}

#[test]
fn every_module_says_what_it_is_for() {
    for path in files(&CODE, "rs") {
        assert!(read(&path).starts_with("//!"), "{path} has no head");
    }
}

#[test]
fn every_script_lists_what_it_takes_and_gives() {
    for path in files(&["shared/src/adapters/redis/scripts"], "lua") {
        let script = read(&path);
        assert!(script.starts_with("-- "), "{path} has no head");
        if !path.ends_with("prelude.lua") {
            for part in ["\n-- KEYS: ", "\n-- ARGV: ", "\n-- Returns "] {
                assert!(script.contains(part), "{path} does not say {part:?}");
            }
        }
        let code = script
            .lines()
            .filter(|line| !line.trim().is_empty() && !line.trim_start().starts_with("--"))
            .count();
        assert!(code <= 60, "{path} has {code} lines of code");
    }
}

#[test]
fn the_pages_name_only_what_exists() {
    for page in ["docs/architecture.md", "docs/local.md"] {
        let document = read(page);
        let named: Vec<&str> = document
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.contains('/') && !name.starts_with('/') && !name.contains(['<', '*', '{', ' ', ':']))
            .collect();
        assert!(named.len() > 5, "{named:?}");
        for name in named {
            assert!(root().join(name).exists(), "{page} names {name}");
        }
    }
}

/// What a check tells people to look at: parameters, outputs, alarms and resources.
#[test]
fn a_check_names_only_what_the_template_has() {
    let template = read("template.yaml");
    let not_ours = [
        "WebSocket",
        "IPv6",
        "APIs",
        "JsonWebTokenError",
        "TokenExpiredError",
        "NotBeforeError",
        "RouteNotFoundError",
    ];
    let is_name = |word: &&str| {
        let mut letters = word.chars();
        letters.next().is_some_and(char::is_uppercase)
            && letters.any(char::is_uppercase)
            && word.chars().any(char::is_lowercase)
            && !not_ours.contains(word)
    };
    let mut named = 0;
    for path in files(&["shared/probes/src", "local/src/developer/check"], "rs") {
        let text = read(&path);
        let (code, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
        let literals = code.split('"').skip(1).step_by(2);
        let words = literals.flat_map(|literal| literal.split(|c: char| !c.is_alphanumeric()));
        for name in words.filter(is_name) {
            assert!(
                template.contains(&format!("\n  {name}:\n")),
                "{path}: the template has no {name}"
            );
            named += 1;
        }
    }
    assert!(named > 20, "{named} names");
}

#[test]
fn every_test_that_the_contract_names_exists() {
    let named = read("tests/blackbox/contract.md");
    let tests: Vec<_> = named
        .split('`')
        .skip(1)
        .step_by(2)
        .filter_map(|name| name.split_once("::"))
        .filter(|(module, _)| module.starts_with(|c: char| c.is_ascii_lowercase()))
        .collect();
    assert!(tests.len() > 100, "{} tests", tests.len());
    for (module, function) in tests {
        let source = read(&format!("tests/blackbox/{module}.rs"));
        let test = format!("async fn {function}() -> ");
        assert!(source.contains(&test), "the contract's {module}::{function} is no test");
    }
}

/// A tag can be moved to other code. A commit cannot.
#[test]
fn each_action_of_the_workflows_is_pinned_to_a_commit_and_says_its_version() {
    let mut pinned = 0;
    for path in files(&[".github/workflows"], "yml") {
        for line in read(&path).lines() {
            let Some((_, action)) = line.split_once("uses: ") else {
                continue;
            };
            if let Some(own) = action.strip_prefix("./") {
                assert!(root().join(own).is_file(), "{path} uses {own}");
                continue;
            }
            let (_, commit) = action.split_once('@').unwrap();
            let (commit, version) = commit.split_once(" # v").unwrap_or((commit, ""));
            let is_commit = commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{path}: {action}");
            pinned += 1;
        }
    }
    assert!(pinned > 3, "{pinned} actions");
}

#[test]
fn each_script_that_a_workflow_runs_exists() {
    for path in files(&[".github/workflows"], "yml") {
        for word in read(&path).split_whitespace().filter(|word| word.starts_with(".ci/")) {
            assert!(root().join(word).is_file(), "{path} names {word}");
        }
    }
}

/// The names under `Parameters:` of a template.
fn parameters(path: &str) -> Vec<String> {
    let text = read(path);
    let (_, rest) = text.split_once("\nParameters:\n").unwrap();
    let lines = rest
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with([' ', '#']));
    let names = lines.filter_map(|line| line.strip_prefix("  ")?.strip_suffix(':'));
    names
        .filter(|name| name.chars().all(|c| c.is_ascii_alphanumeric()))
        .map(str::to_owned)
        .collect()
}

#[test]
fn the_page_about_deployments_names_every_parameter() {
    let page = read("docs/deploy.md");
    for path in ["template.yaml", "functions/data.yaml", ".github/deploy-role.yaml"] {
        let parameters = parameters(path);
        assert!(parameters.len() > 5, "{path}: {parameters:?}");
        for name in parameters {
            assert!(
                page.contains(&format!("`{name}")),
                "docs/deploy.md does not say what {name} of {path} is"
            );
        }
    }
}
