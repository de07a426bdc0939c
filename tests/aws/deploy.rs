//! `.ci/deploy`: what changed values and secrets do to the versions of functions. `sam` is played by a script that keeps what it was asked to do.

use std::{
    collections::BTreeSet,
    env, fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    iter,
    net::TcpListener,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use local::template::yaml;
use serde_json::{Value, json};
use tests::root;

use crate::support::{of_type, run, tool};

/// The secret that the profiles in samconfig.toml name.
const OF_THE_PROFILES: &str = "senna/jwt";
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:jwt-AbCdEf";

/// Keeps its arguments, each in a line, in a file that is named after the command, and builds by copying.
const SAM: &str = r#"#!/bin/sh
printf '%s\n' "$@" > "asked-$1"
if [ "$1" = build ]; then mkdir -p .aws-sam/build && cp template.yaml .aws-sam/build/template.yaml; fi
"#;

/// A project with its scripts, in which deployments leave no trace in the real one.
struct Project {
    folder: tempfile::TempDir,
    /// The current version of the one secret.
    version: Arc<Mutex<&'static str>>,
    secrets: String,
}

impl Project {
    /// Nothing where the Python environment isn't there.
    fn make() -> Option<Self> {
        tool("python")?;
        let folder = tempfile::tempdir().unwrap();
        for name in [
            "template.yaml",
            "samconfig.toml",
            ".ci/deploy",
            ".ci/deploy.py",
            ".ci/sam-setup",
            "functions/account.yaml",
        ] {
            let copy = folder.path().join(name);
            fs::create_dir_all(copy.parent().unwrap()).unwrap();
            fs::copy(root().join(name), copy).unwrap();
        }
        symlink(root().join(".senna"), folder.path().join(".senna")).unwrap();
        let sam = folder.path().join("bin/sam");
        fs::create_dir(sam.parent().unwrap()).unwrap();
        fs::write(&sam, SAM).unwrap();
        fs::set_permissions(&sam, fs::Permissions::from_mode(0o755)).unwrap();
        let version = Arc::new(Mutex::new("version-1"));
        let secrets = secrets_manager(Arc::clone(&version));
        Some(Self {
            folder,
            version,
            secrets,
        })
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn deploy(&self, options: &[&str]) -> Output {
        let paths = env::var_os("PATH").unwrap_or_default();
        let paths = env::join_paths(iter::once(self.path().join("bin")).chain(env::split_paths(&paths))).unwrap();
        let mut deploy = Command::new(self.path().join(".ci/deploy"));
        deploy
            .args(options)
            .env("PATH", paths)
            .envs([
                ("AWS_ACCESS_KEY_ID", "none"),
                ("AWS_SECRET_ACCESS_KEY", "none"),
                ("AWS_DEFAULT_REGION", "eu-west-1"),
                ("AWS_EC2_METADATA_DISABLED", "true"),
                ("AWS_MAX_ATTEMPTS", "1"),
                ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &self.secrets),
            ])
            .stdin(Stdio::null());
        deploy.output().unwrap()
    }

    /// Deploys with these options, and returns what every function now has in `SOCK_RELEASE`.
    fn release(&self, options: &[&str]) -> String {
        let output = self.deploy(options);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let built = yaml::parse(&fs::read_to_string(self.built()).unwrap()).unwrap();
        let path = ["Globals", "Function", "Environment", "Variables", "SOCK_RELEASE"];
        let release = path.iter().try_fold(&built, |node, key| node.get(key));
        yaml::scalar(release.unwrap(), "SOCK_RELEASE").unwrap().to_owned()
    }

    fn built(&self) -> PathBuf {
        self.path().join(".aws-sam/build/template.yaml")
    }

    /// The logical ids of the versions that the last deployment makes.
    fn versions(&self) -> BTreeSet<String> {
        let mut python = tool("python").unwrap();
        python.arg("tests/aws/expand.py").arg(self.built());
        let expansion: Value = serde_json::from_str(&run(python)).unwrap();
        let versions = of_type(&expansion, "AWS::Lambda::Version");
        versions.into_keys().map(str::to_owned).collect()
    }

    /// What SAM was last asked by this command.
    fn asked(&self, command: &str) -> Vec<String> {
        let asked = fs::read_to_string(self.path().join(format!("asked-{command}"))).unwrap();
        asked.lines().map(str::to_owned).collect()
    }
}

/// Answers `DescribeSecret` for both secrets, on a free port. It ends with the test process.
fn secrets_manager(version: Arc<Mutex<&'static str>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for client in listener.incoming() {
            let mut client = client.unwrap();
            let mut reader = BufReader::new(client.try_clone().unwrap());
            let head: Vec<_> = (&mut reader)
                .lines()
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty())
                .collect();
            let length = head
                .iter()
                .find_map(|line| line.strip_prefix("Content-Length: "))
                .unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            reader.read_exact(&mut body).unwrap();
            let asked: Value = serde_json::from_slice(&body).unwrap();
            let versions = json!({*version.lock().unwrap(): ["AWSCURRENT"], "version-0": ["AWSPREVIOUS"]});
            let (status, answer) = if asked["SecretId"] == SECRET || asked["SecretId"] == OF_THE_PROFILES {
                ("200 OK", json!({"VersionIdsToStages": versions}))
            } else {
                ("400 Bad Request", json!({"__type": "ResourceNotFoundException"}))
            };
            let answer = answer.to_string();
            let length = answer.len();
            write!(
                client,
                "HTTP/1.1 {status}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{answer}"
            )
            .unwrap();
        }
    });
    address
}

/// This is what `sam build && sam deploy` does not do: tests/aws/routes.rs shows that there a changed value makes no version.
#[test]
fn changed_values_and_changed_secrets_make_new_versions_and_nothing_else_does() {
    let Some(project) = Project::make() else { return };
    let secret = format!("JwtSecretArn={SECRET}");
    let quiet = ["--parameter-overrides", &secret, "LogFilter=info"];
    let first = project.release(&quiet);
    let versions = project.versions();
    assert_eq!(project.release(&quiet), first, "the same values");
    let debug = project.release(&["--parameter-overrides", "LogFilter=debug", &secret]);
    assert_ne!(debug, first, "another value");
    let others = project.versions();
    assert!(
        others.len() == versions.len() && others.is_disjoint(&versions),
        "{others:?}"
    );
    *project.version.lock().unwrap() = "version-2";
    let rotated = project.release(&quiet);
    assert_ne!(rotated, first, "another version of a secret");
    let profile = project.release(&["--config-env", "production"]);
    assert_ne!(profile, rotated, "the values of a profile count");
    let asked = project.asked("deploy");
    assert!(asked.contains(&"MemorySize=\"512\"".to_owned()), "{asked:?}");
}

#[test]
fn sam_is_given_the_same_values_and_the_versions_of_the_secrets() {
    let Some(project) = Project::make() else { return };
    let secret = format!("JwtSecretArn={SECRET}");
    let key = r#"JwtPublicKey="-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----""#;
    let options = [
        "--config-env",
        "production",
        "--no-confirm-changeset",
        "--parameter-overrides",
        &secret,
        "Architecture=x86_64",
        key,
    ];
    project.release(&options);
    let mut due: Vec<String> = options.iter().map(|&option| option.to_owned()).collect();
    due.insert(0, "deploy".to_owned());
    due.extend(["--template-file".to_owned(), ".aws-sam/build/template.yaml".to_owned()]);
    due.push("--parameter-overrides".to_owned());
    let (name, value) = secret.split_once('=').unwrap();
    due.extend([
        format!("{name}=\"{value}\""),
        "Architecture=\"x86_64\"".to_owned(),
        key.to_owned(),
    ]);
    due.push("JwtSecretVersion=\"version-1\"".to_owned());
    assert_eq!(project.asked("deploy"), due);
    assert_eq!(
        project.asked("build").join(" "),
        "build --config-env production --config-file samconfig.toml --parameter-overrides Architecture=x86_64"
    );
}

#[test]
fn what_cannot_be_deployed_rightly_is_refused_before_anything_is_built() {
    let Some(project) = Project::make() else { return };
    let refusal = |options: &[&str]| {
        let output = project.deploy(options);
        assert!(!output.status.success());
        assert!(!project.path().join("asked-build").exists(), "it was built");
        // boto3 writes where it found the credentials, above.
        let written = String::from_utf8(output.stderr).unwrap();
        written.trim().lines().last().unwrap().to_owned()
    };
    insta::assert_snapshot!(refusal(&["--guided"]), @"deploy: --guided asks for values after the release is named: put them into samconfig.toml, or run `sam deploy --guided` once before");
    let other = ["--template-file", "functions/account.yaml", "--stack-name", "account"];
    insta::assert_snapshot!(refusal(&other), @"deploy: this is for template.yaml alone; use `sam deploy` for functions/account.yaml");
    insta::assert_snapshot!(refusal(&["--parameter-override", "A=1"]), @"Error: No such option: --parameter-override Did you mean --parameter-overrides?");
    let unknown = SECRET.replace("jwt", "other");
    let unknown = refusal(&["--parameter-overrides", &format!("JwtSecretArn={unknown}")]);
    insta::assert_snapshot!(unknown, @"deploy: the version of the secret that JwtSecretArn names can't be read: An error occurred (ResourceNotFoundException) when calling the DescribeSecret operation:");
}
