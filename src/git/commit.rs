//! Changes → tree → commit, from the parent's tree plus the changes alone; never from a worktree or an index.

use gix::bstr::{BString, ByteSlice};
use gix::objs::tree::EntryKind;

use super::apply_patch::apply_patch;
use super::error::GitError;
use super::workspace::{Workspace, object_id, sha};
use crate::contract::fix::FileChange;
use crate::contract::git::{
    Blob, CommitSha, FileMode, Identity, PreparedCommit, RemoteObjects, RepoPath, TreeChange,
};

/// One commit to make.
#[derive(Debug, Clone)]
pub struct CommitRequest {
    pub message: String,
    pub changes: Vec<FileChange>,
}

impl Workspace {
    /// Builds commits one upon the other, the first upon `parent`. `time` is in seconds since 1970.
    ///
    /// Where the parent's file is another than the one a change was made for, the change is carried over line by line,
    /// or the whole fails with [`GitError::DoesNotApply`].
    pub fn prepare(
        &self,
        parent: &CommitSha,
        requests: &[CommitRequest],
        author: &Identity,
        time: u64,
    ) -> Result<Vec<PreparedCommit>, GitError> {
        for change in requests.iter().flat_map(|r| &r.changes) {
            check_path(&change.path)?;
        }
        let known = self.imported.get(parent).cloned();
        let (parent, requests, author) = (parent.clone(), requests.to_vec(), author.clone());
        self.store.with(move |repo| {
            let mut tree = match known {
                Some(tree) => object_id(&tree)?,
                None => repo
                    .find_commit(object_id(parent.as_str())?)
                    .and_then(|c| Ok(c.tree_id()?.detach()))
                    .map_err(|_| GitError::CommitMissing { commit: parent.clone() })?,
            };
            let mut parent = parent;
            let mut prepared = Vec::with_capacity(requests.len());
            for request in &requests {
                let (next, entries) = build_tree(repo, tree, &request.changes)?;
                let id = write_commit(
                    repo,
                    &author,
                    time,
                    &request.message,
                    next,
                    Some(object_id(parent.as_str())?),
                )?;
                let commit = sha(id)?;
                prepared.push(PreparedCommit {
                    parent: std::mem::replace(&mut parent, commit.clone()),
                    base_tree: tree.to_string(),
                    tree: next.to_string(),
                    commit,
                    message: request.message.clone(),
                    author: author.clone(),
                    entries,
                });
                tree = next;
            }
            Ok(prepared)
        })
    }
}

/// What a heal never changes, whatever the gates said: git's own files and the workflows that run it.
pub(super) fn check_path(path: &RepoPath) -> Result<(), GitError> {
    let lower = path.as_str().to_ascii_lowercase();
    let why = if lower.split('/').any(|part| part == ".git") {
        "it belongs to git"
    } else if lower == ".gitmodules" {
        "it decides where submodules come from"
    } else if lower.starts_with(".github/") {
        "it decides what CI runs"
    } else {
        return Ok(());
    };
    Err(GitError::Protected { path: path.clone(), why })
}

pub(super) fn build_tree(
    repo: &gix::Repository,
    base: gix::ObjectId,
    changes: &[FileChange],
) -> Result<(gix::ObjectId, Vec<TreeChange>), GitError> {
    let root = repo.find_tree(base).map_err(|e| GitError::repository("read the parent's tree", &e))?;
    let mut editor = root.edit().map_err(|e| GitError::repository("edit the parent's tree", &e))?;
    let mut entries = Vec::with_capacity(changes.len());
    for change in changes {
        let failed = |e: gix::Error| GitError::repository(format!("change {}", change.path), &e);
        let there = find_file(repo, base, &change.path)?;
        let (mode, content) = resolve_change(change, there.as_ref())?;
        let blob = match content {
            None => {
                editor.remove(change.path.as_str()).map_err(failed)?;
                None
            }
            Some(bytes) => {
                let id = repo.write_blob(&bytes).map_err(failed)?.detach();
                editor.upsert(change.path.as_str(), entry_kind(mode), id).map_err(failed)?;
                Some(Blob { id: id.to_string(), bytes })
            }
        };
        entries.push(TreeChange { path: change.path.clone(), mode, blob });
    }
    let tree = editor.write().map_err(|e| GitError::repository("write the tree", &e))?.detach();
    if tree == base {
        return Err(GitError::NoChange);
    }
    Ok((tree, entries))
}

/// Mode and content after the change, from what the parent has at that path.
fn resolve_change(
    change: &FileChange,
    there: Option<&(FileMode, Vec<u8>)>,
) -> Result<(FileMode, Option<Vec<u8>>), GitError> {
    let refuse = |why: &str| Err(GitError::DoesNotApply { path: change.path.clone(), why: why.to_owned() });
    match (there, &change.before, &change.after) {
        (Some((FileMode::Symlink | FileMode::Submodule, _)), ..) => refuse("it is a link there"),
        (None, None, None) => refuse("there is nothing to change"),
        (None, None, Some(after)) => Ok((FileMode::Regular, Some(after.clone().into_bytes()))),
        (None, Some(_), _) => refuse("it does not exist there"),
        (Some((mode, now)), None, Some(after)) if now == after.as_bytes() => {
            Ok((*mode, Some(after.clone().into_bytes())))
        }
        (Some(_), None, _) => refuse("it already exists there"),
        (Some((mode, now)), Some(before), None) if now == before.as_bytes() => Ok((*mode, None)),
        (Some(_), Some(_), None) => refuse("its content is another there"),
        (Some((mode, now)), Some(before), Some(after)) => {
            let Ok(now) = std::str::from_utf8(now) else { return refuse("it is no text there") };
            match apply_patch(before, after, now) {
                Ok(text) => Ok((*mode, Some(text.into_bytes()))),
                Err(why) => refuse(&why),
            }
        }
    }
}

/// A file of a tree of which perhaps only the directories on the way are known.
fn find_file(
    repo: &gix::Repository,
    root: gix::ObjectId,
    path: &RepoPath,
) -> Result<Option<(FileMode, Vec<u8>)>, GitError> {
    let failed = |e: gix::Error| GitError::repository(format!("read {path}"), &e);
    let mut here = root;
    let mut parts = path.as_str().split('/').peekable();
    while let Some(part) = parts.next() {
        let tree = repo.find_tree(here).map_err(failed)?;
        let decoded = tree.decode().map_err(failed)?;
        let Some(entry) = decoded.entries.iter().find(|e| e.filename.as_bytes() == part.as_bytes()) else {
            return Ok(None);
        };
        let id = entry.oid.to_owned();
        let kind = entry.mode.kind();
        match (kind, parts.peek().is_some()) {
            (EntryKind::Tree, true) => here = id,
            (EntryKind::Tree, false) | (_, true) => {
                return Err(GitError::DoesNotApply {
                    path: path.clone(),
                    why: "a file there has the name of a directory here".to_owned(),
                });
            }
            (EntryKind::Commit, false) => return Ok(Some((FileMode::Submodule, Vec::new()))),
            (kind, false) => {
                let bytes = repo.find_object(id).map_err(failed)?.detach().data;
                let mode = match kind {
                    EntryKind::BlobExecutable => FileMode::Executable,
                    EntryKind::Link => FileMode::Symlink,
                    _ => FileMode::Regular,
                };
                return Ok(Some((mode, bytes)));
            }
        }
    }
    Ok(None)
}

pub(super) fn entry_kind(mode: FileMode) -> EntryKind {
    match mode {
        FileMode::Regular => EntryKind::Blob,
        FileMode::Executable => EntryKind::BlobExecutable,
        FileMode::Symlink => EntryKind::Link,
        FileMode::Submodule => EntryKind::Commit,
    }
}

pub(super) fn write_commit(
    repo: &gix::Repository,
    author: &Identity,
    time: u64,
    message: &str,
    tree: gix::ObjectId,
    parents: impl IntoIterator<Item = gix::ObjectId>,
) -> Result<gix::ObjectId, GitError> {
    let time = format!("{time} +0000");
    let signature = gix::actor::SignatureRef {
        name: author.name.as_str().into(),
        email: author.email.as_str().into(),
        time: &time,
    };
    repo.new_commit_as(signature, signature, message, tree, parents)
        .map(|c| c.id)
        .map_err(|e| GitError::repository("write the commit", &e))
}

/// Writes what another place says it holds; an object whose content does not have the claimed name is refused.
pub(super) fn import(repo: &gix::Repository, objects: &RemoteObjects) -> Result<(), GitError> {
    let check = |claimed: &str, got: gix::ObjectId| {
        if object_id(claimed)? == got {
            Ok(())
        } else {
            Err(GitError::Repository {
                what: format!("take over object {claimed}"),
                why: format!("its content is that of {got}"),
            })
        }
    };
    for tree in &objects.trees {
        let mut entries = Vec::with_capacity(tree.entries.len());
        for entry in &tree.entries {
            let mode = u32::from_str_radix(&entry.mode, 8)
                .ok()
                .and_then(|mode| gix::objs::tree::EntryMode::try_from(mode).ok())
                .ok_or_else(|| GitError::Repository {
                    what: format!("take over {}", entry.name),
                    why: format!("mode {:?} is unknown", entry.mode),
                })?;
            entries.push(gix::objs::tree::Entry {
                mode,
                filename: BString::from(entry.name.as_str()),
                oid: object_id(&entry.id)?,
            });
        }
        entries.sort();
        let written = repo
            .write_object(gix::objs::Tree { entries })
            .map_err(|e| GitError::repository("take over a directory", &e))?;
        check(&tree.id, written.detach())?;
    }
    for blob in &objects.blobs {
        let written =
            repo.write_blob(&blob.bytes).map_err(|e| GitError::repository("take over a file", &e))?;
        check(&blob.id, written.detach())?;
    }
    Ok(())
}
