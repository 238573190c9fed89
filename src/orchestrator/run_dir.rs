//! A folder of a run's own, readable by nobody else: removed at the run's end, or, after a kill, by the next start.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::after_panic::{self, Duty};
use crate::error::ExpectedError;

/// What the folders' names begin with.
const PREFIX: &str = "ci-healer-run-";
/// In each of them, locked for as long as its run lives. Unlike a process's number it is true in every namespace.
const ALIVE: &str = "alive";

/// The folder, and the mark that somebody uses it.
pub struct RunDir {
    dir: TempDir,
    _alive: File,
    _on_panic: Duty,
}

impl RunDir {
    /// Makes one, and removes those that dead runs left.
    pub fn new() -> Result<Self, ExpectedError> {
        let parent = std::env::temp_dir();
        sweep(&parent);
        Self::below(&parent).map_err(|e| {
            ExpectedError::environment(format!("cannot make a folder in {}: {e}", parent.display()))
        })
    }

    fn below(parent: &Path) -> std::io::Result<Self> {
        let ours_alone = fs::Permissions::from_mode(0o700);
        let dir = tempfile::Builder::new().prefix(PREFIX).permissions(ours_alone).tempdir_in(parent)?;
        // Under its name only once it is locked: another start may be looking.
        let new = dir.path().join("new");
        let alive = File::create(&new)?;
        alive.lock()?;
        fs::rename(&new, dir.path().join(ALIVE))?;
        let path = dir.path().to_owned();
        let on_panic = after_panic::duty(move || remove(&path));
        Ok(Self { dir, _alive: alive, _on_panic: on_panic })
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Removes it, also while a cancelled clone is still writing into it.
    pub fn remove(self) {
        remove(&self.dir.keep());
    }
}

fn remove(path: &Path) {
    let mut result = Ok(());
    for _ in 0..20 {
        result = fs::remove_dir_all(path);
        if !path.exists() {
            return;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    // The next start finds it.
    log::warn!("cannot remove {}: {result:?}", path.display());
}

/// Removes the folders of runs that are over, as far as they are this user's.
fn sweep(parent: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_one = entry.file_name().to_str().is_some_and(|n| n.starts_with(PREFIX));
        let path = entry.path();
        if is_one && fs::symlink_metadata(&path).is_ok_and(|m| m.is_dir() && m.uid() == user) {
            remove_if_dead(&path);
        }
    }
}

fn remove_if_dead(path: &PathBuf) {
    // Held until the folder is gone.
    let Ok(alive) = File::open(path.join(ALIVE)) else { return };
    if alive.try_lock().is_ok()
        && let Err(error) = fs::remove_dir_all(path)
    {
        log::info!("cannot remove {}: {error}", path.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_takes_the_dead_and_spares_the_living() {
        let parent = tempfile::tempdir().unwrap();
        let living = RunDir::below(parent.path()).unwrap();
        assert_eq!(fs::metadata(living.path()).unwrap().permissions().mode() & 0o777, 0o700);
        let RunDir { dir, _alive, _on_panic } = RunDir::below(parent.path()).unwrap();
        let dead = dir.keep();
        drop(_alive);
        fs::write(dead.join("clone"), "x").unwrap();
        let foreign = parent.path().join("ci-healer-run-not-ours");
        fs::create_dir(&foreign).unwrap();
        let target = parent.path().join("precious");
        fs::create_dir(&target).unwrap();
        fs::write(target.join(ALIVE), "").unwrap();
        std::os::unix::fs::symlink(&target, parent.path().join("ci-healer-run-link")).unwrap();

        sweep(parent.path());
        assert!(!dead.exists());
        assert!(living.path().exists(), "a live run's folder was taken");
        assert!(foreign.exists(), "what carries no mark is nobody's to remove");
        assert!(target.join(ALIVE).exists(), "a link was followed");
        let path = living.path().to_owned();
        living.remove();
        assert!(!path.exists());
    }
}
