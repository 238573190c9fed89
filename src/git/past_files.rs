//! Files as they were in other commits than the base.

use super::error::GitError;
use super::workspace::{Workspace, object_id};
use crate::contract::git::{CommitSha, RepoPath};

impl Workspace {
    /// The file at `path` in a commit that the clone knows, as far as it does; `None` where it has none.
    #[must_use]
    pub fn file_at(&self, commit: &CommitSha, path: &RepoPath) -> Option<Vec<u8>> {
        let known = self.imported.get(commit).cloned();
        let (commit, path) = (commit.clone(), path.as_str().to_owned());
        let read = self.store.with(move |repo| {
            let missing = |e: &dyn std::fmt::Display| GitError::repository("read an earlier file", e);
            let tree = match known {
                Some(tree) => object_id(&tree)?,
                None => repo
                    .find_commit(object_id(commit.as_str())?)
                    .and_then(|c| Ok(c.tree_id()?.detach()))
                    .map_err(|_| GitError::CommitMissing { commit: commit.clone() })?,
            };
            let mut tree = repo.find_tree(tree).map_err(|e| missing(&e))?;
            let entry = tree.peel_to_entry_by_path(&path).map_err(|e| missing(&e))?;
            let Some(entry) = entry.filter(|entry| entry.mode().is_blob()) else { return Ok(None) };
            let blob = entry.object().map_err(|e| missing(&e))?;
            Ok(Some(blob.detached().data))
        });
        read.ok().flatten()
    }
}
