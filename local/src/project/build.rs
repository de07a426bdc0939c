//! Builds the functions with cargo, or finds them beside this program.

use std::{
    collections::BTreeMap,
    env,
    ffi::{OsStr, OsString},
    io,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

/// Executables by the names of their binaries.
pub type Executables = BTreeMap<String, PathBuf>;

/// Why there are no executables.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// cargo can't be run.
    #[error(
        "can't run cargo, which builds the functions; install Rust from https://rustup.rs, or build them yourself and pass --no-build"
    )]
    NoCargo(#[source] io::Error),
    /// The build failed. The compiler has written why.
    #[error("the functions don't build: see cargo's messages above")]
    Failed,
    /// The template names a package without such a binary.
    #[error(
        "template.yaml names the binary {binary}, and cargo builds no such; there should be a package functions/{binary}"
    )]
    Missing {
        /// The binary.
        binary: String,
    },
    /// `--no-build`, and the functions were never built.
    #[error("{path} is not there; run once without --no-build, or `cargo build`")]
    NotBuilt {
        /// Where it should be.
        path: String,
    },
    /// This program does not know where it is.
    #[error("can't tell where this program is")]
    NoSelf(#[source] io::Error),
}

/// Builds `binaries` in the workspace at `root`, showing cargo's progress, and returns where each is.
///
/// It builds `--workspace --bins` and not each package with `-p`. cargo unifies the features of dependencies over all selected
/// packages, and `cargo run` has just built with the whole workspace selected. With `-p` cargo would compile the shared
/// dependencies a second time with fewer features.
///
/// # Errors
/// [`BuildError`], when cargo can't be run, the build fails, or a binary isn't among what was built.
pub async fn build(root: &Path, binaries: &[&str]) -> Result<Executables, BuildError> {
    // `cargo run` sets this variable to its own path, so the same cargo builds.
    let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(cargo);
    command
        .args([
            "build",
            "--workspace",
            "--bins",
            "--message-format",
            "json-render-diagnostics",
        ])
        .current_dir(root);
    for (name, _) in env::vars_os().filter(|(name, _)| is_set_by_cargo_run(name)) {
        command.env_remove(name);
    }
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().map_err(BuildError::NoCargo)?;
    let mut built = BTreeMap::new();
    if let Some(output) = child.stdout.take() {
        let mut lines = BufReader::new(output).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            built.extend(executable(&line));
        }
    }
    let status = child.wait().await.map_err(BuildError::NoCargo)?;
    if !status.success() {
        return Err(BuildError::Failed);
    }
    binaries
        .iter()
        .map(|binary| match built.get(*binary) {
            Some(path) => Ok(((*binary).to_owned(), path.clone())),
            None => Err(BuildError::Missing {
                binary: (*binary).to_owned(),
            }),
        })
        .collect()
}

/// Whether `cargo run` sets this variable for the program that it runs. These variables must not reach another cargo. For
/// example, ring's build script runs again when `CARGO_MANIFEST_DIR` or `CARGO_PKG_NAME` changes. Then everything that needs
/// ring is compiled again, in this build and in the next `cargo build` by hand.
fn is_set_by_cargo_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let exact = [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_MANIFEST_LINKS",
        "CARGO_BIN_NAME",
        "CARGO_CRATE_NAME",
        "OUT_DIR",
    ];
    exact.contains(&name.as_ref()) || name.starts_with("CARGO_PKG_")
}

/// Finds `binaries` in the folder of this program.
///
/// # Errors
/// [`BuildError::NotBuilt`], when one isn't there.
pub fn beside_this_program(binaries: &[&str]) -> Result<Executables, BuildError> {
    let own = env::current_exe().map_err(BuildError::NoSelf)?;
    let folder = own.parent().unwrap_or(&own);
    binaries
        .iter()
        .map(|binary| {
            let path = folder.join(binary);
            if path.is_file() {
                Ok(((*binary).to_owned(), path))
            } else {
                Err(BuildError::NotBuilt {
                    path: path.display().to_string(),
                })
            }
        })
        .collect()
}

/// The name and path of the executable that a line of cargo's messages announces.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    let name = message.get("target")?.get("name")?.as_str()?;
    Some((name.to_owned(), PathBuf::from(path)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_cargo_run_sets_is_taken_away() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "OUT_DIR"] {
            assert!(is_set_by_cargo_run(OsStr::new(name)), "{name}");
        }
        for name in [
            "CARGO_TARGET_DIR",
            "CARGO_HOME",
            "CARGO_BUILD_JOBS",
            "RUSTFLAGS",
            "PATH",
        ] {
            assert!(!is_set_by_cargo_run(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn executables_are_read_from_cargos_messages() {
        let line =
            r#"{"reason":"compiler-artifact","target":{"name":"send","kind":["bin"]},"executable":"/t/debug/send"}"#;
        assert_eq!(
            executable(line),
            Some(("send".to_owned(), PathBuf::from("/t/debug/send")))
        );
        for other in [
            r#"{"reason":"compiler-artifact","target":{"name":"serde"},"executable":null}"#,
            r#"{"reason":"build-finished"}"#,
            "text",
        ] {
            assert_eq!(executable(other), None);
        }
    }
}
