//! The folder in the workspace that takes a run's files.
//!
//! Code of the repository has run in this workspace, so nothing in it is trusted: a link in the way is refused, files
//! are written beside their name and moved over it (never half-written, never through a link), and they belong to the
//! workspace's owner although we run as root.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use super::commands::random_token;
use crate::contract::git::RepoPath;

#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("report-dir {0:?} is not a relative path inside the workspace")]
    NotInside(String),
    #[error("report-dir: {path} is {what}, not a folder of its own; remove it or choose another report-dir")]
    InTheWay { path: String, what: &'static str },
    #[error("cannot write {path}: {source}")]
    Io { path: String, source: io::Error },
}

/// What the names of files begin with that are not whole yet; a token follows.
const TEMPORARY: &[&str] =
    &[".events.jsonl", ".results.json", ".summary.md", ".proof.json", ".fix.patch", ".room", "..gitignore"];

/// The report folder, checked and owned by the workspace's owner.
#[derive(Debug, Clone)]
pub struct Directory {
    path: PathBuf,
    owner: (u32, u32),
}

impl Directory {
    /// Opens it, and makes it where it is not there yet.
    pub fn open(workspace: &Path, report_dir: &str) -> Result<Self, ReportError> {
        let report_dir = report_dir.trim_end_matches('/');
        let relative =
            RepoPath::new(report_dir).map_err(|_| ReportError::NotInside(report_dir.to_owned()))?;
        if relative.as_str().split('/').next().is_some_and(|first| first.eq_ignore_ascii_case(".git")) {
            return Err(ReportError::NotInside(report_dir.to_owned()));
        }
        let owner = fs::metadata(workspace).map_err(|e| io_error(workspace, e))?;
        let owner = (owner.uid(), owner.gid());
        let mut path = workspace.to_owned();
        for part in relative.as_str().split('/') {
            path.push(part);
            match fs::symlink_metadata(&path) {
                Ok(found) if found.is_dir() => {}
                Ok(found) => {
                    let what = if found.is_symlink() { "a link" } else { "a file" };
                    return Err(ReportError::InTheWay { path: path.display().to_string(), what });
                }
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    fs::create_dir(&path).map_err(|e| io_error(&path, e))?;
                    give(&path, owner)?;
                }
                Err(e) => return Err(io_error(&path, e)),
            }
        }
        let dir = Self { path, owner };
        dir.remove_stale();
        dir.write(".gitignore", b"*\n")?;
        Ok(dir)
    }

    /// Opens a folder that the user named, wherever it lies, and makes it where it is not there yet. It is its owner's
    /// business whether git ignores it.
    pub fn open_anywhere(path: &Path) -> Result<Self, ReportError> {
        fs::create_dir_all(path).map_err(|e| io_error(path, e))?;
        let path = path.canonicalize().map_err(|e| io_error(path, e))?;
        let found = fs::metadata(&path).map_err(|e| io_error(&path, e))?;
        let dir = Self { path, owner: (found.uid(), found.gid()) };
        dir.remove_stale();
        Ok(dir)
    }

    /// Removes what an earlier run, killed in the middle of writing, left beside the files it wrote.
    fn remove_stale(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let is_ours = name.to_str().and_then(|n| n.rsplit_once('.')).is_some_and(|(stem, token)| {
                TEMPORARY.contains(&stem)
                    && token.len() == 33
                    && token.bytes().all(|b| b.is_ascii_alphanumeric())
            });
            if is_ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Whether there is room for a run's files: found out by writing, since quotas and limits are told by nothing else.
    pub fn check_room(&self) -> Result<(), ReportError> {
        const ROOM: usize = 1 << 20;
        let path = self.path.join(format!(".room.{}", random_token()));
        let written = fs::OpenOptions::new().write(true).create_new(true).open(&path).and_then(|mut file| {
            file.write_all(&vec![0; ROOM])?;
            file.sync_all()
        });
        let removed = fs::remove_file(&path);
        written.and(removed).map_err(|e| io_error(&self.path, e))
    }

    /// Opens a new file in the place of `name`, to be added to from now on. A link in its place is replaced, not followed.
    pub(super) fn create(&self, name: &str) -> Result<File, ReportError> {
        let target = self.path.join(name);
        let temporary = self.path.join(format!(".{name}.{}", random_token()));
        let result = (|| {
            let file = fs::OpenOptions::new().append(true).create_new(true).open(&temporary)?;
            give_io(&temporary, self.owner)?;
            fs::rename(&temporary, &target)?;
            Ok(file)
        })();
        result.map_err(|error| {
            let _ = fs::remove_file(&temporary);
            io_error(&target, error)
        })
    }

    /// Writes one file, whole or not at all.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), ReportError> {
        let target = self.path.join(name);
        let temporary = self.path.join(format!(".{name}.{}", random_token()));
        let result = (|| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).open(&temporary)?;
            file.write_all(bytes)?;
            file.sync_all()?;
            drop(file);
            give_io(&temporary, self.owner)?;
            fs::rename(&temporary, &target)
        })();
        if let Err(error) = result {
            // Best effort: the error that matters is the first one.
            let _ = fs::remove_file(&temporary);
            return Err(io_error(&target, error));
        }
        Ok(())
    }
}

fn io_error(path: &Path, source: io::Error) -> ReportError {
    ReportError::Io { path: path.display().to_string(), source }
}

fn give(path: &Path, owner: (u32, u32)) -> Result<(), ReportError> {
    give_io(path, owner).map_err(|e| io_error(path, e))
}

/// Hands a new file to the workspace's owner. Without the right to (outside of containers), it stays ours.
fn give_io(path: &Path, owner: (u32, u32)) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if (found.uid(), found.gid()) == owner {
        return Ok(());
    }
    match chown(path, Some(owner.0), Some(owner.1)) {
        Err(e) if e.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        result => result,
    }
}
