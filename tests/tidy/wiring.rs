//! Folder, package, binary, function and template entry are one; and a function is given only what it reads.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::support::{files, read, root};

/// The parts of `shared/src/wiring.rs`, and the variables that each reads. Lambda sets those that begin with AWS.
const PARTS: [(&str, &[&str]); 18] = [
    ("Wiring::start(", &["SOCK_LOG", "SOCK_STACK", "SOCK_RELEASE"]),
    (
        "wiring.store(",
        &["SOCK_REDIS_URL", "SOCK_REDIS_CA", "SOCK_REDIS_PREFIX"],
    ),
    (
        "wiring.changing_store(",
        &[
            "SOCK_REDIS_URL",
            "SOCK_REDIS_CA",
            "SOCK_REDIS_PREFIX",
            "SOCK_KEEP_EDITS",
        ],
    ),
    (
        "wiring.identity(",
        &[
            "SOCK_DOMAIN_HANDLE",
            "SOCK_DOMAINS",
            "SOCK_JWT_HEADER",
            "SOCK_JWT_ALGORITHM",
            "SOCK_JWT_ISSUER",
            "SOCK_JWT_AUDIENCE",
            "SOCK_JWT_USER_CLAIM",
            "SOCK_JWT_LEEWAY",
            "SOCK_JWT_SECRET",
            "SOCK_JWT_SECRET_PREVIOUS",
            "SOCK_JWT_PUBLIC_KEY",
            "SOCK_JWKS_URL",
        ],
    ),
    ("wiring.deployments(", &[]),
    (
        "wiring.probe_tokens(",
        &[
            "SOCK_JWT_ALGORITHM",
            "SOCK_JWT_ISSUER",
            "SOCK_JWT_AUDIENCE",
            "SOCK_JWT_USER_CLAIM",
            "SOCK_JWT_SECRET",
        ],
    ),
    ("wiring.directory(", &["SOCK_API_URL", "SOCK_API_USER_AGENT"]),
    ("wiring.push(", &["SOCK_PUSH_ENDPOINT"]),
    ("wiring.rare_push(", &["SOCK_PUSH_ENDPOINT"]),
    ("wiring.topics(", &["SOCK_TOPIC_ACCESS", "SOCK_TOPIC_MEMBERS_MAX"]),
    ("wiring.presence(", &["SOCK_PRESENCE"]),
    ("wiring.queue(", &["SOCK_QUEUE_URL"]),
    (
        "wiring.retention(",
        &["SOCK_RETENTION_DAYS", "SOCK_DOMAIN_HANDLE", "SOCK_DOMAINS"],
    ),
    ("wiring.webhook(", &["SOCK_WEBHOOK_URL", "SOCK_WEBHOOK_SECRET"]),
    ("wiring.origins(", &["SOCK_ALLOWED_ORIGINS"]),
    ("wiring.uploads(", &["SOCK_UPLOADS_BUCKET", "SOCK_UPLOAD_BYTES_MAX"]),
    ("wiring.limits(", &["SOCK_LIMITS", "SOCK_CONNECTIONS_MAX"]),
    (
        "wiring.platform_keys(",
        &["SOCK_PLATFORM_KEY", "SOCK_DOMAIN_HANDLE", "SOCK_DOMAINS"],
    ),
];

fn folders() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("functions")).unwrap();
    // Beside the functions' folders there are templates of other stacks.
    let folders = entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().unwrap().is_dir());
    folders.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

fn template() -> local::template::Template {
    local::template::read(&root().join("template.yaml"), &BTreeMap::new()).unwrap()
}

/// All words of a text that begin like our variables.
fn variables(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("SOCK_"))
        .map(str::to_owned)
        .collect()
}

#[test]
fn a_function_has_one_name() {
    let in_template: BTreeMap<String, String> = template()
        .functions
        .into_iter()
        .map(|(id, function)| (function.binary, id.to_lowercase()))
        .collect();
    assert!(in_template.iter().all(|(binary, id)| binary == id), "{in_template:?}");
    assert_eq!(in_template.into_keys().collect::<BTreeSet<_>>(), folders());
    for folder in folders() {
        let manifest = read(&format!("functions/{folder}/Cargo.toml"));
        let names = manifest
            .lines()
            .filter(|line| *line == format!("name = \"{folder}\""))
            .count();
        assert_eq!(names, 2, "package and binary of functions/{folder}");
    }
}

#[test]
fn a_function_is_given_exactly_the_variables_that_it_reads() {
    for function in template().functions.into_values() {
        let main = read(&format!("functions/{}/src/main.rs", function.binary));
        let parts = PARTS.iter().filter(|(part, _)| main.contains(part));
        let read: BTreeSet<String> = parts
            .flat_map(|(_, variables)| variables.iter().map(|name| (*name).to_owned()))
            .collect();
        let given: BTreeSet<String> = function.environment.into_keys().collect();
        assert_eq!(given, read, "{}", function.binary);
    }
}

#[test]
fn every_variable_is_documented() {
    let listed: BTreeSet<String> = PARTS
        .iter()
        .flat_map(|(_, variables)| variables.iter().map(|name| (*name).to_owned()))
        .collect();
    let mut files = files(&["shared/src/config"], "rs");
    files.push("shared/src/config.rs".to_owned());
    let code = files.iter().map(|path| {
        let text = read(path);
        text.split("#[cfg(test)]").next().unwrap_or_default().to_owned()
    });
    assert_eq!(variables(&code.collect::<String>()), listed);
    let documented = variables(&read("README.md"));
    assert!(listed.is_subset(&documented), "{:?}", listed.difference(&documented));
}

#[test]
fn a_main_is_wiring() {
    for folder in folders() {
        let main = read(&format!("functions/{folder}/src/main.rs"));
        let wiring = main
            .split("async fn main()")
            .nth(1)
            .and_then(|rest| rest.split("\n}").next())
            .unwrap();
        for word in ["if ", "match ", "unwrap", "expect("] {
            assert!(
                !wiring.contains(word),
                "functions/{folder}/src/main.rs decides something: {word}"
            );
        }
        assert!(
            main.lines().count() <= 50,
            "functions/{folder}/src/main.rs does more than wiring"
        );
    }
}

/// `welcome` sends clients from an address with slashes too many to the route that they mean, so it must know all routes.
#[test]
fn welcome_knows_every_route() {
    let address = read("functions/welcome/src/address.rs");
    for (method, path) in template()
        .http
        .routes
        .into_iter()
        .filter_map(|route| route.method_and_path)
    {
        let known = path == "/api" || address.contains(&format!("\"{method} {path}\""));
        assert!(known, "functions/welcome/src/address.rs does not know {method} {path}");
    }
}
