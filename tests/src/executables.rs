//! Builds what a test process runs beside itself.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

use crate::root;

/// The binary of the local stack; the functions lie beside it.
///
/// # Errors
/// When the workspace doesn't build.
pub fn senna() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let built = build(&["build", "--bins"], "bin", "senna");
        built.map_err(|error| format!("{error:#}"))
    });
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

/// The binary of a function.
///
/// # Errors
/// When the workspace doesn't build.
pub fn function(name: &str) -> Result<PathBuf> {
    Ok(senna()?.with_file_name(name))
}

/// The black-box suite, the very one that `cargo test` runs: it takes the same arguments.
///
/// # Errors
/// When the workspace doesn't build.
pub fn blackbox() -> Result<PathBuf> {
    build(&["test", "--no-run", "--test", "blackbox"], "test", "blackbox")
}

/// Builds with this command of cargo, and returns where the target of this kind and name is. Always for the whole workspace, as
/// `cargo test` does: for one package its dependencies would have other features, and be built again.
fn build(command: &[&str], kind: &str, name: &str) -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .args(command)
        // As this program itself is built. The measurements themselves are not needed, and would take minutes to optimise.
        .args(if cfg!(debug_assertions) {
            &[][..]
        } else {
            &["--release", "--exclude", "tests"]
        })
        .args(["--workspace", "--message-format", "json-render-diagnostics"])
        .current_dir(root())
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    // What cargo told this test of itself: build scripts that watch these variables would run again in every build.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
            .iter()
            .any(|prefix| text.starts_with(prefix))
        {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.output().context("can't run cargo")?;
    ensure!(output.status.success(), "the workspace doesn't build");
    let messages = output.stdout.split(|byte| *byte == b'\n');
    let executable = messages
        .filter_map(|line| serde_json::from_slice(line).ok())
        .find_map(|message: Value| {
            let is_it = message["target"]["name"] == name && message["target"]["kind"][0] == kind;
            is_it
                .then(|| message["executable"].as_str().map(PathBuf::from))
                .flatten()
        });
    executable.with_context(|| format!("cargo built no {kind} `{name}`"))
}
