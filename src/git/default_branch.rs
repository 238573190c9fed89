//! Single files of the default branch, as far as a clone knows it.

use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;
use gix::objs::tree::EntryKind;

use super::error::GitError;
use crate::contract::git::RepoPath;
use crate::scope::Scope;

/// What a clone holds of the branch that its origin calls the default; of its own `HEAD` where it does not know that.
#[derive(Debug, Clone)]
pub struct DefaultBranch {
    /// The clone; only read.
    root: PathBuf,
}

impl DefaultBranch {
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self { root: root.to_owned() }
    }

    /// A plain file's content; `None` where there is none of that name, or something else: a link leads nowhere. A file of
    /// more than `most` bytes is cut off.
    ///
    /// # Errors
    ///
    /// Where the repository cannot be read.
    pub async fn read(
        &self,
        path: &RepoPath,
        most: usize,
        scope: &Scope,
    ) -> Result<Option<Vec<u8>>, GitError> {
        let (root, path) = (self.root.clone(), path.clone());
        scope.blocking("reading the default branch", move || read(&root, &path, most)).await?
    }
}

fn read(root: &Path, path: &RepoPath, most: usize) -> Result<Option<Vec<u8>>, GitError> {
    // A folder without a repository has no default branch.
    let Ok(repository) = gix::open_opts(root, gix::open::Options::isolated()) else { return Ok(None) };
    let failed = |what: &str, error: &dyn std::fmt::Display| GitError::repository(what, error);
    let named = repository.try_find_reference("refs/remotes/origin/HEAD").ok().flatten();
    let commit = match named.and_then(|mut reference| reference.peel_to_id().ok().map(gix::Id::detach)) {
        Some(id) => id,
        None => match repository.head_id() {
            Ok(id) => id.detach(),
            // Nothing is committed yet.
            Err(_) => return Ok(None),
        },
    };
    let commit =
        repository.find_commit(commit).map_err(|e| failed("read the default branch's commit", &e))?;
    let tree = commit.tree().map_err(|e| failed("read the default branch's tree", &e))?;
    let entry = tree
        .lookup_entry_by_path(path.as_str().as_bytes().to_path_lossy())
        .map_err(|e| failed("look into the default branch", &e))?;
    let Some(entry) = entry else { return Ok(None) };
    if !matches!(entry.mode().kind(), EntryKind::Blob | EntryKind::BlobExecutable) {
        return Ok(None);
    }
    let mut bytes =
        entry.object().map_err(|e| failed("read a file of the default branch", &e))?.detach().data;
    bytes.truncate(most);
    Ok(Some(bytes))
}
