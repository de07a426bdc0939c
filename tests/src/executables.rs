//! Builds the stack and the functions, once per test process.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
};

use anyhow::{Context as _, Result, anyhow, ensure};
use serde_json::Value;

/// The binary of the local stack; the functions lie beside it.
///
/// # Errors
/// When the workspace doesn't build.
pub(crate) fn senna() -> Result<&'static Path> {
    static BUILT: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let built = BUILT.get_or_init(|| build().map_err(|error| format!("{error:#}")));
    built.as_deref().map_err(|error| anyhow!("{error}"))
}

fn build() -> Result<PathBuf> {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")));
    cargo
        .args([
            "build",
            "--workspace",
            "--bins",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name(""))
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
            let is_senna = message["target"]["name"] == "senna" && message["target"]["kind"][0] == "bin";
            is_senna
                .then(|| message["executable"].as_str().map(PathBuf::from))
                .flatten()
        });
    executable.context("cargo built no binary `senna`")
}
