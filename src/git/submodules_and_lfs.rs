//! What CI had in its workspace beside the commit's own files: checked-out submodules and files kept in Git LFS.
//!
//! Both are read so that the sandbox builds what CI built; neither is ever edited, and no commit holds more of them than
//! it held before. Nothing is downloaded: what the checkout does not have, CI did not have either.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::error::GitError;
use super::object_store_copy;
use super::store::Store;
use super::workspace::{list_files, object_id};
use super::worktree_status;
use crate::contract::git::{FileMode, RepoPath, TreeFile};
use crate::scope::Scope;

/// Submodules inside submodules are followed this far.
const MAX_DEPTH: usize = 4;
/// A pointer is three short lines.
const MAX_POINTER: usize = 1024;

#[derive(Debug)]
pub(super) struct SubmodulesAndLfs {
    scope: Scope,
    stores: Vec<Store>,
    /// Files of submodules by their path in the workspace: which store, which blob.
    blobs: BTreeMap<RepoPath, (usize, String)>,
    /// Where the files behind pointers lie; `None` where the repository does not use LFS.
    lfs: Option<PathBuf>,
    pub(super) files: Vec<TreeFile>,
}

impl SubmodulesAndLfs {
    /// None yet. What is taken up later is read within `scope`.
    pub(super) fn new(scope: &Scope) -> Self {
        Self {
            scope: scope.clone(),
            stores: Vec::new(),
            blobs: BTreeMap::new(),
            lfs: None,
            files: Vec::new(),
        }
    }

    /// The same files, for another commit that names the same submodules.
    pub(super) fn share(&self) -> Self {
        Self {
            scope: self.scope.clone(),
            stores: self.stores.iter().map(Store::share).collect(),
            blobs: self.blobs.clone(),
            lfs: self.lfs.clone(),
            files: self.files.clone(),
        }
    }

    /// Everything is read within `scope` from now on.
    pub(super) fn set_scope(&mut self, scope: &Scope) {
        self.scope = scope.clone();
        for store in &mut self.stores {
            store.set_scope(scope);
        }
    }

    /// Takes up the submodules of `files` that `worktree` has checked out at the commit's own state.
    pub(super) fn add_submodules(
        &mut self,
        files: &[TreeFile],
        worktree: &Path,
        place: &Path,
        notes: &mut Vec<String>,
    ) {
        self.add_nested(files, "", worktree, place, 0, notes);
        self.files.sort_by(|a, b| a.path.cmp(&b.path));
    }

    fn add_nested(
        &mut self,
        files: &[TreeFile],
        prefix: &str,
        worktree: &Path,
        place: &Path,
        depth: usize,
        notes: &mut Vec<String>,
    ) {
        for link in files.iter().filter(|f| f.mode == FileMode::Submodule) {
            let at = link.path.as_str().strip_prefix(prefix).unwrap_or(link.path.as_str());
            let root = worktree.join(at);
            if depth >= MAX_DEPTH || std::fs::symlink_metadata(root.join(".git")).is_err() {
                continue;
            }
            match self.add_one(link, &root, place) {
                Ok(inner) => {
                    let prefix = format!("{}/", link.path);
                    self.files.extend(inner.iter().cloned());
                    self.add_nested(&inner, &prefix, &root, place, depth + 1, notes);
                }
                Err(error) => notes.push(format!("submodule {} is left out: {error}", link.path)),
            }
        }
    }

    fn add_one(&mut self, link: &TreeFile, root: &Path, place: &Path) -> Result<Vec<TreeFile>, GitError> {
        let missing = || GitError::Source { path: root.to_owned(), why: "there is no repository".to_owned() };
        let layout = object_store_copy::locate(root)?.ok_or_else(missing)?;
        let number = self.stores.len();
        let git_dir = place.join("submodules").join(number.to_string());
        object_store_copy::copy(&layout, object_store_copy::format(&layout)?, &git_dir)?;
        let store = Store::open(&git_dir, &self.scope)?;
        let commit = object_id(&link.id)?;
        let (inner, _) = store.with(move |repo| {
            let tree = repo
                .find_commit(commit)
                .and_then(|c| Ok(c.tree_id()?.detach()))
                .map_err(|e| GitError::repository("find its commit", &e))?;
            list_files(repo, tree)
        })?;
        self.stores.push(store);
        let mut files = Vec::with_capacity(inner.len());
        for file in inner {
            let Ok(path) = RepoPath::new(&format!("{}/{}", link.path, file.path)) else { continue };
            self.blobs.insert(path.clone(), (number, file.id.clone()));
            files.push(TreeFile { path, ..file });
        }
        Ok(files)
    }

    /// Looks for files behind pointers in `worktree` from now on.
    pub(super) fn use_lfs(&mut self, worktree: &Path) {
        self.lfs = Some(worktree.to_owned());
    }

    /// A submodule's file.
    pub(super) fn read(&self, path: &RepoPath) -> Option<Vec<u8>> {
        let (number, id) = self.blobs.get(path)?;
        let id = object_id(id).ok()?;
        let store = self.stores.get(*number)?;
        store
            .with(move |repo| {
                repo.find_object(id).map(|o| o.detach().data).map_err(|e| GitError::repository("read", &e))
            })
            .ok()
    }

    pub(super) fn is_submodules(&self, path: &RepoPath) -> bool {
        self.blobs.contains_key(path)
    }

    /// The file that a pointer stands for, if the checkout has exactly that. Read on the store's thread, within its bounds.
    pub(super) fn lfs_content(
        &self,
        store: &Store,
        path: &RepoPath,
        content: &[u8],
    ) -> Result<Option<Vec<u8>>, GitError> {
        let (Some(root), Some((digest, size))) = (self.lfs.clone(), pointer(content)) else {
            return Ok(None);
        };
        let path = path.clone();
        store.with(move |_| {
            let same = |bytes: &Vec<u8>| bytes.len() as u64 == size && hex(&Sha256::digest(bytes)) == digest;
            Ok(worktree_status::content(&root, &path).filter(same))
        })
    }

    /// As [`Self::lfs_content`], for files too large to hold: read once for the digest, and then again by the caller.
    pub(super) fn open_lfs(
        &self,
        store: &Store,
        path: &RepoPath,
        content: &[u8],
    ) -> Result<Option<(u64, File)>, GitError> {
        let (Some(root), Some((digest, size))) = (self.lfs.clone(), pointer(content)) else {
            return Ok(None);
        };
        let path = path.clone();
        store.with(move |_| Ok(open_same(&root, &path, &digest, size).map(|file| (size, file))))
    }
}

/// A file of the checkout, if it has this digest and size.
fn open_same(root: &Path, path: &RepoPath, digest: &str, size: u64) -> Option<File> {
    let mut file = worktree_status::open(root, path)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; 256 << 10];
    let mut read = 0;
    loop {
        match file.read(&mut piece).ok()? {
            0 => break,
            count => {
                hasher.update(&piece[..count]);
                read += count as u64;
            }
        }
    }
    file.rewind().ok()?;
    (read == size && hex(&hasher.finalize()) == digest).then_some(file)
}

/// Does a `.gitattributes` send files through LFS?
pub(super) fn mentions_lfs(attributes: &[u8]) -> bool {
    String::from_utf8_lossy(attributes).contains("filter=lfs")
}

/// The digest and size in a pointer file.
fn pointer(content: &[u8]) -> Option<(String, u64)> {
    if content.len() > MAX_POINTER {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    if !text.starts_with("version https://git-lfs.github.com/spec/") {
        return None;
    }
    let value = |key: &str| text.lines().find_map(|l| l.strip_prefix(key));
    Some((value("oid sha256:")?.to_owned(), value("size ")?.parse().ok()?))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers() {
        let text = "version https://git-lfs.github.com/spec/v1\noid sha256:abc\nsize 12\n";
        assert_eq!(pointer(text.as_bytes()), Some(("abc".to_owned(), 12)));
        assert_eq!(pointer(b"version 2\n"), None);
        assert_eq!(pointer(&[0xff; 20]), None);
    }
}
