//! Each command that the documents tell people to type is run by a test, or the reason why not stands here.

use std::collections::{BTreeMap, BTreeSet};

use tests::documents::commands;

use crate::support::read;

/// What shows that a command works.
enum Shown {
    /// This test in this file does what the command does; or a test of this file does it, with these words.
    By(&'static str, &'static str),
    /// `.ci/run` has these words.
    InCi(&'static str),
    /// Nothing here can run it, for this reason. Tests still look whether its program, its command and its options exist.
    NotHere(&'static str),
}

use Shown::{By, InCi, NotHere};

const ACCOUNT: &str = "needs an account of AWS";
const MEASURES: &str = "a measurement of some minutes, which decides nothing";
const FOR_A_PERSON: &str = "goes on until somebody stops it; the suites start the same stack with --json";

const ROWS: &[(&str, Shown)] = &[
    // The local stack.
    ("cargo run", By("tests/blackbox/sending.rs", "async fn")),
    ("SOCK_HTTP_PORT=8080 cargo run", NotHere(FOR_A_PERSON)),
    (
        "cargo run -- --help",
        NotHere("only prints; another test here parses what it would print"),
    ),
    (
        "cargo run -- --clock-scale 60",
        By("tests/conformance/bench.rs", "--clock-scale"),
    ),
    ("cargo run -- --freeze", By("tests/conformance/bench.rs", "--freeze")),
    ("cargo run -- --watch", By("tests/conformance/watched.rs", "--watch")),
    (
        "cargo run -- --sam-env .senna/sam-env.json",
        By("tests/aws/sam_local.rs", "the_black_box_suite_passes_through_sam"),
    ),
    (
        "cargo run -- --sigv4 --fault push-throttled=0.1 --fault disconnect-lost=0.5",
        By("tests/conformance/faults.rs", "async fn disconnect_lost"),
    ),
    (
        "cargo run -- chat --user 1 --with 2",
        By("tests/blackbox/terminal.rs", "two_people_see_what_the_other_does"),
    ),
    (
        "cargo run -- chat --token eyJ… --with 2 --url https://….execute-api.eu-central-1.amazonaws.com/api \
         --socket wss://….execute-api.eu-central-1.amazonaws.com/live < /dev/null",
        By(
            "tests/blackbox/terminal.rs",
            "a_script_sends_line_by_line_and_learns_whether_all_went_well",
        ),
    ),
    (
        "cargo run -- check --user 1",
        By(
            "tests/blackbox/check.rs",
            "it_passes_where_all_is_well_and_deletes_its_messages",
        ),
    ),
    ("cargo run -- listen --user 2", NotHere(FOR_A_PERSON)),
    (
        "cargo run -- token --user 42",
        NotHere("prints what the harness signs for itself (tests/src/token.rs)"),
    ),
    // The checks.
    (".ci/run", NotHere("it runs the tests")),
    ("cargo test", InCi("cargo test --locked")),
    ("cargo test -p shared --test store", InCi("cargo test --locked")),
    ("cargo test -p tests --test aws", InCi("cargo test --locked")),
    (
        "cargo test -p tests --test conformance -- queue",
        InCi("cargo test --locked"),
    ),
    (
        "cargo test -p tests --test conformance -- s3.",
        InCi("cargo test --locked"),
    ),
    (
        "cargo test -p shared --test store -- --ignored --nocapture what_a_failover_loses",
        NotHere(MEASURES),
    ),
    ("cargo run -p shared --example redis-cost", NotHere(MEASURES)),
    ("cargo run -p shared --example retention-cost", NotHere(MEASURES)),
    ("cargo run --release -p shared --example scale", NotHere(MEASURES)),
    ("cargo run --release -p tests --bin end-to-end", NotHere(MEASURES)),
    ("cargo run -p tests --bin abuse", NotHere(MEASURES)),
    ("cargo run -p tests --bin cold-start", NotHere(MEASURES)),
    ("cargo run -p tests --bin front", NotHere(MEASURES)),
    ("cargo run -p tests --bin group", NotHere(MEASURES)),
    ("cargo run -p tests --bin plots", NotHere(MEASURES)),
    ("cargo run -p tests --bin round-trips", NotHere(MEASURES)),
    ("cargo run -p tests --bin simulate", NotHere(MEASURES)),
    (
        "cargo run -p tests --bin proof",
        By("tests/proof/short_runs.rs", "it_holds_on_one_node"),
    ),
    ("npm pack", By("tests/aws/javascript.rs", "javascript.npm")),
    // The build.
    (".ci/sam-setup tools", InCi(".ci/sam-setup")),
    (
        "export PATH=\"$PWD/.senna/sam/bin:$PATH\"",
        InCi("export PATH=\"$PWD/.senna/sam/bin:$PATH\""),
    ),
    ("sam build", InCi("sam build")),
    (
        "sam build --parameter-overrides Architecture=x86_64",
        InCi("sam build --parameter-overrides Architecture=x86_64"),
    ),
    (
        "sam validate --lint",
        By("tests/aws/lint.rs", "sam_finds_nothing_wrong"),
    ),
    (
        "sam local start-api",
        By("tests/aws/sam_local.rs", "the_black_box_suite_passes_through_sam"),
    ),
    (
        "sam local start-api --parameter-overrides Architecture=x86_64",
        By("tests/aws/sam_local.rs", "the_black_box_suite_passes_through_sam"),
    ),
    // Deployments: up to where they need an account.
    (
        ".ci/deploy",
        By(
            "tests/aws/deploy.rs",
            "changed_values_and_changed_secrets_make_new_versions_and_nothing_else_does",
        ),
    ),
    (
        ".ci/deploy --config-env production",
        By(
            "tests/aws/deploy.rs",
            "sam_is_given_the_same_values_and_the_versions_of_the_secrets",
        ),
    ),
    (
        "tar -xzf senna-1.2.3-arm64.tar.gz",
        By("tests/aws/release.rs", "fn unpacked"),
    ),
    (
        "cd senna-1.2.3-arm64 && sam deploy --config-env production",
        By(
            "tests/aws/release.rs",
            "sam_deploy_works_in_the_archive_of_a_release_without_a_build",
        ),
    ),
    (
        "terraform fmt",
        By("tests/aws/release.rs", "terraform_reads_the_example"),
    ),
    ("sam build && sam deploy", NotHere(ACCOUNT)),
    (
        "sam build --config-env demo && sam deploy --config-env demo",
        NotHere(ACCOUNT),
    ),
    (
        "sam build --config-env production && sam deploy --config-env production",
        NotHere(ACCOUNT),
    ),
    ("sam deploy", NotHere(ACCOUNT)),
    ("sam deploy --config-env data", NotHere(ACCOUNT)),
    (
        "sam deploy --guided",
        By("tests/aws/parameters.rs", "the_guided_path_needs_nothing_but_enter"),
    ),
    (
        "sam logs --cw-log-group /senna/senna-production/functions --tail",
        By(
            "tests/aws/sam_logs.rs",
            "sam_logs_reads_the_log_group_by_its_name_and_not_by_the_stack",
        ),
    ),
    ("sam sync --code", NotHere(ACCOUNT)),
    ("sam delete", NotHere(ACCOUNT)),
    ("sam delete --config-env demo", NotHere(ACCOUNT)),
    (
        "sam deploy --template-file .github/deploy-role.yaml --stack-name github-senna --parameter-overrides Repository=OWNER/senna",
        NotHere(ACCOUNT),
    ),
    ("sam deploy --config-env account", NotHere(ACCOUNT)),
    (
        ".ci/teardown",
        By(
            "tests/aws/teardown.rs",
            "a_data_stack_is_deleted_before_its_stores_and_nothing_else_is",
        ),
    ),
    (
        ".ci/teardown senna-data",
        By(
            "tests/aws/teardown.rs",
            "a_data_stack_is_deleted_before_its_stores_and_nothing_else_is",
        ),
    ),
    ("aws apigateway get-account", NotHere(ACCOUNT)),
    (
        "aws cloudformation delete-stack --stack-name senna-data-ElastiCache-…",
        NotHere(ACCOUNT),
    ),
    (
        "aws cloudformation update-termination-protection --enable-termination-protection --stack-name senna-data",
        NotHere(ACCOUNT),
    ),
    (
        "aws cloudformation create-stack --stack-name senna \
         --template-url https://my-bucket.s3.eu-central-1.amazonaws.com/senna/senna-1.2.3-arm64.yaml \
         --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND --parameters \
         ParameterKey=CodeBucket,ParameterValue=my-bucket ParameterKey=CodePrefix,ParameterValue=senna/ \
         ParameterKey=JwtSecretArn,ParameterValue=senna/jwt ParameterKey=RedisUrlSecretArn,ParameterValue=senna/redis",
        NotHere(ACCOUNT),
    ),
    ("aws configure", NotHere(ACCOUNT)),
    (
        "aws deploy stop-deployment --auto-rollback-enabled --deployment-id …",
        NotHere(ACCOUNT),
    ),
    (
        "aws lambda update-alias --function-name … --name live --function-version N",
        NotHere(ACCOUNT),
    ),
    (
        "aws s3 cp . s3://my-bucket/senna/ --recursive --exclude \"*\" --include \"senna-1.2.3-arm64*\"",
        NotHere(ACCOUNT),
    ),
    (
        "aws secretsmanager create-secret --name senna/jwt --secret-string file://the-platforms-secret",
        NotHere(ACCOUNT),
    ),
    (
        "aws secretsmanager create-secret --name senna/redis --secret-string rediss://user:password@redis.example.com:6379",
        NotHere(ACCOUNT),
    ),
    (
        "aws secretsmanager create-secret --name senna/platform --secret-string \"$(openssl rand -hex 32)\"",
        NotHere(ACCOUNT),
    ),
    ("aws sqs start-message-move-task --source-arn …", NotHere(ACCOUNT)),
    (
        "cargo run -- check --url https://….execute-api.eu-central-1.amazonaws.com/api \
         --socket wss://….execute-api.eu-central-1.amazonaws.com/live --token eyJ…",
        By(
            "tests/blackbox/check.rs",
            "it_passes_where_all_is_well_and_deletes_its_messages",
        ),
    ),
    (
        "SOCK_JWT_SECRET=… cargo run -- check … --user 1",
        By(
            "tests/blackbox/check.rs",
            "it_passes_where_all_is_well_and_deletes_its_messages",
        ),
    ),
    // Programs of others.
    ("gh api repos/OWNER/senna", NotHere("needs a repository on GitHub")),
    (
        "gh attestation verify senna-1.2.3-arm64.tar.gz --repo OWNER/senna",
        NotHere("needs a release on GitHub"),
    ),
    (
        "openssl rand -hex 32",
        NotHere("a program of the system, which prints random text"),
    ),
    ("dig AAAA", NotHere("asks the internet")),
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

fn is_name(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[test]
fn what_shows_that_a_command_works_exists() {
    let ci = read(".ci/run");
    for (command, shown) in ROWS {
        match shown {
            By(file, test) if is_name(test) => {
                assert!(
                    read(file).contains(&format!("fn {test}(")),
                    "{command}: {file} has no test {test}"
                );
            }
            By(file, words) => assert!(read(file).contains(words), "{command}: {file} has no {words}"),
            InCi(words) => assert!(ci.contains(words), ".ci/run does not have: {words}"),
            NotHere(reason) => assert!(reason.len() > 10, "{command} has no reason"),
        }
    }
}

/// The words behind `cargo run --`, and before a redirection.
fn of_the_local_stack(command: &str) -> Option<Vec<&str>> {
    let (_, words) = command.split_once("cargo run")?;
    let words = words.split(" <").next().unwrap_or_default();
    let words = words
        .strip_prefix(" -- ")
        .or_else(|| words.is_empty().then_some(words))?;
    Some(words.split_whitespace().collect())
}

#[test]
fn the_local_stack_understands_each_documented_command() {
    let mut understood = 0;
    for command in commands().unwrap() {
        let Some(words) = of_the_local_stack(&command) else {
            continue;
        };
        if words == ["--help"] || words.contains(&"…") {
            continue;
        }
        let parsed = local::developer::cli::command().try_get_matches_from([&["senna"], &words[..]].concat());
        assert!(parsed.is_ok(), "{command}: {}", parsed.unwrap_err());
        understood += 1;
    }
    assert!(understood > 8, "{understood} commands");
}

/// The programs, examples, suites and tests that cargo is told to run.
#[test]
fn what_cargo_is_told_to_run_exists() {
    let manifests = BTreeMap::from([
        ("tests", read("tests/Cargo.toml")),
        ("shared", read("shared/Cargo.toml")),
    ]);
    let named = |package: &str, name: &str| manifests[package].contains(&format!("name = \"{name}\""));
    let there = |path: String| crate::support::root().join(path).exists();
    for command in commands().unwrap() {
        let words: Vec<&str> = command.split_whitespace().collect();
        let after = |word: &str| {
            words
                .iter()
                .position(|other| *other == word)
                .and_then(|at| words.get(at + 1))
        };
        let Some(package) = after("-p") else { continue };
        for (kind, folder) in [("--bin", "bins"), ("--example", "examples"), ("--test", "tests")] {
            let Some(name) = after(kind) else { continue };
            let exists = named(package, name)
                || there(format!("{package}/{folder}/{name}"))
                || there(format!("{package}/{folder}/{name}.rs"));
            assert!(exists, "{command}: {package} has no {name}");
        }
    }
}
