//! `cargo run -- --watch`: builds the functions anew when their sources change.
//!
//! Connections, Redis and the platform stay. Only the functions' processes are replaced, each when it is idle. The old
//! functions serve on until a build succeeds, also in new processes. For this they run from links of their own, and not from
//! the folder to which cargo writes.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use tempfile::TempDir;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use super::{
    build::{self, Executables},
    settings::Folders,
};
use crate::{
    lambda::Lambda,
    machine::{guard::Guard, logs},
};

/// How long the sources must stay unchanged before a build begins: an editor writes several files, and some of them twice.
const QUIET: Duration = Duration::from_millis(200);

/// Why sources can't be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The system doesn't report changes.
    #[error("can't watch the sources of the functions")]
    Notify(#[from] notify::Error),
    /// A folder of links can't be made.
    #[error("can't keep the functions that were built")]
    Keep(#[from] io::Error),
}

/// Links to the functions that were built. The next build does not change them.
#[derive(Debug)]
pub struct Kept {
    folder: TempDir,
    /// Where each is now.
    pub executables: Executables,
}

impl Kept {
    /// Makes a folder in `state` with links to `built`. The guard removes it if nobody else does.
    ///
    /// # Errors
    /// What the system says when a link can't be made.
    pub fn new(built: &Executables, state: &Path, guard: &Guard) -> io::Result<Self> {
        fs::create_dir_all(state)?;
        let folder = TempDir::with_prefix_in("functions-", state)?;
        guard.remove(folder.path());
        let mut executables = BTreeMap::new();
        for (name, path) in built {
            let link = folder.path().join(name);
            // A hard link can't lead to another file system.
            if fs::hard_link(path, &link).is_err() {
                fs::copy(path, &link)?;
            }
            executables.insert(name.clone(), link);
        }
        Ok(Self { folder, executables })
    }
}

/// Watched sources. Dropping it ends the watching.
#[derive(Debug)]
pub struct Watch {
    _watcher: RecommendedWatcher,
    building: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.building.abort();
    }
}

/// What is built, and for whom.
#[derive(Debug)]
pub struct Project {
    /// The workspace and its template.
    pub folders: Folders,
    /// The binary of each function, by the name under which [`Lambda`] knows it.
    pub binaries: BTreeMap<String, String>,
    /// Who runs them.
    pub lambda: Arc<Lambda>,
    /// Who removes what is kept.
    pub guard: Arc<Guard>,
}

impl Watch {
    /// Begins to watch the sources of `project`, whose functions are now `kept`.
    ///
    /// # Errors
    /// [`WatchError`], when the system doesn't report changes.
    pub fn start(project: Project, kept: Kept) -> Result<Self, WatchError> {
        let (sender, changes) = mpsc::unbounded_channel();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // A build reads the sources. Reading must not start the next build.
            if let Ok(event) = event
                && !event.kind.is_access()
            {
                // When nobody listens any more, the stack is stopping.
                event.paths.into_iter().try_for_each(|path| sender.send(path)).ok();
            }
        })?;
        let root = fs::canonicalize(&project.folders.root)?;
        watcher.watch(&root, RecursiveMode::NonRecursive)?;
        for entry in fs::read_dir(&root)? {
            let path = entry?.path();
            if path.is_dir() && !is_left_alone(&path) {
                watcher.watch(&path, RecursiveMode::Recursive)?;
            }
        }
        let building = tokio::spawn(build_again(project, kept, changes));
        Ok(Self {
            _watcher: watcher,
            building,
        })
    }
}

/// What editors, git and cargo write beside sources.
fn is_left_alone(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with('.') || name.ends_with('~') || name == "target"
}

async fn build_again(project: Project, kept: Kept, mut changes: mpsc::UnboundedReceiver<PathBuf>) {
    let binaries: Vec<&str> = project.binaries.values().map(String::as_str).collect();
    let template = project.folders.template.file_name();
    // The links of the build before stay too: a process may just be starting from them.
    let mut generations = (None, kept);
    while let Some(first) = changes.recv().await {
        let mut paths = vec![first];
        while let Ok(Some(path)) = timeout(QUIET, changes.recv()).await {
            paths.push(path);
        }
        paths.retain(|path| !is_left_alone(path));
        if paths.iter().any(|path| path.file_name() == template) {
            logs::stack("the template has changed: start again to use it");
        }
        if paths.iter().all(|path| path.file_name() == template) {
            continue;
        }
        logs::stack("building the functions again");
        let built = match build::build(&project.folders.root, &binaries).await {
            Ok(built) => built,
            Err(error) => {
                logs::stack(format_args!("{error}; the ones before serve on"));
                continue;
            }
        };
        match Kept::new(&built, &project.folders.state(), &project.guard) {
            Ok(kept) => {
                let executables = project.binaries.iter().filter_map(|(name, binary)| {
                    let path = kept.executables.get(binary)?;
                    Some((name.clone(), path.clone()))
                });
                project.lambda.replace(&executables.collect());
                generations = (Some(generations.1.folder), kept);
                logs::stack("the new functions serve");
            }
            Err(error) => logs::stack(format_args!("can't keep the functions that were built: {error}")),
        }
    }
    drop(generations);
}
