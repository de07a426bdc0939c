//! What a release is made of: files that deploy without Rust, and the workflows that make them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::{env, fs, io, iter};

use serde_json::Value;
use tempfile::TempDir;

use crate::deploy_role;
use crate::support::{of_type, run, skipped, template, tool};

/// A build of nothing for this architecture, packed as a release; nothing where there is no Python environment.
fn packed(built_for: &str, packed_for: &str) -> Option<(TempDir, Output)> {
    let folder = tempfile::tempdir().unwrap();
    let build = folder.path().join("build");
    let mut python = tool("python")?;
    python
        .args(["tests/aws/fake_build.py", "template.yaml"])
        .arg(&build)
        .arg(built_for);
    run(python);
    let output = pack(&build, packed_for, &folder.path().join("out"))?;
    Some((folder, output))
}

fn pack(build: &Path, architecture: &str, out: &Path) -> Option<Output> {
    let mut python = tool("python")?;
    python
        .arg(".ci/pack.py")
        .arg(build)
        .args(["1.2.3", architecture])
        .arg(out);
    Some(python.output().unwrap())
}

/// Every file of a folder, by its name.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    entries
        .map(|entry| {
            (
                entry.file_name().into_string().unwrap(),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

/// Unpacks the archive of the release, and returns the folder that it has.
fn unpacked(folder: &Path) -> io::Result<std::path::PathBuf> {
    let archive = folder.join("out/senna-1.2.3-arm64.tar.gz");
    let tar = Command::new("tar")
        .arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .status()?;
    assert!(tar.success());
    Ok(folder.join("senna-1.2.3-arm64"))
}

#[test]
fn a_release_has_the_code_of_each_function_and_the_same_build_makes_the_same_files() {
    let Some((folder, output)) = packed("arm64", "arm64") else {
        return;
    };
    assert!(output.status.success(), "{output:?}");
    let first = contents(&folder.path().join("out"));
    for function in template().functions.into_values() {
        let name = format!("senna-1.2.3-arm64-{}.zip", function.binary);
        assert!(first.contains_key(&name), "no {name} in {:?}", first.keys());
    }
    // The archive and the template for a bucket.
    assert_eq!(first.len(), template().functions.len() + 2, "{:?}", first.keys());
    let again = folder.path().join("again");
    pack(&folder.path().join("build"), "arm64", &again);
    assert!(first == contents(&again), "the same build made other bytes");
}

#[test]
fn a_build_for_another_architecture_is_not_packed() {
    let Some((folder, output)) = packed("x86_64", "arm64") else {
        return;
    };
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && said.contains("is not for arm64"), "{said}");
    assert!(!folder.path().join("out/senna-1.2.3-arm64.tar.gz").exists());
}

/// Against an AWS that is played, from the first upload to the end of the deployment.
#[test]
fn sam_deploy_works_in_the_archive_of_a_release_without_a_build() {
    let Some((folder, _)) = packed("arm64", "arm64") else {
        return;
    };
    let archive = unpacked(folder.path()).unwrap();
    let (Some(mut python), Some(allowed)) = (tool("python"), deploy_role::allowed_to_deploy()) else {
        return;
    };
    python.arg("tests/aws/sam_deploy.py").arg(&archive);
    python.args(["--config-env", "production", "--no-confirm-changeset"]);
    let said: Value = serde_json::from_str(&run(python)).unwrap();
    assert_eq!(said["code"], 0, "{}", said["said"]);
    let asked: BTreeSet<String> = serde_json::from_value(said["asked"].clone()).unwrap();
    assert!(
        asked.contains("cloudformation:executechangeset") && asked.contains("s3:putobject"),
        "{asked:?}"
    );
    let refused: Vec<_> = asked.difference(&allowed).collect();
    assert!(refused.is_empty(), "the role that deploys may not: {refused:?}");
}

/// In a clone it builds first. A release has nothing to build, and is deployed as it was published.
#[test]
fn the_deploying_script_works_in_the_archive_of_a_release_without_a_build() {
    let Some((folder, _)) = packed("arm64", "arm64") else {
        return;
    };
    let archive = unpacked(folder.path()).unwrap();
    symlink(tests::root().join(".senna"), archive.join(".senna")).unwrap();
    let sam = archive.join("bin/sam");
    fs::create_dir(sam.parent().unwrap()).unwrap();
    fs::write(&sam, "#!/bin/sh\nprintf '%s ' \"$@\" >> asked\n").unwrap();
    fs::set_permissions(&sam, fs::Permissions::from_mode(0o755)).unwrap();
    let paths = env::var_os("PATH").unwrap_or_default();
    let paths = env::join_paths(iter::once(archive.join("bin")).chain(env::split_paths(&paths))).unwrap();
    let mut deploy = Command::new(archive.join(".ci/deploy"));
    deploy.args(["--no-confirm-changeset", "--parameter-overrides", "LogFilter=debug"]);
    run({
        deploy
            .current_dir(&archive)
            .env("PATH", paths)
            .env("AWS_DEFAULT_REGION", "eu-west-1");
        deploy
    });
    let asked = fs::read_to_string(archive.join("asked")).unwrap();
    assert!(asked.starts_with("deploy ") && !asked.contains("build --"), "{asked}");
    assert!(asked.contains(r#"LogFilter="debug""#), "{asked}");
    let built = fs::read_to_string(archive.join(".aws-sam/build/template.yaml")).unwrap();
    assert!(!built.contains("SOCK_RELEASE: 1.2.3"), "the values do not count");
}

/// A deployment for another architecture than that of the code starts no function, so the template of a release allows only its own.
#[test]
fn a_release_is_deployed_only_for_the_architecture_of_its_code() {
    let Some((folder, _)) = packed("arm64", "arm64") else {
        return;
    };
    let archive = unpacked(folder.path()).unwrap();
    for file in [
        archive.join(".aws-sam/build/template.yaml"),
        folder.path().join("out/senna-1.2.3-arm64.yaml"),
    ] {
        let mut python = tool("python").unwrap();
        python.args(["tests/aws/rights.py"]).arg(&file);
        let said: Value = serde_json::from_str(&run(python)).unwrap();
        let architecture = &said["template"]["Parameters"]["Architecture"];
        assert_eq!(architecture["Default"], "arm64");
        assert_eq!(architecture["AllowedValues"].to_string(), r#"["arm64"]"#);
    }
}

/// Those who deploy with Terraform, CDK or `CloudFormation` alone put the zip files into a bucket and name it.
#[test]
fn the_template_of_a_release_takes_the_code_from_a_bucket() {
    let Some((folder, _)) = packed("arm64", "arm64") else {
        return;
    };
    let out = folder.path().join("out");
    let file = out.join("senna-1.2.3-arm64.yaml");
    let mut lint = tool("cfn-lint").unwrap();
    lint.arg("--template").arg(&file);
    assert_eq!(run(lint), "");
    let mut python = tool("python").unwrap();
    python
        .arg("tests/aws/expand.py")
        .arg(&file)
        .args(["CodeBucket=my-bucket", "CodePrefix=senna/"]);
    let expansion: Value = serde_json::from_str(&run(python)).unwrap();
    let functions = of_type(&expansion, "AWS::Lambda::Function");
    assert_eq!(functions.len(), template().functions.len());
    for (id, function) in functions {
        let code = &function["Code"];
        assert_eq!(code["S3Bucket"], "my-bucket", "{id}");
        let zip = code["S3Key"]["Fn::Sub"]
            .as_str()
            .unwrap()
            .strip_prefix("senna/")
            .unwrap();
        assert!(out.join(zip).is_file(), "{id} names {zip}, which is not in the release");
    }
    // What CloudFormation takes from a bucket (its quotas: 1 MB).
    assert!(fs::metadata(&file).unwrap().len() < 1_000_000);
}

#[test]
fn a_release_needs_a_tag_that_fits_the_version_and_the_changelog() {
    let refused = |arguments: &[&str]| {
        let script = tests::root().join(".ci/release");
        let output = Command::new(script).args(arguments).output().unwrap();
        assert!(!output.status.success(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(refused(&["build", "1.2.3", "arm64"]).contains("must begin with v"));
    assert!(refused(&["build", "v999.9.9", "arm64"]).contains("Cargo.toml does not have the version"));
    assert!(refused(&["build"]).contains("usage"));
}

/// Without a network Terraform has no provider to validate it with. It still reads the language.
#[test]
fn terraform_reads_the_example() {
    let page = fs::read_to_string(tests::root().join("docs/deploy.md")).unwrap();
    let example = page.split("```hcl\n").nth(1).unwrap().split("```").next().unwrap();
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(example.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    let terraform = Command::new("terraform")
        .args(["fmt", "-check", "-diff", "-"])
        .stdin(file)
        .output();
    let Ok(output) = terraform else {
        return skipped("there is no Terraform on this machine");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn zizmor_finds_nothing_wrong_with_the_workflows() {
    let Some(mut zizmor) = tool("zizmor") else { return };
    // Without a network it looks at the files alone. Its hints are not faults.
    zizmor.args(["--offline", "--no-progress", "--min-severity", "medium", ".github"]);
    run(zizmor);
}
